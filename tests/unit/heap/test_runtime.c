/* runtime: installed allocators, free lists and counters, as built. */
#include "world.h"

#include "inspector/python/runtime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct error *read_runtime(struct world *w, struct runtime *ret, struct doubts *doubts)
{
	return runtime_read(&w->space, &w->layout, WORLD_BIAS, w->model->version, ret, doubts);
}

/* ---- allocators ------------------------------------------------------------------------ */

enum { F_PYMALLOC = 0x1000, F_RAW = 0x2000, F_DEBUG = 0x3000, F_TRACE = 0x4000, F_MI = 0x5000 };

static void set_function(struct world *w, enum layout_entry_id id, uint64_t offset)
{
	w->layout.entries[id] = (struct layout_entry){
		.offset = offset, .width = 64, .count = 1, .provenance = PROVENANCE_SYMTAB};
}

static void lay_out_allocators(struct world *w)
{
	set_function(w, LAYOUT_PYMALLOC_MALLOC, F_PYMALLOC);
	set_function(w, LAYOUT_RAW_MALLOC, F_RAW);
	set_function(w, LAYOUT_DEBUG_MALLOC, F_DEBUG);
	set_function(w, LAYOUT_TRACEMALLOC_MALLOC, F_TRACE);
	set_function(w, LAYOUT_MIMALLOC_MALLOC, F_MI);
	w->layout.entries[LAYOUT_ALLOCATOR_SIZE] =
		(struct layout_entry){.width = 40, .count = 1, .provenance = PROVENANCE_DWARF};
	w->layout.entries[LAYOUT_ALLOCATOR_CTX] =
		(struct layout_entry){0, 8, 1, 8, PROVENANCE_DWARF};
	w->layout.entries[LAYOUT_ALLOCATOR_MALLOC] =
		(struct layout_entry){8, 8, 1, 8, PROVENANCE_DWARF};
	w->layout.entries[LAYOUT_DEBUG_API_ALLOC] =
		(struct layout_entry){8, 40, 1, 40, PROVENANCE_DWARF};
}

/* Installs a chain of functions, outermost first; a debug link's context lies 8 bytes before. */
static void install(struct world *w, const uint64_t *functions, size_t n)
{
	raddr runtime = raddr_at(WORLD_BIAS + layout_offset(&w->layout, LAYOUT_RUNTIME));
	raddr at = world_field(w, runtime, LAYOUT_RUNTIME_ALLOCATORS_OBJ);
	for (size_t i = 0; i < n; i++) {
		raddr next = raddr_plus(world_place(w, 48), 8);
		bool debug = functions[i] == F_DEBUG;
		world_put(w, at, 8, i + 1 < n ? next.value - (debug ? 8 : 0) : 0);
		world_put(w, raddr_plus(at, 8), 8, WORLD_BIAS + functions[i]);
		at = next;
	}
}

struct chain {
	uint64_t functions[4];
	size_t n;
	bool arenas;
	enum allocator allocator;
	bool debug, shown;
	const char *hook;
};

static void check_chain(const struct chain *chain)
{
	struct world *w = world_new(world_model_of(WORLD_POINTER));
	struct snapshot_target t = {0};
	struct doubts doubts = {VEC_EMPTY};
	lay_out_allocators(w);
	install(w, chain->functions, chain->n);
	if (chain->arenas)
		world_arena(&w->heaps[0], 0);
	assert_null(runtime_allocator(&w->space, &w->layout, WORLD_BIAS, w->model->version, &t,
				      &doubts));
	assert_int_equal(t.allocator, chain->allocator);
	assert_int_equal(t.debug_hooks, chain->debug);
	assert_int_equal(t.shows_stats, chain->shown);
	assert_int_equal(t.hooks.count, chain->hook != NULL);
	if (chain->hook)
		assert_string_equal(t.hooks.items[0], chain->hook);
	vec_fini(&t.hooks);
	doubts_fini(&doubts);
	world_free(w);
}

static void hooks_are_seen_through(void **state)
{
	(void)state;
	const struct chain chains[] = {
		{{F_PYMALLOC}, 1, true, ALLOCATOR_PYMALLOC, false, true, NULL},
		{{F_PYMALLOC + 8}, 1, true, ALLOCATOR_PYMALLOC, false, true, NULL},
		{{F_RAW}, 1, false, ALLOCATOR_MALLOC, false, false, NULL},
		{{F_MI}, 1, false, ALLOCATOR_MIMALLOC, false, false, NULL},
		{{F_DEBUG, F_PYMALLOC}, 2, true, ALLOCATOR_PYMALLOC, true, true, NULL},
		{{F_DEBUG, F_RAW}, 2, false, ALLOCATOR_MALLOC, true, false, NULL},
		{{F_TRACE, F_PYMALLOC}, 2, true, ALLOCATOR_PYMALLOC, false, false, "tracemalloc"},
		{{F_TRACE, F_DEBUG, F_PYMALLOC},
		 3,
		 true,
		 ALLOCATOR_PYMALLOC,
		 true,
		 true, /* from 3.13 on */
		 "tracemalloc"},
		{{0x9000, F_PYMALLOC}, 2, true, ALLOCATOR_PYMALLOC, false, false, "unknown"},
		{{0x9000, F_RAW}, 2, false, ALLOCATOR_MALLOC, false, false, "unknown"},
		{{0x9000}, 1, true, ALLOCATOR_PYMALLOC, false, false, "unknown"},
		{{0x9000}, 1, false, ALLOCATOR_CUSTOM, false, false, "unknown"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++)
		check_chain(&chains[i]);
}

static void a_chain_that_loops_ends(void **state)
{
	(void)state;
	struct world *w = world_new(world_model_of(WORLD_POINTER));
	struct snapshot_target t = {0};
	struct doubts doubts = {VEC_EMPTY};
	lay_out_allocators(w);
	raddr runtime = raddr_at(WORLD_BIAS + layout_offset(&w->layout, LAYOUT_RUNTIME));
	raddr at = world_field(w, runtime, LAYOUT_RUNTIME_ALLOCATORS_OBJ);
	world_put(w, at, 8, at.value);
	world_put(w, raddr_plus(at, 8), 8, WORLD_BIAS + F_TRACE);
	assert_null(runtime_allocator(&w->space, &w->layout, WORLD_BIAS, w->model->version, &t,
				      &doubts));
	assert_int_equal(t.allocator, ALLOCATOR_CUSTOM);
	vec_fini(&t.hooks);
	doubts_fini(&doubts);
	world_free(w);
}

/* ---- free lists ------------------------------------------------------------------------- */

static void set_struct(struct world *w, enum layout_entry_id id, uint64_t size)
{
	w->layout.entries[id] =
		(struct layout_entry){.width = size, .count = 1, .provenance = PROVENANCE_DWARF};
}

static void lay_out_objects(struct world *w)
{
	set_struct(w, LAYOUT_SIZEOF_DICT, 48);
	set_struct(w, LAYOUT_SIZEOF_FLOAT, 24);
	set_struct(w, LAYOUT_SIZEOF_LIST, 40);
	set_struct(w, LAYOUT_SIZEOF_TUPLE, 32);
	set_struct(w, LAYOUT_SIZEOF_GC_HEAD, 16);
}

static const struct snapshot_free_list *find_list(const struct snapshot_interpreter *s,
						  const char *name)
{
	for (size_t i = 0; i < s->free_lists.count; i++) {
		if (strcmp(s->free_lists.items[i].name, name) == 0)
			return &s->free_lists.items[i];
	}
	fail_msg("no list %s", name);
	return NULL;
}

static struct snapshot_interpreter read_lists(struct world *w, uint32_t version, uint64_t *unknown)
{
	struct runtime r = RUNTIME_EMPTY;
	struct snapshot_interpreter s = {0};
	struct doubts doubts = {VEC_EMPTY};
	*unknown = 0;
	assert_null(read_runtime(w, &r, &doubts));
	assert_null(runtime_free_lists(&w->space, &w->layout, WORLD_BIAS, version,
				       &r.interpreters.items[0], &s, unknown));
	assert_int_equal(doubts.list.count, 0);
	runtime_fini(&r);
	return s;
}

static void free_lists_of_interpreters(void **state)
{
	(void)state;
	struct world *w = world_new(world_model_of(WORLD_EMBEDDED));
	uint64_t unknown;
	lay_out_objects(w);
	raddr i = w->interpreters[0];
	world_put(w, world_field(w, i, LAYOUT_FREELIST_DICT), 4, 11);
	world_put(w, world_field(w, i, LAYOUT_FREELIST_FLOAT), 4, 12);
	world_put(w, raddr_plus(world_field(w, i, LAYOUT_FREELIST_TUPLE), 4 * 2), 4, 13);
	struct snapshot_interpreter s = read_lists(w, 0x030c0100, &unknown);
	assert_int_equal(s.free_lists.count, 3 + 20);
	assert_string_equal(s.free_lists.items[0].type, "free PyDictObject");
	assert_string_equal(s.free_lists.items[1].type, "free PyFloatObject");
	assert_string_equal(s.free_lists.items[2].type, "free PyListObject");
	assert_string_equal(s.free_lists.items[3].type, "free 1-sized PyTupleObject");
	assert_string_equal(s.free_lists.items[22].type, "free 20-sized PyTupleObject");
	assert_int_equal(find_list(&s, "dict")->count.value, 11);
	assert_int_equal(find_list(&s, "float")->count.value, 12);
	assert_int_equal(find_list(&s, "tuple[3]")->count.value, 13);
	assert_int_equal(find_list(&s, "tuple[3]")->size, 48);
	assert_int_equal(find_list(&s, "dict")->size, 48);
	assert_int_equal(unknown, 0);
	vec_fini(&s.free_lists);

	s = read_lists(w, 0x030f0000, &unknown); /* counts GC heads; keys' list is not found here */
	assert_int_equal(find_list(&s, "dict")->size, 64);
	assert_int_equal(find_list(&s, "float")->size, 24);
	assert_int_equal(find_list(&s, "tuple[3]")->size, 64);
	assert_false(find_list(&s, "dictkeys")->count.known);
	assert_int_equal(unknown, 1);
	vec_fini(&s.free_lists);
	world_free(w);
}

static raddr place_static(struct world *w, enum layout_entry_id id, uint64_t size)
{
	raddr at = world_place(w, size);
	w->layout.entries[id] =
		(struct layout_entry){at.value - WORLD_BIAS, size, 1, size, PROVENANCE_SYMTAB};
	return at;
}

static void free_lists_of_files(void **state)
{
	(void)state;
	struct world *w = world_new(world_model_of(WORLD_STATICS));
	uint64_t unknown;
	lay_out_objects(w);
	world_put(w, place_static(w, LAYOUT_FREELIST_STATIC_CFUNCTION, 4), 4, 21);
	world_put(w, place_static(w, LAYOUT_FREELIST_STATIC_FLOAT, 4), 4, 22);
	raddr tuples = place_static(w, LAYOUT_FREELIST_STATIC_TUPLE, 80);
	world_put(w, raddr_plus(tuples, 4 * 19), 4, 23);
	struct snapshot_interpreter s = read_lists(w, 0x03080000, &unknown);
	const char *const order[] = {"cfunction", "dict",   "float",    "frame",
				     "list",      "method", "tuple[1]", "tuple[2]"};
	assert_int_equal(s.free_lists.count, 6 + 19);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		assert_string_equal(s.free_lists.items[i].name, order[i]);
	assert_int_equal(find_list(&s, "cfunction")->count.value, 21);
	assert_int_equal(find_list(&s, "float")->count.value, 22);
	assert_int_equal(find_list(&s, "tuple[19]")->count.value, 23);
	assert_false(find_list(&s, "method")->count.known);
	vec_fini(&s.free_lists);
	s = read_lists(w, 0x03090000, &unknown);
	assert_int_equal(s.free_lists.count, 4 + 19);
	vec_fini(&s.free_lists);
	world_free(w);
}

/* ---- counters --------------------------------------------------------------------------- */

static struct snapshot *snapshot_of(uint64_t used, uint64_t raw, size_t n)
{
	struct snapshot *s = snapshot_new();
	assert_non_null(s);
	for (size_t i = 0; i < n; i++) {
		struct snapshot_interpreter *interpreter = vec_push(&s->interpreters);
		assert_non_null(interpreter);
		interpreter->readable = true;
		interpreter->pymalloc.used_blocks = used;
		interpreter->pymalloc.raw_allocated_blocks = maybe_known(raw);
	}
	return s;
}

static void blocks_are_counted_as_the_version_does(void **state)
{
	(void)state;
	struct snapshot *s = snapshot_of(100, 7, 2);
	struct runtime_counters c = {.version_hex = 0x03080000,
				     .allocated_blocks = maybe_known(55),
				     .serialno = maybe_known(9)};
	assert_null(runtime_block_counters(&c, s));
	assert_int_equal(s->allocated_blocks.value, 55);
	assert_true(s->serialno.absent);
	s->target.debug_hooks = true;
	assert_null(runtime_block_counters(&c, s));
	assert_int_equal(s->serialno.value, 9);

	c = (struct runtime_counters){.version_hex = 0x030c0000,
				      .interpreter_leaks = maybe_known(3),
				      .final_leaks = maybe_known(2),
				      .serialno = {.absent = true}};
	assert_null(runtime_block_counters(&c, s));
	assert_int_equal(s->allocated_blocks.value, 2 * 107 + 5);
	assert_true(s->serialno.absent);
	s->interpreters.items[1].shares_main = true;
	assert_null(runtime_block_counters(&c, s));
	assert_int_equal(s->allocated_blocks.value, 107 + 5);
	s->target.allocator = ALLOCATOR_MIMALLOC;
	assert_null(runtime_block_counters(&c, s));
	assert_false(s->allocated_blocks.known);

	c.version_hex = 0x02071200;
	assert_null(runtime_block_counters(&c, s));
	assert_true(s->allocated_blocks.absent);
	snapshot_free(s);
}

static void a_count_with_a_hole_is_none(void **state)
{
	(void)state;
	struct snapshot *s = snapshot_of(100, 7, 1);
	const struct runtime_counters c = {.version_hex = 0x030b0000,
					   .interpreter_leaks = {.absent = true}};
	assert_null(runtime_block_counters(&c, s));
	assert_int_equal(s->allocated_blocks.value, 107);
	struct pymalloc_pool *pool = vec_push(&s->interpreters.items[0].pymalloc.pools);
	assert_non_null(pool);
	pool->state = POOL_UNREAD;
	assert_null(runtime_block_counters(&c, s));
	assert_false(s->allocated_blocks.known);
	assert_false(s->allocated_blocks.absent);
	snapshot_free(s);
}

static void counters_are_read(void **state)
{
	(void)state;
	struct world *w = world_new(world_model_of(WORLD_POINTER));
	struct doubts doubts = {VEC_EMPTY};
	struct runtime_counters c;
	raddr runtime = raddr_at(WORLD_BIAS + layout_offset(&w->layout, LAYOUT_RUNTIME));
	world_put(w, world_field(w, runtime, LAYOUT_RUNTIME_INTERPRETER_LEAKS), 8, 31);
	world_put(w, place_static(w, LAYOUT_LAST_FINAL_LEAKS, 8), 8, 32);
	assert_null(runtime_counters_read(&w->space, &w->layout, WORLD_BIAS, w->model->version, &c,
					  &doubts));
	assert_int_equal(c.interpreter_leaks.value, 31);
	assert_int_equal(c.final_leaks.value, 32);
	assert_true(c.serialno.absent);
	assert_int_equal(doubts.list.count, 0);
	w->layout.entries[LAYOUT_RUNTIME_INTERPRETER_LEAKS].provenance = PROVENANCE_ABSENT;
	assert_null(runtime_counters_read(&w->space, &w->layout, WORLD_BIAS, w->model->version, &c,
					  &doubts));
	assert_int_equal(world_doubts(&doubts, DOUBT_COUNTER_UNKNOWN), 1);
	doubts_fini(&doubts);
	world_free(w);
}

/* ---- doubts ----------------------------------------------------------------------------- */

static void doubts_fold(void **state)
{
	(void)state;
	struct doubts a = {VEC_EMPTY}, b = {VEC_EMPTY};
	doubts_add(&a, DOUBT_POOL_SWAPPED, DOUBT_PARTIAL, 2, "first %d", 1);
	doubts_add(&a, DOUBT_POOL_SWAPPED, DOUBT_PARTIAL, 3, "second");
	doubts_add(&a, DOUBT_POOL_SWAPPED, DOUBT_NOTE, 1, "other");
	assert_int_equal(a.list.count, 2);
	assert_int_equal(a.list.items[0].count, 5);
	assert_string_equal(a.list.items[0].detail, "first 1");
	doubts_add(&b, DOUBT_POOL_SWAPPED, DOUBT_PARTIAL, 4, "third");
	doubts_add(&b, DOUBT_TOTALS, DOUBT_INCONSISTENT, UINT64_MAX, "sum");
	doubts_join(&a, &b);
	assert_int_equal(b.list.count, 0);
	assert_int_equal(a.list.count, 3);
	assert_int_equal(a.list.items[0].count, 9);
	assert_int_equal(doubts_worst(&a), DOUBT_INCONSISTENT);
	doubts_clear(&a);
	assert_int_equal(doubts_worst(&a), DOUBT_NOTE);
	doubts_fini(&a);
	for (int k = 0; k < DOUBT_KIND_COUNT; k++)
		assert_string_not_equal(doubt_kind_name((enum doubt_kind)k), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hooks_are_seen_through),
		cmocka_unit_test(a_chain_that_loops_ends),
		cmocka_unit_test(free_lists_of_interpreters),
		cmocka_unit_test(free_lists_of_files),
		cmocka_unit_test(blocks_are_counted_as_the_version_does),
		cmocka_unit_test(a_count_with_a_hole_is_none),
		cmocka_unit_test(counters_are_read),
		cmocka_unit_test(doubts_fold),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
