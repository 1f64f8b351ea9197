/*
 * remote: many pieces, one call.
 *
 *	pieces    [48 B]      [48 B]      [48 B]   …    one remote iovec each
 *	buffer    [48 B|48 B|48 B| …                    one local iovec while they join
 *
 * The kernel stops at the first piece that it cannot read and returns what came
 * before: the count is the only sign of it, the rest of the buffer keeps old bytes.
 */
#include "inspector/target/reading/remote.h"

#include "base/cleanup.h"
#include "base/size.h"
#include "inspector/target/process/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>

#define CALL_SIZE_MAX (256 * MIB)

/* An address that no process has mapped: permission is checked before it is looked up. */
#define NOWHERE ((void *)(uintptr_t)8)

static struct error *refused(int number)
{
	if (number == ESRCH)
		return error_new(ERROR_GONE, "the process has ended");
	return error_errno(ERROR_PERMISSION, number, "reading its memory");
}

struct error *remote_open(pid_t pid, int proc, struct remote *ret)
{
	_cleanup_(close_fd) int mem = openat(proc, "mem", O_RDONLY | O_CLOEXEC);
	uint8_t byte;
	struct iovec local = {&byte, 1}, remote = {NOWHERE, 1};
	ssize_t got = process_vm_readv(pid, &local, 1, &remote, 1, 0);
	bool allowed = got >= 0 || errno == EFAULT;
	if (!allowed && (errno == ESRCH || mem < 0))
		return refused(errno);
	ret->pid = pid;
	ret->mem = take_fd(&mem);
	atomic_init(&ret->by_mem, !allowed);
	atomic_init(&ret->shares, false);
	return NULL;
}

void remote_close(struct remote *remote)
{
	close_fd(&remote->mem);
	remote->mem = -1;
}

bool remote_copy_by_mem(struct remote *remote, const struct remote_piece *piece, _Atomic bool *gone)
{
	if (remote->mem < 0 || piece->from.value > INT64_MAX)
		return false;
	for (size_t done = 0; done < piece->size;) {
		off_t at = (off_t)raddr_plus(piece->from, done).value;
		ssize_t got =
			pread(remote->mem, (uint8_t *)piece->to + done, piece->size - done, at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got == 0) /* the memory that was opened is no more */
			*gone = true;
		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	return true;
}

static size_t copy_by_mem(struct remote *remote, const struct remote_piece *pieces, size_t n,
			  _Atomic bool *gone)
{
	size_t done = 0;
	while (done < n && remote_copy_by_mem(remote, &pieces[done], gone))
		done++;
	return done;
}

/* One local iovec for pieces that join in our memory. Returns their count. */
static size_t join_locals(const struct remote_piece *pieces, size_t n, struct iovec *locals)
{
	size_t n_locals = 0;
	uint8_t *end = NULL;
	for (size_t i = 0; i < n; i++) {
		if (n_locals > 0 && pieces[i].to == end)
			locals[n_locals - 1].iov_len += pieces[i].size;
		else
			locals[n_locals++] = (struct iovec){pieces[i].to, pieces[i].size};
		end = (uint8_t *)pieces[i].to + pieces[i].size;
	}
	return n_locals;
}

static size_t whole_pieces(const struct remote_piece *pieces, size_t n, size_t bytes)
{
	size_t done = 0;
	while (done < n && pieces[done].size <= bytes)
		bytes -= pieces[done++].size;
	return done;
}

/* Returns how many were copied whole, or -errno. */
static ssize_t copy_by_call(struct remote *remote, const struct remote_piece *pieces, size_t n)
{
	struct iovec locals[REMOTE_PIECES_MAX], remotes[REMOTE_PIECES_MAX];
	if (n == 0 || n > REMOTE_PIECES_MAX)
		return 0;
	for (size_t i = 0; i < n; i++)
		remotes[i] =
			(struct iovec){(void *)(uintptr_t)pieces[i].from.value, pieces[i].size};
	size_t n_locals = join_locals(pieces, n, locals);
	ssize_t got = process_vm_readv(remote->pid, locals, n_locals, remotes, n, 0);
	return got < 0 ? -errno : (ssize_t)whole_pieces(pieces, n, (size_t)got);
}

/* How many go into one call: the kernel cuts it off, like a bad piece, at 2 GiB. */
static size_t pieces_of_call(const struct remote_piece *pieces, size_t n)
{
	size_t count = 0;
	for (uint64_t total = 0; count < n && count < REMOTE_PIECES_MAX; count++) {
		total = size_add(total, pieces[count].size);
		if (total > CALL_SIZE_MAX && count > 0)
			break;
	}
	return count;
}

size_t remote_copy(struct remote *remote, const struct remote_piece *pieces, size_t n,
		   _Atomic bool *gone)
{
	size_t done = 0;
	while (done < n && !remote->by_mem && !(remote->shares && remote->mem >= 0)) {
		size_t some = pieces_of_call(pieces + done, n - done);
		ssize_t copied = copy_by_call(remote, pieces + done, some);
		done += copied > 0 ? (size_t)copied : 0;
		if (copied == (ssize_t)some)
			continue;
		if (copied == -ESRCH)
			*gone = true;
		if ((copied != -EPERM && copied != -ENOSYS) || remote->mem < 0)
			return done;
		remote->by_mem = true;
	}
	return done + copy_by_mem(remote, pieces + done, n - done, gone);
}
