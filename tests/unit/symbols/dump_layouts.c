/*
 * dump_layouts: for tools/layouts, one line a fact, over every interpreter of this
 * machine that has debug information:
 *
 *	interpreter PATH 3.11.2 030b02f0 DEBUG THREADED SIZE	flags 0 or 1, sizeof(_PyRuntimeState)
 *	entry NAME OFFSET WIDTH COUNT STRIDE			from DWARF
 *	builtin NAME OFFSET WIDTH COUNT STRIDE			what the record says of such a build
 */
#include "symbols/bare/layout_builtin.h"

#include "base/cleanup.h"
#include "discovery.h"
#include "symbols/elf/file_image.h"
#include "symbols/python_build.h"

#include <fcntl.h>
#include <stdio.h>

static struct error *resolve(const struct interpreter *one, struct python_build *ret)
{
	_cleanup_(close_fd) int fd = open(one->path, O_RDONLY | O_CLOEXEC);
	_cleanup_(close_fd) int root =
		one->root ? open(one->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	struct file_image file;
	struct python_build_request request = {.file = fd, .path = one->path, .target_root = root};
	struct error *err = file_image_read(fd, &file);
	if (err)
		return err;
	request.build_id = file.image.build_id;
	return python_build_resolve(&request, ret);
}

static void print_entries(const char *word, const struct layout *layout)
{
	for (unsigned id = 0; id < LAYOUT_COUNT; id++) {
		const struct layout_entry *e = &layout->entries[id];
		bool is_shape =
			layout_kind(id) == LAYOUT_KIND_SIZE || layout_kind(id) == LAYOUT_KIND_FIELD;
		if (is_shape && e->provenance != PROVENANCE_ABSENT)
			printf("%s %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", word,
			       layout_name(id), e->offset, e->width, e->count, e->stride);
	}
}

static void print_build(const struct interpreter *one, const struct python_build *build)
{
	struct layout recorded = {0};
	struct layout_builtin_key key = {build->version_hex, build->debug_build,
					 build->free_threaded,
					 layout_width(&build->layout, LAYOUT_RUNTIME)};
	printf("interpreter %s %s %08" PRIx32 " %d %d %" PRIu64 "\n", one->path, build->version,
	       build->version_hex, build->debug_build, build->free_threaded, key.runtime_size);
	print_entries("entry", &build->layout);
	layout_builtin_fill(&key, &recorded);
	print_entries("builtin", &recorded);
}

int main(void)
{
	struct interpreters all;
	interpreters_discover(&all);
	for (size_t i = 0; i < all.list.count; i++) {
		const struct interpreter *one = &all.list.items[i];
		struct python_build build;
		struct error *err = resolve(one, &build);
		if (err)
			printf("unreadable %s\n", one->path);
		else if (build.no_debug_info)
			printf("bare %s\n", one->path);
		else
			print_build(one, &build);
		error_free(err);
		python_build_fini(&build);
	}
	interpreters_fini(&all);
	return 0;
}
