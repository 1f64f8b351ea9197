/*
 * burst_stacks: those of threads are known, those of greenlets are found by how they begin.
 */
#include "inspector/census/copy/burst_stacks.h"

#include "base/cleanup.h"
#include "inspector/python/stack_heads.h"

static struct error *add(struct burst_stacks *stacks, const struct frames_chunk *chunk)
{
	struct burst_range *range = vec_push(&stacks->list);
	if (!range)
		return error_out_of_memory();
	*range = (struct burst_range){chunk->start, chunk->size};
	return NULL;
}

struct error *burst_stacks_find(struct space *space, const struct frames *frames,
				struct burst_stacks *ret)
{
	_cleanup_(stack_heads_fini) struct stack_heads heads = {VEC_EMPTY};
	struct error *err = stack_heads_find(space, &heads);
	for (size_t i = 0; i < frames->chunks.count && !err; i++)
		err = add(ret, &frames->chunks.items[i]);
	for (size_t i = 0; i < heads.list.count && !err; i++)
		err = add(ret, &heads.list.items[i]);
	return err;
}

void burst_stacks_fini(struct burst_stacks *stacks)
{
	vec_fini(&stacks->list);
}
