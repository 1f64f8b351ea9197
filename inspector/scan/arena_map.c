/*
 * arena_map: three levels, indexed by an arena's address.
 *
 *	address   │ top │ mid │ bot │ bits inside an arena │
 *	root[top] ─▶ mid[…] ─▶ bot[…] = {tail_hi, tail_lo}
 *
 * tail_hi is -1 for an arena that begins on a multiple of its size, else how far inside it begins;
 * the next entry's tail_lo is then where it ends. With 64 bits and 1 MiB all user addresses have top 0.
 */
#include "inspector/scan/arena_map.h"

#include "base/cleanup.h"

#define NODE_MAX      (256 * KIB) /* bytes */
#define ARENAS_ASKED  64
#define SET_WORDS_MAX 16 /* of a root: a mid node covers 256 GiB of addresses, or more */

/* How a release splits the bits above those inside an arena. */
struct split {
	unsigned top, mid, bot; /* bits; what is above them is not looked at */
};

static const struct split splits_1m[] = {{10, 10, 8}, {15, 15, 14}};
static const struct split splits_2m[] = {{15, 15, 13}};

struct search {
	struct space *space;
	const struct arena_table *table;
	struct split split;
	unsigned arena_bits;
};

static uint64_t index_at(uint64_t address, unsigned shift, unsigned bits)
{
	return address >> shift & ((UINT64_C(1) << bits) - 1);
}

static uint64_t bot_index(const struct search *s, uint64_t address)
{
	return index_at(address, s->arena_bits, s->split.bot);
}

static uint64_t mid_index(const struct search *s, uint64_t address)
{
	return index_at(address, s->arena_bits + s->split.bot, s->split.mid);
}

static uint64_t top_index(const struct search *s, uint64_t address)
{
	return index_at(address, s->arena_bits + s->split.bot + s->split.mid, s->split.top);
}

static struct error *read_word(struct space *space, uint64_t base, uint64_t index, uint64_t *ret)
{
	raddr at = raddr_plus(raddr_at(base), size_multiply(index, 8));
	*ret = 0;
	struct error *err = base ? space_read(space, at, ret, 8) : NULL;
	return err && error_catch(&err, ERROR_FAULT) ? NULL : err;
}

/* ---- one arena ------------------------------------------------------------------------------ */

/* Whether a mid node leads to the arena; its bot node's entry must say how it begins. */
static struct error *leads_to(const struct search *s, uint64_t mid, raddr arena, bool *ret)
{
	uint64_t bot, entry;
	uint32_t tail = (uint32_t)(arena.value & (s->table->geometry.arena_size - 1));
	*ret = false;
	struct error *err = read_word(s->space, mid, mid_index(s, arena.value), &bot);
	err = err ?: read_word(s->space, bot, bot_index(s, arena.value), &entry);
	if (err || !bot)
		return err;
	*ret = (uint32_t)entry == (tail ? tail : UINT32_MAX);
	return NULL;
}

static raddr first_arena(const struct arena_table *table)
{
	for (uint32_t i = 0; i < table->n_slots; i++) {
		if (!raddr_is_null(table->slots[i].address))
			return table->slots[i].address;
	}
	return RADDR_NULL;
}

/* Whether the root leads to every arena, of a great heap to the first of them. */
static struct error *leads_to_all(const struct search *s, raddr root, bool *ret)
{
	*ret = true;
	for (uint32_t i = 0, asked = 0; i < s->table->n_slots && *ret && asked < ARENAS_ASKED;
	     i++) {
		raddr arena = s->table->slots[i].address;
		uint64_t mid;
		if (raddr_is_null(arena))
			continue;
		asked++;
		struct error *err =
			read_word(s->space, root.value, top_index(s, arena.value), &mid);
		err = err ?: leads_to(s, mid, arena, ret);
		if (err)
			return err;
	}
	return NULL;
}

/* ---- how many nodes ------------------------------------------------------------------------- */

static struct error *read_node(struct space *space, uint64_t at, unsigned bits, uint64_t *words,
			       bool *ret_read)
{
	struct error *err = space_read(space, raddr_at(at), words, (size_t)(UINT64_C(8) << bits));
	*ret_read = !err;
	return err && error_catch(&err, ERROR_FAULT) ? NULL : err;
}

/* Counts the nodes; *ret_whole false where one cannot be read. Each level's entries are pointers, so
 * what is counted is bounded by the node's size. */
static struct error *count_nodes(const struct search *s, struct arena_map *map, bool *ret_whole)
{
	_cleanup_(free_pointer) uint64_t *root = malloc(NODE_MAX), *mid = malloc(NODE_MAX);
	if (!root || !mid)
		return error_out_of_memory();
	struct error *err = read_node(s->space, map->root.value, s->split.top, root, ret_whole);
	for (uint64_t i = 0; i < UINT64_C(1) << s->split.top && !err && *ret_whole; i++) {
		if (!root[i])
			continue;
		map->n_mids++;
		err = read_node(s->space, root[i], s->split.mid, mid, ret_whole);
		for (uint64_t k = 0; k < UINT64_C(1) << s->split.mid && !err && *ret_whole; k++)
			map->n_bots += mid[k] != 0;
	}
	return err;
}

/* ---- the root --------------------------------------------------------------------------------- */

static void take_root(const struct search *s, raddr root, struct arena_map *map)
{
	if (map->n_found++ > 0)
		return;
	map->root = root;
	map->root_size = UINT64_C(8) << s->split.top;
	map->mid_size = UINT64_C(8) << s->split.mid;
	map->bot_size = UINT64_C(8) << s->split.bot;
}

/* How many words before each one of a segment are not 0; n_words + 1 of them. */
static uint32_t *count_set_words(const struct data_segment *d)
{
	uint64_t n = d->size / 8;
	uint32_t *before = calloc(n + 1, sizeof(*before));
	for (uint64_t i = 0; before && i < n; i++)
		before[i + 1] = before[i] + (data_segment_word(d, i * 8) != 0);
	return before;
}

/* Tries word i of the segment as the root's entry for the first arena. */
static struct error *try_word(const struct search *s, const struct data_segment *d,
			      const uint32_t *before, uint64_t i, struct arena_map *map)
{
	raddr arena = first_arena(s->table);
	uint64_t top = top_index(s, arena.value), length = UINT64_C(1) << s->split.top;
	uint64_t mid = data_segment_word(d, i * 8);
	bool leads;
	if (mid == 0 || mid % 16 != 0 || mid >> 47 != 0 || i < top ||
	    length > d->size / 8 - (i - top) ||
	    before[i - top + length] - before[i - top] > SET_WORDS_MAX)
		return NULL;
	struct error *err = leads_to(s, mid, arena, &leads);
	if (err || !leads)
		return err;
	raddr root = raddr_plus(d->start, (i - top) * 8);
	err = leads_to_all(s, root, &leads);
	if (!err && leads)
		take_root(s, root, map);
	return err;
}

static struct error *try_split(const struct search *s, const struct data_segments *data,
			       struct arena_map *map)
{
	for (size_t k = 0; k < data->count; k++) {
		const struct data_segment *d = &data->items[k];
		_cleanup_(free_pointer) uint32_t *before = count_set_words(d);
		if (!before)
			return error_out_of_memory();
		for (uint64_t i = 0; i < d->size / 8; i++) {
			struct error *err = try_word(s, d, before, i, map);
			if (err)
				return err;
		}
	}
	return NULL;
}

/* Two ints side by side that hold the two counts: right before the root or right behind it. */
static void find_counts(const struct data_segments *data, struct arena_map *map)
{
	unsigned n = 0;
	for (int64_t offset = -64; offset <= 64; offset += 4) {
		uint32_t first, second;
		raddr at =
			raddr_at((offset < 0 ? map->root.value : map->root.value + map->root_size) +
				 (uint64_t)offset);
		if (offset == -4 || !data_segments_int(data, at, &first) ||
		    !data_segments_int(data, raddr_plus(at, 4), &second))
			continue;
		bool before = offset < 0 && first == map->n_bots && second == map->n_mids;
		bool behind = offset >= 0 && first == map->n_mids && second == map->n_bots;
		if (!before && !behind)
			continue;
		n++;
		map->mid_count = before ? raddr_plus(at, 4) : at;
		map->bot_count = before ? at : raddr_plus(at, 4);
	}
	if (n != 1)
		map->mid_count = map->bot_count = RADDR_NULL;
}

static const struct split *splits_of(const struct arena_table *table, size_t *ret_n,
				     unsigned *ret_bits)
{
	bool large = table->geometry.arena_size == 2 * MIB;
	bool known = large || table->geometry.arena_size == 1 * MIB;
	*ret_bits = large ? 21 : 20;
	*ret_n = !known ? 0 : large ? ARRAY_SIZE(splits_2m) : ARRAY_SIZE(splits_1m);
	return large ? splits_2m : splits_1m;
}

static void forget_unless_one(struct arena_map *map)
{
	if (map->n_found != 1)
		*map = (struct arena_map){.n_found = map->n_found};
}

struct error *arena_map_find(struct space *space, const struct data_segments *data,
			     const struct arena_table *table, struct arena_map *ret)
{
	struct search s = {.space = space, .table = table};
	struct arena_map map = {.n_found = 0};
	size_t n;
	bool whole = false;
	const struct split *splits = splits_of(table, &n, &s.arena_bits);
	for (size_t i = 0; i < n && !raddr_is_null(first_arena(table)); i++) {
		unsigned before = map.n_found;
		s.split = splits[i];
		struct error *err = try_split(&s, data, &map);
		if (!err && map.n_found == 1 && before == 0)
			err = count_nodes(&s, &map, &whole);
		if (err)
			return err;
	}
	forget_unless_one(&map);
	if (map.n_found && whole)
		find_counts(data, &map);
	*ret = map;
	return NULL;
}

struct error *arena_map_read(struct space *space, raddr at, const struct arena_table *table,
			     struct arena_map *ret)
{
	struct search s = {.space = space, .table = table};
	struct arena_map map = {.n_found = 0};
	size_t n;
	const struct split *splits = splits_of(table, &n, &s.arena_bits);
	for (size_t i = 0; i < n; i++) {
		bool leads = false, whole = false, counted;
		uint32_t count[2];
		s.split = splits[i];
		struct error *err = leads_to_all(&s, at, &leads);
		if (err)
			return err;
		if (!leads)
			continue;
		struct arena_map tried = {.n_found = 0};
		take_root(&s, at, &tried);
		err = count_nodes(&s, &tried, &whole);
		if (err)
			return err;
		tried.mid_count = raddr_plus(at, tried.root_size);
		tried.bot_count = raddr_plus(tried.mid_count, 4);
		err = space_read(space, tried.mid_count, count, sizeof(count));
		counted = !err && whole && count[0] == tried.n_mids && count[1] == tried.n_bots;
		if (err && !error_catch(&err, ERROR_FAULT))
			return err;
		if (counted && map.n_found++ == 0) {
			tried.n_found = 1;
			map = tried;
		}
	}
	forget_unless_one(&map);
	*ret = map;
	return NULL;
}
