/* test_accounts: what ledger and malloc print and what dump shows of them, against committed texts. */
#include "accounts.h"
#include "base/cleanup.h"
#include "fixture.h"
#include "ui/json/json.h"
#include "ui/report/dump.h"
#include "ui/report/ledger_report.h"
#include "ui/report/ledger_words.h"
#include "ui/report/malloc_report.h"
#include "ui/report/malloc_words.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef void fill_fn(struct snapshot *s);

static struct snapshot *filled(fill_fn *fill)
{
	struct snapshot *s = fixture_heap(40, 30, 90 * MIB);
	fill(s);
	return s;
}

static void write_ledger(struct text *text, const struct snapshot *s, const struct style *style,
			 const struct ledger_request *request)
{
	struct page page = {text, style};
	ledger_report_write(&page, s, request);
	assert_false(text->failed);
}

static void ledger(fill_fn *fill, const struct style *style, const struct ledger_request *request,
		   const char *golden)
{
	_cleanup_(snapshot_fini) struct snapshot *s = filled(fill);
	_cleanup_(text_fini) struct text text = TEXT_EMPTY;
	write_ledger(&text, s, style, request);
	fixture_compare(golden, text_string(&text));
}

static void test_ledger(void **state)
{
	const struct ledger_request request = {0}, limited = {.limit = 1, .sort = "key"};
	struct style unicode = fixture_style(false), ascii = fixture_style(true);
	(void)state;
	ledger(accounts_pinned, &unicode, &request, "ledger-pinned.txt");
	ledger(accounts_glibc, &unicode, &request, "ledger-glibc.txt");
	ledger(accounts_glibc, &ascii, &limited, "ledger-ascii.txt");
	ledger(accounts_core, &unicode, &request, "ledger-core.txt");
	ledger(accounts_jemalloc, &unicode, &request, "ledger-jemalloc.txt");
	unicode.width = 120;
	unicode.color = true;
	ledger(accounts_glibc, &unicode, &request, "ledger-color.txt");
	ascii.width = 50;
	ascii.units = UNITS_BYTES;
	ledger(accounts_glibc, &ascii, &request, "ledger-narrow.txt");
}

static void malloc_text(fill_fn *fill, const struct style *style,
			const struct malloc_request *request, const char *golden)
{
	_cleanup_(snapshot_fini) struct snapshot *s = filled(fill);
	_cleanup_(text_fini) struct text text = TEXT_EMPTY;
	struct page page = {&text, style};
	assert_null(malloc_report_write(&page, s, request));
	assert_false(text.failed);
	fixture_compare(golden, text_string(&text));
}

static void test_arenas(void **state)
{
	const struct malloc_request request = {0}, limited = {.limit = 3, .sort = "top"},
				    whole = {.limit = 40};
	struct style style = fixture_style(false), narrow = fixture_style(true);
	(void)state;
	malloc_text(accounts_pinned, &style, &request, "malloc-pinned.txt");
	malloc_text(accounts_glibc, &style, &request, "malloc-glibc.txt");
	malloc_text(accounts_core, &style, &whole, "malloc-core.txt");
	malloc_text(accounts_jemalloc, &style, &request, "malloc-jemalloc.txt");
	narrow.width = 40;
	malloc_text(accounts_glibc, &narrow, &limited, "malloc-narrow.txt");
	narrow.width = 80;
	narrow.units = UNITS_BYTES;
	malloc_text(accounts_glibc, &narrow, &limited, "malloc-bytes.txt");
}

/* Foreign names are in these: none reaches the screen as it is, no line is longer than the page. */
static void expect_page(const struct text *text, const struct style *style)
{
	size_t width = 0;
	_cleanup_(free_pointer) char *copy = strdup(text_string(text));
	char *rest;
	assert_null(strchr(copy, '\x1b'));
	for (char *line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		width = page_columns(line);
		if (width > style->width || line[strlen(line) - 1] == ' ')
			print_error("%u columns: '%s'\n", style->width, line);
		assert_in_range(width, 0, style->width);
		assert_int_not_equal(line[strlen(line) - 1], ' ');
	}
}

static void test_widths(void **state)
{
	static fill_fn *const fills[] = {accounts_pinned, accounts_glibc, accounts_core,
					 accounts_jemalloc};
	static const unsigned widths[] = {40, 50, 60, 80, 100, 132, 200};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fills) * ARRAY_SIZE(widths) * 2; i++) {
		_cleanup_(snapshot_fini) struct snapshot *s =
			filled(fills[i / 2 / ARRAY_SIZE(widths)]);
		_cleanup_(text_fini) struct text text = TEXT_EMPTY;
		struct style style = {.width = widths[i / 2 % ARRAY_SIZE(widths)],
				      .units = i % 2 ? UNITS_BYTES : UNITS_AUTO};
		struct page page = {&text, &style};
		write_ledger(&text, s, &style, &(struct ledger_request){0});
		assert_null(malloc_report_write(&page, s, &(struct malloc_request){0}));
		assert_null(dump_write(&page, s, &(struct dump_request){0}));
		/* A path is not broken: it will be copied. */
		char *path;
		while ((path = strstr(text.data, "/usr/lib"))) {
			memset(path, '\n', strlen("/usr/lib"));
			while (path[-1] == ' ')
				*--path = '\n';
		}
		expect_page(&text, &style);
	}
}

static void test_dump(void **state)
{
	static const struct {
		fill_fn *fill;
		const char *golden;
	} cases[] = {{accounts_pinned, "dump-pinned.txt"}, {accounts_glibc, "dump-glibc.txt"}};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(snapshot_fini) struct snapshot *s = fixture_heap(i ? 640 : 1660, 290, 0);
		_cleanup_(text_fini) struct text text = TEXT_EMPTY;
		struct style style = fixture_style(false);
		cases[i].fill(s);
		struct page page = {&text, &style};
		assert_null(dump_write(&page, s, &(struct dump_request){0}));
		fixture_compare(cases[i].golden, text_string(&text));
	}
}

/* ---- figures ----------------------------------------------------------------------------- */

static uint64_t figure(const struct snapshot *s, enum ledger_part part)
{
	uint64_t parts[LEDGER_PARTS];
	ledger_split_parts(&s->ledger, parts);
	return parts[part];
}

static void test_split(void **state)
{
	_cleanup_(snapshot_fini) struct snapshot *s = filled(accounts_glibc);
	uint64_t parts[LEDGER_PARTS], sum = 0;
	(void)state;
	ledger_split_parts(&s->ledger, parts);
	for (int i = 0; i < LEDGER_PARTS; i++)
		sum += parts[i];
	assert_int_equal(sum, s->ledger.rss);
	assert_int_equal(ledger_split_whole(&s->ledger), s->ledger.rss);
	assert_int_equal(figure(s, LEDGER_HELD), 26 * MIB);
	assert_int_equal(figure(s, LEDGER_CACHED), (2 + 2044 + 146 + 180 + 24) * MIB);
	assert_int_equal(figure(s, LEDGER_SHARED), 64 * MIB);
	assert_int_equal(ledger_split_kept(&s->ledger, LEAF_RETURNS_TRIM), 2044 * MIB);
	assert_int_equal(ledger_split_group(&s->ledger, LEAF_GROUP_KEPT),
			 figure(s, LEDGER_HELD) + figure(s, LEDGER_CACHED));
	s->ledger.has_residency = false;
	assert_int_equal(ledger_split_amount(&s->ledger, LEAF_PYMALLOC_LIVE),
			 s->ledger.lines[LEAF_PYMALLOC_LIVE].size);
}

static void expect_sentence(struct ledger *ledger, const char *expected)
{
	_cleanup_(text_fini) struct text text = TEXT_EMPTY;
	assert_true(ledger_words_sentence(&text, ledger, UNITS_AUTO));
	if (strcmp(text_string(&text), expected) != 0)
		print_error("%s\n", text_string(&text));
	assert_string_equal(text_string(&text), expected);
}

/* The largest remedy comes first; what is next to nothing is not offered as one. */
static void test_sentences(void **state)
{
	struct ledger one = {.filled = true, .has_residency = true};
	(void)state;
	accounts_set(&one, LEAF_PYMALLOC_LIVE, 100 * MIB);
	accounts_set(&one, LEAF_MALLOC_FREE_TRIMMABLE, 3 * MIB);
	expect_sentence(&one, "Little is kept: of 103 MiB in RAM 3.00 MiB is free. The most, 100 "
			      "MiB (97 %), is pymalloc.live: Python objects of up to 512 bytes, in "
			      "use.");
	accounts_set(&one, LEAF_MALLOC_FREE_TRIMMABLE, 100 * MIB);
	expect_sentence(&one, "Of 200 MiB in RAM 100 MiB (50 %) is free but kept: 100 MiB "
			      "malloc_trim(0) would give back now.");
	accounts_set(&one, LEAF_PYMALLOC_FREE_POOLS, 300 * MIB);
	accounts_set(&one, LEAF_MALLOC_TOP, 3 * MIB);
	expect_sentence(&one, "Of 503 MiB in RAM 403 MiB (80 %) is free but kept: 300 MiB is kept "
			      "by live objects beside it and goes back when they do; 100 MiB "
			      "malloc_trim(0) would give back now.");
	accounts_set(&one, LEAF_MALLOC_OPAQUE, 500 * MIB);
	expect_sentence(&one,
			"What 500 MiB (50 %) of 1003 MiB in RAM is used for cannot be told: "
			"most of it is malloc.opaque, an allocator's that is not walked (see "
			"malloc): what of it is free is not told. Of the rest 403 MiB is free "
			"but kept.");
	one.filled = false;
	struct text text = TEXT_EMPTY;
	assert_false(ledger_words_sentence(&text, &one, UNITS_AUTO));
}

static void expect_purse(const struct purse *purse, const char *expected)
{
	_cleanup_(text_fini) struct text text = TEXT_EMPTY;
	assert_int_equal(ledger_words_purse(&text, purse, UNITS_AUTO), expected[0] != '\0');
	assert_string_equal(text_string(&text), expected);
}

static void test_purses(void **state)
{
	struct purse one = {0};
	(void)state;
	expect_purse(&one, "");
	one.version = 1;
	expect_purse(&one, "");
	one.current = maybe_known(5 * MIB);
	expect_purse(&one, "5.00 MiB in use, its limit is not known");
	one.limit.absent = true;
	one.oom_events = maybe_known(0);
	expect_purse(&one, "5.00 MiB in use, no limit, no OOM events so far");
	one.limit = maybe_known(8 * MIB);
	one.high = maybe_known(7 * MIB);
	one.headroom = maybe_known(4 * MIB);
	one.oom_events = maybe_known(1);
	one.share_ppm = maybe_known(310000);
	expect_purse(
		&one,
		"5.00 MiB of 8.00 MiB in use, 4.00 MiB before the OOM kill, slowed down "
		"over 7.00 MiB, 1 OOM event so far; 31 % of its anonymous memory is this process's");
}

/* Threads of one name are counted, none is shown twice. */
static void test_threads(void **state)
{
	struct malloc_arena a = {0};
	_cleanup_(text_fini) struct text text = TEXT_EMPTY;
	char *names[] = {"b", "a", "b", "c", "a", "b"};
	(void)state;
	malloc_words_threads(&text, &a);
	assert_string_equal(text_string(&text), "no thread");
	a.n_attached = 2;
	text_clear(&text);
	malloc_words_threads(&text, &a);
	assert_string_equal(text_string(&text), "2 threads");
	a.threads.items = names;
	a.threads.count = ARRAY_SIZE(names);
	text_clear(&text);
	malloc_words_threads(&text, &a);
	assert_string_equal(text_string(&text), "b (3), a (2), c");
	struct malloc_arena arenas[] = {{.main = true}, {.n_attached = 1}, {.n_attached = 0}};
	const struct malloc_account account = {.arenas = {arenas, ARRAY_SIZE(arenas), 0}};
	assert_int_equal(malloc_words_n_deserted(&account), 1);
}

/* ---- words ------------------------------------------------------------------------------- */

static void test_every_leaf_has_words(void **state)
{
	(void)state;
	for (int i = 0; i < LEAF_COUNT; i++) {
		assert_true(*ledger_words_leaf((enum leaf)i));
		assert_in_range(strlen(ledger_words_returns((enum leaf)i)), 1, 26);
	}
	for (int i = 0; i < LEDGER_PARTS; i++)
		assert_true(*ledger_split_name((enum ledger_part)i));
}

/* ---- JSON -------------------------------------------------------------------------------- */

static void json(fill_fn *fill, enum verb verb, uint64_t limit, const char *golden)
{
	_cleanup_(snapshot_fini) struct snapshot *s = fixture_heap(0, 0, MIB);
	_cleanup_(text_fini) struct text text = TEXT_EMPTY, line = TEXT_EMPTY;
	struct json_request request = {.verb = verb_words(verb)->name, .limit = limit};
	if (fill)
		fill(s);
	assert_null(json_snapshot(&text, s, verb, &request));
	json_t *o = json_loads(text_string(&text), JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(o);
	assert_int_equal(json_object_set_new(o, "host", json_string("box")), 0);
	char *pretty = json_dumps(o, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
	text_addf(&line, "%s\n", pretty);
	fixture_compare(golden, text_string(&line));
	free(pretty);
	json_decref(o);
}

static void test_json(void **state)
{
	(void)state;
	json(accounts_glibc, VERB_LEDGER, 0, "ledger.json");
	json(accounts_core, VERB_LEDGER, 1, "ledger-core.json");
	json(NULL, VERB_LEDGER, 0, "ledger-absent.json");
	json(accounts_glibc, VERB_MALLOC, 6, "malloc.json");
	json(accounts_core, VERB_MALLOC, 1, "malloc-core.json");
	json(accounts_jemalloc, VERB_MALLOC, 0, "malloc-jemalloc.json");
	json(NULL, VERB_MALLOC, 0, "malloc-absent.json");
	json(accounts_pinned, VERB_DUMP, 0, "dump-pinned.json");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ledger),
		cmocka_unit_test(test_arenas),
		cmocka_unit_test(test_widths),
		cmocka_unit_test(test_dump),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_sentences),
		cmocka_unit_test(test_purses),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_every_leaf_has_words),
		cmocka_unit_test(test_json),
	};
	return cmocka_run_group_tests_name("accounts", tests, NULL, NULL);
}
