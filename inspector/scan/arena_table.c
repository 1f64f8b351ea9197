/*
 * arena_table: a wrong candidate fits one pool by accident, but not all of them.
 *
 *	pool in use ─ arenaindex i ─▶ candidate[i].address ≤ pool < + arena size     for all heads
 *
 *	slot     0     1     2     3  …  N-1      N: the one power of two for which
 *	        [use] [use] [ – ] [use]  [ – ]       every slot is an arena or empty,
 *	unused ────────────▶ 2 ─▶ … ─▶ N-1 ─▶ 0      one list holds the empty ones, all of them,
 *	usable ──▶ 1 ⇄ 0 ─▶ 0                        the other those with free pools
 */
#include "inspector/scan/arena_table.h"

#include "base/cleanup.h"
#include "inspector/scan/pointers.h"

#define SLOTS_MIN    16u
#define SLOTS_MAX    (1u << 20)
#define ARENA_MAX    (64 * MIB)
#define MALLOC_GRAIN 16 /* what malloc's results are multiples of, on x86-64 */

/* ---- one arena -------------------------------------------------------------------------- */

/* Whether the arena can hold the pool; then how large it is, its alignment loss included. */
static bool holds(const struct pymalloc_arena_object *a, const struct pool_table *pools,
		  const struct pool_head *head, uint64_t *ret_size)
{
	uint64_t pool = pools->pool_size;
	if (raddr_is_null(a->address) || a->address.value % 8 != 0)
		return false;
	raddr first = raddr_align_up(a->address, pool);
	uint64_t n = (uint64_t)a->ntotalpools + !raddr_equal(first, a->address);
	if (n == 0 || n > ARENA_MAX / pool || a->nfreepools > a->ntotalpools)
		return false;
	*ret_size = n * pool;
	return raddr_compare(first, head->at) <= 0 &&
	       raddr_compare(head->at, a->pool_address) < 0 &&
	       raddr_distance(a->address, a->pool_address) <= *ret_size;
}

static struct error *read_slots(struct space *space, const struct pymalloc_shape *shape, raddr at,
				uint32_t first, uint32_t n, struct pymalloc_arena_object *slots,
				bool *ret_read)
{
	uint64_t size = (uint64_t)n * shape->arena_size;
	_cleanup_(free_pointer) uint8_t *bytes = malloc(size);
	if (!bytes)
		return error_out_of_memory();
	raddr from = raddr_plus(at, first * shape->arena_size);
	struct error *err = space_read(space, from, bytes, size);
	*ret_read = !err;
	if (err)
		return error_catch(&err, ERROR_FAULT) ? NULL : err;
	for (uint32_t i = 0; i < n; i++)
		slots[first + i] = pymalloc_shape_arena(shape, bytes + i * shape->arena_size);
	return NULL;
}

/* All heads against the slots that they name; the geometry that comes of it. */
static struct error *fit_heads(struct space *space, const struct pymalloc_shape *shape,
			       const struct pool_table *pools, raddr at, bool *ret_fits,
			       struct pymalloc_geometry *ret)
{
	uint64_t arena_size = 0;
	*ret_fits = false;
	for (uint32_t i = 0; i < pools->n_heads; i++) {
		const struct pool_head *head = &pools->heads[i];
		struct pymalloc_arena_object arena;
		uint64_t size;
		bool read = head->arenaindex < SLOTS_MAX;
		raddr slot = raddr_plus(at, head->arenaindex * shape->arena_size);
		struct error *err =
			read ? read_slots(space, shape, slot, 0, 1, &arena, &read) : NULL;
		if (err)
			return err;
		if (!read || !holds(&arena, pools, head, &size) ||
		    (arena_size && size != arena_size))
			return NULL;
		arena_size = size;
	}
	if (!size_is_power_of_two(arena_size))
		return NULL;
	*ret_fits = true;
	*ret = (struct pymalloc_geometry){
		.known = true,
		.pool_size = pools->pool_size,
		.alignment = pools->alignment,
		.arena_size = arena_size,
		.n_classes = pools->n_classes,
		.overhead = (uint32_t)size_align_up(shape->header_size, pools->alignment),
		.pools_per_arena = (uint32_t)(arena_size / pools->pool_size),
	};
	return NULL;
}

/* ---- the slots -------------------------------------------------------------------------- */

static bool index_of(const struct arena_table *t, raddr at, uint32_t *ret)
{
	uint64_t offset = raddr_distance(t->at, at);
	if (at.value < t->at.value || offset % t->slot_size != 0 ||
	    offset / t->slot_size >= t->n_slots)
		return false;
	*ret = (uint32_t)(offset / t->slot_size);
	return true;
}

static bool is_unused(const struct pymalloc_arena_object *slot)
{
	return raddr_is_null(slot->address);
}

static bool is_usable(const struct pymalloc_arena_object *slot)
{
	return !raddr_is_null(slot->address) && slot->nfreepools > 0;
}

/* Whether one list that ends holds all n slots of a sort; *ret_head: its first. */
static bool one_list(const struct arena_table *t,
		     bool (*is_member)(const struct pymalloc_arena_object *), uint8_t *led_to,
		     raddr *ret_head)
{
	uint32_t n = 0, seen = 0, at = 0, head = t->n_slots;
	memset(led_to, 0, t->n_slots);
	for (uint32_t i = 0; i < t->n_slots; i++) {
		if (!is_member(&t->slots[i]))
			continue;
		n++;
		if (raddr_is_null(t->slots[i].next))
			continue;
		if (!index_of(t, t->slots[i].next, &at) || !is_member(&t->slots[at]) || led_to[at])
			return false;
		led_to[at] = 1;
	}
	for (uint32_t i = 0; i < t->n_slots; i++) {
		if (is_member(&t->slots[i]) && !led_to[i])
			head = i;
	}
	for (at = head; at < t->n_slots && seen < n;) {
		seen++;
		if (!index_of(t, t->slots[at].next, &at))
			break;
	}
	*ret_head = n ? arena_table_slot(t, head) : RADDR_NULL;
	return seen == n;
}

/* The links back, and the order, of a list that holds together forwards. */
static bool is_in_order(const struct arena_table *t)
{
	raddr before = RADDR_NULL;
	uint32_t nfree = 0, i;
	for (raddr at = t->usable; index_of(t, at, &i); at = t->slots[i].next) {
		if (!raddr_equal(t->slots[i].prev, before) || t->slots[i].nfreepools < nfree)
			return false;
		nfree = t->slots[i].nfreepools;
		before = at;
	}
	return true;
}

static bool all_are_arenas(const struct arena_table *t, uint32_t first)
{
	uint32_t carved;
	for (uint32_t i = first; i < t->n_slots; i++) {
		if (!is_unused(&t->slots[i]) &&
		    !pymalloc_geometry_fits(&t->geometry, &t->slots[i], &carved))
			return false;
	}
	return true;
}

/* Whether n_slots is where the table ends. */
static struct error *try_length(struct arena_table *t, bool *ret_holds)
{
	_cleanup_(free_pointer) uint8_t *led_to = malloc(t->n_slots);
	if (!led_to)
		return error_out_of_memory();
	*ret_holds = one_list(t, is_unused, led_to, &t->unused) &&
		     one_list(t, is_usable, led_to, &t->usable) && is_in_order(t);
	t->n_in_use = 0;
	for (uint32_t i = 0; i < t->n_slots; i++)
		t->n_in_use += !is_unused(&t->slots[i]);
	return NULL;
}

/* Longer and longer, until a slot is no arena; *ret_n: lengths that hold. */
static struct error *find_length(struct space *space, const struct pymalloc_shape *shape,
				 struct arena_table *t, uint32_t max_index, unsigned *ret_n)
{
	struct arena_table found = *t;
	*ret_n = 0;
	for (uint32_t n = SLOTS_MIN, read = 0; n <= SLOTS_MAX; read = n, n *= 2) {
		struct pymalloc_arena_object *grown = reallocarray(t->slots, n, sizeof(*grown));
		bool there = false, holds_up = false;
		if (!grown)
			return error_out_of_memory();
		t->slots = grown;
		struct error *err =
			read_slots(space, shape, t->at, read, n - read, t->slots, &there);
		if (err)
			return err;
		t->n_slots = n;
		if (!there || !all_are_arenas(t, read))
			break;
		err = try_length(t, &holds_up);
		if (err)
			return err;
		if (holds_up && n > max_index && (*ret_n)++ == 0)
			found = *t;
	}
	found.slots = t->slots;
	*t = found;
	return NULL;
}

/* The last arena of the usable list with each number of free pools. */
static struct error *find_last(struct arena_table *t)
{
	uint32_t i;
	t->last_of = calloc(t->geometry.pools_per_arena + 1u, sizeof(*t->last_of));
	if (!t->last_of)
		return error_out_of_memory();
	for (raddr at = t->usable; index_of(t, at, &i); at = t->slots[i].next)
		t->last_of[t->slots[i].nfreepools] = at.value;
	return NULL;
}

struct error *arena_table_read(struct space *space, const struct pymalloc_shape *shape,
			       const struct pool_table *pools, raddr at, bool *ret_found,
			       struct arena_table *ret)
{
	_cleanup_(arena_table_fini) struct arena_table t = {.at = at,
							    .slot_size = shape->arena_size};
	uint32_t max_index = 0;
	unsigned n = 0;
	bool fits = false;
	*ret_found = false;
	if (pools->n_heads == 0)
		return NULL;
	struct error *err = fit_heads(space, shape, pools, at, &fits, &t.geometry);
	if (err || !fits)
		return err;
	for (uint32_t i = 0; i < pools->n_heads; i++)
		max_index = (uint32_t)size_max(max_index, pools->heads[i].arenaindex);
	err = find_length(space, shape, &t, max_index, &n);
	if (!err && n == 1)
		err = find_last(&t);
	if (err || n != 1)
		return err;
	*ret_found = true;
	*ret = t;
	t.slots = NULL;
	t.last_of = NULL;
	return NULL;
}

void arena_table_fini(struct arena_table *table)
{
	free(table->slots);
	free(table->last_of);
	table->slots = NULL;
	table->last_of = NULL;
}

/* ---- which pointer ------------------------------------------------------------------------ */

struct first_head {
	const struct pool_table *pools;
};

/* The first head against the address in the slot that it names. */
static bool may_hold(void *context, uint64_t pointer, uint64_t address)
{
	const struct pool_table *pools = ((struct first_head *)context)->pools;
	(void)pointer;
	return address != 0 && address <= pools->heads[0].at.value &&
	       pools->heads[0].at.value - address < ARENA_MAX;
}

struct error *arena_table_find(struct space *space, const struct elf_image *image,
			       const struct pymalloc_shape *shape, const struct data_segments *data,
			       const struct pool_table *pools, struct arena_tables *ret)
{
	_cleanup_(pointers_fini) struct pointers pointers = {VEC_EMPTY};
	struct arena_tables found = {.first = {.slots = NULL}};
	struct first_head first = {pools};
	if (pools->n_heads == 0 || pools->heads[0].arenaindex >= SLOTS_MAX) {
		*ret = found;
		return NULL;
	}
	struct error *err = pointers_gather(space, image, data, MALLOC_GRAIN, &pointers);
	if (!err)
		err = pointers_sieve(space, &pointers,
				     pools->heads[0].arenaindex * shape->arena_size +
					     shape->arena.address,
				     may_hold, &first);
	for (size_t i = 0; i < pointers.items.count && !err; i++) {
		struct arena_table table;
		bool fits;
		err = arena_table_read(space, shape, pools, raddr_at(pointers.items.items[i]),
				       &fits, &table);
		if (err || !fits) {
			found.n_refused += !err;
			continue;
		}
		if (found.n_found++ == 0)
			found.first = table;
		else
			arena_table_fini(&table);
	}
	if (err) {
		arena_table_fini(&found.first);
		return err;
	}
	*ret = found;
	return NULL;
}
