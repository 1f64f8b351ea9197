/*
 * options: argp reads all options of all verbs, wherever they stand; the words
 * that are left are the verb and its target, in either order; then each option is
 * held against the verb.
 *
 *	arenascope --json 4127 dump -l 5
 *	           └ options ──────┴───┘     words: 4127, dump
 *
 * argp's and getopt's complaints are caught from their stream, so that a usage
 * error is reported like every other.
 */
#include "ui/options.h"

#include "base/cleanup.h"
#include "base/vec.h"
#include "ui/options_table.h"
#include "ui/target.h"

#include <argp.h>
#include <stdio.h>
#include <string.h>

#define INTERVAL_LEAST   0.1
#define INTERVAL_MOST    86400.0
#define PAUSE_MOST_MS    60000.0
#define INTERVAL_DEFAULT 1.0

struct parse {
	struct options options;
	VEC(const char *) words;
	uint64_t given; /* bit i: row i of the table stands on the command line */
	bool help, version;
	struct error *err;
};

static struct error *one_of(const char *value, const char *what, const char *const *names,
			    size_t n_names, int *ret)
{
	for (size_t i = 0; i < n_names; i++) {
		if (strcmp(value, names[i]) == 0) {
			*ret = (int)i;
			return NULL;
		}
	}
	return error_new(ERROR_USAGE, "%s '%.60s' is none of: %s, %s%s%s", what, value, names[0],
			 names[1], n_names > 2 ? ", " : "", n_names > 2 ? names[2] : "");
}

static struct error *set_color(struct options *o, const char *value)
{
	static const char *const names[] = {"auto", "always", "never"};
	int i = 0;
	struct error *err = one_of(value, "--color", names, ARRAY_SIZE(names), &i);
	o->color = (enum style_color)i;
	return err;
}

static struct error *set_units(struct options *o, const char *value)
{
	static const char *const names[] = {"auto", "bytes"};
	int i = 0;
	struct error *err = one_of(value, "--units", names, ARRAY_SIZE(names), &i);
	o->units = (enum units)i;
	return err;
}

static struct error *set_limit(struct options *o, const char *value)
{
	struct error *err = units_parse_count(value, "--limit", &o->limit);
	if (!err && !o->limit)
		err = error_new(ERROR_USAGE, "--limit '0' would show nothing");
	return err;
}

static struct error *set_count(struct options *o, const char *value)
{
	struct error *err = units_parse_count(value, "--count", &o->count);
	if (!err && !o->count)
		err = error_new(ERROR_USAGE, "--count '0' would do nothing");
	return err;
}

static struct error *set_interval(struct options *o, const char *value)
{
	struct error *err = units_parse_positive(value, "--interval", INTERVAL_MOST, &o->interval);
	if (!err && o->interval < INTERVAL_LEAST)
		err = error_new(ERROR_USAGE, "--interval '%.60s' is under %g s", value,
				INTERVAL_LEAST);
	return err;
}

static struct error *set_max_pause(struct options *o, const char *value)
{
	double ms = 0;
	struct error *err = units_parse_positive(value, "--max-pause", PAUSE_MOST_MS, &ms);
	if (err)
		return error_remedy(err, "it is in milliseconds; --no-pause for no stop at all");
	o->max_pause_us = ms * 1000 < 1 ? 1 : (uint64_t)(ms * 1000);
	return NULL;
}

static struct error *set_pid(struct options *o, const char *value)
{
	uint64_t pid;
	o->pid = value;
	return units_parse_count(value, "--pid", &pid);
}

static struct error *set_max_memory(struct options *o, const char *value)
{
	struct error *err = units_parse_bytes(value, "--max-memory", &o->max_memory);
	if (!err && !o->max_memory)
		err = error_new(ERROR_USAGE, "--max-memory '%.60s' leaves no room to work", value);
	return err;
}

static struct error *set_max_tmp(struct options *o, const char *value)
{
	struct error *err = units_parse_bytes(value, "--max-tmp", &o->max_tmp);
	if (!err && !o->max_tmp)
		err = error_new(ERROR_USAGE, "--max-tmp '%.60s' leaves no room to unpack", value);
	return err;
}

/* "live:20M", "arenas:0" */
static struct error *set_fail_on(struct options *o, const char *value)
{
	static const char *const names[] = {"rss", "live", "blocks", "arenas"};
	const char *colon = strchr(value, ':');
	size_t length = colon ? (size_t)(colon - value) : 0;
	for (size_t i = 0; length && i < ARRAY_SIZE(names); i++) {
		if (strlen(names[i]) != length || memcmp(names[i], value, length) != 0)
			continue;
		o->fail_on = (enum fail_on)(FAIL_ON_RSS + (int)i);
		if (o->fail_on == FAIL_ON_RSS || o->fail_on == FAIL_ON_LIVE)
			return units_parse_bytes(colon + 1, "--fail-on", &o->fail_above);
		return units_parse_count(colon + 1, "--fail-on", &o->fail_above);
	}
	return error_remedy(error_new(ERROR_USAGE, "--fail-on '%.60s' is no KEY:AMOUNT", value),
			    "keys are rss, live, blocks, arenas: --fail-on live:20M");
}

/* An option without a value that needs thought; false: not one of these. */
static bool set_flag(struct parse *p, int key)
{
	struct options *o = &p->options;
	bool *const flags[OPTION_KEY_COUNT] = {
		[OPTION_JSON] = &o->json,         [OPTION_ASCII] = &o->ascii,
		[OPTION_QUIET] = &o->quiet,       [OPTION_NO_PAUSE] = &o->no_pause,
		[OPTION_EXACT] = &o->exact,       [OPTION_CONTENTS] = &o->contents,
		[OPTION_NO_CACHE] = &o->no_cache, [OPTION_PLAN] = &o->plan,
		[OPTION_HELP] = &p->help,         [OPTION_VERSION] = &p->version,
	};
	o->verbose += key == OPTION_VERBOSE;
	if (flags[key])
		*flags[key] = true;
	return flags[key] || key == OPTION_VERBOSE;
}

/* An option whose value is taken as it stands; false: not one of these. */
static bool set_string(struct options *o, enum option_key key, const char *value)
{
	const char **const strings[OPTION_KEY_COUNT] = {
		[OPTION_OUTPUT] = &o->output,   [OPTION_SORT] = &o->sort,
		[OPTION_SYMBOLS] = &o->symbols, [OPTION_CORE] = &o->core,
		[OPTION_READ] = &o->read,       [OPTION_EXE] = &o->exe,
		[OPTION_SYSROOT] = &o->sysroot, [OPTION_TMP] = &o->tmp,
		[OPTION_SINCE] = &o->since,
	};
	if (strings[key])
		*strings[key] = value;
	return strings[key];
}

static struct error *set_value(struct options *o, enum option_key key, const char *value)
{
	if (set_string(o, key, value))
		return NULL;
	switch ((int)key) {
	case OPTION_MODULE:
		o->module = value;
		return NULL;
	case OPTION_LIMIT:
		return set_limit(o, value);
	case OPTION_COUNT:
		return set_count(o, value);
	case OPTION_INTERVAL:
		return set_interval(o, value);
	case OPTION_UNITS:
		return set_units(o, value);
	case OPTION_COLOR:
		return set_color(o, value);
	case OPTION_MAX_PAUSE:
		return set_max_pause(o, value);
	case OPTION_MAX_MEMORY:
		return set_max_memory(o, value);
	case OPTION_MAX_TMP:
		return set_max_tmp(o, value);
	case OPTION_PID:
		return set_pid(o, value);
	case OPTION_FAIL_ON:
		return set_fail_on(o, value);
	default:
		return error_new(ERROR_BUG, "--%s is not read", options_table_name(key));
	}
}

static error_t on_key(int key, char *value, struct argp_state *state)
{
	struct parse *p = state->input;
	enum option_key option;
	if (key == ARGP_KEY_ARG) {
		const char **word = vec_push(&p->words);
		if (!word)
			p->err = error_out_of_memory();
		else
			*word = value;
		return p->err ? EINVAL : 0;
	}
	if (!options_table_key(key, &option))
		return ARGP_ERR_UNKNOWN;
	p->given |= UINT64_C(1) << option;
	if (!set_flag(p, (int)option))
		p->err = set_value(&p->options, option, value);
	return p->err ? EINVAL : 0;
}

/* "arenascope: unrecognized option '--x'\nTry …" as an error: its first line, without the name. */
static struct error *usage_error(const char *complaint)
{
	const char *start = strstr(complaint, ": ");
	start = start ? start + 2 : complaint;
	return error_remedy(error_new(ERROR_USAGE, "%.*s", *start ? (int)strcspn(start, "\n") : 20,
				      *start ? start : "unreadable arguments"),
			    "arenascope --help lists verbs and options");
}

/* Runs argp with its complaints caught. Its streams are stdio's, so they are lent for the time. */
static struct error *run_argp(struct parse *p, int argc, char **argv)
{
	struct argp_option list[OPTION_KEY_COUNT + 2];
	options_table_fill(list, OPTIONS_TABLE_ALL);
	struct argp argp = {.options = list, .parser = on_key};
	_cleanup_(free_pointer) char *complaint = NULL;
	size_t size;
	FILE *caught = open_memstream(&complaint, &size), *own = stderr;
	if (!caught)
		return error_out_of_memory();
	argp_err_exit_status = ERROR_USAGE;
	stderr = caught;
	error_t failed =
		argp_parse(&argp, argc, argv, ARGP_IN_ORDER | ARGP_NO_HELP | ARGP_NO_EXIT, NULL, p);
	stderr = own;
	(void)fclose(caught);
	if (p->err)
		return take(p->err);
	return failed ? usage_error(complaint ? complaint : "") : NULL;
}

/* ---- words ----------------------------------------------------------------------------- */

static struct error *no_such_verb(const char *word)
{
	return error_remedy(error_new(ERROR_USAGE, "there is no verb '%.60s'", word),
			    "verbs are: %s", verb_list());
}

static struct error *too_many(const char *word)
{
	return error_new(ERROR_USAGE, "too many arguments, from '%.60s' on", word);
}

/* What the words but the verb mean: its target, and what stands behind that. */
static struct error *read_operands(struct options *o, const char *const *words, size_t n)
{
	bool named = o->pid || o->core || o->read;
	bool has_second = verb_words(o->verb)->second;
	size_t most = 1 + (size_t)has_second;
	if (n > most)
		return too_many(words[most]);
	/* --pid has said what to look at, unless it is said twice. */
	bool only_second = has_second && named && n == 1;
	o->target = n && !only_second ? words[0] : NULL;
	o->second = only_second ? words[0] : n == 2 ? words[1] : NULL;
	return NULL;
}

/* The first or second word is a verb; the others are what it is about. */
static struct error *find_verb(struct parse *p, bool terminal)
{
	const char **words = p->words.items;
	size_t n = p->words.count;
	for (int prefixes = 0; prefixes <= terminal; prefixes++) {
		for (size_t i = 0; i < n && i < 2; i++) {
			if (!verb_find(words[i], prefixes, &p->options.verb))
				continue;
			if (i == 1)
				words[1] = words[0];
			return read_operands(&p->options, words + 1, n - 1);
		}
	}
	if (n >= 2 || verb_is_reserved(words[0])) {
		bool second = n >= 2 && (verb_is_reserved(words[1]) || target_is_pid(words[0]));
		return no_such_verb(words[second]);
	}
	p->options.verb = terminal && !p->options.json && !p->options.output ? VERB_TOP : VERB_DUMP;
	p->options.target = words[0];
	return NULL;
}

static struct error *read_words(struct parse *p, bool terminal)
{
	struct options *o = &p->options;
	if (p->words.count > 3)
		return too_many(p->words.items[3]);
	if (p->words.count)
		return find_verb(p, terminal);
	o->verb = VERB_PS;
	if (o->pid || o->core || o->read)
		o->verb = terminal && !o->json && !o->output ? VERB_TOP : VERB_DUMP;
	return NULL;
}

/* ---- what fits together ---------------------------------------------------------------- */

/* The ways to say what to look at that were taken, in words; *ret_second NULL: one at most. */
static const char *ways_to_target(const struct options *o, const char **ret_second)
{
	const char *const ways[] = {o->pid ? "--pid" : NULL, o->core ? "--core" : NULL,
				    o->read ? "--read" : NULL, o->target};
	const char *first = NULL;
	*ret_second = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		if (!first)
			first = ways[i];
		else if (ways[i] && !*ret_second)
			*ret_second = ways[i];
	}
	return first;
}

static struct error *check_target(const struct options *o)
{
	const struct verb_words *words = verb_words(o->verb);
	const char *second, *first = ways_to_target(o, &second);
	if (second)
		return error_new(ERROR_USAGE, "both %s and '%.60s' say what to look at", first,
				 second);
	if (words->takes_target && !first)
		return error_remedy(error_new(ERROR_USAGE,
					      "%s needs a TARGET: a PID, a name or a file",
					      words->name),
				    "arenascope ps lists the processes that can be looked at");
	if (!words->takes_target && first)
		return error_new(ERROR_USAGE, "%s takes no target", words->name);
	if (words->second && !o->second)
		return error_new(ERROR_USAGE, "%s needs %s", words->name, words->args);
	return NULL;
}

static struct error *check_sort(struct options *o)
{
	const char *keys = verb_words(o->verb)->sort;
	size_t length = o->sort ? strlen(o->sort) : 0;
	if (!o->sort)
		return NULL;
	for (const char *key = keys; *key; key += strcspn(key, " "), key += strspn(key, " ")) {
		if (strcspn(key, " ") == length && memcmp(key, o->sort, length) == 0)
			return NULL;
	}
	return error_new(ERROR_USAGE, "--sort '%.60s' is none of: %s", o->sort, keys);
}

static struct error *check_fit(const struct parse *p)
{
	const struct options *o = &p->options;
	for (int i = 0; i < OPTION_KEY_COUNT; i++) {
		if (p->given >> i & 1 && !options_table_fits((enum option_key)i, o->verb))
			return error_new(ERROR_USAGE, "%s takes no --%s", verb_words(o->verb)->name,
					 options_table_name((enum option_key)i));
	}
	if (o->exact && o->no_pause)
		return error_new(ERROR_USAGE, "--exact stops the process, --no-pause forbids it");
	if (o->verb == VERB_SNAPSHOT && !o->output)
		return error_remedy(error_new(ERROR_USAGE, "snapshot needs --output FILE"),
				    "-o app.%%p.%%t.asnap names it by pid and time");
	if (o->no_pause && o->max_pause_us)
		return error_new(ERROR_USAGE, "--max-pause bounds a stop, --no-pause forbids it");
	return NULL;
}

/* `help`, `help VERB`, `VERB --help`, `--help`, `--version`. */
static struct error *read_help(struct parse *p, bool *ret_done)
{
	const char *const *words = p->words.items;
	size_t n = p->words.count;
	bool asked = n && strcmp(words[0], "help") == 0;
	enum verb verb = VERB_COUNT;
	if (!asked && !p->help && !p->version)
		return NULL;
	*ret_done = true;
	if (p->version)
		return options_table_version(&p->options.help);
	if (asked && n > 2)
		return error_new(ERROR_USAGE, "help takes one verb");
	if (asked && n == 2 && !verb_find(words[1], true, &verb))
		return no_such_verb(words[1]);
	for (size_t i = 0; !asked && i < n && i < 2 && verb == VERB_COUNT; i++)
		(void)verb_find(words[i], false, &verb);
	return options_table_help(verb, &p->options.help);
}

static struct error *finish(struct parse *p, bool terminal)
{
	bool done = false;
	struct error *err = read_help(p, &done);
	if (err || done)
		return err;
	err = read_words(p, terminal);
	if (!err)
		err = check_target(&p->options);
	if (!err)
		err = check_fit(p);
	return err ? err : check_sort(&p->options);
}

struct error *options_parse(int argc, char **argv, bool terminal, struct options *ret)
{
	struct parse p = {.options = {.interval = INTERVAL_DEFAULT}};
	struct error *err = run_argp(&p, argc, argv);
	if (!err)
		err = finish(&p, terminal);
	vec_fini(&p.words);
	if (err) {
		options_fini(&p.options);
		return err;
	}
	*ret = p.options;
	return NULL;
}

void options_fini(struct options *options)
{
	free(options->help);
	options->help = NULL;
}

/* "-qj" or "-j": a j among letters, not behind one that takes the rest as its value. */
static bool has_letter_j(const char *letters)
{
	for (; *letters && *letters != 'j'; letters++) {
		enum option_key key;
		if (!options_table_key(*letters, &key) || options_table_takes_value(key))
			return false;
	}
	return *letters;
}

bool options_mention_json(int argc, char *const *argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (argv[i][0] != '-' || !argv[i][1])
			continue;
		/* getopt takes --j, --js and --jso too: nothing else begins so. */
		if (argv[i][1] != '-'
			    ? has_letter_j(argv[i] + 1)
			    : argv[i][2] && strncmp("--json", argv[i], strlen(argv[i])) == 0)
			return true;
	}
	return false;
}
