/*
 * Tests of symbols/child, sandbox and report: a child may crash, hang, flood or lie,
 * and nothing of it stays.
 */
#include "symbols/child.h"

#include "base/cleanup.h"
#include "base/size.h"
#include "sample_files.h"
#include "symbols/report.h"
#include "symbols/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

static void say(int out, const char *word)
{
	if (write(out, word, strlen(word)) < 0)
		_exit(3);
}

static void work_well(void *context, int out)
{
	say(out, context);
}

static void work_and_die(void *context, int out)
{
	(void)context;
	say(out, "half");
	raise(SIGKILL);
}

static void work_for_ever(void *context, int out)
{
	(void)context;
	(void)out;
	for (;;)
		pause();
}

static void work_too_much(void *context, int out)
{
	(void)context;
	for (;;)
		say(out, "more and more and more and more");
}

static void assert_nothing_stays(size_t descriptors)
{
	assert_int_equal(sample_count_descriptors(), descriptors);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static enum child_end end_of(child_work_fn *work, int deadline_ms, int *ret_signal)
{
	size_t descriptors = sample_count_descriptors();
	_cleanup_(child_answer_fini) struct child_answer answer = {0};
	assert_null(child_run(work, NULL, NULL, 0, 4096, deadline_ms, &answer));
	assert_nothing_stays(descriptors);
	*ret_signal = answer.signal;
	return answer.end;
}

static void test_the_answer_comes_whole(void **state)
{
	(void)state;
	char word[] = "all of it";
	size_t descriptors = sample_count_descriptors();
	_cleanup_(child_answer_fini) struct child_answer answer = {0};
	assert_null(child_run(work_well, word, NULL, 0, 4096, 10000, &answer));
	assert_int_equal(answer.end, CHILD_DONE);
	assert_int_equal(answer.size, strlen(word));
	assert_memory_equal(answer.data, word, answer.size);
	assert_nothing_stays(descriptors);
}

static void test_bad_ends_are_told_apart(void **state)
{
	(void)state;
	int number;
	assert_int_equal(end_of(work_and_die, 10000, &number), CHILD_CRASHED);
	assert_int_equal(number, SIGKILL);
	assert_int_equal(end_of(work_for_ever, 50, &number), CHILD_HUNG);
	assert_int_equal(end_of(work_too_much, 10000, &number), CHILD_FLOOD);
}

static void on_child(int number)
{
	(void)number;
}

static void test_sigchld_is_left_alone(void **state)
{
	(void)state;
	char word[] = "still";
	struct sigaction mine = {.sa_handler = on_child}, found;
	sigaction(SIGCHLD, &mine, NULL);
	_cleanup_(child_answer_fini) struct child_answer answer = {0};
	assert_null(child_run(work_well, word, NULL, 0, 4096, 10000, &answer));
	sigaction(SIGCHLD, NULL, &found);
	assert_ptr_equal(found.sa_handler, on_child);
	signal(SIGCHLD, SIG_IGN);
	child_answer_fini(&answer);
	assert_null(child_run(work_well, word, NULL, 0, 4096, 10000, &answer));
	assert_int_equal(answer.end, CHILD_DONE);
	assert_int_equal(answer.size, strlen(word));
	signal(SIGCHLD, SIG_DFL);
}

static void on_terminate(int number)
{
	(void)number;
	_exit(0); /* as a handler that restores a terminal would: not the child's to do */
}

static void work_and_be_terminated(void *context, int out)
{
	(void)context;
	(void)out;
	raise(SIGTERM);
}

static void test_handlers_are_not_inherited(void **state)
{
	(void)state;
	int number;
	signal(SIGTERM, on_terminate);
	assert_int_equal(end_of(work_and_be_terminated, 10000, &number), CHILD_CRASHED);
	assert_int_equal(number, SIGTERM);
	signal(SIGTERM, SIG_DFL);
}

/* ---- what the child can still do ----------------------------------------------------- */

struct doors {
	int kept, lost, lost_high; /* descriptors */
	const char *path;
	bool may_open;
};

static void work_try_doors(void *context, int out)
{
	const struct doors *d = context;
	struct rlimit size;
	char word[64];
	bool kept = fcntl(d->kept, F_GETFD) >= 0;
	bool lost = fcntl(d->lost, F_GETFD) >= 0 || fcntl(d->lost_high, F_GETFD) >= 0;
	getrlimit(RLIMIT_FSIZE, &size);
	sandbox_seal(d->may_open);
	bool reads = open(d->path, O_RDONLY) >= 0, writes = open(d->path, O_RDWR) >= 0;
	bool forks = fork() >= 0;
	snprintf(word, sizeof(word), "%d %d %d %d %d %d", kept, lost, size.rlim_cur == 0, reads,
		 writes, forks);
	say(out, word);
}

static void assert_doors(bool may_open, const char *expected)
{
	char path[SAMPLE_PATH_SIZE];
	sample_path("plain", path);
	struct doors d = {open(path, O_RDONLY | O_CLOEXEC), open(path, O_RDONLY | O_CLOEXEC),
			  fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 100), path, may_open};
	const int keep[] = {-1, d.kept};
	_cleanup_(child_answer_fini) struct child_answer answer = {0};
	assert_null(child_run(work_try_doors, &d, keep, 2, 4096, 10000, &answer));
	assert_int_equal(answer.end, CHILD_DONE);
	assert_int_equal(answer.size, strlen(expected));
	assert_memory_equal(answer.data, expected, answer.size);
	close(d.kept);
	close(d.lost);
	close(d.lost_high);
}

static void test_the_seal_holds(void **state)
{
	(void)state;
	assert_doors(false, "1 0 1 0 0 0");
	assert_doors(true, "1 0 1 1 0 0");
}

/* ---- reports ------------------------------------------------------------------------- */

static void work_report(void *context, int out)
{
	(void)context;
	struct report r = {out};
	struct layout_entry e = {8, 4, 1, 4, PROVENANCE_DWARF};
	report_file(&r, "/a/\033[1mfile");
	report_trial(&r, true, "debug file", "used");
	report_entry(&r, LAYOUT_POOL_SZIDX, &e);
	report_debug_file(&r, "/a/file");
	report_foreign(&r);
	report_end(&r);
}

static void test_a_report_arrives(void **state)
{
	(void)state;
	_cleanup_(child_answer_fini) struct child_answer answer = {0};
	_cleanup_(report_summary_fini) struct report_summary s = {0};
	struct python_build build = {0};
	assert_null(child_run(work_report, NULL, NULL, 0, REPORT_SIZE_MAX, 10000, &answer));
	assert_null(report_take(answer.data, answer.size, &build, &s));
	assert_true(s.ended && s.foreign);
	assert_string_equal(s.reading, "/a/\\x1b[1mfile");
	assert_int_equal(build.trials.count, 1);
	assert_true(build.trials.items[0].used);
	assert_int_equal(build.layout.entries[LAYOUT_POOL_SZIDX].offset, 8);
	assert_string_equal(build.debug_file, "/a/file");
	python_build_fini(&build);
}

static void test_a_lying_report_is_harmless(void **state)
{
	(void)state;
	_cleanup_(child_answer_fini) struct child_answer answer = {0};
	assert_null(child_run(work_report, NULL, NULL, 0, REPORT_SIZE_MAX, 10000, &answer));
	uint32_t random = 7;
	for (unsigned round = 0; round < 20000; round++) {
		struct python_build build = {0};
		struct report_summary s = {0};
		size_t size = answer.size - (round % 3 ? 0 : sample_random(&random) % answer.size);
		size_t at = sample_random(&random) % answer.size;
		char old = answer.data[at];
		answer.data[at] = (char)sample_random(&random);
		/* A copy of just that size: a look past its end is seen. */
		_cleanup_(free_pointer) char *copy = malloc(size);
		memcpy(copy, answer.data, size);
		error_free(report_take(copy, size, &build, &s));
		answer.data[at] = old;
		report_summary_fini(&s);
		python_build_fini(&build);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_answer_comes_whole),
		cmocka_unit_test(test_bad_ends_are_told_apart),
		cmocka_unit_test(test_sigchld_is_left_alone),
		cmocka_unit_test(test_handlers_are_not_inherited),
		cmocka_unit_test(test_the_seal_holds),
		cmocka_unit_test(test_a_report_arrives),
		cmocka_unit_test(test_a_lying_report_is_harmless),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
