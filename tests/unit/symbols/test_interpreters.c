/*
 * Tests of symbols/ on every interpreter of this machine that has debug information:
 * nothing is missing that its version has, versions are right, and gdb, where it is
 * there, reads the same numbers from the same files.
 */
#include "symbols/python_build.h"

#include "base/cleanup.h"
#include "base/size.h"
#include "discovery.h"
#include "symbols/elf/file_image.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct error *resolve(const struct interpreter *one, struct python_build *ret)
{
	_cleanup_(close_fd) int fd = open(one->path, O_RDONLY | O_CLOEXEC);
	_cleanup_(close_fd) int root =
		one->root ? open(one->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	struct file_image file;
	struct python_build_request request = {.file = fd, .path = one->path, .target_root = root};
	assert_null(file_image_read(fd, &file));
	request.build_id = file.image.build_id;
	return python_build_resolve(&request, ret);
}

typedef void visit_fn(const struct interpreter *one, const struct python_build *build);

/* Visits every interpreter; one without debug information is told, and is no failure. */
static void each_interpreter(visit_fn *visit)
{
	struct interpreters all;
	interpreters_discover(&all);
	size_t n = 0;
	for (size_t i = 0; i < all.list.count; i++) {
		struct python_build build;
		const struct interpreter *one = &all.list.items[i];
		_cleanup_(error_fini) struct error *err = resolve(one, &build);
		if (err || build.no_debug_info) {
			print_message("skipped %s: %s\n", one->path,
				      err ? err->cause : "no debug information");
		} else {
			print_message("%s: %s%s%s\n", one->path, build.version,
				      build.debug_build ? " debug" : "",
				      build.free_threaded ? " free-threaded" : "");
			visit(one, &build);
			n++;
		}
		python_build_fini(&build);
	}
	interpreters_fini(&all);
	if (n == 0)
		skip();
}

/* ---- nothing is missing -------------------------------------------------------------- */

/* From which version on, and up to which, an entry must be there. */
struct span {
	enum layout_entry_id id;
	uint32_t from, to;
};

#define VERSION(major, minor) ((uint32_t)(major) << 24 | (uint32_t)(minor) << 16)
#define FIRST                 VERSION(2, 7)
#define LAST                  UINT32_MAX
#define LAST_OF(major, minor) (VERSION(major, minor) | 0xffff)

static const struct span spans[] = {
	{LAYOUT_ARENA_PREVARENA, FIRST, LAST},
	{LAYOUT_POOL_MAXNEXTOFFSET, FIRST, LAST},
	{LAYOUT_STATIC_USEDPOOLS, FIRST, LAST_OF(3, 11)},
	{LAYOUT_STATIC_ARENAS, FIRST, LAST_OF(3, 11)},
	{LAYOUT_STATIC_MAXARENAS, FIRST, LAST_OF(3, 11)},
	{LAYOUT_STATIC_NFP2LASTA, VERSION(3, 8), LAST_OF(3, 11)},
	{LAYOUT_STATIC_RAW_ALLOCATED_BLOCKS, VERSION(3, 9), LAST_OF(3, 11)},
	{LAYOUT_STATIC_ALLOCATED_BLOCKS, VERSION(3, 4), LAST_OF(3, 8)},
	{LAYOUT_STATIC_ARENA_MAP_ROOT, VERSION(3, 10), LAST_OF(3, 11)},
	{LAYOUT_ARENA_MAP_MID_SIZE, VERSION(3, 10), LAST},
	{LAYOUT_ARENA_MAP_BOT_SIZE, VERSION(3, 10), LAST},
	{LAYOUT_STATE_USEDPOOLS, VERSION(3, 12), LAST},
	{LAYOUT_STATE_ARENA_MAP_BOT_COUNT, VERSION(3, 12), LAST},
	{LAYOUT_STATE_MAIN, VERSION(3, 13), LAST},
	{LAYOUT_LAST_FINAL_LEAKS, VERSION(3, 12), LAST},
	{LAYOUT_RUNTIME, VERSION(3, 7), LAST},
	{LAYOUT_RUNTIME_INTERPRETERS_MAIN, VERSION(3, 7), LAST},
	{LAYOUT_RUNTIME_ALLOCATORS_OBJ, VERSION(3, 12), LAST},
	{LAYOUT_INTERP_HEAD, FIRST, LAST_OF(3, 6)},
	{LAYOUT_INTERP_NEXT, FIRST, LAST},
	{LAYOUT_INTERP_ID, VERSION(3, 7), LAST},
	{LAYOUT_INTERP_OBMALLOC, VERSION(3, 12), LAST},
	{LAYOUT_STATIC_GC_ENABLED, FIRST, LAST_OF(3, 6)},
	{LAYOUT_RUNTIME_GC_ENABLED, VERSION(3, 7), LAST_OF(3, 8)},
	{LAYOUT_INTERP_GC_ENABLED, VERSION(3, 9), LAST},
	{LAYOUT_STATIC_ALLOCATOR_OBJ, VERSION(3, 4), LAST_OF(3, 11)},
	{LAYOUT_PYMALLOC_MALLOC, FIRST, LAST},
	{LAYOUT_DEBUG_API_ALLOC, VERSION(3, 6), LAST},
	{LAYOUT_FREELIST_STATIC_CFUNCTION, FIRST, LAST_OF(3, 8)},
	{LAYOUT_FREELIST_STATIC_TUPLE, FIRST, LAST_OF(3, 9)},
	{LAYOUT_FREELIST_DICT, VERSION(3, 10), LAST},
	{LAYOUT_FREELIST_DICTKEYS, VERSION(3, 13), LAST},
	{LAYOUT_FREELIST_FRAME, VERSION(3, 10), LAST_OF(3, 10)},
	{LAYOUT_FREELIST_TUPLE, VERSION(3, 10), LAST},
	{LAYOUT_TUPLE_ITEM, FIRST, LAST},
	{LAYOUT_SIZEOF_GC_HEAD, FIRST, LAST},
	{LAYOUT_SIZEOF_FRAME, FIRST, LAST},
};

static void assert_complete(const struct interpreter *one, const struct python_build *build)
{
	for (size_t i = 0; i < ARRAY_SIZE(spans); i++) {
		const struct span *s = &spans[i];
		bool expected = build->version_hex >= s->from && build->version_hex <= s->to;
		if (build->free_threaded || layout_has(&build->layout, s->id) == expected)
			continue;
		fail_msg("%s: %s is %s", one->path, layout_name(s->id),
			 expected ? "missing" : "there");
	}
	assert_int_equal(build->layout_source, PROVENANCE_DWARF);
	assert_true(build->roots_source >= PROVENANCE_DYNSYM);
}

static void test_nothing_is_missing(void **state)
{
	(void)state;
	each_interpreter(assert_complete);
}

/* ---- versions ------------------------------------------------------------------------ */

/* What the program says itself; a library or a program of another root cannot be asked: then its
 * name must agree. */
static void assert_version(const struct interpreter *one, const struct python_build *build)
{
	char command[4096 + 64], said[64] = "", minor[16];
	const char *name = strrchr(one->path, '/') + 1;
	snprintf(minor, sizeof(minor), "python%u.%u", build->version_hex >> 24,
		 build->version_hex >> 16 & 255);
	assert_non_null(strstr(name, minor));
	assert_int_equal(build->debug_build, strstr(name, minor)[strlen(minor)] == 'd');
	if (one->root || !strncmp(name, "lib", 3))
		return;
	snprintf(command, sizeof(command), "'%s' --version 2>&1", one->path);
	FILE *output = popen(command, "r");
	assert_true(output && fscanf(output, "Python %63s", said) == 1);
	pclose(output);
	assert_string_equal(build->version, said);
}

static void test_versions(void **state)
{
	(void)state;
	each_interpreter(assert_version);
}

/* ---- gdb ----------------------------------------------------------------------------- */

#define OFFSET(type, path) "&((" type " *)0)->" path

static const struct {
	enum layout_entry_id id;
	const char *expression;
} questions[] = {
	{LAYOUT_ARENA_OBJECT_SIZE, "sizeof(struct arena_object)"},
	{LAYOUT_ARENA_NTOTALPOOLS, OFFSET("struct arena_object", "ntotalpools")},
	{LAYOUT_POOL_HEADER_SIZE, "sizeof(struct pool_header)"},
	{LAYOUT_POOL_REF_COUNT, OFFSET("struct pool_header", "ref.count")},
	{LAYOUT_POOL_SZIDX, OFFSET("struct pool_header", "szidx")},
	{LAYOUT_STATE_SIZE, "sizeof(struct _obmalloc_state)"},
	{LAYOUT_STATE_ARENAS, OFFSET("struct _obmalloc_state", "mgmt.arenas")},
	{LAYOUT_STATE_ARENA_MAP_BOT_COUNT,
	 OFFSET("struct _obmalloc_state", "usage.arena_map_bot_count")},
	{LAYOUT_RUNTIME_INTERPRETERS_HEAD, OFFSET("struct pyruntimestate", "interpreters.head")},
	{LAYOUT_RUNTIME_ALLOCATORS_OBJ, OFFSET("struct pyruntimestate", "allocators.standard.obj")},
	{LAYOUT_INTERP_SIZE, "sizeof(struct _is)"},
	{LAYOUT_INTERP_ID, OFFSET("struct _is", "id")},
	{LAYOUT_INTERP_OBMALLOC, OFFSET("struct _is", "obmalloc")},
	{LAYOUT_SIZEOF_FRAME, "sizeof(struct _frame)"},
	{LAYOUT_SIZEOF_METHOD, "sizeof(PyMethodObject)"},
	{LAYOUT_SIZEOF_GC_HEAD, "sizeof(PyGC_Head)"},
	{LAYOUT_DEBUG_API_ALLOC, OFFSET("debug_alloc_api_t", "alloc")},
};

static uint64_t our_answer(const struct python_build *build, enum layout_entry_id id)
{
	const struct layout_entry *e = &build->layout.entries[id];
	return layout_kind(id) == LAYOUT_KIND_SIZE ? e->width : e->offset;
}

static FILE *ask_gdb(const struct interpreter *one, const struct python_build *build)
{
	char command[16384];
	const char *root = build->debug_file && one->root ? one->root : "";
	int n = snprintf(command, sizeof(command), "gdb -nx -q -batch '%s%s' 2>/dev/null", root,
			 build->debug_file ? build->debug_file : one->path);
	for (size_t i = 0; i < ARRAY_SIZE(questions); i++)
		n += snprintf(command + n, sizeof(command) - (size_t)n,
			      " -ex 'printf \"answer %zu %%lu\\n\", (unsigned long)(%s)'", i,
			      questions[i].expression);
	assert_true((size_t)n < sizeof(command));
	return popen(command, "r");
}

static void assert_as_gdb(const struct interpreter *one, const struct python_build *build)
{
	FILE *output = ask_gdb(one, build);
	char line[256];
	size_t index, n = 0;
	uint64_t answer;
	assert_non_null(output);
	while (fgets(line, sizeof(line), output)) {
		if (sscanf(line, "answer %zu %" SCNu64, &index, &answer) != 2 ||
		    index >= ARRAY_SIZE(questions))
			continue;
		enum layout_entry_id id = questions[index].id;
		if (!layout_has(&build->layout, id) || our_answer(build, id) != answer)
			fail_msg("%s: %s is %lu, gdb says %lu", one->path, layout_name(id),
				 our_answer(build, id), answer);
		n++;
	}
	pclose(output);
	assert_true(n >= 8);
}

static void test_gdb_reads_the_same(void **state)
{
	(void)state;
	if (system("gdb --version >/dev/null 2>&1") != 0)
		skip();
	each_interpreter(assert_as_gdb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_missing),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_gdb_reads_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
