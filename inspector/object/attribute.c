/*
 * attribute: values stand in a dict, in an array beside shared keys, or at a place that the type declares.
 *
 *	dict      instance ─▷ dict [ key │ value ] …
 *	values    instance ─▷ [ v0 │ v1 │ … ]	type ─▷ shared keys [ k0 │ k1 │ … ]		(dict_walk)
 *	members   type ─▷ [ name │ type │ offset │ … ] … NULL	slots, and what C declares; of each base, too
 */
#include "inspector/object/attribute.h"

#include "inspector/object/dict_walk.h"
#include "inspector/object/object_text.h"
#include "inspector/object/type_read.h"
#include "inspector/object/word.h"

#define NAME_SIZE_MAX 200
#define ENTRIES_MAX   (UINT64_C(1) << 22)
#define BASES_MAX     60
#define MEMBERS_MAX   4096
#define MEMBER_SIZE   40 /* struct PyMemberDef: name, type, offset, flags, doc */
#define T_OBJECT      6
#define T_OBJECT_EX   16

static bool find_in_walk(struct dict_walk *walk, raddr to, struct text *ret)
{
	raddr key, value;
	uint64_t left = ENTRIES_MAX;
	while (left-- && dict_walk_next(walk, &key, &value)) {
		if (raddr_equal(value, to))
			return object_text(walk->types, key, NAME_SIZE_MAX, ret);
	}
	return false;
}

bool attribute_in_dict(struct type_table *types, raddr dict, raddr to, struct text *ret)
{
	struct dict_walk walk;
	return !raddr_is_null(dict) && dict_walk_begin(types, dict, &walk) &&
	       find_in_walk(&walk, to, ret);
}

static bool find_in_members(struct type_table *types, raddr members, const struct object *object,
			    raddr to, struct text *ret)
{
	bool whole = false;
	for (unsigned i = 0; i < MEMBERS_MAX && !raddr_is_null(members); i++) {
		raddr name = word_pointer(types, members, 0);
		uint32_t type = word_u32(types, members, 8);
		uint64_t offset = word_at(types, members, 16);
		if (raddr_is_null(name))
			break;
		if ((type == T_OBJECT || type == T_OBJECT_EX) && offset % 8 == 0 &&
		    offset < object->size &&
		    raddr_equal(word_pointer(types, object->at, offset), to))
			return type_read_string(types->burst, name, NAME_SIZE_MAX, ret, &whole);
		members = raddr_plus(members, MEMBER_SIZE);
	}
	return false;
}

static bool find_member(struct type_table *types, const struct object *object, raddr to,
			struct text *ret)
{
	uint32_t type = object->type;
	for (unsigned i = 0; i < BASES_MAX && type != TYPE_NONE; i++) {
		const struct type t = *type_table_get(types, type);
		/* tp_members, tp_getset, tp_base stand behind each other. */
		raddr members = word_pointer(types, t.at, types->shapes->type.base - 16);
		if (find_in_members(types, members, object, to, ret))
			return true;
		type = raddr_is_null(t.base) ? TYPE_NONE : type_table_find(types, t.base);
	}
	return false;
}

bool attribute_find(struct type_table *types, const struct object *object, raddr to,
		    struct text *ret)
{
	struct dict_walk walk;
	raddr dict = RADDR_NULL;
	if (raddr_is_null(to))
		return false;
	if (dict_of_object(types, object, &dict) && raddr_equal(dict, to)) {
		text_add(ret, "__dict__");
		return true;
	}
	if (dict_walk_begin_attributes(types, object, &walk) && find_in_walk(&walk, to, ret))
		return true;
	return attribute_in_dict(types, dict, to, ret) || find_member(types, object, to, ret);
}
