/*
 * screen: the terminal. The only file that knows ncurses.
 *
 * Whatever ends the program while it is open, a signal or a crash of ours, the
 * terminal is left as it was found.
 */
#ifndef UI_TUI_SCREEN_H
#define UI_TUI_SCREEN_H

#include "base/error.h"
#include "ui/tui/canvas.h"

struct screen;

struct screen_options {
	bool ascii; /* no Unicode, whatever the locale says */
	bool color;
};

/*
 * Takes the terminal over: standard input and output. One at a time. ERROR_RESOURCE with a remedy
 * where they are no terminal, or one that cannot place its cursor (TERM=dumb, unknown, unset).
 */
struct error *screen_open(const struct screen_options *options, struct screen **ret) MUST_CHECK;

/* Gives the terminal back as it was; takes NULL. */
void screen_close(struct screen *screen);

/* Its size now, and whether it can show Unicode. */
void screen_size(const struct screen *screen, int *ret_width, int *ret_height);
bool screen_ascii(const struct screen *screen);

/* Shows a canvas: only the lines that differ from the last one shown, or all with `whole`. */
void screen_show(struct screen *screen, const struct canvas *canvas, bool whole);

/* Waits up to `milliseconds` for a key; an enum press or a character. PRESS_NONE: none came, or a
 * signal did. */
int screen_key(struct screen *screen, int milliseconds);

/* The signal that asked us to end (SIGINT, SIGTERM, SIGHUP, or SIGHUP for a terminal that went
 * away), or 0. */
int screen_signal(const struct screen *screen);

#endif
