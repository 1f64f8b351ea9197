/*
 * ledger_fill: mappings made up in a table, memory that holds what the test writes there.
 */
#include "base/cleanup.h"
#include "inspector/ledger/ledger_fill.h"
#include "inspector/ledger/mapping.h"
#include "inspector/target/maps.h"
#include "words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#define PAGE UINT64_C(4096)

static const char text[] = "400000-401000 r--p 00000000 08:01 1 /usr/bin/python3\n"
			   "401000-403000 r-xp 00001000 08:01 1 /usr/bin/python3\n"
			   "403000-404000 r--p 00003000 08:01 1 /usr/bin/python3\n"
			   "404000-406000 rw-p 00004000 08:01 1 /usr/bin/python3\n"
			   "406000-408000 rw-p 00000000 00:00 0 \n"
			   "800000-804000 rw-p 00000000 00:00 0 [heap]\n"
			   "10000000-10010000 rw-p 00000000 00:00 0 \n"
			   "20000000-20004000 r-xp 00000000 00:00 0 \n"
			   "30000000-30010000 rw-p 00000000 00:00 0 \n"
			   "40000000-40001000 ---p 00000000 00:00 0 \n"
			   "40001000-40009000 rw-p 00000000 00:00 0 \n"
			   "50000000-50002000 r-xp 00000000 08:01 2 /usr/lib/liblib.so\n"
			   "50002000-50003000 rw-p 00002000 08:01 2 /usr/lib/liblib.so\n"
			   "50003000-50004000 rw-p 00000000 00:00 0 \n"
			   "60000000-60004000 r--p 00000000 08:01 3 /data/table\n"
			   "61000000-61004000 rw-s 00000000 00:05 4 /dev/shm/ring\n"
			   "62000000-62004000 rw-s 00000000 00:06 5 /memfd:x (deleted)\n"
			   "63000000-63001000 rw-s 00000000 00:07 6 /dev/nvidia0\n"
			   "64000000-64001000 rw-s 00000000 00:0e 7 anon_inode:[io_uring]\n"
			   "65000000-65001000 rw-s 00000000 00:01 8 /SYSV00000000 (deleted)\n"
			   "66000000-66001000 rw-s 00000000 00:01 9 /dev/zero (deleted)\n"
			   "7ffd0000-7ffd2000 rw-p 00000000 00:00 0 [stack]\n"
			   "7ffe0000-7ffe1000 r-xp 00000000 00:00 0 [vdso]\n";

struct scene {
	struct space space;
	struct residency residency;
	struct account account;
	struct threads threads;
	struct claims claims;
	struct elf_image image;
	struct ledger ledger;
	struct ledger_request request;
};

static void add(struct scene *s, uint64_t start, uint64_t end, unsigned traits)
{
	assert_true(
		residency_add_traits(&s->residency, raddr_at(start), end - start, false, traits));
}

/* Everything is resident; the pages of files but for the writable and the closed data. */
static void scene_init(struct scene *s)
{
	words_clear();
	*s = (struct scene){.space = SPACE_EMPTY};
	assert_null(maps_parse(text, sizeof(text) - 1, &s->space));
	s->space.ops = &words_ops;
	for (size_t i = 0; i < s->space.regions.count; i++) {
		const struct region *r = &s->space.regions.items[i];
		bool own = r->kind != REGION_FILE || r->start.value == 0x403000 ||
			   r->start.value == 0x50002000 || r->start.value == 0x404000;
		add(s, r->start.value, r->start.value + r->size, own ? 0 : RESIDENCY_FILE);
	}
	/* The interpreter's data: 403000 (closed) to 407000, of which the last page is .bss. */
	s->image = (struct elf_image){
		.n_segments = 1,
		.segments = {
			{.vaddr = 0x403000, .memsz = 0x3800, .filesz = 0x3000, .writable = true}}};
	s->request = (struct ledger_request){
		.space = &s->space,
		.residency = &s->residency,
		.account = &s->account,
		.threads = &s->threads,
		.pid = 1,
		.claims = &s->claims,
		.runtime = &s->image,
	};
}

static void fill(struct scene *s)
{
	assert_null(ledger_fill(&s->request, &s->ledger));
	uint64_t sum = 0, all = 0, size = 0, mapped = 0;
	for (size_t i = 0; i < LEAF_COUNT; i++) {
		sum += s->ledger.lines[i].tally.present;
		size += s->ledger.lines[i].size;
	}
	for (size_t i = 0; i < s->residency.ranges.count; i++)
		all += s->residency.ranges.items[i].size;
	for (size_t i = 0; i < s->space.regions.count; i++)
		mapped += s->space.regions.items[i].size;
	assert_int_equal(sum, all);
	assert_int_equal(s->ledger.rss, all);
	assert_int_equal(size, mapped);
}

static void scene_fini(struct scene *s)
{
	ledger_fini(&s->ledger);
	claims_fini(&s->claims);
	threads_fini(&s->threads);
	account_fini(&s->account);
	residency_fini(&s->residency);
	space_fini(&s->space);
}

static void expect(const struct scene *s, enum leaf leaf, uint64_t pages)
{
	if (s->ledger.lines[leaf].tally.present != pages * PAGE)
		fail_msg("%s: %" PRIu64 " pages, not %" PRIu64, leaf_key(leaf),
			 s->ledger.lines[leaf].tally.present / PAGE, pages);
}

static void mappings_tell_their_leaf(void **state)
{
	(void)state;
	struct scene s;
	scene_init(&s);
	fill(&s);
	expect(&s, LEAF_PYTHON_STATIC, 4);
	expect(&s, LEAF_FILE_TEXT, 3 + 2);
	expect(&s, LEAF_FILE_DATA, 1);
	expect(&s, LEAF_FILE_MAPPED, 4);
	expect(&s, LEAF_SHARED_MEMORY, 4 + 4 + 1 + 1);
	expect(&s, LEAF_DEVICE_MAPPED, 2);
	expect(&s, LEAF_STACK_MAIN, 2);
	expect(&s, LEAF_KERNEL_SPECIAL, 1);
	expect(&s, LEAF_JIT_CODE, 4);
	expect(&s, LEAF_MALLOC_OPAQUE, 4);
	/* Program headers cannot be read here: all that follows a library's data is its .bss. */
	expect(&s, LEAF_ANON_BSS, 1 + 1);
	expect(&s, LEAF_ANON_UNKNOWN, 16 + 16 + 1 + 8);
	assert_int_equal(s.ledger.unexplained, 41 * PAGE);
	assert_string_equal(s.ledger.lines[LEAF_PYTHON_STATIC].details.items[0].name,
			    "/usr/bin/python3");
	assert_string_equal(s.ledger.lines[LEAF_ANON_UNKNOWN].details.items[0].name,
			    "0x10000000-0x10010000");
	scene_fini(&s);
}

static void claims_come_first(void **state)
{
	(void)state;
	struct scene s;
	struct residency_tally half = {.present = 2 * PAGE};
	scene_init(&s);
	/* One that lies across two mappings, one whose figures are a page short. */
	struct claim *claim = claims_add(&s.claims, raddr_at(0x40000000), 3 * PAGE);
	claim_charge(claim, LEAF_MIMALLOC_LIVE, 3 * PAGE,
		     &(struct residency_tally){.present = 3 * PAGE});
	claim = claims_add(&s.claims, raddr_at(0x10004000), 4 * PAGE);
	claim_charge(claim, LEAF_MALLOC_LIVE, 2 * PAGE, &half);
	claim_charge(claim, LEAF_MALLOC_TOP, 2 * PAGE, &(struct residency_tally){.present = PAGE});
	(void)claims_sort(&s.claims);
	fill(&s);
	expect(&s, LEAF_MIMALLOC_LIVE, 3);
	expect(&s, LEAF_MALLOC_LIVE, 2);
	expect(&s, LEAF_MALLOC_TOP, 2);
	expect(&s, LEAF_ANON_UNKNOWN, 41 - 3 - 4);
	scene_fini(&s);
}

static void too_much_claimed_is_cut(void **state)
{
	(void)state;
	struct scene s;
	scene_init(&s);
	struct claim *claim = claims_add(&s.claims, raddr_at(0x10000000), 2 * PAGE);
	claim_charge(claim, LEAF_MALLOC_LIVE, PAGE, &(struct residency_tally){.present = PAGE});
	claim_charge(claim, LEAF_MALLOC_TOP, 9 * PAGE,
		     &(struct residency_tally){.present = 9 * PAGE});
	fill(&s);
	expect(&s, LEAF_MALLOC_LIVE, 1);
	expect(&s, LEAF_MALLOC_TOP, 1);
	scene_fini(&s);
}

static void one_owner_is_named(void **state)
{
	(void)state;
	struct scene s;
	scene_init(&s);
	words_put(0x50002010, 0x30004008); /* liblib's data */
	words_put(0x50003ff8, 0x30000000); /* and its .bss */
	words_put(0x404020, 0x10000000);   /* the interpreter's: two point there */
	words_put(0x50002020, 0x10000010);
	words_put(0x404028, 0x90000000); /* nowhere */
	fill(&s);
	expect(&s, LEAF_ANON_OWNED, 16);
	assert_string_equal(s.ledger.lines[LEAF_ANON_OWNED].details.items[0].name,
			    "/usr/lib/liblib.so");
	assert_int_equal(s.ledger.unexplained, (41 - 16) * PAGE);
	scene_fini(&s);
}

static void another_allocator_takes_the_rest(void **state)
{
	(void)state;
	struct scene s;
	scene_init(&s);
	s.request.allocator = "/usr/lib/liblib.so";
	words_put(0x50002010, 0x30004008);
	fill(&s);
	expect(&s, LEAF_MALLOC_OPAQUE, 4 + 41);
	assert_int_equal(s.ledger.lines[LEAF_MALLOC_OPAQUE].details.count, 1);
	assert_int_equal(s.ledger.unexplained, (41 - 16) * PAGE); /* what it was by elimination */
	scene_fini(&s);
}

static void lazily_freed_pages_of_it_are_apart(void **state)
{
	(void)state;
	struct scene s;
	scene_init(&s);
	struct account_mapping *m = vec_push(&s.account.mappings);
	*m = (struct account_mapping){raddr_at(0x800000), 4 * PAGE, 4 * PAGE, 3 * PAGE};
	m = vec_push(&s.account.mappings);
	*m = (struct account_mapping){raddr_at(0x30000000), 16 * PAGE, 16 * PAGE, 5 * PAGE};
	s.account.lazy_free = maybe_known(8 * PAGE);
	fill(&s);
	expect(&s, LEAF_MALLOC_OPAQUE, 1);
	expect(&s, LEAF_MALLOC_LAZYFREE, 3);
	assert_int_equal(s.ledger.lines[LEAF_MALLOC_LAZYFREE].lazy_free.value, 3 * PAGE);
	assert_int_equal(s.ledger.lines[LEAF_ANON_UNKNOWN].lazy_free.value, 5 * PAGE);
	assert_true(s.ledger.lines[LEAF_FILE_TEXT].lazy_free.known);
	scene_fini(&s);
}

/* A struct pthread at the end of a block names itself and it. */
static void put_thread(uint64_t pointer, uint64_t block, uint64_t size)
{
	words_put(pointer, pointer);
	words_put(pointer + 16, pointer);
	words_put(pointer + 0x690, block);
	words_put(pointer + 0x698, size);
}

static void a_stack_names_itself(void **state)
{
	(void)state;
	struct scene s;
	scene_init(&s);
	put_thread(0x40008700, 0x40000000, 0x9000); /* runs; a guard below */
	put_thread(0x3000f700, 0x3000c000, 0x4000); /* ended; the guard cannot be seen */
	put_thread(0x3000b700, 0x3000a000, 0x2000); /* ended, right below */
	put_thread(0x1000f700, 0x10000000, 0x9000); /* its size does not fit: no thread */
	struct thread *thread = vec_push(&s.threads.list);
	*thread = (struct thread){.tid = 7, .name = "pool", .pointer = raddr_at(0x40008700)};
	fill(&s);
	expect(&s, LEAF_STACK_THREADS, 9 + 4 + 2);
	const struct ledger_line *line = &s.ledger.lines[LEAF_STACK_THREADS];
	assert_int_equal(line->details.count, 2);
	assert_string_equal(line->details.items[0].name, "pool (7)");
	assert_string_equal(line->details.items[1].name, "threads that ended");
	expect(&s, LEAF_ANON_UNKNOWN, 16 + 10);
	scene_fini(&s);
}

static void a_stack_that_is_not_told_is_its_mapping(void **state)
{
	(void)state;
	struct scene s;
	scene_init(&s);
	struct thread *thread = vec_push(&s.threads.list);
	*thread = (struct thread){.tid = 1, .pointer = raddr_at(0x50003f00)}; /* the main one */
	thread = vec_push(&s.threads.list);
	*thread = (struct thread){.tid = 8, .name = "x", .stack = raddr_at(0x40005000)};
	fill(&s);
	expect(&s, LEAF_STACK_THREADS, 8);
	scene_fini(&s);
}

/* The thread's whole mapping is its stack, but for what lies in it and is known to be something else. */
static void what_was_told_lies_in_what_is_found(void **state)
{
	(void)state;
	struct scene s;
	struct extents told = EXTENTS_EMPTY;
	scene_init(&s);
	struct thread *thread = vec_push(&s.threads.list);
	*thread = (struct thread){.tid = 8, .name = "x", .stack = raddr_at(0x40005000)};
	assert_null(extents_add(&told, raddr_at(0x40007000), 2 * PAGE, LEAF_PYTHON_FRAMES, "b"));
	assert_null(extents_add(&told, raddr_at(0x40003000), PAGE, LEAF_PYTHON_FRAMES, "a"));
	s.request.extents = &told;
	fill(&s);
	expect(&s, LEAF_PYTHON_FRAMES, 3);
	expect(&s, LEAF_STACK_THREADS, 5);
	assert_string_equal(s.ledger.lines[LEAF_PYTHON_FRAMES].details.items[0].name, "b");
	extents_fini(&told);
	scene_fini(&s);
}

static void without_residency_there_are_sizes(void **state)
{
	(void)state;
	struct scene s;
	scene_init(&s);
	s.request.residency = NULL;
	assert_null(ledger_fill(&s.request, &s.ledger));
	assert_false(s.ledger.has_residency);
	assert_int_equal(s.ledger.rss, 0);
	assert_int_equal(s.ledger.lines[LEAF_FILE_TEXT].size, 5 * PAGE);
	assert_int_equal(s.ledger.lines[LEAF_PYTHON_STATIC].size, 4 * PAGE);
	scene_fini(&s);
}

static void repeated_looks_remember_owners(void **state)
{
	(void)state;
	struct scene s;
	struct ledger_memory memory = LEDGER_MEMORY_EMPTY;
	scene_init(&s);
	s.request.memory = &memory;
	words_put(0x50002010, 0x30004008);
	fill(&s);
	expect(&s, LEAF_ANON_OWNED, 16);
	ledger_fini(&s.ledger);
	words_clear();
	fill(&s);
	expect(&s, LEAF_ANON_OWNED, 16);
	scene_fini(&s);
	ledger_memory_fini(&memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mappings_tell_their_leaf),
		cmocka_unit_test(claims_come_first),
		cmocka_unit_test(too_much_claimed_is_cut),
		cmocka_unit_test(one_owner_is_named),
		cmocka_unit_test(another_allocator_takes_the_rest),
		cmocka_unit_test(lazily_freed_pages_of_it_are_apart),
		cmocka_unit_test(a_stack_names_itself),
		cmocka_unit_test(a_stack_that_is_not_told_is_its_mapping),
		cmocka_unit_test(what_was_told_lies_in_what_is_found),
		cmocka_unit_test(without_residency_there_are_sizes),
		cmocka_unit_test(repeated_looks_remember_owners),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
