/*
 * borrowed: each entry says at which place of its table it must stand, and so where the table starts. What most of them say is
 * the case; what only looks like an entry says this or that.
 *
 *	methods     [ version │ name ─▷ str │ value ] …   4096      at (version ^ name) % 4096
 *	functions   [ function │ code ] …                 4096      at the function's version % 4096
 *	free list   [ dead │ dead │ old words … ][ 2 ]      80      each with its length behind it, or both
 *
 * MCACHE_HASH_METHOD in Objects/typeobject.c, 2.7 to 3.15: of a name its hash, in later versions its address by 8; the name alone is
 * held. struct _func_version_cache_item in Include/internal/pycore_function.h, later pycore_interp_structs.h: 3.13 to 3.15. Free lists
 * that are arrays: struct _Py_list_state, _Py_dict_state in Include/internal/, in 3.13 pycore_freelist.h; up to 3.9 they are variables of
 * their own (data.c), from 3.14 on they are linked.
 */
#include "inspector/holders/roots/borrowed.h"

#include "inspector/look/look.h"
#include "inspector/object/word.h"

#include <stdlib.h>

#define HEX_3         0x03000000
#define HEX_3_10      0x030a0000
#define HEX_3_12      0x030c0000
#define HEX_3_13      0x030d0000
#define HEX_3_14      0x030e0000
#define LIST_ROOM     (UINT64_C(80) * 8)
#define PLACES        4096
#define METHOD_SIZE   24
#define METHOD_NAME   8
#define METHOD_VALUE  16
#define FUNCTION_SIZE 16
#define VOTES_LEAST   16 /* an interpreter that has run anything has hundreds of entries */

struct votes {
	VEC(uint64_t) starts;
	bool failed;
};

static void vote(struct votes *votes, raddr entry, uint64_t place, uint64_t size)
{
	uint64_t *start = vec_push(&votes->starts);
	if (start)
		*start = entry.value - place % PLACES * size;
	else
		votes->failed = true;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static raddr most_voted(struct votes *votes)
{
	size_t most = VOTES_LEAST - 1, same = 0;
	raddr best = RADDR_NULL;
	if (votes->starts.count)
		qsort(votes->starts.items, votes->starts.count, sizeof(*votes->starts.items),
		      by_value);
	for (size_t i = 0; i < votes->starts.count; i++) {
		same = i && votes->starts.items[i] == votes->starts.items[i - 1] ? same + 1 : 1;
		if (same <= most)
			continue;
		most = same;
		best = raddr_at(votes->starts.items[i]);
	}
	return best;
}

static bool is_name(struct gather *g, raddr at)
{
	struct object object;
	enum type_kind kind = g->types->shapes->version_hex < HEX_3 ? TYPE_BYTES : TYPE_STR;
	return at.value && at.value % 8 == 0 && object_at(g->types, at, &object) &&
	       type_table_get(g->types, object.type)->kind == kind;
}

/* Without the GIL a lock's count stands behind the version, in the same word. */
static void ask_method(struct gather *g, raddr at, struct votes *votes)
{
	const struct shapes *s = g->types->shapes;
	uint64_t version = word_at(g->types, at, 0);
	if (!(uint32_t)version || (version >> 32 && !s->free_threaded))
		return;
	raddr name = word_pointer(g->types, at, METHOD_NAME);
	if (!is_name(g, name))
		return;
	vote(votes, at, version ^ name.value >> 3, METHOD_SIZE);
	vote(votes, at, version ^ word_at(g->types, name, s->ob_size + 8), METHOD_SIZE);
}

static void ask_function(struct gather *g, raddr at, struct votes *votes)
{
	uint32_t type = TYPE_NONE;
	raddr function = word_pointer(g->types, at, 0);
	if (raddr_is_null(function) || gather_target(g, function.value, &type) != GATHER_OBJECT ||
	    type_table_get(g->types, type)->kind != TYPE_FUNCTION)
		return;
	uint32_t version = word_u32(g->types, function, g->types->shapes->function.version);
	if (version)
		vote(votes, at, version, FUNCTION_SIZE);
}

struct error *borrowed_find(struct gather *g, raddr at, uint64_t size, struct borrowed *ret)
{
	struct votes methods = {.failed = false}, functions = {.failed = false};
	bool has_functions = g->types->shapes->version_hex >= HEX_3_13;
	for (uint64_t offset = 0; offset + METHOD_SIZE <= size; offset += 8) {
		ask_method(g, raddr_plus(at, offset), &methods);
		if (has_functions)
			ask_function(g, raddr_plus(at, offset), &functions);
	}
	bool failed = methods.failed || functions.failed;
	*ret = (struct borrowed){.methods = most_voted(&methods),
				 .functions = most_voted(&functions)};
	vec_fini(&methods.starts);
	vec_fini(&functions.starts);
	return failed ? error_out_of_memory() : NULL;
}

/* ---- free lists -------------------------------------------------------------------------- */

/* Of the one that ends so far into the interpreter, and whose length, an int, stands there or behind. */
static void add_list(struct gather *g, raddr interpreter, uint64_t end, uint64_t length_at,
		     struct borrowed *to)
{
	uint64_t length = word_u32(g->types, interpreter, length_at);
	for (size_t i = 0; i < BORROWED_LISTS && end >= LIST_ROOM; i++) {
		if (!raddr_is_null(to->behind[i].end))
			continue;
		to->behind[i].end = raddr_plus(interpreter, end);
		to->behind[i].start =
			raddr_minus(to->behind[i].end, size_subtract(LIST_ROOM, length * 8));
		return;
	}
}

/* In 3.12 those of dicts and of keys stand together, and then both lengths; before, keys follow dicts. */
static void add_lists_of_dicts(struct gather *g, raddr interpreter, struct borrowed *to)
{
	const struct layout *layout = &g->request->subject->build.layout;
	const uint64_t at = layout_offset(layout, LAYOUT_FREELIST_DICT);
	const uint64_t keys = at + 8 + LIST_ROOM;
	if (g->types->shapes->version_hex >= HEX_3_12) {
		add_list(g, interpreter, size_subtract(at, LIST_ROOM), at, to);
		add_list(g, interpreter, at, at + 4, to);
	} else {
		add_list(g, interpreter, at, at, to);
		add_list(g, interpreter, keys, keys, to);
	}
}

void borrowed_add_lists(struct gather *g, raddr interpreter, struct borrowed *to)
{
	static const enum layout_entry_id ids[] = {LAYOUT_FREELIST_LIST, LAYOUT_FREELIST_DICT,
						   LAYOUT_FREELIST_DICTKEYS};
	const struct layout *layout = &g->request->subject->build.layout;
	const uint32_t version = g->types->shapes->version_hex;
	if (version < HEX_3_10 || version >= HEX_3_14 || g->types->shapes->free_threaded)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		if (!layout_has(layout, ids[i]))
			continue;
		if (ids[i] == LAYOUT_FREELIST_DICT && version < HEX_3_13)
			add_lists_of_dicts(g, interpreter, to);
		else
			add_list(g, interpreter, layout_offset(layout, ids[i]),
				 layout_offset(layout, ids[i]), to);
	}
}

/* ---- asking ------------------------------------------------------------------------------ */

static bool is_in(raddr word, raddr table, uint64_t entry_size)
{
	return !raddr_is_null(table) && raddr_in(word, table, PLACES * entry_size);
}

bool borrowed_has(const struct borrowed *tables, raddr word)
{
	for (size_t i = 0; i < BORROWED_LISTS; i++)
		if (raddr_in(word, tables->behind[i].start,
			     raddr_distance(tables->behind[i].start, tables->behind[i].end)))
			return true;
	if (is_in(word, tables->methods, METHOD_SIZE))
		return raddr_distance(tables->methods, word) % METHOD_SIZE == METHOD_VALUE;
	return is_in(word, tables->functions, FUNCTION_SIZE);
}
