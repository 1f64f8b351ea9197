/*
 * pymalloc_walk: from copied bytes to facts.
 *
 * The figures are those of CPython's own _PyObject_DebugMallocStats (Objects/obmalloc.c, 3.6 to
 * 3.15; 2.7 has the same structures):
 *
 *	arena = alignment loss + pools in use + unused pools (empty or virgin: nfreepools)
 *	pool in use = header + used blocks + free blocks + quantization loss
 *
 * so the six sums must add up to the arenas' bytes. What does not fit is a doubt,
 * and counts as little as can be known of it.
 */
#include "base/cleanup.h"
#include "base/count.h"
#include "inspector/heap/pymalloc_lists.h"
#include "inspector/heap/pymalloc_round.h"

/* A stop may land between two stores of one unlink. */
#define FAULTS_OF_ONE_STOP 2

struct walk {
	const struct pymalloc_copy *copy;
	const struct pymalloc_image *image;
	struct image_order order;
	struct doubts *doubts;
	struct pymalloc *p;
	uint64_t n_unreadable, n_swapped, n_invalid, n_unsettled;
	raddr invalid, unsettled; /* the first */
};

/* ---- pools and arenas ------------------------------------------------------------- */

static void judge_unread(struct walk *w, enum slice_got got)
{
	w->n_swapped += got == SLICE_ABSENT;
	w->n_unreadable += got == SLICE_UNREADABLE;
}

static void judge_invalid(struct walk *w, raddr at)
{
	if (w->n_invalid++ == 0)
		w->invalid = at;
}

/* Pool `i` of an arena, and its share of the sums. */
static struct pymalloc_pool walk_pool(struct walk *w, uint32_t index, uint32_t i,
				      struct pymalloc_arena *arena)
{
	const struct pymalloc_image *image = w->image;
	size_t place = pymalloc_image_place(image, &image->arenas[index], i);
	enum slice_got got = pymalloc_image_got(image, place);
	if (got != SLICE_READ) {
		judge_unread(w, got);
		return (struct pymalloc_pool){.state = POOL_UNREAD};
	}
	struct pymalloc_header h = pymalloc_image_header(image, place);
	if (h.count == 0)
		return (struct pymalloc_pool){.state = POOL_EMPTY};
	if (!pymalloc_image_plausible(image, &h, index)) {
		judge_invalid(w, pymalloc_pool_address(w->p, arena, i));
		return (struct pymalloc_pool){.state = POOL_UNREAD};
	}
	uint32_t capacity = pymalloc_geometry_capacity(&image->geometry, h.szidx);
	struct pymalloc_class *class = &w->p->classes[h.szidx];
	class->pools++;
	class->used_blocks += h.count;
	class->free_blocks += capacity - h.count;
	arena->used_blocks += h.count;
	arena->used_bytes += h.count * class->size;
	return (struct pymalloc_pool){
		.used = (uint16_t)h.count,
		.capacity = (uint16_t)capacity,
		.class = (uint8_t)h.szidx,
		.state = h.count == capacity ? POOL_FULL : POOL_PARTIAL,
	};
}

static void count_resident(const struct walk *w, const struct image_arena *from,
			   struct pymalloc_arena *arena)
{
	const struct residency *residency = pymalloc_copy_residency(w->copy);
	if (!residency)
		return;
	residency_count(residency, arena->address, w->p->arena_size, &arena->resident,
			&arena->swapped);
	/* Newer than the residency: its carved pools have just been written. */
	if (from->n_resident == 0 && arena->resident == 0)
		arena->resident = from->carved * w->p->pool_size;
}

static void walk_arena(struct walk *w, uint32_t index)
{
	const struct image_arena *from = &w->image->arenas[index];
	struct pymalloc *p = w->p;
	struct pymalloc_arena *arena = vec_push(&p->arenas); /* room was reserved */
	*arena = (struct pymalloc_arena){
		.address = from->seen.address,
		.first_pool = pymalloc_geometry_first_pool(&w->image->geometry, from->seen.address),
		.index = index,
		.n_pools = from->seen.ntotalpools,
		.n_free = from->seen.nfreepools,
		.n_carved = from->carved,
		.pools_at = (uint32_t)p->pools.count,
		.settled = pymalloc_image_settled(w->image, index),
	};
	for (uint32_t i = 0; i < arena->n_pools; i++) {
		struct pymalloc_pool *pool = vec_push(&p->pools);
		*pool = (struct pymalloc_pool){.state = POOL_VIRGIN};
		if (i < from->carved)
			*pool = walk_pool(w, index, i, arena);
	}
	count_resident(w, from, arena);
	p->unused_pools += arena->n_free;
	if (!raddr_equal(arena->address, arena->first_pool))
		p->arena_alignment_bytes += p->pool_size;
	if (!arena->settled && w->n_unsettled++ == 0)
		w->unsettled = arena->address;
}

static struct error *walk_arenas(struct walk *w)
{
	uint64_t n_pools = 0;
	for (size_t i = 0; i < w->order.count; i++)
		n_pools += w->image->arenas[w->order.items[i].index].seen.ntotalpools;
	if (!vec_reserve(&w->p->arenas, w->order.count) || !vec_reserve(&w->p->pools, n_pools))
		return error_out_of_memory();
	for (size_t i = 0; i < w->order.count; i++)
		walk_arena(w, w->order.items[i].index);
	return NULL;
}

static void add_up(struct pymalloc *p)
{
	uint64_t pools = 0;
	for (size_t i = 0; i < p->n_classes; i++) {
		const struct pymalloc_class *c = &p->classes[i];
		uint64_t usable = p->pool_size - p->pool_overhead;
		p->used_blocks += c->used_blocks;
		p->allocated_bytes += c->used_blocks * c->size;
		p->available_bytes += c->free_blocks * c->size;
		p->quantization_bytes += c->pools * (usable % c->size);
		pools += c->pools;
	}
	p->pool_headers_bytes = pools * p->pool_overhead;
	p->unused_pools_bytes = p->unused_pools * p->pool_size;
	p->total_bytes = p->allocated_bytes + p->available_bytes + p->unused_pools_bytes +
			 p->pool_headers_bytes + p->quantization_bytes + p->arena_alignment_bytes;
}

/* ---- doubts -------------------------------------------------------------------------- */

static void doubt_copy(struct walk *w)
{
	uint64_t n_invalid = w->order.n_overlapping, n_missing = 0;
	for (uint32_t i = 0; i < w->image->n_table; i++) {
		const struct image_arena *a = &w->image->arenas[i];
		n_invalid += a->invalid;
		n_missing += a->in_use && !a->copied && !a->invalid;
	}
	if (w->image->words_unreadable)
		doubts_add(w->doubts, DOUBT_ARENAS_UNREADABLE, DOUBT_PARTIAL, 1,
			   "the allocator's variables cannot be read");
	else if (w->image->table_unreadable)
		doubts_add(w->doubts, DOUBT_ARENAS_UNREADABLE, DOUBT_PARTIAL, 1,
			   "the table of arenas at " RADDR_FORMAT " cannot be read",
			   w->image->words.word[WORD_ARENAS]);
	if (n_invalid)
		doubts_add(w->doubts, DOUBT_ARENA_INVALID, DOUBT_INCONSISTENT, n_invalid,
			   "arena objects that describe no arena: not counted");
	if (n_missing)
		doubts_add(w->doubts, DOUBT_ARENA_UNSETTLED, DOUBT_PARTIAL, n_missing,
			   "arenas that appeared while the others were copied: not counted");
	if (w->image->geometry.assumed)
		doubts_add(
			w->doubts, DOUBT_GEOMETRY, DOUBT_NOTE, 1,
			"no pool in use shows its size: taken to be %s bytes, blocks aligned to %s",
			COUNT(w->image->geometry.pool_size), COUNT(w->image->geometry.alignment));
}

static void doubt_pools(struct walk *w)
{
	if (w->n_unreadable)
		doubts_add(w->doubts, DOUBT_POOL_UNREADABLE, DOUBT_PARTIAL, w->n_unreadable,
			   "pools whose headers cannot be read");
	if (w->n_swapped)
		doubts_add(w->doubts, DOUBT_POOL_SWAPPED, DOUBT_PARTIAL, w->n_swapped,
			   "pools that are swapped out, and were left there");
	if (w->n_invalid)
		doubts_add(w->doubts, DOUBT_POOL_INVALID, DOUBT_INCONSISTENT, w->n_invalid,
			   "pools with impossible headers, the first at " RADDR_FORMAT,
			   w->invalid.value);
	if (w->n_unsettled)
		doubts_add(w->doubts, DOUBT_ARENA_UNSETTLED, DOUBT_INCONSISTENT, w->n_unsettled,
			   "arenas whose pools and counters disagree, the first at " RADDR_FORMAT,
			   w->unsettled.value);
}

/* Of a heap that was moving, lists and pools were not seen at one moment: that is no defect. */
static enum doubt_severity severity_of_lists(const struct walk *w, uint64_t faults)
{
	bool moving = w->image->moved || w->n_unsettled > 0 || !w->copy->complete;
	if (w->image->frozen)
		return faults > FAULTS_OF_ONE_STOP ? DOUBT_INCONSISTENT : DOUBT_NOTE;
	return moving ? DOUBT_NOTE : DOUBT_INCONSISTENT;
}

static void doubt_list(struct walk *w, enum doubt_kind kind, uint64_t n, raddr first,
		       const char *what)
{
	if (n == 0)
		return;
	enum doubt_severity severity = severity_of_lists(w, n);
	if (severity == DOUBT_NOTE)
		doubts_add(w->doubts, kind, severity, n,
			   "%s changed while they were copied; the figures do not depend on them",
			   what);
	else
		doubts_add(w->doubts, kind, severity, n, "%s are damaged, first at " RADDR_FORMAT,
			   what, first.value);
}

static struct error *doubt_lists(struct walk *w)
{
	struct list_findings f;
	struct error *err = pymalloc_lists_check(w->image, &w->order, &f);
	if (err)
		return err;
	doubt_list(w, DOUBT_USED_LIST, f.n_used, f.used, "lists of usable pools");
	doubt_list(w, DOUBT_USABLE_LIST, f.n_usable, f.usable, "links of usable arenas");
	doubt_list(w, DOUBT_USABLE_LIST, f.n_unused, f.unused, "links of unused arena objects");
	return NULL;
}

static void doubt_counters(struct walk *w)
{
	const struct pymalloc *p = w->p;
	uint64_t in_use = 0;
	for (uint32_t i = 0; i < w->image->n_table; i++)
		in_use += !raddr_is_null(pymalloc_image_object(w->image, i).address);
	const struct maybe *current = &p->arenas_current, *high = &p->arenas_highwater,
			   *total = &p->arenas_allocated_total;
	if (current->known && current->value != in_use)
		doubts_add(w->doubts, DOUBT_COUNTERS, severity_of_lists(w, 1), 1,
			   "the allocator counts %s arenas, its table holds %s",
			   COUNT(current->value), COUNT(in_use));
	if (high->known && total->known && (high->value > total->value || high->value < in_use))
		doubts_add(w->doubts, DOUBT_COUNTERS, severity_of_lists(w, 1), 1,
			   "highwater mark %s of %s arenas ever allocated, %s in use",
			   COUNT(high->value), COUNT(total->value), COUNT(in_use));
	if (!high->known && !high->absent)
		doubts_add(w->doubts, DOUBT_COUNTER_UNKNOWN, DOUBT_PARTIAL, 1,
			   "narenas_highwater could not be found");
	if (!total->known && !total->absent)
		doubts_add(w->doubts, DOUBT_COUNTER_UNKNOWN, DOUBT_PARTIAL, 1,
			   "ntimes_arena_allocated could not be found");
}

static void doubt_totals(struct walk *w)
{
	uint64_t expected = size_multiply(w->p->arenas.count, w->p->arena_size);
	bool excused = w->n_unreadable || w->n_swapped || w->n_invalid || w->n_unsettled;
	if (w->p->total_bytes != expected && !excused)
		doubts_add(w->doubts, DOUBT_TOTALS, DOUBT_INCONSISTENT, 1,
			   "the parts add up to %s bytes, the arenas to %s",
			   COUNT(w->p->total_bytes), COUNT(expected));
}

/* ---- the whole ------------------------------------------------------------------------ */

static void take_geometry(const struct pymalloc_geometry *g, struct pymalloc *p)
{
	p->alignment = g->alignment;
	p->n_classes = g->n_classes;
	p->threshold = g->n_classes * g->alignment;
	p->pool_size = g->pool_size;
	p->arena_size = g->arena_size;
	p->pool_overhead = g->overhead;
	for (uint32_t i = 0; i < g->n_classes; i++)
		p->classes[i].size = pymalloc_geometry_block(g, i);
}

static void take_counters(const struct pymalloc_image *image, const struct pymalloc_roots *roots,
			  struct pymalloc *p)
{
	const struct pymalloc_words *words = &image->words;
	bool totals = roots->keeps_totals;
	p->arenas_current = pymalloc_words_maybe(words, WORD_ARENAS_CURRENT, true);
	p->arenas_allocated_total = pymalloc_words_maybe(words, WORD_ARENAS_TOTAL, totals);
	p->arenas_highwater = pymalloc_words_maybe(words, WORD_ARENAS_HIGHWATER, totals);
	p->raw_allocated_blocks =
		pymalloc_words_maybe(words, WORD_RAW_ALLOCATED_BLOCKS, roots->keeps_raw_blocks);
}

/* Sizes are those of the types: arena_map_top_t has as many pointers as arena_map_mid_t in every
 * release (3.10 to 3.15). Pools larger than 4 KiB are built only together with the tree: one that was
 * not found is unknown, not absent. */
static void take_arena_map(const struct pymalloc_image *image, const struct layout *layout,
			   const struct pymalloc_roots *roots, struct pymalloc *p)
{
	p->has_arena_map =
		!raddr_is_null(roots->arena_map_root) || image->geometry.pool_size > 4 * KIB;
	p->arena_map_mids = pymalloc_words_maybe(&image->words, WORD_MAP_MIDS, p->has_arena_map);
	p->arena_map_bots = pymalloc_words_maybe(&image->words, WORD_MAP_BOTS, p->has_arena_map);
	if (!p->has_arena_map)
		return;
	p->arena_map_mid_size = layout_width(layout, LAYOUT_ARENA_MAP_MID_SIZE);
	p->arena_map_bot_size = layout_width(layout, LAYOUT_ARENA_MAP_BOT_SIZE);
	p->arena_map_root_size = p->arena_map_mid_size;
}

struct error *pymalloc_walk(const struct pymalloc_copy *copy, const struct layout *layout,
			    const struct pymalloc_roots *roots, struct pymalloc *ret,
			    struct doubts *doubts)
{
	_cleanup_(pymalloc_fini) struct pymalloc p = {0};
	struct walk w = {.copy = copy, .image = &copy->image, .doubts = doubts, .p = &p};
	take_counters(w.image, roots, &p);
	take_arena_map(w.image, layout, roots, &p);
	struct error *err = pymalloc_image_sort(w.image, &w.order);
	if (err)
		return err;
	_cleanup_(pymalloc_image_order_fini) struct image_order order = w.order;
	p.used = order.count > 0;
	p.has_residency = copy->has_residency;
	doubt_copy(&w);
	if (p.used) {
		take_geometry(&w.image->geometry, &p);
		err = walk_arenas(&w);
		if (!err)
			err = doubt_lists(&w);
		if (err)
			return err;
		add_up(&p);
		doubt_pools(&w);
		doubt_counters(&w);
		doubt_totals(&w);
	}
	*ret = p;
	p.arenas.items = NULL;
	p.pools.items = NULL;
	return NULL;
}
