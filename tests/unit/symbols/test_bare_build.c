/*
 * Tests of symbols/bare_build on every interpreter of this machine that has debug
 * information: what is found without it is what it says, or nothing is. Asked are the
 * file as it is, a copy without symbols and section headers, that copy as if it lay in
 * memory, and copies that do not export what they should.
 */
#include "symbols/bare/bare_build.h"

#include "base/cleanup.h"
#include "base/size.h"
#include "discovery.h"
#include "sample_files.h"
#include "symbols/bare/layout_builtin.h"
#include "symbols/elf/elf_source.h"
#include "symbols/elf/file_image.h"

#include <elf.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define VERSION(major, minor) ((uint32_t)(major) << 24 | (uint32_t)(minor) << 16)
#define FIRST                 VERSION(2, 7)
#define LAST                  UINT32_MAX
#define LAST_OF(major, minor) (VERSION(major, minor) | 0xffff)

/* One interpreter: what its debug information says, and its file. */
struct subject {
	const struct interpreter *interpreter;
	struct python_build truth;
	int fd;
	struct file_image image;
};

static bool open_subject(const struct interpreter *one, struct subject *ret)
{
	_cleanup_(close_fd) int root =
		one->root ? open(one->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	*ret = (struct subject){.interpreter = one, .fd = open(one->path, O_RDONLY | O_CLOEXEC)};
	assert_true(ret->fd >= 0);
	assert_null(file_image_read(ret->fd, &ret->image));
	struct python_build_request request = {
		.file = ret->fd,
		.path = one->path,
		.build_id = ret->image.image.build_id,
		.target_root = root,
	};
	assert_null(python_build_resolve(&request, &ret->truth));
	return !ret->truth.no_debug_info;
}

static void close_subject(struct subject *s)
{
	python_build_fini(&s->truth);
	close(s->fd);
}

typedef void visit_fn(const struct subject *s);

/* Visits every interpreter that can tell the truth. */
static void each_subject(visit_fn *visit)
{
	struct interpreters all;
	interpreters_discover(&all);
	size_t n = 0;
	for (size_t i = 0; i < all.list.count; i++) {
		struct subject s;
		if (open_subject(&all.list.items[i], &s)) {
			visit(&s);
			n++;
		} else {
			print_message("skipped %s: no debug information\n", all.list.items[i].path);
		}
		close_subject(&s);
	}
	interpreters_fini(&all);
	print_message("%zu interpreters\n", n);
	if (n == 0)
		skip();
}

/* ---- what is told is true ------------------------------------------------------------ */

/* A function's size may be unknown. */
static bool is_same(enum layout_entry_id id, const struct layout_entry *bare,
		    const struct layout_entry *truth)
{
	bool may_lack_width = bare->width == 0 &&
			      (layout_kind(id) == LAYOUT_KIND_FUNCTION || id == LAYOUT_RUNTIME);
	return truth->provenance != PROVENANCE_ABSENT && bare->offset == truth->offset &&
	       (may_lack_width || (bare->width == truth->width && bare->count == truth->count));
}

/* Every entry that is there is right, and not of a source that this is without. */
static void assert_right(const struct subject *s, const struct python_build *bare)
{
	assert_null(layout_check(&bare->layout));
	for (unsigned id = 0; id < LAYOUT_COUNT; id++) {
		const struct layout_entry *a = &bare->layout.entries[id];
		const struct layout_entry *b = &s->truth.layout.entries[id];
		if (a->provenance == PROVENANCE_ABSENT)
			continue;
		assert_true(a->provenance != PROVENANCE_DWARF &&
			    a->provenance != PROVENANCE_SYMTAB);
		if (!is_same(id, a, b))
			fail_msg("%s: %s (%s) is %lu %lu %lu, in truth %lu %lu %lu (%s)",
				 s->interpreter->path, layout_name(id),
				 provenance_name(a->provenance), a->offset, a->width, a->count,
				 b->offset, b->width, b->count, provenance_name(b->provenance));
	}
}

/* From which version on, and up to which, an entry must have been found. */
struct span {
	enum layout_entry_id id;
	uint32_t from, to;
};

static const struct span spans[] = {
	{LAYOUT_ARENA_PREVARENA, FIRST, LAST},
	{LAYOUT_POOL_MAXNEXTOFFSET, FIRST, LAST},
	{LAYOUT_STATIC_ARENAS, VERSION(3, 6), LAST_OF(3, 11)},
	{LAYOUT_STATIC_MAXARENAS, VERSION(3, 6), LAST_OF(3, 11)},
	{LAYOUT_STATIC_NTIMES_ALLOCATED, VERSION(3, 6), LAST_OF(3, 11)},
	{LAYOUT_STATIC_NARENAS_HIGHWATER, VERSION(3, 6), LAST_OF(3, 11)},
	{LAYOUT_STATIC_ALLOCATED_BLOCKS, VERSION(3, 6), LAST_OF(3, 8)},
	{LAYOUT_STATIC_RAW_ALLOCATED_BLOCKS, VERSION(3, 9), LAST_OF(3, 11)},
	{LAYOUT_STATIC_ARENA_MAP_MID_COUNT, VERSION(3, 10), LAST_OF(3, 11)},
	{LAYOUT_STATIC_ARENA_MAP_BOT_COUNT, VERSION(3, 10), LAST_OF(3, 11)},
	{LAYOUT_ARENA_MAP_BOT_SIZE, VERSION(3, 10), LAST},
	{LAYOUT_STATE_ARENAS, VERSION(3, 12), LAST},
	{LAYOUT_STATE_NARENAS_HIGHWATER, VERSION(3, 12), LAST},
	{LAYOUT_RUNTIME, VERSION(3, 7), LAST},
	{LAYOUT_RUNTIME_INTERPRETERS_HEAD, VERSION(3, 7), LAST},
	{LAYOUT_RUNTIME_INTERPRETERS_MAIN, VERSION(3, 7), LAST},
	{LAYOUT_INTERP_HEAD, FIRST, LAST_OF(3, 6)},
	{LAYOUT_INTERP_NEXT, FIRST, LAST},
	{LAYOUT_INTERP_ID, VERSION(3, 7), LAST},
	{LAYOUT_STATIC_ALLOCATOR_OBJ, VERSION(3, 6), LAST_OF(3, 11)},
	{LAYOUT_RUNTIME_ALLOCATORS_OBJ, VERSION(3, 12), LAST},
	{LAYOUT_ALLOCATOR_MALLOC, VERSION(3, 6), LAST},
	{LAYOUT_PYMALLOC_MALLOC, VERSION(3, 6), LAST},
	{LAYOUT_RAW_MALLOC, VERSION(3, 6), LAST},
	{LAYOUT_DEBUG_MALLOC, VERSION(3, 6), LAST_OF(3, 12)},
	{LAYOUT_MIMALLOC_MALLOC, VERSION(3, 13), LAST},
	{LAYOUT_FREELIST_STATIC_CFUNCTION, FIRST, LAST_OF(3, 8)},
	{LAYOUT_FREELIST_STATIC_DICT, FIRST, LAST_OF(3, 9)},
	{LAYOUT_FREELIST_STATIC_FLOAT, VERSION(3, 6), LAST_OF(3, 9)},
	{LAYOUT_FREELIST_STATIC_FRAME, FIRST, LAST_OF(3, 9)},
	{LAYOUT_FREELIST_STATIC_LIST, FIRST, LAST_OF(3, 9)},
	{LAYOUT_FREELIST_STATIC_METHOD, FIRST, LAST_OF(3, 8)},
	{LAYOUT_FREELIST_STATIC_TUPLE, FIRST, LAST_OF(3, 9)},
	{LAYOUT_FREELIST_DICT, VERSION(3, 10), LAST_OF(3, 12)},
	{LAYOUT_FREELIST_FLOAT, VERSION(3, 10), LAST_OF(3, 12)},
	{LAYOUT_FREELIST_FRAME, VERSION(3, 10), LAST_OF(3, 10)},
	{LAYOUT_FREELIST_LIST, VERSION(3, 10), LAST_OF(3, 12)},
	{LAYOUT_FREELIST_TUPLE, VERSION(3, 10), LAST_OF(3, 12)},
	{LAYOUT_SIZEOF_DICT, FIRST, LAST},
	{LAYOUT_SIZEOF_DICTKEYS, VERSION(3, 13), LAST},
	{LAYOUT_SIZEOF_FLOAT, FIRST, LAST},
	{LAYOUT_SIZEOF_FRAME, FIRST, LAST_OF(3, 10)},
	{LAYOUT_SIZEOF_LIST, FIRST, LAST},
	{LAYOUT_SIZEOF_METHOD, FIRST, LAST_OF(3, 8)},
	{LAYOUT_SIZEOF_GC_HEAD, FIRST, LAST},
	{LAYOUT_TUPLE_ITEM, FIRST, LAST},
};

static void assert_enough(const struct subject *s, const struct python_build *bare)
{
	for (size_t i = 0; i < ARRAY_SIZE(spans); i++) {
		const struct span *span = &spans[i];
		bool expected = s->truth.version_hex >= span->from &&
				s->truth.version_hex <= span->to && !s->truth.free_threaded;
		if (expected && !layout_has(&bare->layout, span->id))
			fail_msg("%s: %s was not found", s->interpreter->path,
				 layout_name(span->id));
	}
}

/* Where usedpools is: a variable, or in 3.12 a member of the main interpreter, the last one of _PyRuntime. */
static uint64_t place_of_pools(const struct layout *truth)
{
	if (layout_has(truth, LAYOUT_STATIC_USEDPOOLS))
		return layout_offset(truth, LAYOUT_STATIC_USEDPOOLS);
	return layout_offset(truth, LAYOUT_RUNTIME) + layout_width(truth, LAYOUT_RUNTIME_SIZE) -
	       layout_width(truth, LAYOUT_INTERP_SIZE) +
	       layout_offset(truth, LAYOUT_INTERP_OBMALLOC) +
	       layout_offset(truth, LAYOUT_STATE_USEDPOOLS);
}

/* Found up to 3.12, and right; from 3.13 on there is nothing of its kind. */
static void assert_pools(const struct subject *s, const struct python_build *bare)
{
	const struct pool_pattern *p = &bare->pools;
	const struct layout *truth = &s->truth.layout;
	bool is_static = layout_has(truth, LAYOUT_STATIC_USEDPOOLS);
	const struct layout_entry *e =
		&truth->entries[is_static ? LAYOUT_STATIC_USEDPOOLS : LAYOUT_STATE_USEDPOOLS];
	bool expected = s->truth.version_hex <= LAST_OF(3, 12);
	assert_int_equal(p->n_found, expected);
	assert_true(p->n_refused == 0 && !p->partial);
	assert_int_equal(p->vaddr, expected ? place_of_pools(truth) : 0);
	assert_int_equal(p->n_classes, expected ? e->width * e->count / 16 : 0);
}

/* The table of a build of which only the version is known. */
static void fill(const struct subject *s, const struct python_build_request *request,
		 struct python_build *ret)
{
	*ret = (struct python_build){.trials = VEC_EMPTY, .no_debug_info = true};
	ret->version_hex = s->truth.version_hex;
	ret->debug_build = s->truth.debug_build;
	ret->free_threaded = s->truth.free_threaded;
	bare_build_fill(request, true, ret);
}

static void assert_file_tells(const struct subject *s)
{
	const struct python_build_request request = {.file = s->fd, .target_root = -1};
	struct python_build bare;
	size_t n[PROVENANCE_DWARF + 1] = {0};
	fill(s, &request, &bare);
	assert_right(s, &bare);
	assert_enough(s, &bare);
	for (unsigned id = 0; id < LAYOUT_COUNT; id++)
		n[bare.layout.entries[id].provenance]++;
	print_message("%s: %s%s, %zu from code, %zu self-described, %zu built-in\n",
		      s->interpreter->path, s->truth.version, s->truth.debug_build ? "d" : "",
		      n[PROVENANCE_SCANNED], n[PROVENANCE_SELF_DESCRIBED], n[PROVENANCE_BUILTIN]);
	assert_false(bare.unverified);
	assert_pools(s, &bare);
	python_build_fini(&bare);
}

static void test_what_the_file_tells(void **state)
{
	(void)state;
	each_subject(assert_file_tells);
}

/* ---- stripped ------------------------------------------------------------------------ */

struct copy {
	char folder[SAMPLE_PATH_SIZE], path[SAMPLE_PATH_SIZE + 16];
};

/* Under a build-id of its own, for which nobody has a debug file. */
static void change_build_id(const struct subject *s, const struct copy *copy)
{
	const struct build_id *id = &s->image.image.build_id;
	size_t size;
	_cleanup_(free_pointer) uint8_t *data = sample_read(copy->path, &size);
	uint8_t *at = id->size ? memmem(data, size, id->bytes, id->size) : NULL;
	if (!at)
		return;
	*at ^= 0xff;
	sample_write(copy->path, data, size);
}

static void make_stripped(const struct subject *s, struct copy *ret)
{
	sample_folder(ret->folder);
	snprintf(ret->path, sizeof(ret->path), "%s/python", ret->folder);
	sample_run("strip -s -o '%s' '%s'", ret->path, s->interpreter->path);
	change_build_id(s, ret);
}

static void remove_section_headers(const struct copy *copy)
{
	_cleanup_(close_fd) int fd = open(copy->path, O_RDWR | O_CLOEXEC);
	Elf64_Ehdr h;
	assert_int_equal(pread(fd, &h, sizeof(h), 0), sizeof(h));
	h.e_shoff = 0;
	h.e_shnum = h.e_shstrndx = 0;
	assert_int_equal(pwrite(fd, &h, sizeof(h), 0), sizeof(h));
}

/* Every "\0name\0" of the file becomes another name: nothing by that name is exported any more. */
static void forget_name(const struct copy *copy, const char *name)
{
	size_t size, length = strlen(name);
	_cleanup_(free_pointer) uint8_t *data = sample_read(copy->path, &size);
	for (uint8_t *at = data; (at = memmem(at, size - (size_t)(at - data), name, length + 1));
	     at++)
		if (at > data && !at[-1])
			*at = '#';
	sample_write(copy->path, data, size);
}

/* Through the door, as for a process that runs this file. */
static void resolve(const struct copy *copy, struct python_build *ret)
{
	_cleanup_(close_fd) int fd = open(copy->path, O_RDONLY | O_CLOEXEC);
	struct file_image image;
	assert_null(file_image_read(fd, &image));
	const struct python_build_request request = {
		.file = fd,
		.path = copy->path,
		.build_id = image.image.build_id,
		.target_root = -1,
	};
	assert_null(python_build_resolve(&request, ret));
	assert_true(ret->no_debug_info);
	_cleanup_(error_fini) struct error *err = python_build_no_symbols(&request, ret);
	assert_int_equal(err->kind, ERROR_SYMBOLS);
}

static void assert_same_version(const struct subject *s, const struct python_build *build)
{
	assert_string_equal(build->version, s->truth.version);
	assert_int_equal(build->version_hex, s->truth.version_hex);
	assert_int_equal(build->debug_build, s->truth.debug_build);
	assert_int_equal(build->free_threaded, s->truth.free_threaded);
}

static void assert_stripped_tells(const struct subject *s)
{
	struct copy copy;
	struct python_build stripped, sectionless;
	make_stripped(s, &copy);
	resolve(&copy, &stripped);
	remove_section_headers(&copy);
	resolve(&copy, &sectionless);
	assert_same_version(s, &stripped);
	assert_same_version(s, &sectionless);
	assert_right(s, &stripped);
	assert_enough(s, &stripped);
	assert_memory_equal(&stripped.layout, &sectionless.layout, sizeof(stripped.layout));
	assert_pools(s, &stripped);
	assert_pools(s, &sectionless);
	assert_int_equal(stripped.layout_source, PROVENANCE_SCANNED);
	python_build_fini(&stripped);
	python_build_fini(&sectionless);
	sample_remove_folder(copy.folder);
}

static void test_without_symbols_and_section_headers(void **state)
{
	(void)state;
	each_subject(assert_stripped_tells);
}

/* ---- without the name ---------------------------------------------------------------- */

/* Where _PyRuntime is not exported its section tells, and without that its cookie. */
static void assert_runtime_is_found(const struct subject *s)
{
	struct copy copy;
	struct python_build build;
	bool has_section = s->truth.version_hex >= VERSION(3, 10);
	bool has_cookie = s->truth.version_hex >= VERSION(3, 13);
	make_stripped(s, &copy);
	forget_name(&copy, "_PyRuntime");
	if (has_cookie)
		forget_name(&copy, "Py_Version");
	resolve(&copy, &build);
	assert_right(s, &build);
	assert_string_equal(build.version, s->truth.version);
	assert_int_equal(build.layout.entries[LAYOUT_RUNTIME].provenance,
			 has_section ? PROVENANCE_SECTION : PROVENANCE_ABSENT);
	python_build_fini(&build);
	remove_section_headers(&copy);
	resolve(&copy, &build);
	assert_right(s, &build);
	assert_string_equal(build.version, s->truth.version);
	assert_int_equal(build.layout.entries[LAYOUT_RUNTIME].provenance,
			 has_cookie ? PROVENANCE_COOKIE : PROVENANCE_ABSENT);
	if (has_cookie)
		assert_int_equal(build.layout.entries[LAYOUT_INTERP_SIZE].provenance,
				 PROVENANCE_SELF_DESCRIBED);
	python_build_fini(&build);
	sample_remove_folder(copy.folder);
}

static void test_a_runtime_that_is_not_exported(void **state)
{
	(void)state;
	each_subject(assert_runtime_is_found);
}

/* ---- from memory --------------------------------------------------------------------- */

/* A module as the loader lays it out: the file's bytes, then zeros, at an address of its own. */
static struct error *read_laid_out(void *context, raddr at, void *buffer, size_t size)
{
	struct file_image *file = context;
	const struct elf_source source = {file_image_bytes, file, &file->image};
	uint64_t vaddr = at.value - UINT64_C(0x7f1200000000);
	const struct elf_segment *segment = elf_source_segment(&source, vaddr, size);
	if (!segment)
		return error_new(ERROR_FAULT, "nothing there");
	uint64_t left = size_subtract(segment->filesz, vaddr - segment->vaddr);
	size_t n = (size_t)size_min(left, size);
	memset(buffer, 0, size);
	return n ? file_image_bytes(file, raddr_at(vaddr), buffer, n) : NULL;
}

static void assert_memory_tells(const struct subject *s)
{
	struct file_image file = s->image;
	struct elf_image moved = s->image.image;
	moved.bias = UINT64_C(0x7f1200000000);
	const struct python_build_request request = {
		.file = -1,
		.target_root = -1,
		.read = read_laid_out,
		.read_context = &file,
		.image = &moved,
	};
	struct python_build build, from_file;
	const struct python_build_request file_request = {.file = s->fd, .target_root = -1};
	assert_null(python_build_resolve(&request, &build));
	assert_true(build.no_debug_info);
	assert_same_version(s, &build);
	assert_right(s, &build);
	if (!moved.fixed) /* else only the file has the words as they were */
		assert_pools(s, &build);
	else
		assert_false(pool_pattern_is_told(&build.pools));
	fill(s, &file_request, &from_file);
	for (unsigned id = 0; id < LAYOUT_COUNT; id++)
		if (layout_kind(id) != LAYOUT_KIND_FUNCTION && id != LAYOUT_RUNTIME_ALLOCATORS_OBJ)
			assert_int_equal(layout_has(&build.layout, id),
					 layout_has(&from_file.layout, id));
	python_build_fini(&build);
	python_build_fini(&from_file);
}

static void test_a_module_without_a_file(void **state)
{
	(void)state;
	each_subject(assert_memory_tells);
}

/* ---- versions that nobody knows ------------------------------------------------------ */

static void assert_future_is_unverified(const struct subject *s)
{
	static const uint32_t versions[] = {0, VERSION(3, 99)};
	const struct python_build_request request = {.file = s->fd, .target_root = -1};
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		struct subject other = *s;
		struct python_build bare;
		other.truth.version_hex = versions[i];
		fill(&other, &request, &bare);
		assert_true(bare.unverified);
		assert_true(layout_has(&bare.layout, LAYOUT_POOL_SZIDX));
		assert_true(layout_has(&bare.layout, LAYOUT_STATE_ARENAS));
		assert_false(layout_has(&bare.layout, LAYOUT_STATIC_ARENAS));
		python_build_fini(&bare);
	}
}

static void test_a_version_that_is_not_known(void **state)
{
	(void)state;
	each_subject(assert_future_is_unverified);
}

/* ---- the record ---------------------------------------------------------------------- */

/* What is recorded for such a build is what its debug information says. */
static void assert_record_is_true(const struct subject *s)
{
	const struct layout_builtin_key key = {
		.version_hex = s->truth.version_hex,
		.debug_build = s->truth.debug_build,
		.free_threaded = s->truth.free_threaded,
		.runtime_size = layout_width(&s->truth.layout, LAYOUT_RUNTIME),
	};
	struct python_build recorded = {.trials = VEC_EMPTY};
	layout_builtin_fill(&key, &recorded.layout);
	assert_right(s, &recorded);
	assert_true(layout_builtin_knows(key.version_hex));
}

static void test_the_record_is_true(void **state)
{
	(void)state;
	each_subject(assert_record_is_true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_record_is_true),
		cmocka_unit_test(test_what_the_file_tells),
		cmocka_unit_test(test_without_symbols_and_section_headers),
		cmocka_unit_test(test_a_runtime_that_is_not_exported),
		cmocka_unit_test(test_a_module_without_a_file),
		cmocka_unit_test(test_a_version_that_is_not_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
