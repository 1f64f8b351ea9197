/* cgroup: paths as the kernel writes them, and the room of a real memory cgroup. */
#include "inspector/target/cgroup.h"

#include "base/cleanup.h"
#include "base/size.h"
#include "tests/unit/target/victim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIMIT (UINT64_C(256) * MIB)

static void expect_path(const char *text, const char *path, int version)
{
	char copy[256];
	int found = 0;
	(void)snprintf(copy, sizeof(copy), "%s", text);
	char *got = cgroup_memory_path(copy, &found);
	assert_non_null(got);
	assert_string_equal(got, path);
	assert_int_equal(found, version);
}

static void the_memory_line_is_told_from_others(void **state)
{
	(void)state;
	expect_path("9:name=systemd:/\n4:memory:/a/b\n0::/\n", "/a/b", 1);
	expect_path("3:cpu,memory:/c:d\n0::/\n", "/c:d", 1);
	expect_path("3:cpu,memoryless:/x\n0::/unified\n", "/unified", 2);
	expect_path("0::/\n", "/", 2);
	char none[] = "garbage without colons\n", empty[] = "";
	int version;
	assert_null(cgroup_memory_path(none, &version));
	assert_null(cgroup_memory_path(empty, &version));
}

static void common_ancestors_end_at_a_slash(void **state)
{
	(void)state;
	assert_int_equal(cgroup_common_length("/a/b", "/a/c"), 2);
	assert_int_equal(cgroup_common_length("/a/b", "/a/bc"), 2);
	assert_int_equal(cgroup_common_length("/a/b", "/a/b"), 4);
	assert_int_equal(cgroup_common_length("/a/b", "/a/b/c"), 4);
	assert_int_equal(cgroup_common_length("/x", "/y"), 0);
	assert_int_equal(cgroup_common_length("/", "/y"), 0);
	assert_int_equal(cgroup_common_length("", ""), 0);
}

static bool write_file(const char *folder, const char *name, const char *text)
{
	char path[512];
	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	_cleanup_(close_fd) int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* A cgroup of our own with a limit, whichever version this machine has; false: none may be made. */
static bool make_cgroup(char *folder, size_t size)
{
	static const char *const hierarchies[][2] = {
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"},
		{"/sys/fs/cgroup", "memory.max"},
	};
	char limit[32];
	(void)snprintf(limit, sizeof(limit), "%llu", (unsigned long long)LIMIT);
	for (size_t i = 0; i < ARRAY_SIZE(hierarchies); i++) {
		(void)snprintf(folder, size, "%s/arenascope-test-%d", hierarchies[i][0], getpid());
		if (mkdir(folder, 0755) != 0)
			continue;
		if (write_file(folder, hierarchies[i][1], limit))
			return true;
		(void)rmdir(folder);
	}
	return false;
}

static void sleep_in_cgroup(struct victim *self, void *argument)
{
	victim_tell(self, write_file(argument, "cgroup.procs", "0"));
	victim_sleep();
}

/* The asking process must be inside as well: another victim asks. */
static void ask_in_cgroup(struct victim *self, void *argument)
{
	const struct victim *other = ((void **)argument)[1];
	uint64_t inside = write_file(((void **)argument)[0], "cgroup.procs", "0");
	victim_tell(self, inside ? cgroup_shared_headroom(other->pid) : 0);
	victim_sleep();
}

static void room_ends_at_the_shared_limit(void **state)
{
	(void)state;
	char folder[256];
	if (!make_cgroup(folder, sizeof(folder))) {
		print_message("no memory cgroup can be made here\n");
		skip();
	}
	struct victim target = victim_start(sleep_in_cgroup, folder);
	uint64_t joined = victim_hear(&target);
	void *both[] = {folder, &target};
	struct victim asker = victim_start(ask_in_cgroup, both);
	uint64_t shared = victim_hear(&asker);
	uint64_t from_outside = cgroup_shared_headroom(target.pid);
	victim_end(&asker);
	victim_end(&target);
	for (int tries = 0; rmdir(folder) != 0 && errno == EBUSY && tries < 100; tries++)
		(void)usleep(10000);
	assert_true(joined);
	assert_in_range(shared, LIMIT / 2, LIMIT);
	assert_true(from_outside > LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_memory_line_is_told_from_others),
		cmocka_unit_test(common_ancestors_end_at_a_slash),
		cmocka_unit_test(room_ends_at_the_shared_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
