/* view_classes: pymalloc's size classes or mimalloc's block sizes, what is used of each and what is free in its
 * pools. */
#include "ui/tui/list.h"

#include "base/cleanup.h"
#include "ui/text/units.h"

static const struct pymalloc_class *class_at(const struct board *board, size_t row)
{
	return &board->now->classes.items[row];
}

/* The class in the baseline; a class of nothing when it was not there. */
static struct pymalloc_class class_marked(const struct board *board, size_t row)
{
	const struct pymalloc_class *old =
		board->mark ? picture_class(board->mark, class_at(board, row)->size) : NULL;
	return old ? *old : (struct pymalloc_class){0};
}

static void size_text(const struct board *board, size_t row, struct text *ret)
{
	uint64_t size = class_at(board, row)->size;
	/* A block of mimalloc may be larger than there is room for digits. */
	if (size < 1000000)
		list_add_count(ret, size);
	else
		list_add_bytes(ret, size);
}

static int64_t size_key(const struct board *board, size_t row)
{
	return (int64_t)class_at(board, row)->size;
}

static void pools_text(const struct board *board, size_t row, struct text *ret)
{
	list_add_count(ret, class_at(board, row)->pools);
}

static int64_t pools_key(const struct board *board, size_t row)
{
	return (int64_t)class_at(board, row)->pools;
}

static void used_text(const struct board *board, size_t row, struct text *ret)
{
	list_add_count(ret, class_at(board, row)->used_blocks);
}

static int64_t used_key(const struct board *board, size_t row)
{
	return (int64_t)class_at(board, row)->used_blocks;
}

static uint64_t used_bytes(const struct pymalloc_class *c)
{
	return size_multiply(c->used_blocks, c->size);
}

static uint64_t free_bytes(const struct pymalloc_class *c)
{
	return size_multiply(c->free_blocks, c->size);
}

static void live_text(const struct board *board, size_t row, struct text *ret)
{
	list_add_bytes(ret, used_bytes(class_at(board, row)));
}

static int64_t live_key(const struct board *board, size_t row)
{
	return (int64_t)used_bytes(class_at(board, row));
}

static void held_text(const struct board *board, size_t row, struct text *ret)
{
	list_add_bytes(ret, free_bytes(class_at(board, row)));
}

static int64_t held_key(const struct board *board, size_t row)
{
	return (int64_t)free_bytes(class_at(board, row));
}

static void free_text(const struct board *board, size_t row, struct text *ret)
{
	list_add_count(ret, class_at(board, row)->free_blocks);
}

static int64_t free_key(const struct board *board, size_t row)
{
	return (int64_t)class_at(board, row)->free_blocks;
}

static void change_text(const struct board *board, size_t row, struct text *ret)
{
	list_add_change(ret, class_marked(board, row).used_blocks,
			class_at(board, row)->used_blocks);
}

static int64_t change_key(const struct board *board, size_t row)
{
	return (int64_t)class_at(board, row)->used_blocks -
	       (int64_t)class_marked(board, row).used_blocks;
}

static void pools_change_text(const struct board *board, size_t row, struct text *ret)
{
	list_add_change(ret, class_marked(board, row).pools, class_at(board, row)->pools);
}

static int64_t pools_change_key(const struct board *board, size_t row)
{
	return (int64_t)class_at(board, row)->pools - (int64_t)class_marked(board, row).pools;
}

/* Length: share of the largest class; inside it used against free. */
static void bar_paint(const struct board *board, size_t row, const struct area *cell)
{
	const struct pymalloc_class *c = class_at(board, row);
	uint64_t most = 1, all = used_bytes(c) + free_bytes(c);
	for (size_t i = 0; i < board->now->classes.count; i++) {
		const struct pymalloc_class *other = class_at(board, i);
		most = size_max(most, used_bytes(other) + free_bytes(other));
	}
	const struct bar_part parts[] = {
		{used_bytes(c), STYLE_LIVE, GLYPH_LIVE},
		{free_bytes(c), STYLE_KEPT, GLYPH_KEPT},
	};
	int width = (int)((double)all / (double)most * cell->width + 0.5);
	area_bar(cell, 0, 0, all && !width ? 1 : width, parts, ARRAY_SIZE(parts));
}

static const struct list_column columns[] = {
	{"block", 6, false, true, NULL, size_text, NULL, size_key},
	{"in use", 7, false, false, NULL, live_text, NULL, live_key},
	{"free", 6, false, false, NULL, held_text, NULL, held_key},
	{"change", 8, false, false, list_difference, change_text, NULL, change_key},
	{"pools+-", 7, false, false, list_difference, pools_change_text, NULL, pools_change_key},
	{"used blks", 10, false, false, NULL, used_text, NULL, used_key},
	{"free blks", 10, false, false, NULL, free_text, NULL, free_key},
	{"pools", 7, false, false, NULL, pools_text, NULL, pools_key},
	{"", 20, true, false, NULL, NULL, bar_paint, live_key},
};

static bool passes(const struct board *board, const struct view *view, size_t row)
{
	return !view->filter || class_at(board, row)->pools;
}

static const struct list list = {columns, ARRAY_SIZE(columns), passes, NULL};

static const char *const filters[] = {"all classes", "classes in use"};

static struct error *refresh(struct board *board, struct view *view)
{
	return list_fill(board, view, &list, board->now->classes.count);
}

static void draw(const struct board *board, struct view *view, const struct area *area)
{
	const struct occupancy_totals *t = &board->now->occupancy.totals;
	char live[UNITS_MAX], free_blocks[UNITS_MAX];
	uint64_t held = 0;
	for (size_t i = 0; i < board->now->classes.count; i++)
		held += free_bytes(class_at(board, i));
	units_bytes(live, t->live);
	units_bytes(free_blocks, held);
	int x = area_text(area, 1, 0, STYLE_TITLE, "SIZE CLASSES");
	area_textf(area, x + 2, 0, STYLE_PLAIN, "%s; %s in use, %s free in their %s%s",
		   filters[view->filter], live, free_blocks,
		   occupancy_word(&board->now->occupancy, "pools"),
		   list_difference(board) ? ", change since mark" : "");
	struct area rows = area_part(area, 0, 1, area->width, area->height - 1);
	list_draw(board, view, &list, &rows);
}

static bool request(struct board *board, struct view *view, enum request request)
{
	return list_request(board, view, &list, request, ARRAY_SIZE(filters));
}

static void hint(const struct board *board, const struct view *view, struct text *ret)
{
	if (view->cursor >= view->rows.count)
		return;
	size_t row = view->rows.items[view->cursor];
	const struct pymalloc_class *c = class_at(board, row);
	uint64_t smaller = row ? class_at(board, row - 1)->size : 0;
	char share[UNITS_MAX], held[UNITS_MAX];
	units_percent(share, c->used_blocks, c->used_blocks + c->free_blocks);
	units_bytes(held, free_bytes(c));
	/* Of mimalloc only the sizes in use are here: the next smaller one is not known. */
	if (board->now->occupancy.segments)
		text_addf(ret, "blocks of %llu bytes", (unsigned long long)c->size);
	else
		text_addf(ret, "requests of %llu to %llu bytes", (unsigned long long)smaller + 1,
			  (unsigned long long)c->size);
	text_addf(ret, ": %s of the blocks used, %s free in its %s", share, held,
		  occupancy_word(&board->now->occupancy, "pools"));
}

const struct view_ops view_classes = {
	.name = "classes",
	.title = "Classes",
	.keys = "s<> sort  f filter  m mark  d since mark  e export  Tab screen  Space hold  ? q",
	.sort = 0,
	.refresh = refresh,
	.draw = draw,
	.hint = hint,
	.request = request,
};
