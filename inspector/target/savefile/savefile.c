/*
 * savefile: the end says where the index lies, the index where everything lies.
 *
 *	trailer ─▷ index ─▷ every part's sum ─▷ sections, small ─▷ kept
 *	                                      └▷ memory, large  ─▷ savefile_memory, on demand
 */
#include "inspector/target/savefile/savefile.h"

#include "base/cleanup.h"
#include "base/sum.h"
#include "inspector/target/savefile/savefile_memory.h"
#include "inspector/target/savefile/savefile_sections.h"
#include "inspector/target/savefile/savefile_variables.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <zstd.h>

#define SECTION_MAX (256 * MIB) /* bytes of all parts of one section */
#define STORED_MAX  ZSTD_COMPRESSBOUND(SAVEFILE_PART_MAX)

struct savefile {
	int fd;
	uint64_t size; /* of the file */
	unsigned flags;
	struct savefile_part *parts;
	size_t n_parts;
	uint8_t *stored; /* STORED_MAX: a part as it lies in the file */
	ZSTD_DCtx *dctx;
};

void savefile_close(struct savefile *file)
{
	if (!file)
		return;
	close_fd(&file->fd);
	(void)ZSTD_freeDCtx(file->dctx);
	free(file->stored);
	free(file->parts);
	free(file);
}

static void close_savefile(struct savefile **file)
{
	savefile_close(*file);
}

static struct error *read_at(const struct savefile *file, uint64_t offset, void *to, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n =
			pread(file->fd, (uint8_t *)to + done, size - done, (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(ERROR_BAD_FILE, errno, "reading the snapshot");
		if (n == 0)
			return error_new(ERROR_BAD_FILE, "the snapshot became shorter meanwhile");
		done += (size_t)n;
	}
	return NULL;
}

static struct error *unpack(ZSTD_DCtx *dctx, const void *stored, size_t n, uint8_t *to, size_t size)
{
	if (ZSTD_getFrameContentSize(stored, n) != size ||
	    ZSTD_decompressDCtx(dctx, to, size, stored, n) != size)
		return error_new(ERROR_BAD_FILE, "the snapshot is damaged: a part cannot be "
						 "unpacked");
	return NULL;
}

/* ---- opening -------------------------------------------------------------------------- */

static struct error *read_index(struct savefile *file, const struct savefile_trailer *t)
{
	_cleanup_(free_pointer) uint8_t *stored = malloc((size_t)t->stored + 1);
	_cleanup_(free_pointer) uint8_t *index = malloc((size_t)t->size + 1);
	size_t n = (size_t)t->size / SAVEFILE_ENTRY_SIZE;
	file->parts = calloc(n + 1, sizeof(*file->parts));
	if (!stored || !index || !file->parts)
		return error_out_of_memory();
	struct error *err = read_at(file, t->offset, stored, (size_t)t->stored);
	if (!err && sum_of(stored, (size_t)t->stored) != t->sum)
		err = error_new(ERROR_BAD_FILE, "the snapshot is damaged: its index");
	err = err ?: unpack(file->dctx, stored, (size_t)t->stored, index, (size_t)t->size);
	err = err ?: savefile_entries_get(index, n, t->offset, file->parts);
	file->n_parts = n;
	return err;
}

static struct error *check_part(struct savefile *file, const struct savefile_part *part)
{
	if (part->stored > STORED_MAX)
		return error_new(ERROR_BAD_FILE, "the snapshot is damaged: a part is too large");
	struct error *err = read_at(file, part->offset, file->stored, part->stored);
	if (!err && sum_of(file->stored, part->stored) != part->sum)
		err = error_new(ERROR_BAD_FILE,
				"the snapshot is damaged at byte %" PRIu64 " or behind it",
				part->offset);
	return err;
}

/* Each byte of it is read once: a damaged file shall give no answer at all. */
static struct error *check_parts(struct savefile *file)
{
	for (size_t i = 0; i < file->n_parts; i++) {
		struct error *err = check_part(file, &file->parts[i]);
		if (err)
			return err;
	}
	return NULL;
}

static struct error *read_ends(struct savefile *file, struct savefile_trailer *ret)
{
	uint8_t header[SAVEFILE_HEADER_SIZE] = {0}, trailer[SAVEFILE_TRAILER_SIZE];
	struct error *err = read_at(file, 0, header, (size_t)size_min(file->size, sizeof(header)));
	err = err ?: savefile_header_get(header, &file->flags);
	if (!err && file->size < sizeof(header) + sizeof(trailer))
		err = error_new(ERROR_BAD_FILE, "the snapshot is cut short: its end is missing");
	err = err ?: read_at(file, file->size - sizeof(trailer), trailer, sizeof(trailer));
	return err ?: savefile_trailer_get(trailer, file->size, ret);
}

struct error *savefile_from(int fd, struct savefile **ret)
{
	_cleanup_(close_savefile) struct savefile *file = calloc(1, sizeof(*file));
	struct stat st;
	if (!file) {
		close_fd(&fd);
		return error_out_of_memory();
	}
	file->fd = fd;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return error_new(ERROR_BAD_FILE, "it is no regular file");
	file->size = (uint64_t)st.st_size;
	file->stored = malloc(STORED_MAX);
	file->dctx = ZSTD_createDCtx();
	if (!file->stored || !file->dctx)
		return error_out_of_memory();
	struct savefile_trailer trailer;
	struct error *err = read_ends(file, &trailer);
	err = err ?: read_index(file, &trailer);
	err = err ?: check_parts(file);
	if (err)
		return err;
	*ret = take(file);
	return NULL;
}

struct error *savefile_open(const char *path, struct savefile **ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return error_errno(ERROR_BAD_FILE, errno, "opening %s", path);
	return error_context(savefile_from(fd, ret), "%s", path);
}

/* ---- parts ---------------------------------------------------------------------------- */

const struct savefile_part *savefile_parts(const struct savefile *file, enum savefile_kind kind,
					   size_t *ret_n)
{
	size_t first = 0, n = 0;
	while (first < file->n_parts && file->parts[first].kind < (unsigned)kind)
		first++;
	while (first + n < file->n_parts && file->parts[first + n].kind == (unsigned)kind)
		n++;
	*ret_n = n;
	return file->parts + first;
}

struct error *savefile_unpack(struct savefile *file, const struct savefile_part *part, uint8_t *to)
{
	struct error *err = check_part(file, part);
	return err ?: unpack(file->dctx, file->stored, part->stored, to, part->size);
}

/* All parts of a section, one behind the other, with room for one byte more. */
static struct error *read_section(struct savefile *file, enum savefile_kind kind, uint8_t **ret,
				  size_t *ret_size)
{
	size_t n, size = 0;
	const struct savefile_part *parts = savefile_parts(file, kind, &n);
	for (size_t i = 0; i < n; i++)
		size += parts[i].size;
	if (size > SECTION_MAX)
		return error_new(ERROR_BAD_FILE, "the snapshot is damaged: a section is too large");
	_cleanup_(free_pointer) uint8_t *data = malloc(size + 1);
	if (!data)
		return error_out_of_memory();
	for (size_t i = 0, at = 0; i < n; at += parts[i++].size) {
		struct error *err = savefile_unpack(file, &parts[i], data + at);
		if (err)
			return err;
	}
	*ret = take(data);
	*ret_size = size;
	return NULL;
}

/* ---- what it holds -------------------------------------------------------------------- */

static uint64_t bytes_kept(const struct savefile *file)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < file->n_parts; i++)
		sum += file->parts[i].size;
	return sum;
}

/* The budget of every loop: what is mapped, but not what a file merely says is. */
static uint64_t mapped_size(const struct savefile *file, const struct space *space,
			    const struct residency *residency)
{
	uint64_t said = 0, swapped, present;
	for (size_t i = 0; i < space->regions.count; i++)
		if (space->regions.items[i].readable)
			said = size_add(said, space->regions.items[i].size);
	residency_count(residency, RADDR_NULL, UINT64_MAX, &present, &swapped);
	uint64_t most = size_add(size_multiply(bytes_kept(file), 16), 256 * MIB);
	return size_min(said, size_add(most, size_min(swapped, UINT64_C(1) << 40)));
}

struct error *savefile_space(struct savefile *file, struct space *ret)
{
	_cleanup_(space_fini) struct space space = SPACE_EMPTY;
	_cleanup_(residency_fini) struct residency residency = RESIDENCY_EMPTY;
	_cleanup_(free_pointer) uint8_t *regions = NULL;
	_cleanup_(free_pointer) uint8_t *pages = NULL;
	struct savefile_facts facts = {.facts = FACTS_EMPTY};
	size_t size = 0;
	struct error *err = read_section(file, SAVEFILE_REGIONS, &regions, &size);
	err = err ?: savefile_get_regions(regions, size, &space);
	err = err ?: read_section(file, SAVEFILE_RESIDENCY, &pages, &size);
	err = err ?: savefile_get_residency(pages, size, &residency);
	err = err ?: savefile_facts(file, &facts);
	if (err)
		return err;
	savefile_facts_fini(&facts);
	space.moment = facts.moment;
	space.mapped_size = mapped_size(file, &space, &residency);
	err = savefile_memory_attach(file, &residency, &space);
	if (err)
		return err;
	*ret = space;
	space = (struct space)SPACE_EMPTY;
	return NULL;
}

struct error *savefile_facts(struct savefile *file, struct savefile_facts *ret)
{
	_cleanup_(free_pointer) uint8_t *data = NULL;
	size_t size = 0;
	struct error *err = read_section(file, SAVEFILE_FACTS, &data, &size);
	return err ?: savefile_get_facts(data, size, ret);
}

struct error *savefile_build(struct savefile *file, char **ret, size_t *ret_size)
{
	uint8_t *data = NULL;
	struct error *err = read_section(file, SAVEFILE_BUILD, &data, ret_size);
	if (!err)
		*ret = (char *)data;
	return err;
}

struct error *savefile_variables(struct savefile *file, raddr start, struct elf_variables *ret)
{
	_cleanup_(free_pointer) uint8_t *data = NULL;
	size_t size = 0;
	struct error *err = read_section(file, SAVEFILE_VARIABLES, &data, &size);
	return err ?: savefile_get_variables(data, size, start, ret);
}

bool savefile_is_redacted(const struct savefile *file)
{
	return file->flags & SAVEFILE_REDACTED;
}

/* ---- as an origin --------------------------------------------------------------------- */

static struct error *give_space(void *source, struct space *ret)
{
	return savefile_space(source, ret);
}

static struct error *give_facts(void *source, struct facts *ret)
{
	struct savefile_facts facts;
	struct error *err = savefile_facts(source, &facts);
	if (err)
		return err;
	account_fini(&facts.account);
	*ret = facts.facts;
	return NULL;
}

static struct error *give_account(void *source, bool with_smaps, struct account *ret)
{
	struct savefile_facts facts;
	struct error *err = savefile_facts(source, &facts);
	(void)with_smaps; /* was decided when it was made */
	if (err)
		return err;
	facts_fini(&facts.facts);
	*ret = facts.account;
	return NULL;
}

static struct error *give_threads(void *source, struct space *space, struct threads *ret)
{
	struct facts facts;
	struct error *err = give_facts(source, &facts);
	(void)space;
	if (err)
		return err;
	bool copied = threads_copy(&facts.threads, ret);
	facts_fini(&facts);
	return copied ? NULL : error_out_of_memory();
}

/* A file on this machine may have the name, but not be the one. What is needed of it was saved. */
static struct error *give_file(void *source, const struct region *region, origin_accept_fn *accept,
			       void *context, int *ret)
{
	(void)source;
	(void)region;
	(void)accept;
	(void)context;
	*ret = -1;
	return NULL;
}

static struct error *give_variables(void *source, raddr start, struct elf_variables *ret)
{
	return savefile_variables(source, start, ret);
}

static void give_up(void *source)
{
	savefile_close(source);
}

struct error *savefile_origin(const char *path, struct origin *ret)
{
	static const struct origin_ops ops = {
		.space = give_space,
		.facts = give_facts,
		.open_file = give_file,
		.variables = give_variables,
		.account = give_account,
		.threads = give_threads,
		.close = give_up,
	};
	struct savefile *file = NULL;
	struct error *err = savefile_open(path, &file);
	if (!err)
		*ret = (struct origin){ORIGIN_SAVEFILE, &ops, file};
	return err;
}
