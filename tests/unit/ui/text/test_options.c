/* test_options: what a command line means, and what it may not say. */
#include "ui/options.h"

#include "base/cleanup.h"
#include "base/size.h"
#include "ui/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define WORDS_MAX 20

/* Splits the line at spaces and parses it; *o refers to `copy`. */
static struct error *parse(char copy[200], const char *line, bool terminal, struct options *o)
{
	char *argv[WORDS_MAX + 2] = {(char[]){"arenascope"}};
	int argc = 1;
	char *rest;
	snprintf(copy, 200, "%s", line);
	for (char *word = strtok_r(copy, " ", &rest); word && argc <= WORDS_MAX;
	     word = strtok_r(NULL, " ", &rest))
		argv[argc++] = word;
	return options_parse(argc, argv, terminal, o);
}

struct expected {
	const char *line;
	bool terminal;
	enum verb verb;
	const char *target, *second;
};

static void test_words(void **state)
{
	static const struct expected cases[] = {
		{"", true, VERB_PS, NULL, NULL},
		{"", false, VERB_PS, NULL, NULL},
		{"stats 4127", false, VERB_STATS, "4127", NULL},
		{"4127 stats", false, VERB_STATS, "4127", NULL},
		{"-j 4127 dump -l 5", false, VERB_DUMP, "4127", NULL},
		{"4127", true, VERB_TOP, "4127", NULL},
		{"4127", false, VERB_DUMP, "4127", NULL},
		{"4127 --json", true, VERB_DUMP, "4127", NULL},
		{"celery", false, VERB_DUMP, "celery", NULL},
		{"sta 4127", true, VERB_STATS, "4127", NULL},
		{"4127 map", true, VERB_MAP, "4127", NULL},
		{"4127 l", true, VERB_LEDGER, "4127", NULL},
		{"rss 4127", false, VERB_LEDGER, "4127", NULL},
		{"4127 rss", false, VERB_LEDGER, "4127", NULL},
		{"mal 4127", true, VERB_MALLOC, "4127", NULL},
		{"malloc malloc", false, VERB_MALLOC, "malloc", NULL},
		{"map dump", false, VERB_MAP, "dump", NULL},
		{"doctor --plan 1", false, VERB_DOCTOR, "1", NULL},
		{"dump --pid 12", false, VERB_DUMP, NULL, NULL},
		{"-p 12", false, VERB_DUMP, NULL, NULL},
		{"d", true, VERB_TOP, "d", NULL},
		{"why 4127", false, VERB_WHY, "4127", NULL},
		{"4127 histo", false, VERB_TYPES, "4127", NULL},
		{"types -s arenas 4127 --since f", false, VERB_TYPES, "4127", NULL},
		{"object 4127 0x7f", false, VERB_OBJECT, "4127", "0x7f"},
		{"4127 object 139", false, VERB_OBJECT, "4127", "139"},
		{"object -p 4127 139", false, VERB_OBJECT, NULL, "139"},
		{"diff a b --fail-on live:20M", false, VERB_DIFF, "a", "b"},
		{"a diff b", false, VERB_DIFF, "a", "b"},
	};
	char copy[200];
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(options_fini) struct options o = {0};
		assert_null(parse(copy, cases[i].line, cases[i].terminal, &o));
		assert_int_equal(o.verb, cases[i].verb);
		assert_string_equal(o.target ?: "none", cases[i].target ?: "none");
		assert_string_equal(o.second ?: "none", cases[i].second ?: "none");
	}
}

static const char *const refused[] = {
	"dump",
	"dump 1 2",
	"sta 1",
	"d 1",
	"ps 1",
	"why",
	"record 1",
	"1 check",
	"types 1 2",
	"object 1",
	"object",
	"object 1 2 3",
	"object -p 1",
	"object -p 1 2 3",
	"diff 1",
	"diff 1 2 3",
	"dump 1 2 3",
	"diff --fail-on rss 1 2",
	"diff --fail-on weight:3 1 2",
	"diff --fail-on live:lots 1 2",
	"diff --fail-on arenas:2M 1 2",
	"why --fail-on rss:1M 1",
	"dump --since file 1",
	"types --sort size 1",
	"frobnicate 1",
	"--frobnicate",
	"dump --json=1 1",
	"dump -p 1 2",
	"dump -p x",
	"dump -p",
	"dump -l 0 1",
	"dump -l -1 1",
	"dump -l many 1",
	"dump -n 1 1",
	"dump -i 1 1",
	"top -n 0 1",
	"top -i 0 1",
	"top -i 0.01 1",
	"top -i 1e9 1",
	"top --exact 1",
	"top -o file 1",
	"dump --units=furlongs 1",
	"dump --color pink 1",
	"dump --sort 1",
	"dump --sort colour 1",
	"dump --sort siz 1",
	"stats --sort size 1",
	"dump --max-pause 0 1",
	"dump --max-pause soon 1",
	"dump --max-pause 1 --no-pause 1",
	"dump --exact --no-pause 1",
	"dump --max-memory 0 1",
	"dump --max-memory 12Q 1",
	"dump --plan 1",
	"dump --core file 1",
	"dump --core file --pid 1",
	"-r file -c file",
	"ps --core file",
	"ps --sysroot /",
	"dump --max-tmp 0 file",
	"dump --max-tmp 12Q file",
	"help frobnicate",
	"help dump stats",
};

static void test_refused(void **state)
{
	char copy[200];
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct options o = {.limit = 7};
		struct error *err = parse(copy, refused[i], false, &o);
		if (!err)
			print_error("accepted: %s\n", refused[i]);
		assert_non_null(err);
		assert_int_equal(err->kind, ERROR_USAGE);
		assert_true(*err->cause && !strchr(err->cause, '\n'));
		assert_int_equal(o.limit, 7);
		error_free(err);
	}
}

/* The word that is meant as a verb is named, wherever it stands. */
static void test_unknown_verb(void **state)
{
	static const char *const lines[] = {"oops 1", "1 oops", "oops x"};
	char copy[200];
	struct options o = {0};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct error *err = parse(copy, lines[i], false, &o);
		assert_string_equal(err->cause, "there is no verb 'oops'");
		error_free(err);
	}
	struct error *err = parse(copy, "1 tree", false, &o);
	assert_string_equal(err->cause, "there is no verb 'tree'");
	error_free(err);
}

/* getopt's own words are passed on, without the program's name. */
static void test_unknown_option(void **state)
{
	char copy[200];
	struct options o = {0};
	struct error *err = parse(copy, "dump --frobnicate 1", false, &o);
	(void)state;
	assert_string_equal(err->cause, "unrecognized option '--frobnicate'");
	error_free(err);
}

static void test_values(void **state)
{
	char copy[200];
	_cleanup_(options_fini) struct options o = {0};
	(void)state;
	assert_null(parse(copy,
			  "dump -o f-%p -l 5 --sort=live --max-pause 1.5 --max-memory 1G -vv 7",
			  false, &o));
	assert_string_equal(o.output, "f-%p");
	assert_true(o.limit == 5);
	assert_string_equal(o.sort, "live");
	assert_int_equal(o.max_pause_us, 1500);
	assert_int_equal(o.max_memory, GIB);
	assert_int_equal(o.verbose, 2);
	assert_true(o.interval == 1.0);
}

static void test_flags(void **state)
{
	char copy[200];
	_cleanup_(options_fini) struct options o = {0};
	(void)state;
	assert_null(parse(copy,
			  "stats -j -q --ascii --no-pause --contents --no-cache --symbols x "
			  "--units bytes --color never 7",
			  false, &o));
	assert_true(o.json && o.quiet && o.ascii && o.no_pause && o.contents && o.no_cache);
	assert_string_equal(o.symbols, "x");
	assert_int_equal(o.units, UNITS_BYTES);
	assert_int_equal(o.color, STYLE_COLOR_NEVER);
}

static void test_help(void **state)
{
	static const struct {
		const char *line, *says;
	} cases[] = {
		{"--help", "Verbs:"},
		{"help", "Verbs:"},
		{"help stats", "$ arenascope stats 4127"},
		{"stats --help", "$ arenascope stats 4127"},
		{"ps --help", "$ arenascope ps --sort rss"},
		{"4127 top -h", "$ arenascope top 4127"},
		{"help map", "$ arenascope map 4127"},
		{"help dump", "$ arenascope dump 4127"},
		{"help doctor", "$ arenascope doctor --plan 4127"},
		{"--version", "arenascope 0."},
	};
	char copy[200];
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(options_fini) struct options o = {0};
		assert_null(parse(copy, cases[i].line, false, &o));
		assert_non_null(o.help);
		assert_non_null(strstr(o.help, cases[i].says));
		assert_null(strstr(o.help, " \n"));
		assert_null(strstr(o.help, "Mandatory"));
	}
}

static void test_pids(void **state)
{
	pid_t pid = 0;
	struct error *err;
	(void)state;
	assert_true(target_is_pid("12") && !target_is_pid("12a") && !target_is_pid(""));
	assert_null(target_pid("4127", &pid));
	assert_int_equal(pid, 4127);
	err = target_pid("0", &pid);
	assert_true(error_catch(&err, ERROR_USAGE));
	err = target_pid("99999999999999999999", &pid);
	assert_true(error_catch(&err, ERROR_GONE));
	assert_int_equal(pid, 4127);
}

/* What a file is, its first bytes say; as much of them as it has. */
static void test_sniffing(void **state)
{
	uint8_t elf[TARGET_HEAD] = {0x7f, 'E', 'L', 'F', [16] = 4};
	enum origin_kind kind = ORIGIN_LIVE;
	(void)state;
	assert_true(target_sniff(elf, sizeof(elf), &kind));
	assert_int_equal(kind, ORIGIN_CORE);
	assert_false(target_sniff(elf, sizeof(elf) - 1, &kind));
	elf[16] = 3; /* a shared object */
	assert_false(target_sniff(elf, sizeof(elf), &kind));
	assert_true(target_sniff((const uint8_t *)"ASCOPE\x01\n", 8, &kind));
	assert_int_equal(kind, ORIGIN_SAVEFILE);
	assert_true(target_sniff((const uint8_t *)"\x1f\x8b\x08", 3, &kind));
	assert_int_equal(kind, ORIGIN_CORE);
	assert_true(target_sniff((const uint8_t *)"\x28\xb5\x2f\xfd", 4, &kind));
	assert_true(target_sniff((const uint8_t *)"\x04\x22\x4d\x18", 4, &kind));
	assert_false(target_sniff((const uint8_t *)"\x04\x22\x4d\x18", 3, &kind));
	assert_false(target_sniff((const uint8_t *)"#!/bin/sh", 9, &kind));
}

static void test_json_is_noticed(void **state)
{
	static const struct {
		const char *argument;
		bool json;
	} cases[] = {
		{"--json", true}, {"-j", true},        {"-qj", true},   {"--js", true},
		{"--bad", false}, {"-ofile.j", false}, {"json", false}, {"--", false},
		{"-xj", false},   {"-", false},        {"-q", false},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char copy[20];
		strcpy(copy, cases[i].argument);
		char *arguments[] = {(char[]){"arenascope"}, (char[]){"--bad"}, copy};
		if (options_mention_json(3, arguments) != cases[i].json)
			print_error("%s\n", copy);
		assert_int_equal(options_mention_json(3, arguments), cases[i].json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_unknown_option),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_sniffing),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_pids),
		cmocka_unit_test(test_json_is_noticed),
		cmocka_unit_test(test_unknown_verb),
	};
	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
