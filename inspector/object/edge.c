/*
 * edge: first what the kind of the object says of its references, then attributes, last its type.
 *
 *	list ─▷ items [ · │ to │ … ]		an index
 *	dict ─▷ [ hash │ key │ to ] …		a key
 *	frame [ code │ … │ slot: to │ … ]	a variable
 *	instance ─▷ values [ · │ to ]		an attribute
 *
 * Words are compared, not followed: whatever is damaged finds nothing.
 */
#include "inspector/object/edge.h"

#include "inspector/object/attribute.h"
#include "inspector/object/dict_walk.h"
#include "inspector/object/frame.h"
#include "inspector/object/object_text.h"
#include "inspector/object/object_value.h"
#include "inspector/object/word.h"

#include <string.h>

#define KEY_SIZE_MAX 120
#define COUNT_MAX    (UINT64_C(1) << 40)
#define ENTRIES_MAX  (UINT64_C(1) << 22)
#define BLOCKS_MAX   (UINT64_C(1) << 20)

struct asking {
	struct type_table *types;
	const struct object *from;
	raddr to;
	bool contents;
	struct text name;
	uint64_t index;
};

struct place {
	uint64_t offset;
	const char *name;
};

static enum edge_kind at_place(const struct asking *a, raddr object, uint64_t offset,
			       const char *name, struct text *ret)
{
	if (!offset || !raddr_equal(word_pointer(a->types, object, offset), a->to))
		return EDGE_UNKNOWN;
	text_add(ret, name);
	return EDGE_ATTRIBUTE;
}

static enum edge_kind at_places(struct asking *a, const struct place *places, size_t n)
{
	enum edge_kind kind = EDGE_UNKNOWN;
	for (size_t i = 0; i < n && kind == EDGE_UNKNOWN; i++)
		kind = at_place(a, a->from->at, places[i].offset, places[i].name, &a->name);
	return kind;
}

/* ---- containers -------------------------------------------------------------------------- */

static enum edge_kind in_table(struct asking *a, raddr table, uint64_t n)
{
	uint64_t i = n > COUNT_MAX ? UINT64_MAX : word_find(a->types, table, n, a->to.value);
	if (i == UINT64_MAX)
		return EDGE_UNKNOWN;
	a->index = i;
	return EDGE_INDEX;
}

static enum edge_kind in_list(struct asking *a)
{
	const struct shapes *s = a->types->shapes;
	return in_table(a, word_pointer(a->types, a->from->at, s->list.items),
			word_at(a->types, a->from->at, s->ob_size));
}

static enum edge_kind in_tuple(struct asking *a)
{
	const struct shapes *s = a->types->shapes;
	return in_table(a, raddr_plus(a->from->at, s->tuple.items),
			word_at(a->types, a->from->at, s->ob_size));
}

/* Modules/_collectionsmodule.c: items from one index of the leftmost block to one of the rightmost. */
static enum edge_kind in_deque(struct asking *a)
{
	const struct shapes *s = a->types->shapes;
	uint64_t first = word_at(a->types, a->from->at, s->deque.right + 8), seen = 0;
	uint64_t n = word_at(a->types, a->from->at, s->deque.n_items);
	uint64_t room = (s->deque.block_size - 16) / 8; /* two links in each block */
	raddr block = word_pointer(a->types, a->from->at, s->deque.left);
	for (uint64_t i = 0; i < BLOCKS_MAX && n <= COUNT_MAX && seen < n && first < room; i++) {
		uint64_t here = size_min(room - first, n - seen);
		raddr items = raddr_plus(block, s->deque.data + first * 8);
		uint64_t found = word_find(a->types, items, here, a->to.value);
		if (found < here) {
			a->index = seen + found;
			return EDGE_INDEX;
		}
		seen += here;
		first = 0;
		block = word_pointer(a->types, block, s->deque.next);
		if (raddr_is_null(block))
			break;
	}
	return EDGE_UNKNOWN;
}

static enum edge_kind in_set(struct asking *a)
{
	const struct shapes *s = a->types->shapes;
	uint64_t n = size_add(word_at(a->types, a->from->at, s->set.mask), 1);
	raddr table = word_pointer(a->types, a->from->at, s->set.table);
	if (n > COUNT_MAX || word_find(a->types, table, n * 2, a->to.value) == UINT64_MAX)
		return EDGE_UNKNOWN;
	return EDGE_ELEMENT;
}

/* ---- dicts ------------------------------------------------------------------------------- */

static void add_key(struct asking *a, raddr key)
{
	struct object object;
	if (a->contents && object_text(a->types, key, KEY_SIZE_MAX, &a->name))
		return;
	if (object_at(a->types, key, &object))
		object_preview(a->types, &object, a->contents, &a->name);
}

/* Whose entries are names: a module's globals, and dicts that share their keys with others, as only instances do. */
static enum edge_kind kind_of_dict(struct asking *a, const struct dict_walk *walk)
{
	raddr dict = a->from->at;
	if (!raddr_is_null(walk->values))
		return EDGE_ATTRIBUTE;
	if (!raddr_is_null(dict_find(a->types, dict, "__name__")) &&
	    !raddr_is_null(dict_find(a->types, dict, "__doc__")) &&
	    !raddr_is_null(dict_find(a->types, dict, "__package__")))
		return EDGE_GLOBAL;
	return EDGE_KEY;
}

static enum edge_kind in_dict(struct asking *a)
{
	struct dict_walk walk;
	raddr key, value;
	uint64_t left = ENTRIES_MAX;
	if (!dict_walk_begin(a->types, a->from->at, &walk))
		return EDGE_UNKNOWN;
	while (left-- && dict_walk_next(&walk, &key, &value)) {
		if (raddr_equal(value, a->to)) {
			enum edge_kind kind = kind_of_dict(a, &walk);
			if (kind == EDGE_KEY)
				add_key(a, key);
			else
				(void)object_text(a->types, key, KEY_SIZE_MAX, &a->name);
			return kind;
		}
		if (raddr_equal(key, a->to))
			return EDGE_AS_KEY;
	}
	return EDGE_UNKNOWN;
}

/* ---- what the interpreter makes ---------------------------------------------------------- */

static enum edge_kind in_module(struct asking *a)
{
	const struct shapes *s = a->types->shapes;
	raddr dict = word_pointer(a->types, a->from->at, s->module.dict);
	if (raddr_equal(dict, a->to)) {
		text_add(&a->name, "__dict__");
		return EDGE_ATTRIBUTE;
	}
	return attribute_in_dict(a->types, dict, a->to, &a->name) ? EDGE_GLOBAL : EDGE_UNKNOWN;
}

static enum edge_kind in_function(struct asking *a)
{
	const struct shapes *s = a->types->shapes;
	const struct place places[] = {
		{s->function.code, "__code__"},         {s->function.closure, "__closure__"},
		{s->function.defaults, "__defaults__"}, {s->function.kwdefaults, "__kwdefaults__"},
		{s->function.globals, "__globals__"},   {s->function.dict, "__dict__"},
		{s->function.name, "__name__"},         {s->function.qualname, "__qualname__"},
		{s->function.module, "__module__"},
	};
	enum edge_kind kind = at_places(a, places, ARRAY_SIZE(places));
	raddr dict = s->function.dict ? word_pointer(a->types, a->from->at, s->function.dict)
				      : RADDR_NULL;
	if (kind == EDGE_UNKNOWN && attribute_in_dict(a->types, dict, a->to, &a->name))
		kind = EDGE_ATTRIBUTE;
	return kind;
}

static enum edge_kind in_method(struct asking *a)
{
	const struct shapes *s = a->types->shapes;
	const struct place places[] = {{s->method.function, "__func__"},
				       {s->method.self, "__self__"}};
	return at_places(a, places, ARRAY_SIZE(places));
}

static enum edge_kind in_code(struct asking *a)
{
	const struct shapes *s = a->types->shapes;
	/* co_consts: two words before co_varnames up to 3.10, else the first of all. */
	const struct place places[] = {
		{s->code.localsplusnames ? s->ob_size + 8 : s->code.varnames - 16, "co_consts"},
		{s->code.name, "co_name"},
		{s->code.qualname, "co_qualname"},
		{s->code.filename, "co_filename"},
		{s->code.varnames, "co_varnames"},
	};
	return at_places(a, places, ARRAY_SIZE(places));
}

static enum edge_kind in_frame(struct asking *a)
{
	struct frame_view frame;
	if (!frame_of(a->types, a->from, &frame))
		return EDGE_UNKNOWN;
	for (uint64_t i = 0; i < frame.n_slots; i++) {
		if (raddr_equal(frame_slot(a->types, &frame, i), a->to) &&
		    frame_slot_name(a->types, &frame, i, &a->name))
			return EDGE_LOCAL;
	}
	if (raddr_equal(frame.at, a->to))
		text_add(&a->name, "gi_frame");
	else if (raddr_equal(frame.code, a->to))
		text_add(&a->name, "f_code");
	else if (raddr_equal(frame.globals, a->to))
		text_add(&a->name, "f_globals");
	else if (raddr_equal(frame.locals, a->to))
		text_add(&a->name, "f_locals");
	return a->name.length ? EDGE_ATTRIBUTE : EDGE_UNKNOWN;
}

static enum edge_kind in_cell(struct asking *a)
{
	uint64_t contents = a->types->shapes->cell.contents;
	return raddr_equal(word_pointer(a->types, a->from->at, contents), a->to) ? EDGE_CELL
										 : EDGE_UNKNOWN;
}

static enum edge_kind in_type(struct asking *a)
{
	const struct shapes *s = a->types->shapes;
	const struct place places[] = {
		{s->type.dict, "__dict__"},
		{s->type.base, "__base__"},
		{s->type.mro, "__mro__"},
		{s->type.mro - 8, "__bases__"},
		{s->type.mro + 16, "__subclasses__"},
		{s->type.ht_name, "__name__"},
		{s->type.ht_qualname, "__qualname__"},
		{s->type.ht_module, "__module__"},
	};
	uint32_t index = type_table_find(a->types, a->from->at);
	bool heap = index != TYPE_NONE && type_table_get(a->types, index)->heap;
	raddr dict = word_pointer(a->types, a->from->at, s->type.dict);
	enum edge_kind kind = at_places(a, places, heap ? ARRAY_SIZE(places) : 5);
	if (kind == EDGE_UNKNOWN && attribute_in_dict(a->types, dict, a->to, &a->name))
		kind = EDGE_ATTRIBUTE;
	return kind;
}

/* 2.7's old classes and their instances. */
static enum edge_kind in_old(struct asking *a, uint64_t dict_at, uint64_t class_at)
{
	raddr dict = word_pointer(a->types, a->from->at, dict_at);
	if (attribute_in_dict(a->types, dict, a->to, &a->name))
		return EDGE_ATTRIBUTE;
	if (raddr_equal(dict, a->to)) {
		text_add(&a->name, "__dict__");
		return EDGE_ATTRIBUTE;
	}
	if (class_at && raddr_equal(word_pointer(a->types, a->from->at, class_at), a->to))
		return EDGE_TYPE;
	return EDGE_UNKNOWN;
}

/* ---- any of them ------------------------------------------------------------------------- */

static enum edge_kind by_kind(struct asking *a, enum type_kind kind)
{
	const struct shapes *s = a->types->shapes;
	switch ((int)kind) {
	case TYPE_LIST:
		return in_list(a);
	case TYPE_TUPLE:
		return in_tuple(a);
	case TYPE_DEQUE:
		return in_deque(a);
	case TYPE_SET:
		return in_set(a);
	case TYPE_DICT:
	case TYPE_ODICT:
		return in_dict(a);
	case TYPE_MODULE:
		return in_module(a);
	case TYPE_FUNCTION:
		return in_function(a);
	case TYPE_METHOD:
		return in_method(a);
	case TYPE_CODE:
		return in_code(a);
	case TYPE_FRAME:
	case TYPE_GENERATOR:
		return in_frame(a);
	case TYPE_CELL:
		return in_cell(a);
	case TYPE_TYPE:
		return in_type(a);
	case TYPE_INSTANCE:
		return in_old(a, s->instance.dict, s->instance.class);
	case TYPE_OLD_CLASS:
		return in_old(a, s->old_class.dict, 0);
	default:
		return EDGE_UNKNOWN;
	}
}

void edge_find(struct type_table *types, const struct object *from, raddr to, bool contents,
	       struct edge *ret)
{
	struct asking a = {types, from, to, contents, TEXT_EMPTY, 0};
	const struct type *type = type_table_get(types, from->type);
	raddr type_at = type->at;
	enum edge_kind kind = raddr_is_null(to) ? EDGE_UNKNOWN : by_kind(&a, type->kind);
	if (kind == EDGE_UNKNOWN) {
		text_clear(&a.name);
		kind = attribute_find(types, from, to, &a.name) ? EDGE_ATTRIBUTE : EDGE_UNKNOWN;
	}
	if (kind == EDGE_UNKNOWN && raddr_equal(type_at, to))
		kind = EDGE_TYPE;
	bool named = kind != EDGE_UNKNOWN && a.name.length && !a.name.failed;
	*ret = (struct edge){kind, named ? text_take(&a.name) : NULL, a.index};
	text_fini(&a.name);
}

void edge_fini(struct edge *edge)
{
	free(edge->name);
	edge->name = NULL;
}
