/* view_help: the keys, from the table that binds them, and the words that the screens use. */
#include "ui/tui/board.h"

static const struct keys_help words[] = {
	{"arena", "memory that Python takes from the system at once, 256 KiB or"},
	{"", "1 MiB; it goes back only when no block in it is used"},
	{"pool", "a piece of an arena, 4 or 16 KiB, for blocks of one size"},
	{"block", "room for one object of up to 512 bytes"},
	{"pinned", "an arena under 5 % used: few objects keep it (the hot colour)"},
	{"in use, live", "bytes in used blocks"},
	{"held, kept", "free bytes that stay with Python, their arena is not empty"},
	{"overhead", "pool headers and rests too small for a block"},
	{"new", "a pool that was never used yet"},
	{"leaf", "one cause of memory in RAM; together they are all of it"},
	{"trim", "what malloc_trim(0), called in the process, gives back now"},
	{"stuck", "free crumbs of malloc under a page: no call gives them back"},
	{"cached", "freed, and kept by malloc for the next request of that size"},
	{"top", "free end of one of malloc's heaps"},
	{"POD", "the container (memory cgroup) and its limit"},
	{"bold", "changed since the last look; while d is on, since the mark"},
	{"~", "most of it is swapped out"},
	{"?", "it could not be read: swapped out, or gone meanwhile"},
};

/* These begin the words where mimalloc is shown, in the place of as many above. */
static const struct keys_help segment_words[] = {
	{"segment", "32 MiB that mimalloc takes from the system at once, or more for"},
	{"", "one large block; it goes back when no page of it is used"},
	{"page", "some slices of 64 KiB, for blocks of one size; its memory goes"},
	{"", "back when no block in it is used"},
	{"pinned", "a segment under 5 % used (the hot colour): look at its pages"},
};

static const struct keys_help *word_at(const struct board *board, size_t i)
{
	bool segments = board->now && board->now->occupancy.segments;
	return segments && i < ARRAY_SIZE(segment_words) ? &segment_words[i] : &words[i];
}

static size_t n_keys(void)
{
	size_t n;
	(void)keys_help(&n);
	return n;
}

static void line_draw(const struct board *board, const struct area *area, int y, size_t line)
{
	size_t n = n_keys();
	const struct keys_help *one = NULL;
	if (line == 0)
		area_text(area, 1, y, STYLE_TITLE, "KEYS");
	else if (line <= n)
		one = &keys_help(&n)[line - 1];
	else if (line == n + 2)
		area_text(area, 1, y, STYLE_TITLE, "WORDS");
	else if (line > n + 2)
		one = word_at(board, line - n - 3);
	if (!one)
		return;
	area_text(area, 2, y, STYLE_STRONG, one->keys);
	area_text(area, 17, y, STYLE_PLAIN, one->text);
}

/* The cursor is the first line shown: moving scrolls. */
static void draw(const struct board *board, struct view *view, const struct area *area)
{
	size_t lines = n_keys() + 3 + ARRAY_SIZE(words);
	view->columns = 1;
	view->page = area->height > 0 ? (size_t)area->height : 1;
	view->count = lines > view->page ? lines - view->page + 1 : 1;
	if (view->cursor >= view->count)
		view->cursor = view->count - 1;
	for (size_t i = 0; i < view->page && view->cursor + i < lines; i++)
		line_draw(board, area, (int)i, view->cursor + i);
}

static void hint(const struct board *board, const struct view *view, struct text *ret)
{
	(void)board;
	if (view->count > 1)
		text_addf(ret, "line %zu of %zu: j k PgUp PgDn scroll", view->cursor + 1,
			  view->count + view->page - 1);
}

const struct view_ops view_help = {
	.name = "help",
	.keys = "Esc ? back  j k scroll  q quit",
	.draw = draw,
	.hint = hint,
};
