/*
 * savefile_place: statfs(2) of an open file.
 */
#include "inspector/target/savefile/savefile_place.h"

#include "base/size.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

struct savefile_place savefile_place_of(int fd)
{
	struct stat st;
	struct statfs fs;
	struct savefile_place place = {UINT64_MAX, false};
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || fstatfs(fd, &fs) != 0)
		return place;
	place.in_memory = fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC;
	if (fs.f_type != RAMFS_MAGIC && fs.f_blocks) /* none: without a limit */
		place.room = size_multiply((uint64_t)fs.f_bavail, (uint64_t)fs.f_bsize);
	return place;
}
