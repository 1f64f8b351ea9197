/*
 * fork_copies: how the private pages of a forked worker differ from its parent's.
 */
#ifndef INSPECTOR_VERDICT_FORK_COPIES_H
#define INSPECTOR_VERDICT_FORK_COPIES_H

#include "inspector/target/residency/residency.h"
#include "inspector/target/space.h"
#include "inspector/verdict/verdict.h"

/* Two processes that have the same program mapped at the same address, all borrowed. */
struct fork_copies_request {
	struct space *child, *parent;
	const struct residency *residency; /* the child's, in detail */
	int parent_pid;
	uint64_t ob_type; /* bytes from an object's start to its type: 8, without the GIL 24 */
	uint64_t
		gc_size; /* of what the collector puts before an object; 0: not known, or nothing */
	uint64_t max_compared; /* bytes: of more a sample is compared */
};

/* Whether a module of the child lies at the same place in the parent: then neither executed another program since the
 * fork. at: anywhere in that module. */
bool fork_copies_related(const struct space *child, const struct space *parent, raddr at);

/*
 * Compares each private, anonymous page of the child that is in RAM with the page at the same address in the parent, as
 * far as that is in RAM, too; pages without such a one are the child's own and no copies. Reads nothing that
 * is not present; the parent's space must know what is (space_has_residency). ERROR_RESOURCE; whatever cannot be read (the parent ended) is left out.
 */
struct error *fork_copies_compare(const struct fork_copies_request *request,
				  struct fork_copies *ret) MUST_CHECK;

/* How n words differ; n_known, at least as many, can be looked at: an object may begin behind what stands before it. */
enum page_change { PAGE_IDENTICAL, PAGE_REFCOUNTS, PAGE_GC_LINKS, PAGE_CHANGED };
enum page_change fork_copies_page(const uint64_t *mine, const uint64_t *its, size_t n,
				  size_t n_known, const struct fork_copies_request *request);

#endif
