/*
 * verdict: names of causes and theories, and how a verdict is given back.
 */
#include "inspector/verdict/verdict.h"

#include <stdlib.h>

const char *cause_kind_name(enum cause_kind kind)
{
	static const char *const names[CAUSE_KINDS] = {
		[CAUSE_PYMALLOC_PINNED] = "pymalloc_pinned",
		[CAUSE_PYMALLOC_FREE_POOLS] = "pymalloc_free_pools",
		[CAUSE_LIVE_OBJECTS] = "live_objects",
		[CAUSE_MALLOC_FREE_TRIMMABLE] = "malloc_free_trimmable",
		[CAUSE_MALLOC_FREE_STUCK] = "malloc_free_stuck",
		[CAUSE_MALLOC_ARENA_PER_THREAD] = "malloc_arena_per_thread",
		[CAUSE_MALLOC_THRESHOLD_RAISED] = "malloc_threshold_raised",
		[CAUSE_MALLOC_ENV_INEFFECTIVE] = "malloc_env_ineffective",
		[CAUSE_MIMALLOC_RETAINED] = "mimalloc_retained",
		[CAUSE_NATIVE_LIVE] = "native_live",
		[CAUSE_NATIVE_LOST] = "native_lost",
		[CAUSE_THREAD_STACKS] = "thread_stacks",
		[CAUSE_FILE_MAPPINGS] = "file_mappings",
		[CAUSE_SHARED_MEMORY] = "shared_memory",
		[CAUSE_HUGE_PAGES] = "huge_pages",
		[CAUSE_FORK_PRIVATE_COPIES] = "fork_private_copies",
		[CAUSE_UNCOLLECTED_GARBAGE] = "uncollected_garbage",
		[CAUSE_FROZEN_GARBAGE] = "frozen_garbage",
		[CAUSE_LEAKED_REFERENCES] = "leaked_references",
		[CAUSE_SWAPPED_OUT] = "swapped_out",
		[CAUSE_NOTHING_WRONG] = "nothing_wrong",
	};
	return (size_t)kind < CAUSE_KINDS ? names[kind] : "unknown";
}

const char *theory_name(enum theory theory)
{
	static const char *const names[THEORY_KINDS] = {
		[THEORY_MALLOC_TRIM] = "malloc_trim",
		[THEORY_ARENA_MAX] = "malloc_arena_max",
		[THEORY_THREADS] = "threads",
		[THEORY_SWAP] = "swap",
		[THEORY_GC] = "gc_collect",
		[THEORY_GROWTH] = "growth",
		[THEORY_PYTHON_LEAK] = "python_objects",
		[THEORY_KEPT_ARENAS] = "kept_arenas",
	};
	return (size_t)theory < THEORY_KINDS ? names[theory] : "unknown";
}

void verdict_fini(struct verdict *v)
{
	for (size_t i = 0; i < v->causes.count; i++) {
		for (size_t j = 0; j < v->causes.items[i].n_evidence; j++)
			free(v->causes.items[i].evidence[j].text);
	}
	vec_fini(&v->causes);
	vec_fini(&v->not_causes);
	*v = (struct verdict){0};
}
