/*
 * huge_zeros: a huge page comes whole, and zeroed: whoever writes one byte of it gets 2 MiB.
 *
 *	huge page   [x···][····][····][····] … [····]     512 pages, of which one would do
 *
 * Where the kernel gives huge pages away, that is the waste: it has no other sign. Memory that a program itself has
 * filled with zeros looks the same, and could be had again in the same way.
 */
#include "inspector/verdict/huge_zeros.h"

#include "base/cleanup.h"

#include <string.h>

#define PAGE    UINT64_C(4096)
#define HUGE    (2 * MIB)
#define N_PAGES (HUGE / PAGE)

struct count {
	struct space *space;
	const struct residency *residency;
	uint8_t *bytes; /* HUGE of them */
	uint8_t got[N_PAGES];
	uint64_t seen, every; /* one huge page in so many is read */
	struct huge_zeros found;
};

static bool is_huge(const struct residency_range *range)
{
	return !range->swapped && range->traits & RESIDENCY_HUGE &&
	       !(range->traits & (RESIDENCY_FILE | RESIDENCY_SHARED));
}

static bool is_zero(const uint8_t *page)
{
	return page[0] == 0 && memcmp(page, page + 1, PAGE - 1) == 0;
}

static struct error *count_pages(struct count *c, raddr at, size_t n)
{
	struct space_slice slice = {.start = at,
				    .stride = PAGE,
				    .size = PAGE,
				    .count = n,
				    .bytes = c->bytes,
				    .got = c->got};
	struct error *err = space_gather(c->space, &slice, 1, c->residency);
	if (err)
		return err;
	for (size_t i = 0; i < n; i++) {
		if (c->got[i] != SLICE_READ)
			continue;
		c->found.compared += PAGE;
		c->found.zeros += is_zero(c->bytes + i * PAGE) ? PAGE : 0;
	}
	return NULL;
}

static struct error *count_range(struct count *c, const struct residency_range *range)
{
	struct error *err = NULL;
	for (uint64_t at = 0; at < range->size && !err; at += HUGE) {
		uint64_t left = size_min(range->size - at, HUGE);
		if (c->seen++ % c->every == 0)
			err = count_pages(c, raddr_plus(range->start, at), left / PAGE);
	}
	return err;
}

struct error *huge_zeros_count(struct space *space, const struct residency *residency,
			       uint64_t max_compared, struct huge_zeros *ret)
{
	_cleanup_(free_pointer) uint8_t *bytes = NULL;
	struct count c = {.space = space, .residency = residency};
	uint64_t all = 0;
	for (size_t i = 0; i < residency->ranges.count; i++) {
		if (is_huge(&residency->ranges.items[i]))
			all = size_add(all, residency->ranges.items[i].size);
	}
	if (!all)
		return NULL;
	c.bytes = bytes = malloc(HUGE);
	if (!bytes)
		return error_out_of_memory();
	c.every = 1 + all / size_max(max_compared, HUGE);
	for (size_t i = 0; i < residency->ranges.count; i++) {
		const struct residency_range *range = &residency->ranges.items[i];
		struct error *err = is_huge(range) ? count_range(&c, range) : NULL;
		if (err)
			return err;
	}
	c.found.filled = c.found.compared > 0;
	*ret = c.found;
	return NULL;
}
