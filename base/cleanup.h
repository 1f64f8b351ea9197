/*
 * cleanup: scope guards.
 *
 *	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
 *	…
 *	*ret = take(buffer);		the caller owns it now, the guard frees nothing
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(release) __attribute__((cleanup(release)))

/* Hand a pointer on: its value, and NULL left behind for the guard. */
#define take(pointer)                                   \
	({                                              \
		__typeof__(pointer) taken_ = (pointer); \
		(pointer) = NULL;                       \
		taken_;                                 \
	})

/* Hand a descriptor on: its value, and -1 left behind for the guard. */
static inline int take_fd(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}

/* Guard for any malloc'd pointer: _cleanup_(free_pointer) char *name = NULL; */
static inline void free_pointer(void *pointer)
{
	free(*(void **)pointer);
}

/* Guard for a descriptor; -1 is none. */
static inline void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

#endif
