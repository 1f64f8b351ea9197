/*
 * glibc_links: words in blocks that look as if they were in use, each of which could be the hidden link of
 * a chunk in a fast bin; and which of them are.
 */
#ifndef INSPECTOR_MALLOC_GLIBC_LINKS_H
#define INSPECTOR_MALLOC_GLIBC_LINKS_H

#include "inspector/malloc/glibc_marks.h"

struct glibc_link_word {
	uint64_t at, next; /* chunks; next 0: the list's end */
};

struct glibc_links {
	VEC(struct glibc_link_word) list; /* ascending */
};

/* Each above the one before; false: out of memory. */
bool glibc_links_add(struct glibc_links *links, uint64_t at, uint64_t next);
void glibc_links_fini(struct glibc_links *links);

/* Adds the chunks that an arena's fast bins lead to, ascending; a list that leads to a word that is not
 * here, or to one a second time, ends there, and *ret_broken is set. Once: the words are used up. ERROR_RESOURCE. */
struct error *glibc_links_follow(struct glibc_links *links, const struct glibc_place *place,
				 const struct glibc_state *state, struct glibc_marks *ret,
				 bool *ret_broken) MUST_CHECK;

#endif
