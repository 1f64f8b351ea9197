/*
 * holders: who keeps the live bytes, as facts. Part of a snapshot.
 */
#ifndef INSPECTOR_HOLDERS_HOLDERS_H
#define INSPECTOR_HOLDERS_HOLDERS_H

#include "base/raddr.h"
#include "base/vec.h"
#include "inspector/maybe.h"

#include <stdbool.h>

enum holder_kind {
	HOLDER_MODULE_GLOBAL,
	HOLDER_FRAME_LOCAL,
	HOLDER_CLASS_ATTRIBUTE,
	HOLDER_STATIC, /* data of a mapped file: an extension's, or the interpreter's own tables */
	HOLDER_THREAD, /* a thread's or interpreter's state, a C stack */
	HOLDER_UNKNOWN,
};

const char *holder_kind_name(enum holder_kind kind); /* "module_global" */

/* One line: root first. */
struct holder_chain {
	enum holder_kind kind;
	VEC(char *) links;     /* owned, foreign: "app.CACHE", "dict", "app.Session" */
	uint64_t count, bytes; /* of what hangs at its end, all it alone owns included */
};

struct holder_type {
	char *type; /* owned, foreign */
	uint64_t count, bytes;
};

struct holder_root {
	enum holder_kind kind;
	char *name;      /* owned, foreign */
	char *container; /* of the heaviest few: through which nearly all of it hangs, "app.STATE.cache"; owned, foreign; NULL: none is
	                    nearer, or it has no name */
	uint64_t count, bytes; /* charged to it, small and large */
	/* What pins_make() adds, 0 and NULL until then: resident bytes that would go back without it, and what it has many
	 * of, with what hangs on these alone; owned, foreign. */
	uint64_t returned;
	char *many;
	uint64_t many_count, many_bytes;
	VEC(struct holder_type) types;   /* the largest few, most bytes first */
	VEC(struct holder_chain) chains; /* the largest few */
};

struct holder_sizes {
	uint64_t size; /* bytes of a chunk */
	uint64_t count;
};

struct holder_referrer {
	raddr at;   /* of the object or buffer that refers */
	char *type; /* owned, foreign: "dict", "list items", "libfoo.so: cache" */
	char *how;  /* owned, foreign: "attribute name", "[3]"; NULL: not known */
};

struct holder_referrers {
	VEC(struct holder_referrer) list;
	uint64_t n_all; /* all that were met */
};

struct holders {
	bool filled;
	bool complete;
	uint64_t reached_bytes, reached_count; /* sum of roots */
	VEC(struct holder_root)
	roots; /* most bytes first; the rest folded into one of HOLDER_UNKNOWN, named "others" */
	/* What nothing reaches. Disjoint. */
	struct holder_type
		garbage; /* cycles that wait for the collector; type: the most frequent */
	VEC(struct holder_type) garbage_types;
	struct holder_type
		frozen; /* cycles that gc.freeze() has put aside, and what they hold: no collection frees it */
	VEC(struct holder_type) frozen_types;
	struct maybe gc_enabled; /* 1, 0 */
	struct holder_type
		leaked; /* objects with more references than pointers to them, reached by nothing */
	VEC(struct holder_type) leaked_types;
	uint64_t unreached_count,
		unreached_bytes; /* other blocks: of the moment, immortal, or held by what cannot be seen */
	uint64_t lost_count, lost_bytes;     /* chunks of malloc that nothing points to */
	VEC(struct holder_sizes) lost_sizes; /* most bytes first, the largest few */
	char *lost_library; /* that the first words of most of them point into; owned, foreign; NULL: none */
	uint64_t native_count,
		native_bytes; /* chunks that are reached and are no Python objects or their buffers */
	uint64_t immortal_count, immortal_bytes, interned_count, interned_bytes;
};

void holder_chain_fini(struct holder_chain *chain);
void holder_referrers_fini(struct holder_referrers *referrers);
void holders_fini(struct holders *holders);

#endif
