/*
 * build_fixture: scenes made with objcopy and strip, as distributions make theirs.
 */
#include "build_fixture.h"

#include "base/cleanup.h"
#include "base/size.h"
#include "symbols/elf/file_image.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

static struct build_id build_id_of(int fd)
{
	struct file_image file;
	assert_null(file_image_read(fd, &file));
	return file.image.build_id;
}

/* Resolves the file at path with the other members of the request as given. */
struct error *build_resolve(const char *path, struct python_build_request request,
			    struct python_build *ret)
{
	_cleanup_(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	request.file = fd;
	request.path = path;
	request.build_id = build_id_of(fd);
	return python_build_resolve(&request, ret);
}

struct error *build_no_symbols(const char *path, struct python_build_request request,
			       struct python_build *ret)
{
	struct build_id id;
	_cleanup_(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	id = build_id_of(fd);
	assert_success(build_resolve(path, request, ret));
	assert_true(ret->no_debug_info);
	assert_null(layout_check(&ret->layout));
	for (unsigned i = 0; i < LAYOUT_COUNT; i++)
		assert_int_not_equal(ret->layout.entries[i].provenance, PROVENANCE_DWARF);
	request.path = path;
	request.build_id = id;
	struct error *err = python_build_no_symbols(&request, ret);
	assert_int_equal(err->kind, ERROR_SYMBOLS);
	return err;
}

struct python_build_request build_nowhere(void)
{
	return (struct python_build_request){.file = -1, .target_root = -1};
}

void assert_success(struct error *err)
{
	if (err)
		print_error("unexpected: %s\n", err->cause);
	assert_null(err);
}

/* A trial whose result has this in it; NULL: none. */
const struct python_build_trial *build_find_trial(const struct python_build *b, const char *result)
{
	for (size_t i = 0; i < b->trials.count; i++)
		if (strstr(b->trials.items[i].result, result))
			return &b->trials.items[i];
	return NULL;
}

void assert_entry(const struct python_build *b, enum layout_entry_id id, uint64_t offset,
		  uint64_t width, uint64_t count, uint64_t stride)
{
	const struct layout_entry *e = &b->layout.entries[id];
	if (e->offset != offset || e->width != width || e->count != count || e->stride != stride)
		fail_msg("%s: %lu %lu %lu %lu, not %lu %lu %lu %lu", layout_name(id), e->offset,
			 e->width, e->count, e->stride, offset, width, count, stride);
}

static void assert_sample_allocator(const struct python_build *b)
{
	ASSERT_SIZE(b, LAYOUT_ARENA_OBJECT_SIZE, struct arena_object);
	ASSERT_FIELD(b, LAYOUT_ARENA_ADDRESS, struct arena_object, address);
	ASSERT_FIELD(b, LAYOUT_ARENA_POOL_ADDRESS, struct arena_object, pool_address);
	ASSERT_FIELD(b, LAYOUT_ARENA_NFREEPOOLS, struct arena_object, nfreepools);
	ASSERT_FIELD(b, LAYOUT_ARENA_NTOTALPOOLS, struct arena_object, ntotalpools);
	ASSERT_FIELD(b, LAYOUT_ARENA_FREEPOOLS, struct arena_object, freepools);
	ASSERT_FIELD(b, LAYOUT_ARENA_NEXTARENA, struct arena_object, nextarena);
	ASSERT_SIZE(b, LAYOUT_POOL_HEADER_SIZE, struct pool_header);
	ASSERT_FIELD(b, LAYOUT_POOL_REF_COUNT, struct pool_header, ref.count);
	ASSERT_FIELD(b, LAYOUT_POOL_SZIDX, struct pool_header, szidx);
	ASSERT_FIELD(b, LAYOUT_POOL_NEXTOFFSET, struct pool_header, nextoffset);
	ASSERT_SIZE(b, LAYOUT_ARENA_MAP_MID_SIZE, arena_map_mid_t);
	ASSERT_SIZE(b, LAYOUT_ARENA_MAP_BOT_SIZE, arena_map_bot_t);
}

void assert_sample_table(const struct python_build *b)
{
	assert_sample_allocator(b);
	ASSERT_SIZE(b, LAYOUT_INTERP_SIZE, struct _is);
	ASSERT_FIELD(b, LAYOUT_INTERP_NEXT, struct _is, next);
	ASSERT_FIELD(b, LAYOUT_INTERP_ID, struct _is, id);
	assert_entry(b, LAYOUT_FREELIST_TUPLE,
		     offsetof(struct _is, object_state.freelists.tuples) +
			     offsetof(struct sample_freelist, size),
		     8, 20, sizeof(struct sample_freelist));
	ASSERT_FIELD(b, LAYOUT_FREELIST_FLOAT, struct _is, object_state.freelists.floats.size);
	ASSERT_FIELD(b, LAYOUT_RUNTIME_INTERPRETERS_HEAD, _PyRuntimeState, interpreters.head);
	ASSERT_FIELD(b, LAYOUT_DEBUG_API_ALLOC, debug_alloc_api_t, alloc);
	ASSERT_FIELD(b, LAYOUT_ALLOCATOR_MALLOC, PyMemAllocatorEx, malloc);
	ASSERT_SIZE(b, LAYOUT_SIZEOF_TUPLE, PyTupleObject);
	ASSERT_FIELD(b, LAYOUT_TUPLE_ITEM, PyTupleObject, ob_item[0]);
	assert_false(layout_has(&b->layout, LAYOUT_STATE_SIZE));
	assert_int_equal(layout_width(&b->layout, LAYOUT_STATIC_USEDPOOLS), 2 * 33 * 8);
	assert_int_equal(layout_width(&b->layout, LAYOUT_STATIC_ARENAS), 8);
	assert_int_equal(layout_width(&b->layout, LAYOUT_STATIC_MAXARENAS), 4);
	assert_true(layout_has(&b->layout, LAYOUT_PYMALLOC_MALLOC));
	assert_int_equal(layout_width(&b->layout, LAYOUT_RUNTIME), sizeof(_PyRuntimeState));
	assert_string_equal(b->version, "3.11.2");
}

int build_scene_setup(void **state)
{
	static struct build_scene s;
	char plain[SAMPLE_PATH_SIZE];
	sample_folder(s.folder);
	sample_path("plain", plain);
	snprintf(s.stripped, sizeof(s.stripped), "%s/python", s.folder);
	snprintf(s.debug, sizeof(s.debug), "%s/away/x.debug", s.folder);
	sample_run("mkdir '%s/away' && objcopy --only-keep-debug '%s' '%s' && cd '%s/away' && "
		   "strip --strip-all -o '%s' '%s' && objcopy --add-gnu-debuglink=x.debug '%s'",
		   s.folder, plain, s.debug, s.folder, s.stripped, plain, s.stripped);
	s.root = open(s.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(s.root >= 0);
	*state = &s;
	return 0;
}

int build_scene_teardown(void **state)
{
	struct build_scene *s = *state;
	close(s->root);
	sample_remove_folder(s->folder);
	return 0;
}
