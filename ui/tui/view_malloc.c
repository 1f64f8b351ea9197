/*
 * view_malloc: malloc's arenas as a list, above it what a trim would give and the settings in force.
 * Its figures are walked only while it is shown, and not in every look.
 */
#include "ui/tui/list.h"

#include "base/cleanup.h"
#include "ui/report/malloc_words.h"
#include "ui/text/units.h"

static const struct malloc_arena *arena_at(const struct board *board, size_t row)
{
	return &board_malloc(board)->arenas.items[row];
}

static void label_text(const struct board *board, size_t row, struct text *ret)
{
	char label[UNITS_MAX];
	malloc_words_label(label, board_malloc(board), row);
	text_add(ret, label);
}

static int64_t row_key(const struct board *board, size_t row)
{
	(void)board;
	return (int64_t)row;
}

static void figure_text(const struct board *board, size_t row, enum malloc_column column,
			struct text *ret)
{
	struct maybe figure = malloc_words_figure(arena_at(board, row), column);
	if (figure.known)
		list_add_bytes(ret, figure.value);
	else
		text_add(ret, "?");
}

static int64_t figure_key(const struct board *board, size_t row, enum malloc_column column)
{
	struct maybe figure = malloc_words_figure(arena_at(board, row), column);
	return figure.known ? (int64_t)figure.value : -1;
}

#define FIGURE(name, column)                                                             \
	static void name##_text(const struct board *board, size_t row, struct text *ret) \
	{                                                                                \
		figure_text(board, row, column, ret);                                    \
	}                                                                                \
	static int64_t name##_key(const struct board *board, size_t row)                 \
	{                                                                                \
		return figure_key(board, row, column);                                   \
	}

FIGURE(system, MALLOC_SYSTEM)
FIGURE(in_use, MALLOC_IN_USE)
FIGURE(cached, MALLOC_CACHED)
FIGURE(free, MALLOC_FREE)
FIGURE(resident, MALLOC_FREE_RESIDENT)
FIGURE(trim, MALLOC_TRIMMABLE)
FIGURE(stuck, MALLOC_STUCK)
FIGURE(top, MALLOC_TOP)

static void threads_paint(const struct board *board, size_t row, const struct area *cell)
{
	_cleanup_(text_fini) struct text names = TEXT_EMPTY;
	malloc_words_threads(&names, arena_at(board, row));
	area_foreign(cell, 0, 0, cell->width, STYLE_PLAIN, text_string(&names));
}

static int64_t threads_key(const struct board *board, size_t row)
{
	return (int64_t)arena_at(board, row)->n_attached;
}

#define TRIM_COLUMN 6

static const struct list_column columns[] = {
	{"arena", 6, true, true, NULL, label_text, NULL, row_key},
	{"system", 6, false, false, NULL, system_text, NULL, system_key},
	{"in use", 6, false, false, NULL, in_use_text, NULL, in_use_key},
	{"cached", 6, false, false, NULL, cached_text, NULL, cached_key},
	{"free", 6, false, false, NULL, free_text, NULL, free_key},
	{"in RAM", 6, false, false, NULL, resident_text, NULL, resident_key},
	{"trim", 6, false, false, NULL, trim_text, NULL, trim_key},
	{"stuck", 6, false, false, NULL, stuck_text, NULL, stuck_key},
	{"top", 6, false, false, NULL, top_text, NULL, top_key},
	{"threads", 15, true, false, NULL, NULL, threads_paint, threads_key},
};

static raddr row_address(const struct board *board, size_t row)
{
	return arena_at(board, row)->address;
}

static const struct list list = {columns, ARRAY_SIZE(columns), NULL, row_address};

static struct error *refresh(struct board *board, struct view *view)
{
	const struct malloc_account *account = board_malloc(board);
	return list_fill(board, view, &list, account ? account->arenas.count : 0);
}

static void settings_add(struct text *ret, const struct malloc_account *account)
{
	const struct malloc_settings *s = &account->settings;
	char mmap[UNITS_MAX], trim[UNITS_MAX], limit[UNITS_MAX];
	units_bytes(mmap, s->mmap_threshold);
	units_bytes(trim, s->trim_threshold);
	units_count(limit, s->arena_limit);
	if (!account->has_settings)
		return;
	text_addf(ret, "mmap threshold %s, trim threshold %s (%s)", mmap, trim,
		  !s->dynamic ? "fixed"
		  : s->moved  ? "moved"
			      : "not moved");
	if (s->arena_limit)
		text_addf(ret, ", arenas at most %s", limit);
}

static void ineffective_add(struct text *ret, const struct malloc_account *account)
{
	const struct malloc_settings *s = &account->settings;
	for (size_t i = 0; i < s->ineffective.count; i++)
		text_addf(ret, "%s%s", i ? ", " : "NOT OBEYED (set too late, or misspelt): ",
			  s->ineffective.items[i]);
}

static void title_draw(const struct board *board, const struct malloc_account *account,
		       const struct area *area)
{
	_cleanup_(text_fini) struct text age = TEXT_EMPTY;
	board_age(board, board->with_malloc, &age);
	int x = area_text(area, 1, 0, STYLE_TITLE, "MALLOC");
	area_textf(area, x + 2, 0, STYLE_PLAIN, "%s %s",
		   malloc_implementation_name(account->implementation), account->version);
	area_text_right(area, area->width - 1, 0, STYLE_DIM, text_string(&age));
}

/* What stands above the list; returns the line after it. */
static int head_draw(const struct board *board, const struct malloc_account *account,
		     const struct area *area)
{
	_cleanup_(text_fini) struct text sentence = TEXT_EMPTY;
	_cleanup_(text_fini) struct text settings = TEXT_EMPTY;
	_cleanup_(text_fini) struct text late = TEXT_EMPTY;
	int y = 1, lines = area->height >= 17 ? 4 : 1;
	malloc_words_sentence(&sentence, account, UNITS_AUTO);
	settings_add(&settings, account);
	ineffective_add(&late, account);
	title_draw(board, account, area);
	y += area_wrap(area, 1, y, area->width - 2, lines, STYLE_VERDICT, text_string(&sentence));
	if (settings.length && area->height >= 12)
		area_text(area, 1, y++, STYLE_PLAIN, text_string(&settings));
	if (late.length && area->height >= 12)
		area_text(area, 1, y++, STYLE_ALERT, text_string(&late));
	return y + (area->height >= 20);
}

static void draw(const struct board *board, struct view *view, const struct area *area)
{
	const struct malloc_account *account = board_malloc(board);
	if (!account) {
		area_text(area, 1, 0, STYLE_TITLE, "MALLOC");
		area_text(area, 1, 2, STYLE_STRONG,
			  board->gone || board->still ? "It was not looked at."
						      : "The next look walks malloc ...");
		return;
	}
	int y = head_draw(board, account, area);
	struct area rows = area_part(area, 0, y, area->width, area->height - y);
	if (account->arenas.count)
		list_draw(board, view, &list, &rows);
}

static raddr locate(const struct board *board, const struct view *view)
{
	return list_locate(board, view, &list);
}

static bool show(struct board *board, struct view *view, raddr address)
{
	return list_show(board, view, &list, address);
}

static bool request(struct board *board, struct view *view, enum request request)
{
	return list_request(board, view, &list, request, 0);
}

static void hint(const struct board *board, const struct view *view, struct text *ret)
{
	if (view->cursor >= view->rows.count)
		return;
	const struct malloc_arena *a = arena_at(board, view->rows.items[view->cursor]);
	char chunks[UNITS_MAX], below[UNITS_MAX], size[UNITS_MAX];
	units_count(chunks, a->n_chunks);
	units_bytes(below, a->pin.below);
	units_bytes(size, a->pin.size);
	if (a->damage)
		text_addf(ret, "not proved: %s", a->damage);
	else
		text_addf(ret, "%s chunks%s", chunks, a->verified ? ", proved" : ", NOT proved");
	if (!raddr_is_null(a->pin.chunk))
		text_addf(ret, "; pinned by a chunk of %s%s over %s of free memory", size,
			  a->pin.cached ? " (cached)" : "", below);
}

const struct view_ops view_malloc = {
	.name = "malloc",
	.title = "Malloc",
	.keys = "s<> sort  m mark  e export  Tab screen  Space hold  ? help  q",
	.sort = TRIM_COLUMN,
	.refresh = refresh,
	.draw = draw,
	.hint = hint,
	.request = request,
	.locate = locate,
	.show = show,
};
