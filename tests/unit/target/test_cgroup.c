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

/* ---- the purse: a hierarchy made of plain files ------------------------------------------ */

struct file {
	const char *folder, *name, *text;
};

static void make_tree(char *root, const struct file *files, size_t n)
{
	assert_non_null(mkdtemp(root));
	for (size_t i = 0; i < n; i++) {
		char path[600];
		(void)snprintf(path, sizeof(path), "%s%s", root, files[i].folder);
		assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
		(void)snprintf(path, sizeof(path), "%s%s/%s", root, files[i].folder, files[i].name);
		_cleanup_(close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		assert_true(fd >= 0);
		assert_int_equal(write(fd, files[i].text, strlen(files[i].text)),
				 strlen(files[i].text));
	}
}

static void remove_tree(const char *root, const struct file *files, size_t n)
{
	char path[600];
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(path, sizeof(path), "%s%s/%s", root, files[i].folder, files[i].name);
		(void)unlink(path);
	}
	for (size_t i = n; i-- > 0;) {
		(void)snprintf(path, sizeof(path), "%s%s", root, files[i].folder);
		(void)rmdir(path);
	}
}

static void expect_figure(struct maybe value, uint64_t wanted)
{
	assert_true(value.known);
	assert_int_equal(value.value, wanted);
}

static void version_two_is_read(void **state)
{
	(void)state;
	static const struct file files[] = {
		{"", "memory.current", "99999"},
		{"/pod", "memory.max", "1000000\n"},
		{"/pod", "memory.high", "max\n"},
		{"/pod", "memory.current", "900000\n"},
		{"/pod", "memory.stat", "anon 800000\ninactive_file 50000\n"},
		{"/pod/app", "memory.max", "2000000\n"},
		{"/pod/app", "memory.high", "700000\n"},
		{"/pod/app", "memory.current", "600000\n"},
		{"/pod/app", "memory.peak", "650000\n"},
		{"/pod/app", "memory.events", "low 0\noom 7\noom_kill 3\n"},
		{"/pod/app", "memory.stat", "anon 400000\nfile 1\ninactive_file 20000\n"},
	};
	char root[] = "/tmp/purse-test-XXXXXX", path[] = "/pod/app";
	struct purse p;
	make_tree(root, files, ARRAY_SIZE(files));
	cgroup_purse_at(root, "/", path, 2, 100000, &p);
	remove_tree(root, files, ARRAY_SIZE(files));
	assert_int_equal(p.version, 2);
	expect_figure(p.limit, 1000000); /* the pod's is the least */
	expect_figure(p.high, 700000);
	expect_figure(p.current, 600000);
	expect_figure(p.peak, 650000);
	expect_figure(p.oom_events, 3);
	expect_figure(p.headroom, 1000000 - (900000 - 50000));
	expect_figure(p.share_ppm, 250000);
}

/* Mounted in a container: its own folder is the root of what is seen. */
static void version_one_is_read(void **state)
{
	(void)state;
	static const struct file files[] = {
		{"", "memory.limit_in_bytes", "9223372036854771712\n"},
		{"", "memory.usage_in_bytes", "600000\n"},
		{"", "memory.max_usage_in_bytes", "650000\n"},
		{"", "memory.failcnt", "5\n"},
		{"", "memory.stat",
		 "rss 1\ntotal_rss 300000\ntotal_inactive_file 100000\nhierarchical_memory_limit "
		 "800000\n"},
	};
	char root[] = "/tmp/purse-test-XXXXXX", path[] = "/docker/abc", other[] = "/docker/xyz";
	struct purse p, outside;
	make_tree(root, files, ARRAY_SIZE(files));
	cgroup_purse_at(root, "/docker/abc", path, 1, 600000, &p);
	cgroup_purse_at(root, "/docker/abc", other, 1, 600000, &outside);
	remove_tree(root, files, ARRAY_SIZE(files));
	assert_int_equal(p.version, 1);
	expect_figure(p.limit, 800000); /* an ancestor's that cannot be seen */
	expect_figure(p.current, 600000);
	expect_figure(p.oom_events, 5); /* failures, where kills are not counted */
	expect_figure(p.headroom, 300000);
	expect_figure(p.share_ppm, 1000000);
	assert_true(p.high.absent);
	assert_int_equal(outside.version, 0);
}

static void no_limit_is_said(void **state)
{
	(void)state;
	static const struct file files[] = {
		{"", "memory.max", "max\n"},
		{"", "memory.current", "600000\n"},
	};
	char root[] = "/tmp/purse-test-XXXXXX", path[] = "/";
	struct purse p;
	make_tree(root, files, ARRAY_SIZE(files));
	cgroup_purse_at(root, "/", path, 2, 1, &p);
	remove_tree(root, files, ARRAY_SIZE(files));
	expect_figure(p.current, 600000);
	assert_true(p.limit.absent && p.headroom.absent && !p.limit.known);
	assert_false(p.peak.known || p.share_ppm.known);
}

static void mounts_are_told_apart(void **state)
{
	(void)state;
	char both[] = "30 1 0:1 / /a rw - tmpfs tmpfs rw\n"
		      "31 1 0:2 /docker/x /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
		      "32 1 0:3 / /sys/fs/cgroup/unified rw shared:4 - cgroup2 cgroup2 rw\n";
	char again[sizeof(both)], *root, *point;
	memcpy(again, both, sizeof(both));
	assert_true(cgroup_mount(both, 1, &root, &point));
	assert_string_equal(root, "/docker/x");
	assert_string_equal(point, "/sys/fs/cgroup/memory");
	assert_true(cgroup_mount(again, 2, &root, &point));
	assert_string_equal(point, "/sys/fs/cgroup/unified");
	char none[] = "nonsense\n";
	assert_false(cgroup_mount(none, 1, &root, &point));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_memory_line_is_told_from_others),
		cmocka_unit_test(common_ancestors_end_at_a_slash),
		cmocka_unit_test(room_ends_at_the_shared_limit),
		cmocka_unit_test(version_two_is_read),
		cmocka_unit_test(version_one_is_read),
		cmocka_unit_test(no_limit_is_said),
		cmocka_unit_test(mounts_are_told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
