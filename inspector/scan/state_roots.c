/*
 * state_roots: the struct, as its two lengths make it.
 *
 *	0            used[2 * classes]
 *	mgmt         arenas │ maxarenas, 4 unused │ unused_arena_objects │ usable_arenas
 *	             nfp2lasta[pools per arena + 1] │ current │ ntimes │ highwater │ raw blocks
 *	usage        root │ mid_count │ bot_count          (none without the radix tree)
 */
#include "inspector/scan/state_roots.h"

#include "base/bytes.h"
#include "base/cleanup.h"

#define MGMT_MAX 16384 /* bytes: nfp2lasta of 2048 pools, more than 64 MiB arenas have */

struct state {
	struct space *space;
	const struct pymalloc_shape *shape;
	const struct pool_table *pools;
	struct arena_table *table;
	struct state_roots *ret;
	uint64_t mgmt;      /* offset of arenas */
	struct bytes bytes; /* the struct from mgmt on, as far as raw_allocated_blocks */
	uint64_t at;        /* next member */
};

static void add_member(struct state *s, enum layout_entry_id id, uint64_t width, uint64_t count)
{
	s->ret->entries[id] = (struct layout_entry){
		.offset = s->at,
		.width = width,
		.count = count,
		.stride = width,
		.provenance = PROVENANCE_SCANNED,
	};
	s->at += size_align_up(width * count, 8);
}

static uint64_t word_at(struct state *s, uint64_t offset)
{
	return bytes_u64(&s->bytes, (size_t)(offset - s->mgmt));
}

static bool fits_lists(struct state *s)
{
	return bytes_u32(&s->bytes, 8) == s->table->n_slots &&
	       word_at(s, s->mgmt + 16) == s->table->unused.value &&
	       word_at(s, s->mgmt + 24) == s->table->usable.value;
}

static bool fits_nfp2lasta(struct state *s, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (word_at(s, s->mgmt + 32 + i * UINT64_C(8)) != s->table->last_of[i])
			return false;
	}
	return true;
}

static bool fits_counters(struct state *s, uint64_t offset)
{
	uint64_t current = word_at(s, offset), total = word_at(s, offset + 8);
	uint64_t high = word_at(s, offset + 16);
	return current == s->table->n_in_use && current <= high && high <= total &&
	       high <= s->table->n_slots;
}

/* The members before nfp2lasta, whose length shows only once there is an arena. */
static void add_lists(struct state *s)
{
	s->at = 0;
	add_member(s, LAYOUT_STATE_USEDPOOLS, 8, 2 * (uint64_t)s->pools->n_classes);
	add_member(s, LAYOUT_STATE_ARENAS, 8, 1);
	add_member(s, LAYOUT_STATE_MAXARENAS, 4, 1);
	add_member(s, LAYOUT_STATE_UNUSED_ARENA_OBJECTS, 8, 1);
	add_member(s, LAYOUT_STATE_USABLE_ARENAS, 8, 1);
}

static void add_all(struct state *s, uint32_t n_nfp2lasta, const struct arena_map *map)
{
	add_lists(s);
	add_member(s, LAYOUT_STATE_NFP2LASTA, 8, n_nfp2lasta);
	add_member(s, LAYOUT_STATE_NARENAS_CURRENT, 8, 1);
	add_member(s, LAYOUT_STATE_NTIMES_ALLOCATED, 8, 1);
	add_member(s, LAYOUT_STATE_NARENAS_HIGHWATER, 8, 1);
	add_member(s, LAYOUT_STATE_RAW_ALLOCATED_BLOCKS, 8, 1);
	if (map->n_found) {
		add_member(s, LAYOUT_STATE_ARENA_MAP_ROOT, map->root_size, 1);
		add_member(s, LAYOUT_STATE_ARENA_MAP_MID_COUNT, 4, 1);
		s->at -= 4; /* the two counts are ints side by side */
		add_member(s, LAYOUT_STATE_ARENA_MAP_BOT_COUNT, 4, 1);
		s->at -= 4;
	}
	uint64_t size = s->at;
	s->at = 0;
	add_member(s, LAYOUT_STATE_SIZE, size, 1);
	if (map->n_found) {
		s->at = 0;
		add_member(s, LAYOUT_ARENA_MAP_MID_SIZE, map->mid_size, 1);
		s->at = 0;
		add_member(s, LAYOUT_ARENA_MAP_BOT_SIZE, map->bot_size, 1);
	}
}

/* Pools of 16 KiB came with the radix tree and only with it (3.10 to 3.15). */
static bool has_map(const struct state *s)
{
	return s->pools->pool_size > 4 * KIB;
}

static struct error *fit(struct state *s)
{
	uint32_t n = s->table->geometry.pools_per_arena + 1;
	uint64_t counters = s->mgmt + 32 + n * UINT64_C(8), end = counters + 32;
	struct arena_map map = {.n_found = 0};
	s->ret->why = "its lists and arenas disagree";
	if (!fits_lists(s))
		return NULL;
	s->ret->why = "what follows its lists is not nfp2lasta";
	if (!fits_nfp2lasta(s, n))
		return NULL;
	s->ret->why = "its counters and its arenas disagree";
	if (!fits_counters(s, counters) || s->bytes.overrun)
		return NULL;
	struct error *err = arena_map_read(s->space, raddr_plus(s->pools->at, end), s->table, &map);
	if (err)
		return err;
	s->ret->why = "no radix tree follows its counters";
	if (!map.n_found && has_map(s))
		return NULL;
	add_all(s, n, &map);
	s->ret->found = true;
	s->ret->why = NULL;
	return NULL;
}

/* Reads as much as there may be: at most MGMT_MAX, less where the memory ends. */
static struct error *read_mgmt(struct state *s, uint8_t *buffer, size_t *ret_size)
{
	raddr at = raddr_plus(s->pools->at, s->mgmt);
	for (size_t size = MGMT_MAX; size >= 64; size /= 2) {
		struct error *err = space_read(s->space, at, buffer, size);
		*ret_size = size;
		if (!err || !error_catch(&err, ERROR_FAULT))
			return err;
	}
	*ret_size = 0;
	return NULL;
}

struct error *state_roots_read(struct space *space, const struct pymalloc_shape *shape,
			       const struct pool_table *pools, struct state_roots *ret)
{
	_cleanup_(arena_table_fini) struct arena_table table = {.slots = NULL};
	uint8_t buffer[MGMT_MAX];
	size_t size;
	bool fits;
	*ret = (struct state_roots){.why = "no table of arenas follows its lists"};
	struct state s = {
		.space = space, .shape = shape, .pools = pools, .table = &table, .ret = ret};
	s.mgmt = 16 * (uint64_t)pools->n_classes;
	struct error *err = read_mgmt(&s, buffer, &size);
	if (err)
		return err;
	s.bytes = bytes_of(buffer, size);
	uint64_t arenas = word_at(&s, s.mgmt);
	ret->idle = size && pools->n_heads == 0 && pools->n_unseen == 0 && arenas == 0 &&
		    bytes_u32(&s.bytes, 8) == 0;
	if (ret->idle)
		add_lists(&s);
	if (pools->n_heads == 0)
		return NULL;
	err = arena_table_read(space, shape, pools, raddr_at(arenas), &fits, &table);
	return err || !fits ? err : fit(&s);
}
