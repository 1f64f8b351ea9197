/*
 * procfs: read to the end in a growing buffer, because these files have no size.
 */
#include "inspector/target/process/procfs.h"

#include "base/cleanup.h"
#include "base/size.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define STAT_SIZE_MAX 4096 /* 52 fields of 20 digits and a name of 64 bytes */

struct error *procfs_error(int number, const char *name)
{
	switch (number) {
	case ENOENT:
	case ESRCH:
		return error_new(ERROR_GONE, "the process has ended");
	case EACCES:
	case EPERM:
		return error_errno(ERROR_PERMISSION, number, "reading its %s", name);
	default:
		return error_errno(ERROR_RESOURCE, number, "reading its %s", name);
	}
}

/* Room for more in front of `used`; false: memory is out. */
static bool grow(char **data, size_t *room, size_t used)
{
	if (*room - used > 1)
		return true;
	size_t grown = *room ? *room * 2 : 4 * KIB;
	char *moved = realloc(*data, grown);
	if (!moved)
		return false;
	*data = moved;
	*room = grown;
	return true;
}

struct error *procfs_read(int dir, const char *name, size_t limit, char **ret, size_t *ret_size)
{
	_cleanup_(close_fd) int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return procfs_error(errno, name);
	_cleanup_(free_pointer) char *data = NULL;
	size_t room = 0, used = 0;
	for (;;) {
		if (!grow(&data, &room, used))
			return error_out_of_memory();
		ssize_t got = read(fd, data + used, room - used - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return procfs_error(errno, name);
		if (got == 0)
			break;
		used += (size_t)got;
		if (used > limit)
			return error_new(ERROR_RESOURCE, "its %s is longer than %zu bytes", name,
					 limit);
	}
	data[used] = '\0';
	*ret = take(data);
	*ret_size = used;
	return NULL;
}

bool procfs_number(const char *text, const char *key, int base, uint64_t *ret)
{
	size_t length = strlen(key);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, length) != 0 || line[length] != ':')
			continue;
		char *end;
		errno = 0;
		uint64_t value = strtoull(line + length + 1, &end, base);
		if (errno || end == line + length + 1)
			return false;
		*ret = value;
		return true;
	}
	return false;
}

bool procfs_parse_stat(const char *text, struct procfs_stat *ret)
{
	/* The name stands in parentheses and may hold any: only the last one ends it. */
	const char *open = strchr(text, '('), *close = strrchr(text, ')');
	if (!open || !close || close < open)
		return false;
	struct procfs_stat stat = {0};
	uint64_t user, system;
	int n = sscanf(close + 1,
		       " %c %*s %*s %*s %*s %*s %" SCNu64 " %" SCNu64 " %*s %*s %*s %" SCNu64
		       " %" SCNu64 " %*s %*s %*s %*s %" SCNu64 " %*s %" SCNu64,
		       &stat.state, &stat.flags, &stat.faults, &user, &system, &stat.n_threads,
		       &stat.start_ticks);
	if (n != 7)
		return false;
	stat.ticks = size_add(user, system);
	size_t length = size_min((size_t)(close - open - 1), sizeof(stat.comm) - 1);
	memcpy(stat.comm, open + 1, length);
	*ret = stat;
	return true;
}

struct error *procfs_stat(int dir, struct procfs_stat *ret)
{
	char text[STAT_SIZE_MAX];
	_cleanup_(close_fd) int fd = openat(dir, "stat", O_RDONLY | O_CLOEXEC);
	/* One line of bounded figures, which the kernel gives in one piece. */
	ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (size < 0)
		return procfs_error(errno, "stat");
	text[size] = '\0';
	if (!procfs_parse_stat(text, ret))
		return error_new(ERROR_UNSUPPORTED, "its stat has an unknown form");
	return NULL;
}
