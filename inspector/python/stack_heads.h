/*
 * stack_heads: whatever may be a chunk of a data stack, where a program has greenlets: no thread state leads to a stack while its
 * greenlet waits.
 */
#ifndef INSPECTOR_PYTHON_STACK_HEADS_H
#define INSPECTOR_PYTHON_STACK_HEADS_H

#include "inspector/python/frames.h"

struct stack_heads {
	VEC(struct frames_chunk) list; /* ascending; used_end is not known, and start */
};

/*
 * Looks at the first words of each page of private anonymous memory that is present. What it finds need not be one. Where
 * greenlet's module is not mapped nothing is looked at. ERROR_GONE, ERROR_RESOURCE.
 */
struct error *stack_heads_find(struct space *space, struct stack_heads *ret) MUST_CHECK;
void stack_heads_fini(struct stack_heads *heads);

#endif
