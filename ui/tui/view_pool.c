/*
 * view_pool: one pool, a cell for each of its blocks, read anew with each look.
 *
 *	███░░█··········   used, freed, never used yet
 */
#include "ui/tui/grid.h"

#include "ui/text/units.h"

static struct error *refresh(struct board *board, struct view *view)
{
	struct pymalloc_blocks blocks = {0};
	if (!board->options.blocks || board->gone)
		return NULL;
	struct error *err = board->options.blocks(board->options.context, board->now->snapshot,
						  view->subject, &blocks);
	if (error_catch(&err, ERROR_FAULT)) {
		board_say(board, true, "this pool cannot be read any more; its last picture stays");
		return NULL;
	}
	if (err)
		return err;
	pymalloc_blocks_fini(&view->blocks);
	view->blocks = blocks;
	view->count = blocks.states ? blocks.n_blocks : 0;
	return NULL;
}

static enum style block_style(enum block_state state)
{
	static const enum style styles[] = {STYLE_EMPTY, STYLE_KEPT, STYLE_LIVE};
	return styles[state];
}

static enum glyph block_glyph(enum block_state state)
{
	static const enum glyph shapes[] = {GLYPH_BLOCK_VIRGIN, GLYPH_BLOCK_FREE, GLYPH_BLOCK_USED};
	return shapes[state];
}

static enum block_state block_at(const struct view *view, size_t i)
{
	uint8_t state = view->blocks.states[i];
	return state <= BLOCK_USED ? (enum block_state)state : BLOCK_VIRGIN;
}

static void cell_draw(const struct board *board, const struct view *view, size_t i,
		      const struct area *area, int x, int y)
{
	(void)board;
	enum block_state state = block_at(view, i);
	area_glyph(area, x, y, block_style(state), block_glyph(state), 1);
}

static void key_draw(const struct view *view, const struct area *area, int y)
{
	static const char *const names[] = {"never used yet", "free", "used"};
	const uint32_t counts[] = {view->blocks.n_virgin, view->blocks.n_free, view->blocks.n_used};
	int x = 1;
	for (int state = BLOCK_USED; state >= BLOCK_VIRGIN; state--) {
		char figure[UNITS_MAX];
		units_count(figure, counts[state]);
		x = area_glyph(area, x, y, block_style((enum block_state)state),
			       block_glyph((enum block_state)state), 1);
		x = area_textf(area, x + 1, y, STYLE_DIM, "%s %s", figure, names[state]) + 2;
	}
	if (!view->blocks.agrees)
		area_text(area, x, y, STYLE_ALERT, "changed while it was read");
}

static void draw(const struct board *board, struct view *view, const struct area *area)
{
	char size[UNITS_MAX];
	int x = area_textf(area, 1, 0, STYLE_TITLE, "POOL " RADDR_FORMAT, view->subject.value);
	if (!view->count) {
		area_text(area, 1, 2, STYLE_STRONG, "Its blocks could not be read.");
		return;
	}
	units_count(size, view->blocks.block_size);
	area_textf(area, x + 2, 0, STYLE_PLAIN, "%u blocks of %s bytes", view->blocks.n_blocks,
		   size);
	key_draw(view, area, 1);
	struct area cells = area_part(area, 1, 3, area->width - 2, area->height - 3);
	grid_draw(board, view, &cells, 1, grid_columns(&cells, 1), cell_draw);
}

/* Where block i begins: the pool ends with its last block and less than one block of loss. */
static raddr block_address(const struct board *board, const struct view *view, size_t i)
{
	size_t arena = occupancy_find(&board->now->occupancy, view->subject);
	if (arena == board->now->occupancy.arenas.count ||
	    !board->now->occupancy.arenas.items[arena].heap)
		return RADDR_NULL;
	uint64_t header = board->now->occupancy.arenas.items[arena].heap->pool_overhead;
	uint64_t before = size_multiply(i, view->blocks.block_size);
	return raddr_plus(view->subject, size_add(header, before));
}

static raddr locate(const struct board *board, const struct view *view)
{
	return view->count ? block_address(board, view, view->cursor) : RADDR_NULL;
}

static void hint(const struct board *board, const struct view *view, struct text *ret)
{
	static const char *const names[] = {
		"never used yet",
		"freed, waits for an object of this size",
		"used: as long as it is, the arena stays",
	};
	raddr at = locate(board, view);
	if (!view->count || raddr_is_null(at))
		return;
	text_addf(ret, "block %zu at " RADDR_FORMAT ": %s", view->cursor, at.value,
		  names[block_at(view, view->cursor)]);
}

static bool show(struct board *board, struct view *view, raddr address)
{
	raddr first = block_address(board, view, 0);
	uint64_t size = view->blocks.block_size;
	if (!view->count || !size || raddr_compare(address, view->subject) < 0)
		return false;
	view->cursor = (size_t)size_min(raddr_distance(first, address) / size, view->count - 1);
	return true;
}

static bool request(struct board *board, struct view *view, enum request request)
{
	raddr at = locate(board, view);
	if (request != REQUEST_ENTER)
		return false;
	if (!board->options.object || raddr_is_null(at))
		board_say(board, false, "a block is the smallest there is; Esc goes back");
	else
		board_open(board, &view_object, at, RADDR_NULL);
	return true;
}

const struct view_ops view_pool = {
	.name = "pool",
	.keys = "arrows move  Enter what is in the block  Esc back  / find  e export  ? help  q",
	.refresh = refresh,
	.draw = draw,
	.hint = hint,
	.request = request,
	.locate = locate,
	.show = show,
};
