/* test_units: what a figure looks like, and what a person may type. */
#include "ui/text/units.h"

#include "base/size.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_bytes(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *words, *narrow;
	} cases[] = {
		{0, "0", "0"},
		{1, "1 B", "1B"},
		{1023, "1023 B", "1023B"},
		{1024, "1.00 KiB", "1.00K"},
		{10235, "10.0 KiB", "10.0K"},
		{412 * KIB, "412 KiB", "412K"},
		{MIB - 1, "1.00 MiB", "1.00M"},
		{2072321884, "1.93 GiB", "1.93G"},
		{UINT64_MAX, "16.0 EiB", "16.0E"},
	};
	char words[UNITS_MAX];
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		units_bytes(words, cases[i].bytes);
		assert_string_equal(words, cases[i].words);
		units_bytes_short(words, cases[i].bytes);
		assert_string_equal(words, cases[i].narrow);
	}
	units_amount(words, UNITS_BYTES, 2072321884);
	assert_string_equal(words, "2,072,321,884");
	units_said(words, UNITS_BYTES, 12345);
	assert_string_equal(words, "12,345 bytes");
	units_said(words, UNITS_BYTES, 0);
	assert_string_equal(words, "0");
	units_said(words, UNITS_AUTO, 1024);
	assert_string_equal(words, "1.00 KiB");
}

static void test_counts(void **state)
{
	char words[UNITS_MAX];
	(void)state;
	units_count(words, 0);
	assert_string_equal(words, "0");
	units_count(words, 999);
	assert_string_equal(words, "999");
	units_count(words, 1402);
	assert_string_equal(words, "1,402");
	units_count(words, UINT64_MAX);
	assert_string_equal(words, "18,446,744,073,709,551,615");
	units_maybe(words, (struct maybe){0});
	assert_string_equal(words, "?");
	units_maybe(words, (struct maybe){.absent = true});
	assert_string_equal(words, "-");
}

static void test_spans(void **state)
{
	static const struct {
		uint64_t seconds;
		const char *words;
	} cases[] = {
		{0, "0 s"},          {42, "42 s"},         {300, "5 min"},
		{3900, "1 h 5 min"}, {19 * 3600, "19 h"},  {3 * 86400 + 7200, "3 d 2 h"},
		{86400, "1 d"},      {30 * 86400, "30 d"},
	};
	char words[UNITS_MAX];
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		units_duration(words, cases[i].seconds);
		assert_string_equal(words, cases[i].words);
	}
	units_pause(words, 0);
	assert_string_equal(words, "0 ms");
	units_pause(words, 42);
	assert_string_equal(words, "0.04 ms");
	units_pause(words, 3200);
	assert_string_equal(words, "3.2 ms");
	units_pause(words, 1300000);
	assert_string_equal(words, "1.3 s");
}

/* Something is never 0 %, less than all never 100 %. */
static void test_percent(void **state)
{
	char words[UNITS_MAX];
	(void)state;
	units_percent(words, 0, 0);
	assert_string_equal(words, "-");
	units_percent(words, 0, 7);
	assert_string_equal(words, "0 %");
	units_percent(words, 1, 1000000);
	assert_string_equal(words, "<0.1 %");
	units_percent(words, 3, 1000);
	assert_string_equal(words, "0.3 %");
	units_percent(words, 42, 100);
	assert_string_equal(words, "42 %");
	units_percent(words, 999999, 1000000);
	assert_string_equal(words, "99 %");
	units_percent(words, 5, 5);
	assert_string_equal(words, "100 %");
}

static bool parses_bytes(const char *text, uint64_t expected)
{
	uint64_t value = 0;
	struct error *err = units_parse_bytes(text, "--max-memory", &value);
	bool fine = !err && value == expected;
	error_free(err);
	return fine;
}

static void test_parse_bytes(void **state)
{
	static const char *const wrong[] = {"",    "K",    "-1",  "1 G",   "1.2.3M", "0x10",
					    "1GB", "1Kib", "1e6", "20MBi", "1BiB",   "99999999999G",
					    "nan", " 1",   "1K "};
	uint64_t value = 7;
	(void)state;
	assert_true(parses_bytes("512", 512));
	assert_true(parses_bytes("512B", 512));
	assert_true(parses_bytes("64K", 64 * KIB));
	assert_true(parses_bytes("64k", 64 * KIB));
	assert_true(parses_bytes("1.5G", GIB + GIB / 2));
	assert_true(parses_bytes("20MiB", 20 * MIB));
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct error *err = units_parse_bytes(wrong[i], "--max-memory", &value);
		assert_non_null(err);
		assert_int_equal(err->kind, ERROR_USAGE);
		error_free(err);
	}
	assert_int_equal(value, 7);
}

static void test_parse_numbers(void **state)
{
	static const char *const wrong[] = {"", "-1", "+1", "1x", "18446744073709551616", " 1"};
	static const char *const not_positive[] = {"0", "-1", "inf", "1e3", "100.1", "", "1..2"};
	uint64_t count = 7;
	double positive = 7;
	(void)state;
	assert_null(units_parse_count("18446744073709551615", "N", &count));
	assert_true(count == UINT64_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct error *err = units_parse_count(wrong[i], "N", &count);
		assert_non_null(err);
		error_free(err);
	}
	assert_null(units_parse_positive("0.5", "SEC", 100, &positive));
	assert_true(positive == 0.5);
	for (size_t i = 0; i < ARRAY_SIZE(not_positive); i++) {
		struct error *err = units_parse_positive(not_positive[i], "SEC", 100, &positive);
		assert_non_null(err);
		error_free(err);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),       cmocka_unit_test(test_counts),
		cmocka_unit_test(test_spans),       cmocka_unit_test(test_percent),
		cmocka_unit_test(test_parse_bytes), cmocka_unit_test(test_parse_numbers),
	};
	return cmocka_run_group_tests_name("units", tests, NULL, NULL);
}
