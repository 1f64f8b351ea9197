/*
 * allocator: who serves PyObject_Malloc. Hooks stand before the allocator proper and
 * keep what they replaced in their context; the chain is followed by comparing
 * function addresses.
 *
 *	_PyObject {ctx, malloc = tracemalloc_malloc_gil, …}
 *	            └▶ PyMemAllocatorEx {ctx, malloc = _PyMem_DebugMalloc, …}
 *	                                  └▶ debug_alloc_api_t {api_id, alloc {ctx, malloc = _PyObject_Malloc}}
 *
 * Sources: Objects/obmalloc.c (3.6 to 3.15), Modules/_tracemalloc.c, Python/tracemalloc.c. Before
 * 3.4 the allocator is compiled in.
 */
#include "inspector/python/record.h"
#include "inspector/python/runtime.h"

#define HOOKS_MAX 8

enum link {
	LINK_UNKNOWN,
	LINK_PYMALLOC,
	LINK_RAW,
	LINK_MIMALLOC,
	LINK_DEBUG,
	LINK_TRACEMALLOC,
};

struct chain {
	struct space *space;
	const struct layout *layout;
	uint64_t bias;
	struct snapshot_target *target;
	unsigned n_debug;
	bool debug_last; /* the debug hooks stand right before the allocator proper */
	bool failed;     /* memory ran out */
};

static bool is_function(const struct chain *c, raddr at, enum layout_entry_id id)
{
	if (!layout_has(c->layout, id))
		return false;
	raddr start = raddr_at(c->bias + layout_offset(c->layout, id));
	return raddr_in(at, start, size_max(layout_width(c->layout, id), 1));
}

static enum link classify(const struct chain *c, raddr function)
{
	static const struct {
		enum layout_entry_id id;
		enum link link;
	} known[] = {
		{LAYOUT_PYMALLOC_MALLOC, LINK_PYMALLOC},
		{LAYOUT_RAW_MALLOC, LINK_RAW},
		{LAYOUT_MIMALLOC_MALLOC, LINK_MIMALLOC},
		{LAYOUT_DEBUG_MALLOC, LINK_DEBUG},
		{LAYOUT_TRACEMALLOC_MALLOC, LINK_TRACEMALLOC},
		{LAYOUT_TRACEMALLOC_RAW_MALLOC, LINK_TRACEMALLOC},
	};
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (is_function(c, function, known[i].id))
			return known[i].link;
	}
	return LINK_UNKNOWN;
}

static void add_hook(struct chain *c, const char *name)
{
	for (size_t i = 0; i < c->target->hooks.count; i++) {
		if (c->target->hooks.items[i] == name)
			return;
	}
	const char **hook = vec_push(&c->target->hooks);
	if (hook)
		*hook = name;
	else
		c->failed = true;
}

/* What this link is; *ret_next: the PyMemAllocatorEx behind it, null where it is the last. */
static enum allocator pass_link(struct chain *c, const struct record *link, raddr *ret_next)
{
	raddr ctx = record_pointer(link, LAYOUT_ALLOCATOR_CTX);
	*ret_next = RADDR_NULL;
	switch (classify(c, record_pointer(link, LAYOUT_ALLOCATOR_MALLOC))) {
	case LINK_PYMALLOC:
		return ALLOCATOR_PYMALLOC;
	case LINK_RAW:
		return ALLOCATOR_MALLOC;
	case LINK_MIMALLOC:
		return ALLOCATOR_MIMALLOC;
	case LINK_DEBUG:
		c->n_debug++;
		c->target->debug_hooks = true;
		*ret_next = raddr_plus(ctx, layout_offset(c->layout, LAYOUT_DEBUG_API_ALLOC));
		break;
	case LINK_TRACEMALLOC:
		add_hook(c, "tracemalloc");
		*ret_next = ctx;
		break;
	case LINK_UNKNOWN:
		add_hook(c, "unknown"); /* many a hook keeps what it replaced as tracemalloc does */
		*ret_next = ctx;
		break;
	}
	return ALLOCATOR_UNKNOWN;
}

static struct error *follow(struct chain *c, raddr at, enum allocator *ret)
{
	*ret = ALLOCATOR_UNKNOWN;
	for (int i = 0; i < HOOKS_MAX && *ret == ALLOCATOR_UNKNOWN && !raddr_is_null(at); i++) {
		struct record link;
		struct error *err =
			record_read(c->space, c->layout, LAYOUT_ALLOCATOR_SIZE, at, &link);
		if (err)
			return error_catch(&err, ERROR_FAULT) ? NULL : err;
		unsigned n_debug = c->n_debug;
		*ret = pass_link(c, &link, &at);
		if (*ret == ALLOCATOR_UNKNOWN)
			c->debug_last = c->n_debug > n_debug;
	}
	return c->failed ? error_out_of_memory() : NULL;
}

/* Whether pymalloc has ever had an arena, as far as can be told. */
static struct error *has_arenas(struct space *space, const struct layout *layout, uint64_t bias,
				uint32_t version_hex, bool *ret)
{
	struct runtime runtime = RUNTIME_EMPTY;
	struct doubts ignored = {VEC_EMPTY};
	uint64_t arenas = 0;
	struct error *err = runtime_read(space, layout, bias, version_hex, &runtime, &ignored);
	doubts_fini(&ignored);
	if (!err && runtime.interpreters.count > 0)
		err = space_read(space, runtime.interpreters.items[0].roots.arenas, &arenas,
				 sizeof(arenas));
	runtime_fini(&runtime);
	if (err && err->kind != ERROR_FAULT && err->kind != ERROR_UNSUPPORTED)
		return err;
	error_free(err);
	*ret = arenas != 0;
	return NULL;
}

static raddr first_link(const struct layout *layout, uint64_t bias)
{
	if (layout_has(layout, LAYOUT_RUNTIME) && layout_has(layout, LAYOUT_RUNTIME_ALLOCATORS_OBJ))
		return raddr_at(bias + layout_offset(layout, LAYOUT_RUNTIME) +
				layout_offset(layout, LAYOUT_RUNTIME_ALLOCATORS_OBJ));
	if (layout_has(layout, LAYOUT_STATIC_ALLOCATOR_OBJ))
		return raddr_at(bias + layout_offset(layout, LAYOUT_STATIC_ALLOCATOR_OBJ));
	return RADDR_NULL;
}

static bool has_table(const struct layout *layout)
{
	return (layout_has(layout, LAYOUT_PYMALLOC_MALLOC) ||
		layout_has(layout, LAYOUT_RAW_MALLOC)) &&
	       layout_has(layout, LAYOUT_ALLOCATOR_SIZE) &&
	       layout_has(layout, LAYOUT_ALLOCATOR_CTX) &&
	       layout_has(layout, LAYOUT_ALLOCATOR_MALLOC);
}

/*
 * sys._debugmallocstats() prints the table when PyObject_Malloc is pymalloc itself, or the debug
 * hooks right before it: _PyMem_PymallocEnabled in Objects/obmalloc.c, 3.7 to 3.15 (3.6 knows only
 * the first, and there no release build has pymalloc under debug hooks). From 3.13 on it asks
 * whether debug hooks were ever installed, so that tracemalloc before them hides nothing.
 */
static bool table_is_shown(const struct chain *c, uint32_t version_hex, enum allocator allocator)
{
	if (allocator != ALLOCATOR_PYMALLOC || c->n_debug > 1)
		return false;
	return c->target->hooks.count == 0 || (version_hex >= 0x030d0000u && c->debug_last);
}

struct error *runtime_allocator(struct space *space, const struct layout *layout, uint64_t bias,
				uint32_t version_hex, struct snapshot_target *ret,
				struct doubts *doubts)
{
	struct chain c = {.space = space, .layout = layout, .bias = bias, .target = ret};
	enum allocator allocator = ALLOCATOR_UNKNOWN;
	raddr at = first_link(layout, bias);
	bool follows = !raddr_is_null(at) && has_table(layout), arenas;
	struct error *err = follows ? follow(&c, at, &allocator) : NULL;
	if (!err)
		err = has_arenas(space, layout, bias, version_hex, &arenas);
	if (err)
		return err;
	if (allocator == ALLOCATOR_UNKNOWN && arenas)
		allocator = ALLOCATOR_PYMALLOC;
	else if (allocator == ALLOCATOR_UNKNOWN && ret->hooks.count > 0)
		allocator = ALLOCATOR_CUSTOM;
	else if (allocator == ALLOCATOR_UNKNOWN && !follows && version_hex < 0x03040000u)
		allocator = ALLOCATOR_MALLOC;
	if (allocator == ALLOCATOR_UNKNOWN || (!follows && version_hex >= 0x03040000u))
		doubts_add(doubts, DOUBT_ALLOCATOR_UNKNOWN, DOUBT_NOTE, 1,
			   "which allocator is installed could not be read");
	ret->allocator = allocator;
	ret->shows_stats = table_is_shown(&c, version_hex, allocator);
	return NULL;
}
