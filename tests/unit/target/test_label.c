/* process_label: what is shown of a command line, and above all what is not. */
#include "base/cleanup.h"
#include "base/vec.h"
#include "inspector/target/process/process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define WORDS(...)                \
	{                         \
		__VA_ARGS__, NULL \
	}

struct label_case {
	const char *words[10];
	const char *label;
	const char *script; /* or NULL */
};

static const struct label_case cases[] = {
	{WORDS("/usr/bin/python3.11", "/srv/app.py", "--password=S3CRET"), "python3.11 app.py",
	 "app.py"},
	{WORDS("python", "-u", "-OO", "-sE", "bin/run", "S3CRET"), "python run", "run"},
	{WORDS("python3", "-W", "ignore", "-X", "dev", "-m", "ingest.main", "S3CRET"),
	 "python3 -m ingest.main", "ingest.main"},
	{WORDS("python3", "-Wignore", "-Xdev", "-uBmhttp.server", "S3CRET"),
	 "python3 -m http.server", "http.server"},
	{WORDS("python3", "-um", "app", "S3CRET"), "python3 -m app", "app"},
	{WORDS("python3", "-c", "print('S3CRET')"), "python3 -c", NULL},
	{WORDS("python3", "-Scprint('S3CRET')"), "python3 -c", NULL},
	{WORDS("python3", "-", "S3CRET"), "python3 -", NULL},
	{WORDS("python3"), "python3", NULL},
	{WORDS("python3", "-i"), "python3", NULL},
	{WORDS("python3", "-m"), "python3", NULL},
	{WORDS("python3", "-W"), "python3", NULL},
	{WORDS("python3", "--check-hash-based-pycs", "never", "a.py"), "python3 a.py", "a.py"},
	{WORDS("python3", "--help-all", "a.py"), "python3 a.py", "a.py"},
	{WORDS("python3", "/usr/local/bin/gunicorn", "app:app", "S3CRET"), "python3 gunicorn",
	 "gunicorn"},
	{WORDS("/usr/sbin/uwsgi", "--ini", "S3CRET"), "uwsgi", NULL},
	{WORDS("-python3", "x.py"), "python3 x.py", "x.py"},
	{WORDS("gunicorn: master [app]"), "gunicorn: master [app]", NULL},
	{WORDS("/srv/bin/gunicorn: worker [app]"), "gunicorn: worker [app]", NULL},
	{WORDS("[celeryd: w1@host:MainProcess] -active- (worker --token S3CRET)"),
	 "[celeryd: w1@host:MainProcess]", NULL},
	{WORDS("celery worker broker=amqp://S3CRET"), "celery worker", NULL},
	{WORDS("celery worker amqp://S3CRET"), "celery worker", NULL},
	{WORDS("daemon /etc/S3CRET"), "daemon", NULL},
	{WORDS("python3 -W ignore /srv/app.py --key S3CRET"), "python3 app.py", NULL},
	{WORDS("python3 -c print('S3CRET')"), "python3 -c", NULL},
	{WORDS("uWSGI worker 1"), "uWSGI worker 1", NULL},
	{WORDS("  "), "comm", NULL},
	{WORDS(""), "comm", NULL},
};

static size_t count_words(const struct label_case *c)
{
	size_t n = 0;
	while (c->words[n])
		n++;
	return n;
}

static void labels_tell_no_arguments(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *words[10] = {NULL};
		size_t n = count_words(&cases[i]);
		for (size_t k = 0; k < n; k++)
			words[k] = strdup(cases[i].words[k]);
		_cleanup_(free_pointer) char *label = process_label(words, n, "comm");
		_cleanup_(free_pointer) char *script = process_script(words, n);
		assert_string_equal(label, cases[i].label);
		assert_null(strstr(label, "S3CRET"));
		if (cases[i].script)
			assert_string_equal(script, cases[i].script);
		else
			assert_null(script);
		for (size_t k = 0; k < n; k++)
			free(words[k]);
	}
}

static void without_words_there_is_comm(void **state)
{
	(void)state;
	_cleanup_(free_pointer) char *label = process_label(NULL, 0, "kept");
	assert_string_equal(label, "kept");
	_cleanup_(free_pointer) char *unknown = process_label(NULL, 0, NULL);
	assert_string_equal(unknown, "?");
	assert_null(process_script(NULL, 0));
}

static void a_long_title_is_cut(void **state)
{
	(void)state;
	char title[5000];
	memset(title, 'a', sizeof(title) - 1);
	title[sizeof(title) - 1] = '\0';
	for (size_t i = 10; i < sizeof(title) - 1; i += 10)
		title[i] = ' ';
	char *words[] = {title};
	_cleanup_(free_pointer) char *label = process_label(words, 1, "x");
	assert_true(strlen(label) <= 121);
	memset(title, 'a', sizeof(title) - 1);
	title[2000] = ' ';
	_cleanup_(free_pointer) char *other = process_label(words, 1, "x");
	assert_true(strlen(other) <= 121);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_tell_no_arguments),
		cmocka_unit_test(without_words_there_is_comm),
		cmocka_unit_test(a_long_title_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
