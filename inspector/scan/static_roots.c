/*
 * static_roots: values are known from arenas[] itself; what is asked is where they lie.
 *
 *	against definition	highwater total current [nfp2lasta] usable unused max arenas
 *	in definition		arenas max unused usable [nfp2lasta] current total highwater
 *	GCC with LTO		highwater total current max unused arenas … [nfp2lasta] usable
 *
 * One word alone proves little: usable_arenas equals arenas where slot 0 is the first of the list. So
 * neighbours must fit together, and in one way only.
 */
#include "inspector/scan/static_roots.h"

#include <string.h>

#define NEAR 1024 /* bytes around arenas in which its companions are looked for */

struct find {
	const struct data_segments *data;
	const struct arena_table *table;
	struct static_roots roots;
	int direction; /* of the counters: +1 highwater first, -1 current first, 0 not known */
};

/* ---- looking ----------------------------------------------------------------------------- */

static raddr beside(raddr at, int64_t bytes)
{
	return raddr_at(at.value + (uint64_t)bytes);
}

static bool word_is(const struct find *f, raddr at, uint64_t value)
{
	uint64_t word;
	return data_segments_word(f->data, at, &word) && word == value;
}

static bool int_is(const struct find *f, raddr at, uint32_t value)
{
	uint32_t word;
	return data_segments_int(f->data, at, &word) && word == value;
}

static bool is_max(const struct find *f, raddr at)
{
	return int_is(f, at, f->table->n_slots);
}

static bool is_unused(const struct find *f, raddr at)
{
	return word_is(f, at, f->table->unused.value);
}

static bool is_usable(const struct find *f, raddr at)
{
	return word_is(f, at, f->table->usable.value);
}

/* ---- arenas and its neighbours ------------------------------------------------------------- */

/* The variables as they would lie with arenas at `at`, if they do lie so. */
struct order {
	int64_t max, unused, usable; /* bytes from arenas; usable 0: not beside it */
	int direction;
};

static const struct order orders[] = {
	{-8, -16, -24, +1},
	{+8, +16, +24, -1},
	{-16, -8, 0, +1},
};

/* Without usable beside it, what looks so may be the end of the order along definition. */
static bool lies_so(const struct find *f, raddr at, const struct order *order)
{
	if (!order->usable && is_usable(f, beside(at, -24)))
		return false;
	return is_max(f, beside(at, order->max)) && is_unused(f, beside(at, order->unused)) &&
	       (!order->usable || is_usable(f, beside(at, order->usable)));
}

static void try_orders(struct find *f, raddr at)
{
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		const struct order *order = &orders[i];
		if (!lies_so(f, at, order) || f->roots.n_places++ > 0)
			continue;
		f->direction = order->direction;
		f->roots.arenas = at;
		f->roots.maxarenas = beside(at, order->max);
		f->roots.unused_arena_objects = beside(at, order->unused);
		f->roots.usable_arenas = order->usable ? beside(at, order->usable) : RADDR_NULL;
	}
}

/* No known order: the only word of its value, with the only word of maxarenas' beside it. */
static void try_alone(struct find *f, raddr at)
{
	raddr max = RADDR_NULL;
	unsigned n = 0;
	for (int64_t offset = -64; offset <= 64; offset += 4) {
		if (!is_max(f, beside(at, offset)))
			continue;
		n++;
		max = beside(at, offset);
	}
	if (n == 0)
		return;
	f->roots.n_places += n;
	f->roots.arenas = at;
	f->roots.maxarenas = max;
}

static void find_arenas(struct find *f, void (*try)(struct find *f, raddr at))
{
	for (size_t i = 0; i < f->data->count; i++) {
		const struct data_segment *s = &f->data->items[i];
		for (uint64_t offset = 0; offset + 8 <= s->size; offset += 8) {
			if (data_segment_word(s, offset) == f->table->at.value)
				try(f, raddr_plus(s->start, offset));
		}
	}
}

/* ---- the others ---------------------------------------------------------------------------- */

/* Whether all of nfp2lasta could stand at `at`. */
static bool is_nfp2lasta(const struct find *f, raddr at, uint32_t n)
{
	const uint8_t *bytes = data_segments_bytes(f->data, at, n * UINT64_C(8));
	return bytes && memcmp(bytes, f->table->last_of, n * sizeof(*f->table->last_of)) == 0;
}

/* It ends where usable_arenas begins, or begins behind it: 3.8 on, in every order that was seen. */
static void find_nfp2lasta(struct find *f)
{
	uint32_t n = f->table->geometry.pools_per_arena + 1;
	int64_t size = (int64_t)n * 8;
	unsigned found = 0;
	raddr at = RADDR_NULL, usable = RADDR_NULL;
	if (raddr_is_null(f->table->usable))
		return;
	for (int64_t offset = -NEAR - size; offset <= NEAR; offset += 8) {
		raddr u = beside(f->roots.arenas, offset + size);
		raddr before = beside(f->roots.arenas, offset - 8);
		if (!is_nfp2lasta(f, beside(f->roots.arenas, offset), n))
			continue;
		bool behind = is_usable(f, u) && !raddr_equal(u, f->roots.arenas);
		bool in_front = is_usable(f, before) && !raddr_equal(before, f->roots.arenas);
		if (!behind && !in_front)
			continue;
		found++;
		at = beside(f->roots.arenas, offset);
		usable = behind ? u : before;
	}
	bool same = raddr_is_null(f->roots.usable_arenas) ||
		    raddr_equal(f->roots.usable_arenas, usable);
	if (found != 1 || !same)
		return;
	f->roots.nfp2lasta = at;
	f->roots.n_nfp2lasta = n;
	f->roots.usable_arenas = usable;
}

static bool are_counters(const struct find *f, raddr at, int direction)
{
	uint64_t high, total, current;
	raddr first = at, last = raddr_plus(at, 16);
	if (!data_segments_word(f->data, direction > 0 ? first : last, &high) ||
	    !data_segments_word(f->data, raddr_plus(at, 8), &total) ||
	    !data_segments_word(f->data, direction > 0 ? last : first, &current))
		return false;
	return current == f->table->n_in_use && current <= high && high <= total &&
	       high <= f->table->n_slots && total >> 40 == 0;
}

/* Three in a row, in the order that the variables have; with an order unknown, in one or none. */
static void find_counters(struct find *f)
{
	unsigned found = 0;
	raddr at = RADDR_NULL;
	int direction = 0;
	/* nfp2lasta may lie between them and arenas. */
	int64_t reach = NEAR + (int64_t)f->roots.n_nfp2lasta * 8;
	for (int64_t offset = -reach; offset <= reach; offset += 8) {
		for (int d = -1; d <= 1; d += 2) {
			raddr here = beside(f->roots.arenas, offset);
			if ((f->direction && d != f->direction) || !are_counters(f, here, d))
				continue;
			found++;
			at = here;
			direction = d;
		}
	}
	if (found != 1)
		return;
	f->roots.total = raddr_plus(at, 8);
	f->roots.highwater = direction > 0 ? at : raddr_plus(at, 16);
	f->roots.current = direction > 0 ? raddr_plus(at, 16) : at;
}

struct static_roots static_roots_find(const struct data_segments *data,
				      const struct arena_table *table)
{
	struct find f = {.data = data, .table = table};
	find_arenas(&f, try_orders);
	if (f.roots.n_places == 0)
		find_arenas(&f, try_alone);
	if (f.roots.n_places != 1)
		return (struct static_roots){.n_places = f.roots.n_places};
	find_nfp2lasta(&f);
	find_counters(&f);
	return f.roots;
}
