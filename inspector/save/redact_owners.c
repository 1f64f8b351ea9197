/*
 * redact_owners: which strings are names, by what gives them. All else is contents.
 *
 *	module     its dict's keys, its name, what stands under __name__
 *	class      its dict's keys, its names, what stands under __module__ and __qualname__, slots
 *	function   names, module
 *	code       names, file, variables
 *	instance   its dict's keys, and those that instances share, where they are interned: names that code uses
 *	           always are, and keys that came with data hardly ever
 *
 * A module or class may be written by a program, and setattr() interns what it is given: what a process
 * used as a name is one, whoever thought of it.
 */
#include "inspector/save/redact_names.h"

#include "base/bytes.h"
#include "base/cleanup.h"
#include "inspector/object/dict_walk.h"
#include "inspector/object/object_value.h"
#include "inspector/object/type_read.h"
#include "inspector/object/word.h"

#define KEYS_MAX    (UINT64_C(1) << 16) /* of one dict */
#define LOCALS_MAX  (UINT64_C(1) << 16)
#define MEMBERS_MAX 4096
#define MEMBER_SIZE 40 /* struct PyMemberDef: name, type, offset, flags, doc */

static void add_member_at(struct redact_names *n, raddr object, uint64_t offset)
{
	if (offset)
		redact_names_add(n, raddr_plus(object, offset), false);
}

/* ---- dicts ------------------------------------------------------------------------------ */

static bool is_named_value(struct type_table *types, raddr key)
{
	return object_says(types, key, "__module__") || object_says(types, key, "__qualname__") ||
	       object_says(types, key, "__name__");
}

/* The namespace of a module or class: also what it says of itself. */
static void add_namespace(struct redact_names *n, raddr dict)
{
	struct dict_walk walk;
	raddr at;
	if (raddr_is_null(dict) || !dict_walk_begin(&n->types, dict, &walk))
		return;
	for (uint64_t i = 0; i < KEYS_MAX && dict_walk_next_key(&walk, &at); i++) {
		redact_names_add(n, at, false);
		if (raddr_is_null(walk.values) &&
		    is_named_value(&n->types, word_pointer(&n->types, at, 0)))
			redact_names_add(n, raddr_plus(at, 8), false);
	}
}

static void add_interned_keys(struct redact_names *n, struct dict_walk *walk)
{
	raddr at;
	for (uint64_t i = 0; i < KEYS_MAX && dict_walk_next_key(walk, &at); i++)
		redact_names_add(n, at, true);
}

/* Keys that instances share, once each table. */
static void add_shared(struct redact_names *n, raddr keys)
{
	struct dict_walk walk;
	if (!raddr_is_null(keys) && word_set_add(&n->tables, keys.value) &&
	    dict_walk_begin_keys(&n->types, keys, &walk))
		add_interned_keys(n, &walk);
}

void redact_owners_add_dict(struct redact_names *n, raddr dict)
{
	struct dict_walk walk;
	if (!dict_walk_begin(&n->types, dict, &walk))
		return;
	if (raddr_is_null(walk.values))
		add_interned_keys(n, &walk);
	else
		add_shared(n, walk.keys);
}

/* ---- classes ---------------------------------------------------------------------------- */

/* A slot's name is a C string, inside of a str. */
static void add_member(struct redact_names *n, raddr member)
{
	_cleanup_(text_fini) struct text text = TEXT_EMPTY;
	uint64_t name = word_at(&n->types, member, 0);
	bool whole;
	redact_names_copy(n, member, MEMBER_SIZE, member, name);
	if (type_read_string(n->burst, raddr_at(name), NAME_SIZE_MAX - 1, &text, &whole) && whole)
		redact_names_copy(n, raddr_at(name), text.length + 1, member, name);
}

/* tp_members, tp_getset, tp_base stand behind each other. */
static void add_members(struct redact_names *n, raddr type)
{
	raddr member = word_pointer(&n->types, type, n->shapes->type.base - 16);
	for (unsigned i = 0; i < MEMBERS_MAX && word_at(&n->types, member, 0); i++) {
		add_member(n, member);
		member = raddr_plus(member, MEMBER_SIZE);
	}
}

static void add_type(struct redact_names *n, raddr at)
{
	const struct shapes *s = n->shapes;
	uint32_t index = type_table_find(&n->types, at);
	if (index == TYPE_NONE)
		return;
	const struct type type = *type_table_get(&n->types, index);
	add_namespace(n, type.dict);
	add_members(n, at);
	if (!type.heap)
		return;
	add_member_at(n, at, s->type.ht_name);
	add_member_at(n, at, s->type.ht_qualname);
	if (s->type.ht_cached_keys)
		add_shared(n, word_pointer(&n->types, at, s->type.ht_cached_keys));
}

/* ---- code ------------------------------------------------------------------------------- */

static void add_tuple(struct redact_names *n, raddr object, uint64_t offset)
{
	const struct shapes *s = n->shapes;
	raddr tuple = offset ? word_pointer(&n->types, object, offset) : RADDR_NULL;
	uint64_t count = word_at(&n->types, tuple, s->ob_size);
	for (uint64_t i = 0; i < count && count <= LOCALS_MAX; i++)
		redact_names_add(n, raddr_plus(tuple, s->tuple.items + i * 8), false);
}

static void add_code(struct redact_names *n, raddr at)
{
	const struct shapes *s = n->shapes;
	add_member_at(n, at, s->code.name);
	add_member_at(n, at, s->code.qualname);
	add_member_at(n, at, s->code.filename);
	add_tuple(n, at, s->code.varnames);
	add_tuple(n, at, s->code.cellvars);
	add_tuple(n, at, s->code.freevars);
	add_tuple(n, at, s->code.localsplusnames);
}

static void add_function(struct redact_names *n, raddr at)
{
	add_member_at(n, at, n->shapes->function.name);
	add_member_at(n, at, n->shapes->function.qualname);
	add_member_at(n, at, n->shapes->function.module);
}

/* ---- all of them ------------------------------------------------------------------------ */

static void add_by_kind(struct redact_names *n, raddr at, enum type_kind kind)
{
	if (kind == TYPE_TYPE)
		add_type(n, at);
	else if (kind == TYPE_CODE)
		add_code(n, at);
	else if (kind == TYPE_FUNCTION)
		add_function(n, at);
	else if (kind == TYPE_MODULE)
		add_member_at(n, at, n->shapes->module.name);
	else if (kind == TYPE_OLD_CLASS)
		add_member_at(n, at, n->shapes->old_class.name);
}

void redact_owners_add(struct redact_names *n, raddr at)
{
	struct object object;
	raddr dict;
	if (!object_at(&n->types, at, &object))
		return;
	enum type_kind kind = type_table_get(&n->types, object.type)->kind;
	bool has_dict = dict_of_object(&n->types, &object, &dict);
	add_by_kind(n, at, kind);
	if (has_dict && (kind == TYPE_MODULE || kind == TYPE_OLD_CLASS))
		add_namespace(n, dict);
	else if (
		has_dict &&
		kind != TYPE_TYPE) /* its tp_dict is a namespace, and what its metatype adds is in there */
		redact_owners_add_dict(n, dict);
}
