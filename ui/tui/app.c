/*
 * app: one loop.
 *
 *	look when it is due ──► board ──► canvas ──► screen
 *	   ▲                      ▲
 *	   └── tick, 200 ms ── key pressed
 *
 * The tick is short so that a signal or the target's end shows at once; without
 * either it only sleeps.
 */
#include "ui/tui/app.h"

#include "base/cleanup.h"
#include "ui/tui/board.h"
#include "ui/tui/export.h"
#include "ui/tui/pace.h"
#include "ui/tui/screen.h"

#include <signal.h>

#define TICK_MS 200

struct app {
	struct inspector *inspector;
	struct screen *screen;
	struct study *study;
	bool of_file;
	struct board board;
	struct canvas canvas;
	uint64_t n_looks, count;
	double due; /* monotonic seconds of the next look */
	struct pace pace;
	bool dirty; /* the board differs from the screen */
};

static double monotonic(void)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct error *app_blocks(void *context, const struct snapshot *snapshot, raddr address,
				struct pymalloc_blocks *ret)
{
	struct app *app = context;
	return inspector_blocks(app->inspector, snapshot, address, ret);
}

static struct error *app_object(void *context, raddr at, struct inspector_object *ret)
{
	struct app *app = context;
	if (!app->study)
		return error_new(ERROR_USAGE, "it was not looked into");
	return study_object(app->study, at, ret);
}

static struct error *app_draw(struct app *app)
{
	int width, height;
	screen_size(app->screen, &width, &height);
	if (!app->canvas.cells || app->canvas.width != width || app->canvas.height != height) {
		struct canvas canvas;
		struct error *err = canvas_init(width, height, screen_ascii(app->screen), &canvas);
		if (err)
			return err;
		canvas_fini(&app->canvas);
		app->canvas = canvas;
	}
	board_draw(&app->board, &app->canvas);
	screen_show(app->screen, &app->canvas, app->board.redraw);
	app->board.redraw = app->dirty = false;
	return NULL;
}

/* The canvas still holds what was shown when e was pressed. */
static void app_export(struct app *app)
{
	struct board *board = &app->board;
	_cleanup_(free_pointer) char *name = NULL;
	board->export = false;
	if (!board->now || !app->canvas.cells)
		return;
	const struct snapshot_target *target = &board->now->snapshot->target;
	struct error *err = export_canvas(&app->canvas, target->pid, board_view(board)->ops->name,
					  target->taken_at.tv_sec, &name);
	if (err)
		board_say(board, true, "%s", err->cause);
	else
		board_say(board, false, "written: %s", name);
	error_free(err);
}

/* A look, when it is time for one. */
static struct error *app_look(struct app *app)
{
	struct board *board = &app->board;
	struct snapshot *taken = NULL;
	if (board->held || board->gone || board->still || monotonic() < app->due)
		return NULL;
	double start = monotonic();
	/* A file is looked at once, for all there is (app.h). */
	unsigned parts = pace_parts(&app->pace, start, board_wants_malloc(board));
	if (!app->of_file)
		inspector_ask(app->inspector, parts);
	struct error *err = inspector_look(app->inspector, &taken);
	double end = monotonic();
	pace_learn(&app->pace, end, parts, end - start);
	app->due = end + board->interval;
	board->still = taken && taken->target.kind != ORIGIN_LIVE;
	app->dirty = true;
	if (err && !board->now)
		return err;
	if (err) {
		board_trouble(board, err);
		return NULL;
	}
	app->n_looks++;
	return board_show(board, taken);
}

static struct error *study_end(struct app *app)
{
	struct snapshot *taken = NULL;
	struct error *err = study_take(app->study, &taken);
	app->board.studies = false;
	app->dirty = true;
	if (!err)
		return board_study(&app->board, taken);
	board_study_trouble(&app->board, err);
	return NULL;
}

/* Every block is looked into once by itself, after the first look is shown, then when asked for. */
static struct error *app_study(struct app *app)
{
	struct board *board = &app->board;
	if (!app->study)
		return NULL;
	unsigned done = study_done(app->study);
	if (board->studies && done / 10 != board->study_done / 10)
		app->dirty = true;
	board->study_done = done;
	if (study_state(app->study) == STUDY_READY)
		return study_end(app);
	if (!board->wants_study || board->gone || study_state(app->study) != STUDY_IDLE)
		return NULL;
	board->wants_study = false;
	board->studies = app->dirty = true;
	struct error *err = study_begin(app->study);
	if (err) {
		board->studies = false;
		board_study_trouble(board, err);
	}
	return NULL;
}

/* Milliseconds until something is due, a tick at most. */
static int app_wait(const struct app *app)
{
	double left = (app->due - monotonic()) * 1000;
	if (app->board.held || app->board.gone || app->board.still || left > TICK_MS)
		return TICK_MS;
	return left < 0 ? 0 : (int)left + 1;
}

static void app_key(struct app *app, int press)
{
	bool held = app->board.held;
	double interval = app->board.interval;
	if (press == PRESS_NONE)
		return;
	app->dirty = true;
	if (press == PRESS_RESIZE)
		app->board.redraw = true;
	board_press(&app->board, press);
	if (app->board.export)
		app_export(app);
	bool asks = board_wants_malloc(&app->board) && !board_malloc(&app->board);
	if ((held && !app->board.held) || (asks && monotonic() >= app->pace.due))
		app->due = 0;
	if (app->board.interval < interval)
		app->due -= interval - app->board.interval;
}

static struct error *app_loop(struct app *app)
{
	while (!app->board.quit && !screen_signal(app->screen)) {
		struct error *err = app_look(app);
		err = err ?: app_study(app);
		if (err)
			return err;
		if (!app->board.gone && !inspector_alive(app->inspector))
			app->board.gone = app->dirty = true;
		err = app->dirty ? app_draw(app) : NULL;
		if (err)
			return err;
		if (app->count && app->n_looks >= app->count)
			break;
		app_key(app, screen_key(app->screen, app_wait(app)));
	}
	return NULL;
}

struct error *app_run(struct inspector *inspector, const struct app_options *options)
{
	struct app app = {.inspector = inspector,
			  .study = options->study,
			  .count = options->count,
			  .of_file = options->of_file};
	const struct screen_options screen_options = {options->ascii, options->color};
	const struct board_options board_options = {
		.interval = options->interval > 0 ? options->interval : 1,
		.blocks = app_blocks,
		.object = app_object,
		.context = &app,
	};
	struct error *err = screen_open(&screen_options, &app.screen);
	if (err)
		return err;
	board_init(&app.board, &board_options);
	app.board.wants_study = app.study;
	if (options->study_refused)
		board_study_trouble(&app.board, options->study_refused);
	err = app_draw(&app); /* a sign of life: the first look of a large heap takes a moment */
	if (!err)
		err = app_loop(&app);
	int signalled = screen_signal(app.screen);
	screen_close(app.screen);
	board_fini(&app.board);
	canvas_fini(&app.canvas);
	if (signalled)
		(void)raise(signalled);
	return err;
}
