/* test_output: an answer arrives whole, or what was there before stays. */
#include "ui/output.h"

#include "base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int enter_folder(void **state)
{
	char *folder = strdup("/tmp/arenascope-output-XXXXXX");
	*state = folder;
	return folder && mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int leave_folder(void **state)
{
	char *folder = *state;
	(void)unlink("file");
	(void)unlink("link");
	(void)unlink("pipe");
	int failed = chdir("/") || rmdir(folder); /* fails where something was left behind */
	free(folder);
	return failed;
}

static void expect_content(const char *path, const char *content)
{
	char found[200] = "";
	_cleanup_(close_fd) int fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	assert_true(read(fd, found, sizeof(found) - 1) >= 0);
	assert_string_equal(found, content);
}

static void test_names(void **state)
{
	char *name = NULL;
	struct error *err;
	(void)state;
	assert_null(output_name("a-%p-%t-%%.json", 4127, 0, &name));
	assert_string_equal(name, "a-4127-19700101T000000Z-%.json");
	free(name);
	name = NULL;
	err = output_name("a-%q", 1, 0, &name);
	assert_true(error_catch(&err, ERROR_USAGE));
	err = output_name("a-%", 1, 0, &name);
	assert_true(error_catch(&err, ERROR_USAGE));
	err = output_name("a-%p", 0, 0, &name);
	assert_true(error_catch(&err, ERROR_USAGE));
	err = output_name("", 1, 0, &name);
	assert_true(error_catch(&err, ERROR_USAGE));
	assert_null(name);
}

static void test_new_and_replaced(void **state)
{
	struct stat st;
	(void)state;
	assert_null(output_file("file", "first", 5));
	expect_content("file", "first");
	assert_int_equal(stat("file", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_null(output_file("file", "two", 3));
	expect_content("file", "two");
}

static void test_behind_a_link(void **state)
{
	struct stat st;
	(void)state;
	assert_null(output_file("file", "old", 3));
	assert_int_equal(symlink("file", "link"), 0);
	assert_null(output_file("link", "new", 3));
	expect_content("file", "new");
	assert_int_equal(lstat("link", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
}

/* A file size limit stands in for a full disk: the write fails in the middle. */
static void test_full_disk(void **state)
{
	struct rlimit small = {2, RLIM_INFINITY}, before;
	(void)state;
	assert_null(output_file("file", "old", 3));
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	struct error *err = output_file("file", "much too long", 13);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_true(error_catch(&err, ERROR_RESOURCE));
	expect_content("file", "old");
}

static void test_devices(void **state)
{
	struct error *err;
	(void)state;
	assert_null(output_file("/dev/null", "x", 1));
	err = output_file("/dev/full", "x", 1);
	assert_true(error_catch(&err, ERROR_RESOURCE));
	err = output_file("/no/such/folder/file", "x", 1);
	assert_true(error_catch(&err, ERROR_RESOURCE));
	err = output_file(".", "x", 1);
	assert_true(error_catch(&err, ERROR_RESOURCE));
}

static void test_pipes(void **state)
{
	char found[8] = "";
	(void)state;
	assert_int_equal(mkfifo("pipe", 0600), 0);
	_cleanup_(close_fd) int reader = open("pipe", O_RDONLY | O_NONBLOCK);
	assert_true(reader >= 0);
	assert_null(output_file("pipe", "through", 7));
	assert_int_equal(read(reader, found, 7), 7);
	assert_string_equal(found, "through");
}

static void test_bad_descriptors(void **state)
{
	struct error *err = output_write(-1, "standard output", "x", 1);
	(void)state;
	assert_non_null(strstr(err->cause, "writing standard output: "));
	assert_true(error_catch(&err, ERROR_RESOURCE));
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	err = output_write(ends[1], "a pipe", "x", 1);
	assert_true(error_catch(&err, ERROR_RESOURCE));
	close(ends[1]);
	struct text failed = {.failed = true};
	err = output_text("file", &failed);
	assert_true(error_catch(&err, ERROR_RESOURCE));
	assert_int_equal(access("file", F_OK), -1);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter_folder, leave_folder)

/* As under nohup, or in the background of a script: such a signal is none, also while a file is written. */
static void test_ignored_signals(void **state)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	struct output output;
	(void)state;
	assert_int_equal(sigaction(SIGINT, &ignore, &before), 0);
	assert_null(output_open("file", &output));
	assert_int_equal(raise(SIGINT), 0);
	assert_false(output_interrupted());
	assert_null(output_write(output.fd, "file", "whole", 5));
	assert_null(output_finish(&output));
	expect_content("file", "whole");
	assert_int_equal(sigaction(SIGINT, &before, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),      WITH_FOLDER(test_new_and_replaced),
		WITH_FOLDER(test_behind_a_link),   WITH_FOLDER(test_full_disk),
		WITH_FOLDER(test_devices),         WITH_FOLDER(test_pipes),
		WITH_FOLDER(test_bad_descriptors), WITH_FOLDER(test_ignored_signals),
	};
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	(void)sigaction(SIGPIPE, &ignore, NULL);
	(void)sigaction(SIGXFSZ, &ignore, NULL);
	return cmocka_run_group_tests_name("output", tests, NULL, NULL);
}
