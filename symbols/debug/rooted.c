/*
 * rooted: a symbolic link inside a container is the container's word. Followed
 * from outside it would lead into our own root, so the kernel is asked to resolve
 * inside (openat2, Linux 5.6). Where it cannot, each component is opened without
 * following links, and a path that has one is refused.
 */
#include "symbols/debug/rooted.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define OPEN_FLAGS (O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)

/* The kernel gives up with EAGAIN when something is renamed meanwhile. */
static int open_in_root(int root, const char *path)
{
	struct open_how how = {
		.flags = OPEN_FLAGS,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	long fd = -1;
	for (int tries = 0; tries < 8; tries++) {
		fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return fd < 0 ? -errno : (int)fd;
}

/* The next component of *path, as a string of the caller's; false at the end or when too long. */
static bool next_component(const char **path, char *name, size_t size)
{
	*path += strspn(*path, "/");
	size_t length = strcspn(*path, "/");
	if (length == 0 || length >= size)
		return false;
	memcpy(name, *path, length);
	name[length] = '\0';
	*path += length;
	return true;
}

static int open_by_hand(int root, const char *path)
{
	_cleanup_(close_fd) int directory = openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char name[256];
	while (directory >= 0 && next_component(&path, name, sizeof(name))) {
		bool last = path[strspn(path, "/")] == '\0';
		if (!strcmp(name, ".."))
			return -ELOOP;
		int flags = last ? OPEN_FLAGS : O_PATH | O_DIRECTORY | O_CLOEXEC;
		int fd = openat(directory, name, flags | O_NOFOLLOW);
		if (fd < 0)
			return -errno;
		if (last)
			return fd;
		close(directory);
		directory = fd;
	}
	return directory < 0 ? -errno : -EINVAL;
}

static int check_file(int fd)
{
	struct stat st;
	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return (uint64_t)st.st_size > ROOTED_SIZE_MAX ? -EFBIG : 0;
}

int rooted_open(int root, const char *path)
{
	int found;
	if (root == ROOTED_HOST) {
		found = open(path, OPEN_FLAGS);
		found = found < 0 ? -errno : found;
	} else {
		found = open_in_root(root, path);
		if (found == -ENOSYS || found == -EPERM)
			found = open_by_hand(root, path);
	}
	_cleanup_(close_fd) int fd = found;
	if (fd < 0)
		return found;
	int refused = check_file(fd);
	return refused ? refused : take_fd(&fd);
}

bool rooted_is_ours(int fd)
{
	struct stat st;
	return !fstat(fd, &st) && (st.st_uid == 0 || st.st_uid == geteuid()) &&
	       !(st.st_mode & (S_IWGRP | S_IWOTH));
}
