/*
 * sample_files: plain files in a folder below $TMPDIR; commands by the shell, since
 * a test may be slow where it is short.
 */
#include "sample_files.h"

#include "base/cleanup.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

void sample_folder(char ret[SAMPLE_PATH_SIZE])
{
	const char *where = getenv("TMPDIR");
	snprintf(ret, SAMPLE_PATH_SIZE, "%s/arenascope-symbols-XXXXXX", where ? where : "/tmp");
	assert_non_null(mkdtemp(ret));
}

void sample_remove_folder(const char *folder)
{
	sample_run("rm -rf '%s'", folder);
}

void sample_path(const char *flavour, char ret[SAMPLE_PATH_SIZE])
{
	const char *folder = getenv("SAMPLES");
	assert_non_null(folder);
	snprintf(ret, SAMPLE_PATH_SIZE, "%s/sample-%s", folder, flavour);
}

uint8_t *sample_read(const char *path, size_t *ret_size)
{
	_cleanup_(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	assert_true(fd >= 0 && !fstat(fd, &st));
	uint8_t *data = malloc((size_t)st.st_size + 1);
	assert_non_null(data);
	assert_int_equal(read(fd, data, (size_t)st.st_size), st.st_size);
	*ret_size = (size_t)st.st_size;
	return data;
}

static void make_folders(const char *path)
{
	char folder[SAMPLE_PATH_SIZE];
	snprintf(folder, sizeof(folder), "%s", path);
	for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(folder, 0755);
		*slash = '/';
	}
}

void sample_write(const char *path, const void *data, size_t size)
{
	make_folders(path);
	_cleanup_(close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
}

void sample_copy(const char *from, const char *to)
{
	size_t size;
	_cleanup_(free_pointer) uint8_t *data = sample_read(from, &size);
	sample_write(to, data, size);
}

void sample_run(const char *format, ...)
{
	char command[4 * SAMPLE_PATH_SIZE];
	va_list args;
	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	assert_int_equal(system(command), 0);
}

size_t sample_count_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	assert_non_null(folder);
	size_t n = 0;
	while (readdir(folder))
		n++;
	closedir(folder);
	return n;
}

uint32_t sample_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}
