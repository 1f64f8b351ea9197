/*
 * screen: a canvas copied to the terminal line by line, and the terminal given
 * back on every way out.
 *
 *	asked to end   INT TERM HUP       noted; the loop sees it and closes
 *	asked to stop  TSTP               noted; terminal given back, stopped, taken again
 *	our own crash  SEGV BUS FPE ILL ABRT
 *	                                  the handler writes the reset sequences itself, with
 *	                                  calls that are safe there, and dies of the signal
 *
 * Handlers can reach only file-level state: it is the one place of it.
 */
#include "ui/tui/screen.h"

#include "base/size.h"
#include "ui/tui/keys.h"

#include <curses.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <term.h>
#include <termios.h>
#include <wchar.h>

struct screen {
	SCREEN *terminal;
	struct canvas shown; /* what the terminal shows */
	bool ascii;
	bool color;
};

static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

static struct {
	volatile sig_atomic_t end;     /* the signal that asks to end, or 0 */
	volatile sig_atomic_t stop;    /* SIGTSTP came */
	volatile sig_atomic_t resumed; /* SIGCONT came: the terminal may show anything */
	struct termios found;          /* as the terminal was */
	char reset[256];               /* leaves the alternate screen, shows the cursor */
	size_t reset_length;
	struct sigaction old_ends[ARRAY_SIZE(ends)];
	struct sigaction old_crashes[ARRAY_SIZE(crashes)];
	struct sigaction old_stop, old_resume;
} state;

/* ---- signals ---------------------------------------------------------------------- */

static void on_end(int number)
{
	state.end = number;
}

static void on_stop(int number)
{
	(void)number;
	state.stop = 1;
}

static void on_resume(int number)
{
	(void)number;
	state.resumed = 1;
}

static void on_crash(int number)
{
	/* SA_RESETHAND is set: returning runs into the same fault with the old action. */
	(void)!write(STDOUT_FILENO, state.reset, state.reset_length);
	(void)tcsetattr(STDIN_FILENO, TCSANOW, &state.found);
	(void)raise(number);
}

static void handle(int number, void (*handler)(int), int flags, struct sigaction *ret_old)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
	(void)sigaction(number, &action, ret_old);
}

static void signals_take(void)
{
	state.end = state.stop = state.resumed = 0;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		handle(ends[i], on_end, 0, &state.old_ends[i]);
		if (state.old_ends[i].sa_handler == SIG_IGN) /* nohup asks for that */
			(void)sigaction(ends[i], &state.old_ends[i], NULL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(crashes); i++)
		handle(crashes[i], on_crash, (int)SA_RESETHAND | SA_NODEFER, &state.old_crashes[i]);
	handle(SIGTSTP, on_stop, 0, &state.old_stop);
	handle(SIGCONT, on_resume, SA_RESTART, &state.old_resume);
}

static void signals_return(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		(void)sigaction(ends[i], &state.old_ends[i], NULL);
	for (size_t i = 0; i < ARRAY_SIZE(crashes); i++)
		(void)sigaction(crashes[i], &state.old_crashes[i], NULL);
	(void)sigaction(SIGTSTP, &state.old_stop, NULL);
	(void)sigaction(SIGCONT, &state.old_resume, NULL);
}

/* ---- opening and closing ---------------------------------------------------------- */

static struct error *unusable(const char *why)
{
	struct error *err = error_new(ERROR_RESOURCE, "the dashboard cannot be shown: %s", why);
	return error_remedy(err, "use \"arenascope dump\" for the same figures as plain text, or "
				 "run it on a terminal with TERM set (xterm-256color, linux, ...)");
}

static const char *capability(const char *name)
{
	char wanted[16];
	strncpy(wanted, name, sizeof(wanted) - 1);
	wanted[sizeof(wanted) - 1] = '\0';
	const char *value = tigetstr(wanted);
	return value == (const char *)-1 ? NULL : value;
}

static void reset_add(const char *name)
{
	const char *value = capability(name);
	size_t length = value ? strlen(value) : 0;
	if (length && state.reset_length + length <= sizeof(state.reset)) {
		memcpy(state.reset + state.reset_length, value, length);
		state.reset_length += length;
	}
}

/* Whether the terminal can do it at all, before ncurses, which would exit, is asked. */
static struct error *terminal_check(void)
{
	int outcome;
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return unusable("standard input and output are no terminal");
	if (setupterm(NULL, STDOUT_FILENO, &outcome) != OK)
		return unusable("the terminal's kind (TERM) is unknown");
	bool places = capability("cup") && capability("clear");
	state.reset_length = 0;
	reset_add("sgr0");
	reset_add("cnorm");
	reset_add("rmkx");
	reset_add("rmcup");
	(void)del_curterm(cur_term);
	return places ? NULL : unusable("this terminal cannot place its cursor (TERM)");
}

/* One colour pair for each style, its number the style's plus one. */
static void colors_init(struct screen *screen)
{
	if (!screen->color || !has_colors() || start_color() == ERR) {
		screen->color = false;
		return;
	}
	bool own = use_default_colors() == OK;
	bool rich = COLORS >= 256;
	for (int style = 0; style < STYLE_COUNT; style++) {
		const struct theme_look *look = theme_look((enum style)style);
		short front = rich ? look->fg256 : look->fg8;
		short back = rich ? look->bg256 : look->bg8;
		if (front == THEME_DEFAULT && !own)
			front = COLOR_WHITE;
		if (back == THEME_DEFAULT && !own)
			back = COLOR_BLACK;
		(void)init_pair((short)(style + 1), front, back);
	}
}

struct error *screen_open(const struct screen_options *options, struct screen **ret)
{
	struct error *err = terminal_check();
	if (err)
		return err;
	struct screen *screen = calloc(1, sizeof(*screen));
	if (!screen)
		return error_out_of_memory();
	(void)setlocale(LC_CTYPE, "");
	screen->ascii = options->ascii || strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
	screen->color = options->color;
	(void)tcgetattr(STDIN_FILENO, &state.found);
	signals_take(); /* before ncurses: it leaves handlers that are there alone */
	screen->terminal = newterm(NULL, stdout, stdin);
	if (!screen->terminal) {
		signals_return();
		free(screen);
		return unusable("ncurses refuses it");
	}
	(void)set_term(screen->terminal);
	(void)cbreak();
	(void)noecho();
	(void)nonl();
	(void)keypad(stdscr, true);
	(void)nodelay(stdscr, true);
	(void)set_escdelay(25);
	(void)curs_set(0);
	colors_init(screen);
	*ret = screen;
	return NULL;
}

void screen_close(struct screen *screen)
{
	if (!screen)
		return;
	(void)curs_set(1);
	(void)erase(); /* tmux, resized meanwhile, would keep lines of it */
	(void)refresh();
	(void)endwin();
	delscreen(screen->terminal);
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &state.found);
	signals_return();
	canvas_fini(&screen->shown);
	free(screen);
}

void screen_size(const struct screen *screen, int *ret_width, int *ret_height)
{
	(void)screen;
	getmaxyx(stdscr, *ret_height, *ret_width);
}

bool screen_ascii(const struct screen *screen)
{
	return screen->ascii;
}

int screen_signal(const struct screen *screen)
{
	(void)screen;
	return state.end;
}

/* ---- output ----------------------------------------------------------------------- */

static attr_t attributes(const struct screen *screen, const struct canvas_cell *cell)
{
	const struct theme_look *look = theme_look((enum style)cell->style);
	attr_t attr = A_NORMAL;
	if (look->bold || cell->bold)
		attr |= A_BOLD;
	if (look->dim && !(screen->color && COLORS >= 256))
		attr |= A_DIM;
	if ((look->reverse && !screen->color) != cell->cursor)
		attr |= A_REVERSE;
	return attr;
}

static bool looks_alike(const struct canvas_cell *a, const struct canvas_cell *b)
{
	return a->style == b->style && a->bold == b->bold && a->cursor == b->cursor;
}

/* Writes a line in runs of one look. */
static void line_show(const struct screen *screen, const struct canvas_cell *row, int width, int y)
{
	char run[5 * CANVAS_MAX + 1];
	for (int x = 0; x < width;) {
		size_t length = 0;
		int first = x;
		for (; x < width && looks_alike(&row[first], &row[x]); x++) {
			size_t size = strlen(row[x].glyph);
			memcpy(run + length, row[x].glyph, size);
			length += size;
		}
		run[length] = '\0';
		(void)attr_set(attributes(screen, &row[first]),
			       (short)(screen->color ? row[first].style + 1 : 0), NULL);
		(void)mvaddstr(y, first, run);
	}
}

/* Keeps a copy of what is shown; false: of another size than before, or no memory for one. */
static bool shown_fits(struct screen *screen, const struct canvas *canvas)
{
	if (screen->shown.cells && screen->shown.width == canvas->width &&
	    screen->shown.height == canvas->height)
		return true;
	canvas_fini(&screen->shown);
	error_free(canvas_init(canvas->width, canvas->height, canvas->ascii, &screen->shown));
	return false;
}

void screen_show(struct screen *screen, const struct canvas *canvas, bool whole)
{
	size_t width = (size_t)canvas->width, row_size = width * sizeof(*canvas->cells);
	if (!shown_fits(screen, canvas) || whole) {
		(void)clear();
		whole = true;
	}
	for (int y = 0; y < canvas->height; y++) {
		const struct canvas_cell *row = &canvas->cells[(size_t)y * width];
		struct canvas_cell *old =
			screen->shown.cells ? &screen->shown.cells[(size_t)y * width] : NULL;
		if (!whole && old && !memcmp(old, row, row_size))
			continue;
		line_show(screen, row, canvas->width, y);
		if (old)
			memcpy(old, row, row_size);
	}
	(void)refresh();
}

/* ---- input ------------------------------------------------------------------------ */

/* SIGTSTP: gives the terminal back, stops as if nobody had caught it, and takes it again. */
static int stop_here(void)
{
	struct sigaction mine;
	state.stop = 0;
	(void)endwin();
	(void)sigaction(SIGTSTP, &state.old_stop, &mine);
	(void)raise(SIGTSTP);
	(void)sigaction(SIGTSTP, &mine, NULL);
	state.resumed = 1;
	return PRESS_RESIZE;
}

/* Back from a stop that we may not have seen coming: SIGSTOP leaves the shell's modes. */
static int take_again(void)
{
	state.resumed = 0;
	(void)reset_prog_mode();
	(void)clearok(stdscr, true);
	(void)refresh();
	return PRESS_RESIZE;
}

static int special_key(int code)
{
	static const struct {
		int code, press;
	} keys[] = {
		{KEY_UP, PRESS_UP},         {KEY_DOWN, PRESS_DOWN},
		{KEY_LEFT, PRESS_LEFT},     {KEY_RIGHT, PRESS_RIGHT},
		{KEY_PPAGE, PRESS_PAGE_UP}, {KEY_NPAGE, PRESS_PAGE_DOWN},
		{KEY_HOME, PRESS_HOME},     {KEY_END, PRESS_END},
		{KEY_ENTER, PRESS_ENTER},   {KEY_BACKSPACE, PRESS_BACKSPACE},
		{KEY_BTAB, PRESS_BACK_TAB}, {KEY_RESIZE, PRESS_RESIZE},
	};
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].code == code)
			return keys[i].press;
	return PRESS_NONE;
}

static int key_read(void)
{
	wint_t code;
	switch (wget_wch(stdscr, &code)) {
	case KEY_CODE_YES:
		return special_key((int)code);
	case OK:
		return code == L'\r' ? PRESS_ENTER : (int)code;
	default:
		return PRESS_NONE;
	}
}

int screen_key(struct screen *screen, int milliseconds)
{
	(void)screen;
	if (state.stop)
		return stop_here();
	if (state.resumed)
		return take_again();
	int press = key_read(); /* ncurses may hold keys already */
	if (press != PRESS_NONE || state.end)
		return press;
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	int ready = poll(&input, 1, milliseconds);
	if (ready > 0 && (input.revents & (POLLHUP | POLLERR | POLLNVAL)))
		state.end = SIGHUP;
	return key_read();
}
