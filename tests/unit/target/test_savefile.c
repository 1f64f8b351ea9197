/* savefile: what was written is read back, layer over layer; what was damaged is refused. */
#include "base/bytes.h"
#include "base/cleanup.h"
#include "inspector/target/savefile/savefile.h"
#include "inspector/target/savefile/savefile_sections.h"
#include "inspector/target/savefile/savefile_writer.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cmocka.h>

#define BASE UINT64_C(0x7f0000000000) /* a window's start */
#define PAGE SAVEFILE_PAGE

static void ok(struct error *err)
{
	if (err)
		print_error("%s\n", err->cause);
	assert_null(err);
}

static void fails(struct error *err, enum error_kind kind, const char *says)
{
	assert_non_null(err);
	assert_int_equal(err->kind, kind);
	if (!strstr(err->cause, says))
		fail_msg("'%s' does not say '%s'", err->cause, says);
	error_free(err);
}

/* ---- a file ------------------------------------------------------------------------------ */

/*
 *	window 0   page 0: 1, page 1: 2, page 63: 3
 *	window 1   page 0: 4
 *	overlay    8 bytes 9 at page 0 + 100; all but the last 8 bytes of page 1: 8
 *	regions    4 windows anonymous, then one of a file; window 2's first page swapped
 */
static void put_window(struct savefile_writer *w, uint64_t start, uint64_t pages, uint8_t first)
{
	uint8_t *room;
	unsigned n = (unsigned)__builtin_popcountll(pages);
	ok(savefile_writer_room(w, &room));
	for (unsigned i = 0; i < n; i++)
		memset(room + i * PAGE, first + (int)i, PAGE);
	savefile_writer_add(w, &(struct savefile_part){.kind = SAVEFILE_MEMORY,
						       .size = n * (uint32_t)PAGE,
						       .start = start,
						       .pages = pages});
}

static size_t put_range(uint8_t *to, uint64_t start, uint32_t size, uint8_t value)
{
	assert_true(bytes_put(to, SAVEFILE_RANGE_SIZE, 0, 8, start));
	assert_true(bytes_put(to, SAVEFILE_RANGE_SIZE, 8, 4, size));
	assert_true(bytes_put(to, SAVEFILE_RANGE_SIZE, 12, 4, SAVEFILE_RANGE_STOPPED));
	memset(to + SAVEFILE_RANGE_SIZE, value, size);
	return SAVEFILE_RANGE_SIZE + size;
}

static void put_overlay(struct savefile_writer *w)
{
	uint8_t *room;
	ok(savefile_writer_room(w, &room));
	size_t size = put_range(room, BASE + 100, 8, 9);
	size += put_range(room + size, BASE + PAGE, PAGE - 8, 8);
	savefile_writer_add(w, &(struct savefile_part){.kind = SAVEFILE_OVERLAY,
						       .size = (uint32_t)size,
						       .start = BASE + 100,
						       .pages = BASE + 2 * PAGE - 8});
}

static void add_region(struct space *space, uint64_t start, uint64_t size, enum region_kind kind)
{
	struct region *r = vec_push(&space->regions);
	assert_non_null(r);
	*r = (struct region){.start = raddr_at(start),
			     .size = size,
			     .readable = true,
			     .writable = true,
			     .kind = kind,
			     .file_offset = 7 * PAGE,
			     .inode = 5};
	r->label = kind == REGION_FILE ? strdup("/tmp/a file") : NULL;
}

static void put_sections(struct savefile_writer *w)
{
	_cleanup_(space_fini) struct space space = SPACE_EMPTY;
	_cleanup_(residency_fini) struct residency residency = RESIDENCY_EMPTY;
	struct savefile_buffer buffers[3] = {0};
	char comm[] = "python3", word[] = "secret";
	struct savefile_facts facts = {.facts = {.pid = 77, .rss = 4096, .comm = comm},
				       .moment = SPACE_ONE};
	struct account_mapping *lazy = vec_push(&facts.account.mappings);
	char **place = vec_push(&facts.facts.cmdline);
	assert_true(place && lazy);
	*place = word;
	*lazy = (struct account_mapping){raddr_at(BASE), 2 * PAGE, PAGE, PAGE};
	facts.account.pss = maybe_known(123);
	facts.account.purse = (struct purse){.version = 2,
					     .current = maybe_known(5 * PAGE),
					     .limit = {.absent = true},
					     .share_ppm = maybe_known(0)};
	add_region(&space, BASE, 4 * SAVEFILE_WINDOW, REGION_ANON);
	add_region(&space, BASE + 4 * SAVEFILE_WINDOW, SAVEFILE_WINDOW, REGION_FILE);
	assert_true(residency_add(&residency, raddr_at(BASE), 2 * PAGE, false));
	assert_true(residency_add(&residency, raddr_at(BASE + 2 * SAVEFILE_WINDOW), PAGE, true));
	assert_true(savefile_put_residency(&residency, &buffers[0]));
	assert_true(savefile_put_regions(&space, &buffers[1]));
	assert_true(savefile_put_facts(&facts, false, &buffers[2]));
	for (int i = 0; i < 3; i++) {
		ok(savefile_writer_add_bytes(w, (enum savefile_kind)(SAVEFILE_RESIDENCY + i),
					     buffers[i].items, buffers[i].count));
		free(buffers[i].items);
	}
	vec_fini(&facts.facts.cmdline);
	account_fini(&facts.account);
}

static int make(void)
{
	struct savefile_writer *w = NULL;
	int fd = memfd_create("savefile", MFD_CLOEXEC);
	assert_true(fd >= 0);
	ok(savefile_writer_new(fd, SAVEFILE_REDACTED, "1.2.3", &w));
	put_window(w, BASE, 3 | UINT64_C(1) << 63, 1);
	put_window(w, BASE + SAVEFILE_WINDOW, 1, 4);
	put_overlay(w);
	put_sections(w);
	ok(savefile_writer_add_bytes(w, SAVEFILE_BUILD, "a build", 7));
	ok(savefile_writer_end(w));
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, savefile_writer_size(w));
	savefile_writer_free(w);
	return fd;
}

static struct savefile *open_it(struct space *space)
{
	struct savefile *file = NULL;
	ok(savefile_from(make(), &file));
	ok(savefile_space(file, space));
	return file;
}

/* ---- reading ----------------------------------------------------------------------------- */

static unsigned value_at(struct space *space, uint64_t at)
{
	uint8_t value = 0xee;
	ok(space_read(space, raddr_at(at), &value, 1));
	return value;
}

static void layers(void **state)
{
	(void)state;
	struct space space = SPACE_EMPTY;
	struct savefile *file = open_it(&space);
	uint8_t bytes[2 * PAGE];
	assert_int_equal(value_at(&space, BASE), 1);
	assert_int_equal(value_at(&space, BASE + 99), 1);
	assert_int_equal(value_at(&space, BASE + 100), 9);
	assert_int_equal(value_at(&space, BASE + 107), 9);
	assert_int_equal(value_at(&space, BASE + 108), 1);
	ok(space_read(&space, raddr_at(BASE), bytes, sizeof(bytes)));
	assert_int_equal(bytes[100], 9);
	assert_int_equal(bytes[PAGE - 1], 1);
	assert_int_equal(bytes[PAGE], 8);
	assert_int_equal(bytes[2 * PAGE - 9], 8);
	assert_int_equal(bytes[2 * PAGE - 8], 2);
	ok(space_read(&space, raddr_at(BASE + SAVEFILE_WINDOW - 4), bytes, 8));
	assert_int_equal(bytes[3], 3);
	assert_int_equal(bytes[4], 4);
	space_fini(&space);
	savefile_close(file);
}

static void what_was_not_saved(void **state)
{
	(void)state;
	struct space space = SPACE_EMPTY;
	struct savefile *file = open_it(&space);
	uint8_t bytes[16];
	assert_int_equal(value_at(&space, BASE + 5 * PAGE), 0); /* never touched */
	assert_int_equal(value_at(&space, BASE + 3 * SAVEFILE_WINDOW), 0);
	fails(space_read(&space, raddr_at(BASE + 2 * SAVEFILE_WINDOW), bytes, 8), ERROR_FAULT,
	      "swapped out");
	fails(space_read(&space, raddr_at(BASE + 4 * SAVEFILE_WINDOW), bytes, 8), ERROR_FAULT,
	      "was not saved");
	fails(space_read(&space, raddr_at(BASE - 8), bytes, 8), ERROR_FAULT, "not mapped");
	space_fini(&space);
	savefile_close(file);
}

static void gathers(void **state)
{
	(void)state;
	struct space space = SPACE_EMPTY;
	struct savefile *file = open_it(&space);
	uint8_t bytes[4 * 8], got[4];
	struct residency residency = RESIDENCY_EMPTY;
	ok(space_residency(&space, raddr_at(BASE), 4 * SAVEFILE_WINDOW, &residency));
	struct space_slice slice = {raddr_at(BASE + 100), PAGE, 8, 4, bytes, got};
	ok(space_gather(&space, &slice, 1, &residency));
	const uint8_t with[] = {SLICE_READ, SLICE_READ, SLICE_ABSENT, SLICE_ABSENT};
	assert_memory_equal(got, with, sizeof(got));
	assert_int_equal(bytes[0], 9);
	assert_int_equal(bytes[8], 8);
	slice.start = raddr_at(BASE + 2 * SAVEFILE_WINDOW - PAGE);
	ok(space_gather(&space, &slice, 1, NULL));
	const uint8_t without[] = {SLICE_READ, SLICE_UNREADABLE, SLICE_READ, SLICE_READ};
	assert_memory_equal(got, without, sizeof(got));
	uint64_t present, swapped;
	residency_count(&residency, raddr_at(BASE), UINT64_MAX, &present, &swapped);
	assert_int_equal(present, 2 * PAGE);
	assert_int_equal(swapped, PAGE);
	residency_fini(&residency);
	space_fini(&space);
	savefile_close(file);
}

static void sections(void **state)
{
	(void)state;
	struct space space = SPACE_EMPTY;
	struct savefile *file = open_it(&space);
	assert_int_equal(space.regions.count, 2);
	const struct region *r = &space.regions.items[1];
	assert_int_equal(r->start.value, BASE + 4 * SAVEFILE_WINDOW);
	assert_string_equal(r->label, "/tmp/a file");
	assert_int_equal(r->kind, REGION_FILE);
	assert_int_equal(r->file_offset, 7 * PAGE);
	assert_true(r->readable && r->writable && !r->executable && !r->shared);
	assert_int_equal(space.moment, SPACE_ONE);
	struct savefile_facts facts;
	ok(savefile_facts(file, &facts));
	assert_int_equal(facts.facts.pid, 77);
	assert_int_equal(facts.facts.rss, 4096);
	assert_string_equal(facts.facts.comm, "python3");
	assert_null(facts.facts.exe);
	assert_int_equal(facts.facts.cmdline.count, 0); /* not without --contents */
	const struct account *account = &facts.account;
	assert_true(account->rss.known && account->rss.value == 4096);
	assert_true(account->pss.known && account->pss.value == 123);
	assert_false(account->lazy_free.known);
	assert_int_equal(account->mappings.count, 1);
	assert_int_equal(account->mappings.items[0].start.value, BASE);
	assert_int_equal(account->mappings.items[0].size, 2 * PAGE);
	assert_int_equal(account->mappings.items[0].lazy_free, PAGE);
	assert_int_equal(account->purse.version, 2);
	assert_int_equal(account->purse.current.value, 5 * PAGE);
	assert_true(account->purse.limit.absent && !account->purse.limit.known);
	assert_false(account->purse.high.known || account->purse.high.absent);
	assert_true(account->purse.share_ppm.known && account->purse.share_ppm.value == 0);
	savefile_facts_fini(&facts);
	_cleanup_(free_pointer) char *build = NULL;
	size_t size;
	ok(savefile_build(file, &build, &size));
	assert_int_equal(size, 7);
	assert_memory_equal(build, "a build", 7);
	assert_true(savefile_is_redacted(file));
	space_fini(&space);
	savefile_close(file);
}

/* More than the ring of the writer holds, more than the reader keeps. */
static void many_windows(void **state)
{
	(void)state;
	struct savefile_writer *w = NULL;
	struct savefile *file = NULL;
	struct space space = SPACE_EMPTY;
	int fd = memfd_create("savefile", MFD_CLOEXEC);
	ok(savefile_writer_new(fd, 0, "1", &w));
	for (unsigned i = 0; i < 100; i++)
		put_window(w, BASE + i * SAVEFILE_WINDOW, 1, (uint8_t)i);
	struct savefile_buffer buffer = {0};
	add_region(&space, BASE, 100 * SAVEFILE_WINDOW, REGION_ANON);
	assert_true(savefile_put_regions(&space, &buffer));
	ok(savefile_writer_add_bytes(w, SAVEFILE_REGIONS, buffer.items, buffer.count));
	free(buffer.items);
	space_fini(&space);
	ok(savefile_writer_end(w));
	savefile_writer_free(w);
	ok(savefile_from(fd, &file));
	ok(savefile_space(file, &space));
	for (unsigned turn = 0; turn < 2; turn++)
		for (unsigned i = 0; i < 100; i++)
			assert_int_equal(value_at(&space, BASE + i * SAVEFILE_WINDOW), i);
	space_fini(&space);
	savefile_close(file);
}

/* ---- damage ------------------------------------------------------------------------------ */

static void flipped_bits(void **state)
{
	(void)state;
	struct stat st;
	int fd = make();
	assert_int_equal(fstat(fd, &st), 0);
	for (off_t at = 0; at < st.st_size; at++) {
		uint8_t byte, flipped;
		assert_int_equal(pread(fd, &byte, 1, at), 1);
		flipped = byte ^ (uint8_t)(1 << at % 8);
		assert_int_equal(pwrite(fd, &flipped, 1, at), 1);
		struct savefile *file = NULL;
		fails(savefile_from(dup(fd), &file), ERROR_BAD_FILE, "snapshot");
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	}
	struct savefile *file = NULL;
	ok(savefile_from(fd, &file));
	savefile_close(file);
}

static void cut_short(void **state)
{
	(void)state;
	struct stat st;
	int fd = make();
	assert_int_equal(fstat(fd, &st), 0);
	for (off_t size = st.st_size - 1; size >= 0; size -= size > 200 ? 97 : 1) {
		struct savefile *file = NULL;
		assert_int_equal(ftruncate(fd, size), 0);
		fails(savefile_from(dup(fd), &file), ERROR_BAD_FILE, "snapshot");
	}
	assert_int_equal(close(fd), 0);
}

/* Entries with right checksums that lie. */
static void lying_entries(void **state)
{
	(void)state;
	const struct savefile_part good[] = {
		{SAVEFILE_MEMORY, 2 * PAGE, 50, 64, 0, BASE, 3},
		{SAVEFILE_MEMORY, PAGE, 50, 114, 0, BASE + SAVEFILE_WINDOW, 1},
		{SAVEFILE_OVERLAY, 100, 50, 164, 0, BASE, BASE + 50},
		{SAVEFILE_FACTS, 100, 50, 214, 0, 0, 0},
	};
	const struct {
		size_t which;
		struct savefile_part part;
	} lies[] = {
		{0, {SAVEFILE_MEMORY, PAGE, 50, 64, 0, BASE, 3}}, /* bytes and pages differ */
		{0, {SAVEFILE_MEMORY, 2 * PAGE, 50, 64, 0, BASE + 8, 3}}, /* no window's start */
		{0, {SAVEFILE_MEMORY, 2 * PAGE, 50, 65, 0, BASE, 3}},     /* a gap */
		{0, {SAVEFILE_MEMORY, 2 * PAGE, 500, 64, 0, BASE, 3}},    /* over the end */
		{0, {SAVEFILE_KINDS, 100, 50, 64, 0, 0, 0}},              /* no such kind */
		{0, {SAVEFILE_FACTS, 100, 50, 64, 0, 0, 0}},              /* kinds not in order */
		{0, {SAVEFILE_MEMORY, 2 * PAGE, 50, 64, 0, UINT64_MAX & ~(SAVEFILE_WINDOW - 1), 3}},
		{1, {SAVEFILE_MEMORY, PAGE, 50, 114, 0, BASE, 1}}, /* the same window twice */
		{2,
		 {SAVEFILE_OVERLAY, 100, 50, 164, 0, BASE + 50, BASE}}, /* ends before it begins */
		{2, {SAVEFILE_OVERLAY, SAVEFILE_PART_MAX + 1, 50, 164, 0, BASE, BASE + 50}},
		{3, {SAVEFILE_FACTS, 100, 40, 214, 0, 0, 0}}, /* bytes that belong to nothing */
		{3, {SAVEFILE_FACTS, 0, 50, 214, 0, 0, 0}},
	};
	uint8_t index[4 * SAVEFILE_ENTRY_SIZE];
	struct savefile_part got[4];
	for (size_t i = 0; i < 4; i++)
		savefile_entry_put(index + i * SAVEFILE_ENTRY_SIZE, &good[i]);
	ok(savefile_entries_get(index, 4, 264, got));
	assert_int_equal(got[2].pages, BASE + 50);
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		uint8_t *entry = index + lies[i].which * SAVEFILE_ENTRY_SIZE;
		savefile_entry_put(entry, &lies[i].part);
		fails(savefile_entries_get(index, 4, 264, got), ERROR_BAD_FILE, "damaged");
		savefile_entry_put(entry, &good[lies[i].which]);
	}
}

static void traits_of_pages(void **state)
{
	(void)state;
	struct residency r = RESIDENCY_EMPTY, got = RESIDENCY_EMPTY;
	struct savefile_buffer buffer = {0};
	for (unsigned traits = 0; traits < 16; traits++)
		assert_true(residency_add_traits(&r, raddr_at(BASE + traits * PAGE), PAGE, false,
						 traits));
	r.ranges.items[3].size = 0; /* what was judged to be nobody's is not saved */
	assert_true(savefile_put_residency(&r, &buffer));
	ok(savefile_get_residency(buffer.items, buffer.count, &got));
	assert_int_equal(got.ranges.count, 15);
	for (size_t i = 0; i < 15; i++) {
		const struct residency_range *range = &got.ranges.items[i];
		assert_int_equal(range->start.value, BASE + range->traits * PAGE);
		assert_int_equal(range->size, PAGE);
		assert_false(range->swapped);
	}
	uint64_t beyond[] = {BASE, PAGE | 32}; /* a bit that means nothing yet */
	fails(savefile_get_residency(beyond, sizeof(beyond), &got), ERROR_BAD_FILE, "resident");
	residency_fini(&r);
	residency_fini(&got);
	free(buffer.items);
}

static void lying_sections(void **state)
{
	(void)state;
	struct space space = SPACE_EMPTY;
	struct residency residency = RESIDENCY_EMPTY;
	struct savefile_buffer buffer = {0};
	add_region(&space, BASE, PAGE, REGION_FILE);
	add_region(&space, BASE, PAGE, REGION_FILE); /* overlaps */
	assert_true(savefile_put_regions(&space, &buffer));
	space_fini(&space);
	fails(savefile_get_regions(buffer.items, buffer.count, &space), ERROR_BAD_FILE, "mappings");
	space_fini(&space);
	fails(savefile_get_regions(buffer.items, SAVEFILE_REGION_SIZE + 3, &space), ERROR_BAD_FILE,
	      "mappings");
	space_fini(&space);
	uint64_t runs[] = {BASE + PAGE, PAGE, BASE, PAGE};
	fails(savefile_get_residency(runs, sizeof(runs), &residency), ERROR_BAD_FILE, "resident");
	fails(savefile_get_residency(runs, 12, &residency), ERROR_BAD_FILE, "resident");
	runs[0] = UINT64_MAX - PAGE + 1;
	runs[1] = 2 * PAGE;
	fails(savefile_get_residency(runs, 16, &residency), ERROR_BAD_FILE, "resident");
	struct savefile_facts facts;
	uint32_t head[2] = {4, 100};
	fails(savefile_get_facts(head, sizeof(head), &facts), ERROR_BAD_FILE, "process");
	uint32_t unknown[4] = {4000, 8, 1, 1}; /* of a later program: passed over */
	ok(savefile_get_facts(unknown, sizeof(unknown), &facts));
	residency_fini(&residency);
	free(buffer.items);
}

static void a_full_disk(void **state)
{
	(void)state;
	struct savefile_writer *w = NULL;
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	fails(savefile_writer_new(fd, 0, "1", &w), ERROR_RESOURCE, "No space left");
	assert_int_equal(close(fd), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layers),         cmocka_unit_test(what_was_not_saved),
		cmocka_unit_test(gathers),        cmocka_unit_test(sections),
		cmocka_unit_test(many_windows),   cmocka_unit_test(flipped_bits),
		cmocka_unit_test(cut_short),      cmocka_unit_test(lying_entries),
		cmocka_unit_test(lying_sections), cmocka_unit_test(traits_of_pages),
		cmocka_unit_test(a_full_disk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
