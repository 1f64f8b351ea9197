/*
 * origin: one table of functions for each kind, and what a file answers where only a
 * process has something to say.
 */
#include "inspector/target/origin.h"

#include "inspector/target/process/process.h"

struct error *origin_space(const struct origin *origin, struct space *ret)
{
	return origin->ops->space(origin->source, ret);
}

struct error *origin_refresh(const struct origin *origin, struct space *space)
{
	struct process *process = origin_process(origin);
	return process ? process_refresh(process, space) : NULL;
}

struct error *origin_facts(const struct origin *origin, struct facts *ret)
{
	return origin->ops->facts(origin->source, ret);
}

struct error *origin_threads(const struct origin *origin, struct space *space, struct threads *ret)
{
	if (!origin->ops->threads)
		return NULL;
	return origin->ops->threads(origin->source, space, ret);
}

struct error *origin_account(const struct origin *origin, bool with_smaps, struct account *ret)
{
	*ret = ACCOUNT_EMPTY;
	if (!origin->ops->account)
		return NULL;
	return origin->ops->account(origin->source, with_smaps, ret);
}

struct error *origin_open_file(const struct origin *origin, const struct region *region,
			       origin_accept_fn *accept, void *context, int *ret)
{
	return origin->ops->open_file(origin->source, region, accept, context, ret);
}

int origin_root(const struct origin *origin)
{
	return origin->ops->root ? origin->ops->root(origin->source) : -1;
}

struct process *origin_process(const struct origin *origin)
{
	return origin->kind == ORIGIN_LIVE ? origin->source : NULL;
}

bool origin_alive(const struct origin *origin)
{
	const struct process *process = origin_process(origin);
	return !process || process_alive(process);
}

struct error *origin_check(const struct origin *origin)
{
	const struct process *process = origin_process(origin);
	return process ? process_check(process) : NULL;
}

void origin_close(struct origin *origin)
{
	if (origin->ops)
		origin->ops->close(origin->source);
	*origin = ORIGIN_EMPTY;
}
