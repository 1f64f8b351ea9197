/*
 * view_ledger: every leaf of the ledger as a row, with its trend; Enter tells what is in it.
 *
 *	 LEDGER  3.43 GiB seen in RAM, the kernel says 3.43 GiB; unexplained 12.0 MiB
 *	 ██████░▒▒▒▒▒▒▒▒▒▒▓=?                      the bar and its legend
 *	 ▒ malloc.free_trimmable  2.00G   58 % ▁▁▂▃▅▇█  malloc_trim(0) returns it
 */
#include "ui/tui/list.h"

#include "base/cleanup.h"
#include "ui/report/ledger_words.h"
#include "ui/text/units.h"
#include "ui/tui/parts.h"

static uint64_t amount_of(const struct board *board, size_t row)
{
	return ledger_split_amount(board_ledger(board), (enum leaf)row);
}

static void glyph_paint(const struct board *board, size_t row, const struct area *cell)
{
	(void)board;
	enum ledger_part part = ledger_split_part((enum leaf)row);
	area_glyph(cell, 0, 0, parts_style(part), parts_glyph(part), 1);
}

static int64_t part_key(const struct board *board, size_t row)
{
	(void)board;
	return ledger_split_part((enum leaf)row);
}

static void leaf_text(const struct board *board, size_t row, struct text *ret)
{
	(void)board;
	text_add(ret, leaf_key((enum leaf)row));
}

static int64_t leaf_order(const struct board *board, size_t row)
{
	(void)board;
	return (int64_t)row;
}

static void amount_text(const struct board *board, size_t row, struct text *ret)
{
	list_add_bytes(ret, amount_of(board, row));
}

static int64_t amount_key(const struct board *board, size_t row)
{
	return (int64_t)amount_of(board, row);
}

static bool residency_shown(const struct board *board)
{
	const struct ledger *ledger = board_ledger(board);
	return ledger && ledger->has_residency;
}

/* Of a core. */
static bool size_shown(const struct board *board)
{
	return !residency_shown(board);
}

static void share_text(const struct board *board, size_t row, struct text *ret)
{
	char share[UNITS_MAX];
	units_percent(share, amount_of(board, row), ledger_split_whole(board_ledger(board)));
	text_add(ret, share);
}

static bool trend_shown(const struct board *board)
{
	return board->history.count > 1;
}

static void trend_paint(const struct board *board, size_t row, const struct area *cell)
{
	uint64_t values[HISTORY_MAX];
	size_t n = history_leaf(&board->history, (enum leaf)row, values);
	enum style style = parts_style(ledger_split_part((enum leaf)row));
	area_sparkline(cell, 0, 0, cell->width, style, values, n);
}

/* ---- since the mark ---------------------------------------------------------------------- */

static bool marked(const struct board *board)
{
	return board->mark && board->mark->snapshot->ledger.filled;
}

static uint64_t amount_marked(const struct board *board, size_t row)
{
	return ledger_split_amount(&board->mark->snapshot->ledger, (enum leaf)row);
}

static void change_text(const struct board *board, size_t row, struct text *ret)
{
	list_add_bytes_change(ret, amount_marked(board, row), amount_of(board, row));
}

static int64_t change_key(const struct board *board, size_t row)
{
	return (int64_t)amount_of(board, row) - (int64_t)amount_marked(board, row);
}

/* ---- what only some processes have ------------------------------------------------------- */

static bool swap_shown(const struct board *board)
{
	const struct ledger *ledger = board_ledger(board);
	return ledger && ledger->swapped;
}

static void swap_text(const struct board *board, size_t row, struct text *ret)
{
	list_add_bytes(ret, board_ledger(board)->lines[row].tally.swapped);
}

static int64_t swap_key(const struct board *board, size_t row)
{
	return (int64_t)board_ledger(board)->lines[row].tally.swapped;
}

static bool huge_shown(const struct board *board)
{
	const struct ledger *ledger = board_ledger(board);
	uint64_t huge = 0;
	for (int i = 0; ledger && i < LEAF_COUNT; i++)
		huge += ledger->lines[i].tally.huge;
	return huge;
}

static void huge_text(const struct board *board, size_t row, struct text *ret)
{
	list_add_bytes(ret, board_ledger(board)->lines[row].tally.huge);
}

static int64_t huge_key(const struct board *board, size_t row)
{
	return (int64_t)board_ledger(board)->lines[row].tally.huge;
}

static void returns_text(const struct board *board, size_t row, struct text *ret)
{
	(void)board;
	text_add(ret, ledger_words_returns((enum leaf)row));
}

static int64_t returns_key(const struct board *board, size_t row)
{
	(void)board;
	return leaf_returns((enum leaf)row);
}

enum { AMOUNT_COLUMN = 2, SIZE_COLUMN = 3 };

static const struct list_column columns[] = {
	{"", 1, true, true, NULL, NULL, glyph_paint, part_key},
	{"leaf", 21, true, true, NULL, leaf_text, NULL, leaf_order},
	{"in RAM", 7, false, false, residency_shown, amount_text, NULL, amount_key},
	{"size", 7, false, false, size_shown, amount_text, NULL, amount_key},
	{"share", 6, false, false, NULL, share_text, NULL, amount_key},
	{"change", 7, false, false, marked, change_text, NULL, change_key},
	{"trend", 10, true, false, trend_shown, NULL, trend_paint, amount_key},
	{"swap", 6, false, false, swap_shown, swap_text, NULL, swap_key},
	{"gives it back", 25, true, true, NULL, returns_text, NULL, returns_key},
	{"huge", 6, false, false, huge_shown, huge_text, NULL, huge_key},
};

static const char *const filters[] = {
	"all", "live", "kept", "overhead", "files", "shared", "unknown",
};

static bool passes(const struct board *board, const struct view *view, size_t row)
{
	const struct ledger *ledger = board_ledger(board);
	enum leaf leaf = (enum leaf)row;
	if (view->filter && leaf_group(leaf) != (enum leaf_group)(view->filter - 1))
		return false;
	return ledger_split_amount(ledger, leaf) || ledger->lines[leaf].tally.swapped;
}

/* A leaf has none: its number stands for one. */
static raddr row_address(const struct board *board, size_t row)
{
	(void)board;
	return raddr_at(1 + row);
}

static const struct list list = {columns, ARRAY_SIZE(columns), passes, row_address};

static struct error *refresh(struct board *board, struct view *view)
{
	const struct ledger *ledger = board_ledger(board);
	view->rows.count = view->count = 0;
	if (!ledger)
		return NULL;
	if (view->sort == AMOUNT_COLUMN && !ledger->has_residency)
		view->sort = SIZE_COLUMN;
	return list_fill(board, view, &list, LEAF_COUNT);
}

static void title_draw(const struct board *board, const struct view *view, const struct area *area)
{
	const struct ledger *ledger = board_ledger(board);
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	_cleanup_(text_fini) struct text age = TEXT_EMPTY;
	char seen[UNITS_MAX], kernel[UNITS_MAX], unexplained[UNITS_MAX];
	units_bytes(seen, ledger_split_whole(ledger));
	units_bytes(kernel, ledger->rss_kernel.value);
	units_bytes(unexplained, ledger->unexplained);
	text_addf(&line, "%s %s", seen, ledger->has_residency ? "seen in RAM" : "mapped");
	if (ledger->rss_kernel.known)
		text_addf(&line, ", kernel says %s", kernel);
	if (ledger->has_residency)
		text_addf(&line, "; unexplained %s", unexplained);
	if (view->filter)
		text_addf(&line, "; only %s", filters[view->filter]);
	board_age(board, board->with_ledger, &age);
	int x = area_text(area, 1, 0, STYLE_TITLE, "LEDGER");
	x = area_text(area, x + 2, 0, STYLE_PLAIN, text_string(&line));
	if (x + 2 + canvas_columns(text_string(&age)) < area->width)
		area_text_right(area, area->width - 1, 0, STYLE_DIM, text_string(&age));
}

static void draw(const struct board *board, struct view *view, const struct area *area)
{
	const struct ledger *ledger = board_ledger(board);
	int y = 1;
	if (!ledger) {
		area_text(area, 1, 0, STYLE_TITLE, "LEDGER");
		area_text(area, 1, 2, STYLE_STRONG, "It was not looked at.");
		return;
	}
	title_draw(board, view, area);
	if (area->height >= 10)
		y = parts_draw(ledger, area, y, area->height >= 14 ? 2 : 1) + (area->height >= 20);
	struct area rows = area_part(area, 0, y, area->width, area->height - y);
	list_draw(board, view, &list, &rows);
}

static raddr locate(const struct board *board, const struct view *view)
{
	return list_locate(board, view, &list);
}

static bool show(struct board *board, struct view *view, raddr leaf)
{
	return list_show(board, view, &list, leaf);
}

static bool request(struct board *board, struct view *view, enum request request)
{
	if (request != REQUEST_ENTER)
		return list_request(board, view, &list, request, ARRAY_SIZE(filters));
	if (view->cursor < view->rows.count)
		board_open(board, &view_leaf, locate(board, view), RADDR_NULL);
	return true;
}

static void hint(const struct board *board, const struct view *view, struct text *ret)
{
	(void)board;
	if (view->cursor < view->rows.count)
		text_add(ret, ledger_words_leaf((enum leaf)view->rows.items[view->cursor]));
}

const struct view_ops view_ledger = {
	.name = "ledger",
	.title = "Ledger",
	.keys = "Enter what is in it  s<> sort  f filter  m mark  e export  Tab screen  ? help  q",
	.sort = AMOUNT_COLUMN,
	.refresh = refresh,
	.draw = draw,
	.hint = hint,
	.request = request,
	.locate = locate,
	.show = show,
};
