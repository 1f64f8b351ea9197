/*
 * board: the dashboard without a terminal. Snapshots and presses go in, a drawn
 * canvas comes out; the state between is all here.
 *
 *	tabs      overview   ledger   arenas   classes   malloc   types   pins    1 to 7, Tab
 *	              │         └─► leaf │
 *	              └──────────────────┴─► arena ─► pool ─► object   Enter, Esc: a stack over the tab
 */
#ifndef UI_TUI_BOARD_H
#define UI_TUI_BOARD_H

#include "ui/tui/history.h"
#include "ui/tui/view.h"

#define BOARD_TABS   7
#define BOARD_STACK  5
#define BOARD_PROMPT 64

/* Reads the blocks of one pool for the drill-down, as inspector_blocks() does. */
typedef struct error *board_blocks_fn(void *context, const struct snapshot *snapshot, raddr address,
				      struct pymalloc_blocks *ret);

/* Tells of one object, as inspector_object() does, as of the last look into every block. */
typedef struct error *board_object_fn(void *context, raddr at, struct inspector_object *ret);

struct board_options {
	double interval; /* seconds between looks */
	board_blocks_fn *blocks;
	board_object_fn *object;
	void *context; /* of both */
};

struct board {
	struct board_options options;
	struct view tabs[BOARD_TABS];
	size_t tab;
	struct view stack[BOARD_STACK]; /* opened over the tab */
	size_t depth;

	struct picture *now;    /* NULL before the first look */
	struct picture *before; /* the one shown before it, or NULL */
	struct picture *mark;   /* the baseline, or NULL */
	/* Not every look has them, since they cost more: the newest that has, or NULL. */
	struct picture *with_ledger, *with_malloc;
	struct picture *with_census,
		*census_mark;      /* every block looked into; that of the baseline */
	bool studies, wants_study; /* that is under way; is asked for */
	unsigned study_done;       /* how far it is, of 1000 */
	struct text study_trouble; /* why the last one failed */
	struct picture_choice choice;
	struct history history;

	double interval;
	bool held;       /* no looks until Space is pressed again */
	bool difference; /* tables and map show the change since the mark */
	bool gone;       /* the target has ended; the last picture stays */
	bool still;      /* it is a file: one look is all there is to see */
	bool quit;
	bool redraw; /* the terminal is to be drawn from nothing */
	bool export; /* what is shown is to be written to a file */

	struct text status; /* a message until the next press */
	bool status_alert;
	struct text trouble; /* why the last look failed; "" when it did not */

	bool prompt_open;
	char prompt[BOARD_PROMPT];
	size_t prompt_length;
	char searched[BOARD_PROMPT]; /* the last search, for n and N */
};

void board_init(struct board *board, const struct board_options *options);
void board_fini(struct board *board);

/* Shows a new look, which it takes over, also on failure. ERROR_RESOURCE. */
struct error *board_show(struct board *board, struct snapshot *taken) MUST_CHECK;

/* A look failed: keeps the picture and says why. Takes err over; ERROR_GONE ends the looks. */
void board_trouble(struct board *board, struct error *err);

/* A key was pressed. */
void board_press(struct board *board, int press);

/* Whether a screen is shown that the next look should walk malloc for. */
bool board_wants_malloc(struct board *board);

/* The newest ledger, container and account of malloc; NULL: none yet. */
const struct ledger *board_ledger(const struct board *board);
const struct purse *board_purse(const struct board *board);
const struct malloc_account *board_malloc(const struct board *board);

/* What the last look into every block found; NULL: none yet. */
const struct census *board_census(const struct board *board);
const struct census *board_census_marked(const struct board *board);
const struct pins *board_pins(const struct board *board);

/* Takes over such a look, which is not one of those shown. ERROR_RESOURCE. */
struct error *board_study(struct board *board, struct snapshot *taken) MUST_CHECK;

/* One failed: says why. Takes err over. */
void board_study_trouble(struct board *board, struct error *err);

/* Adds " as of 14:32:07" where that picture is not the newest. */
void board_age(const struct board *board, const struct picture *picture, struct text *ret);

/* The screen that is shown. */
struct view *board_view(struct board *board);

/* Opens a screen over the one shown, on an arena or pool, and puts its cursor at `at`. */
void board_open(struct board *board, const struct view_ops *ops, raddr subject, raddr at);

/* Shows tab i, 0 to BOARD_TABS - 1, closing what was opened over the tabs. */
void board_tab(struct board *board, size_t i);

/* Sets the message line. */
void board_say(struct board *board, bool alert, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Makes the rows of all open screens anew. */
void board_refresh(struct board *board);

/* Draws everything on a canvas of any size. */
void board_draw(struct board *board, struct canvas *canvas);

/* ---- parts of board_draw, in frame.c --------------------------------------------------- */

#define FRAME_WIDTH  40 /* least size that views are drawn in */
#define FRAME_HEIGHT 10

/* The part of the screen that views draw in; false: it is too small for any. */
bool frame_body(const struct area *whole, struct area *ret);

/* Header, message line and footer, or what fits where no view does. */
void frame_draw(struct board *board, const struct area *whole);

/* ---- searching, in search.c ------------------------------------------------------------ */

/* Goes to an address, or to the first arena whose address begins so. Says what it found. */
void search_go(struct board *board, const char *typed);

/* The next (+1) or previous (-1) arena that matches the last search. */
void search_step(struct board *board, int direction);

#endif
