/*
 * glibc_place: two things are sought in libc's variables, one leads to the other.
 *
 *	libc.so.6  [ r ][ x ][ r banner ][ rw … main_arena … mp_ … ][ .bss ]
 *	                                      │ next        │ sbrk_base
 *	                                      ▼             ▼
 *	                          arena ─▷ arena ─┐       [heap]
 *	                            ▲─────────────┘ closes
 *
 * main_arena: malloc/malloc.c, struct malloc_state; glibc 2.26 to 2.43.
 */
#include "inspector/malloc/glibc_place.h"

#include "base/bytes.h"
#include "base/cleanup.h"
#include "inspector/module.h"

#include <ctype.h>
#include <string.h>

#define BSS_MAX       (256 * KIB) /* of libc; it has about 55 KiB */
#define DATA_MAX      (2 * MIB)
#define RING_MAX      65536
#define BANNER_STEP   (64 * KIB)
#define BANNER        "stable release version 2."
#define BANNER_DEV    "development release version 2."
#define THRESHOLD_MAX (UINT64_C(1) << 46)

/* libc's variables, copied. */
struct data {
	uint64_t start;
	struct bytes bytes;
	uint8_t *buffer; /* owned */
};

static void data_fini(struct data *data)
{
	free(data->buffer);
}

/* ---- libc ------------------------------------------------------------------------------- */

/* "libc.so.6", "libc-2.31.so". */
static bool is_libc(const struct region *region)
{
	const char *slash = region->label ? strrchr(region->label, '/') : NULL;
	if (region->kind != REGION_FILE || !slash)
		return false;
	return strncmp(slash, "/libc.so.6", 10) == 0 || strncmp(slash, "/libc-2.", 8) == 0;
}

/* Its name says it up to 2.33. */
static unsigned minor_of_name(const char *label)
{
	const char *at = strstr(label, "/libc-2.");
	return at ? (unsigned)strtoul(at + 8, NULL, 10) : 0;
}

static unsigned minor_after(const char *text, const char *words)
{
	const char *at = strstr(text, words);
	return at && isdigit((unsigned char)at[strlen(words)])
		       ? (unsigned)strtoul(at + strlen(words), NULL, 10)
		       : 0;
}

/* The banner in one stretch; zeros are blanks, so that it is one string. */
static unsigned minor_in(uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = bytes[i] ? bytes[i] : ' ';
	bytes[size] = 0;
	unsigned minor = minor_after((const char *)bytes, BANNER);
	return minor ? minor : minor_after((const char *)bytes, BANNER_DEV);
}

static struct error *read_banner(struct space *space, const struct region *region, unsigned *ret)
{
	_cleanup_(free_pointer) uint8_t *bytes = malloc(BANNER_STEP + sizeof(BANNER_DEV) + 8);
	if (!bytes)
		return error_out_of_memory();
	for (uint64_t at = 0; at < region->size && !*ret; at += BANNER_STEP) {
		size_t size =
			(size_t)size_min(region->size - at, BANNER_STEP + sizeof(BANNER_DEV) + 4);
		struct error *err = space_read(space, raddr_plus(region->start, at), bytes, size);
		if (err && !error_catch(&err, ERROR_FAULT))
			return err;
		else if (!err)
			*ret = minor_in(bytes, size);
	}
	return NULL;
}

static struct error *find_version(struct space *space, struct glibc_place *place)
{
	place->minor = minor_of_name(place->library);
	for (size_t i = 0; i < space->regions.count && !place->minor; i++) {
		const struct region *region = &space->regions.items[i];
		if (!is_libc(region) || !region->readable || region->writable ||
		    region->executable || region->size > DATA_MAX)
			continue;
		struct error *err = read_banner(space, region, &place->minor);
		if (err)
			return err;
	}
	if (place->minor < 26 || place->minor > 99)
		place->minor = 0;
	return NULL;
}

/* The writable part, and .bss, which follows it as anonymous memory; absent pages are zeros. */
static struct error *read_data(struct space *space, size_t first, struct data *ret)
{
	const struct region *region = &space->regions.items[first], *next = region + 1;
	bool follows = first + 1 < space->regions.count && next->kind == REGION_ANON &&
		       next->writable && next->start.value == region->start.value + region->size;
	size_t size = (size_t)(size_min(region->size, DATA_MAX) +
			       (follows ? size_min(next->size, BSS_MAX) : 0));
	*ret = (struct data){.start = region->start.value, .buffer = calloc(1, size)};
	if (!ret->buffer)
		return error_out_of_memory();
	ret->bytes = bytes_of(ret->buffer, size);
	for (size_t at = 0; at < size; at += GLIBC_PAGE) {
		struct error *err = space_read(space, raddr_at(ret->start + at), ret->buffer + at,
					       (size_t)size_min(GLIBC_PAGE, size - at));
		if (err && !error_catch(&err, ERROR_FAULT))
			return err;
	}
	return NULL;
}

/* ---- the ring --------------------------------------------------------------------------- */

static bool read_word(struct space *space, uint64_t at, uint64_t *ret)
{
	struct error *err = space_read(space, raddr_at(at), ret, sizeof(*ret));
	error_free(err);
	return !err;
}

/* An arena of other threads lies behind the header of its first heap, which names it. */
static uint64_t header_before(struct space *space, uint64_t arena)
{
	uint64_t named, inside = arena % GLIBC_PAGE;
	if (inside != 32 && inside != 48)
		return 0;
	return read_word(space, arena - inside, &named) && named == arena ? inside : 0;
}

static bool walk_ring(struct space *space, const struct glibc_state_shape *shape, uint64_t main,
		      struct glibc_place *ret)
{
	uint64_t at = main;
	for (size_t i = 0; i < RING_MAX; i++) {
		raddr *arena = vec_push(&ret->arenas);
		uint64_t next;
		if (!arena || !read_word(space, at + GLIBC_NEXT_AT(shape), &next))
			return false;
		*arena = raddr_at(at);
		if (next == main)
			return true;
		uint64_t header = header_before(space, next);
		if (!header || (ret->heap_info_size && header != ret->heap_info_size))
			return false;
		ret->heap_info_size = header;
		at = next;
	}
	return false;
}

/* ---- main_arena ------------------------------------------------------------------------- */

static bool bins_hold(struct data *data, uint64_t bins)
{
	for (size_t i = 0; i < GLIBC_N_BINS; i++) {
		size_t at = (size_t)(bins - data->start) + i * 16;
		uint64_t self = bins + i * 16 - 16;
		uint64_t fd = bytes_u64(&data->bytes, at), bk = bytes_u64(&data->bytes, at + 8);
		bool empty = fd == self && bk == self;
		bool filled =
			fd != self && bk != self && fd && bk && (fd | bk) % GLIBC_ALIGNMENT == 0;
		if (!empty && !filled)
			return false;
	}
	return true;
}

/* What can be told from libc's data alone: bins, sizes, the top chunk. */
static bool looks_like_arena(struct data *data, const struct glibc_state_shape *s, size_t at)
{
	struct bytes *b = &data->bytes;
	if (at + GLIBC_STATE_SIZE(s) > b->size)
		return false;
	uint64_t start = data->start + at;
	uint64_t next = bytes_u64(b, at + GLIBC_NEXT_AT(s)),
		 top = bytes_u64(b, at + GLIBC_TOP_AT(s));
	uint64_t system = bytes_u64(b, at + GLIBC_SYSTEM_AT(s));
	uint64_t most = bytes_u64(b, at + GLIBC_SYSTEM_MAX_AT(s));
	return (next == start || next % GLIBC_PAGE == 32 || next % GLIBC_PAGE == 48) && top &&
	       top % GLIBC_ALIGNMENT == 0 && system <= most && bytes_u32(b, at) <= 2 &&
	       bins_hold(data, start + s->bins);
}

static void take_main(struct space *space, const struct glibc_state_shape *s, uint64_t start,
		      struct glibc_place *ret, size_t *n)
{
	struct glibc_place found = {.state = s, .main_arena = raddr_at(start)};
	if (!walk_ring(space, s, start, &found) || (*n)++ > 0) {
		vec_fini(&found.arenas);
		return;
	}
	ret->state = s;
	ret->main_arena = found.main_arena;
	ret->heap_info_size = found.heap_info_size;
	ret->arenas.items = found.arenas.items;
	ret->arenas.count = found.arenas.count;
	ret->arenas.room = found.arenas.room;
}

static void find_main(struct space *space, struct data *data, struct glibc_place *ret)
{
	size_t n = 0;
	const struct glibc_state_shape *s;
	for (size_t i = 0; (s = glibc_state_shape(i)); i++) {
		if (!glibc_shape_fits(s->from, s->until, ret->minor))
			continue;
		for (size_t at = 0; at < data->bytes.size; at += 8)
			if (looks_like_arena(data, s, at))
				take_main(space, s, data->start + at, ret, &n);
	}
	if (n > 1) { /* two answers are none */
		vec_fini(&ret->arenas);
		ret->state = NULL;
	}
}

/* ---- mp_ -------------------------------------------------------------------------------- */

uint64_t glibc_place_par_word(const struct glibc_place *place, unsigned offset)
{
	struct bytes b = bytes_of(place->mp_bytes, sizeof(place->mp_bytes));
	return bytes_u64(&b, offset);
}

uint32_t glibc_place_par_int(const struct glibc_place *place, unsigned offset)
{
	struct bytes b = bytes_of(place->mp_bytes, sizeof(place->mp_bytes));
	return bytes_u32(&b, offset);
}

static bool looks_like_par(struct data *data, const struct glibc_par_shape *p, size_t at)
{
	struct bytes *b = &data->bytes;
	uint64_t mapped = bytes_u64(b, at + p->mmapped_mem);
	uint64_t most = bytes_u64(b, at + p->max_mmapped_mem);
	uint32_t n = bytes_u32(b, at + p->n_mmaps), n_most = bytes_u32(b, at + p->max_n_mmaps);
	return n <= n_most && mapped <= most && (n == 0) == (mapped == 0) &&
	       bytes_u32(b, at + p->no_dyn_threshold) <= 1 &&
	       bytes_u32(b, at + p->n_mmaps_max) <= INT32_MAX &&
	       bytes_u64(b, at + GLIBC_PAR_MMAP_THRESHOLD) < THRESHOLD_MAX &&
	       bytes_u64(b, at + GLIBC_PAR_ARENA_TEST) < RING_MAX &&
	       bytes_u64(b, at + GLIBC_PAR_ARENA_MAX) < THRESHOLD_MAX;
}

/* Where `base` stands as sbrk_base. */
static size_t find_par_by(struct data *data, uint64_t base, struct glibc_place *ret)
{
	size_t n = 0;
	const struct glibc_par_shape *p;
	for (size_t i = 0; (p = glibc_par_shape(i)); i++) {
		if (!glibc_shape_fits(p->from, p->until, ret->minor) ||
		    !(p->from <= ret->state->until && p->until >= ret->state->from))
			continue;
		for (size_t at = 0; at + p->size <= data->bytes.size; at += 8) {
			bool same = ret->par && ret->par->sbrk_base == p->sbrk_base &&
				    ret->mp.value == data->start + at; /* 2.41's and 2.42's */
			if (bytes_u64(&data->bytes, at + p->sbrk_base) != base || same ||
			    !looks_like_par(data, p, at) || n++ > 0)
				continue;
			ret->par = p;
			ret->mp = raddr_at(data->start + at);
			memcpy(ret->mp_bytes, data->buffer + at, p->size);
		}
	}
	if (n != 1)
		ret->par = NULL;
	return n;
}

/* The main heap begins as far below its end as it is large, while it is in one piece. */
static uint64_t begin_of_main(struct space *space, struct data *data, struct glibc_place *place)
{
	size_t at = (size_t)(place->main_arena.value - data->start);
	uint64_t top = bytes_u64(&data->bytes, at + GLIBC_TOP_AT(place->state)), size;
	if (!read_word(space, top + 8, &size))
		return 0;
	return top + (size & ~GLIBC_SIZE_BITS) -
	       bytes_u64(&data->bytes, at + GLIBC_SYSTEM_AT(place->state));
}

static void find_par(struct space *space, struct data *data, struct glibc_place *ret)
{
	uint64_t begin = begin_of_main(space, data, ret);
	size_t n = begin ? find_par_by(data, begin, ret) : 0;
	for (size_t i = 0; i < space->regions.count && n == 0; i++)
		if (space->regions.items[i].kind == REGION_HEAP)
			n = find_par_by(data, space->regions.items[i].start.value, ret);
}

/* ---- all of it -------------------------------------------------------------------------- */

/* glibc.malloc.hugetlb sets another alignment in 2.35 to 2.41 (malloc/arena.c, heap_max_size()). */
static void find_alignment(struct glibc_place *place)
{
	const struct glibc_par_shape *p = place->par;
	uint64_t huge = p && p->hp_pagesize ? glibc_place_par_word(place, p->hp_pagesize) : 0;
	bool moved = p && p->from <= 41 && size_is_power_of_two(huge) && huge < GIB;
	place->heap_align = moved ? 4 * huge : GLIBC_HEAP_SIZE;
	if (!place->heap_info_size)
		place->heap_info_size = p && p->from >= 35 ? 48 : 32;
}

static struct error *find_in(struct space *space, size_t region, struct glibc_place *ret)
{
	_cleanup_(data_fini) struct data data = {0};
	struct error *err = read_data(space, region, &data);
	if (err)
		return err;
	find_main(space, &data, ret);
	if (ret->state)
		find_par(space, &data, ret);
	find_alignment(ret);
	return NULL;
}

struct error *glibc_place_find(const struct origin *origin, struct space *space,
			       struct glibc_place *ret)
{
	for (size_t i = 0; i < space->regions.count && !ret->state; i++) {
		const struct region *region = &space->regions.items[i];
		struct error *err = NULL;
		if (!is_libc(region))
			continue;
		if (!ret->library) {
			ret->library = strdup(region->label);
			err = origin ? module_back(origin, space, region) : NULL;
			err = err
				      ?: ret->library ? find_version(space, ret)
						      : error_out_of_memory();
		}
		if (!err && region->readable && region->writable)
			err = find_in(space, i, ret);
		if (err)
			return err;
	}
	return NULL;
}

void glibc_place_fini(struct glibc_place *place)
{
	free(place->library);
	vec_fini(&place->arenas);
	*place = GLIBC_PLACE_EMPTY;
}
