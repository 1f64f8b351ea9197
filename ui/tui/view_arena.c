/*
 * view_arena: one arena, a cell for each of its pools: the size class it serves
 * and how full it is.
 *
 *	 ▒ 512  █  64  ░  32  · new   …
 */
#include "ui/tui/grid.h"

#include "ui/units.h"

#define CELL_WIDTH 7 /* "# 512" and a gap */

static const struct occupancy_arena *arena_of(const struct picture *picture,
					      const struct view *view)
{
	return picture ? picture_arena(picture, view->subject) : NULL;
}

static const struct pymalloc_pool *pool_of(const struct occupancy_arena *one, size_t i)
{
	if (!one || i >= one->arena->n_pools)
		return NULL;
	size_t at = (size_t)one->arena->pools_at + i;
	return at < one->heap->pools.count ? &one->heap->pools.items[at] : NULL;
}

static uint64_t block_size(const struct occupancy_arena *one, const struct pymalloc_pool *pool)
{
	return ((uint64_t)pool->class + 1) * one->heap->alignment;
}

static enum occupancy_class pool_class(const struct pymalloc_pool *pool)
{
	if (pool->state == POOL_UNREAD)
		return OCCUPANCY_UNREAD;
	if (pool->state == POOL_VIRGIN || pool->state == POOL_EMPTY)
		return OCCUPANCY_EMPTY;
	uint64_t held = pool->capacity > pool->used ? pool->capacity - pool->used : 0;
	return occupancy_class_of(pool->used, held);
}

static bool pool_changed(const struct board *board, const struct view *view, size_t i)
{
	const struct picture *old = board->difference && board->mark ? board->mark : board->before;
	const struct pymalloc_pool *now = pool_of(arena_of(board->now, view), i);
	const struct pymalloc_pool *then = pool_of(arena_of(old, view), i);
	if (!now || !old)
		return false;
	return !then || then->used != now->used || then->class != now->class ||
	       then->state != now->state;
}

static struct error *refresh(struct board *board, struct view *view)
{
	const struct occupancy_arena *one = arena_of(board->now, view);
	view->count = one ? one->arena->n_pools : 0;
	return NULL;
}

static void cell_draw(const struct board *board, const struct view *view, size_t i,
		      const struct area *area, int x, int y)
{
	const struct occupancy_arena *one = arena_of(board->now, view);
	const struct pymalloc_pool *pool = pool_of(one, i);
	if (!pool)
		return;
	enum occupancy_class class = pool_class(pool);
	enum style style = theme_occupancy_style(class);
	area_glyph(area, x, y, style, theme_occupancy_glyph(class), 1);
	if (pool->state == POOL_PARTIAL || pool->state == POOL_FULL)
		area_textf(area, x + 2, y, style, "%4llu",
			   (unsigned long long)block_size(one, pool));
	else if (pool->state == POOL_VIRGIN)
		area_text(area, x + 2, y, STYLE_DIM, " new");
	else
		area_text(area, x + 2, y, STYLE_DIM, pool->state == POOL_EMPTY ? "free" : "   ?");
	for (int k = 0; k < CELL_WIDTH - 1; k++)
		area_mark(area, x + k, y, pool_changed(board, view, i), false);
}

static void key_draw(const struct area *area, int y)
{
	static const struct {
		enum occupancy_class class;
		const char *text;
	} keys[] = {
		{OCCUPANCY_PINNED, "<5 %"},     {OCCUPANCY_LOW, "5-25"},
		{OCCUPANCY_MIDDLE, "25-75"},    {OCCUPANCY_HIGH, "75+ %"},
		{OCCUPANCY_EMPTY, "free, new"}, {OCCUPANCY_UNREAD, "not read"},
	};
	int x = 1;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		x = area_glyph(area, x, y, theme_occupancy_style(keys[i].class),
			       theme_occupancy_glyph(keys[i].class), 1);
		x = area_text(area, x + 1, y, STYLE_DIM, keys[i].text) + 2;
	}
	area_text(area, x, y, STYLE_DIM, "number: block size");
}

static void draw(const struct board *board, struct view *view, const struct area *area)
{
	const struct occupancy_arena *one = arena_of(board->now, view);
	char used[UNITS_MAX], held[UNITS_MAX], share[UNITS_MAX];
	int x = area_textf(area, 1, 0, STYLE_TITLE, "ARENA " RADDR_FORMAT, view->subject.value);
	if (!one) {
		area_text(area, 1, 2, STYLE_STRONG, "It has been given back to the system.");
		return;
	}
	units_bytes_short(used, one->used);
	units_bytes_short(held, one->held);
	units_percent(share, one->used, one->used + one->held);
	area_textf(area, x + 2, 0, STYLE_PLAIN, "%s used, %s in use, %s held, %u/%u pools free",
		   share, used, held, one->arena->n_free, one->arena->n_pools);
	key_draw(area, 1);
	struct area cells = area_part(area, 1, 3, area->width - 2, area->height - 3);
	grid_draw(board, view, &cells, CELL_WIDTH, grid_columns(&cells, CELL_WIDTH), cell_draw);
}

static void hint(const struct board *board, const struct view *view, struct text *ret)
{
	const struct occupancy_arena *one = arena_of(board->now, view);
	const struct pymalloc_pool *pool = pool_of(one, view->cursor);
	static const char *const states[] = {"not read", "never used yet", "free"};
	if (!pool)
		return;
	raddr at = pymalloc_pool_address(one->heap, one->arena, (uint32_t)view->cursor);
	text_addf(ret, "pool %zu at " RADDR_FORMAT ": ", view->cursor, at.value);
	if (pool->state < POOL_PARTIAL)
		text_add(ret, states[pool->state]);
	else
		text_addf(ret, "%u of %u blocks of %llu bytes used", pool->used, pool->capacity,
			  (unsigned long long)block_size(one, pool));
}

static raddr locate(const struct board *board, const struct view *view)
{
	const struct occupancy_arena *one = arena_of(board->now, view);
	return one ? pymalloc_pool_address(one->heap, one->arena, (uint32_t)view->cursor)
		   : RADDR_NULL;
}

static bool show(struct board *board, struct view *view, raddr address)
{
	const struct occupancy_arena *one = arena_of(board->now, view);
	if (!one || !one->heap->pool_size ||
	    !raddr_in(address, one->arena->address, one->heap->arena_size))
		return false;
	uint64_t pool = raddr_distance(one->arena->first_pool, address) / one->heap->pool_size;
	view->cursor = (size_t)size_min(pool, view->count ? view->count - 1 : 0);
	return true;
}

static bool request(struct board *board, struct view *view, enum request request)
{
	if (request != REQUEST_ENTER)
		return false;
	const struct pymalloc_pool *pool = pool_of(arena_of(board->now, view), view->cursor);
	if (pool && pool->state >= POOL_PARTIAL)
		board_open(board, &view_pool, locate(board, view), RADDR_NULL);
	else if (pool)
		board_say(board, false, "this pool has no used block to look at");
	return true;
}

const struct view_ops view_arena = {
	.name = "arena",
	.keys = "Enter look into a pool  Esc back  n N other match  / find  e export  ? help  q",
	.refresh = refresh,
	.draw = draw,
	.hint = hint,
	.request = request,
	.locate = locate,
	.show = show,
};
