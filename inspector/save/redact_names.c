/*
 * redact_names: first which strings are names, each once, then their characters.
 *
 * Strings are told by their addresses until then, for most names are in many places. Nothing is logged that is not, as it is
 * read, a string of an object that has names.
 */
#include "inspector/save/redact_names.h"

#include "base/cleanup.h"
#include "inspector/object/dict_walk.h"
#include "inspector/object/object_text.h"
#include "inspector/object/object_value.h"
#include "inspector/object/word.h"

#include <string.h>

#define NAME_SIZE_MAX 1024 /* bytes; what is longer is no name */
#define NAMES_MAX     (UINT64_C(1) << 21)
#define TUPLE_MAX     (UINT64_C(1) << 16)
#define MEMBERS_MAX   4096
#define MEMBER_SIZE   40 /* struct PyMemberDef (Include/structmember.h, later descrobject.h) */
#define WINDOWS_SIZE  (16 * MIB)

struct naming {
	struct redact_types *from;
	struct burst *burst;
	struct shapes shapes;
	struct type_table types;
	VEC(uint64_t) strings;
};

static void naming_fini(struct naming *n)
{
	vec_fini(&n->strings);
	type_table_fini(&n->types);
	burst_free(n->burst);
}

/* ---- which strings ----------------------------------------------------------------------- */

static void note(struct naming *n, raddr string)
{
	if (raddr_is_null(string) || n->strings.count >= NAMES_MAX)
		return;
	uint64_t *place = vec_push(&n->strings);
	if (place)
		*place = string.value;
}

static void note_word(struct naming *n, raddr object, uint64_t offset)
{
	if (offset)
		note(n, word_pointer(&n->types, object, offset));
}

static void note_keys(struct naming *n, struct dict_walk *walk)
{
	raddr key, value;
	while (n->strings.count < NAMES_MAX && dict_walk_next(walk, &key, &value))
		note(n, key);
}

static void note_dict(struct naming *n, raddr dict)
{
	struct dict_walk walk;
	if (!raddr_is_null(dict) && dict_walk_begin(&n->types, dict, &walk))
		note_keys(n, &walk);
}

static void note_tuple(struct naming *n, raddr tuple)
{
	const struct shapes *s = &n->shapes;
	uint64_t count = word_at(&n->types, tuple, s->ob_size);
	for (uint64_t i = 0; i < count && count <= TUPLE_MAX; i++)
		note_word(n, tuple, s->tuple.items + i * 8);
}

static void note_code(struct naming *n, raddr code)
{
	const struct shapes *s = &n->shapes;
	const uint64_t tuples[] = {s->code.varnames, s->code.cellvars, s->code.freevars,
				   s->code.localsplusnames};
	note_word(n, code, s->code.name);
	note_word(n, code, s->code.qualname);
	note_word(n, code, s->code.filename);
	for (size_t i = 0; i < ARRAY_SIZE(tuples); i++) {
		if (tuples[i])
			note_tuple(n, word_pointer(&n->types, code, tuples[i]));
	}
}

static void note_module(struct naming *n, raddr module)
{
	raddr dict = word_pointer(&n->types, module, n->shapes.module.dict);
	note_word(n, module, n->shapes.module.name);
	note_dict(n, dict);
	note(n, dict_find(&n->types, dict, "__name__"));
}

static void note_old_class(struct naming *n, raddr class)
{
	raddr dict = word_pointer(&n->types, class, n->shapes.old_class.dict);
	note_word(n, class, n->shapes.old_class.name);
	note_dict(n, dict);
	note(n, dict_find(&n->types, dict, "__module__"));
}

static void note_object(struct naming *n, raddr at)
{
	struct object object;
	if (!object_at(&n->types, at, &object))
		return;
	enum type_kind kind = type_table_get(&n->types, object.type)->kind;
	if (kind == TYPE_CODE)
		note_code(n, at);
	else if (kind == TYPE_MODULE)
		note_module(n, at);
	else if (kind == TYPE_OLD_CLASS)
		note_old_class(n, at);
}

/* Of slots: the table, and the names, which lie in strings. */
static void log_members(struct naming *n, raddr type)
{
	raddr at = word_pointer(&n->types, type, n->shapes.type.base - 16); /* tp_members */
	for (unsigned i = 0; i < MEMBERS_MAX; i++, at = raddr_plus(at, MEMBER_SIZE)) {
		char text[NAME_SIZE_MAX];
		uint8_t member[MEMBER_SIZE];
		raddr name = word_pointer(&n->types, at, 0);
		const uint8_t *bytes =
			raddr_is_null(name) ? NULL : burst_bytes(n->burst, at, MEMBER_SIZE);
		if (!bytes)
			return;
		memcpy(member, bytes, MEMBER_SIZE);
		size_t room = (size_t)size_min(NAME_SIZE_MAX, 4096 - name.value % 4096);
		bytes = burst_bytes(n->burst, name, room);
		size_t length = bytes ? strnlen((const char *)bytes, room) : room;
		if (length == room)
			return;
		memcpy(text, bytes, length + 1);
		save_log_add(n->from->log, at, member, MEMBER_SIZE, false);
		save_log_add(n->from->log, name, text, length + 1, false);
	}
}

static void note_shared_keys(struct naming *n, raddr type)
{
	struct dict_walk walk;
	if (dict_walk_begin_shared(&n->types, type, &walk))
		note_keys(n, &walk);
}

static void note_type(struct naming *n, raddr at)
{
	uint32_t index = type_table_find(&n->types, at);
	if (index == TYPE_NONE)
		return;
	const struct type type = *type_table_get(&n->types, index);
	note_dict(n, type.dict);
	if (!type.heap)
		return;
	note(n, dict_find(&n->types, type.dict, "__module__"));
	note_word(n, at, n->shapes.type.ht_name);
	note_word(n, at, n->shapes.type.ht_qualname);
	note_shared_keys(n, at);
	log_members(n, at);
}

/* ---- their characters -------------------------------------------------------------------- */

static void log_string(struct naming *n, raddr string)
{
	uint64_t size;
	raddr at;
	if (!object_text_place(&n->types, string, &at, &size) || size > NAME_SIZE_MAX || !size)
		return;
	size++; /* a NUL follows: a C string of a member's or a type's name may be this very one */
	const uint8_t *bytes = burst_bytes(n->burst, at, (size_t)size);
	if (bytes)
		save_log_add(n->from->log, at, bytes, (size_t)size, false);
}

static int by_address(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static void log_strings(struct naming *n)
{
	if (n->strings.count)
		qsort(n->strings.items, n->strings.count, sizeof(*n->strings.items), by_address);
	for (size_t i = 0; i < n->strings.count; i++) {
		if (i == 0 || n->strings.items[i] != n->strings.items[i - 1])
			log_string(n, raddr_at(n->strings.items[i]));
	}
}

struct error *redact_names_log(const struct redact_names *names, struct redact_types *types,
			       const struct layout *layout)
{
	_cleanup_(naming_fini) struct naming n = {.from = types};
	const struct burst_request windows = {.space = types->space, .max_memory = WINDOWS_SIZE};
	bool unverified;
	struct error *err =
		shapes_fill(layout, types->version_hex, false, false, &n.shapes, &unverified);
	if (err && error_catch(&err, ERROR_UNSUPPORTED))
		return NULL; /* no names are known of such a build */
	err = err ?: burst_take(&windows, &n.burst);
	err = err ?: type_table_init(&n.types, n.burst, &n.shapes, types->space);
	if (err)
		return err;
	for (size_t i = 0; i < types->list.count; i++)
		note_type(&n, types->list.items[i].at);
	for (size_t i = 0; i < names->objects.count; i++)
		note_object(&n, names->objects.items[i]);
	log_strings(&n);
	return NULL;
}

void redact_names_note(struct redact_names *names, raddr object)
{
	raddr *place = names->objects.count < NAMES_MAX ? vec_push(&names->objects) : NULL;
	if (place)
		*place = object;
}

void redact_names_fini(struct redact_names *names)
{
	vec_fini(&names->objects);
}
