/*
 * map: on 80 columns an arena of 64 pools fits exactly; narrower screens fold
 * neighbouring pools into one cell, wider ones get more figures.
 *
 *	7f3a1c000000 ████░·····························  3
 *	└ address ─┘ └ pools in address order ─────────┘└ % of the arena's blocks in use
 */
#include "ui/report/map.h"

#include "base/cleanup.h"
#include "base/count.h"
#include "ui/occupancy.h"
#include "ui/report/dump.h"
#include "ui/report/dump_mimalloc.h"
#include "ui/report/dump_tables.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_WIDTH 13 /* twelve hex digits and a space */
#define SHARE_WIDTH 3
#define EXTRA_WIDTH 20 /* live bytes and bytes in RAM, where there is room */

struct shape {
	uint32_t fold; /* pools of a cell */
	uint32_t cells;
	bool extra;
};

static struct shape shape_of(const struct occupancy *o, unsigned width)
{
	struct shape shape = {.fold = 1};
	uint32_t n_pools = 1;
	for (size_t i = 0; i < o->arenas.count; i++)
		n_pools = (uint32_t)size_max(n_pools, o->arenas.items[i].arena->n_pools);
	while (LABEL_WIDTH + SHARE_WIDTH + (n_pools + shape.fold - 1) / shape.fold > width &&
	       shape.fold < n_pools)
		shape.fold *= 2;
	shape.cells = (n_pools + shape.fold - 1) / shape.fold;
	shape.extra = LABEL_WIDTH + SHARE_WIDTH + shape.cells + EXTRA_WIDTH <= width;
	return shape;
}

/* What lies in pools [from, to) of an arena: bytes used and held; false where nothing is known. */
static bool sum_pools(const struct occupancy_arena *a, uint32_t from, uint32_t to,
		      uint64_t *ret_used, uint64_t *ret_held)
{
	const struct pymalloc *p = a->heap;
	bool known = false;
	*ret_used = *ret_held = 0;
	for (uint32_t i = from; i < to && i < a->arena->n_pools; i++) {
		size_t at = (size_t)a->arena->pools_at + i;
		if (at >= p->pools.count || p->pools.items[at].state == POOL_UNREAD)
			continue;
		const struct pymalloc_pool *pool = &p->pools.items[at];
		uint64_t size = (pool->class + UINT64_C(1)) * p->alignment;
		known = true;
		*ret_used += pool->used * size;
		*ret_held += pool->capacity ? size_subtract(pool->capacity, pool->used) * size
					    : size_subtract(p->pool_size, p->pool_overhead);
	}
	return known;
}

static enum occupancy_class cell_class(const struct occupancy_arena *a, uint32_t from, uint32_t to)
{
	uint64_t used, held;
	if (!sum_pools(a, from, to, &used, &held))
		return OCCUPANCY_UNREAD;
	return occupancy_class_of(used, held);
}

static void write_cells(struct page *page, const struct occupancy_arena *a,
			const struct shape *shape)
{
	enum ink ink = INK_PLAIN;
	for (uint32_t i = 0; i < shape->cells; i++) {
		uint32_t from = i * shape->fold;
		enum occupancy_class class = cell_class(a, from, from + shape->fold);
		bool none = from >= a->arena->n_pools;
		enum ink next = none ? INK_PLAIN : style_glyph_ink(class);
		if (next != ink)
			page_addf(page, "%s%s", style_ink_end(page->style, ink),
				  style_ink(page->style, next));
		ink = next;
		page_addf(page, "%s", none ? " " : style_glyph(page->style, class));
	}
	page_addf(page, "%s", style_ink_end(page->style, ink));
}

/* Three columns: "100", " 42", " <1", "  -". */
static void write_share(struct page *page, const struct occupancy_arena *a)
{
	double share = occupancy_share(a->used, a->held) * 100;
	enum ink ink = a->used && share < 5 ? INK_HOT : INK_PLAIN;
	if (!a->used)
		page_inkf(page, INK_DIM, "  -");
	else if (share < 1)
		page_inkf(page, ink, " <1");
	else
		page_inkf(page, ink, "%3.0f", a->held && share > 99 ? 99 : share);
}

static void write_row(struct page *page, const struct occupancy_arena *a, const struct shape *shape)
{
	page_inkf(page, INK_DIM, "%012" PRIx64 " ", a->arena->address.value);
	write_cells(page, a, shape);
	write_share(page, a);
	if (shape->extra) {
		page_addf(page, " ");
		page_amount(page, 9, a->used);
		page_addf(page, " ");
		if (a->heap->has_residency)
			page_amount(page, 9, a->arena->resident);
		else
			page_addf(page, "%9s", "?");
	}
	page_addf(page, "\n");
}

/* ---- order ----------------------------------------------------------------------------- */

static int by_use(const void *a, const void *b)
{
	const struct occupancy_arena *const *x = a, *const *y = b;
	double n = occupancy_share((*x)->used, (*x)->held);
	double m = occupancy_share((*y)->used, (*y)->held);
	if (n != m)
		return n < m ? -1 : 1;
	return raddr_compare((*x)->arena->address, (*y)->arena->address);
}

static const struct occupancy_arena **ordered(const struct occupancy *o, const char *sort)
{
	const struct occupancy_arena **rows = calloc(o->arenas.count + 1, sizeof(*rows));
	for (size_t i = 0; rows && i < o->arenas.count; i++)
		rows[i] = &o->arenas.items[i];
	if (rows && sort && strcmp(sort, "used") == 0)
		qsort(rows, o->arenas.count, sizeof(*rows), by_use);
	return rows;
}

static void write_head(struct page *page, const struct shape *shape)
{
	char pools[64];
	snprintf(pools, sizeof(pools), "pools, %u to a cell", shape->fold);
	page_inkf(page, INK_DIM, "%-*s%-*.*s%*s%s", LABEL_WIDTH, "address", (int)shape->cells,
		  (int)shape->cells, shape->fold == 1 ? "one pool a cell" : pools, SHARE_WIDTH, "%",
		  shape->extra ? "      live    in RAM" : "");
	page_addf(page, "\n");
}

static struct error *write_arenas(struct page *page, const struct snapshot *snapshot,
				  size_t interpreter, const struct map_request *request)
{
	_cleanup_(occupancy_fini) struct occupancy o = {0};
	struct error *err = occupancy_of(snapshot, interpreter, &o);
	if (err || !o.arenas.count)
		return err;
	size_t n = o.arenas.count;
	size_t shown = request->limit && request->limit < n ? (size_t)request->limit : n;
	struct shape shape = shape_of(&o, page->style->width);
	_cleanup_(free_pointer) const struct occupancy_arena **rows = ordered(&o, request->sort);
	if (!rows)
		return error_out_of_memory();
	if (interpreter)
		page_inkf(page, INK_STRONG, "interpreter %" PRId64 "\n",
			  snapshot->interpreters.items[interpreter].id);
	write_head(page, &shape);
	for (size_t i = 0; i < shown; i++)
		write_row(page, rows[i], &shape);
	if (shown < n)
		page_inkf(page, INK_DIM, "%s more\n", COUNT(n - shown));
	return NULL;
}

static uint64_t count_arenas(const struct snapshot *snapshot)
{
	uint64_t n = 0;
	for (size_t i = 0; i < snapshot->interpreters.count; i++)
		n += snapshot->interpreters.items[i].pymalloc.arenas.count;
	return n;
}

struct error *map_write(struct page *page, const struct snapshot *snapshot,
			const struct map_request *request)
{
	struct error *err = NULL;
	dump_write_title(page, snapshot);
	if (dump_has_mimalloc(snapshot)) {
		dump_write_legend(page, true);
		dump_write_segments(page, snapshot, request->limit);
	}
	if (!count_arenas(snapshot)) {
		if (dump_has_mimalloc(snapshot))
			return NULL;
		page_addf(page, "pymalloc holds no arena here: there is nothing to draw.\n");
		return NULL;
	}
	dump_write_legend(page, true);
	for (size_t i = 0; !err && i < snapshot->interpreters.count; i++)
		err = write_arenas(page, snapshot, i, request);
	return err;
}
