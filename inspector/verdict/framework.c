/*
 * framework: who runs the program, by the few words of a command line that say so.
 *
 *	celery          python3 -m celery        python3.11 gunicorn
 *	gunicorn: worker [app]       [celeryd: w1@host]      titles that programs gave themselves
 *
 * The label of a process is asked, which holds its program, script or module and no argument, and which is there
 * where the command line is hidden, too. "python3 app.py --broker celery" is nobody's.
 */
#include "inspector/verdict/judge.h"

#include <string.h>

static const struct {
	const char *name;
	enum framework framework;
} names[] = {
	{"celery", FRAMEWORK_CELERY},     {"celeryd", FRAMEWORK_CELERY},
	{"gunicorn", FRAMEWORK_GUNICORN}, {"gunicorn3", FRAMEWORK_GUNICORN},
	{"uwsgi", FRAMEWORK_UWSGI},       {"uwsgi-core", FRAMEWORK_UWSGI},
	{"pyuwsgi", FRAMEWORK_UWSGI},     {"dask", FRAMEWORK_DASK},
	{"dask-worker", FRAMEWORK_DASK},  {"dask-scheduler", FRAMEWORK_DASK},
	{"dask-ssh", FRAMEWORK_DASK},     {"distributed", FRAMEWORK_DASK},
};

/* A base name or a module's first name, without brackets, up to what no name holds: "[celeryd: w1" is celeryd. */
static enum framework framework_of_word(const char *word)
{
	const char *name = word + (*word == '[');
	size_t length = strcspn(name, ".:] \t");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strlen(names[i].name) == length && strncmp(names[i].name, name, length) == 0)
			return names[i].framework;
	}
	return FRAMEWORK_NONE;
}

static bool is_python(const char *label)
{
	return strncmp(label, "python", 6) == 0 || strncmp(label, "pypy", 4) == 0;
}

enum framework framework_of(const struct snapshot_target *target)
{
	const char *label = target->command;
	const char *space = label ? strchr(label, ' ') : NULL;
	if (!label || !space || !is_python(label))
		return label ? framework_of_word(label) : FRAMEWORK_NONE;
	const char *word = space + 1;
	word += strncmp(word, "-m ", 3) == 0 ? 3 : 0;
	return framework_of_word(word);
}
