/*
 * frame: what stands around every screen.
 *
 *	 arenascope  4127 python3.11 app.py   CPython 3.11.9      live 1 s, never stopped
 *	 [1 Overview] 2 Ledger 3 Arenas 4 Classes 5 Malloc               up 19 h  14:32:07
 *	 ─────────────
 *	 the view
 *	 ─────────────   (these two only from 18 lines on; else the
 *	 message          message takes the place of the keys)
 *	 keys
 */
#include "ui/tui/board.h"

#include "base/cleanup.h"
#include "ui/text/units.h"

#include <string.h>

#define FRAME_TALL 18 /* lines from which the message has one of its own */
#define FRAME_HEAD 3

bool frame_body(const struct area *whole, struct area *ret)
{
	int foot = whole->height >= FRAME_TALL ? 3 : 1;
	if (whole->width < FRAME_WIDTH || whole->height < FRAME_HEIGHT)
		return false;
	*ret = area_part(whole, 0, FRAME_HEAD, whole->width, whole->height - FRAME_HEAD - foot);
	return true;
}

/* A file may be of any day. */
static void clock_text(const struct snapshot_target *target, char ret[24])
{
	struct tm parts;
	bool live = target->kind == ORIGIN_LIVE;
	if (!target->taken_at.tv_sec || !localtime_r(&target->taken_at.tv_sec, &parts) ||
	    !strftime(ret, 24, live ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &parts))
		ret[0] = '\0';
}

static const char *target_label(const struct snapshot_target *target)
{
	if (target->command && *target->command)
		return target->command;
	return target->comm ? target->comm : "";
}

/* "live 1 s, never stopped", and whether it is bad news. */
static bool state_text(const struct board *board, struct text *ret)
{
	if (board->gone) {
		text_add(ret, "TARGET ENDED, this is the last picture");
		return true;
	}
	const struct snapshot_target *target = board->now ? &board->now->snapshot->target : NULL;
	if (target && target->kind != ORIGIN_LIVE)
		text_add(ret, target->kind == ORIGIN_CORE ? "a core, does not change"
							  : "a snapshot, does not change");
	else if (board->held)
		text_add(ret, "HELD, never stopped");
	else if (board->now) /* before, there is nothing to say it of */
		text_addf(ret, "live %g s, never stopped", board->interval);
	return false;
}

static void build_text(const struct snapshot_target *target, int width, struct text *ret)
{
	text_add(ret, width >= 100 ? "CPython " : "py ");
	text_add_escaped(ret, target->version, strnlen(target->version, sizeof(target->version)));
	if (target->debug_build)
		text_add(ret, width >= 100 ? " debug build" : "d");
	if (target->free_threaded)
		text_add(ret, width >= 100 ? " free-threaded" : "t");
}

static void head_draw(const struct board *board, const struct area *whole)
{
	_cleanup_(text_fini) struct text state = TEXT_EMPTY;
	_cleanup_(text_fini) struct text build = TEXT_EMPTY;
	bool alert = state_text(board, &state);
	int right = area_text_right(whole, whole->width - 1, 0, alert ? STYLE_ALERT : STYLE_BAR,
				    text_string(&state));
	int x = area_text(whole, 1, 0, STYLE_BAR, whole->width >= 60 ? "arenascope  " : "");
	if (!board->now) {
		area_text(whole, x, 0, STYLE_BAR, "first look ...");
		area_paint(whole, 0, STYLE_BAR);
		return;
	}
	const struct snapshot_target *target = &board->now->snapshot->target;
	build_text(target, whole->width, &build);
	int room = right - x - canvas_columns(text_string(&build)) - 4;
	struct area left = area_part(whole, 0, 0, right > 1 ? right - 1 : 0, 1);
	int label = area_textf(&left, x, 0, STYLE_BAR, "%lld ", (long long)target->pid) - x;
	if (room > label)
		x = area_foreign(&left, x + label, 0, room - label, STYLE_BAR,
				 target_label(target));
	else
		x += label;
	area_text(&left, x + 2, 0, STYLE_BAR, text_string(&build));
	area_paint(whole, 0, STYLE_BAR);
}

/* The screens are the same ones for pymalloc and mimalloc, in the words of each. */
static const char *word(const struct board *board, const char *name)
{
	return board->now ? occupancy_word(&board->now->occupancy, name) : name;
}

static int tabs_draw(const struct board *board, const struct area *whole)
{
	int x = 1;
	for (size_t i = 0; i < BOARD_TABS; i++) {
		bool on = i == board->tab;
		x = area_textf(whole, x, 1, on ? STYLE_TAB : STYLE_DIM, on ? "[%zu %s]" : "%zu %s",
			       i + 1, word(board, board->tabs[i].ops->title));
		x++;
	}
	for (size_t i = 0; i < board->depth; i++) {
		const struct view *view = &board->stack[i];
		x = area_textf(whole, x, 1, STYLE_STRONG, "> %s", word(board, view->ops->name)) + 1;
	}
	return x;
}

/* How many doubts there are that a person should know of. */
static int doubts_draw(const struct doubts *doubts, const struct area *whole, int x)
{
	size_t n = 0;
	for (size_t i = 0; i < doubts->list.count; i++)
		n += doubts->list.items[i].severity > DOUBT_NOTE;
	if (n && x + 10 < whole->width)
		x = area_textf(whole, x + 1, 1, STYLE_ALERT, "%zu doubt%s", n, n > 1 ? "s" : "");
	return x;
}

static void second_line_draw(const struct board *board, const struct area *whole)
{
	char uptime[UNITS_MAX], clock[24];
	int x = tabs_draw(board, whole);
	if (!board->now)
		return;
	const struct snapshot_target *target = &board->now->snapshot->target;
	time_t up = target->taken_at.tv_sec - target->started_at.tv_sec;
	units_duration(uptime, up > 0 ? (uint64_t)up : 0);
	clock_text(target, clock);
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	x = doubts_draw(&board->now->snapshot->doubts, whole, x);
	if (target->started_at.tv_sec)
		text_addf(&line, "up %s  ", uptime);
	text_add(&line, clock);
	if (x + canvas_columns(text_string(&line)) + 1 >= whole->width) {
		text_clear(&line);
		text_add(&line, clock);
	}
	if (x + canvas_columns(text_string(&line)) + 1 < whole->width)
		area_text_right(whole, whole->width - 1, 1, STYLE_DIM, text_string(&line));
}

/* The message, the trouble, or what the cursor is on; *ret_style how. */
static void message_text(struct board *board, struct text *ret, enum style *ret_style)
{
	struct view *view = board_view(board);
	*ret_style = STYLE_PLAIN;
	if (board->prompt_open) {
		*ret_style = STYLE_STRONG;
		text_addf(ret, "find address or id(): %s_", board->prompt);
	} else if (board->status.length) {
		*ret_style = board->status_alert ? STYLE_ALERT : STYLE_STRONG;
		text_add(ret, text_string(&board->status));
	} else if (board->trouble.length) {
		*ret_style = STYLE_ALERT;
		text_add(ret, text_string(&board->trouble));
	} else if (board->now && view->ops->hint) {
		view->ops->hint(board, view, ret);
	}
}

/* The keys that fit, whole ones; "? …", the way to all others, stays to the last. */
static void keys_draw(const char *keys, const struct area *whole, int y)
{
	const char *end = keys + strlen(keys), *help = strstr(keys, "  ? ") ?: end;
	int room = whole->width - 1 - (int)(end - help);
	const char *cut = keys;
	while (cut < help) {
		const char *next = strstr(cut + 2, "  ") ?: end;
		if (next - keys > room)
			break;
		cut = next;
	}
	int x = area_textf(whole, 1, y, STYLE_BAR, "%.*s", (int)(cut - keys), keys);
	area_text(whole, x, y, STYLE_BAR, help);
}

static const char *keys_of(struct board *board)
{
	const struct view_ops *ops = board_view(board)->ops;
	bool segments = board->now && board->now->occupancy.segments;
	return segments && ops->segment_keys ? ops->segment_keys : ops->keys;
}

static void foot_draw(struct board *board, const struct area *whole)
{
	_cleanup_(text_fini) struct text message = TEXT_EMPTY;
	enum style style;
	message_text(board, &message, &style);
	bool tall = whole->height >= FRAME_TALL;
	int last = whole->height - 1;
	bool urgent = board->prompt_open || board->status.length || board->trouble.length;
	if (tall)
		area_rule(whole, last - 2);
	/* Errors may quote foreign text. */
	if (tall || urgent)
		area_foreign(whole, 1, tall ? last - 1 : last, whole->width - 2, style,
			     text_string(&message));
	if (tall || !urgent)
		keys_draw(keys_of(board), whole, last);
	area_paint(whole, last, STYLE_BAR);
}

/* What can be said in a few cells. */
static void small_draw(const struct board *board, const struct area *whole)
{
	char rss[UNITS_MAX] = "?";
	int y = 0;
	if (board->now) {
		const struct snapshot_target *target = &board->now->snapshot->target;
		if (target->kind != ORIGIN_CORE)
			units_bytes(rss, target->rss);
		int x = area_textf(whole, 0, y, STYLE_STRONG, "%lld ", (long long)target->pid);
		area_foreign(whole, x, y++, whole->width - x, STYLE_PLAIN, target_label(target));
	}
	area_textf(whole, 0, y++, STYLE_PLAIN, "RSS %s", rss);
	if (board->gone)
		area_text(whole, 0, y++, STYLE_ALERT, "TARGET ENDED");
	area_textf(whole, 0, y++, STYLE_PLAIN, "too small, needs");
	area_textf(whole, 0, y++, STYLE_PLAIN, "%dx%d    q quits", FRAME_WIDTH, FRAME_HEIGHT);
}

void frame_draw(struct board *board, const struct area *whole)
{
	struct area body;
	if (!frame_body(whole, &body)) {
		small_draw(board, whole);
		return;
	}
	head_draw(board, whole);
	second_line_draw(board, whole);
	area_rule(whole, 2);
	foot_draw(board, whole);
}
