/*
 * view_arena: one arena or segment, a cell for each of its pools or pages: the size
 * class it serves and how full it is.
 *
 *	 ▒ 512  █  64  ░  32  · new   …
 */
#include "ui/tui/grid.h"

#include "ui/text/units.h"

#define CELL_WIDTH 7 /* "# 512" and a gap */

static const struct occupancy_arena *arena_of(const struct picture *picture,
					      const struct view *view)
{
	return picture ? picture_arena(picture, view->subject) : NULL;
}

static bool pool_of(const struct picture *picture, const struct view *view, size_t i,
		    struct occupancy_pool *ret)
{
	const struct occupancy_arena *one = arena_of(picture, view);
	return one && occupancy_pool_at(one, i, ret);
}

static bool pool_changed(const struct board *board, const struct view *view,
			 const struct occupancy_pool *now)
{
	const struct picture *old = board->difference && board->mark ? board->mark : board->before;
	const struct occupancy_arena *one = arena_of(old, view);
	struct occupancy_pool then;
	if (!old)
		return false;
	return !one || !occupancy_pool_at(one, occupancy_pool_find(one, now->address), &then) ||
	       then.n_used != now->n_used || then.block_size != now->block_size ||
	       then.state != now->state;
}

/* Four columns: mimalloc's blocks may be of many bytes, which the message line tells exactly. */
static void size_draw(const struct area *area, int x, int y, enum style style, uint64_t size)
{
	char unit = size < 1024 * KIB ? 'K' : size < 1024 * MIB ? 'M' : 'G';
	uint64_t in = unit == 'K' ? KIB : unit == 'M' ? MIB : GIB;
	if (size < 10000)
		area_textf(area, x, y, style, "%4llu", (unsigned long long)size);
	else
		area_textf(area, x, y, style, "%3llu%c", (unsigned long long)(size / in), unit);
}

static struct error *refresh(struct board *board, struct view *view)
{
	const struct occupancy_arena *one = arena_of(board->now, view);
	view->count = one ? one->n_pieces : 0;
	return NULL;
}

static void cell_draw(const struct board *board, const struct view *view, size_t i,
		      const struct area *area, int x, int y)
{
	struct occupancy_pool pool;
	if (!pool_of(board->now, view, i, &pool))
		return;
	enum occupancy_class class = occupancy_pool_class(&pool);
	enum style style = theme_occupancy_style(class);
	area_glyph(area, x, y, style, theme_occupancy_glyph(class), 1);
	if (pool.state == POOL_PARTIAL || pool.state == POOL_FULL)
		size_draw(area, x + 2, y, style, pool.block_size);
	else if (pool.state == POOL_VIRGIN)
		area_text(area, x + 2, y, STYLE_DIM, " new");
	else
		area_text(area, x + 2, y, STYLE_DIM, pool.state == POOL_EMPTY ? "free" : "   ?");
	for (int k = 0; k < CELL_WIDTH - 1; k++)
		area_mark(area, x + k, y, pool_changed(board, view, &pool), false);
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
	const struct occupancy *o = &board->now->occupancy;
	char used[UNITS_MAX], held[UNITS_MAX], share[UNITS_MAX];
	int x = area_textf(area, 1, 0, STYLE_TITLE, "%s " RADDR_FORMAT, occupancy_word(o, "ARENA"),
			   view->subject.value);
	if (!one) {
		area_text(area, 1, 2, STYLE_STRONG, "It has been given back to the system.");
		return;
	}
	units_bytes_short(used, one->used);
	units_bytes_short(held, one->held);
	units_percent(share, one->used, one->used + one->held);
	area_textf(area, x + 2, 0, STYLE_PLAIN, "%s used, %s in use, %s %s, %u/%u %s free", share,
		   used, held, occupancy_word(o, "held"), one->n_free, one->n_pools,
		   occupancy_word(o, "pools"));
	key_draw(area, 1);
	struct area cells = area_part(area, 1, 3, area->width - 2, area->height - 3);
	grid_draw(board, view, &cells, CELL_WIDTH, grid_columns(&cells, CELL_WIDTH), cell_draw);
}

static void hint(const struct board *board, const struct view *view, struct text *ret)
{
	static const char *const states[] = {"not read", "never used yet", "free"};
	const struct occupancy *o = &board->now->occupancy;
	struct occupancy_pool pool;
	char size[UNITS_MAX];
	if (!pool_of(board->now, view, view->cursor, &pool))
		return;
	units_bytes(size, size_add(pool.used, pool.held));
	if (!o->segments)
		text_addf(ret, "pool %zu at " RADDR_FORMAT ": ", view->cursor, pool.address.value);
	else
		text_addf(ret, "%s at " RADDR_FORMAT ": %s, ",
			  pool.block_size ? "page" : "free slices", pool.address.value, size);
	if (pool.state < POOL_PARTIAL)
		text_add(ret, states[pool.state]);
	else
		text_addf(ret, "%u of %u blocks of %llu bytes used", pool.n_used, pool.n_blocks,
			  (unsigned long long)pool.block_size);
}

static raddr locate(const struct board *board, const struct view *view)
{
	struct occupancy_pool pool;
	return pool_of(board->now, view, view->cursor, &pool) ? pool.address : RADDR_NULL;
}

/* What lies before the first pool or in none leads to the nearest one. */
static bool show(struct board *board, struct view *view, raddr address)
{
	const struct occupancy_arena *one = arena_of(board->now, view);
	if (!one || !raddr_in(address, one->address, one->size))
		return false;
	size_t pool = occupancy_pool_find(one, address);
	if (raddr_compare(address, one->first_unit) < 0)
		pool = 0;
	view->cursor = (size_t)size_min(pool, view->count ? view->count - 1 : 0);
	return true;
}

static bool request(struct board *board, struct view *view, enum request request)
{
	struct occupancy_pool pool;
	if (request != REQUEST_ENTER)
		return false;
	if (!pool_of(board->now, view, view->cursor, &pool))
		return true;
	if (board->now->occupancy.segments)
		board_say(board, false, "a page is the smallest there is here; Esc goes back");
	else if (pool.state >= POOL_PARTIAL)
		board_open(board, &view_pool, pool.address, RADDR_NULL);
	else
		board_say(board, false, "this pool has no used block to look at");
	return true;
}

const struct view_ops view_arena = {
	.name = "arena",
	.keys = "Enter look into a pool  Esc back  n N other match  / find  e export  ? help  q",
	.segment_keys =
		"arrows move over the pages  Esc back  n N other match  / find  e export  ? help  q",
	.refresh = refresh,
	.draw = draw,
	.hint = hint,
	.request = request,
	.locate = locate,
	.show = show,
};
