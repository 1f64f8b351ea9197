/*
 * core_file: opened, sniffed, and unpacked where that is needed; all that follows
 * sees plain bytes.
 */
#include "inspector/target/core/core_file.h"

#include "base/cleanup.h"
#include "base/size.h"
#include "inspector/target/core/unpack.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#define WINDOW_SIZE   (64 * KIB)
#define ATTRIBUTE_MAX 4096

static struct error *not_a_core(void)
{
	return error_remedy(error_new(ERROR_BAD_FILE, "it is not a core file"),
			    "a core is an ELF file, perhaps compressed with gzip, zstd or lz4");
}

static struct error *check_head(const uint8_t *head, size_t size)
{
	Elf64_Ehdr ehdr;
	if (size < offsetof(Elf64_Ehdr, e_machine) || memcmp(head, ELFMAG, SELFMAG) != 0)
		return not_a_core();
	memcpy(&ehdr, head, offsetof(Elf64_Ehdr, e_machine));
	return ehdr.e_type == ET_CORE ? NULL : not_a_core();
}

/* ---- systemd-coredump --------------------------------------------------------------------- */

static char *read_attribute(int fd, const char *name)
{
	char value[ATTRIBUTE_MAX];
	ssize_t size = fgetxattr(fd, name, value, sizeof(value));
	return size > 0 ? strndup(value, (size_t)size) : NULL;
}

/* Microseconds since 1970, systemd's src/coredump/coredump.c. */
static void read_timestamp(int fd, struct timespec *ret)
{
	_cleanup_(free_pointer) char *text = read_attribute(fd, "user.coredump.timestamp");
	char *end;
	uint64_t us = text ? strtoull(text, &end, 10) : 0;
	if (us && *end == '\0' && us / 1000000 < INT32_MAX * UINT64_C(4))
		*ret = (struct timespec){(time_t)(us / 1000000), (long)(us % 1000000 * 1000)};
}

static void read_context(int fd, struct core_file *file)
{
	struct core_context *context = &file->context;
	const struct {
		const char *name;
		char **value;
	} attributes[] = {
		{"user.coredump.pid", &context->pid},
		{"user.coredump.comm", &context->comm},
		{"user.coredump.exe", &context->exe},
		{"user.coredump.signal", &context->signal},
		{"user.coredump.hostname", &context->host},
	};
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
		*attributes[i].value = read_attribute(fd, attributes[i].name);
		context->present |= *attributes[i].value != NULL;
	}
	read_timestamp(fd, &file->written);
}

/* ---- opening ------------------------------------------------------------------------------ */

static struct error *check_stat(const struct stat *stat)
{
	if (!S_ISREG(stat->st_mode))
		return error_new(ERROR_BAD_FILE, "it is not a regular file");
	if (getauxval(AT_SECURE) && stat->st_uid != getuid())
		return error_rule(error_new(ERROR_PERMISSION,
					    "it belongs to user %u: a privileged arenascope shows "
					    "its user only files of their own",
					    (unsigned)stat->st_uid),
				  "other_user");
	return NULL;
}

static struct error *open_packed(int fd, const struct core_request *request, struct core_file *file)
{
	const struct unpack_request how = {
		.kind = file->packing,
		.folder = request->tmp,
		.limit = request->max_tmp,
		.check = check_head,
	};
	return unpack(fd, &how, &file->fd, &file->size, &file->damage);
}

static struct error *open_file(const char *path, const struct core_request *request,
			       struct core_file *file)
{
	uint8_t head[sizeof(Elf64_Ehdr)];
	struct stat stat;
	_cleanup_(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &stat) != 0)
		return error_errno(ERROR_BAD_FILE, errno, "it cannot be opened");
	struct error *err = check_stat(&stat);
	if (err)
		return err;
	ssize_t n = pread(fd, head, sizeof(head), 0);
	if (n < 0)
		return error_errno(ERROR_BAD_FILE, errno, "it cannot be read");
	file->written = stat.st_mtim;
	file->packed_size = (uint64_t)stat.st_size;
	file->packing = codec_sniff(head, (size_t)n);
	read_context(fd, file);
	if (file->packing != CODEC_NONE)
		return open_packed(fd, request, file);
	file->size = (uint64_t)stat.st_size;
	file->fd = take_fd(&fd);
	return check_head(head, (size_t)n);
}

struct error *core_file_open(const char *path, const struct core_request *request,
			     struct core_file *ret)
{
	struct core_file file = CORE_FILE_EMPTY;
	struct error *err = open_file(path, request, &file);
	file.window = err ? NULL : malloc(WINDOW_SIZE);
	if (!err && !file.window)
		err = error_out_of_memory();
	if (err) {
		core_file_close(&file);
		return err;
	}
	*ret = file;
	return NULL;
}

void core_file_close(struct core_file *file)
{
	struct core_context *context = &file->context;
	close_fd(&file->fd);
	free(file->window);
	free(context->pid);
	free(context->comm);
	free(context->exe);
	free(context->signal);
	free(context->host);
	*file = CORE_FILE_EMPTY;
}

/* ---- reading ------------------------------------------------------------------------------ */

static struct error *ends_before(const struct core_file *file, uint64_t offset, size_t size)
{
	return error_new(ERROR_FAULT,
			 "byte %" PRIu64 " of the core file is past its end: it has %" PRIu64
			 " bytes",
			 size_add(offset, size ? size - 1 : 0), file->size);
}

struct error *core_file_read(const struct core_file *file, uint64_t offset, void *buffer,
			     size_t size)
{
	if (offset > file->size || size > file->size - offset)
		return ends_before(file, offset, size);
	for (size_t done = 0; done < size;) {
		ssize_t n = pread(file->fd, (uint8_t *)buffer + done, size - done,
				  (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(ERROR_FAULT, errno, "reading the core file at %" PRIu64,
					   offset);
		if (n == 0) /* cut since it was opened */
			return ends_before(file, offset, size);
		done += (size_t)n;
	}
	return NULL;
}

struct error *core_file_scan(struct core_file *file, uint64_t offset, void *buffer, size_t size)
{
	uint64_t delta = size_subtract(offset, file->window_offset);
	if (offset < file->window_offset || delta > file->window_size ||
	    size > file->window_size - delta) {
		size_t whole = (size_t)size_min(WINDOW_SIZE, size_subtract(file->size, offset));
		if (size > whole)
			return size > WINDOW_SIZE ? core_file_read(file, offset, buffer, size)
						  : ends_before(file, offset, size);
		file->window_size = 0;
		struct error *err = core_file_read(file, offset, file->window, whole);
		if (err)
			return err;
		file->window_offset = offset;
		file->window_size = whole;
		delta = 0;
	}
	memcpy(buffer, file->window + delta, size);
	return NULL;
}
