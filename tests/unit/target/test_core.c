/* core: what is read from where, what the notes tell, and headers that lie. */
#include "base/cleanup.h"
#include "core_maker.h"
#include "inspector/target/core/core.h"
#include "inspector/target/origin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define TEXT 0x400000
#define DATA 0x500000
#define HEAP 0x600000
#define GONE 0x700000

/* A core opened, with the file that it is read from. */
struct opened {
	int fd;
	struct origin origin;
	struct space space;
};

static void opened_fini(struct opened *o)
{
	space_fini(&o->space);
	origin_close(&o->origin);
	close_fd(&o->fd);
}

#define OPENED_EMPTY ((struct opened){.fd = -1})

static struct error *open_bytes(const void *bytes, size_t size, struct opened *ret)
{
	char path[64];
	const struct core_request request = {0};
	ret->fd = core_maker_file(bytes, size, path);
	struct error *err = core_origin(path, &request, &ret->origin);
	return err ?: origin_space(&ret->origin, &ret->space);
}

static struct error *open_made(struct core_maker *m, size_t cut, struct opened *ret)
{
	size_t size;
	_cleanup_(free_pointer) uint8_t *bytes = core_maker_bytes(m, &size);
	text_fini(&m->notes);
	return open_bytes(bytes, size - cut, ret);
}

static void add_program(struct core_maker *m)
{
	static const uint64_t files[][3] = {{TEXT, TEXT + 0x3000, 0}, {DATA, DATA + 0x2000, 3}};
	core_maker_load(m, TEXT, 0x3000, 0x1000, PF_R | PF_X);
	core_maker_load(m, DATA, 0x2000, 0, PF_R | PF_W);
	core_maker_files(m, 4096, 2, files, "/bin/py\0/bin/py", 16);
}

static struct core_maker usual(void)
{
	struct core_maker m = CORE_MAKER_EMPTY;
	add_program(&m);
	core_maker_load(&m, HEAP, 0x2000, 0x2000, PF_R | PF_W);
	core_maker_load(&m, GONE, 0x1000, 0, PF_R | PF_W);
	return m;
}

static void expect_bytes(struct opened *o, uint64_t at, size_t size)
{
	uint8_t bytes[0x2000];
	expect_error(space_read(&o->space, raddr_at(at), bytes, size), 0, NULL);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(bytes[i], core_maker_byte(at + i));
}

static void expect_fault(struct opened *o, uint64_t at, size_t size, const char *words)
{
	uint8_t bytes[0x2000];
	expect_error(space_read(&o->space, raddr_at(at), bytes, size), ERROR_FAULT, words);
}

/* In the core: from the core. Not there: from the file, once it is named, and else from nowhere. */
static void absent_pages_come_from_the_file_alone(void **state)
{
	(void)state;
	_cleanup_(opened_fini) struct opened o = OPENED_EMPTY;
	struct core_maker m = usual();
	uint8_t bytes[0x1800], file[0x5000];
	char path[64];
	memset(file, 'f', sizeof(file));
	_cleanup_(close_fd) int fd = core_maker_file(file, sizeof(file) - 100, path);
	expect_error(open_made(&m, 0, &o), 0, NULL);
	expect_bytes(&o, HEAP + 1, 0x1fff);
	expect_bytes(&o, TEXT, 0x1000);
	expect_fault(&o, TEXT + 0xfff, 2, "0x401000 is not in the core file");
	expect_fault(&o, DATA, 1, "not in the core file");
	expect_error(space_back(&o.space, space_region(&o.space, raddr_at(TEXT)), fd), 0, NULL);
	expect_error(space_read(&o.space, raddr_at(TEXT + 0xfff), bytes, 0x101), 0, NULL);
	assert_int_equal(bytes[0], core_maker_byte(TEXT + 0xfff));
	assert_true(bytes[1] == 'f' && bytes[0x100] == 'f');
	/* Both mappings are of one file; its last page ends in zeros, and there it ends. */
	expect_error(space_read(&o.space, raddr_at(DATA + 0xf00), bytes, 0x1100), 0, NULL);
	assert_true(bytes[0] == 'f' && bytes[0x1100 - 100] == 0 && bytes[0x1100 - 101] == 'f');
	expect_fault(&o, GONE, 8, "not in the core file");
}

/* Where written private memory was left out, a file's page may have been written, too. */
static void data_is_not_the_files_where_private_memory_is_missing(void **state)
{
	(void)state;
	_cleanup_(opened_fini) struct opened o = OPENED_EMPTY;
	struct core_maker m = CORE_MAKER_EMPTY;
	char path[64], file[0x5000] = "file";
	uint8_t byte;
	_cleanup_(close_fd) int fd = core_maker_file(file, sizeof(file), path);
	add_program(&m);
	core_maker_load(&m, HEAP, 0x2000, 0, PF_R | PF_W);
	expect_error(open_made(&m, 0, &o), 0, NULL);
	expect_error(space_back(&o.space, space_region(&o.space, raddr_at(TEXT)), fd), 0, NULL);
	expect_error(space_read(&o.space, raddr_at(TEXT + 0x1000), &byte, 1), 0, NULL);
	expect_fault(&o, DATA, 1, "leaves out what was written");
	assert_false(core_summary(&o.origin)->has_private);
}

static void what_is_cut_off_is_no_zero(void **state)
{
	(void)state;
	_cleanup_(opened_fini) struct opened o = OPENED_EMPTY;
	struct core_maker m = usual();
	expect_error(open_made(&m, 0x800, &o), 0, NULL);
	expect_bytes(&o, HEAP, 0x1800);
	expect_fault(&o, HEAP + 0x17ff, 2, "0x6017ff is cut off");
	const struct core_summary *s = core_summary(&o.origin);
	assert_int_equal(s->whole_size - s->size, 0x800);
	assert_int_equal(s->lost_size, 0x800);
	assert_false(s->by_gdb);
}

static void without_mapped_files_nothing_can_be_said(void **state)
{
	(void)state;
	struct core_maker m = usual();
	_cleanup_(opened_fini) struct opened whole = OPENED_EMPTY;
	text_fini(&m.notes);
	expect_error(open_made(&m, 0, &whole), ERROR_BAD_FILE, "does not tell which files");
	_cleanup_(opened_fini) struct opened cut = OPENED_EMPTY;
	struct core_maker other = usual();
	expect_error(open_made(&other, 0x3000 + 40, &cut), ERROR_BAD_FILE, "is cut off after");
}

/* ---- notes -------------------------------------------------------------------------------- */

static void put(uint8_t *to, const char *text)
{
	for (size_t i = 0; text[i]; i++)
		to[i] = (uint8_t)text[i];
}

static void add_process(struct core_maker *m)
{
	uint8_t info[136] = {0}, status[336] = {0};
	const uint64_t auxv[] = {AT_PHDR, TEXT + 64, AT_ENTRY, TEXT + 0x1000, AT_NULL, 0, 3, 7};
	const uint32_t uid = 1000, pid = 4127;
	memcpy(info + 16, &uid, 4);
	memcpy(info + 24, &pid, 4);
	put(info + 40, "0123456789abcdef"); /* fills the field: without its end */
	memset(info + 56, 'a', 80);
	put(info + 56, "python3  app.py ");
	status[12] = 11;
	core_maker_note(m, NT_PRSTATUS, status, sizeof(status));
	status[12] = 0;
	core_maker_note(m, NT_PRPSINFO, info, sizeof(info));
	core_maker_note(m, NT_AUXV, auxv, sizeof(auxv));
	core_maker_note(m, NT_PRSTATUS, status, sizeof(status));
	core_maker_note(m, 0x12345, status, 3); /* padded */
}

static void notes_tell_who_it_was(void **state)
{
	(void)state;
	_cleanup_(opened_fini) struct opened o = OPENED_EMPTY;
	_cleanup_(facts_fini) struct facts facts = FACTS_EMPTY;
	struct core_maker m = CORE_MAKER_EMPTY;
	add_process(&m);
	add_program(&m);
	expect_error(open_made(&m, 0, &o), 0, NULL);
	expect_error(origin_facts(&o.origin, &facts), 0, NULL);
	assert_int_equal(facts.pid, 4127);
	assert_int_equal(facts.uid, 1000);
	assert_int_equal(facts.n_threads, 2);
	assert_int_equal(facts.signal, 11);
	assert_string_equal(facts.comm, "0123456789abcdef");
	assert_string_equal(facts.exe, "/bin/py");
	assert_int_equal(facts.cmdline.count, 3);
	assert_string_equal(facts.cmdline.items[1], "app.py");
	assert_int_equal(strlen(facts.cmdline.items[2]), 64);
	assert_int_equal(core_summary(&o.origin)->n_refused, 0);
}

/* Files and memory are cut at each other's ends. */
static void regions_are_laid_over_each_other(void **state)
{
	static const uint64_t files[][3] = {
		{TEXT, TEXT + 0x1000, 0},
		{TEXT + 0x1000, TEXT + 0x2000, 0x7000},
		{DATA - 0x1000, DATA + 0x1000, 0},
		{GONE, GONE + 0x1000, 0x5000},
		{TEXT + 0x1800, TEXT + 0x9000, 0}, /* overlaps */
		{5, 5, 0},                         /* empty */
	};
	static const struct {
		uint64_t start, size, offset;
		const char *label;
		bool writable;
	} expected[] = {
		{TEXT, 0x1000, 0, "/a", false},
		{TEXT + 0x1000, 0x1000, 0x7000, "/b", false},
		{TEXT + 0x2000, 0x1000, 0, NULL, false},
		{DATA - 0x1000, 0x1000, 0, "/a", false},
		{DATA, 0x1000, 0x1000, "/a", true},
		{DATA + 0x1000, 0x1000, 0, NULL, true},
		{GONE, 0x1000, 0x5000, "/c", false},
	};
	(void)state;
	_cleanup_(opened_fini) struct opened o = OPENED_EMPTY;
	struct core_maker m = CORE_MAKER_EMPTY;
	core_maker_load(&m, DATA, 0x2000, 0x2000, PF_R | PF_W);
	core_maker_load(&m, TEXT, 0x3000, 0x3000, PF_R);
	core_maker_files(&m, 1, ARRAY_SIZE(files), files, "/a\0/b\0/a\0/c (deleted)\0/x\0/y", 27);
	expect_error(open_made(&m, 0, &o), 0, NULL);
	assert_int_equal(o.space.regions.count, ARRAY_SIZE(expected));
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		const struct region *r = &o.space.regions.items[i];
		assert_int_equal(r->start.value, expected[i].start);
		assert_int_equal(r->size, expected[i].size);
		assert_int_equal(r->file_offset, expected[i].offset);
		assert_int_equal(r->writable, expected[i].writable);
		assert_int_equal(!r->label, !expected[i].label);
		if (r->label)
			assert_string_equal(r->label, expected[i].label);
	}
	assert_true(o.space.regions.items[0].inode == o.space.regions.items[3].inode);
	assert_true(o.space.regions.items[0].inode != o.space.regions.items[1].inode);
	assert_true(o.space.regions.items[6].deleted);
	assert_int_equal(core_summary(&o.origin)->n_refused, 2);
}

static void expect_refused(const void *desc, size_t size, uint64_t n)
{
	_cleanup_(opened_fini) struct opened o = OPENED_EMPTY;
	struct core_maker m = CORE_MAKER_EMPTY;
	core_maker_load(&m, HEAP, 0x1000, 0x1000, PF_R | PF_W);
	core_maker_note(&m, NT_FILE, desc, size);
	struct error *err = open_made(&m, 0, &o);
	error_free(err);
	assert_non_null(core_summary(&o.origin));
	assert_int_equal(core_summary(&o.origin)->n_refused, n);
}

/* Counts and lengths are held against the note. */
static void files_that_lie(void **state)
{
	const uint64_t too_many[] = {2, 4096, 1, 2, 3}, endless[] = {UINT64_MAX / 12, 1, 1, 2, 3};
	const uint64_t far[] = {1, UINT64_MAX, 4096, 8192, 7, 'x'};
	const uint64_t unended[] = {1, 1, 4096, 8192, 7, UINT64_MAX};
	(void)state;
	expect_refused(too_many, sizeof(too_many), 1);
	expect_refused(endless, sizeof(endless), 1);
	expect_refused(far, sizeof(far), 1);
	expect_refused(unended, sizeof(unended), 1);
	expect_refused(unended, 9, 1);
}

/* ---- headers ------------------------------------------------------------------------------ */

/* More than fit: the number stands in section header 0, and else where the notes begin. */
static void the_number_of_headers_may_stand_elsewhere(void **state)
{
	(void)state;
	for (size_t cut = 0; cut <= sizeof(Elf64_Shdr); cut += sizeof(Elf64_Shdr)) {
		_cleanup_(opened_fini) struct opened o = OPENED_EMPTY;
		struct core_maker m = usual();
		m.many = true;
		expect_error(open_made(&m, cut, &o), 0, NULL);
		assert_int_equal(core_summary(&o.origin)->n_headers, 5);
		expect_bytes(&o, HEAP, 0x2000);
	}
}

static void segments_that_lie_are_left_out(void **state)
{
	(void)state;
	_cleanup_(opened_fini) struct opened o = OPENED_EMPTY;
	struct core_maker m = usual();
	core_maker_load(&m, HEAP + 0x1000, 0x1000, 0x1000, PF_R);    /* overlaps */
	core_maker_load(&m, UINT64_MAX - 10, 0x1000, 0, PF_R);       /* wraps */
	core_maker_load(&m, 0x900000, 0x1000, UINT64_MAX / 2, PF_R); /* more than there is */
	core_maker_load(&m, 0x900000, 0, 0, PF_R);                   /* nothing */
	expect_error(open_made(&m, 0, &o), 0, NULL);
	assert_int_equal(core_summary(&o.origin)->n_refused, 3);
	assert_null(space_region(&o.space, raddr_at(0x900000)));
	expect_bytes(&o, HEAP, 0x2000);
}

static void expect_no_core(size_t at, uint8_t byte, int kind, const char *words)
{
	struct core_maker m = usual();
	size_t size;
	_cleanup_(free_pointer) uint8_t *bytes = core_maker_bytes(&m, &size);
	_cleanup_(opened_fini) struct opened o = OPENED_EMPTY;
	text_fini(&m.notes);
	bytes[at] = byte;
	expect_error(open_bytes(bytes, size, &o), kind, words);
}

static void what_is_no_core_is_refused(void **state)
{
	(void)state;
	_cleanup_(opened_fini) struct opened o = OPENED_EMPTY;
	expect_no_core(EI_MAG1, 'X', ERROR_BAD_FILE, "not a core file");
	expect_no_core(16, ET_EXEC, ERROR_BAD_FILE, "not a core file");
	expect_no_core(18, EM_AARCH64, ERROR_UNSUPPORTED, "another machine");
	expect_no_core(EI_CLASS, ELFCLASS32, ERROR_UNSUPPORTED, "another machine");
	expect_no_core(54, 55, ERROR_BAD_FILE, "program headers are 55 bytes");
	expect_no_core(56, 0, ERROR_BAD_FILE, "no program headers");
	expect_error(open_bytes("\x7f"
				"ELF",
				4, &o),
		     ERROR_BAD_FILE, "not a core file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(absent_pages_come_from_the_file_alone),
		cmocka_unit_test(data_is_not_the_files_where_private_memory_is_missing),
		cmocka_unit_test(what_is_cut_off_is_no_zero),
		cmocka_unit_test(without_mapped_files_nothing_can_be_said),
		cmocka_unit_test(notes_tell_who_it_was),
		cmocka_unit_test(regions_are_laid_over_each_other),
		cmocka_unit_test(files_that_lie),
		cmocka_unit_test(the_number_of_headers_may_stand_elsewhere),
		cmocka_unit_test(segments_that_lie_are_left_out),
		cmocka_unit_test(what_is_no_core_is_refused),
	};
	return cmocka_run_group_tests_name("core", tests, NULL, NULL);
}
