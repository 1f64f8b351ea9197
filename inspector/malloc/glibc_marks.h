/*
 * glibc_marks: chunks that look as if they were in use and are not: those in fast bins and in
 * threads' caches. And the lists that chunks are found in without the walk.
 *
 *	list    head ─▷ [size │ next] ─▷ [size │ next] ─▷ 0      since 2.32 next is (place >> 12) ^ next
 *
 * malloc/malloc.c, glibc 2.26 to 2.43.
 */
#ifndef INSPECTOR_MALLOC_GLIBC_MARKS_H
#define INSPECTOR_MALLOC_GLIBC_MARKS_H

#include "inspector/malloc/glibc_arena.h"

/* Addresses of chunks, ascending once sorted. */
struct glibc_marks {
	VEC(uint64_t) list;
};

/* Puts them in order, for glibc_marks_has(). */
void glibc_marks_sort(struct glibc_marks *marks);
void glibc_marks_fini(struct glibc_marks *marks);

/* Whether `at` is one; *near, 0 at first, is for those who ask upwards. */
static inline bool glibc_marks_has(const struct glibc_marks *marks, uint64_t at, size_t *near)
{
	while (*near < marks->list.count && marks->list.items[*near] < at)
		(*near)++;
	return *near < marks->list.count && marks->list.items[*near] == at;
}

/* Sets *near to the first that is not below `at`. */
void glibc_marks_seek(const struct glibc_marks *marks, uint64_t at, size_t *near);

/* What hides a link that stands at `place`. */
static inline uint64_t glibc_link(bool hidden, uint64_t place, uint64_t stored)
{
	return hidden ? stored ^ place >> 12 : stored;
}

/* All chunks of an arena's fast bins, sorted; lists that lead astray, or to more than `most` chunks in all, are given
 * up there and *ret_broken set. ERROR_GONE, ERROR_RESOURCE. */
struct error *glibc_marks_fast(struct space *space, const struct glibc_place *place,
			       const struct glibc_state *state,
			       const struct glibc_segments *segments, uint64_t most,
			       struct glibc_marks *ret, bool *ret_broken) MUST_CHECK;

/* The lowest chunk of any bin that lies in (above, below); 0: none was found. Bins are trusted
 * entry points where a chain of chunks is broken. *steps: links that may still be followed. ERROR_GONE. */
struct error *glibc_marks_entry(struct space *space, const struct glibc_place *place,
				const struct glibc_state *state, uint64_t above, uint64_t below,
				size_t *steps, uint64_t *ret) MUST_CHECK;

#endif
