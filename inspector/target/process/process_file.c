/*
 * process_file: the file behind a mapping, although its path may mean another file
 * by now, or mean it only in the target's own root.
 *
 *	map_files/START-END	the very file, also when deleted; needs CAP_CHECKPOINT_RESTORE
 *	exe			the very file of the main program
 *	root + path		what the path means to the target (a container)
 *	path			what it means to us (a chroot: maps names it as we see it)
 *
 * The tree is the target's to furnish: a path may be a FIFO, a device, a link out of
 * the root. So a candidate is first opened without effect (O_PATH), must then be a
 * regular file, and only that very inode is opened to read.
 */
#include "base/cleanup.h"
#include "base/text.h"
#include "inspector/target/process/process.h"
#include "inspector/target/regular_file.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>

struct search {
	struct process *process;
	const struct region *region;
	origin_accept_fn *accept;
	void *context;
};

/* Shows one candidate; the accepted descriptor, or -1. */
static int try_candidate(struct search *s, int path_fd, const char *name)
{
	if (path_fd < 0)
		return -1;
	_cleanup_(close_fd) int fd = regular_file_reopen(path_fd);
	if (fd < 0 || !s->accept(s->context, fd, name))
		return -1;
	return take_fd(&fd);
}

static int try_map_files(struct search *s)
{
	char link[64], name[96];
	uint64_t start = s->region->start.value;
	(void)snprintf(link, sizeof(link), "map_files/%" PRIx64 "-%" PRIx64, start,
		       start + s->region->size);
	(void)snprintf(name, sizeof(name), "/proc/%d/%s", process_pid(s->process), link);
	_cleanup_(close_fd) int fd = openat(process_dir(s->process), link, O_PATH | O_CLOEXEC);
	return try_candidate(s, fd, name);
}

/* Whether the region is of the main program; btrfs shows other device numbers in maps than in stat,
 * so inode or path must do. */
static bool is_of_exe(const struct search *s, int exe)
{
	char path[PATH_MAX];
	struct stat stat;
	ssize_t length = readlinkat(process_dir(s->process), "exe", path, sizeof(path) - 1);
	if (length > 0 && s->region->label) {
		path[length] = '\0';
		if (strcmp(path, s->region->label) == 0)
			return true;
	}
	return fstat(exe, &stat) == 0 && stat.st_ino == s->region->inode;
}

static int try_exe(struct search *s)
{
	char name[32];
	_cleanup_(close_fd) int fd = openat(process_dir(s->process), "exe", O_PATH | O_CLOEXEC);
	if (fd < 0 || !is_of_exe(s, fd))
		return -1;
	(void)snprintf(name, sizeof(name), "/proc/%d/exe", process_pid(s->process));
	return try_candidate(s, fd, name);
}

static int try_root(struct search *s, const char *path)
{
	int root = process_root(s->process);
	if (root < 0)
		return -1;
	_cleanup_(close_fd) int fd =
		regular_file_find(root, path, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	_cleanup_(text_fini) struct text name = TEXT_EMPTY;
	text_addf(&name, "/proc/%d/root%s", process_pid(s->process), path);
	return try_candidate(s, fd, text_string(&name));
}

static bool shares_our_root(const struct process *process)
{
	struct stat ours, theirs;
	return process_root(process) >= 0 && stat("/", &ours) == 0 &&
	       fstat(process_root(process), &theirs) == 0 && ours.st_dev == theirs.st_dev &&
	       ours.st_ino == theirs.st_ino;
}

static int try_path(struct search *s, const char *path)
{
	if (shares_our_root(s->process))
		return -1; /* it was tried already */
	_cleanup_(close_fd) int fd = regular_file_find(AT_FDCWD, path, RESOLVE_NO_MAGICLINKS);
	return try_candidate(s, fd, path);
}

/* A kernel writes a newline in a path as \012 and leaves the same four characters alone: what came
 * out as a newline may have been either. NULL: there is none in it. */
static char *spell_newlines(const char *label)
{
	if (!strchr(label, '\n'))
		return NULL;
	struct text text = TEXT_EMPTY;
	for (const char *c = label; *c; c++)
		text_add_bytes(&text, *c == '\n' ? "\\012" : c, *c == '\n' ? 4 : 1);
	return text_take(&text);
}

static int try_paths(struct search *s, const char *path)
{
	if (!path || path[0] != '/')
		return -1;
	int fd = try_root(s, path);
	return fd >= 0 ? fd : try_path(s, path);
}

struct error *process_open_file(struct process *process, const struct region *region,
				origin_accept_fn *accept, void *context, int *ret)
{
	struct search search = {process, region, accept, context};
	if (region->kind != REGION_FILE || !region->label) {
		*ret = -1;
		return NULL;
	}
	int fd = try_map_files(&search);
	if (fd < 0)
		fd = try_exe(&search);
	if (fd < 0)
		fd = try_paths(&search, region->label);
	if (fd < 0) {
		_cleanup_(free_pointer) char *spelt = spell_newlines(region->label);
		fd = try_paths(&search, spelt);
	}
	struct error *err = fd < 0 ? process_check(process) : NULL;
	if (err)
		return err;
	*ret = fd;
	return NULL;
}
