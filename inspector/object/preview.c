/*
 * preview: one line about an object.
 *
 *	without contents	str of 12 characters, list of 3, dict of 2, function app.run, code run at app.py:12
 *	with contents		'session-0001', 42, dict of 2, keys 'id', 'name'
 *
 * Names that a program's author gave (of functions, classes, modules, files) are no contents; what a program was fed is.
 */
#include "base/cleanup.h"
#include "base/count.h"
#include "inspector/object/attribute.h"
#include "inspector/object/dict_walk.h"
#include "inspector/object/edge.h"
#include "inspector/object/frame.h"
#include "inspector/object/object_text.h"
#include "inspector/object/object_value.h"
#include "inspector/object/word.h"

#include <string.h>

#define HEX_3         0x03000000
#define TEXT_SIZE_MAX 40
#define NAME_SIZE_MAX 200
#define KEYS_MAX      3
#define COUNT_MAX     (UINT64_C(1) << 40)
#define BYTES_MAX     UINT64_C(40)

struct telling {
	struct type_table *types;
	raddr at;
	bool contents;
	struct text *ret;
};

static void add_count(const struct telling *t, const char *what, uint64_t n, const char *of)
{
	if (n > COUNT_MAX)
		text_add(t->ret, what);
	else
		text_addf(t->ret, "%s of %s%s%s", what, COUNT(n), *of && n != 1 ? " " : "",
			  *of && n != 1 ? of : "");
}

static void add_quoted(const struct telling *t, raddr at)
{
	uint64_t length = 0;
	(void)object_text_length(t->types, at, &length);
	text_add(t->ret, "'");
	(void)object_text(t->types, at, TEXT_SIZE_MAX, t->ret);
	text_add(t->ret, length > TEXT_SIZE_MAX ? "…'" : "'");
}

static void tell_str(const struct telling *t, const char *name, const char *of)
{
	uint64_t length;
	if (t->contents && object_text_length(t->types, t->at, &length))
		add_quoted(t, t->at);
	else if (object_text_length(t->types, t->at, &length))
		add_count(t, name, length, of);
	else
		text_add(t->ret, name);
}

static void tell_bytes(const struct telling *t, const char *name)
{
	const struct shapes *s = t->types->shapes;
	uint64_t n = word_at(t->types, t->at, s->ob_size), shown = size_min(n, BYTES_MAX);
	const char *bytes = NULL;
	if (t->contents && n <= COUNT_MAX)
		bytes = (const char *)burst_bytes(t->types->burst, raddr_plus(t->at, s->bytes.data),
						  (size_t)shown);
	if (!bytes) {
		add_count(t, name, n, "bytes");
		return;
	}
	text_add(t->ret, "b'");
	text_add_bytes(t->ret, bytes, (size_t)shown);
	text_add(t->ret, n > shown ? "…'" : "'");
}

static void tell_integer(const struct telling *t, const char *name)
{
	int64_t value;
	if (t->contents && object_integer(t->types, t->at, &value))
		text_addf(t->ret, "%" PRId64, value);
	else
		text_add(t->ret, name);
}

static void tell_float(const struct telling *t, const char *name)
{
	double value;
	uint64_t word = word_at(t->types, t->at, t->types->shapes->ob_type + 8);
	memcpy(&value, &word, sizeof(value));
	if (t->contents)
		text_addf(t->ret, "%.17g", value);
	else
		text_add(t->ret, name);
}

static void tell_dict(const struct telling *t, const char *name)
{
	struct dict_walk walk;
	raddr key, value;
	uint64_t used = word_at(t->types, t->at, t->types->shapes->dict.used), length;
	add_count(t, name, used, "");
	if (!dict_walk_begin(t->types, t->at, &walk) || !used)
		return;
	bool names = !raddr_is_null(walk.values); /* shared keys are those of instances */
	if (!t->contents && !names)
		return;
	for (unsigned i = 0; i < KEYS_MAX && dict_walk_next(&walk, &key, &value); i++) {
		if (!object_text_length(t->types, key, &length))
			break;
		text_add(t->ret, i ? ", " : ", keys ");
		add_quoted(t, key);
	}
}

static void tell_named(const struct telling *t, const char *what, raddr name)
{
	text_add(t->ret, what);
	text_add(t->ret, " ");
	if (!object_text(t->types, name, NAME_SIZE_MAX, t->ret))
		text_add(t->ret, "?");
}

static void tell_function(const struct telling *t)
{
	const struct shapes *s = t->types->shapes;
	raddr name = word_pointer(t->types, t->at,
				  s->function.qualname ? s->function.qualname : s->function.name);
	raddr module = word_pointer(t->types, t->at, s->function.module);
	text_add(t->ret, "function ");
	if (object_text(t->types, module, NAME_SIZE_MAX, t->ret))
		text_add(t->ret, ".");
	if (!object_text(t->types, name, NAME_SIZE_MAX, t->ret))
		text_add(t->ret, "?");
}

static void add_code(const struct telling *t, raddr code)
{
	const struct shapes *s = t->types->shapes;
	if (!frame_code_name(t->types, code, t->ret))
		text_add(t->ret, "?");
	text_add(t->ret, " at ");
	if (!object_text(t->types, word_pointer(t->types, code, s->code.filename), NAME_SIZE_MAX,
			 t->ret))
		text_add(t->ret, "?");
	text_addf(t->ret, ":%" PRIu32, word_u32(t->types, code, s->code.first_line));
}

static void tell_running(const struct telling *t, const struct object *object, const char *name)
{
	struct frame_view frame;
	text_add(t->ret, name);
	if (!frame_of(t->types, object, &frame))
		return;
	text_add(t->ret, " of ");
	add_code(t, frame.code);
}

static void tell_method(const struct telling *t, const char *name)
{
	struct object self;
	text_add(t->ret, name);
	raddr at = word_pointer(t->types, t->at, t->types->shapes->method.self);
	if (raddr_is_null(at) || !object_at(t->types, at, &self))
		return;
	text_add(t->ret, " of a ");
	text_add(t->ret, type_table_get(t->types, self.type)->name);
}

static void tell_type(const struct telling *t)
{
	uint32_t index = type_table_find(t->types, t->at);
	text_addf(t->ret, "class %s",
		  index == TYPE_NONE ? "?" : type_table_get(t->types, index)->name);
}

static bool tell_builtin(const struct telling *t, enum type_kind kind, const char *name)
{
	const struct shapes *s = t->types->shapes;
	switch ((int)kind) {
	case TYPE_STR:
		tell_str(t, name, "characters");
		return true;
	case TYPE_BYTES: /* 2.7's str says what its programs call text */
		if (s->version_hex < HEX_3)
			tell_str(t, name, "bytes");
		else
			tell_bytes(t, name);
		return true;
	case TYPE_INT:
	case TYPE_SMALL_INT:
	case TYPE_BOOL:
		tell_integer(t, name);
		return true;
	case TYPE_FLOAT:
		tell_float(t, name);
		return true;
	case TYPE_LIST:
	case TYPE_TUPLE:
		add_count(t, name, word_at(t->types, t->at, s->ob_size), "");
		return true;
	case TYPE_DEQUE:
		add_count(t, name, word_at(t->types, t->at, s->deque.n_items), "");
		return true;
	case TYPE_BYTEARRAY:
		add_count(t, name, word_at(t->types, t->at, s->ob_size), "bytes");
		return true;
	case TYPE_SET:
		add_count(t, name, word_at(t->types, t->at, s->set.used), "");
		return true;
	case TYPE_DICT:
	case TYPE_ODICT:
		tell_dict(t, name);
		return true;
	default:
		return false;
	}
}

static void tell_other(const struct telling *t, const struct object *object, enum type_kind kind,
		       const char *name)
{
	const struct shapes *s = t->types->shapes;
	switch ((int)kind) {
	case TYPE_TYPE:
		tell_type(t);
		break;
	case TYPE_MODULE:
		tell_named(t, "module", word_pointer(t->types, t->at, s->module.name));
		break;
	case TYPE_FUNCTION:
		tell_function(t);
		break;
	case TYPE_METHOD:
		tell_method(t, name);
		break;
	case TYPE_CODE:
		text_add(t->ret, "code ");
		add_code(t, t->at);
		break;
	case TYPE_FRAME:
	case TYPE_GENERATOR:
		tell_running(t, object, name);
		break;
	case TYPE_OLD_CLASS:
		tell_named(t, "class", word_pointer(t->types, t->at, s->old_class.name));
		break;
	default:
		text_add(t->ret, name);
	}
}

void object_preview(struct type_table *types, const struct object *object, bool contents,
		    struct text *ret)
{
	const struct type *type = type_table_get(types, object->type);
	enum type_kind kind = type->kind;
	const char *name =
		type->name; /* owned by the table, whose entries may move, but not this */
	const struct telling t = {types, object->at, contents, ret};
	if (!tell_builtin(&t, kind, name ? name : "?"))
		tell_other(&t, object, kind, name ? name : "?");
}
