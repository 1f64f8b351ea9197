/* test_why: what why, types, object and diff print, against committed texts. */
#include "accounts.h"
#include "base/cleanup.h"
#include "fixture.h"
#include "studies.h"
#include "ui/json/json.h"
#include "ui/report/diff_report.h"
#include "ui/report/object_report.h"
#include "ui/report/types_report.h"
#include "ui/report/why_advice.h"
#include "ui/report/why_report.h"
#include "ui/report/why_words.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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

/* No control character of a target's reaches a terminal. */
static void compare(const char *golden, const struct text *text, const struct style *style)
{
	assert_false(text->failed);
	if (!style->color)
		assert_null(strchr(text_string(text), '\x1b'));
	fixture_compare(golden, text_string(text));
}

static void why(fill_fn *first, fill_fn *fill, const struct style *style, const char *golden)
{
	const struct why_request request = {0};
	_cleanup_(snapshot_fini) struct snapshot *a = filled(first), *b = filled(fill);
	_cleanup_(text_fini) struct text text = TEXT_EMPTY;
	struct page page = {&text, style};
	why_report_first(&page, a, &request);
	why_report_rest(&page, b, a, &request);
	compare(golden, &text, style);
}

static void test_why(void **state)
{
	struct style unicode = fixture_style(false), ascii = fixture_style(true);
	(void)state;
	why(studies_first, studies_pinned, &unicode, "why-pinned.txt");
	why(studies_glibc, studies_glibc, &unicode, "why-glibc.txt");
	why(studies_first, studies_unheld, &unicode, "why-unheld.txt");
	why(studies_first, studies_frozen, &unicode, "why-frozen.txt");
	why(studies_well, studies_well, &ascii, "why-well.txt");
	unicode.width = 44;
	why(studies_first, studies_pinned, &unicode, "why-narrow.txt");
}

static void add_advice(struct text *to, const struct why_words *words, const struct cause *cause)
{
	for (size_t i = 0; why_advice(to, words, cause, i); i++)
		text_add(to, "|");
}

/* The free ends of threads' arenas: malloc_trim(0) leaves them, and so nobody is told to call it. */
static void test_trim_is_advised_where_it_helps(void **state)
{
	_cleanup_(snapshot_fini) struct snapshot *s = filled(studies_glibc);
	struct cause *cause = &s->verdict.causes.items[0];
	const struct why_words words = {s, UNITS_AUTO, true, NULL};
	(void)state;
	for (uint64_t trims = 0; trims < 2; trims++) {
		_cleanup_(text_fini) struct text gain = TEXT_EMPTY, advice = TEXT_EMPTY;
		cause->n_evidence = 1;
		cause->evidence[0] = (struct evidence){.name = "trims", .value = trims};
		why_gain(&gain, &words, cause);
		add_advice(&advice, &words, cause);
		assert_int_equal(strstr(text_string(&gain), "malloc_trim(0) gives") != NULL, trims);
		assert_int_equal(strstr(text_string(&advice), "malloc_trim(0)") != NULL, trims);
		assert_non_null(strstr(text_string(&advice), "MALLOC_ARENA_MAX=2"));
	}
}

/* Where something lies among what pins that only a collection frees. */
static void test_a_collection_is_advised_where_it_helps(void **state)
{
	_cleanup_(snapshot_fini) struct snapshot *s = filled(studies_pinned);
	struct cause *cause = &s->verdict.causes.items[0];
	const struct why_words words = {s, UNITS_AUTO, true, NULL};
	(void)state;
	for (size_t n = 0; n < 2; n++) {
		_cleanup_(text_fini) struct text gain = TEXT_EMPTY, advice = TEXT_EMPTY;
		cause->n_evidence = n;
		cause->evidence[0] = (struct evidence){.name = "collected_arenas", .value = 3};
		why_gain(&gain, &words, cause);
		add_advice(&advice, &words, cause);
		assert_int_equal(strstr(text_string(&gain), "by itself") != NULL, !n);
		assert_int_equal(strstr(text_string(&gain), "gc.collect()") != NULL, n);
		assert_int_equal(strstr(text_string(&advice), "|to have it back at once, then call "
							      "gc.collect(): ") != NULL,
				 n);
		assert_ptr_equal(strstr(text_string(&advice), "bound app.CACHE or what it holds"),
				 text_string(&advice));
		assert_non_null(strstr(text_string(&advice), "|until then: recycle workers"));
	}
}

/* No root stands out: what type it is, is told all the same. */
static void test_who_is_a_type_where_no_root_stands_out(void **state)
{
	_cleanup_(snapshot_fini) struct snapshot *s = filled(studies_pinned);
	const struct why_words words = {s, UNITS_AUTO, true, NULL};
	struct cause *cause = &s->verdict.causes.items[0];
	struct pin *pin = &s->pins.types.items[0];
	(void)state;
	cause->pin_root = SIZE_MAX;
	for (uint64_t count = 0; count < 2; count++) {
		_cleanup_(text_fini) struct text who = TEXT_EMPTY;
		pin->count = count * 1322;
		why_who(&who, &words, cause);
		assert_string_equal(
			text_string(&who),
			count ? "1,322 app.Session (900 KiB) keep 27 arenas, 26.0 MiB, "
				"and no one holder has most of them"
			      : "app.Session (900 KiB) keep 27 arenas, 26.0 MiB, and no "
				"one holder has most of them");
	}
}

/* What keeps exceptions, or is a cache that drops nothing, is told what helps there; the interpreter's own place for the last of them
 * has names. */
static void test_ways_have_advice_of_their_own(void **state)
{
	static const struct {
		const char *evidence, *root, *link;
		uint32_t version;
		const char *first, *second;
	} rows[] = {
		{"traceback_bytes", "app.ERRORS", "list", 0x030c0100,
		 "do not keep exceptions as they are",
		 "|or call traceback.clear_frames(e.__traceback__)"},
		{"traceback_bytes", "app.ERRORS", "list", 0x02071200,
		 "do not keep exceptions as they are", "|bound app.ERRORS"},
		{"traceback_bytes", "sys.last_traceback", "traceback", 0x03080000,
		 "del sys.last_traceback, sys.last_value: ", "|to have it back at once"},
		{"traceback_bytes", "sys.last_value", "NameError", 0x030c0000,
		 "del sys.last_traceback, sys.last_value, sys.last_exc: ",
		 "|to have it back at once"},
		{"endless_cache_bytes", "app.find", "functools._lru_cache_wrapper", 0x030c0000,
		 "give app.find a maxsize, or call its cache_clear()", "|to have it back at once"},
		{"endless_cache_bytes", "app.FINDERS", "dict", 0x030c0000,
		 "give the functools.lru_cache under it a maxsize", "|bound app.FINDERS"},
		{"root_bytes", "app.FINDERS", "dict", 0x030c0000, "bound app.FINDERS",
		 "|to have it back"},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(snapshot_fini) struct snapshot *s = filled(studies_pinned);
		_cleanup_(text_fini) struct text advice = TEXT_EMPTY;
		const struct why_words words = {s, UNITS_AUTO, true, NULL};
		struct cause *cause = &s->verdict.causes.items[0];
		struct holder_root *root = &s->holders.roots.items[0];
		cause->kind = CAUSE_LIVE_OBJECTS;
		cause->pin_root = SIZE_MAX;
		cause->holder_root = 0;
		cause->n_evidence = 1;
		cause->evidence[0] = (struct evidence){.name = rows[i].evidence, .value = MIB};
		free(root->name);
		root->name = strdup(rows[i].root);
		free(root->chains.items[0].links.items[1]);
		root->chains.items[0].links.items[1] = strdup(rows[i].link);
		s->target.version_hex = rows[i].version;
		add_advice(&advice, &words, cause);
		assert_ptr_equal(strstr(text_string(&advice), rows[i].first), text_string(&advice));
		assert_ptr_equal(strstr(text_string(&advice), rows[i].second),
				 strchr(text_string(&advice), '|'));
		assert_non_null(strstr(text_string(&advice), "|until then: "));
	}
}

/* One root's objects are not all in RAM; another has one block. Objects of the type bytes are no bytes. */
static void test_figures_of_roots(void **state)
{
	_cleanup_(snapshot_fini) struct snapshot *s = filled(studies_pinned);
	_cleanup_(text_fini) struct text text = TEXT_EMPTY;
	struct style style = fixture_style(true);
	struct page page = {&text, &style};
	struct cause *cause = &s->verdict.causes.items[0];
	(void)state;
	s->holders.roots.items[1].count = 1;
	free(s->holders.roots.items[0].types.items[0].type);
	s->holders.roots.items[0].types.items[0].type = strdup("bytes");
	cause->kind = CAUSE_LIVE_OBJECTS;
	cause->pin_root = SIZE_MAX;
	cause->holder_root = 0;
	cause->evidence[cause->n_evidence++] =
		(struct evidence){.name = "in_ram_bytes", .unit = EVIDENCE_BYTES, .value = 3 * MIB};
	why_report_rest(&page, s, NULL, &(struct why_request){0});
	assert_non_null(strstr(text_string(&text), ", 1 block: app.main() rows"));
	assert_non_null(strstr(text_string(&text), "of which no more than 3.00 MiB can be in RAM"));
	assert_non_null(strstr(text_string(&text), " bytes objects"));
}

/* What was compared with an earlier look says so, and by what name the person called that. */
static void test_words_of_growth(void **state)
{
	static const struct {
		uint64_t grown;
		bool measured;
		double seconds;
		const char *cause, *theory;
	} cases[] = {
		{0, false, 12, "This has not grown since old\\x1b.asnap (12 s ago).",
		 "growing? nothing grew since old\\x1b.asnap (12 s ago), which is too short a time "
		 "to tell"},
		{8 * KIB, false, 7200,
		 "This has grown by no more than 8.00 KiB since old\\x1b.asnap (2 h ago).",
		 "growing? by no more than 8.00 KiB since old\\x1b.asnap (2 h ago)"},
		{0, false, 0.4, "since old\\x1b.asnap (less than 1 s ago).",
		 "growing? nothing grew since old\\x1b.asnap (less than 1 s ago), which is too short "
		 "a time to tell"},
		{0, false, 0, "This has not grown since old\\x1b.asnap.",
		 "growing? nothing grew since old\\x1b.asnap"},
		{30 * MIB, true, 0, "This has grown by 30.0 MiB since old\\x1b.asnap.", NULL},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(snapshot_fini) struct snapshot *s = filled(studies_pinned);
		_cleanup_(text_fini) struct text cause = TEXT_EMPTY, theory = TEXT_EMPTY;
		const struct why_words words = {s, UNITS_AUTO, true, "old\x1b.asnap"};
		struct cause *first = &s->verdict.causes.items[0];
		s->verdict.since.used = true;
		s->verdict.since.seconds = cases[i].seconds;
		first->kind = CAUSE_LIVE_OBJECTS;
		first->measured = cases[i].measured;
		first->n_evidence = 1;
		first->evidence[0] = (struct evidence){
			.name = "grown_bytes", .unit = EVIDENCE_BYTES, .value = cases[i].grown};
		why_cause(&cause, &words, first);
		assert_non_null(strstr(text_string(&cause), cases[i].cause));
		why_not(&theory, &words,
			&(struct ruled_out){THEORY_GROWTH, maybe_known(cases[i].grown)});
		if (cases[i].theory)
			assert_string_equal(text_string(&theory), cases[i].theory);
	}
}

static void types(const struct style *style, const struct types_request *request,
		  const char *golden)
{
	_cleanup_(snapshot_fini) struct snapshot *s = filled(studies_pinned);
	_cleanup_(text_fini) struct text text = TEXT_EMPTY;
	struct page page = {&text, style};
	assert_null(types_report_write(&page, s, request));
	compare(golden, &text, style);
}

static void test_types(void **state)
{
	struct style unicode = fixture_style(false), ascii = fixture_style(true);
	(void)state;
	types(&unicode, &(struct types_request){0}, "types.txt");
	ascii.width = 44;
	types(&ascii, &(struct types_request){.limit = 2, .sort = "arenas"}, "types-narrow.txt");
}

static void test_object(void **state)
{
	_cleanup_(snapshot_fini) struct snapshot *s = filled(studies_pinned);
	_cleanup_(text_fini) struct text text = TEXT_EMPTY;
	_cleanup_(inspector_object_fini) struct inspector_object object = {.found = false};
	struct style style = fixture_style(false);
	struct page page = {&text, &style};
	(void)state;
	studies_object(&object);
	object_report_write(&page, s, &object, &(struct object_request){.limit = 1});
	compare("object.txt", &text, &style);
}

/* Pointers that are found beside references that are counted, and what may be the matter. */
static void test_references(void **state)
{
	static const struct {
		uint64_t counted, found;
		bool immortal;
		const char *words;
	} cases[] = {
		{1, 1, false, "1 counted, 1 pointer to it was found\n"},
		{3, 2, false, "3 counted, 2 pointers to it were found: the others are where"},
		{2, 3, false, "2 counted, 3 pointers to it were found: some do not own it"},
		{1000000036, 2, false, "2 pointers to it were found: it is never freed"},
		{4294967295, 2, true, "does not move, 2 pointers to it were found\n"},
	};
	struct style style = fixture_style(true);
	style.width = 200;
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(snapshot_fini) struct snapshot *s = filled(studies_pinned);
		_cleanup_(text_fini) struct text text = TEXT_EMPTY;
		_cleanup_(inspector_object_fini) struct inspector_object object = {.found = false};
		struct page page = {&text, &style};
		studies_object(&object);
		object.refcount = cases[i].counted;
		object.immortal = cases[i].immortal;
		object.found_references = maybe_known(cases[i].found);
		free(object.preview);
		object.preview = strdup(object.type);
		object_report_write(&page, s, &object, &(struct object_request){0});
		assert_non_null(strstr(text_string(&text), cases[i].words));
		assert_non_null(strstr(text_string(&text), "app.Session at 0x7f3a1c04b2d0.\n"));
	}
}

static void test_nothing_at_an_address(void **state)
{
	_cleanup_(snapshot_fini) struct snapshot *s = filled(studies_pinned);
	_cleanup_(text_fini) struct text text = TEXT_EMPTY;
	struct style style = fixture_style(false);
	struct page page = {&text, &style};
	const struct inspector_object object = {.at = raddr_at(0x10)};
	(void)state;
	object_report_write(&page, s, &object, &(struct object_request){0});
	assert_non_null(strstr(text_string(&text), "No object and no block in use at 0x10."));
	assert_null(strstr(text_string(&text), "HELD BY"));
}

static void test_addresses(void **state)
{
	static const char *const wrong[] = {
		"", "0x", "12g", "-1", " 12", "0x1ffffffffffffffff", "seven", "1 2"};
	raddr at = RADDR_NULL;
	(void)state;
	assert_null(object_address("0x7f3a1c04b2d0", &at));
	assert_int_equal(at.value, 0x7f3a1c04b2d0);
	assert_null(object_address("139887665951440", &at));
	assert_int_equal(at.value, 139887665951440);
	assert_null(object_address("7f3a1c04b2d0", &at));
	assert_int_equal(at.value, 0x7f3a1c04b2d0);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct error *err = object_address(wrong[i], &at);
		assert_non_null(err);
		assert_int_equal(err->kind, ERROR_USAGE);
		error_free(err);
	}
	assert_int_equal(at.value, 0x7f3a1c04b2d0);
}

static void test_diff(void **state)
{
	_cleanup_(snapshot_fini) struct snapshot *s = filled(studies_pinned);
	_cleanup_(text_fini) struct text text = TEXT_EMPTY;
	_cleanup_(difference_fini) struct difference d;
	struct style style = fixture_style(false);
	struct page page = {&text, &style};
	(void)state;
	studies_difference(&d);
	diff_report_write(&page, s, &d, &(struct diff_request){0});
	compare("diff.txt", &text, &style);
}

/* What JSON tells of all this, indented for the reader of the golden file. */
static void compare_json(const char *golden, const struct text *text)
{
	json_t *answer = json_loads(text_string(text), 0, NULL);
	assert_non_null(answer);
	json_object_del(answer, "host");
	json_object_del(answer, "tool");
	char *pretty = json_dumps(answer, JSON_INDENT(1));
	_cleanup_(text_fini) struct text lines = TEXT_EMPTY;
	text_addf(&lines, "%s\n", pretty);
	free(pretty);
	json_decref(answer);
	fixture_compare(golden, text_string(&lines));
}

static void test_json(void **state)
{
	_cleanup_(snapshot_fini) struct snapshot *s = filled(studies_unheld);
	_cleanup_(difference_fini) struct difference d;
	_cleanup_(text_fini) struct text text = TEXT_EMPTY;
	struct json_request request = {.verb = "why", .since = &d};
	(void)state;
	studies_difference(&d);
	assert_null(json_snapshot(&text, s, VERB_WHY, &request));
	compare_json("why.json", &text);
}

static void test_json_object(void **state)
{
	_cleanup_(snapshot_fini) struct snapshot *s = filled(studies_well);
	_cleanup_(inspector_object_fini) struct inspector_object object = {.found = false};
	_cleanup_(text_fini) struct text text = TEXT_EMPTY;
	(void)state;
	studies_object(&object);
	assert_null(
		json_object_answer(&text, s, &object, &(struct json_request){.verb = "object"}));
	compare_json("object.json", &text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trim_is_advised_where_it_helps),
		cmocka_unit_test(test_a_collection_is_advised_where_it_helps),
		cmocka_unit_test(test_ways_have_advice_of_their_own),
		cmocka_unit_test(test_who_is_a_type_where_no_root_stands_out),
		cmocka_unit_test(test_figures_of_roots),
		cmocka_unit_test(test_words_of_growth),
		cmocka_unit_test(test_references),
		cmocka_unit_test(test_why),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_object),
		cmocka_unit_test(test_nothing_at_an_address),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_diff),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_json_object),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
