/*
 * main: arguments in, exit status out. The floor plan of the house:
 *
 *	ui/		what a person sees
 *	  main		this file: signals, errors, the only exit
 *	  options	the command line; options_table: its rows; verbs: its words
 *	  ask		a verb's way through the inspector's front door and back
 *	  target	from a PID, a file or a name to one target
 *	  dump, ledger_report, malloc_report, stats, map, mappings, ps, doctor	an answer as text
 *	  json		an answer as JSON
 *	  headline, ledger_words, caveat, occupancy	what the figures prove, leave open, look like
 *	  page, style, units	lines, colours and glyphs, numbers as words
 *	  output, progress	where an answer goes; a sign of life meanwhile
 *	  save		the file that a snapshot becomes
 *	  tui/		the dashboard
 *	inspector/	what is true there: reads the target, walks, counts, doubts
 *	symbols/	what bytes mean: ELF, DWARF, the layout table
 *	base/		the words all of them speak
 */
#include "base/cleanup.h"
#include "inspector/inspector.h"
#include "ui/ask/ask.h"
#include "ui/output.h"
#include "ui/progress.h"
#include "ui/text/page.h"

#include <locale.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#define STATUS_CONDITION 1
#define STATUS_PARTIAL   7

/*
 * Nothing has to be undone: a tracer's death detaches its tracees, output.c holds signals back
 * while a file of ours is incomplete, and the dashboard has handlers of its own.
 */
static void leave(int number)
{
	_exit(128 + number);
}

static void set_signals(void)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction ignore = {.sa_handler = SIG_IGN}, end = {.sa_handler = leave}, before;
	(void)sigaction(SIGPIPE, &ignore, NULL);
	(void)sigaction(SIGXFSZ, &ignore, NULL); /* a file over the limit is an error of write() */
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		/* nohup and shells' background jobs ask for being left alone. */
		if (sigaction(ends[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
			(void)sigaction(ends[i], &end, NULL);
	}
}

/* Where even standard error is gone there is nobody left to tell. */
static void say(const struct text *text)
{
	error_free(output_write(STDERR_FILENO, "standard error", text_string(text), text->length));
}

static int status_of(const struct error *err)
{
	return err->kind == ERROR_FAULT ? ERROR_BUG : (int)err->kind;
}

/* "arenascope: cause", then what the person can do. */
static void say_error(const struct error *err)
{
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	text_add(&line, "arenascope: ");
	page_quote(&line, err->cause);
	text_add(&line, "\n");
	if (err->remedy) {
		text_add(&line, "  ");
		page_quote(&line, err->remedy);
		text_add(&line, "\n");
	}
	say(&line);
}

/* Reports a failure both ways and gives its exit status. Frees err. options: NULL, not readable. */
static int fail(struct error *err, const struct options *options, bool json)
{
	_cleanup_(text_fini) struct text object = TEXT_EMPTY;
	int status = status_of(err);
	say_error(err);
	struct error *again = json ? ask_failure(options, err, status, &object) : NULL;
	if (json && !again)
		again = output_text(NULL, &object);
	error_free(again); /* the first failure is the one that counts */
	error_free(err);
	return status;
}

static struct error *write_answer(const struct options *options, const struct answer *answer)
{
	_cleanup_(free_pointer) char *name = NULL;
	bool is_for_answer = options->output && options->verb != VERB_SNAPSHOT;
	if (is_for_answer && strcmp(options->output, "-") != 0) {
		struct error *err = output_name(options->output, answer->pid, time(NULL), &name);
		if (err)
			return err;
	}
	return output_text(name, &answer->text);
}

/* A name with %p is only known once the process is; all else that is wrong with it is said first. */
static struct error *check_output(const struct options *options)
{
	_cleanup_(free_pointer) char *name = NULL;
	pid_t any = verb_words(options->verb)->takes_target ? 1 : 0;
	return options->output ? output_name(options->output, any, time(NULL), &name) : NULL;
}

/* A mistyped path would go unnoticed where the answer does not need it. */
static struct error *check_hints(const struct options *options)
{
	const struct {
		const char *path, *option, *what;
	} hints[] = {
		{options->symbols, "symbols", "it is a debug file, or a folder of them"},
		{options->exe, "exe", "it is the program, or the library with its interpreter"},
		{options->sysroot, "sysroot", "it is a folder with the files of another machine"},
		{options->tmp, "tmp", "it is a folder to unpack a core in"},
	};
	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		if (hints[i].path && access(hints[i].path, F_OK) != 0)
			return error_remedy(error_new(ERROR_USAGE,
						      "--%s %.200s: there is no such file",
						      hints[i].option, hints[i].path),
					    "%s", hints[i].what);
	}
	return NULL;
}

/* A program with more rights than its user reads no files of that user's choice, but the one that is
 * looked at, which must be that user's own. */
static void drop_hints(struct options *options)
{
	if (getauxval(AT_SECURE))
		options->symbols = options->exe = options->sysroot = options->tmp = NULL;
}

static struct style style_for(const struct options *options)
{
	return style_of(options->color, options->ascii, options->units,
			!options->output && isatty(STDOUT_FILENO));
}

static struct error *answer_shown(const struct options *options, struct timespec start,
				  struct answer *answer)
{
	struct style style = style_for(options);
	struct progress progress = PROGRESS_NONE;
	/* These two show by themselves how far they are. */
	bool shows = !options->quiet && options->verb != VERB_TOP && options->verb != VERB_SNAPSHOT;
	if (shows && progress_start(&progress, verb_words(options->verb)->name))
		_exit(0);
	struct error *err = ask(options, &style, start, answer);
	progress_stop(&progress);
	return err;
}

static int run(const struct options *options, struct timespec start)
{
	_cleanup_(answer_fini) struct answer answer = ANSWER_EMPTY;
	struct error *err = check_output(options);
	if (!err)
		err = check_hints(options);
	if (err)
		return fail(err, options, options->json);
	err = answer_shown(options, start, &answer);
	if (err) {
		/* What was found until then, as doctor's findings, is worth reading. */
		if (answer.text.length && !options->json)
			error_free(write_answer(options, &answer));
		int status = fail(err, options, options->json);
		say(&answer.notes);
		return status;
	}
	err = write_answer(options, &answer);
	if (err)
		return fail(err, options, false);
	say(&answer.notes);
	return answer.condition ? STATUS_CONDITION : answer.partial ? STATUS_PARTIAL : 0;
}

static int print_help(const struct options *options)
{
	struct error *err = output_write(STDOUT_FILENO, "standard output", options->help,
					 strlen(options->help));
	return err ? fail(err, options, false) : 0;
}

int main(int argc, char **argv)
{
	struct timespec start;
	(void)clock_gettime(CLOCK_MONOTONIC, &start);
	struct error *err = output_guard_standard();
	err = err ?: inspector_enter();
	if (err)
		return fail(err, NULL, false);
	(void)setlocale(LC_CTYPE, "");
	set_signals();
	_cleanup_(options_fini) struct options options = {0};
	err = options_parse(argc, argv, isatty(STDOUT_FILENO), &options);
	if (err)
		return fail(err, NULL, options_mention_json(argc, argv));
	drop_hints(&options);
	return options.help ? print_help(&options) : run(&options, start);
}
