/*
 * process_label: a name for a process that gives no secret away.
 *
 *	python3.11 -u /srv/app.py --token=…	python3.11 app.py
 *	python3 -W ignore -m ingest --all	python3 -m ingest
 *	/usr/local/bin/uwsgi --ini …		uwsgi
 *	gunicorn: master [app] (a title)	gunicorn: master [app]
 *	[celeryd: w1@host] -active- (-A …)	[celeryd: w1@host]
 *
 * Python's own options are read as its manual has them, to find the first word that is
 * not one. A title is one word for the kernel: it is the only one and has spaces in it.
 */
#include "base/cleanup.h"
#include "base/text.h"
#include "base/vec.h"
#include "inspector/target/process/process.h"

#define WORDS_MAX 256
#define LABEL_MAX 120

/* What a command line runs; all borrowed from it. */
struct command {
	const char *program; /* base name */
	const char *module, *script;
	bool is_code, is_input; /* -c, - */
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* A login shell's dash is no part of the name. */
static const char *program_name(const char *word)
{
	const char *base = base_name(word);
	return base[0] == '-' ? base + 1 : base;
}

static bool is_python(const char *program)
{
	return starts_with(program, "python") || starts_with(program, "pypy");
}

/* "python3 -m app": one word, because the program gave itself a title. */
static bool is_title(char *const *cmdline, size_t n)
{
	return n == 1 && strchr(cmdline[0], ' ');
}

/* One cluster of short options, "-uWignore"; false: what follows is not Python's any more. */
static bool read_options(const char *letters, char *const *cmdline, size_t n, size_t *at,
			 struct command *ret)
{
	for (; *letters; letters++) {
		const char *rest = letters + 1;
		if (*letters == 'c') {
			ret->is_code = true;
			return false;
		}
		if (!strchr("mWXQ", *letters))
			continue;
		if (!*rest && *at < n)
			rest = cmdline[(*at)++];
		if (*letters == 'm')
			ret->module = *rest ? rest : NULL;
		return *letters != 'm';
	}
	return true;
}

static void read_words(char *const *cmdline, size_t n, struct command *ret)
{
	for (size_t at = 1; at < n;) {
		const char *word = cmdline[at++];
		if (word[0] != '-') {
			ret->script = base_name(word);
			return;
		}
		if (strcmp(word, "-") == 0) {
			ret->is_input = true;
			return;
		}
		if (strcmp(word, "--check-hash-based-pycs") == 0)
			at++;
		else if (word[1] != '-' && !read_options(word + 1, cmdline, n, &at, ret))
			return;
	}
}

static struct command command_read(char *const *cmdline, size_t n)
{
	struct command command = {.program = program_name(cmdline[0])};
	if (is_python(command.program))
		read_words(cmdline, n, &command);
	return command;
}

/* ---- titles --------------------------------------------------------------------------------- */

static bool looks_like_argument(const char *word, size_t length)
{
	bool opens = word[0] == '-' || word[0] == '(' || word[0] == '/';
	return opens || memchr(word, '=', length) || memmem(word, length, "://", 3);
}

/* The words up to the first that looks like an argument; the first one always, without its path. */
static char *title_label(const char *title)
{
	struct text label = TEXT_EMPTY;
	title += strspn(title, " ");
	for (bool first = true; *title; first = false) {
		size_t length = strcspn(title, " ");
		bool fits = label.length + length < LABEL_MAX;
		if (!first && (!fits || looks_like_argument(title, length)))
			break;
		_cleanup_(free_pointer) char *word =
			strndup(title, (size_t)size_min(length, LABEL_MAX));
		if (!first)
			text_add(&label, " ");
		text_add(&label, !word ? "?" : first ? base_name(word) : word);
		title += length;
		title += strspn(title, " ");
	}
	return text_take(&label);
}

/* A title that is a whole command line is one: cut into words, it is read like the real thing. */
struct words {
	char *copy;
	char *list[WORDS_MAX];
	size_t n;
};

static void words_fini(struct words *words)
{
	free(words->copy);
}

static bool words_cut(const char *title, struct words *ret)
{
	ret->copy = strdup(title);
	char *rest = NULL;
	for (char *word = ret->copy ? strtok_r(ret->copy, " ", &rest) : NULL;
	     word && ret->n < WORDS_MAX; word = strtok_r(NULL, " ", &rest))
		ret->list[ret->n++] = word;
	return ret->n > 0;
}

/* ---- labels ---------------------------------------------------------------------------------- */

static char *command_label(const struct command *command)
{
	struct text label = TEXT_EMPTY;
	text_add(&label, command->program);
	if (command->module)
		text_addf(&label, " -m %s", command->module);
	else if (command->script)
		text_addf(&label, " %s", command->script);
	else if (command->is_code || command->is_input)
		text_add(&label, command->is_code ? " -c" : " -");
	return text_take(&label);
}

char *process_label(char *const *cmdline, size_t n, const char *comm)
{
	if (n == 0 || cmdline[0][strspn(cmdline[0], " ")] == '\0')
		return strdup(comm ?: "?");
	if (!is_title(cmdline, n)) {
		struct command command = command_read(cmdline, n);
		return command_label(&command);
	}
	_cleanup_(words_fini) struct words words = {0};
	if (words_cut(cmdline[0], &words) && is_python(program_name(words.list[0]))) {
		struct command command = command_read(words.list, words.n);
		return command_label(&command);
	}
	return title_label(cmdline[0]);
}

char *process_script(char *const *cmdline, size_t n)
{
	if (n == 0 || is_title(cmdline, n))
		return NULL;
	struct command command = command_read(cmdline, n);
	const char *name = command.module ?: command.script;
	return name ? strdup(name) : NULL;
}
