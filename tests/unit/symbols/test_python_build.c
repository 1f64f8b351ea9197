/*
 * Tests of symbols/python_build: the samples' tables against the compiler's own
 * offsetof, the search for debug files, and files that are broken or lie.
 */
#include "symbols/python_build.h"

#include "base/cleanup.h"
#include "base/size.h"
#include "sample/python.h"
#include "sample_files.h"
#include "symbols/file_image.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#define HEX   "a12e5a12e5a12e5a12e5a12e5a12e5a12e5a12e5"
#define BY_ID "/usr/lib/debug/.build-id/a1/2e5a12e5a12e5a12e5a12e5a12e5a12e5a12e5.debug"

static struct build_id id_of(int fd)
{
	struct file_image file;
	assert_null(file_image_read(fd, &file));
	return file.image.build_id;
}

/* Resolves the file at path with the other members of the request as given. */
static struct error *resolve(const char *path, struct python_build_request request,
			     struct python_build *ret)
{
	_cleanup_(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	request.file = fd;
	request.path = path;
	request.build_id = id_of(fd);
	return python_build_resolve(&request, ret);
}

static struct python_build_request nowhere(void)
{
	return (struct python_build_request){.file = -1, .target_root = -1};
}

static void assert_no_error(struct error *err)
{
	if (err)
		print_error("unexpected: %s\n", err->cause);
	assert_null(err);
}

/* A trial whose result has this in it; NULL: none. */
static const struct python_build_trial *find_trial(const struct python_build *b, const char *result)
{
	for (size_t i = 0; i < b->trials.count; i++)
		if (strstr(b->trials.items[i].result, result))
			return &b->trials.items[i];
	return NULL;
}

static void assert_entry(const struct python_build *b, enum layout_entry_id id, uint64_t offset,
			 uint64_t width, uint64_t count, uint64_t stride)
{
	const struct layout_entry *e = &b->layout.entries[id];
	if (e->offset != offset || e->width != width || e->count != count || e->stride != stride)
		fail_msg("%s: %lu %lu %lu %lu, not %lu %lu %lu %lu", layout_name(id), e->offset,
			 e->width, e->count, e->stride, offset, width, count, stride);
}

#define ASSERT_FIELD(build, id, type, member)                                           \
	assert_entry(build, id, offsetof(type, member), sizeof(((type *)0)->member), 1, \
		     sizeof(((type *)0)->member))
#define ASSERT_SIZE(build, id, type) assert_entry(build, id, 0, sizeof(type), 1, sizeof(type))

static void assert_allocator(const struct python_build *b)
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

static void assert_table(const struct python_build *b)
{
	assert_allocator(b);
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

struct search {
	char folder[SAMPLE_PATH_SIZE];
	char stripped[SAMPLE_PATH_SIZE + 32]; /* the module, without symbols */
	char debug[SAMPLE_PATH_SIZE + 32];    /* its debug file, where nobody looks */
	int root;                             /* descriptor of folder: the target's root */
};

static int setup(void **state)
{
	static struct search s;
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

static int teardown(void **state)
{
	struct search *s = *state;
	close(s->root);
	sample_remove_folder(s->folder);
	return 0;
}

/* ---- what compilers write ------------------------------------------------------------ */

static void test_every_flavour_gives_the_same_table(void **state)
{
	(void)state;
	static const char *const flavours[] = {"plain",      "dwarf2", "dwarf4", "dwarf5",
					       "compressed", "types",  "split",  "lto"};
	for (size_t i = 0; i < ARRAY_SIZE(flavours); i++) {
		char path[SAMPLE_PATH_SIZE];
		struct python_build build;
		sample_path(flavours[i], path);
		if (access(path, R_OK))
			continue; /* lto: not with this compiler */
		print_message("sample %s\n", flavours[i]);
		assert_no_error(resolve(path, nowhere(), &build));
		assert_table(&build);
		assert_int_equal(build.layout_source, PROVENANCE_DWARF);
		assert_null(build.debug_file);
		python_build_fini(&build);
	}
}

/* The addresses that the program itself has for two statics of one name. */
static void test_statics_of_one_name_are_told_apart(void **state)
{
	(void)state;
	char path[SAMPLE_PATH_SIZE];
	struct python_build build;
	sample_path("plain", path);
	assert_no_error(resolve(path, nowhere(), &build));
	assert_int_equal(layout_width(&build.layout, LAYOUT_FREELIST_STATIC_DICT), 4);
	assert_int_equal(layout_width(&build.layout, LAYOUT_FREELIST_STATIC_TUPLE), 80);
	assert_int_equal(build.layout.entries[LAYOUT_FREELIST_STATIC_DICT].provenance,
			 PROVENANCE_SYMTAB);
	assert_false(layout_has(&build.layout, LAYOUT_FREELIST_STATIC_LIST));
	/* Two files have one, and layout.def does not say which is meant. */
	assert_false(layout_has(&build.layout, LAYOUT_STATIC_SERIALNO));
	python_build_fini(&build);
}

/* Link-time optimisation forgets which file a static is from; only DWARF still knows. */
static void test_statics_of_one_name_after_link_time_optimisation(void **state)
{
	(void)state;
	char path[SAMPLE_PATH_SIZE];
	struct python_build build;
	sample_path("lto-statics", path);
	if (access(path, R_OK))
		skip();
	assert_no_error(resolve(path, nowhere(), &build));
	assert_false(layout_has(&build.layout, LAYOUT_FREELIST_FLOAT));
	assert_int_equal(layout_width(&build.layout, LAYOUT_FREELIST_STATIC_DICT), 4);
	assert_int_equal(layout_width(&build.layout, LAYOUT_FREELIST_STATIC_TUPLE), 80);
	assert_int_equal(build.layout.entries[LAYOUT_FREELIST_STATIC_DICT].provenance,
			 PROVENANCE_DWARF);
	assert_int_equal(build.layout.entries[LAYOUT_STATIC_ARENAS].provenance, PROVENANCE_SYMTAB);
	python_build_fini(&build);
}

static void test_addresses_without_a_symbol_table(void **state)
{
	struct search *s = *state;
	static const enum layout_entry_id ids[] = {LAYOUT_STATIC_ARENAS, LAYOUT_STATIC_USEDPOOLS,
						   LAYOUT_STATIC_MAXARENAS, LAYOUT_RUNTIME};
	char plain[SAMPLE_PATH_SIZE], path[2 * SAMPLE_PATH_SIZE];
	struct python_build with, without;
	sample_path("plain", plain);
	snprintf(path, sizeof(path), "%s/nosymtab", s->folder);
	sample_run("objcopy --strip-all --keep-section='.debug_*' '%s' '%s'", plain, path);
	assert_no_error(resolve(plain, nowhere(), &with));
	assert_no_error(resolve(path, nowhere(), &without));
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		const struct layout_entry *a = &with.layout.entries[ids[i]];
		const struct layout_entry *b = &without.layout.entries[ids[i]];
		assert_int_equal(a->offset, b->offset);
		assert_int_equal(a->width, b->width);
		assert_int_equal(a->provenance, PROVENANCE_SYMTAB);
		assert_int_equal(b->provenance,
				 ids[i] == LAYOUT_RUNTIME ? PROVENANCE_DYNSYM : PROVENANCE_DWARF);
	}
	assert_false(layout_has(&without.layout, LAYOUT_PYMALLOC_MALLOC));
	python_build_fini(&with);
	python_build_fini(&without);
}

/* dwz moves what two files have in common to a third one, which must be found and be the right one. */
static void test_what_dwz_moved_away(void **state)
{
	struct search *s = *state;
	char plain[SAMPLE_PATH_SIZE], other[SAMPLE_PATH_SIZE], path[2 * SAMPLE_PATH_SIZE];
	char command[2 * SAMPLE_PATH_SIZE];
	struct python_build build;
	sample_path("dwarf4", plain);
	sample_path("other", other);
	snprintf(path, sizeof(path), "%s/a", s->folder);
	sample_run("cd '%s' && cp '%s' a && cp a b", s->folder, plain);
	snprintf(command, sizeof(command), "cd '%s' && dwz -m common a b 2>/dev/null", s->folder);
	if (system(command) != 0)
		skip(); /* there is no dwz, or it does not know what this compiler writes */
	assert_no_error(resolve(path, nowhere(), &build));
	assert_table(&build);
	assert_non_null(find_trial(&build, "used"));
	python_build_fini(&build);
	sample_run("cp '%s' '%s/common'", other, s->folder);
	_cleanup_(error_fini) struct error *err = resolve(path, nowhere(), &build);
	assert_non_null(err);
	assert_non_null(strstr(err->cause, "dwz's common file"));
	assert_non_null(find_trial(&build, "another build (build-id 0123456789abcdef"));
	python_build_fini(&build);
}

static void test_zstd_is_named(void **state)
{
	struct search *s = *state;
	char plain[SAMPLE_PATH_SIZE], path[2 * SAMPLE_PATH_SIZE], command[4 * SAMPLE_PATH_SIZE];
	struct python_build build;
	sample_path("plain", plain);
	snprintf(path, sizeof(path), "%s/zstd", s->folder);
	snprintf(command, sizeof(command),
		 "objcopy --compress-debug-sections=zstd '%s' '%s' 2>/dev/null", plain, path);
	if (system(command) != 0)
		skip();
	_cleanup_(error_fini) struct error *err = resolve(path, nowhere(), &build);
	if (err)
		assert_non_null(strstr(err->cause, "zstd"));
	else
		assert_table(&build); /* a libdw that can read it */
	python_build_fini(&build);
}

/* ---- the search ---------------------------------------------------------------------- */

/* Resolving the stripped module finds `expected` as its debug file. */
static void assert_found(const struct search *s, struct python_build_request request,
			 const char *expected)
{
	struct python_build build;
	assert_no_error(resolve(s->stripped, request, &build));
	assert_string_equal(build.debug_file, expected);
	assert_table(&build);
	python_build_fini(&build);
}

static void assert_not_found(const struct search *s, struct python_build_request request,
			     const char *because)
{
	struct python_build build;
	_cleanup_(error_fini) struct error *err = resolve(s->stripped, request, &build);
	assert_non_null(err);
	assert_int_equal(err->kind, ERROR_SYMBOLS);
	assert_non_null(err->remedy);
	assert_non_null(strstr(err->remedy, "python3.11-dbg"));
	assert_non_null(strstr(err->remedy, HEX));
	if (because && !find_trial(&build, because) && !strstr(err->cause, because))
		fail_msg("nothing says '%s' (%s)", because, err->cause);
	assert_false(layout_has(&build.layout, LAYOUT_INTERP_SIZE));
	python_build_fini(&build);
}

static void test_nothing_to_be_found(void **state)
{
	assert_not_found(*state, nowhere(), "no debug information in it");
}

static void test_by_build_id_in_the_targets_root(void **state)
{
	struct search *s = *state;
	struct python_build_request request = nowhere();
	char path[2 * SAMPLE_PATH_SIZE];
	snprintf(path, sizeof(path), "%s" BY_ID, s->folder);
	sample_copy(s->debug, path);
	request.target_root = s->root;
	assert_found(s, request, BY_ID);
	/* An absolute link leads inside the target's root, not to ours. */
	sample_run("cd '%s' && mv '.%s' away/y.debug && ln -s /away/y.debug '.%s'", s->folder,
		   BY_ID, BY_ID);
	assert_found(s, request, BY_ID);
	sample_run("cd '%s' && ln -sf '%s' '.%s'", s->folder, s->debug, BY_ID);
	assert_not_found(s, request, "no such file");
}

static void test_odd_things_in_place_of_a_file(void **state)
{
	struct search *s = *state;
	struct python_build_request request = nowhere();
	request.target_root = s->root;
	sample_run("cd '%s' && mkdir -p '.%s'", s->folder, BY_ID);
	assert_not_found(s, request, "not a regular file");
	sample_run("cd '%s' && rmdir '.%s' && mkfifo '.%s'", s->folder, BY_ID, BY_ID);
	assert_not_found(s, request, "not a regular file");
	sample_run("cd '%s' && rm '.%s' && truncate -s 3G '.%s'", s->folder, BY_ID, BY_ID);
	assert_not_found(s, request, "too large");
	sample_run("cd '%s' && rm '.%s' && echo text > '.%s'", s->folder, BY_ID, BY_ID);
	assert_not_found(s, request, "not an ELF file");
	sample_run("cd '%s' && ln -sf '%s' '.%s'", s->folder, BY_ID, BY_ID);
	assert_not_found(s, request, "symbolic links");
}

static void test_by_debuglink(void **state)
{
	struct search *s = *state;
	char path[2 * SAMPLE_PATH_SIZE];
	snprintf(path, sizeof(path), "%s/.debug/x.debug", s->folder);
	sample_copy(s->debug, path);
	assert_found(s, nowhere(), path);
	snprintf(path, sizeof(path), "%s/x.debug", s->folder);
	sample_copy(s->debug, path);
	assert_found(s, nowhere(), path);
}

/* Without build-ids the debuglink's CRC, counted by objcopy, is what vouches. */
static void test_by_crc(void **state)
{
	struct search *s = *state;
	struct python_build_request request = nowhere();
	char debug[SAMPLE_PATH_SIZE + 32], path[2 * SAMPLE_PATH_SIZE];
	struct python_build build;
	snprintf(debug, sizeof(debug), "%s/n.debug", s->folder);
	snprintf(path, sizeof(path), "%s/noid", s->folder);
	sample_run("cd '%s' && objcopy -R .note.gnu.build-id away/x.debug n.debug && "
		   "objcopy -R .note.gnu.build-id -R .gnu_debuglink python noid && "
		   "objcopy --add-gnu-debuglink=n.debug noid",
		   s->folder);
	assert_no_error(resolve(path, request, &build));
	assert_string_equal(build.debug_file, debug);
	assert_table(&build);
	python_build_fini(&build);
	sample_run("echo >> '%s'", debug);
	struct error *err = resolve(path, request, &build);
	assert_true(error_catch(&err, ERROR_SYMBOLS));
	assert_non_null(find_trial(&build, "its CRC is not the debuglink's"));
	python_build_fini(&build);
	/* A file given by hand has nothing else to show either. */
	request.symbols = s->debug;
	err = resolve(path, request, &build);
	assert_true(error_catch(&err, ERROR_SYMBOLS));
	python_build_fini(&build);
}

static void test_by_hand_and_from_debuginfods_cache(void **state)
{
	struct search *s = *state;
	struct python_build_request request = nowhere();
	char path[3 * SAMPLE_PATH_SIZE], cache[SAMPLE_PATH_SIZE + 16];
	request.symbols = s->debug;
	assert_found(s, request, s->debug);
	snprintf(cache, sizeof(cache), "%s/away", s->folder);
	request.symbols = cache;
	assert_found(s, request, s->debug);
	snprintf(path, sizeof(path), "%s/" HEX "/debuginfo", cache);
	sample_copy(s->debug, path);
	request.symbols = NULL;
	request.debuginfo_cache = cache;
	assert_found(s, request, path);
}

static void test_another_builds_file_is_refused(void **state)
{
	struct search *s = *state;
	struct python_build_request request = nowhere();
	char other[SAMPLE_PATH_SIZE], plain[SAMPLE_PATH_SIZE];
	sample_path("other", other);
	sample_path("plain", plain);
	request.symbols = other;
	assert_not_found(s, request, "another build (build-id 0123456789abcdef");
	/* It does no harm to a module that needs none. */
	struct python_build build;
	assert_no_error(resolve(plain, request, &build));
	assert_non_null(find_trial(&build, "another build (build-id 0123456789abcdef"));
	assert_table(&build);
	python_build_fini(&build);
}

static void test_the_modules_file_of_another_build(void **state)
{
	(void)state;
	char plain[SAMPLE_PATH_SIZE];
	sample_path("plain", plain);
	_cleanup_(close_fd) int fd = open(plain, O_RDONLY | O_CLOEXEC);
	struct python_build_request request = nowhere();
	request.file = fd;
	request.path = plain;
	request.build_id = (struct build_id){.bytes = {1, 2, 3, 4}, .size = 4};
	struct python_build build;
	_cleanup_(error_fini) struct error *err = python_build_resolve(&request, &build);
	assert_non_null(err);
	assert_non_null(find_trial(&build, "another build (build-id " HEX));
	python_build_fini(&build);
}

static void test_a_deleted_module(void **state)
{
	struct search *s = *state;
	struct python_build_request request = nowhere();
	struct python_build build;
	_cleanup_(close_fd) int fd = open(s->stripped, O_RDONLY | O_CLOEXEC);
	struct file_image file;
	assert_null(file_image_read(fd, &file));
	request.build_id = file.image.build_id;
	request.symbols = s->debug;
	request.read = file_image_bytes; /* stands in for memory */
	request.read_context = &file;
	request.image = &file.image;
	assert_no_error(python_build_resolve(&request, &build));
	assert_table(&build);
	python_build_fini(&build);
}

/* The doctored file has other shapes under the module's build-id: they must show. */
static void test_a_doctored_file_changes_the_table(void **state)
{
	struct search *s = *state;
	struct python_build_request request = nowhere();
	char doctored[SAMPLE_PATH_SIZE], path[2 * SAMPLE_PATH_SIZE];
	struct python_build build;
	sample_path("doctored", doctored);
	snprintf(path, sizeof(path), "%s" BY_ID, s->folder);
	sample_copy(doctored, path);
	request.target_root = s->root;
	assert_no_error(resolve(s->stripped, request, &build));
	uint64_t moved = 64 - SAMPLE_PADDING;
	assert_int_equal(layout_offset(&build.layout, LAYOUT_POOL_SZIDX),
			 offsetof(struct pool_header, szidx) + moved);
	assert_int_equal(layout_offset(&build.layout, LAYOUT_ARENA_ADDRESS),
			 offsetof(struct arena_object, address) + moved);
	assert_int_equal(build.layout_source, PROVENANCE_DWARF);
	python_build_fini(&build);
}

static void test_split_units_without_their_files(void **state)
{
	struct search *s = *state;
	char split[SAMPLE_PATH_SIZE], path[2 * SAMPLE_PATH_SIZE];
	sample_path("split", split);
	snprintf(path, sizeof(path), "%s/split", s->folder);
	sample_copy(split, path);
	/* What others can write is read behind the full seal: no file is opened at its word. */
	assert_int_equal(chmod(path, 0666), 0);
	struct python_build build;
	_cleanup_(error_fini) struct error *err = resolve(path, nowhere(), &build);
	assert_non_null(err);
	assert_non_null(strstr(err->cause, ".dwo"));
	python_build_fini(&build);
}

/* ---- the cache ----------------------------------------------------------------------- */

static void test_a_kept_table_answers(void **state)
{
	struct search *s = *state;
	char plain[SAMPLE_PATH_SIZE], cache[SAMPLE_PATH_SIZE + 16];
	struct python_build_request request = nowhere();
	struct python_build build;
	sample_path("plain", plain);
	snprintf(cache, sizeof(cache), "%s/cache", s->folder);
	request.cache_dir = cache;
	request.cache_only = true;
	struct error *err = resolve(plain, request, &build);
	assert_true(error_catch(&err, ERROR_SYMBOLS));
	python_build_fini(&build);
	request.cache_only = false;
	assert_no_error(resolve(plain, request, &build));
	assert_false(build.used_cache);
	python_build_fini(&build);
	request.cache_only = true;
	assert_no_error(resolve(s->stripped, request, &build));
	assert_true(build.used_cache);
	assert_table(&build);
	assert_int_equal(build.layout_source, PROVENANCE_CACHE);
	assert_int_equal(build.roots_source, PROVENANCE_CACHE);
	python_build_fini(&build);
	/* A file given by hand neither reads nor writes it. */
	request.cache_only = false;
	request.symbols = plain;
	assert_no_error(resolve(s->stripped, request, &build));
	assert_false(build.used_cache);
	python_build_fini(&build);
}

static void test_a_table_from_a_foreign_file_is_not_kept(void **state)
{
	struct search *s = *state;
	char path[2 * SAMPLE_PATH_SIZE], cache[SAMPLE_PATH_SIZE + 16];
	struct python_build_request request = nowhere();
	struct python_build build;
	snprintf(path, sizeof(path), "%s/x.debug", s->folder);
	snprintf(cache, sizeof(cache), "%s/cache", s->folder);
	sample_copy(s->debug, path);
	assert_int_equal(chmod(path, 0666), 0);
	request.cache_dir = cache;
	assert_no_error(resolve(s->stripped, request, &build));
	assert_non_null(find_trial(&build, "not kept"));
	assert_int_not_equal(access(cache, F_OK), 0);
	python_build_fini(&build);
}

/* ---- broken files -------------------------------------------------------------------- */

/* A broken file gives a checked table or ERROR_SYMBOLS, and leaves nothing behind. */
static void assert_survived(const char *path, size_t descriptors)
{
	struct python_build_request request = nowhere();
	struct python_build build;
	_cleanup_(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	request.file = fd;
	request.path = path;
	struct error *err = python_build_resolve(&request, &build);
	if (err)
		assert_int_equal(err->kind, ERROR_SYMBOLS);
	else
		assert_null(layout_check(&build.layout));
	error_free(err);
	python_build_fini(&build);
	close(take_fd(&fd));
	assert_int_equal(sample_count_descriptors(), descriptors);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void test_flipped_bytes(void **state)
{
	struct search *s = *state;
	static const char *const flavours[] = {"plain", "compressed", "types"};
	char path[2 * SAMPLE_PATH_SIZE];
	size_t descriptors = sample_count_descriptors();
	uint32_t random = 3;
	snprintf(path, sizeof(path), "%s/broken", s->folder);
	for (size_t i = 0; i < ARRAY_SIZE(flavours); i++) {
		char original[SAMPLE_PATH_SIZE];
		size_t size;
		sample_path(flavours[i], original);
		_cleanup_(free_pointer) uint8_t *data = sample_read(original, &size);
		for (unsigned round = 0; round < 60; round++) {
			_cleanup_(free_pointer) uint8_t *copy = malloc(size);
			memcpy(copy, data, size);
			/* Behind the segments lie the debug sections and the section headers. */
			for (unsigned n = 0; n <= round; n++)
				copy[12288 + sample_random(&random) % (size - 12288)] =
					(uint8_t)sample_random(&random);
			sample_write(path, copy, size);
			assert_survived(path, descriptors);
		}
	}
}

static void test_truncated_files(void **state)
{
	struct search *s = *state;
	char path[2 * SAMPLE_PATH_SIZE], original[SAMPLE_PATH_SIZE];
	size_t size, descriptors = sample_count_descriptors();
	snprintf(path, sizeof(path), "%s/broken", s->folder);
	sample_path("plain", original);
	_cleanup_(free_pointer) uint8_t *data = sample_read(original, &size);
	for (size_t n = 0; n < size; n += 997) {
		sample_write(path, data, n);
		assert_survived(path, descriptors);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_flavour_gives_the_same_table),
		cmocka_unit_test(test_statics_of_one_name_are_told_apart),
		cmocka_unit_test(test_statics_of_one_name_after_link_time_optimisation),
		TEST(test_addresses_without_a_symbol_table),
		TEST(test_what_dwz_moved_away),
		TEST(test_zstd_is_named),
		TEST(test_nothing_to_be_found),
		TEST(test_by_build_id_in_the_targets_root),
		TEST(test_odd_things_in_place_of_a_file),
		TEST(test_by_debuglink),
		TEST(test_by_crc),
		TEST(test_by_hand_and_from_debuginfods_cache),
		TEST(test_another_builds_file_is_refused),
		TEST(test_the_modules_file_of_another_build),
		TEST(test_a_deleted_module),
		TEST(test_a_doctored_file_changes_the_table),
		TEST(test_split_units_without_their_files),
		TEST(test_a_kept_table_answers),
		TEST(test_a_table_from_a_foreign_file_is_not_kept),
		TEST(test_flipped_bytes),
		TEST(test_truncated_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
