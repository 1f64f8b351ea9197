/*
 * redact_ground: what a mapped address may hold, and whether a word is one.
 */
#ifndef INSPECTOR_SAVE_REDACT_GROUND_H
#define INSPECTOR_SAVE_REDACT_GROUND_H

#include "inspector/mimalloc/mimalloc_image.h"
#include "inspector/target/space.h"
#include "symbols/elf/elf_image.h"

enum ground {
	GROUND_WORDS, /* pointers may be kept, nothing else: stacks, data of objects, the unknown */
	GROUND_KEEP,  /* all of it: constants of objects, data of the interpreter and of libc */
	GROUND_SEGMENT, /* mimalloc's, in use when it was looked for */
	GROUND_BRK,     /* malloc's main heap */
	GROUND_HEAP,    /* malloc's heap of other threads */
	GROUND_ANON,    /* anonymous memory, where malloc may have mapped large blocks */
};

struct ground_range {
	uint64_t start, end;
	enum ground ground;
	bool executable, of_object; /* of a file that is mapped */
};

struct grounds {
	VEC(struct ground_range) list; /* ascending, disjoint: readable regions, cut where needed */
	uint64_t lowest, span;
	size_t hot; /* where the last address was */
};

/* image: of the interpreter's module. mimalloc: whose segments hold nothing of malloc's; NULL: there are none.
 * ERROR_RESOURCE. */
struct error *grounds_find(struct space *space, const struct elf_image *image,
			   const struct mimalloc_image *mimalloc, struct grounds *ret) MUST_CHECK;
void grounds_fini(struct grounds *grounds);

/* The first range that ends above `at`; the count if none. */
size_t grounds_above(const struct grounds *grounds, uint64_t at);

/* The range that holds a value taken as an address; NULL: it is none. */
const struct ground_range *grounds_of(struct grounds *grounds, uint64_t value);

/* What stands there now; nobody who listens to the space hears of it. False: it is not mapped, or gone. */
bool grounds_read(struct grounds *grounds, struct space *space, raddr at, void *to, size_t size);

#endif
