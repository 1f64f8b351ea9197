/*
 * core_search: three places, and one rule: the build-id decides, whoever named the
 * file. Only for an object whose build-id the core does not hold a file given by
 * hand is taken on the person's word, if its segments lie as those in the core.
 */
#include "inspector/target/core/core_search.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "inspector/target/regular_file.h"
#include "inspector/target/residency/pagemap.h"
#include "symbols/elf/file_image.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>

struct error *core_search_init(const struct core_request *request, struct core_search *ret)
{
	struct core_search search = {request->exe, request->sysroot, -1};
	if (request->sysroot)
		search.sysroot = open(request->sysroot, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (request->sysroot && search.sysroot < 0)
		return error_errno(ERROR_USAGE, errno, "--sysroot %.200s", request->sysroot);
	*ret = search;
	return NULL;
}

void core_search_fini(struct core_search *search)
{
	close_fd(&search->sysroot);
	search->sysroot = -1;
}

/* ---- by build-id ------------------------------------------------------------------------- */

struct candidate {
	origin_accept_fn *accept;
	void *context;
};

static int try_candidate(const struct candidate *c, int path_fd, const char *name)
{
	if (path_fd < 0)
		return -1;
	_cleanup_(close_fd) int fd = regular_file_reopen(path_fd);
	if (fd < 0 || !c->accept(c->context, fd, name))
		return -1;
	return take_fd(&fd);
}

/* A file of the person's own choice: wherever its links lead. */
static int try_exe(const struct core_search *search, const struct candidate *c)
{
	_cleanup_(close_fd) int path = search->exe ? open(search->exe, O_PATH | O_CLOEXEC) : -1;
	return try_candidate(c, path, search->exe);
}

static int try_sysroot(const struct core_search *search, const struct candidate *c,
		       const char *path)
{
	if (search->sysroot < 0)
		return -1;
	_cleanup_(text_fini) struct text name = TEXT_EMPTY;
	_cleanup_(close_fd) int fd =
		regular_file_find(search->sysroot, path, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
	text_addf(&name, "%s%s", search->root, path);
	return try_candidate(c, fd, text_string(&name));
}

static int try_here(const struct candidate *c, const char *path)
{
	_cleanup_(close_fd) int fd = regular_file_find(AT_FDCWD, path, RESOLVE_NO_MAGICLINKS);
	return try_candidate(c, fd, path);
}

int core_search_open(const struct core_search *search, const struct region *region,
		     origin_accept_fn *accept, void *context)
{
	const struct candidate candidate = {accept, context};
	if (region->kind != REGION_FILE || !region->label)
		return -1;
	int fd = try_exe(search, &candidate);
	if (fd >= 0 || region->label[0] != '/')
		return fd;
	fd = try_sysroot(search, &candidate, region->label);
	return fd >= 0 ? fd : try_here(&candidate, region->label);
}

/* ---- by hand ----------------------------------------------------------------------------- */

static struct error *read_space(void *context, raddr at, void *buffer, size_t size)
{
	return space_read(context, at, buffer, size);
}

/* Whether the core itself says which build an object is. */
static bool has_build_id(struct space *space, const struct region *region)
{
	struct elf_image image = {0};
	struct error *err = elf_image_read(read_space, space, region->start, &image);
	bool has = !err && image.build_id.size;
	error_free(err);
	return has;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static struct region *find_object(const struct core_search *search, struct space *space,
				  uint64_t program)
{
	struct region *main = NULL;
	for (size_t i = 0; i < space->regions.count; i++) {
		struct region *region = &space->regions.items[i];
		if (region->kind != REGION_FILE || region->file_offset || !region->readable)
			continue;
		if (strcmp(base_name(region->label), base_name(search->exe)) == 0)
			return region;
		if (!main && program && region->inode == program)
			main = region;
	}
	return main;
}

static uint64_t page_down(uint64_t value)
{
	return value & ~(PAGE_BYTES - 1);
}

/* Whether a segment of the file has a mapping of its own that begins as it does. */
static bool lies_so(const struct space *space, const struct region *first, raddr at,
		    const struct elf_segment *segment)
{
	const struct region *region = space_region(space, at);
	return region && region->kind == REGION_FILE && region->inode == first->inode &&
	       raddr_equal(region->start, at) && region->executable == segment->executable &&
	       region->file_offset == page_down(segment->offset);
}

static bool all_lie_so(const struct space *space, const struct region *first,
		       const struct elf_image *image)
{
	uint64_t base = image->n_segments ? page_down(image->segments[0].vaddr) : 0;
	for (size_t i = 0; i < image->n_segments; i++) {
		const struct elf_segment *segment = &image->segments[i];
		raddr at = raddr_plus(first->start, page_down(segment->vaddr) - base);
		if (segment->filesz && !lies_so(space, first, at, segment))
			return false;
	}
	return image->n_segments;
}

enum core_by_hand core_search_by_hand(const struct core_search *search, struct space *space,
				      uint64_t program, struct region **ret_region, int *ret_fd)
{
	struct file_image file = {.fd = -1};
	struct region *region = search->exe ? find_object(search, space, program) : NULL;
	if (!region || has_build_id(space, region))
		return CORE_BY_HAND_NONE;
	_cleanup_(close_fd) int path = open(search->exe, O_PATH | O_CLOEXEC);
	_cleanup_(close_fd) int fd = path < 0 ? -1 : regular_file_reopen(path);
	struct error *err =
		fd < 0 ? error_new(ERROR_BAD_FILE, "no regular file") : file_image_read(fd, &file);
	bool fits = !err && all_lie_so(space, region, &file.image);
	error_free(err);
	if (!fits)
		return CORE_BY_HAND_UNFIT;
	*ret_region = region;
	*ret_fd = take_fd(&fd);
	return CORE_BY_HAND_USED;
}
