/*
 * classes: what they hold as attributes, then they themselves, and modules.
 *
 *	app.Registry ─▷ tp_dict { run: function │ items: dict │ x: member of __slots__ }
 *	                                          app.Registry.items
 *
 * Classes are roots themselves, because every object leads to its own: they would be charged to whichever was met first.
 */
#include "base/cleanup.h"
#include "inspector/holders/roots/gather.h"
#include "inspector/object/dict_walk.h"
#include "inspector/object/object_text.h"
#include "inspector/object/object_value.h"
#include "inspector/object/word.h"

#include <string.h>

#define NAME_SIZE_MAX 200

/* What stands in a class for its code. */
static bool is_code(const char *type)
{
	static const char *const names[] = {
		"builtin_function_or_method",
		"classmethod",
		"classmethod_descriptor",
		"getset_descriptor",
		"member_descriptor",
		"method_descriptor",
		"property",
		"staticmethod",
		"wrapper_descriptor",
	};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(names[i], type) == 0)
			return true;
	}
	return false;
}

static bool keeps_memory(struct gather *g, raddr value)
{
	uint32_t index = gather_worth(g, value);
	if (index == TYPE_NONE)
		return false;
	const struct type *type = type_table_get(g->types, index);
	switch ((int)type->kind) {
	case TYPE_FUNCTION:
	case TYPE_MODULE:
	case TYPE_TYPE:
	case TYPE_OLD_CLASS:
		return false;
	default:
		return !type->name || !is_code(type->name);
	}
}

static struct error *add_attribute(struct gather *g, const char *class, raddr from, raddr key,
				   raddr value)
{
	_cleanup_(text_fini) struct text name = TEXT_EMPTY;
	text_addf(&name, "%s.", class);
	size_t length = name.length;
	if (!object_text(g->types, key, NAME_SIZE_MAX, &name) ||
	    strncmp(text_string(&name) + length, "__", 2) == 0)
		return NULL;
	if (name.failed)
		return error_out_of_memory();
	return gather_add(g,
			  (struct root){.phase = ROOT_NAMED,
					.kind = HOLDER_CLASS_ATTRIBUTE,
					.at = value,
					.from = from},
			  text_string(&name));
}

static struct error *add_attributes(struct gather *g, const char *class, raddr from, raddr dict)
{
	struct dict_walk walk;
	raddr key, value;
	struct error *err = NULL;
	if (raddr_is_null(dict) || !dict_walk_begin(g->types, dict, &walk))
		return NULL;
	while (!err && gather_spend(g) && dict_walk_next(&walk, &key, &value)) {
		if (keeps_memory(g, value))
			err = add_attribute(g, class, from, key, value);
	}
	return err;
}

/* "app.Old" of one of 2.7's classes. */
static void old_class_name(struct gather *g, raddr at, struct text *ret)
{
	const struct shapes *s = g->types->shapes;
	raddr dict = word_pointer(g->types, at, s->old_class.dict);
	if (object_text(g->types, dict_find(g->types, dict, "__module__"), NAME_SIZE_MAX, ret))
		text_add(ret, ".");
	if (!object_text(g->types, word_pointer(g->types, at, s->old_class.name), NAME_SIZE_MAX,
			 ret))
		text_add(ret, "?");
}

static struct error *old_attributes(struct gather *g, raddr at)
{
	_cleanup_(text_fini) struct text name = TEXT_EMPTY;
	old_class_name(g, at, &name);
	return add_attributes(g, text_string(&name), at,
			      word_pointer(g->types, at, g->types->shapes->old_class.dict));
}

struct error *gather_attributes(struct gather *g)
{
	struct error *err = NULL;
	/* Looking may find further types, and move all. */
	for (uint32_t i = 0; i < g->types->types.count && !err; i++) {
		const struct type type = *gather_type(g, i);
		if (type.heap && type.name)
			err = add_attributes(g, type.name, type.at, type.dict);
	}
	for (size_t i = 0; i < g->old_classes.count && !err; i++)
		err = old_attributes(g, g->old_classes.items[i]);
	return err;
}

/* ---- themselves -------------------------------------------------------------------------- */

static struct error *add_itself(struct gather *g, struct root root, const char *what,
				const char *name)
{
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	text_addf(&line, "%s %s", what, name);
	return line.failed ? error_out_of_memory() : gather_add(g, root, text_string(&line));
}

struct error *gather_classes(struct gather *g)
{
	struct root root = {.phase = ROOT_NAMED, .kind = HOLDER_CLASS_ATTRIBUTE};
	struct error *err = NULL;
	for (uint32_t i = 0; i < g->types->types.count && !err; i++) {
		const struct type type = *gather_type(g, i);
		root.at = root.from = type.at;
		if (type.heap && type.name)
			err = add_itself(g, root, "class", type.name);
	}
	for (size_t i = 0; i < g->old_classes.count && !err; i++) {
		_cleanup_(text_fini) struct text name = TEXT_EMPTY;
		root.at = root.from = g->old_classes.items[i];
		old_class_name(g, root.at, &name);
		err = add_itself(g, root, "class", text_string(&name));
	}
	return err;
}

struct error *gather_module_objects(struct gather *g)
{
	struct error *err = NULL;
	for (size_t i = 0; i < g->modules.count && !err; i++) {
		const struct gather_module *m = &g->modules.items[i];
		struct root root = {
			.phase = ROOT_STATIC, .kind = HOLDER_MODULE_GLOBAL, .at = m->at};
		err = add_itself(g, root, "module", m->name);
		root.at = m->dict;
		err = err ?: gather_add(g, root, NULL);
	}
	return err;
}
