/*
 * backing: a list of descriptors, short because only the interpreter's own files and
 * those that hide their symbols are ever asked.
 */
#include "inspector/target/backing.h"

#include "base/cleanup.h"
#include "inspector/target/residency/pagemap.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

const struct backing *backings_find(const struct backings *backings, uint64_t device,
				    uint64_t inode)
{
	for (size_t i = 0; i < backings->list.count; i++) {
		const struct backing *backing = &backings->list.items[i];
		if (backing->device == device && backing->inode == inode)
			return backing;
	}
	return NULL;
}

struct error *backings_add(struct backings *backings, uint64_t device, uint64_t inode, int fd)
{
	if (backings_find(backings, device, inode))
		return NULL;
	_cleanup_(close_fd) int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return error_errno(ERROR_RESOURCE, errno, "keeping a mapped file open");
	struct backing *backing = vec_push(&backings->list);
	if (!backing)
		return error_out_of_memory();
	*backing = (struct backing){device, inode, take_fd(&copy)};
	return NULL;
}

struct error *backing_read(const struct backing *backing, uint64_t offset, raddr at,
			   uint8_t *buffer, size_t size)
{
	struct stat stat;
	if (fstat(backing->fd, &stat) != 0)
		return error_errno(ERROR_FAULT, errno, "the file behind " RADDR_FORMAT, at.value);
	uint64_t end = size_align_up((uint64_t)stat.st_size, PAGE_BYTES);
	if (offset > end || size > end - offset)
		return error_new(ERROR_FAULT, RADDR_FORMAT " is beyond the end of its file",
				 at.value);
	size_t done = 0;
	while (done < size) {
		ssize_t got =
			pread(backing->fd, buffer + done, size - done, (off_t)(offset + done));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_errno(ERROR_FAULT, errno, "the file behind " RADDR_FORMAT,
					   at.value);
		if (got == 0)
			break;
		done += (size_t)got;
	}
	memset(buffer + done, 0, size - done);
	return NULL;
}

void backings_fini(struct backings *backings)
{
	for (size_t i = 0; i < backings->list.count; i++)
		close_fd(&backings->list.items[i].fd);
	vec_fini(&backings->list);
}
