/*
 * ledger_fill: from mappings, pages and claims to the ledger.
 */
#ifndef INSPECTOR_LEDGER_LEDGER_FILL_H
#define INSPECTOR_LEDGER_LEDGER_FILL_H

#include "base/error.h"
#include "inspector/ledger/claims.h"
#include "inspector/ledger/extents.h"
#include "inspector/ledger/ledger.h"
#include "inspector/target/account.h"
#include "inspector/target/space.h"
#include "inspector/target/threads.h"
#include "symbols/elf/elf_image.h"

/* What earlier looks have learnt, for those that repeat. */
struct ledger_memory {
	struct extents owned; /* of anon.owned, sorted */
	bool has_owned;
	unsigned looks; /* since owners were last sought */
};

#define LEDGER_MEMORY_EMPTY ((struct ledger_memory){0})

void ledger_memory_fini(struct ledger_memory *memory);

/* All borrowed. */
struct ledger_request {
	struct space *space;
	const struct residency *residency; /* in detail, of all mappings; NULL: not known */
	const struct account *account;
	const struct threads *threads;
	pid_t pid;
	const struct claims *claims; /* sorted; of pymalloc, mimalloc, malloc in that order */
	const struct extents
		*extents; /* what else was told, as frames of Python: before all that is
	                                  * found here, which may be whole mappings; or NULL */
	const struct elf_image *runtime; /* the interpreter's module */
	const char *
		allocator; /* path of the library that serves malloc, where it is not the C library; or NULL */
	struct ledger_memory *memory; /* of repeated looks; NULL: there will be no other */
};

/*
 * Fills *ret: every byte of the space's mappings is charged to one leaf: to that which a claim says, else an extent of the
 * request, else one that is found, else the mapping. Claims whose tallies do not make up their range's are corrected by the difference. ERROR_GONE, ERROR_RESOURCE.
 */
struct error *ledger_fill(const struct ledger_request *request, struct ledger *ret) MUST_CHECK;

/* The library that serves malloc in place of the C library, by the name of what is mapped to be executed: jemalloc,
 * tcmalloc, mimalloc, musl. Borrowed from the space; NULL: none. */
const char *ledger_find_allocator(const struct space *space);

#endif
