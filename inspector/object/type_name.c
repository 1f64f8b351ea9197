/*
 * type_name: a class knows its own name, its dict its module.
 *
 *	class app.Session   [ … tp_name "Session" … tp_dict ▷ {"__module__": "app", …}, ht_qualname ▷ "Session" ]
 *	C type              [ … tp_name "collections.deque" … ]
 *
 * Builtins go without a module, as they do in their repr().
 */
#include "inspector/object/type_name.h"

#include "base/cleanup.h"
#include "inspector/object/dict_walk.h"
#include "inspector/object/object_text.h"
#include "inspector/object/type_read.h"

#include <string.h>

#define MODULE_MAX   512
#define QUALNAME_MAX 480
#define MODULE_KEY   "__module__"

static bool is_builtin_module(const char *module)
{
	return strcmp(module, "builtins") == 0 || strcmp(module, "__builtin__") == 0;
}

/* A static type's name holds its module already. */
static void add_plain(struct text *name, const char *plain)
{
	const char *dot = strchr(plain, '.');
	bool drop = dot && (strncmp(plain, "builtins.", 9) == 0 ||
			    strncmp(plain, "__builtin__.", 12) == 0);
	text_add(name, drop ? dot + 1 : plain);
}

static bool find_module(struct type_table *t, raddr dict, struct text *ret)
{
	struct dict_walk walk;
	raddr key, value;
	if (raddr_is_null(dict) || !dict_walk_begin(t, dict, &walk))
		return false;
	while (dict_walk_next(&walk, &key, &value)) {
		_cleanup_(text_fini) struct text text = TEXT_EMPTY;
		if (object_text(t, key, sizeof(MODULE_KEY), &text) &&
		    strcmp(text_string(&text), MODULE_KEY) == 0)
			return object_text(t, value, MODULE_MAX, ret);
	}
	return false;
}

/* "module." before a class's own name, but for builtins. */
static void add_module(struct type_table *t, raddr dict, struct text *name)
{
	_cleanup_(text_fini) struct text module = TEXT_EMPTY;
	if (!find_module(t, dict, &module) || !module.length ||
	    is_builtin_module(text_string(&module)))
		return;
	text_add(name, text_string(&module));
	text_add(name, ".");
}

/* Of a character that does not fit, no part is kept. */
static void clip(struct text *text, size_t max)
{
	size_t end = max;
	if (text->length <= max)
		return;
	while (end && ((unsigned char)text->data[end] & 0xc0) == 0x80)
		end--;
	text->data[end] = 0;
	text->length = end;
	text_add(text, "…");
}

/* One character more than fits tells that there are more. */
static bool add_object_text(struct type_table *t, raddr at, struct text *name)
{
	_cleanup_(text_fini) struct text own = TEXT_EMPTY;
	if (!object_text(t, at, QUALNAME_MAX + 1, &own) || !own.length)
		return false;
	clip(&own, QUALNAME_MAX);
	text_add(name, text_string(&own));
	return true;
}

static bool add_qualname(struct type_table *t, raddr type, struct text *name)
{
	uint64_t offset = t->shapes->type.ht_qualname ?: t->shapes->type.ht_name, at;
	return burst_word(t->burst, raddr_plus(type, offset), &at) &&
	       add_object_text(t, raddr_at(at), name);
}

static bool add_c_name(struct type_table *t, raddr type, struct text *name)
{
	_cleanup_(text_fini) struct text plain = TEXT_EMPTY;
	uint64_t at;
	bool whole;
	if (!burst_word(t->burst, raddr_plus(type, t->shapes->type.name), &at) ||
	    !type_read_string(t->burst, raddr_at(at), QUALNAME_MAX + 1, &plain, &whole) ||
	    !plain.length)
		return false;
	clip(&plain, QUALNAME_MAX);
	add_plain(name, text_string(&plain));
	return true;
}

static char *finish(struct text *name, raddr at)
{
	if (!name->length)
		text_addf(name, "type@" RADDR_FORMAT, at.value);
	return name->failed ? NULL : text_take(name);
}

char *type_name_make(struct type_table *t, uint32_t index)
{
	const struct type type = t->types.items[index];
	_cleanup_(text_fini) struct text name = TEXT_EMPTY, own = TEXT_EMPTY;
	if (type.heap && add_qualname(t, type.at, &own)) {
		add_module(t, type.dict, &name);
		text_add(&name, text_string(&own));
	} else {
		(void)add_c_name(t, type.at, &name);
	}
	return finish(&name, type.at);
}

char *type_name_make_old(struct type_table *t, raddr class)
{
	_cleanup_(text_fini) struct text name = TEXT_EMPTY, own = TEXT_EMPTY;
	uint64_t at = 0, dict = 0;
	(void)burst_word(t->burst, raddr_plus(class, t->shapes->old_class.name), &at);
	(void)burst_word(t->burst, raddr_plus(class, t->shapes->old_class.dict), &dict);
	if (add_object_text(t, raddr_at(at), &own)) {
		add_module(t, raddr_at(dict), &name);
		text_add(&name, text_string(&own));
	}
	return finish(&name, class);
}
