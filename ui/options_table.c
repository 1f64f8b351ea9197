/*
 * options_table: one row an option. What a verb does not do it refuses, so that a
 * script learns of its mistake; what it merely does not need (--no-pause for `ps`)
 * it takes, so that a script can give all verbs the same.
 */
#include "ui/options_table.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define BIT(verb) (1u << (verb))
#define ALL       (BIT(VERB_COUNT) - 1)
#define ONE_SHOT  (ALL & ~BIT(VERB_TOP))
#define TABLES                                                                                 \
	(BIT(VERB_PS) | BIT(VERB_DUMP) | BIT(VERB_LEDGER) | BIT(VERB_MALLOC) | BIT(VERB_MAP) | \
	 BIT(VERB_TYPES))
#define STOPPING (ALL & ~BIT(VERB_TOP))
#define TARGETS  (ALL & ~BIT(VERB_PS))

struct row {
	const char *name;
	int letter; /* 0: long form only */
	const char *value;
	const char *help; /* NULL: not listed */
	unsigned verbs;
};

static const struct row rows[OPTION_KEY_COUNT] = {
	[OPTION_PID] = {"pid", 'p', "PID", "look at this process, whatever its name", ALL},
	[OPTION_JSON] = {"json", 'j', NULL, "print JSON (docs/arenascope.schema.json)", ALL},
	[OPTION_OUTPUT] = {"output", 'o', "FILE",
			   "write to FILE (0600, complete or not at all); %p pid, %h host, %t time",
			   ONE_SHOT},
	[OPTION_LIMIT] = {"limit", 'l', "N", "at most N rows of each table", ALL},
	[OPTION_SORT] = {"sort", 's', "KEY", "order the table by KEY", TABLES},
	[OPTION_COUNT] = {"count", 'n', "N", "end after N looks", BIT(VERB_TOP)},
	[OPTION_INTERVAL] = {"interval", 'i', "SEC", "seconds between looks (1)", BIT(VERB_TOP)},
	[OPTION_UNITS] = {"units", 0, "auto|bytes", "how amounts are written", ALL},
	[OPTION_COLOR] = {"color", 0, "auto|always|never", "colours (auto: on a terminal)", ALL},
	[OPTION_ASCII] = {"ascii", 0, NULL, "7-bit characters only", ALL},
	[OPTION_QUIET] = {"quiet", 'q', NULL, "no notes and no progress on standard error", ALL},
	[OPTION_VERBOSE] = {"verbose", 'v', NULL, "more on standard error; may be repeated", ALL},
	[OPTION_MAX_PAUSE] = {"max-pause", 0, "MS",
			      "stop the process for MS milliseconds at most, all stops together",
			      ALL},
	[OPTION_NO_PAUSE] = {"no-pause", 0, NULL, "never stop the process", ALL},
	[OPTION_EXACT] = {"exact", 0, NULL, "stop once, so that all figures are of one instant",
			  STOPPING},
	[OPTION_MAX_MEMORY] = {"max-memory", 0, "SIZE", "use at most SIZE of memory", ALL},
	[OPTION_CONTENTS] = {"contents", 0, NULL,
			     "show, or save, contents that may be secret: the command line's "
			     "arguments, strings and keys; in a snapshot all that objects hold",
			     ALL},
	[OPTION_SYMBOLS] = {"symbols", 0, "FILE|DIR", "a debug file, or a folder of them", ALL},
	[OPTION_MODULE] = {"module", 0, "N|PATH",
			   "of several Python runtimes in it look at this one (doctor lists them)",
			   ALL & ~BIT(VERB_PS)},
	[OPTION_NO_CACHE] = {"no-cache", 0, NULL, "neither use nor write the table cache", ALL},
	[OPTION_PLAN] = {"plan", 0, NULL, "touch nothing; list what a look would do",
			 BIT(VERB_DOCTOR)},
	[OPTION_SINCE] = {"since", 0, "FILE", "compare with this snapshot or core, made earlier",
			  BIT(VERB_WHY) | BIT(VERB_TYPES)},
	[OPTION_FAIL_ON] = {"fail-on", 0, "KEY:AMOUNT",
			    "exit with 1 if rss, live, blocks or arenas grew by more",
			    BIT(VERB_DIFF)},
	[OPTION_CORE] = {"core", 'c', "FILE", "look at this core file", TARGETS},
	[OPTION_READ] = {"read", 'r', "FILE", "look at this snapshot file", TARGETS},
	[OPTION_EXE] = {"exe", 'e', "FILE",
			"of a core: the program, or the library that holds its interpreter",
			TARGETS},
	[OPTION_SYSROOT] = {"sysroot", 0, "DIR",
			    "of a core: a copy of the file system that its files lay in", TARGETS},
	[OPTION_TMP] = {"tmp", 0, "DIR",
			"of a compressed core: unpack it in DIR ($TMPDIR, else /var/tmp)", TARGETS},
	[OPTION_MAX_TMP] = {"max-tmp", 0, "SIZE",
			    "of a compressed core: unpack at most SIZE (half of what is free)",
			    TARGETS},
	[OPTION_HELP] = {"help", 'h', NULL, "this help; after a verb, that verb's", ALL},
	[OPTION_VERSION] = {"version", 'V', NULL, "the program's version", ALL},
};

/* argp tells long-only options from letters by keys that are no characters. */
static int argp_key(enum option_key key)
{
	return rows[key].letter ? rows[key].letter : 0x1000 + (int)key;
}

void options_table_fill(struct argp_option list[OPTION_KEY_COUNT + 2], enum verb verb)
{
	size_t n = 0;
	for (int i = 0; i < OPTION_KEY_COUNT; i++) {
		const struct row *row = &rows[i];
		if (verb != OPTIONS_TABLE_ALL && !(row->verbs & BIT(verb)))
			continue;
		list[n++] = (struct argp_option){
			.name = row->name,
			.key = argp_key((enum option_key)i),
			.arg = row->value,
			.flags = row->help ? 0 : OPTION_HIDDEN,
			.doc = row->help,
			.group = 1,
		};
	}
	list[n] = (struct argp_option){0};
}

bool options_table_key(int key, enum option_key *ret)
{
	for (int i = 0; i < OPTION_KEY_COUNT; i++) {
		if (argp_key((enum option_key)i) == key) {
			*ret = (enum option_key)i;
			return true;
		}
	}
	return false;
}

bool options_table_fits(enum option_key key, enum verb verb)
{
	return rows[key].verbs & BIT(verb);
}

const char *options_table_name(enum option_key key)
{
	return rows[key].name;
}

bool options_table_takes_value(enum option_key key)
{
	return rows[key].value;
}

/* ---- help ------------------------------------------------------------------------------ */

static const char targets[] =
	"TARGET is the PID of a process; or a file: a core, also compressed with gzip, zstd or lz4, "
	"or a snapshot; or a name: of the program, or of the script or module that it runs.\n";

static void add_verbs(struct text *doc)
{
	text_add(doc, "See where a running Python process's memory is, and why it is not given "
		      "back: from outside, without touching it.\n\nVerbs:\n");
	for (int i = 0; i < VERB_COUNT; i++) {
		const struct verb_words *words = verb_words((enum verb)i);
		text_addf(doc, "  %-9s%-7.6s %s\n", words->name, words->args, words->summary);
	}
	text_add(doc, "  help     VERB    more about one of them, with an example\n\n");
	text_add(doc, targets);
	text_add(doc, "Without a verb: `top` on a terminal, else `dump`; with nothing at all: "
		      "`ps`.\n");
}

static void add_program_end(struct text *doc)
{
	text_add(doc, "\v");
	text_add(doc, verb_words(VERB_DUMP)->example);
	text_add(doc,
		 "\nExit status: 0 answered, 2 usage, 3 permission, 4 no such process, 5 not a "
		 "CPython that can be read, 6 no symbols, 7 the answer is partial, 8 bad input "
		 "file, 9 output or memory failed. arenascope(1) tells all.\n");
}

static void add_verb_doc(struct text *doc, const struct verb_words *words)
{
	text_addf(doc, "%s\n", words->about);
	if (words->takes_target)
		text_addf(doc, "\n%s", targets);
	if (words->sort[0])
		text_addf(doc, "\nKeys of --sort: %s.\n", words->sort);
	text_addf(doc, "\v%s", words->example);
}

/* The paragraph on short options' arguments, which argp adds behind the list, helps nobody. */
static void cut_note(char *text)
{
	char *note = strstr(text, "\nMandatory or optional arguments");
	char *rest = note ? strstr(note, "\n\n") : NULL;
	if (rest)
		memmove(note, rest + 1, strlen(rest + 1) + 1);
}

/* Blanks at the ends of lines, which argp leaves, are taken out. */
static void trim_lines(char *text)
{
	char *to = text;
	for (const char *from = text; *from; from++) {
		while (*from == '\n' && to > text && to[-1] == ' ')
			to--;
		*to++ = *from;
	}
	*to = '\0';
}

static struct error *write_help(const struct argp *argp, const char *name, char **ret)
{
	char *help = NULL;
	_cleanup_(free_pointer) char *own_name = strdup(name);
	size_t size;
	FILE *stream = own_name ? open_memstream(&help, &size) : NULL;
	if (!stream)
		return error_out_of_memory();
	argp_help(argp, stream,
		  ARGP_HELP_SHORT_USAGE | ARGP_HELP_PRE_DOC | ARGP_HELP_LONG | ARGP_HELP_POST_DOC,
		  own_name);
	if (fclose(stream) != 0) {
		free(help);
		return error_out_of_memory();
	}
	cut_note(help);
	trim_lines(help);
	*ret = help;
	return NULL;
}

struct error *options_table_help(enum verb verb, char **ret)
{
	_cleanup_(text_fini) struct text doc = TEXT_EMPTY;
	struct argp_option list[OPTION_KEY_COUNT + 2];
	options_table_fill(list, verb);
	struct argp argp = {.options = list, .args_doc = "[VERB] [TARGET]"};
	char name[64] = "arenascope";
	if (verb == VERB_COUNT) {
		add_verbs(&doc);
		add_program_end(&doc);
	} else {
		add_verb_doc(&doc, verb_words(verb));
		argp.args_doc = verb_words(verb)->args;
		snprintf(name, sizeof(name), "arenascope %s", verb_words(verb)->name);
	}
	if (doc.failed)
		return error_out_of_memory();
	argp.doc = text_string(&doc);
	return write_help(&argp, name, ret);
}

struct error *options_table_version(char **ret)
{
	char *version = strdup("arenascope " ARENASCOPE_VERSION "\n");
	if (!version)
		return error_out_of_memory();
	*ret = version;
	return NULL;
}
