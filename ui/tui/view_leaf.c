/* view_leaf: what is in a leaf of the ledger: files, libraries, threads, mappings, the largest first. */
#include "ui/tui/board.h"

#include "base/cleanup.h"
#include "ui/report/ledger_split.h"
#include "ui/report/ledger_words.h"
#include "ui/text/units.h"

#define HEAD 5 /* lines above the details */

static enum leaf leaf_of(const struct view *view)
{
	uint64_t leaf = view->subject.value - 1;
	return leaf < LEAF_COUNT ? (enum leaf)leaf : LEAF_ANON_UNKNOWN;
}

static const struct ledger_line *line_of(const struct board *board, const struct view *view)
{
	const struct ledger *ledger = board_ledger(board);
	return ledger ? &ledger->lines[leaf_of(view)] : NULL;
}

static struct error *refresh(struct board *board, struct view *view)
{
	const struct ledger_line *line = line_of(board, view);
	view->count = line ? line->details.count : 0;
	return NULL;
}

static void head_draw(const struct board *board, const struct view *view, const struct area *area)
{
	const struct ledger *ledger = board_ledger(board);
	const struct ledger_line *line = line_of(board, view);
	enum leaf leaf = leaf_of(view);
	char amount[UNITS_MAX], share[UNITS_MAX], swapped[UNITS_MAX], huge[UNITS_MAX];
	_cleanup_(text_fini) struct text figures = TEXT_EMPTY;
	units_bytes(amount, ledger_split_amount(ledger, leaf));
	units_percent(share, ledger_split_amount(ledger, leaf), ledger_split_whole(ledger));
	units_bytes(swapped, line->tally.swapped);
	units_bytes(huge, line->tally.huge);
	text_addf(&figures, "%s %s, %s of all", amount, ledger->has_residency ? "in RAM" : "mapped",
		  share);
	if (line->tally.swapped)
		text_addf(&figures, ", %s swapped out", swapped);
	if (line->tally.huge)
		text_addf(&figures, ", %s in huge pages", huge);
	int x = area_text(area, 1, 0, STYLE_TITLE, leaf_key(leaf));
	area_text(area, x + 2, 0, STYLE_PLAIN, text_string(&figures));
	area_wrap(area, 1, 1, area->width - 2, 2, STYLE_DIM, ledger_words_leaf(leaf));
}

static void detail_draw(const struct board *board, const struct ledger_detail *detail,
			const struct area *area, int y)
{
	char amount[UNITS_MAX];
	bool resident = board_ledger(board)->has_residency;
	units_bytes(amount, resident ? detail->tally.present : detail->size);
	area_text_right(area, 10, y, STYLE_PLAIN, amount);
	area_foreign(area, 12, y, area->width - 13, STYLE_PLAIN, detail->name ? detail->name : "?");
}

static void draw(const struct board *board, struct view *view, const struct area *area)
{
	const struct ledger_line *line = line_of(board, view);
	if (!line)
		return;
	head_draw(board, view, area);
	struct area rows = area_part(area, 0, HEAD - 1, area->width, area->height - HEAD + 1);
	view->columns = 1;
	view->page = rows.height > 0 ? (size_t)rows.height : 1;
	view_scroll(view);
	if (!line->details.count)
		area_text(&rows, 1, 0, STYLE_DIM, "Nothing in it is told apart.");
	for (size_t i = 0; i < view->page && view->top + i < line->details.count; i++) {
		detail_draw(board, &line->details.items[view->top + i], &rows, (int)i);
		for (int x = 0; view->top + i == view->cursor && x < rows.width; x++)
			area_mark(&rows, x, (int)i, false, true);
	}
}

static void hint(const struct board *board, const struct view *view, struct text *ret)
{
	const struct ledger_line *line = line_of(board, view);
	if (!line || view->cursor >= line->details.count)
		return;
	const struct ledger_detail *detail = &line->details.items[view->cursor];
	char size[UNITS_MAX], swapped[UNITS_MAX];
	units_bytes(size, detail->size);
	units_bytes(swapped, detail->tally.swapped);
	text_addf(ret, "%s of address space, %s swapped out", size, swapped);
}

const struct view_ops view_leaf = {
	.name = "leaf",
	.keys = "arrows move  Esc back to the ledger  e export  ? help  q",
	.refresh = refresh,
	.draw = draw,
	.hint = hint,
};
