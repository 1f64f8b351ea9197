/* process_file: the mapped file is found, and nothing but a regular file is ever opened. */
#include "base/cleanup.h"
#include "inspector/target/process/process.h"
#include "victim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct tried {
	char names[8][256];
	size_t n;
	ino_t inodes[8];
	size_t accept; /* which one is taken, from 1; 0: none */
};

static bool note_candidate(void *context, int fd, const char *candidate)
{
	struct tried *tried = context;
	struct stat stat;
	assert_true(tried->n < ARRAY_SIZE(tried->names));
	assert_int_equal(fstat(fd, &stat), 0);
	assert_true(S_ISREG(stat.st_mode));
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	(void)snprintf(tried->names[tried->n], 256, "%s", candidate);
	tried->inodes[tried->n] = stat.st_ino;
	return ++tried->n == tried->accept;
}

static int open_region(struct process *process, const struct region *region, struct tried *tried)
{
	int fd = -2;
	check_error(process_open_file(process, region, note_candidate, tried, &fd), 0, NULL);
	return fd;
}

/* The last of the names tried ends so. */
static bool tried_one(const struct tried *tried, const char *ending)
{
	for (size_t i = 0; i < tried->n; i++) {
		size_t length = strlen(tried->names[i]), tail = strlen(ending);
		if (length >= tail && strcmp(tried->names[i] + length - tail, ending) == 0)
			return true;
	}
	return false;
}

static void the_program_is_opened(void **state)
{
	(void)state;
	struct process *process = NULL;
	struct space space = SPACE_EMPTY;
	struct stat ours;
	struct victim victim = victim_ready(victim_plain, NULL);
	check_error(process_open(victim.pid, &process), 0, NULL);
	check_error(process_space(process, &space), 0, NULL);
	const struct region *code =
		space_region(&space, raddr_at((uintptr_t)the_program_is_opened));
	struct tried all = {.accept = 0};
	assert_int_equal(open_region(process, code, &all), -1);
	assert_int_equal(stat("/proc/self/exe", &ours), 0);
	assert_true(all.n >= 2);
	for (size_t i = 0; i < all.n; i++)
		assert_int_equal(all.inodes[i], ours.st_ino);
	assert_true(tried_one(&all, "/exe"));
	assert_true(tried_one(&all, code->label));
	struct tried second = {.accept = 2};
	int fd = open_region(process, code, &second);
	assert_true(fd >= 0 && second.n == 2);
	(void)close(fd);
	space_fini(&space);
	process_close(process);
	victim_end(&victim);
}

/* A directory with a mapped file that is then replaced by something else. */
struct scene {
	char directory[32], path[96];
	uint8_t *map;
	ino_t inode;
};

static void scene_make(struct scene *scene, const char *name)
{
	struct stat stat;
	(void)strcpy(scene->directory, "/tmp/process-test-XXXXXX");
	assert_non_null(mkdtemp(scene->directory));
	assert_int_equal(chmod(scene->directory, 0755), 0);
	(void)snprintf(scene->path, sizeof(scene->path), "%s/%s", scene->directory, name);
	_cleanup_(close_fd) int fd = open(scene->path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(ftruncate(fd, 4096), 0);
	assert_int_equal(fstat(fd, &stat), 0);
	scene->inode = stat.st_ino;
	scene->map = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_true(scene->map != MAP_FAILED);
}

static void scene_end(struct scene *scene)
{
	(void)munmap(scene->map, 4096);
	(void)unlink(scene->path);
	assert_int_equal(rmdir(scene->directory), 0);
}

static struct tried try_scene(const struct scene *scene, victim_fn *run, void *argument)
{
	struct process *process = NULL;
	struct space space = SPACE_EMPTY;
	struct tried tried = {.accept = 0};
	struct victim victim = victim_ready(run, argument);
	check_error(process_open(victim.pid, &process), 0, NULL);
	check_error(process_space(process, &space), 0, NULL);
	const struct region *region = space_region(&space, raddr_at((uintptr_t)scene->map));
	assert_non_null(region);
	assert_int_equal(region->inode, scene->inode);
	assert_int_equal(open_region(process, region, &tried), -1);
	space_fini(&space);
	process_close(process);
	victim_end(&victim);
	return tried;
}

static void a_replaced_file_is_only_offered(void **state)
{
	(void)state;
	struct scene scene;
	scene_make(&scene, "library.so");
	assert_int_equal(unlink(scene.path), 0);
	struct tried deleted = try_scene(&scene, victim_plain, NULL);
	for (size_t i = 0; i < deleted.n; i++)
		assert_int_equal(deleted.inodes[i], scene.inode);
	/* A FIFO must not block us, nor a device be opened: neither is a candidate. */
	assert_int_equal(mkfifo(scene.path, 0644), 0);
	struct tried fifo = try_scene(&scene, victim_plain, NULL);
	assert_int_equal(fifo.n, deleted.n);
	assert_int_equal(unlink(scene.path), 0);
	assert_int_equal(symlink("/dev/zero", scene.path), 0);
	struct tried device = try_scene(&scene, victim_plain, NULL);
	assert_int_equal(device.n, deleted.n);
	scene_end(&scene);
}

static void newlines_in_names_are_found(void **state)
{
	(void)state;
	static const char *const names[] = {"a\nb", "a\\012b"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct scene scene;
		scene_make(&scene, names[i]);
		struct tried tried = try_scene(&scene, victim_plain, NULL);
		assert_true(tried_one(&tried, names[i]));
		scene_end(&scene);
	}
}

static void chroot_run(struct victim *self, void *argument)
{
	if (chroot(argument) != 0 || chdir("/") != 0)
		victim_tell(self, 2);
	victim_tell(self, 1);
	victim_sleep();
}

static void a_chroot_is_seen_from_outside(void **state)
{
	(void)state;
	need_root();
	struct scene scene;
	scene_make(&scene, "library.so");
	struct tried tried = try_scene(&scene, chroot_run, scene.directory);
	assert_true(tried_one(&tried, scene.path));
	for (size_t i = 0; i < tried.n; i++)
		assert_int_equal(tried.inodes[i], scene.inode);
	scene_end(&scene);
}

static void links_do_not_lead_out_of_its_root(void **state)
{
	(void)state;
	need_root();
	struct scene scene;
	struct process *process = NULL;
	struct tried tried = {.accept = 0};
	char link[96];
	scene_make(&scene, "library.so");
	(void)snprintf(link, sizeof(link), "%s/link-of-the-test", scene.directory);
	assert_int_equal(symlink("/../../../etc/passwd", link), 0);
	struct victim victim = victim_ready(chroot_run, scene.directory);
	check_error(process_open(victim.pid, &process), 0, NULL);
	char label[] = "/link-of-the-test", inside[] = "/library.so";
	struct region region = {.kind = REGION_FILE, .label = label, .size = 4096};
	assert_int_equal(open_region(process, &region, &tried), -1);
	assert_int_equal(tried.n, 0);
	region.label = inside;
	assert_int_equal(open_region(process, &region, &tried), -1);
	assert_int_equal(tried.n, 1);
	assert_int_equal(tried.inodes[0], scene.inode);
	process_close(process);
	victim_end(&victim);
	(void)unlink(link);
	scene_end(&scene);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_program_is_opened),
		cmocka_unit_test(a_replaced_file_is_only_offered),
		cmocka_unit_test(newlines_in_names_are_found),
		cmocka_unit_test(a_chroot_is_seen_from_outside),
		cmocka_unit_test(links_do_not_lead_out_of_its_root),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
