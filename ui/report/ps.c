/*
 * ps: columns as wide as what stands in them; the command is last and takes what
 * is left of the line.
 *
 *	 PID USER VERSION BUILD   ALLOCATOR      RSS ARENAS ATTACH           COMMAND
 *	4127 app  3.12.1  release pymalloc  1.93 GiB  1,659 yes              celery worker
 *	5210 db   3.11.2  release ?          412 MiB      ? no: other_user   python3 -m db
 */
#include "ui/report/ps.h"

#include "base/cleanup.h"
#include "base/count.h"
#include "base/size.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum column { PID, USER, VERSION, BUILD, ALLOCATOR, RSS, ARENAS, ATTACH, COMMAND, N_COLUMNS };

static const char *const titles[N_COLUMNS] = {"PID", "USER",   "VERSION", "BUILD",  "ALLOCATOR",
					      "RSS", "ARENAS", "ATTACH",  "COMMAND"};

#define CELL_MAX 64

struct row {
	char cells[COMMAND][CELL_MAX];
};

void ps_user(char ret[40], uid_t uid)
{
	const struct passwd *user = getpwuid(uid);
	if (user && *user->pw_name)
		snprintf(ret, 40, "%.32s", user->pw_name);
	else
		snprintf(ret, 40, "%u", (unsigned)uid);
}

static const char *build_word(bool debug_build, bool free_threaded)
{
	if (free_threaded)
		return debug_build ? "nogil-debug" : "nogil";
	return debug_build ? "debug" : "release";
}

static void fill_row(struct row *row, const struct style *style, const struct listing_entry *e)
{
	char user[40];
	ps_user(user, e->uid);
	bool known = e->version[0];
	snprintf(row->cells[PID], CELL_MAX, "%d", (int)e->pid);
	snprintf(row->cells[USER], CELL_MAX, "%s", user);
	snprintf(row->cells[VERSION], CELL_MAX, "%.31s", known ? e->version : "?");
	snprintf(row->cells[BUILD], CELL_MAX, "%s",
		 known ? build_word(e->debug_build, e->free_threaded) : "?");
	snprintf(row->cells[ALLOCATOR], CELL_MAX, "%s",
		 e->allocator == ALLOCATOR_UNKNOWN ? "?" : allocator_name(e->allocator));
	units_amount(row->cells[RSS], style->units, e->rss);
	units_maybe(row->cells[ARENAS], e->arenas);
	if (e->refused)
		snprintf(row->cells[ATTACH], CELL_MAX, "no: %.40s", e->refused->rule ?: "refused");
	else
		snprintf(row->cells[ATTACH], CELL_MAX, "yes");
}

static bool is_number(enum column c)
{
	return c == PID || c == RSS || c == ARENAS;
}

static void write_cells(struct page *page, const char *const cells[COMMAND], const int *widths,
			enum ink ink)
{
	for (int c = PID; c < COMMAND; c++)
		page_inkf(page, ink, "%*s ", is_number((enum column)c) ? widths[c] : -widths[c],
			  cells[c]);
}

static void write_row(struct page *page, const struct row *row, const int *widths,
		      const char *command)
{
	const char *cells[COMMAND];
	size_t before = 0;
	for (int c = PID; c < COMMAND; c++) {
		cells[c] = row->cells[c];
		before += (size_t)widths[c] + 1;
	}
	write_cells(page, cells, widths, INK_PLAIN);
	/* On a narrow screen a command of some use is worth a broken line. */
	page_foreign(page, command, size_max(size_subtract(page->style->width, before), 16));
	page_addf(page, "\n");
}

static void widen(int *widths, const struct row *row)
{
	for (int c = PID; c < COMMAND; c++) {
		int width = (int)strlen(row->cells[c]);
		widths[c] = width > widths[c] ? width : widths[c];
	}
}

static void write_table(struct page *page, const struct listing *listing, const struct row *rows,
			size_t n)
{
	int widths[COMMAND];
	for (int c = PID; c < COMMAND; c++)
		widths[c] = (int)strlen(titles[c]);
	for (size_t i = 0; i < n; i++)
		widen(widths, &rows[i]);
	write_cells(page, titles, widths, INK_STRONG);
	page_inkf(page, INK_STRONG, "%s", titles[COMMAND]);
	page_addf(page, "\n");
	for (size_t i = 0; i < n; i++)
		write_row(page, &rows[i], widths, listing->entries.items[i].command ?: "?");
}

void ps_write(struct page *page, const struct listing *listing, uint64_t limit)
{
	size_t n = listing->entries.count;
	size_t shown = limit && limit < n ? (size_t)limit : n;
	_cleanup_(free_pointer) struct row *rows = calloc(shown + 1, sizeof(*rows));
	if (!rows) {
		page->text->failed = true;
		return;
	}
	for (size_t i = 0; i < shown; i++)
		fill_row(&rows[i], page->style, &listing->entries.items[i]);
	write_table(page, listing, rows, shown);
	if (shown < n)
		page_inkf(page, INK_DIM, "%s more\n", COUNT(n - shown));
}

/* ---- order ----------------------------------------------------------------------------- */

static int by_pid(const void *a, const void *b)
{
	const struct listing_entry *x = a, *y = b;
	return (x->pid > y->pid) - (x->pid < y->pid);
}

static int by_rss(const void *a, const void *b)
{
	const struct listing_entry *x = a, *y = b;
	int order = (x->rss < y->rss) - (x->rss > y->rss);
	return order ? order : by_pid(a, b);
}

static int by_arenas(const void *a, const void *b)
{
	const struct listing_entry *x = a, *y = b;
	uint64_t n = x->arenas.known ? x->arenas.value : 0;
	uint64_t m = y->arenas.known ? y->arenas.value : 0;
	int order = (n < m) - (n > m);
	return order ? order : by_pid(a, b);
}

static int by_user(const void *a, const void *b)
{
	const struct listing_entry *x = a, *y = b;
	char one[40], other[40];
	ps_user(one, x->uid);
	ps_user(other, y->uid);
	int order = strcmp(one, other);
	return order ? order : by_pid(a, b);
}

static int by_version(const void *a, const void *b)
{
	const struct listing_entry *x = a, *y = b;
	int order = strverscmp(x->version, y->version);
	return order ? order : by_pid(a, b);
}

static int by_command(const void *a, const void *b)
{
	const struct listing_entry *x = a, *y = b;
	int order = strcmp(x->command ?: "", y->command ?: "");
	return order ? order : by_pid(a, b);
}

void ps_sort(struct listing *listing, const char *key)
{
	static const struct {
		const char *key;
		int (*compare)(const void *, const void *);
	} orders[] = {
		{"pid", by_pid},   {"rss", by_rss},         {"arenas", by_arenas},
		{"user", by_user}, {"version", by_version}, {"command", by_command},
	};
	for (size_t i = 0; listing->entries.count && i < ARRAY_SIZE(orders); i++) {
		if (strcmp(orders[i].key, key ?: "pid") == 0)
			qsort(listing->entries.items, listing->entries.count,
			      sizeof(listing->entries.items[0]), orders[i].compare);
	}
}
