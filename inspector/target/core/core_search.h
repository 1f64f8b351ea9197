/*
 * core_search: where the files of a core's process may lie now.
 */
#ifndef INSPECTOR_TARGET_CORE_SEARCH_H
#define INSPECTOR_TARGET_CORE_SEARCH_H

#include "inspector/target/core/core.h"
#include "inspector/target/origin.h"

struct core_search {
	const char *exe;  /* borrowed; NULL: not given */
	const char *root; /* the name of sysroot, borrowed */
	int sysroot;      /* descriptor of the folder, or -1 */
};

#define CORE_SEARCH_EMPTY ((struct core_search){.sysroot = -1})

/* ERROR_USAGE: the sysroot is no folder that can be opened. */
struct error *core_search_init(const struct core_request *request,
			       struct core_search *ret) MUST_CHECK;
void core_search_fini(struct core_search *search);

/*
 * Shows the candidates for the file behind a region to `accept`: the one given by hand, then the
 * path below the sysroot, then the path here. The accepted descriptor, or -1.
 */
int core_search_open(const struct core_search *search, const struct region *region,
		     origin_accept_fn *accept, void *context);

/*
 * The object whose build-id the core does not hold and that the file given by hand is of: by its
 * base name, else the main program, the mapping with id `program`. With CORE_BY_HAND_USED
 * *ret_region is its first region, and *ret_fd the file, the caller's.
 */
enum core_by_hand core_search_by_hand(const struct core_search *search, struct space *space,
				      uint64_t program, struct region **ret_region, int *ret_fd);

#endif
