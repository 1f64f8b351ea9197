/*
 * glibc_links: nothing is read: what could be a link was met by a walk, and a list leads from one to the next.
 */
#include "inspector/malloc/glibc_links.h"

#include "base/bytes.h"
#include "base/size.h"

#define MARK UINT64_C(1) /* of a chunk's address, whose low bits are 0: a list leads to it */

bool glibc_links_add(struct glibc_links *links, uint64_t at, uint64_t next)
{
	struct glibc_link_word *word = vec_push(&links->list);
	if (word)
		*word = (struct glibc_link_word){at, next};
	return word;
}

void glibc_links_fini(struct glibc_links *links)
{
	vec_fini(&links->list);
}

static uint64_t address(const struct glibc_links *links, size_t i)
{
	return links->list.items[i].at & ~MARK;
}

/* The first that is not below `at`: what was freed one after the other often lies so, and *near is where the last was. */
static size_t seek(const struct glibc_links *links, uint64_t at, size_t near)
{
	size_t low = near, high = near, count = links->list.count;
	for (size_t step = 1; low > 0 && address(links, low - 1) >= at; step *= 2) {
		high = low - 1;
		low = size_subtract(low, step);
	}
	for (size_t step = 1; high < count && address(links, high) < at; step *= 2) {
		low = high + 1;
		high = size_min(high + step, count);
	}
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (address(links, middle) < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Marks all of a list; false: it leads astray, or to where a list has been. */
static bool follow(struct glibc_links *links, uint64_t at)
{
	for (size_t near = 0; at;) {
		near = seek(links, at, near);
		if (near == links->list.count || links->list.items[near].at != at)
			return false;
		links->list.items[near].at |= MARK;
		at = links->list.items[near].next;
	}
	return true;
}

struct error *glibc_links_follow(struct glibc_links *links, const struct glibc_place *place,
				 const struct glibc_state *state, struct glibc_marks *ret,
				 bool *ret_broken)
{
	struct bytes b = bytes_of(state->bytes, sizeof(state->bytes));
	for (size_t i = 0; i < GLIBC_N_FASTBINS; i++)
		*ret_broken |=
			!follow(links, bytes_u64(&b, GLIBC_FASTBINS_AT(place->state) + i * 8));
	for (size_t i = 0; i < links->list.count; i++) {
		if (!(links->list.items[i].at & MARK))
			continue;
		uint64_t *mark = vec_push(&ret->list);
		if (!mark)
			return error_out_of_memory();
		*mark = address(links, i);
	}
	return NULL;
}
