/* frames: lists of thread states and chunks, honest ones and those that lead astray. */
#include "inspector/ledger/frame_extents.h"
#include "inspector/python/frames.h"
#include "inspector/target/maps.h"
#include "words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define INTERPRETER UINT64_C(0x10000000)
#define STATE       UINT64_C(0x10001000) /* of the younger thread */
#define ELDER       UINT64_C(0x10002000)
#define CHUNK       UINT64_C(0x30000000)
#define STEP        UINT64_C(0x4000)

enum place { HEAD = 16, NEXT = 8, INTERP = 16, ID = 152, NATIVE = 160, STACK = 232, CACHED = 304 };

static const char text[] = "10000000-10010000 rw-p 00000000 00:00 0 [heap]\n"
			   "20000000-20010000 r--p 00000000 00:00 0 \n"
			   "21000000-21010000 rw-s 00000000 00:00 0 \n"
			   "22000000-22010000 rw-p 00000000 08:01 3 /data/table\n"
			   "30000000-30100000 rw-p 00000000 00:00 0 \n";

struct scene {
	struct layout layout;
	struct space space;
	struct runtime runtime;
	struct frames frames;
	struct doubts doubts;
};

static void tell(struct scene *s, enum layout_entry_id id, uint64_t offset)
{
	s->layout.entries[id] = (struct layout_entry){offset, 8, 1, 8, PROVENANCE_DWARF};
}

static void put_stack(uint64_t state, uint64_t chunk, uint64_t top, uint64_t limit)
{
	words_put(state + STACK, chunk);
	words_put(state + STACK + 8, top);
	words_put(state + STACK + 16, limit);
}

static void put_chunk(uint64_t at, uint64_t previous, uint64_t size, uint64_t top)
{
	words_put(at, previous);
	words_put(at + 8, size);
	words_put(at + 16, top);
}

/* The elder has one chunk, the younger three, of which one is large, and one that is kept aside. */
static void scene_init(struct scene *s)
{
	words_clear();
	*s = (struct scene){.space = SPACE_EMPTY};
	assert_null(maps_parse(text, sizeof(text) - 1, &s->space));
	s->space.ops = &words_ops;
	tell(s, LAYOUT_INTERP_THREADS_HEAD, HEAD);
	tell(s, LAYOUT_TSTATE_NEXT, NEXT);
	tell(s, LAYOUT_TSTATE_INTERP, INTERP);
	tell(s, LAYOUT_TSTATE_THREAD_ID, ID);
	tell(s, LAYOUT_TSTATE_NATIVE_THREAD_ID, NATIVE);
	tell(s, LAYOUT_TSTATE_DATASTACK_CHUNK, STACK);
	tell(s, LAYOUT_TSTATE_DATASTACK_CACHED, CACHED);
	struct runtime_interpreter *interpreter = vec_push(&s->runtime.interpreters);
	interpreter->address = raddr_at(INTERPRETER);
	words_put(INTERPRETER + HEAD, STATE);
	words_put(STATE + NEXT, ELDER);
	words_put(STATE + INTERP, INTERPRETER);
	words_put(STATE + ID, 0x7f0000000700);
	words_put(STATE + NATIVE, 4712);
	words_put(ELDER + INTERP, INTERPRETER);
	put_stack(ELDER, CHUNK, CHUNK + 0x100, CHUNK + STEP);
	put_chunk(CHUNK, 0, STEP, 77777);
	put_stack(STATE, CHUNK + STEP, CHUNK + STEP + 0x18, CHUNK + 2 * STEP);
	put_chunk(CHUNK + STEP, CHUNK + 4 * STEP, STEP,
		  77777); /* of the newest it is not looked at */
	put_chunk(CHUNK + 4 * STEP, CHUNK + 2 * STEP, 4 * STEP, 1000);
	put_chunk(CHUNK + 2 * STEP, 0, STEP, 2045);
	words_put(STATE + CACHED, CHUNK + 3 * STEP);
	put_chunk(CHUNK + 3 * STEP, 0, STEP, 2040);
}

static void scene_fini(struct scene *s)
{
	frames_fini(&s->frames);
	doubts_fini(&s->doubts);
	runtime_fini(&s->runtime);
	space_fini(&s->space);
}

static void look(struct scene *s)
{
	doubts_clear(&s->doubts);
	assert_null(frames_read(&s->space, &s->layout, &s->runtime, &s->frames, &s->doubts));
}

/* What of the younger thread is left when something about it is wrong; the elder's is as it was. */
static void expect_doubt(struct scene *s, size_t n_chunks)
{
	look(s);
	assert_int_equal(s->doubts.list.count, 1);
	assert_int_equal(s->doubts.list.items[0].kind, DOUBT_FRAMES);
	assert_int_equal(s->doubts.list.items[0].severity, DOUBT_NOTE);
	assert_int_equal(s->frames.threads.count, 2);
	const struct frames_thread *younger = &s->frames.threads.items[0];
	const struct frames_thread *elder = &s->frames.threads.items[1];
	assert_int_equal(younger->count, n_chunks);
	assert_int_equal(elder->count, 1);
	assert_int_equal(s->frames.chunks.items[elder->first].start.value, CHUNK);
}

static void expect_chunk(const struct scene *s, size_t i, uint64_t start, uint64_t size,
			 uint64_t used, bool cached)
{
	const struct frames_chunk *chunk = &s->frames.chunks.items[i];
	assert_int_equal(chunk->start.value, start);
	assert_int_equal(chunk->size, size);
	assert_int_equal(chunk->used_end.value, start + used);
	assert_int_equal(chunk->cached, cached);
}

static void every_thread_tells_its_chunks(void **state)
{
	(void)state;
	struct scene s;
	scene_init(&s);
	look(&s);
	look(&s); /* anew, not more */
	assert_int_equal(s.doubts.list.count, 0);
	assert_int_equal(s.frames.threads.count, 2);
	assert_int_equal(s.frames.threads.items[0].tid, 4712);
	assert_int_equal(s.frames.threads.items[0].pointer.value, 0x7f0000000700);
	assert_int_equal(s.frames.threads.items[0].count, 4);
	assert_int_equal(s.frames.threads.items[1].first, 4);
	expect_chunk(&s, 0, CHUNK + STEP, STEP, 0x18, false);
	expect_chunk(&s, 1, CHUNK + 4 * STEP, 4 * STEP, 24 + 8000, false);
	expect_chunk(&s, 2, CHUNK + 2 * STEP, STEP, STEP, false);
	expect_chunk(&s, 3, CHUNK + 3 * STEP, STEP, 0, true);
	expect_chunk(&s, 4, CHUNK, STEP, 0x100, false);
	scene_fini(&s);
}

static uint64_t may_read;

static size_t read_aside(struct scene *s, uint64_t chunk, uint64_t top, uint64_t limit)
{
	const struct frames_stack stack = {raddr_at(chunk), raddr_at(top), raddr_at(limit)};
	size_t count = 77;
	assert_null(frames_read_stack(&s->space, &stack, &may_read, &s->frames, &count));
	return count;
}

/* As a greenlet that waits has it. */
static void a_stack_that_no_thread_has(void **state)
{
	(void)state;
	const uint64_t newest = CHUNK + STEP, end = CHUNK + 2 * STEP;
	struct scene s;
	scene_init(&s);
	may_read = 5;
	assert_int_equal(read_aside(&s, newest, newest + 0x40, end), 3);
	assert_int_equal(read_aside(&s, CHUNK, CHUNK + 0x20, CHUNK + STEP), 1); /* added */
	assert_int_equal(read_aside(&s, newest, newest + 0x40, end), 0);        /* too many */
	assert_int_equal(may_read, 0);
	assert_int_equal(s.frames.chunks.count, 4);
	expect_chunk(&s, 0, newest, STEP, 0x40, false);
	expect_chunk(&s, 1, CHUNK + 4 * STEP, 4 * STEP, 24 + 8000, false);
	expect_chunk(&s, 2, CHUNK + 2 * STEP, STEP, STEP, false);
	expect_chunk(&s, 3, CHUNK, STEP, 0x20, false);
	scene_fini(&s);
}

static void of_a_stack_that_disagrees_nothing_is_told(void **state)
{
	(void)state;
	const uint64_t newest = CHUNK + STEP, top = newest + 0x40, end = newest + STEP;
	struct scene s;
	scene_init(&s);
	may_read = 100;
	assert_int_equal(read_aside(&s, 0, 0, 0), 0);
	assert_int_equal(read_aside(&s, newest, end + 8, end), 0);
	assert_int_equal(read_aside(&s, newest, newest + 16, end), 0);
	assert_int_equal(read_aside(&s, newest, top, end + STEP), 0);
	assert_int_equal(read_aside(&s, newest + 8, top, end + 8), 0);
	put_chunk(CHUNK + 2 * STEP, 0, STEP + 8, 2045); /* the last of three */
	assert_int_equal(read_aside(&s, newest, top, end), 0);
	put_chunk(CHUNK + 2 * STEP, newest, STEP, 2045);
	assert_int_equal(read_aside(&s, newest, top, end), 0);
	assert_int_equal(s.frames.chunks.count, 0);
	scene_fini(&s);
}

static void they_are_named_by_their_thread(void **state)
{
	(void)state;
	struct scene s;
	struct threads threads = THREADS_EMPTY;
	struct extents extents = EXTENTS_EMPTY;
	scene_init(&s);
	struct thread *thread = vec_push(&threads.list);
	*thread = (struct thread){.tid = 12,
				  .name = "pool",
				  .pointer = raddr_at(0x7f0000000700)}; /* another namespace */
	look(&s);
	assert_null(frame_extents(&s.frames, &threads, &extents));
	assert_int_equal(extents.list.count, 5);
	assert_string_equal(extents.list.items[1].name, "pool (12)");
	assert_int_equal(extents.list.items[1].size, 4 * STEP);
	assert_int_equal(extents.list.items[1].leaf, LEAF_PYTHON_FRAMES);
	assert_string_equal(extents.list.items[4].name, "other threads");
	extents_fini(&extents);
	threads_fini(&threads);
	scene_fini(&s);
}

static void a_newest_chunk_must_end_at_its_limit(void **state)
{
	(void)state;
	static const struct {
		uint64_t chunk, top, limit, size;
	} wrongs[] = {
		{CHUNK + STEP, CHUNK + STEP + 0x18, CHUNK + 2 * STEP + 8, STEP},
		{CHUNK + STEP, CHUNK + STEP + 0x17, CHUNK + 2 * STEP, STEP},
		{CHUNK + STEP, CHUNK + 2 * STEP + 1, CHUNK + 2 * STEP, STEP},
		{CHUNK + STEP, CHUNK + STEP + 0x18, CHUNK + 2 * STEP, 2 * STEP},
		{CHUNK + STEP, CHUNK + STEP + 0x18, CHUNK + STEP + 0x2000, 0x2000},
		{CHUNK + STEP, CHUNK + STEP + 0x18, CHUNK + STEP + 0x6000, 0x6000},
		{CHUNK + STEP, CHUNK + STEP + 0x18, CHUNK + STEP, 0},
		{CHUNK + STEP, CHUNK + STEP + 0x18, 0x130004000, UINT64_C(1) << 32},
		{CHUNK + 0xff000, CHUNK + 0xff018, CHUNK + 0x103000, STEP}, /* not all of it */
		{CHUNK + STEP + 4, CHUNK + STEP + 0x24, CHUNK + 2 * STEP + 4, STEP},
		{0x20000000, 0x20000018, 0x20000000 + STEP, STEP},
		{0x21000000, 0x21000018, 0x21000000 + STEP, STEP},
		{0x22000000, 0x22000018, 0x22000000 + STEP, STEP},
		{0x50000000, 0x50000018, 0x50000000 + STEP, STEP},
		{UINT64_MAX - 0xfff, UINT64_MAX - 0xfe7, UINT64_MAX, STEP},
	};
	for (size_t i = 0; i < ARRAY_SIZE(wrongs); i++) {
		struct scene s;
		scene_init(&s);
		words_put(STATE + CACHED, 0);
		put_stack(STATE, wrongs[i].chunk, wrongs[i].top, wrongs[i].limit);
		put_chunk(wrongs[i].chunk, 0, wrongs[i].size, 0);
		expect_doubt(&s, 0);
		scene_fini(&s);
	}
}

static void what_lies_before_a_broken_link_stays(void **state)
{
	(void)state;
	struct scene s;
	scene_init(&s);
	put_chunk(CHUNK + 4 * STEP, CHUNK + 2 * STEP, 4 * STEP, 8190); /* more words than it has */
	expect_doubt(&s, 1 + 1);
	scene_fini(&s);
	scene_init(&s);
	words_put(CHUNK + 4 * STEP + 16, UINT64_MAX / 8);
	expect_doubt(&s, 1 + 1);
	scene_fini(&s);
	scene_init(&s);
	put_chunk(CHUNK + 4 * STEP, 0x20000000, 4 * STEP, 8);
	expect_doubt(&s, 2 + 1);
	scene_fini(&s);
}

static void of_chunks_that_come_round_none_is_told(void **state)
{
	(void)state;
	static const uint64_t back_to[] = {CHUNK + STEP, CHUNK + 4 * STEP, CHUNK + 2 * STEP};
	for (size_t i = 0; i < ARRAY_SIZE(back_to); i++) {
		struct scene s;
		scene_init(&s);
		words_put(CHUNK + STEP + 16, 0);
		words_put(CHUNK + 2 * STEP, back_to[i]);
		expect_doubt(&s, 1); /* what is kept aside is in no list */
		assert_true(s.frames.chunks.items[0].cached);
		scene_fini(&s);
	}
}

static void what_is_kept_aside_must_look_like_it(void **state)
{
	(void)state;
	static const struct {
		uint64_t at, previous, size;
	} wrongs[] = {
		{0, 0, STEP},
		{CHUNK + 3 * STEP, CHUNK, STEP},
		{CHUNK + 3 * STEP, 0, STEP + 8},
		{CHUNK + 0xff000, 0, STEP},
		{0x20000000, 0, STEP},
		{0x50000000, 0, STEP},
	};
	for (size_t i = 0; i < ARRAY_SIZE(wrongs); i++) {
		struct scene s;
		scene_init(&s);
		words_put(STATE + CACHED, wrongs[i].at);
		put_chunk(wrongs[i].at, wrongs[i].previous, wrongs[i].size, 0);
		look(&s);
		assert_int_equal(s.doubts.list.count,
				 0); /* a build may keep something else there */
		assert_int_equal(s.frames.threads.items[0].count, 3);
		scene_fini(&s);
	}
}

static void threads_that_come_round_or_belong_elsewhere(void **state)
{
	(void)state;
	static const struct {
		uint64_t at, value;
		size_t n_threads;
	} wrongs[] = {
		{ELDER + NEXT, STATE, 0},
		{ELDER + NEXT, ELDER, 0},
		{STATE + NEXT, STATE, 0},
		{STATE + NEXT, 0x50000000, 1},
		{STATE + NEXT, UINT64_MAX - 3, 1},
		{ELDER + INTERP, INTERPRETER + 8, 1},
		{STATE + INTERP, 0, 0},
		{INTERPRETER + HEAD, 0x50000000, 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(wrongs); i++) {
		struct scene s;
		scene_init(&s);
		words_put(wrongs[i].at, wrongs[i].value);
		look(&s);
		assert_int_equal(s.doubts.list.count, 1);
		assert_int_equal(s.frames.threads.count, wrongs[i].n_threads);
		assert_int_equal(s.frames.chunks.count, wrongs[i].n_threads ? 4 : 0);
		scene_fini(&s);
	}
}

static void builds_without_chunks_have_threads_alone(void **state)
{
	(void)state;
	struct scene s;
	scene_init(&s);
	s.layout.entries[LAYOUT_TSTATE_DATASTACK_CHUNK] = (struct layout_entry){0};
	s.layout.entries[LAYOUT_TSTATE_DATASTACK_CACHED] = (struct layout_entry){0};
	look(&s);
	assert_int_equal(s.frames.threads.count, 2);
	assert_int_equal(s.frames.chunks.count, 0);
	s.layout.entries[LAYOUT_INTERP_THREADS_HEAD] = (struct layout_entry){0};
	look(&s);
	assert_int_equal(s.frames.threads.count, 0);
	assert_int_equal(s.doubts.list.count, 0);
	scene_fini(&s);
}

/* ---- memory that is computed ------------------------------------------------------------ */

static uint64_t n_reads;

/* Every word of the chunks' mapping may begin a chunk, and each leads to the one 8 bytes above. */
static struct error *read_endless(void *source, raddr at, void *buffer, size_t size)
{
	const uint64_t head[] = {at.value + 8, STEP, 1};
	n_reads++;
	if (at.value <= CHUNK || size != sizeof(head))
		return words_ops.read(source, at, buffer, size);
	memcpy(buffer, head, sizeof(head));
	return NULL;
}

static void endless_lists_end(void **state)
{
	(void)state;
	static const struct space_ops endless = {.read = read_endless};
	struct scene s;
	scene_init(&s);
	s.space.ops = &endless;
	put_stack(STATE, CHUNK + 8, CHUNK + 0x100, CHUNK + 8 + STEP);
	n_reads = 0;
	look(&s);
	assert_int_equal(s.doubts.list.count, 1);
	assert_true(s.frames.chunks.count <= s.space.mapped_size / STEP);
	assert_true(n_reads < 3 * (s.space.mapped_size / STEP + 20));
	scene_fini(&s);
}

/* A thread lets go of a chunk while we are on the way to it. */
static struct error *read_changing(void *source, raddr at, void *buffer, size_t size)
{
	if (at.value == CHUNK + STEP && ++n_reads <= 2)
		return error_new(ERROR_FAULT, "unmapped");
	return words_ops.read(source, at, buffer, size);
}

static void what_changes_is_read_again(void **state)
{
	(void)state;
	static const struct space_ops changing = {.read = read_changing};
	struct scene s;
	scene_init(&s);
	s.space.ops = &changing;
	n_reads = 0;
	look(&s);
	assert_int_equal(s.doubts.list.count, 0);
	assert_int_equal(s.frames.chunks.count, 5);
	scene_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_thread_tells_its_chunks),
		cmocka_unit_test(a_stack_that_no_thread_has),
		cmocka_unit_test(of_a_stack_that_disagrees_nothing_is_told),
		cmocka_unit_test(they_are_named_by_their_thread),
		cmocka_unit_test(a_newest_chunk_must_end_at_its_limit),
		cmocka_unit_test(what_lies_before_a_broken_link_stays),
		cmocka_unit_test(of_chunks_that_come_round_none_is_told),
		cmocka_unit_test(what_is_kept_aside_must_look_like_it),
		cmocka_unit_test(threads_that_come_round_or_belong_elsewhere),
		cmocka_unit_test(builds_without_chunks_have_threads_alone),
		cmocka_unit_test(endless_lists_end),
		cmocka_unit_test(what_changes_is_read_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
