/*
 * vec: a growable array of one element type, typed by macro.
 *
 *	VEC(struct region) regions = VEC_EMPTY;
 *	struct region *r = vec_push(&regions);	one more, zeroed; NULL: out of memory
 *	vec_fini(&regions);
 *
 * Elements move when it grows: keep indexes, not pointers, across a push.
 */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include "base/size.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define VEC(type)             \
	struct {              \
		type *items;  \
		size_t count; \
		size_t room;  \
	}

#define VEC_EMPTY          \
	{                  \
		NULL, 0, 0 \
	}

/* Room for `count` elements of `size` bytes in all; the old array is kept on failure. */
static inline bool vec_reserve_bytes(void **items, size_t *room, size_t count, size_t size)
{
	if (count <= *room)
		return true;
	if (count > (size_t)PTRDIFF_MAX / 2 / size)
		return false;
	size_t grown = *room + *room / 2 < count ? count : *room + *room / 2;
	grown = grown < 8 ? 8 : grown;
	void *moved = reallocarray(*items, grown, size);
	if (!moved)
		return false;
	*items = moved;
	*room = grown;
	return true;
}

#define vec_reserve(vec, n) \
	vec_reserve_bytes((void **)&(vec)->items, &(vec)->room, (n), sizeof(*(vec)->items))

#define vec_push(vec)                                                              \
	(vec_reserve((vec), (vec)->count + 1)                                      \
		 ? memset(&(vec)->items[(vec)->count++], 0, sizeof(*(vec)->items)) \
		 : NULL)

#define vec_fini(vec)                           \
	do {                                    \
		free((vec)->items);             \
		(vec)->items = NULL;            \
		(vec)->count = (vec)->room = 0; \
	} while (0)

#endif
