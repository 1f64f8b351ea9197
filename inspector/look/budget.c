/*
 * budget: half of the least room, since others that share it grow, too.
 */
#include "inspector/look/budget.h"

#include "base/size.h"
#include "inspector/target/cgroup.h"
#include "inspector/target/process/process.h"

#include <sys/resource.h>

/* What whoever started us has set: ulimit -v. */
static uint64_t own_limit(void)
{
	struct rlimit limit;
	bool is_set = getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
	return is_set ? limit.rlim_cur : UINT64_MAX;
}

uint64_t budget_of(const struct inspector_request *request)
{
	uint64_t total = 0, available = 0;
	if (request->max_memory)
		return request->max_memory;
	process_machine_memory(&total, &available);
	uint64_t shared =
		request->kind == ORIGIN_LIVE ? cgroup_shared_headroom(request->pid) : UINT64_MAX;
	uint64_t least = size_min(available ? available : UINT64_MAX, shared);
	return size_max(size_min(least, own_limit()) / 2, 1);
}

struct error *budget_check(uint64_t budget)
{
	if (budget >= BUDGET_LEAST)
		return NULL;
	struct error *err = error_new(ERROR_RESOURCE,
				      "%" PRIu64 " KiB of memory may be used, which is too little "
				      "for any look",
				      budget / KIB);
	return error_remedy(err, "run arenascope outside of the process's memory cgroup, or allow "
				 "more with --max-memory");
}
