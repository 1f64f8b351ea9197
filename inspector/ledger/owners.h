/*
 * owners: the library into whose anonymous memory its own variables point.
 */
#ifndef INSPECTOR_LEDGER_OWNERS_H
#define INSPECTOR_LEDGER_OWNERS_H

#include "inspector/ledger/objects.h"
#include "inspector/target/residency/residency.h"
#include "inspector/target/space.h"

/* Anonymous memory that nothing else tells of. */
struct ownerless {
	raddr start;
	uint64_t size;
	size_t object; /* index in objects; OWNER_NONE, OWNER_SEVERAL */
};

#define OWNER_NONE    SIZE_MAX
#define OWNER_SEVERAL (SIZE_MAX - 1)

/*
 * Looks at every word of the objects' variables that is resident, and notes for each range (ascending, disjoint) whose
 * words lead into it. The C library and its loader are not asked: they know of everybody's memory. At most 64 MiB are
 * read. residency: NULL: all that can be read. ERROR_GONE, ERROR_RESOURCE.
 */
struct error *owners_find(struct space *space, const struct residency *residency,
			  const struct objects *objects, struct ownerless *ranges,
			  size_t n) MUST_CHECK;

#endif
