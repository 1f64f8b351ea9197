/* view_arenas: all arenas or segments as a list; Enter opens one. */
#include "ui/tui/list.h"

#include "base/cleanup.h"
#include "ui/text/units.h"

static const struct occupancy_arena *arena_at(const struct board *board, size_t row)
{
	return &board->now->occupancy.arenas.items[row];
}

static const struct occupancy_arena *arena_marked(const struct board *board, size_t row)
{
	return board->mark ? picture_arena(board->mark, arena_at(board, row)->address) : NULL;
}

static void address_text(const struct board *board, size_t row, struct text *ret)
{
	text_addf(ret, RADDR_FORMAT, arena_at(board, row)->address.value);
}

static int64_t address_key(const struct board *board, size_t row)
{
	(void)board;
	return (int64_t)row;
}

static void bar_paint(const struct board *board, size_t row, const struct area *cell)
{
	const struct occupancy_arena *one = arena_at(board, row);
	enum style style = theme_occupancy_style(occupancy_class_of(one->used, one->held));
	const struct bar_part parts[] = {
		{one->used, style, GLYPH_BAR_FULL},
		{one->held, STYLE_DIM, GLYPH_BAR_REST},
	};
	area_bar(cell, 0, 0, cell->width, parts, ARRAY_SIZE(parts));
}

static void share_text(const struct board *board, size_t row, struct text *ret)
{
	const struct occupancy_arena *one = arena_at(board, row);
	char share[UNITS_MAX];
	units_percent(share, one->used, one->used + one->held);
	if (one->used)
		text_add(ret, share);
	else
		text_add(ret, one->held ? "empty" : "?");
}

/* Empty arenas after all others: it is the nearly empty ones that are looked for. */
static int64_t share_key(const struct board *board, size_t row)
{
	const struct occupancy_arena *one = arena_at(board, row);
	if (!one->used)
		return INT64_MAX;
	return (int64_t)(occupancy_share(one->used, one->held) * 1e12);
}

static void held_text(const struct board *board, size_t row, struct text *ret)
{
	list_add_bytes(ret, arena_at(board, row)->held);
}

static int64_t held_key(const struct board *board, size_t row)
{
	return (int64_t)arena_at(board, row)->held;
}

static void used_text(const struct board *board, size_t row, struct text *ret)
{
	list_add_bytes(ret, arena_at(board, row)->used);
}

static int64_t used_key(const struct board *board, size_t row)
{
	return (int64_t)arena_at(board, row)->used;
}

static void since_text(const struct board *board, size_t row, struct text *ret)
{
	const struct occupancy_arena *old = arena_marked(board, row);
	if (old)
		list_add_bytes_change(ret, old->used, arena_at(board, row)->used);
	else
		text_add(ret, "new");
}

static int64_t since_key(const struct board *board, size_t row)
{
	const struct occupancy_arena *old = arena_marked(board, row);
	return (int64_t)arena_at(board, row)->used - (old ? (int64_t)old->used : 0);
}

static void blocks_text(const struct board *board, size_t row, struct text *ret)
{
	list_add_count(ret, arena_at(board, row)->used_blocks);
}

static int64_t blocks_key(const struct board *board, size_t row)
{
	return (int64_t)arena_at(board, row)->used_blocks;
}

static void pools_text(const struct board *board, size_t row, struct text *ret)
{
	const struct occupancy_arena *arena = arena_at(board, row);
	text_addf(ret, "%u/%u", arena->n_pools - arena->n_free, arena->n_pools);
}

static int64_t pools_key(const struct board *board, size_t row)
{
	const struct occupancy_arena *arena = arena_at(board, row);
	return (int64_t)arena->n_pools - arena->n_free;
}

static bool residency_shown(const struct board *board)
{
	return board->now->occupancy.totals.has_residency;
}

static void resident_text(const struct board *board, size_t row, struct text *ret)
{
	list_add_bytes(ret, arena_at(board, row)->resident);
}

static int64_t resident_key(const struct board *board, size_t row)
{
	return (int64_t)arena_at(board, row)->resident;
}

static void swapped_text(const struct board *board, size_t row, struct text *ret)
{
	list_add_bytes(ret, arena_at(board, row)->swapped);
}

static int64_t swapped_key(const struct board *board, size_t row)
{
	return (int64_t)arena_at(board, row)->swapped;
}

static bool interpreter_shown(const struct board *board)
{
	return picture_heaps(board->now) > 1;
}

static int64_t interpreter_key(const struct board *board, size_t row)
{
	size_t i = arena_at(board, row)->interpreter;
	return board->now->snapshot->interpreters.items[i].id;
}

static void interpreter_text(const struct board *board, size_t row, struct text *ret)
{
	text_addf(ret, "%lld", (long long)interpreter_key(board, row));
}

#define SHARE_COLUMN 2

static const struct list_column columns[] = {
	{"arena", 14, true, true, NULL, address_text, NULL, address_key},
	{"", 10, false, true, NULL, NULL, bar_paint, share_key},
	{"used", 6, false, true, NULL, share_text, NULL, share_key},
	{"held", 6, false, false, NULL, held_text, NULL, held_key},
	{"change", 7, false, false, list_difference, since_text, NULL, since_key},
	{"in use", 6, false, false, NULL, used_text, NULL, used_key},
	{"pools", 7, false, false, NULL, pools_text, NULL, pools_key},
	{"blocks", 7, false, false, NULL, blocks_text, NULL, blocks_key},
	{"intp", 5, false, true, interpreter_shown, interpreter_text, NULL, interpreter_key},
	{"in RAM", 6, false, false, residency_shown, resident_text, NULL, resident_key},
	{"swap", 6, false, false, residency_shown, swapped_text, NULL, swapped_key},
};

static const char *const filters[] = {
	"all", "under 5 % used", "5 to 25 %", "25 to 75 %", "75 % and more", "empty", "unread",
};

static bool passes(const struct board *board, const struct view *view, size_t row)
{
	static const enum occupancy_class classes[] = {
		OCCUPANCY_PINNED, OCCUPANCY_PINNED, OCCUPANCY_LOW,    OCCUPANCY_MIDDLE,
		OCCUPANCY_HIGH,   OCCUPANCY_EMPTY,  OCCUPANCY_UNREAD,
	};
	const struct occupancy_arena *one = arena_at(board, row);
	return !view->filter || occupancy_class_of(one->used, one->held) == classes[view->filter];
}

static raddr row_address(const struct board *board, size_t row)
{
	return arena_at(board, row)->address;
}

static const struct list list = {columns, ARRAY_SIZE(columns), passes, row_address};

static struct error *refresh(struct board *board, struct view *view)
{
	return list_fill(board, view, &list, board->now->occupancy.arenas.count);
}

static void draw(const struct board *board, struct view *view, const struct area *area)
{
	char shown[UNITS_MAX], all[UNITS_MAX];
	units_count(shown, view->count);
	const struct occupancy *o = &board->now->occupancy;
	units_count(all, o->arenas.count);
	int x = area_text(area, 1, 0, STYLE_TITLE, occupancy_word(o, "ARENAS"));
	x = area_textf(area, x + 2, 0, STYLE_PLAIN, "%s of %s: %s", shown, all,
		       filters[view->filter]);
	if (list_difference(board))
		x = area_text(area, x, 0, STYLE_STRONG, ", change since mark");
	if (view->count) {
		_cleanup_(text_fini) struct text line = TEXT_EMPTY;
		text_addf(&line, "%zu/%s", view->cursor + 1, shown);
		if (x + canvas_columns(text_string(&line)) + 2 < area->width)
			area_text_right(area, area->width - 1, 0, STYLE_DIM, text_string(&line));
	}
	struct area rows = area_part(area, 0, 1, area->width, area->height - 1);
	list_draw(board, view, &list, &rows);
}

static raddr locate(const struct board *board, const struct view *view)
{
	return list_locate(board, view, &list);
}

static bool show(struct board *board, struct view *view, raddr address)
{
	size_t arena = occupancy_find(&board->now->occupancy, address);
	return arena < board->now->occupancy.arenas.count &&
	       list_show(board, view, &list, row_address(board, arena));
}

static bool request(struct board *board, struct view *view, enum request request)
{
	if (request != REQUEST_ENTER)
		return list_request(board, view, &list, request, ARRAY_SIZE(filters));
	if (view->cursor < view->rows.count)
		board_open(board, &view_arena, locate(board, view), RADDR_NULL);
	return true;
}

static void hint(const struct board *board, const struct view *view, struct text *ret)
{
	if (view->cursor >= view->rows.count)
		return;
	const struct occupancy_arena *one = arena_at(board, view->rows.items[view->cursor]);
	const struct occupancy *o = &board->now->occupancy;
	char blocks[UNITS_MAX], held[UNITS_MAX];
	units_count(blocks, one->used_blocks);
	units_bytes(held, one->held);
	text_addf(ret, RADDR_FORMAT ": ", one->address.value);
	/* Blocks of mimalloc keep their page, not all of the segment. */
	if (one->used && o->segments)
		text_addf(ret, "%s live block%s in %u pages; %s free", blocks,
			  one->used_blocks == 1 ? "" : "s", one->n_pools - one->n_free, held);
	else if (one->used)
		text_addf(ret, "%s live block%s %s of free memory here", blocks,
			  one->used_blocks == 1 ? " keeps" : "s keep", held);
	else
		text_addf(ret, "no used block; %s free", held);
	if (one->n_unread)
		text_addf(ret, "; %u %s not read", one->n_unread, occupancy_word(o, "pools"));
	if (!one->settled)
		text_add(ret, "; changed while it was read");
}

const struct view_ops view_arenas = {
	.name = "arenas",
	.title = "Arenas",
	.keys = "Enter look in  s<> sort  f filter  / find  d since mark  e export  ? help  q",
	.sort = SHARE_COLUMN,
	.refresh = refresh,
	.draw = draw,
	.hint = hint,
	.request = request,
	.locate = locate,
	.show = show,
};
