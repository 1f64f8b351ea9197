/*
 * leftovers: where free lists that are arrays end, and where their length says that what is dead in them ends.
 *
 *	[ dead │ dead │ old words … ][ 2 ]      80      each with its length behind it, or both
 *
 * struct _Py_list_state, _Py_dict_state in Include/internal/, in 3.13 pycore_freelist.h. Up to 3.9 they are variables of their own
 * (data.c), from 3.14 on they are linked.
 */
#include "inspector/holders/roots/leftovers.h"

#include "inspector/look/look.h"
#include "inspector/object/word.h"

#define HEX_3_10  0x030a0000
#define HEX_3_12  0x030c0000
#define HEX_3_13  0x030d0000
#define HEX_3_14  0x030e0000
#define LIST_ROOM (UINT64_C(80) * 8)

/* Of the one that ends so far into the interpreter, and whose length, an int, stands there or behind. */
static void add_list(struct gather *g, raddr interpreter, uint64_t end, uint64_t length_at,
		     struct leftovers *to)
{
	uint64_t length = word_u32(g->types, interpreter, length_at);
	for (size_t i = 0; i < LEFTOVERS_LISTS && end >= LIST_ROOM; i++) {
		if (!raddr_is_null(to->behind[i].end))
			continue;
		to->behind[i].end = raddr_plus(interpreter, end);
		to->behind[i].start =
			raddr_minus(to->behind[i].end, size_subtract(LIST_ROOM, length * 8));
		return;
	}
}

/* In 3.12 those of dicts and of keys stand together, and then both lengths; before, keys follow dicts. */
static void add_lists_of_dicts(struct gather *g, raddr interpreter, struct leftovers *to)
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

void leftovers_find(struct gather *g, raddr interpreter, struct leftovers *to)
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

bool leftovers_have(const struct leftovers *leftovers, raddr word)
{
	for (size_t i = 0; i < LEFTOVERS_LISTS; i++)
		if (raddr_in(word, leftovers->behind[i].start,
			     raddr_distance(leftovers->behind[i].start, leftovers->behind[i].end)))
			return true;
	return false;
}
