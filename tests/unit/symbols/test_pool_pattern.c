/*
 * Tests of symbols/bare/pool_pattern on files that linkers made in every way they can, and on objects made
 * here, in which what it relies on is missing, twice there or a lie. (What real interpreters' files say
 * is test_bare_build's matter.)
 */
#include "symbols/bare/pool_pattern.h"

#include "base/cleanup.h"
#include "base/size.h"
#include "made_object.h"
#include "sample_files.h"
#include "symbols/elf/file_image.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

#include <cmocka.h>

/* ---- linked ---------------------------------------------------------------------------- */

/* Where the symbol is by nm; the exported struct has its table behind nine words. */
static uint64_t place_by_nm(const char *path)
{
	char command[SAMPLE_PATH_SIZE + 64], name[64];
	uint64_t at = 0, found = 0;
	snprintf(command, sizeof(command), "nm '%s'", path);
	FILE *output = popen(command, "r");
	char line[512];
	while (output && fgets(line, sizeof(line), output)) {
		if (sscanf(line, "%" SCNx64 " %*c %63s", &at, name) != 2)
			continue;
		if (!strcmp(name, "usedpools"))
			found = at;
		if (!strcmp(name, "_PyRuntime"))
			found = at + 9 * sizeof(long);
	}
	pclose(output);
	assert_int_not_equal(found, 0);
	return found;
}

static bool has_packed_relocations(const char *path)
{
	char command[SAMPLE_PATH_SIZE + 64];
	snprintf(command, sizeof(command), "readelf -d '%s' | grep -q RELRSZ", path);
	return system(command) == 0;
}

static void assert_linked(const char *flavour, bool fixed)
{
	char path[SAMPLE_PATH_SIZE];
	struct file_image file;
	struct pool_pattern found;
	sample_path(flavour, path);
	_cleanup_(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_null(file_image_read(fd, &file));
	assert_int_equal(file.image.fixed, fixed);
	const struct elf_source s = {file_image_bytes, &file, &file.image};
	pool_pattern_find(&s, true, &found);
	assert_true(pool_pattern_is_told(&found));
	assert_int_equal(found.vaddr, place_by_nm(path));
	assert_int_equal(found.n_classes, 32);
	if (!strcmp(flavour, "pools-packed") && !has_packed_relocations(path))
		print_message("this linker packs no relocations\n");
}

static void test_every_way_of_linking(void **state)
{
	(void)state;
	assert_linked("pools-shared", false);
	assert_linked("pools-exported", false);
	assert_linked("pools-packed", false);
	assert_linked("pools-fixed", true);
}

static struct error *read_self(void *context, raddr at, void *buffer, size_t size)
{
	(void)context;
	struct iovec local = {buffer, size}, remote = {(void *)(uintptr_t)at.value, size};
	if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == (ssize_t)size)
		return NULL;
	return error_new(ERROR_FAULT, "cannot be read");
}

/* In memory the loader has moved what PT_DYNAMIC points to, and the words are relocated. */
static void assert_loaded(const char *flavour)
{
	char path[SAMPLE_PATH_SIZE];
	struct link_map *map;
	struct elf_image image;
	struct pool_pattern found;
	sample_path(flavour, path);
	void *library = dlopen(path, RTLD_NOW);
	assert_non_null(library);
	assert_int_equal(dlinfo(library, RTLD_DI_LINKMAP, &map), 0);
	assert_null(elf_image_read(read_self, NULL, raddr_at(map->l_addr), &image));
	assert_int_not_equal(image.bias, 0);
	const struct elf_source s = {read_self, NULL, &image};
	pool_pattern_find(&s, false, &found);
	assert_true(pool_pattern_is_told(&found));
	assert_int_equal(found.vaddr, place_by_nm(path));
	dlclose(library);
}

static void test_a_library_that_is_loaded(void **state)
{
	(void)state;
	assert_loaded("pools-shared");
	assert_loaded("pools-exported");
}

/* ---- made here -------------------------------------------------------------------------- */

#define TABLE_AT (MADE_DATA + 0x340)

/* n lists, each word by a relocation; not in the order of their places. */
static void put_table(struct made_object *o, uint64_t at, unsigned n)
{
	for (unsigned word = 0; word < 2; word++)
		for (unsigned i = n; i-- > 0;)
			made_object_relocate(o, at + i * 16 + word * 8, R_X86_64_RELATIVE, 0,
					     at + i * 16 - 16);
}

/* n lists as words. */
static void put_words(struct made_object *o, uint64_t at, unsigned n)
{
	for (unsigned i = 0; i < 2 * n; i++)
		made_object_word(o, at + i * 8, at + i / 2 * 16 - 16);
}

static struct pool_pattern ask(struct made_object *o, bool is_file)
{
	struct pool_pattern found;
	const struct elf_source s = made_object_source(o);
	pool_pattern_find(&s, is_file, &found);
	assert_true(pool_pattern_is_told(&found) || (!found.vaddr && !found.n_classes));
	return found;
}

static void assert_told(struct made_object *o, bool is_file, uint64_t at, unsigned n)
{
	struct pool_pattern found = ask(o, is_file);
	assert_true(pool_pattern_is_told(&found));
	assert_int_equal(found.vaddr, at);
	assert_int_equal(found.n_classes, n);
}

/* Not one, and nothing was missed. */
static void assert_none(struct made_object *o, bool is_file, unsigned n_found, unsigned n_refused)
{
	struct pool_pattern found = ask(o, is_file);
	assert_false(pool_pattern_is_told(&found));
	assert_false(found.partial);
	assert_int_equal(found.n_found, n_found);
	assert_int_equal(found.n_refused, n_refused);
}

static void assert_partial(struct made_object *o, bool is_file)
{
	struct pool_pattern found = ask(o, is_file);
	assert_true(found.partial);
	assert_int_equal(found.n_found, 0);
}

typedef void change_fn(struct made_object *o, uint64_t argument);

/* An object with one table of 32, changed. */
static void changed(struct made_object *o, change_fn *change, uint64_t argument)
{
	made_object_init(o);
	put_table(o, TABLE_AT, 32);
	change(o, argument);
}

/* ---- lengths ------------------------------------------------------------------------------ */

static void assert_length(unsigned n, unsigned n_found, unsigned n_refused)
{
	for (uint64_t phase = 0; phase < 16; phase += 8) {
		_cleanup_(made_object_fini) struct made_object o;
		made_object_init(&o);
		put_table(&o, TABLE_AT + phase, n);
		if (n_found)
			assert_told(&o, false, TABLE_AT + phase, n);
		else
			assert_none(&o, false, 0, n_refused);
	}
}

static void test_a_table_has_32_or_64_lists(void **state)
{
	(void)state;
	assert_length(32, 1, 0);
	assert_length(64, 1, 0);
	assert_length(15, 0, 0);
	assert_length(16, 0, 1);
	assert_length(31, 0, 1);
	assert_length(33, 0, 1);
	assert_length(65, 0, 1);
}

static void test_two_tables_are_no_answer(void **state)
{
	(void)state;
	for (uint64_t phase = 0; phase < 16; phase += 8) {
		_cleanup_(made_object_fini) struct made_object o;
		made_object_init(&o);
		put_table(&o, TABLE_AT, 32);
		put_table(&o, TABLE_AT + 4096 + phase, 64);
		assert_none(&o, true, 2, 0);
	}
}

/* ---- what is not relocated so ---------------------------------------------------------------- */

static void change_one(struct made_object *o, uint64_t i)
{
	made_object_relocation(o, i)->r_addend += 8;
}

static void test_one_wrong_word_breaks_it(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < 64; i++) {
		_cleanup_(made_object_fini) struct made_object o;
		changed(&o, change_one, i);
		struct pool_pattern found = ask(&o, false);
		assert_int_equal(found.n_found, 0);
	}
}

static void double_all(struct made_object *o, uint64_t unused)
{
	(void)unused;
	put_table(o, TABLE_AT, 32);
}

/* The same said twice is no second table. */
static void test_relocations_that_are_there_twice(void **state)
{
	(void)state;
	_cleanup_(made_object_fini) struct made_object o;
	changed(&o, double_all, 0);
	assert_told(&o, false, TABLE_AT, 32);
}

/* Constants, and places that no compiler makes. */
static void test_places_that_hold_no_variable(void **state)
{
	(void)state;
	static const uint64_t places[] = {MADE_DATA - 4096, TABLE_AT + 4, MADE_END + 4096,
					  UINT64_MAX - 2047, 0};
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		_cleanup_(made_object_fini) struct made_object o;
		made_object_init(&o);
		put_table(&o, places[i], 32);
		assert_none(&o, false, 0, 0);
	}
}

/* As 3.12 has it: against a symbol, of which there may be several, and which may be another object's. */
static void test_relocations_against_symbols(void **state)
{
	(void)state;
	static const struct {
		uint16_t section;
		bool told;
	} cases[] = {{1, true}, {SHN_UNDEF, false}, {SHN_ABS, false}};
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		_cleanup_(made_object_fini) struct made_object o;
		made_object_init(&o);
		made_object_define(&o, 5, cases[k].section, MADE_DATA + 64);
		made_object_define(&o, 7, 1, MADE_DATA + 128);
		for (unsigned i = 0; i < 64; i++) {
			uint64_t symbol = i % 3 ? 5 : 7;
			made_object_relocate(&o, TABLE_AT + i * 8, R_X86_64_64, symbol,
					     TABLE_AT + i / 2 * 16 - 16 - MADE_DATA -
						     (symbol == 5 ? 64 : 128));
		}
		if (cases[k].told)
			assert_told(&o, false, TABLE_AT, 32);
		else
			assert_none(&o, false, 0, 0);
	}
}

static void other_type(struct made_object *o, uint64_t type)
{
	for (size_t i = 0; i < o->n_relocations; i++)
		made_object_relocation(o, i)->r_info = ELF64_R_INFO(0, type);
}

static void test_other_relocations_are_not_asked(void **state)
{
	(void)state;
	static const uint64_t types[] = {R_X86_64_NONE,     R_X86_64_GLOB_DAT,  R_X86_64_JUMP_SLOT,
					 R_X86_64_DTPMOD64, R_X86_64_IRELATIVE, 0xffffffff};
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		_cleanup_(made_object_fini) struct made_object o;
		changed(&o, other_type, types[i]);
		assert_none(&o, true, 0, 0);
	}
}

/* ---- packed --------------------------------------------------------------------------------- */

/* A place, then bitmaps of 63 words each: all of a table of n lists. */
static void pack_table(struct made_object *o, uint64_t at, unsigned n)
{
	unsigned left = 2 * n - 1;
	put_words(o, at, n);
	for (made_object_pack(o, at); left > 0; left -= left < 63 ? left : 63)
		made_object_pack(o, left < 63 ? ((UINT64_C(1) << left) - 1) << 1 | 1 : UINT64_MAX);
}

static void test_packed_relocations(void **state)
{
	(void)state;
	for (unsigned n = 32; n <= 64; n += 32) {
		_cleanup_(made_object_fini) struct made_object o;
		made_object_init(&o);
		made_object_pack(&o, MADE_DATA + 8);
		made_object_pack(&o, 0x11); /* one more, with none between */
		pack_table(&o, TABLE_AT, n);
		made_object_pack(&o, TABLE_AT + 8192);
		assert_told(&o, true, TABLE_AT, n);
		assert_none(&o, false, 0, 0); /* in memory they have changed */
	}
}

/* Words that nobody relocates are numbers. */
static void test_words_alone_are_no_addresses(void **state)
{
	(void)state;
	_cleanup_(made_object_fini) struct made_object o;
	made_object_init(&o);
	put_words(&o, TABLE_AT, 32);
	made_object_pack(&o, TABLE_AT);
	assert_none(&o, true, 0, 0);
}

static void test_packed_relocations_that_are_damaged(void **state)
{
	(void)state;
	static const uint64_t entries[] = {
		TABLE_AT - 8,    /* backwards */
		MADE_DATA - 8,   /* a constant */
		MADE_BSS + 64,   /* nothing of it in the file */
		MADE_END + 64,   /* nowhere */
		UINT64_MAX - 15, /* at the end of all addresses */
	};
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		_cleanup_(made_object_fini) struct made_object o;
		made_object_init(&o);
		pack_table(&o, TABLE_AT, 32);
		made_object_pack(&o, entries[i]);
		assert_partial(&o, true);
	}
	_cleanup_(made_object_fini) struct made_object o;
	made_object_init(&o);
	made_object_pack(&o, UINT64_MAX); /* bits before any place */
	assert_partial(&o, true);
}

/* ---- fixed ---------------------------------------------------------------------------------- */

static void test_words_of_a_program_that_is_not_moved(void **state)
{
	(void)state;
	for (unsigned n = 32; n <= 64; n += 32) {
		_cleanup_(made_object_fini) struct made_object o;
		made_object_init(&o);
		o.image.fixed = true;
		put_words(&o, TABLE_AT, n);
		put_words(&o, MADE_DATA - 4096, 32); /* constants */
		put_words(&o, MADE_BSS, 32);         /* not in the file */
		put_table(&o, TABLE_AT + 8192, 32);
		assert_told(&o, true, TABLE_AT, n);
		assert_none(&o, false, 0, 0);
		o.image.segments[1].vaddr += 1; /* an odd start moves no word */
		o.image.segments[1].filesz -= 1;
		assert_told(&o, true, TABLE_AT, n);
	}
}

/* ---- hostile -------------------------------------------------------------------------------- */

static void lie(struct made_object *o, uint64_t size)
{
	o->dynamic[MADE_RELASZ].d_un.d_val = size;
}

static void dig(struct made_object *o, uint64_t at)
{
	o->hole = at;
}

static void misplace(struct made_object *o, uint64_t at)
{
	o->dynamic[MADE_RELA].d_un.d_val = at;
	o->image.bias = 0;
}

static void lead_astray(struct made_object *o, uint64_t symbol)
{
	made_object_relocate(o, TABLE_AT - 64, R_X86_64_64, symbol, 0);
}

/* What is not read might have held another table. */
static void test_what_cannot_be_read_leaves_no_answer(void **state)
{
	(void)state;
	static const struct {
		change_fn *change;
		uint64_t argument;
	} cases[] = {
		{lie, UINT64_MAX},
		{lie, UINT64_C(24) << 40},
		{lie, MADE_DATA},
		{dig, MADE_RELOCATIONS + 40},
		{dig, MADE_RELOCATIONS + 64 * 24 - 1},
		{misplace, MADE_DATA - 24},
		{misplace, MADE_END},
		{misplace, UINT64_MAX},
		{lead_astray, 0xffffffff},
		{lead_astray, MADE_END / 24},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(made_object_fini) struct made_object o;
		changed(&o, cases[i].change, cases[i].argument);
		assert_partial(&o, true);
		assert_true(o.n_reads < 100);
	}
}

static void test_an_object_that_has_nothing_dynamic(void **state)
{
	(void)state;
	_cleanup_(made_object_fini) struct made_object o;
	made_object_init(&o);
	put_table(&o, TABLE_AT, 32);
	o.image.dynamic_size = 0;
	assert_none(&o, true, 0, 0);
}

/* More self-reference than any program has, and more data. */
static void test_too_much_is_not_looked_at(void **state)
{
	(void)state;
	_cleanup_(made_object_fini) struct made_object o;
	made_object_init(&o);
	o.image.fixed = true;
	put_words(&o, MADE_DATA + 16, MADE_DATA_SIZE / 16 - 1);
	assert_partial(&o, true);
	assert_true(o.n_reads <= MADE_DATA_SIZE / 4096 + 16);

	o.image.segments[1].filesz = o.image.segments[1].memsz = GIB;
	assert_partial(&o, true);
	assert_int_equal(o.n_reads, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_way_of_linking),
		cmocka_unit_test(test_a_library_that_is_loaded),
		cmocka_unit_test(test_a_table_has_32_or_64_lists),
		cmocka_unit_test(test_two_tables_are_no_answer),
		cmocka_unit_test(test_one_wrong_word_breaks_it),
		cmocka_unit_test(test_relocations_that_are_there_twice),
		cmocka_unit_test(test_places_that_hold_no_variable),
		cmocka_unit_test(test_relocations_against_symbols),
		cmocka_unit_test(test_other_relocations_are_not_asked),
		cmocka_unit_test(test_packed_relocations),
		cmocka_unit_test(test_words_alone_are_no_addresses),
		cmocka_unit_test(test_packed_relocations_that_are_damaged),
		cmocka_unit_test(test_words_of_a_program_that_is_not_moved),
		cmocka_unit_test(test_what_cannot_be_read_leaves_no_answer),
		cmocka_unit_test(test_an_object_that_has_nothing_dynamic),
		cmocka_unit_test(test_too_much_is_not_looked_at),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
