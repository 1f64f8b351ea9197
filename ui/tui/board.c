/*
 * board: requests that concern all screens are answered here, the others by the
 * screen that is shown.
 *
 * Nothing here waits: a failed look, a dead target or a full stack is a message,
 * and the last picture stays.
 */
#include "ui/tui/board.h"

#include "base/cleanup.h"
#include "ui/report/ledger_split.h"

#include <string.h>

static const struct view_ops *const tabs[BOARD_TABS] = {
	&view_overview, &view_ledger, &view_arenas, &view_classes,
	&view_malloc,   &view_types,  &view_pins,
};

/* Seconds between looks that + and - step through. */
static const double intervals[] = {0.25, 0.5, 1, 2, 5, 10, 30, 60};

void board_init(struct board *board, const struct board_options *options)
{
	*board = (struct board){.options = *options, .interval = options->interval};
	for (size_t i = 0; i < BOARD_TABS; i++)
		board->tabs[i] = (struct view){.ops = tabs[i], .sort = tabs[i]->sort};
}

static void stack_drop(struct board *board)
{
	while (board->depth)
		view_fini(&board->stack[--board->depth]);
}

void board_fini(struct board *board)
{
	stack_drop(board);
	for (size_t i = 0; i < BOARD_TABS; i++)
		view_fini(&board->tabs[i]);
	picture_unref(board->now);
	picture_unref(board->before);
	picture_unref(board->mark);
	picture_unref(board->with_ledger);
	picture_unref(board->with_malloc);
	picture_unref(board->with_census);
	picture_unref(board->census_mark);
	text_fini(&board->study_trouble);
	text_fini(&board->status);
	text_fini(&board->trouble);
	*board = (struct board){0};
}

void board_say(struct board *board, bool alert, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	text_clear(&board->status);
	text_addv(&board->status, format, args);
	va_end(args);
	board->status_alert = alert;
}

/* An error of ours becomes the message line. */
static void board_fail(struct board *board, struct error *err)
{
	if (err)
		board_say(board, true, "%s", err->cause);
	error_free(err);
}

struct view *board_view(struct board *board)
{
	return board->depth ? &board->stack[board->depth - 1] : &board->tabs[board->tab];
}

bool board_wants_malloc(struct board *board)
{
	return board_view(board)->ops == &view_malloc;
}

const struct ledger *board_ledger(const struct board *board)
{
	return board->with_ledger ? &board->with_ledger->snapshot->ledger : NULL;
}

const struct purse *board_purse(const struct board *board)
{
	return board->with_ledger ? &board->with_ledger->snapshot->purse : NULL;
}

const struct malloc_account *board_malloc(const struct board *board)
{
	return board->with_malloc ? &board->with_malloc->snapshot->malloc : NULL;
}

static const struct census *census_of(const struct picture *picture)
{
	return picture && picture->snapshot->census.filled ? &picture->snapshot->census : NULL;
}

const struct census *board_census(const struct board *board)
{
	return census_of(board->with_census);
}

const struct census *board_census_marked(const struct board *board)
{
	return census_of(board->census_mark);
}

const struct pins *board_pins(const struct board *board)
{
	const struct picture *picture = board->with_census;
	return picture && picture->snapshot->pins.filled ? &picture->snapshot->pins : NULL;
}

void board_age(const struct board *board, const struct picture *picture, struct text *ret)
{
	char clock[16];
	struct tm parts;
	if (!picture || picture == board->now)
		return;
	time_t at = picture->snapshot->target.taken_at.tv_sec;
	if (localtime_r(&at, &parts) && strftime(clock, sizeof(clock), "%H:%M:%S", &parts))
		text_addf(ret, "%sas of %s", ret->length ? "  " : "", clock);
}

/* The cursor stays on its thing, but for the first row: who watches that wants what comes first. */
static void view_refresh(struct board *board, struct view *view)
{
	if (!board->now || !view->ops->refresh)
		return;
	board_fail(board, view->ops->refresh(board, view));
	bool follows = view->ops->show && !raddr_is_null(view->at);
	if (!follows || !view->ops->show(board, view, view->at))
		view->cursor = view->count ? size_min(view->cursor, view->count - 1) : 0;
}

/* Remembers what the cursor is on, so that it can follow it. */
static void view_locate(struct board *board, struct view *view)
{
	if (board->now && view->ops->locate)
		view->at = view->cursor ? view->ops->locate(board, view) : RADDR_NULL;
}

void board_refresh(struct board *board)
{
	view_refresh(board, &board->tabs[board->tab]);
	for (size_t i = 0; i < board->depth; i++)
		view_refresh(board, &board->stack[i]);
}

/* An interpreter that ended cannot stay chosen. */
static struct error *choice_check(struct board *board)
{
	if (!board->choice.one || board->now->occupancy.arenas.count)
		return NULL;
	board_say(board, false, "interpreter %lld has no arenas any more: all are shown",
		  (long long)board->choice.id);
	board->choice = (struct picture_choice){0};
	return picture_choose(board->now, board->choice);
}

static void keep(struct picture **kept, struct picture *now, bool has_it)
{
	if (!has_it)
		return;
	picture_unref(*kept);
	*kept = picture_ref(now);
}

/* What costs more than a look may is not in every one: the last stays in view. */
static void parts_keep(struct board *board)
{
	struct picture *now = board->now;
	uint64_t leaves[LEAF_COUNT];
	keep(&board->with_ledger, now, now->snapshot->ledger.filled);
	keep(&board->with_malloc, now, now->snapshot->malloc.filled);
	keep(&board->with_census, now, now->snapshot->census.filled);
	const struct ledger *ledger = board_ledger(board);
	for (int i = 0; ledger && i < LEAF_COUNT; i++)
		leaves[i] = ledger_split_amount(ledger, (enum leaf)i);
	history_add(&board->history, now->snapshot->target.taken_at.tv_sec,
		    now->snapshot->target.rss, now->occupancy.totals.live, ledger ? leaves : NULL);
}

struct error *board_show(struct board *board, struct snapshot *taken)
{
	struct picture *picture;
	struct error *err = picture_new(taken, board->choice, &picture);
	if (err)
		return err;
	picture_unref(board->before);
	board->before = board->now;
	board->now = picture;
	text_clear(&board->trouble);
	err = choice_check(board);
	parts_keep(board);
	board_refresh(board);
	return err;
}

struct error *board_study(struct board *board, struct snapshot *taken)
{
	struct picture *picture;
	struct error *err = picture_new(taken, board->choice, &picture);
	if (err)
		return err;
	picture_unref(board->with_census);
	board->with_census = picture;
	text_clear(&board->study_trouble);
	board_refresh(board);
	return NULL;
}

void board_study_trouble(struct board *board, struct error *err)
{
	text_clear(&board->study_trouble);
	text_addf(&board->study_trouble, "Every block could not be looked into: %s", err->cause);
	error_free(err);
}

void board_trouble(struct board *board, struct error *err)
{
	text_clear(&board->trouble);
	if (err->kind == ERROR_GONE)
		board->gone = true;
	else
		text_addf(&board->trouble, "last look failed: %s", err->cause);
	error_free(err);
}

void board_open(struct board *board, const struct view_ops *ops, raddr subject, raddr at)
{
	if (board->depth == BOARD_STACK) {
		board_say(board, false, "Esc first: no more screens can be opened");
		return;
	}
	struct view *view = &board->stack[board->depth++];
	*view = (struct view){.ops = ops, .subject = subject, .at = at, .sort = ops->sort};
	view_refresh(board, view);
}

void board_tab(struct board *board, size_t i)
{
	if (i >= BOARD_TABS)
		return;
	stack_drop(board);
	board->tab = i;
	view_refresh(board, board_view(board));
}

static void board_back(struct board *board)
{
	if (board->depth)
		view_fini(&board->stack[--board->depth]);
}

static void board_help(struct board *board)
{
	if (board_view(board)->ops == &view_help)
		board_back(board);
	else
		board_open(board, &view_help, RADDR_NULL, RADDR_NULL);
}

static void interval_step(struct board *board, int direction)
{
	double next = board->interval;
	for (size_t i = 0; i < ARRAY_SIZE(intervals); i++) {
		if (direction > 0 && intervals[i] > board->interval) {
			next = intervals[i];
			break;
		}
		if (direction < 0 && intervals[i] < board->interval)
			next = intervals[i];
	}
	board->interval = next;
	board_say(board, false, "a look every %g s", next);
}

static void board_mark(struct board *board)
{
	if (!board->now)
		return;
	picture_unref(board->mark);
	board->mark = picture_ref(board->now);
	picture_unref(board->census_mark);
	board->census_mark = board->with_census ? picture_ref(board->with_census) : NULL;
	board_say(board, false, "baseline marked; d shows the difference to it");
	board_refresh(board);
}

static void board_difference(struct board *board)
{
	if (!board->mark) {
		board_say(board, false, "no baseline yet: m marks one");
		return;
	}
	board->difference = !board->difference;
	board_say(board, false,
		  board->difference ? "difference to the baseline; d again: as it is" : "as it is");
	board_refresh(board);
}

static void board_hold(struct board *board)
{
	board->held = !board->held;
	board_say(board, false, board->held ? "picture held; Space goes on" : "going on");
}

static struct error *pictures_choose(struct board *board)
{
	struct picture *pictures[] = {board->now, board->before, board->mark};
	for (size_t i = 0; i < ARRAY_SIZE(pictures); i++) {
		if (!pictures[i])
			continue;
		struct error *err = picture_choose(pictures[i], board->choice);
		if (err)
			return err;
	}
	return NULL;
}

static void board_interpreter(struct board *board)
{
	if (!board->now || picture_heaps(board->now) < 2) {
		board_say(board, false, "all %s belong to one interpreter",
			  board->now ? occupancy_word(&board->now->occupancy, "arenas") : "arenas");
		return;
	}
	board->choice = picture_next_choice(board->now);
	board_fail(board, pictures_choose(board));
	if (board->choice.one)
		board_say(board, false, "interpreter %lld only", (long long)board->choice.id);
	else
		board_say(board, false, "all interpreters together");
	board_refresh(board);
}

static void prompt_open(struct board *board)
{
	board->prompt_open = true;
	board->prompt_length = 0;
	board->prompt[0] = '\0';
}

static void prompt_press(struct board *board, int press)
{
	if (press == PRESS_ESCAPE) {
		board->prompt_open = false;
	} else if (press == PRESS_ENTER || press == '\r') {
		board->prompt_open = false;
		search_go(board, board->prompt);
	} else if (press == PRESS_BACKSPACE || press == '\b') {
		if (board->prompt_length)
			board->prompt[--board->prompt_length] = '\0';
		else
			board->prompt_open = false;
	} else if (press >= ' ' && press < 127 && board->prompt_length + 1 < BOARD_PROMPT) {
		board->prompt[board->prompt_length++] = (char)press;
		board->prompt[board->prompt_length] = '\0';
	}
}

/* Requests that mean the same on every screen and take no view; false: another one. */
static bool request_plain(struct board *board, enum request request)
{
	static const struct {
		enum request request;
		void (*act)(struct board *board);
	} plain[] = {
		{REQUEST_HELP, board_help},    {REQUEST_BACK, board_back},
		{REQUEST_MARK, board_mark},    {REQUEST_DIFFERENCE, board_difference},
		{REQUEST_HOLD, board_hold},    {REQUEST_INTERPRETER, board_interpreter},
		{REQUEST_SEARCH, prompt_open},
	};
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		if (plain[i].request == request) {
			plain[i].act(board);
			return true;
		}
	}
	return false;
}

/* Movement in the screen that is shown, or what only it knows; false: neither. */
static bool request_view(struct board *board, enum request request)
{
	struct view *view = board_view(board);
	if (view->ops->request && view->ops->request(board, view, request))
		return true;
	if (!view_move(view, request))
		return false;
	view_locate(board, view);
	return true;
}

static void answer(struct board *board, enum request request)
{
	if (request_view(board, request) || request_plain(board, request))
		return;
	if (request >= REQUEST_TAB_1 && request <= REQUEST_TAB_9)
		board_tab(board, (size_t)(request - REQUEST_TAB_1));
	else if (request == REQUEST_TAB_NEXT)
		board_tab(board, (board->tab + 1) % BOARD_TABS);
	else if (request == REQUEST_TAB_PREVIOUS)
		board_tab(board, (board->tab + BOARD_TABS - 1) % BOARD_TABS);
	else if (request == REQUEST_SLOWER)
		interval_step(board, 1);
	else if (request == REQUEST_FASTER)
		interval_step(board, -1);
	else if (request == REQUEST_SEARCH_NEXT)
		search_step(board, 1);
	else if (request == REQUEST_SEARCH_PREVIOUS)
		search_step(board, -1);
	board->quit = board->quit || request == REQUEST_QUIT;
	board->export = board->export || request == REQUEST_EXPORT;
	board->redraw = board->redraw || request == REQUEST_REDRAW;
}

void board_press(struct board *board, int press)
{
	if (press == PRESS_NONE || press == PRESS_RESIZE)
		return;
	text_clear(&board->status);
	board->status_alert = false;
	if (board->prompt_open)
		prompt_press(board, press);
	else
		answer(board, keys_request(press));
}

void board_draw(struct board *board, struct canvas *canvas)
{
	canvas_clear(canvas);
	struct area whole = area_whole(canvas), body;
	struct view *view = board_view(board);
	/* The view first: the message line speaks of what its cursor is on. */
	if (frame_body(&whole, &body) && (board->now || !view->ops->refresh))
		view->ops->draw(board, view, &body);
	frame_draw(board, &whole);
}
