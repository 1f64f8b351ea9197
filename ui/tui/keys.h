/*
 * keys: what is pressed becomes a request, by one table. Views know requests
 * only, so that a test needs no keyboard and the help shows what is true.
 */
#ifndef UI_TUI_KEYS_H
#define UI_TUI_KEYS_H

#include <stddef.h>

/* A press is a character (its code point) or one of these. */
enum press {
	PRESS_NONE = -1,
	PRESS_TAB = '\t',
	PRESS_ENTER = '\n',
	PRESS_ESCAPE = 27,
	PRESS_BACKSPACE = 127,
	PRESS_UP = 0x110000, /* above all code points */
	PRESS_DOWN,
	PRESS_LEFT,
	PRESS_RIGHT,
	PRESS_PAGE_UP,
	PRESS_PAGE_DOWN,
	PRESS_HOME,
	PRESS_END,
	PRESS_BACK_TAB,
	PRESS_RESIZE, /* the terminal has another size */
};

enum request {
	REQUEST_NONE,
	REQUEST_QUIT,
	REQUEST_HELP,
	REQUEST_TAB_NEXT,
	REQUEST_TAB_PREVIOUS,
	REQUEST_TAB_1, /* to _9, in order */
	REQUEST_TAB_9 = REQUEST_TAB_1 + 8,
	REQUEST_UP,
	REQUEST_DOWN,
	REQUEST_LEFT,
	REQUEST_RIGHT,
	REQUEST_PAGE_UP,
	REQUEST_PAGE_DOWN,
	REQUEST_FIRST,
	REQUEST_LAST,
	REQUEST_ENTER,
	REQUEST_BACK,
	REQUEST_SORT_REVERSE,
	REQUEST_SORT_LEFT,
	REQUEST_SORT_RIGHT,
	REQUEST_FILTER,
	REQUEST_HOLD,
	REQUEST_SLOWER,
	REQUEST_FASTER,
	REQUEST_MARK,
	REQUEST_DIFFERENCE,
	REQUEST_SEARCH,
	REQUEST_SEARCH_NEXT,
	REQUEST_SEARCH_PREVIOUS,
	REQUEST_EXPORT,
	REQUEST_INTERPRETER,
	REQUEST_STUDY,
	REQUEST_REDRAW,
};

/* What a press asks for outside of a prompt; REQUEST_NONE: nothing. */
enum request keys_request(int press);

/* A line of the help. */
struct keys_help {
	const char *keys; /* "Space" */
	const char *text;
};

/* The lines about keys; *ret_n of them. */
const struct keys_help *keys_help(size_t *ret_n);

#endif
