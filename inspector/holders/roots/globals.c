/*
 * globals: what modules hold under a name, each value told where it was most likely made.
 *
 *	app's dict   json: module │ Config: class of conf │ CACHE: dict │ Session: own class │ run: own function
 *	             └──────── imported: not app's ────────┘  app.CACHE    app.Session         app.run
 *
 * A value that is no class and no function does not say who made it, and may be in several modules. Names that stand
 * before the last of what was imported, with no class or function of the module's own before them, may have been imported, too:
 * they come after those of all modules that are surer. Among equals the module that was imported last comes first, for a
 * module is imported by those that began before it.
 */
#include "base/cleanup.h"
#include "inspector/holders/roots/gather.h"
#include "inspector/object/dict_walk.h"
#include "inspector/object/object_text.h"
#include "inspector/object/object_value.h"
#include "inspector/object/word.h"

#include <stdio.h>
#include <string.h>

#define NAME_SIZE_MAX 200
#define HEX_3         0x03000000

enum global_kind {
	GLOBAL_SMALL,    /* nothing that keeps memory worth a name: None, a number */
	GLOBAL_IMPORTED, /* a module, or a class or function of another */
	GLOBAL_OWN,      /* a class or function that says it is this module's */
	GLOBAL_PLAIN,
};

static bool is_named(struct gather *g, raddr text, const char *name)
{
	return !raddr_is_null(text) && object_says(g->types, text, name);
}

static enum global_kind own_or_imported(struct gather *g, raddr module, const char *name)
{
	return is_named(g, module, name) ? GLOBAL_OWN : GLOBAL_IMPORTED;
}

static enum global_kind kind_of_type(struct gather *g, raddr value, const char *name)
{
	uint32_t index = type_table_find(g->types, value);
	if (index == TYPE_NONE || !type_table_get(g->types, index)->heap)
		return GLOBAL_IMPORTED;
	raddr dict = type_table_get(g->types, index)->dict;
	return own_or_imported(g, dict_find(g->types, dict, "__module__"), name);
}

static enum global_kind kind_of_value(struct gather *g, raddr value, const char *name)
{
	const struct shapes *s = g->types->shapes;
	uint32_t index = gather_worth(g, value);
	if (index == TYPE_NONE)
		return GLOBAL_SMALL;
	const struct type *type = type_table_get(g->types, index);
	switch ((int)type->kind) {
	case TYPE_MODULE:
		return GLOBAL_IMPORTED;
	case TYPE_TYPE:
		return kind_of_type(g, value, name);
	case TYPE_OLD_CLASS:
		return own_or_imported(g,
				       dict_find(g->types,
						 word_pointer(g->types, value, s->old_class.dict),
						 "__module__"),
				       name);
	case TYPE_FUNCTION:
		return own_or_imported(g, word_pointer(g->types, value, s->function.module), name);
	default:
		return type->name && strcmp(type->name, "builtin_function_or_method") == 0
			       ? GLOBAL_IMPORTED
			       : GLOBAL_PLAIN;
	}
}

/* "__name__", "__builtins__": what every module has. */
static bool is_machinery(const char *key)
{
	size_t length = strlen(key);
	return length > 4 && strncmp(key, "__", 2) == 0 && strcmp(key + length - 2, "__") == 0;
}

/* ---- IPython's Out[17] --------------------------------------------------------------------- */

static struct error *add_output(struct gather *g, raddr outputs)
{
	struct dict_walk walk;
	raddr key, value;
	struct error *err = NULL;
	if (!dict_walk_begin(g->types, outputs, &walk))
		return NULL;
	while (!err && gather_spend(g) && dict_walk_next(&walk, &key, &value)) {
		char name[40];
		int64_t number;
		if (!object_integer(g->types, key, &number))
			continue;
		(void)snprintf(name, sizeof(name), "Out[%" PRId64 "]", number);
		err = gather_add(g,
				 (struct root){.phase = ROOT_NAMED,
					       .kind = HOLDER_MODULE_GLOBAL,
					       .at = value},
				 name);
	}
	return err;
}

/* The shell keeps what it printed under two names (IPython/core/displayhook.py); nothing else has both. */
static struct error *add_outputs(struct gather *g)
{
	struct error *err = NULL;
	for (size_t i = 0; i < g->modules.count && !err; i++) {
		raddr dict = g->modules.items[i].dict;
		raddr outputs = dict_find(g->types, dict, "_oh");
		if (!raddr_is_null(outputs) &&
		    raddr_equal(outputs, dict_find(g->types, dict, "Out")))
			err = add_output(g, outputs);
	}
	return err;
}

/* ---- one module's ---------------------------------------------------------------------------- */

struct order {
	uint64_t first_own, last_imported; /* entries of the dict, from 1 on; UINT64_MAX, 0: none */
};

static struct order order_of(struct gather *g, const struct gather_module *m)
{
	struct order order = {UINT64_MAX, 0};
	struct dict_walk walk;
	raddr key, value;
	if (g->types->shapes->version_hex < HEX_3) /* its dicts have no order */
		return (struct order){0, 0};
	if (!dict_walk_begin(g->types, m->dict, &walk))
		return order;
	for (uint64_t i = 1; gather_spend(g) && dict_walk_next(&walk, &key, &value); i++) {
		enum global_kind kind = kind_of_value(g, value, m->name);
		if (kind == GLOBAL_IMPORTED)
			order.last_imported = i;
		if (kind == GLOBAL_OWN)
			order.first_own = size_min(order.first_own, i);
	}
	return order;
}

static struct error *add_global(struct gather *g, const struct gather_module *m, raddr key,
				raddr value)
{
	_cleanup_(text_fini) struct text name = TEXT_EMPTY;
	text_addf(&name, "%s.", m->name);
	size_t length = name.length;
	if (!object_text(g->types, key, NAME_SIZE_MAX, &name) ||
	    is_machinery(text_string(&name) + length))
		return NULL;
	if (name.failed)
		return error_out_of_memory();
	return gather_add(g,
			  (struct root){.phase = ROOT_NAMED,
					.kind = HOLDER_MODULE_GLOBAL,
					.at = value,
					.from = m->dict},
			  text_string(&name));
}

static struct error *add_globals(struct gather *g, const struct gather_module *m, bool sure)
{
	struct order order = order_of(g, m);
	struct dict_walk walk;
	raddr key, value;
	struct error *err = NULL;
	if (!dict_walk_begin(g->types, m->dict, &walk))
		return NULL;
	for (uint64_t i = 1; !err && gather_spend(g) && dict_walk_next(&walk, &key, &value); i++) {
		enum global_kind kind = kind_of_value(g, value, m->name);
		bool made_here =
			kind == GLOBAL_OWN || i > order.first_own || i > order.last_imported;
		if (kind != GLOBAL_SMALL && kind != GLOBAL_IMPORTED && made_here == sure)
			err = add_global(g, m, key, value);
	}
	return err;
}

struct error *gather_globals(struct gather *g)
{
	struct error *err = add_outputs(g);
	for (size_t i = 0; i < g->modules.count && !err; i++)
		err = add_globals(g, &g->modules.items[i], true);
	for (size_t i = 0; i < g->modules.count && !err; i++)
		err = add_globals(g, &g->modules.items[i], false);
	return err;
}
