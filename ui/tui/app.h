/* app: the dashboard on a terminal: looks at the target, draws the board, hands it what is pressed. */
#ifndef UI_TUI_APP_H
#define UI_TUI_APP_H

#include "inspector/inspector.h"
#include "ui/tui/study.h"

struct app_options {
	double interval; /* seconds between looks; 0 or less: 1 */
	uint64_t count;  /* looks, then it ends; 0: until q */
	bool ascii;
	bool color;
	struct study *study;         /* of every block, the caller's; NULL: there is none */
	struct error *study_refused; /* why; taken over; NULL: it was not asked for */
	bool of_file; /* it is a core or a snapshot: the one look finds what the inspector was opened for */
};

/*
 * What looks find beside arenas is decided here, by what it costs (pace.h), but for files.
 * Runs until q, until `count` looks were shown, or until a signal. The inspector stays the
 * caller's and should be open with LOOK_NO_PAUSE: the screen says that the target is never stopped.
 * A target that ends meanwhile is no error. SIGINT, SIGTERM and SIGHUP are raised again, with the
 * caller's actions, once the terminal is as it was. ERROR_RESOURCE when there is no usable
 * terminal; the first look's error when there is nothing to show at all.
 */
struct error *app_run(struct inspector *inspector, const struct app_options *options) MUST_CHECK;

#endif
