/*
 * runtime: interpreters are a singly linked list, the newest first, so the main one
 * is the last.
 *
 *	_PyRuntime.interpreters.head ─▶ #2 ─▶ #1 ─▶ #0 main ─▶ NULL       (up to 3.6: interp_head)
 *	                                 │     │     │
 *	3.12   state inside:             ▢     –     ▢     – : feature_flags say it uses main's
 *	3.13+  pointer to it:            ▢     └─────▢     the same pointer: shared
 *	≤3.11  one set of file statics             for all
 *
 * Sources: Python/pystate.c and Objects/obmalloc.c (2.7 to 3.15), Include/cpython/initconfig.h
 * and pycore_interp.h for Py_RTFLAGS_USE_MAIN_OBMALLOC (1 << 5, 3.12 on).
 */
#include "inspector/python/runtime.h"

#include "base/cleanup.h"
#include "inspector/python/record.h"

#define INTERPRETERS_MAX  4096
#define LIST_TRIES        3
#define USE_MAIN_OBMALLOC (UINT64_C(1) << 5)
#define VERSION_3_4       0x03040000u
#define VERSION_3_9       0x03090000u

struct reader {
	struct space *space;
	const struct layout *layout;
	uint64_t bias;
	uint32_t version;
	struct doubts *doubts;
};

static raddr variable(const struct reader *r, enum layout_entry_id id)
{
	if (!layout_has(r->layout, id))
		return RADDR_NULL;
	return raddr_at(r->bias + layout_offset(r->layout, id)); /* modulo 2^64: elf_image.h */
}

static raddr member(const struct reader *r, raddr start, enum layout_entry_id id)
{
	return layout_has(r->layout, id) ? raddr_plus(start, layout_offset(r->layout, id))
					 : RADDR_NULL;
}

/* Words of an array: its count, or of a variable its bytes. */
static uint64_t words_of(const struct reader *r, enum layout_entry_id id)
{
	const struct layout_entry *e = &r->layout->entries[id];
	return e->count > 1 ? e->count : e->width / 8;
}

/* ---- roots --------------------------------------------------------------------------- */

static struct pymalloc_roots roots_of_statics(const struct reader *r)
{
	return (struct pymalloc_roots){
		.usedpools = variable(r, LAYOUT_STATIC_USEDPOOLS),
		.n_usedpools = words_of(r, LAYOUT_STATIC_USEDPOOLS),
		.arenas = variable(r, LAYOUT_STATIC_ARENAS),
		.maxarenas = variable(r, LAYOUT_STATIC_MAXARENAS),
		.unused_arena_objects = variable(r, LAYOUT_STATIC_UNUSED_ARENA_OBJECTS),
		.usable_arenas = variable(r, LAYOUT_STATIC_USABLE_ARENAS),
		.nfp2lasta = variable(r, LAYOUT_STATIC_NFP2LASTA),
		.n_nfp2lasta = words_of(r, LAYOUT_STATIC_NFP2LASTA),
		.arenas_current = variable(r, LAYOUT_STATIC_NARENAS_CURRENT),
		.arenas_total = variable(r, LAYOUT_STATIC_NTIMES_ALLOCATED),
		.arenas_highwater = variable(r, LAYOUT_STATIC_NARENAS_HIGHWATER),
		.raw_allocated_blocks = variable(r, LAYOUT_STATIC_RAW_ALLOCATED_BLOCKS),
		.arena_map_root = variable(r, LAYOUT_STATIC_ARENA_MAP_ROOT),
		.arena_map_mid_count = variable(r, LAYOUT_STATIC_ARENA_MAP_MID_COUNT),
		.arena_map_bot_count = variable(r, LAYOUT_STATIC_ARENA_MAP_BOT_COUNT),
		.arena_map_node_size = layout_width(r->layout, LAYOUT_ARENA_MAP_MID_SIZE),
		.keeps_totals = r->version >= VERSION_3_4,
		.keeps_raw_blocks = r->version >= VERSION_3_9,
		.idle = !layout_has(r->layout, LAYOUT_STATIC_ARENAS) &&
			layout_has(r->layout, LAYOUT_STATIC_USEDPOOLS),
	};
}

static struct pymalloc_roots roots_of_state(const struct reader *r, raddr state)
{
	return (struct pymalloc_roots){
		.usedpools = member(r, state, LAYOUT_STATE_USEDPOOLS),
		.n_usedpools = words_of(r, LAYOUT_STATE_USEDPOOLS),
		.arenas = member(r, state, LAYOUT_STATE_ARENAS),
		.maxarenas = member(r, state, LAYOUT_STATE_MAXARENAS),
		.unused_arena_objects = member(r, state, LAYOUT_STATE_UNUSED_ARENA_OBJECTS),
		.usable_arenas = member(r, state, LAYOUT_STATE_USABLE_ARENAS),
		.nfp2lasta = member(r, state, LAYOUT_STATE_NFP2LASTA),
		.n_nfp2lasta = words_of(r, LAYOUT_STATE_NFP2LASTA),
		.arenas_current = member(r, state, LAYOUT_STATE_NARENAS_CURRENT),
		.arenas_total = member(r, state, LAYOUT_STATE_NTIMES_ALLOCATED),
		.arenas_highwater = member(r, state, LAYOUT_STATE_NARENAS_HIGHWATER),
		.raw_allocated_blocks = member(r, state, LAYOUT_STATE_RAW_ALLOCATED_BLOCKS),
		.arena_map_root = member(r, state, LAYOUT_STATE_ARENA_MAP_ROOT),
		.arena_map_mid_count = member(r, state, LAYOUT_STATE_ARENA_MAP_MID_COUNT),
		.arena_map_bot_count = member(r, state, LAYOUT_STATE_ARENA_MAP_BOT_COUNT),
		.keeps_totals = true,
		.keeps_raw_blocks = true,
	};
}

/* ---- the list ------------------------------------------------------------------------- */

/* One field of an interpreter, which is too large to be read whole; 0 where this build has none. */
static struct error *read_field(const struct reader *r, raddr interpreter, enum layout_entry_id id,
				uint64_t *ret)
{
	struct record record;
	if (!layout_has(r->layout, id)) {
		*ret = 0;
		return NULL;
	}
	struct error *err = record_read_window(r->space, r->layout, &id, 1, interpreter, &record);
	if (!err)
		*ret = record_unsigned(&record, id);
	return err;
}

static struct error *read_pointer(const struct reader *r, raddr at, raddr *ret)
{
	uint64_t value;
	struct error *err = space_read(r->space, at, &value, sizeof(value));
	if (!err)
		*ret = raddr_at(value);
	return err;
}

static bool is_listed(const struct runtime *runtime, raddr address)
{
	for (size_t i = 0; i < runtime->interpreters.count; i++) {
		if (raddr_equal(runtime->interpreters.items[i].address, address))
			return true;
	}
	return false;
}

/* An expected failure to read: a doubt, not an error. */
static struct error *doubt_fault(const struct reader *r, struct error *err, raddr address)
{
	if (!error_catch(&err, ERROR_FAULT))
		return err;
	doubts_add(r->doubts, DOUBT_INTERPRETER, DOUBT_PARTIAL, 1,
		   "the interpreter at " RADDR_FORMAT " cannot be read", address.value);
	return NULL;
}

/* *ret_next is null where the list ends. */
static struct error *list_one(const struct reader *r, raddr address, struct runtime *runtime,
			      raddr *ret_next)
{
	uint64_t next = 0, id = 0;
	*ret_next = RADDR_NULL;
	struct error *err = read_field(r, address, LAYOUT_INTERP_NEXT, &next);
	if (!err)
		err = read_field(r, address, LAYOUT_INTERP_ID, &id);
	if (err)
		return doubt_fault(r, err, address);
	struct runtime_interpreter *interpreter = vec_push(&runtime->interpreters);
	if (!interpreter)
		return error_out_of_memory();
	interpreter->address = address;
	interpreter->id = (int64_t)id;
	*ret_next = raddr_at(next);
	return NULL;
}

static struct error *list_all(const struct reader *r, raddr head, struct runtime *runtime)
{
	raddr at = head;
	while (!raddr_is_null(at)) {
		if (is_listed(runtime, at) || runtime->interpreters.count == INTERPRETERS_MAX) {
			doubts_add(r->doubts, DOUBT_INTERPRETER, DOUBT_INCONSISTENT, 1,
				   "the list of interpreters comes round at " RADDR_FORMAT,
				   at.value);
			return NULL;
		}
		struct error *err = list_one(r, at, runtime, &at);
		if (err)
			return err;
	}
	return NULL;
}

/* The main interpreter is the last of the list: where that breaks off, it is found by itself. */
static struct error *add_main(const struct reader *r, raddr runtime_at, struct runtime *runtime)
{
	raddr main = RADDR_NULL, next;
	raddr at = member(r, runtime_at, LAYOUT_RUNTIME_INTERPRETERS_MAIN);
	if (raddr_is_null(runtime_at) || raddr_is_null(at))
		return NULL;
	struct error *err = read_pointer(r, at, &main);
	if (error_catch(&err, ERROR_FAULT) || err)
		return err;
	if (raddr_is_null(main) || is_listed(runtime, main))
		return NULL;
	return list_one(r, main, runtime, &next);
}

/* An interpreter that ends while the list is followed leads astray: again, then. */
static struct error *list_again(const struct reader *r, raddr head_at, struct runtime *runtime)
{
	for (int try = 0; try < LIST_TRIES; try++) {
		raddr head;
		runtime->interpreters.count = 0;
		doubts_clear(r->doubts);
		struct error *err = read_pointer(r, head_at, &head);
		err = err ?: list_all(r, head, runtime);
		if (err || r->doubts->list.count == 0)
			return err;
	}
	return add_main(r, variable(r, LAYOUT_RUNTIME), runtime);
}

static int compare_ids(const void *a, const void *b)
{
	const struct runtime_interpreter *left = a, *right = b;
	return (left->id > right->id) - (left->id < right->id);
}

/* The main one first. Where interpreters carry no id (up to 3.6) they are numbered by age. */
static void put_in_order(const struct reader *r, struct runtime *runtime)
{
	size_t n = runtime->interpreters.count;
	struct runtime_interpreter *items = runtime->interpreters.items;
	if (!layout_has(r->layout, LAYOUT_INTERP_ID)) {
		for (size_t i = 0; i < n; i++)
			items[i].id = (int64_t)(n - 1 - i);
	}
	if (n > 0)
		qsort(items, n, sizeof(*items), compare_ids);
}

static raddr head_of_list(const struct reader *r)
{
	raddr runtime = variable(r, LAYOUT_RUNTIME);
	if (!raddr_is_null(runtime) && layout_has(r->layout, LAYOUT_RUNTIME_INTERPRETERS_HEAD))
		return member(r, runtime, LAYOUT_RUNTIME_INTERPRETERS_HEAD);
	return variable(r, LAYOUT_INTERP_HEAD);
}

/* ---- whose allocator ------------------------------------------------------------------ */

static bool is_shared(const struct runtime *runtime, size_t before, raddr usedpools)
{
	for (size_t i = 0; i < before; i++) {
		if (raddr_equal(runtime->interpreters.items[i].roots.usedpools, usedpools))
			return true;
	}
	return false;
}

/* The state of interpreter i; null where it has none (yet). */
static struct error *find_state(const struct reader *r, const struct runtime_interpreter *i,
				raddr *ret)
{
	bool embedded = layout_width(r->layout, LAYOUT_INTERP_OBMALLOC) > 8;
	uint64_t state;
	if (embedded) {
		*ret = member(r, i->address, LAYOUT_INTERP_OBMALLOC);
		return NULL;
	}
	struct error *err = read_field(r, i->address, LAYOUT_INTERP_OBMALLOC, &state);
	if (!err)
		*ret = raddr_at(state);
	return err;
}

/* Whether the flags say that it uses the main interpreter's allocator. Where they are not to be found
 * (3.12, no symbols): a state of its own that has never had an arena says so. */
static struct error *uses_main(const struct reader *r, const struct runtime_interpreter *i,
			       raddr state, bool *ret)
{
	bool embedded = layout_width(r->layout, LAYOUT_INTERP_OBMALLOC) > 8;
	bool told = layout_has(r->layout, LAYOUT_INTERP_FEATURE_FLAGS);
	uint64_t flags = 0;
	raddr arenas = RADDR_NULL;
	struct error *err = read_field(r, i->address, LAYOUT_INTERP_FEATURE_FLAGS, &flags);
	if (!err && embedded && !told)
		err = read_pointer(r, member(r, state, LAYOUT_STATE_ARENAS), &arenas);
	*ret = told ? flags & USE_MAIN_OBMALLOC : embedded && raddr_is_null(arenas);
	return err;
}

static struct error *find_roots(const struct reader *r, struct runtime *runtime, size_t i)
{
	struct runtime_interpreter *interpreter = &runtime->interpreters.items[i];
	bool shares = false;
	raddr state;
	struct error *err = find_state(r, interpreter, &state);
	if (!err && !raddr_is_null(state))
		err = uses_main(r, interpreter, state, &shares);
	if (err)
		return doubt_fault(r, err, interpreter->address);
	interpreter->readable = true;
	if (raddr_is_null(state)) {
		doubts_add(r->doubts, DOUBT_INTERPRETER, DOUBT_NOTE, 1,
			   "the interpreter at " RADDR_FORMAT " has no allocator yet",
			   interpreter->address.value);
		return NULL;
	}
	struct pymalloc_roots roots = roots_of_state(r, state);
	interpreter->shares_main = i > 0 && (shares || is_shared(runtime, i, roots.usedpools));
	interpreter->has_heap = !interpreter->shares_main;
	if (interpreter->has_heap)
		interpreter->roots = roots;
	return NULL;
}

static struct error *find_all_roots(const struct reader *r, struct runtime *runtime)
{
	for (size_t i = 0; i < runtime->interpreters.count; i++) {
		struct error *err = find_roots(r, runtime, i);
		if (err)
			return err;
	}
	return NULL;
}

/* Up to 3.11: all interpreters use the same statics. */
static struct error *share_statics(const struct reader *r, struct runtime *runtime)
{
	if (runtime->interpreters.count == 0 && !vec_push(&runtime->interpreters))
		return error_out_of_memory();
	for (size_t i = 0; i < runtime->interpreters.count; i++) {
		struct runtime_interpreter *interpreter = &runtime->interpreters.items[i];
		interpreter->readable = true;
		interpreter->shares_main = i > 0;
		interpreter->has_heap = i == 0;
	}
	runtime->interpreters.items[0].roots = roots_of_statics(r);
	return NULL;
}

static struct error *unreadable(struct error *err)
{
	if (err->kind == ERROR_FAULT)
		err = error_as(err, ERROR_INCONSISTENT);
	return error_context(err, "reading the list of interpreters");
}

/* The interpreters of an initialised runtime, the main one first. */
static struct error *list_interpreters(const struct reader *r, struct runtime *runtime)
{
	raddr at = head_of_list(r), head;
	bool has_states = layout_has(r->layout, LAYOUT_INTERP_OBMALLOC);
	if (raddr_is_null(at))
		return !has_states ? NULL
				   : error_new(ERROR_SYMBOLS,
					       "_PyRuntime.interpreters could not be found");
	struct error *err = read_pointer(r, at, &head);
	if (!err && raddr_is_null(head))
		return error_new(ERROR_UNSUPPORTED, "its Python runtime is not initialised");
	err = err ?: list_again(r, at, runtime);
	if (err)
		return unreadable(err);
	if (has_states && runtime->interpreters.count == 0)
		return error_new(ERROR_INCONSISTENT, "none of its interpreters can be read");
	put_in_order(r, runtime);
	return NULL;
}

struct error *runtime_read(struct space *space, const struct layout *layout, uint64_t bias,
			   uint32_t version_hex, struct runtime *ret, struct doubts *doubts)
{
	_cleanup_(doubts_fini) struct doubts own = {0};
	_cleanup_(runtime_fini) struct runtime runtime = RUNTIME_EMPTY;
	const struct reader r = {space, layout, bias, version_hex, &own};
	struct error *err = list_interpreters(&r, &runtime);
	if (err)
		return err;
	err = layout_has(layout, LAYOUT_INTERP_OBMALLOC) ? find_all_roots(&r, &runtime)
							 : share_statics(&r, &runtime);
	if (err)
		return err;
	doubts_join(doubts, &own);
	*ret = runtime;
	runtime = (struct runtime)RUNTIME_EMPTY;
	return NULL;
}

void runtime_fini(struct runtime *runtime)
{
	vec_fini(&runtime->interpreters);
}
