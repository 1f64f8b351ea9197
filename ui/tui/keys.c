/* keys: the table of presses, and the lines of help that tell the same. */
#include "ui/tui/keys.h"

#include "base/size.h"

struct binding {
	int press;
	enum request request;
};

static const struct binding bindings[] = {
	{'q', REQUEST_QUIT},
	{'?', REQUEST_HELP},
	{'h', REQUEST_HELP},
	{PRESS_TAB, REQUEST_TAB_NEXT},
	{PRESS_BACK_TAB, REQUEST_TAB_PREVIOUS},
	{PRESS_UP, REQUEST_UP},
	{'k', REQUEST_UP},
	{PRESS_DOWN, REQUEST_DOWN},
	{'j', REQUEST_DOWN},
	{PRESS_LEFT, REQUEST_LEFT},
	{PRESS_RIGHT, REQUEST_RIGHT},
	{PRESS_PAGE_UP, REQUEST_PAGE_UP},
	{PRESS_PAGE_DOWN, REQUEST_PAGE_DOWN},
	{PRESS_HOME, REQUEST_FIRST},
	{'g', REQUEST_FIRST},
	{PRESS_END, REQUEST_LAST},
	{'G', REQUEST_LAST},
	{PRESS_ENTER, REQUEST_ENTER},
	{'\r', REQUEST_ENTER},
	{PRESS_ESCAPE, REQUEST_BACK},
	{PRESS_BACKSPACE, REQUEST_BACK},
	{'\b', REQUEST_BACK},
	{'s', REQUEST_SORT_REVERSE},
	{'<', REQUEST_SORT_LEFT},
	{'>', REQUEST_SORT_RIGHT},
	{'f', REQUEST_FILTER},
	{' ', REQUEST_HOLD},
	{'+', REQUEST_SLOWER},
	{'-', REQUEST_FASTER},
	{'m', REQUEST_MARK},
	{'d', REQUEST_DIFFERENCE},
	{'/', REQUEST_SEARCH},
	{'n', REQUEST_SEARCH_NEXT},
	{'N', REQUEST_SEARCH_PREVIOUS},
	{'e', REQUEST_EXPORT},
	{'i', REQUEST_INTERPRETER},
	{'r', REQUEST_STUDY},
	{'L' - '@', REQUEST_REDRAW}, /* Ctrl-L */
};

enum request keys_request(int press)
{
	if (press >= '1' && press <= '9')
		return (enum request)(REQUEST_TAB_1 + (press - '1'));
	for (size_t i = 0; i < ARRAY_SIZE(bindings); i++)
		if (bindings[i].press == press)
			return bindings[i].request;
	return REQUEST_NONE;
}

static const struct keys_help help[] = {
	{"Tab 1-7", "overview, ledger, arenas, classes, malloc, types, pins"},
	{"Enter", "look into it: leaf, arena, pool, block, who refers to it"},
	{"Esc Backspace", "back out"},
	{"arrows j k", "move; PgUp PgDn a page, g G to the first and last"},
	{"/", "find a type, or an address (hex, or as id() prints it)"},
	{"n N", "next and previous arena that matches what was searched"},
	{"s < >", "turn the order round; sort by the column to the left, right"},
	{"f", "filter: arenas under 5 %, ..., empty; leaves live, kept, ..."},
	{"m", "mark a baseline"},
	{"d", "show the difference to the baseline"},
	{"Space", "hold the picture; again: go on"},
	{"+ -", "longer, shorter time between looks"},
	{"i", "next interpreter, where several have arenas of their own"},
	{"r", "look into every block again, for types, pins and objects"},
	{"e", "export what is shown to a text file in this folder"},
	{"Ctrl-L", "draw the screen again"},
	{"q", "quit"},
};

const struct keys_help *keys_help(size_t *ret_n)
{
	*ret_n = ARRAY_SIZE(help);
	return help;
}
