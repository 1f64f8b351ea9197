/* test_report: the texts and JSON of hand-built snapshots, against committed ones. */
#include "base/cleanup.h"
#include "fixture.h"
#include "ui/json/json.h"
#include "ui/report/caveat.h"
#include "ui/report/doctor.h"
#include "ui/report/dump.h"
#include "ui/report/headline.h"
#include "ui/report/map.h"
#include "ui/report/ps.h"
#include "ui/target.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect_in_dump(const struct snapshot *s, const char *words);

static void dump(const struct snapshot *s, const struct style *style, const char *golden)
{
	_cleanup_(text_fini) struct text text = TEXT_EMPTY;
	struct page page = {&text, style};
	assert_null(dump_write(&page, s, &(struct dump_request){0}));
	assert_false(text.failed);
	fixture_compare(golden, text_string(&text));
}

static void add_doubts(struct snapshot *s)
{
	doubts_add(&s->doubts, DOUBT_POOL_SWAPPED, DOUBT_NOTE, 3, "arena 7: swapped out");
	doubts_add(&s->doubts, DOUBT_COUNTERS, DOUBT_INCONSISTENT, 1, "two\x1b[1m counters");
}

static void test_dump(void **state)
{
	_cleanup_(snapshot_fini) struct snapshot *s = fixture_heap(400, 30, 90 * MIB);
	struct style unicode = fixture_style(false), ascii = fixture_style(true);
	(void)state;
	dump(s, &unicode, "dump.txt");
	dump(s, &ascii, "dump-ascii.txt");
	add_doubts(s);
	s->pause = (struct snapshot_pause){PAUSE_SETTLED, 2, 1900, 3100};
	unicode.width = 50;
	unicode.units = UNITS_BYTES;
	dump(s, &unicode, "dump-narrow.txt");
	ascii.width = 120;
	ascii.color = true;
	dump(s, &ascii, "dump-color.txt");
}

/* A core: nothing is known of RAM, nobody was stopped, and it has an end. */
static void make_core(struct snapshot *s)
{
	s->target.kind = ORIGIN_CORE;
	s->target.rss = s->target.peak_rss = s->target.swap = 0;
	s->target.started_at = (struct timespec){0};
	s->target.taken_at = (struct timespec){1795600000, 0};
	s->target.signal = 11;
	for (size_t i = 0; i < s->interpreters.count; i++)
		s->interpreters.items[i].pymalloc.has_residency = false;
	doubts_add(&s->doubts, DOUBT_RESIDENCY, DOUBT_NOTE, 1, "a core does not tell");
}

static void test_dump_of_a_core(void **state)
{
	_cleanup_(snapshot_fini) struct snapshot *s = fixture_heap(400, 30, 90 * MIB);
	struct style style = fixture_style(false);
	(void)state;
	make_core(s);
	dump(s, &style, "dump-core.txt");
	s->target.pid = 0;
	s->target.signal = 99;
	s->target.taken_at.tv_sec = 0;
	expect_in_dump(s, "core of celery ForkPool\\x1b[2JWorker-3: CPython 3.12.1, 24 threads, "
			  "ended by signal 99, written at an unknown time\n");
	s->target.kind = ORIGIN_SAVEFILE;
	s->target.pid = 7;
	expect_in_dump(s, "snapshot of pid 7 celery");
}

static void add_interpreter(struct snapshot *s, int64_t id, bool shares_main, bool readable)
{
	struct snapshot_interpreter *one = vec_push(&s->interpreters);
	assert_non_null(one);
	one->id = id;
	one->shares_main = shares_main;
	one->readable = readable;
}

static void test_dump_without_pymalloc(void **state)
{
	_cleanup_(snapshot_fini) struct snapshot *s = fixture_heap(0, 0, 90 * MIB);
	struct style style = fixture_style(false);
	(void)state;
	s->target.allocator = ALLOCATOR_MALLOC;
	add_interpreter(s, 1, true, true);
	add_interpreter(s, 2, false, false);
	dump(s, &style, "dump-malloc.txt");
}

static void expect_in_dump(const struct snapshot *s, const char *words)
{
	_cleanup_(text_fini) struct text text = TEXT_EMPTY;
	struct style style = {.width = 200};
	struct page page = {&text, &style};
	assert_null(dump_write(&page, s, &(struct dump_request){0}));
	if (!strstr(text_string(&text), words))
		print_error("%s\n", text_string(&text));
	assert_non_null(strstr(text_string(&text), words));
}

/* Where symbols came from is said in words, and only where it is not the usual way. */
static void test_sources(void **state)
{
	_cleanup_(snapshot_fini) struct snapshot *s = fixture_heap(2, 1, MIB);
	(void)state;
	s->symbols.layout = s->symbols.roots = PROVENANCE_CACHE;
	expect_in_dump(s, "Symbols, kept from an earlier look: /usr/lib/debug/.build-id/ab/cdef");
	s->symbols.layout = PROVENANCE_BUILTIN;
	s->symbols.roots = PROVENANCE_DYNSYM;
	expect_in_dump(s, "Symbols, built-in, addresses dynsym: /usr");
	s->symbols.layout = PROVENANCE_DWARF;
	s->symbols.roots = PROVENANCE_SYMTAB;
	free(s->symbols.debug_file);
	s->symbols.debug_file = NULL;
	expect_in_dump(s, "Looked for 215 ms. Symbols: the interpreter's own\n");
}

/* A figure and its unit stay on one line. */
static void test_wrap(void **state)
{
	_cleanup_(text_fini) struct text text = TEXT_EMPTY;
	struct style style = {.width = 20};
	struct page page = {&text, &style};
	(void)state;
	page_wrap(&page, INK_PLAIN, 0, 2,
		  "stopped 4 times, 6.8 ms (336 B), at pool 5 of 1.00 MiB.");
	assert_string_equal(text_string(&text),
			    "stopped 4 times,\n  6.8 ms (336 B), at\n  pool 5 of\n  1.00 MiB.\n");
}

/* What interpreters ever took adds up; their peaks were at different times and do not. */
static void test_history_of_several(void **state)
{
	_cleanup_(snapshot_fini) struct snapshot *s = fixture_heap(20, 10, MIB);
	(void)state;
	expect_in_dump(s, "in 20 arenas of 1.00 MiB, 32 at the most so far, 60 ever taken.");
	add_interpreter(s, 1, false, true);
	s->interpreters.items[1].pymalloc.used = true;
	s->interpreters.items[1].pymalloc.arenas_highwater = maybe_known(4);
	s->interpreters.items[1].pymalloc.arenas_allocated_total = maybe_known(7);
	expect_in_dump(s, "in 20 arenas of 1.00 MiB, 67 ever taken.");
	s->interpreters.items[1].pymalloc.arenas_allocated_total = (struct maybe){0};
	expect_in_dump(s, "in 20 arenas of 1.00 MiB. ");
}

/* Empty free lists are not counted as small ones; one that is unknown is named. */
static void test_free_lists(void **state)
{
	_cleanup_(snapshot_fini) struct snapshot *s = fixture_heap(0, 0, MIB);
	(void)state;
	expect_in_dump(s, "\n  dict 80 (3.75 KiB), tuple[1] ? (?)\n");
	s->interpreters.items[0].free_lists.items[1].count = maybe_known(0);
	expect_in_dump(s, "\n  dict 80 (3.75 KiB)\n");
	s->interpreters.items[0].free_lists.items[0].count = maybe_known(0);
	expect_in_dump(s, "\n  all empty\n");
}

static void expect_widths(const struct snapshot *s, const struct style *style)
{
	_cleanup_(text_fini) struct text text = TEXT_EMPTY;
	struct page page = {&text, style};
	assert_null(dump_write(&page, s, &(struct dump_request){0}));
	assert_null(map_write(&page, s, &(struct map_request){0}));
	char *rest;
	for (char *line = strtok_r(text.data, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (page_columns(line) > style->width)
			print_error("%u: %s\n", style->width, line);
		assert_true(page_columns(line) <= style->width);
		assert_true(line[strlen(line) - 1] != ' ');
	}
}

/* No line is wider than the page, whatever its width, and none ends with a blank. */
static void test_widths(void **state)
{
	_cleanup_(snapshot_fini) struct snapshot *s = fixture_heap(40, 30, 90 * MIB);
	(void)state;
	add_doubts(s);
	for (unsigned width = 40; width <= 140; width += 4) {
		expect_widths(s, &(struct style){.width = width, .ascii = true});
		expect_widths(s,
			      &(struct style){.width = width, .ascii = true, .units = UNITS_BYTES});
	}
}

static void map(const struct snapshot *s, unsigned width, const struct map_request *request,
		const char *golden)
{
	_cleanup_(text_fini) struct text text = TEXT_EMPTY;
	struct style style = fixture_style(false);
	style.width = width;
	struct page page = {&text, &style};
	assert_null(map_write(&page, s, request));
	fixture_compare(golden, text_string(&text));
}

static void test_map(void **state)
{
	_cleanup_(snapshot_fini) struct snapshot *s = fixture_heap(6, 2, MIB);
	struct pymalloc *p = &s->interpreters.items[0].pymalloc;
	(void)state;
	p->pools.items[3] = (struct pymalloc_pool){.state = POOL_UNREAD};
	p->arenas.items[5].n_pools = 63;
	map(s, 80, &(struct map_request){0}, "map.txt");
	map(s, 50, &(struct map_request){.limit = 2, .sort = "used"}, "map-narrow.txt");
	map(s, 120, &(struct map_request){.limit = 2}, "map-wide.txt");
}

static void expect_headline(size_t n_arenas, size_t n_full, uint64_t elsewhere, const char *start)
{
	_cleanup_(snapshot_fini) struct snapshot *s = fixture_heap(n_arenas, n_full, elsewhere);
	_cleanup_(occupancy_fini) struct occupancy o = {0};
	_cleanup_(text_fini) struct text text = TEXT_EMPTY;
	assert_null(occupancy_of(s, OCCUPANCY_ALL, &o));
	struct headline_split split = headline_split_of(s, &o);
	assert_int_equal(split.live + split.overhead + split.kept + split.elsewhere, split.rss);
	headline_write(&text, s, NULL, &o, UNITS_AUTO);
	if (strncmp(text_string(&text), start, strlen(start)) != 0)
		print_error("%s\n", text_string(&text));
	assert_memory_equal(text_string(&text), start, strlen(start));
}

/* Each sentence needs its figures: the ladder from the top to the bottom. */
static void test_headlines(void **state)
{
	(void)state;
	expect_headline(0, 0, 90 * MIB, "pymalloc holds nothing here");
	expect_headline(20, 1, 4 * GIB, "pymalloc holds only 0.4 % of the RSS");
	expect_headline(
		100, 100, 90 * MIB,
		"Little is kept: of the 93.8 MiB that pymalloc holds in RAM, 76.5 MiB (82 %) "
		"is in use.");
	expect_headline(100, 60, 90 * MIB,
			"40.1 MiB is free inside pymalloc but cannot go back: 40 of 100 arenas "
			"are less than 5 % used");
	expect_headline(400, 30, 90 * MIB,
			"283 MiB is free inside pymalloc but cannot go back: 370 of 400 arenas "
			"are less than 5 % used");
}

/* A few empty arenas are not the reason where most of what is kept lies in well used ones. */
static void test_spread_headline(void **state)
{
	_cleanup_(snapshot_fini) struct snapshot *s = fixture_heap(205, 200, 90 * MIB);
	_cleanup_(occupancy_fini) struct occupancy o = {0};
	_cleanup_(text_fini) struct text text = TEXT_EMPTY;
	(void)state;
	s->interpreters.items[0].pymalloc.has_residency = false;
	assert_null(occupancy_of(s, OCCUPANCY_ALL, &o));
	assert_int_equal(headline_sparse_of(&o).percent, 0);
	assert_false(headline_split_of(s, &o).exact);
	headline_write(&text, s, NULL, &o, UNITS_AUTO);
	assert_non_null(strstr(text_string(&text), "it is spread over arenas that are well used"));
}

static void test_ps(void **state)
{
	_cleanup_(text_fini) struct text text = TEXT_EMPTY;
	_cleanup_(listing_fini) struct listing listing = fixture_listing();
	struct style style = fixture_style(false);
	struct page page = {&text, &style};
	(void)state;
	ps_sort(&listing, "pid");
	ps_write(&page, &listing, 0);
	ps_sort(&listing, "rss");
	ps_write(&page, &listing, 1);
	fixture_compare("ps.txt", text_string(&text));
	target_filter(&listing, "bad");
	assert_int_equal(listing.entries.count, 1);
	assert_int_equal(listing.entries.items[0].pid, 521);
}

static void test_doctor(void **state)
{
	_cleanup_(text_fini) struct text text = TEXT_EMPTY;
	_cleanup_(findings_fini) struct findings findings = {0};
	struct style style = fixture_style(false);
	struct page page = {&text, &style};
	(void)state;
	findings_add(&findings, "process", FINDING_OK, "pid 4127, \\x1b seen");
	findings_add(&findings, "symbols", FINDING_NOTE, "debug file by build-id: %s",
		     "/usr/lib/debug/.build-id/ab/cdef0123456789abcdef0123456789abcdef.debug");
	findings_add(&findings, "attach", FINDING_MISSING, "not allowed: sudo arenascope\n doctor");
	doctor_write(&page, &findings);
	fixture_compare("doctor.txt", text_string(&text));
}

/* Every kind of doubt has a meaning: none is shown without. */
static void test_every_doubt_is_explained(void **state)
{
	(void)state;
	for (int kind = 0; kind < DOUBT_KIND_COUNT; kind++)
		assert_true(*caveat_meaning((enum doubt_kind)kind));
}

/* ---- JSON ------------------------------------------------------------------------------ */

static const struct json_request request = {.verb = "dump", .elapsed_ms = 215};

/* Host and version of this machine are taken out before the comparison. */
static void compare_json(struct text *text, const char *golden)
{
	json_t *o = json_loads(text_string(text), JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(o);
	if (json_object_get(o, "host"))
		assert_int_equal(json_object_set_new(o, "host", json_string("box")), 0);
	char *pretty = json_dumps(o, JSON_INDENT(1));
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	text_addf(&line, "%s\n", pretty);
	fixture_compare(golden, text_string(&line));
	free(pretty);
	json_decref(o);
}

static void test_json(void **state)
{
	_cleanup_(text_fini) struct text text = TEXT_EMPTY;
	_cleanup_(snapshot_fini) struct snapshot *s = fixture_heap(2, 1, MIB);
	struct json_request contents = request;
	(void)state;
	add_doubts(s);
	s->target.build_id = (struct build_id){{0xab, 0xcd}, 2};
	assert_null(json_snapshot(&text, s, VERB_DUMP, &request));
	compare_json(&text, "dump.json");
	text_clear(&text);
	contents.contents = true;
	contents.limit = 1;
	contents.verb = "map";
	s->interpreters.items[0].pymalloc.has_residency = false;
	assert_null(json_snapshot(&text, s, VERB_MAP, &contents));
	compare_json(&text, "map.json");
	text_clear(&text);
	contents.verb = "stats";
	assert_null(json_snapshot(&text, s, VERB_STATS, &contents));
	compare_json(&text, "stats.json");
	text_clear(&text);
	make_core(s);
	s->target.pid = 0;
	s->target.n_threads = 0;
	assert_null(json_snapshot(&text, s, VERB_MAP, &request));
	compare_json(&text, "core.json");
}

static void test_json_others(void **state)
{
	_cleanup_(text_fini) struct text text = TEXT_EMPTY;
	_cleanup_(listing_fini) struct listing listing = fixture_listing();
	_cleanup_(findings_fini) struct findings findings = {0};
	struct json_request ps = {.verb = "ps", .limit = 1}, doctor = {.verb = "doctor"};
	(void)state;
	ps_sort(&listing, "pid");
	assert_null(json_listing(&text, &listing, &ps));
	compare_json(&text, "ps.json");
	text_clear(&text);
	findings_add(&findings, "process", FINDING_OK, "found\xff");
	assert_null(json_findings(&text, &findings, 4127, false, &doctor));
	compare_json(&text, "doctor.json");
	text_clear(&text);
	_cleanup_(error_fini) struct error *err = error_remedy(
		error_rule(error_new(ERROR_PERMISSION, "no"), "yama_ptrace_scope"), "sudo");
	assert_null(json_failure(&text, err, 3, &request));
	compare_json(&text, "failure.json");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dump),
		cmocka_unit_test(test_dump_without_pymalloc),
		cmocka_unit_test(test_dump_of_a_core),
		cmocka_unit_test(test_sources),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_history_of_several),
		cmocka_unit_test(test_free_lists),
		cmocka_unit_test(test_widths),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_headlines),
		cmocka_unit_test(test_spread_headline),
		cmocka_unit_test(test_ps),
		cmocka_unit_test(test_doctor),
		cmocka_unit_test(test_every_doubt_is_explained),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_json_others),
	};
	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
