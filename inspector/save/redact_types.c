/*
 * redact_types: a type object names itself: the first of its tp_mro is the type.
 *
 *	instance ─ob_type▷ type ─ob_type▷ metatype ─▷ … type ─┐
 *	                    │                          └──────┘ of itself
 *	                    └─tp_mro▷ (type, …, object)
 *
 * Static types that nobody readied have no tp_mro; they lie in an object's data, and their
 * tp_dealloc in code.
 */
#include "inspector/save/redact_types.h"

#include "base/bytes.h"
#include "base/cleanup.h"
#include "inspector/object/arrays/tensor.h"

#include <string.h>

#define TYPE_SIZE_MAX 512
#define NAME_MAX_SIZE 1032   /* longer than what is told of one (type_table.h) */
#define EXAMINED_MAX  400000 /* candidates that are looked at, most of them not types */
#define DEPTH_MAX     8

#define FLAG_HEAP     (UINT64_C(1) << 9)
#define FLAG_READY    (UINT64_C(1) << 12)

struct error *redact_types_init(struct redact_types *t)
{
	t->room = 1u << 15;
	t->table = calloc(t->room, sizeof(*t->table));
	return t->table ? NULL : error_out_of_memory();
}

void redact_types_fini(struct redact_types *t)
{
	free(t->table);
	vec_fini(&t->list);
}

/* ---- the table ------------------------------------------------------------------------ */

static size_t slot_of(const struct redact_types *t, uint64_t at)
{
	size_t i = (size_t)((at * UINT64_C(0x9e3779b97f4a7c15)) >> 20) & (t->room - 1);
	while (t->table[i].at && t->table[i].at != at)
		i = (i + 1) & (t->room - 1);
	return i;
}

static bool grow(struct redact_types *t)
{
	struct redact_types bigger = *t;
	bigger.room = t->room * 2;
	bigger.table = calloc(bigger.room, sizeof(*t->table));
	if (!bigger.table)
		return false;
	for (size_t i = 0; i < t->room; i++)
		if (t->table[i].at)
			bigger.table[slot_of(&bigger, t->table[i].at)] = t->table[i];
	free(t->table);
	*t = bigger;
	return true;
}

/* Out of memory: it is forgotten, and examined again next time. */
static void remember(struct redact_types *t, uint64_t at, uint32_t type)
{
	if (t->n_table * 2 >= t->room && !grow(t))
		return;
	size_t i = slot_of(t, at);
	t->n_table += !t->table[i].at;
	t->table[i].at = at;
	t->table[i].type = type;
}

/* ---- one candidate -------------------------------------------------------------------- */

struct candidate {
	raddr at;
	uint8_t bytes[TYPE_SIZE_MAX];
	size_t size;                  /* of a static type; others are larger */
	char name[NAME_MAX_SIZE + 1]; /* ends with a 0 */
	size_t name_length;
};

static uint64_t word_of(const struct candidate *c, uint64_t offset)
{
	struct bytes b = bytes_of(c->bytes, c->size);
	return bytes_u64(&b, (size_t)offset);
}

static bool read_at(struct redact_types *t, uint64_t at, void *to, size_t size)
{
	return grounds_read(t->grounds, t->space, raddr_at(at), to, size);
}

/* The page behind may not be there: it is read only where the name goes on. Whatever it says, a type has it. */
static void read_name(struct redact_types *t, struct candidate *c)
{
	uint64_t at = word_of(c, t->shapes->type.name);
	size_t room = (size_t)size_min(NAME_MAX_SIZE, 4096 - at % 4096);
	if (!read_at(t, at, c->name, room))
		return;
	c->name_length = strnlen(c->name, room);
	if (c->name_length == room && room < NAME_MAX_SIZE &&
	    read_at(t, at + room, c->name + room, NAME_MAX_SIZE - room))
		c->name_length = strnlen(c->name, NAME_MAX_SIZE);
}

/* One line of text that ends. */
static bool has_plain_name(const struct candidate *c)
{
	for (size_t i = 0; i < c->name_length; i++)
		if ((unsigned char)c->name[i] < ' ' || c->name[i] == 127)
			return false;
	return c->name_length > 0 && c->name_length < NAME_MAX_SIZE;
}

static bool names_itself(struct redact_types *t, const struct candidate *c)
{
	uint64_t first, mro = word_of(c, t->shapes->type.mro);
	return mro && read_at(t, size_add(mro, t->shapes->tuple.items), &first, sizeof(first)) &&
	       first == c->at.value;
}

static bool is_unready_static(struct redact_types *t, const struct candidate *c)
{
	const struct ground_range *at = grounds_of(t->grounds, c->at.value);
	if (!at || !at->of_object || (word_of(c, t->shapes->type.flags) & (FLAG_HEAP | FLAG_READY)))
		return false;
	const struct ground_range *dealloc =
		grounds_of(t->grounds, word_of(c, t->shapes->type.dealloc));
	return dealloc && dealloc->executable;
}

/* A type that names itself is one whatever it is called; reads the name. */
static bool has_type_shape(struct redact_types *t, struct candidate *c)
{
	uint64_t basic = word_of(c, t->shapes->type.basicsize),
		 item = word_of(c, t->shapes->type.itemsize);
	if (basic < t->shapes->ob_type + 8 || basic >= MIB || item >= 64 * KIB)
		return false;
	bool named = names_itself(t, c);
	if (!named && !is_unready_static(t, c))
		return false;
	read_name(t, c);
	return named || has_plain_name(c);
}

static enum redact_kind kind_by_name(const struct candidate *c)
{
	static const struct {
		const char *name;
		enum redact_kind kind;
	} names[] = {
		{"float", KIND_FLOAT},
		{"complex", KIND_COMPLEX},
		{"bytearray", KIND_BUFFER},
		{"array.array", KIND_BUFFER},
		{"set", KIND_SET},
		{"frozenset", KIND_SET},
		{"collections.deque", KIND_DEQUE},
		{"code", KIND_CODE},
		{"wrapper_descriptor", KIND_DESCRIPTOR},
		{"method_descriptor", KIND_DESCRIPTOR},
		{"member_descriptor", KIND_DESCRIPTOR},
		{"getset_descriptor", KIND_DESCRIPTOR},
		{"module", KIND_NAMER},
		{"function", KIND_NAMER},
		{"classobj", KIND_NAMER},
		{"instance", KIND_NAMER},
		{"numpy.ndarray", KIND_NDARRAY},
	};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i].name, c->name) == 0)
			return names[i].kind;
	return tensor_is_base(c->name) ? KIND_TENSOR : KIND_OTHER;
}

/* Py_TPFLAGS_*_SUBCLASS (Include/object.h, 2.7 to 3.15). */
static enum redact_kind kind_by_flags(const struct redact_types *t, uint64_t flags)
{
	static const struct {
		unsigned bit;
		enum redact_kind kind;
	} bits[] = {
		{23, KIND_SMALL}, {24, KIND_LONG}, {25, KIND_LIST}, {26, KIND_TUPLE},
		{27, KIND_BYTES}, {28, KIND_STR},  {29, KIND_DICT}, {31, KIND_TYPE},
	};
	for (size_t i = 0; i < ARRAY_SIZE(bits); i++) {
		bool known = bits[i].bit != 23 ||
			     t->shapes->version_hex < 0x03000000; /* 2.7's int alone */
		if (known && flags >> bits[i].bit & 1)
			return bits[i].kind;
	}
	return KIND_OTHER;
}

static const struct redact_type *find(struct redact_types *t, raddr at, unsigned depth);

static enum redact_kind kind_of(struct redact_types *t, const struct candidate *c, unsigned depth)
{
	enum redact_kind kind = kind_by_flags(t, word_of(c, t->shapes->type.flags));
	if (kind == KIND_OTHER)
		kind = kind_by_name(c);
	if (kind != KIND_OTHER || depth == 0)
		return kind;
	const struct redact_type *base =
		find(t, raddr_at(word_of(c, t->shapes->type.base)), depth - 1);
	return base ? base->kind : KIND_OTHER;
}

/* A metatype is a type, too; `type` is its own. */
static bool has_metatype(struct redact_types *t, const struct candidate *c, unsigned depth)
{
	raddr meta = raddr_at(word_of(c, t->shapes->ob_type));
	if (raddr_equal(meta, c->at))
		return kind_by_flags(t, word_of(c, t->shapes->type.flags)) == KIND_TYPE;
	const struct redact_type *type = depth ? find(t, meta, depth - 1) : NULL;
	return type && type->kind == KIND_TYPE;
}

static bool add_type(struct redact_types *t, const struct candidate *c, unsigned depth)
{
	struct redact_type type = {
		.at = c->at,
		.kind = kind_of(t, c, depth),
		.flags = word_of(c, t->shapes->type.flags),
		.basicsize = word_of(c, t->shapes->type.basicsize),
		.itemsize = word_of(c, t->shapes->type.itemsize),
		.dictoffset = (int64_t)word_of(c, t->shapes->type.dictoffset),
	};
	struct redact_type *place = vec_push(&t->list);
	if (!place)
		return false;
	*place = type;
	save_log_add(t->log, c->at, c->bytes, c->size, false);
	if (c->name_length)
		save_log_add(t->log, raddr_at(word_of(c, t->shapes->type.name)), c->name,
			     c->name_length + 1, false);
	return true;
}

static bool examine(struct redact_types *t, raddr at, unsigned depth)
{
	struct candidate c = {.at = at, .size = (size_t)t->shapes->type.size};
	if (t->n_examined >= EXAMINED_MAX)
		return false;
	t->n_examined++;
	return c.size <= sizeof(c.bytes) && read_at(t, at.value, c.bytes, c.size) &&
	       has_type_shape(t, &c) && has_metatype(t, &c, depth) && add_type(t, &c, depth);
}

static bool is_in_arena(const struct redact_types *t, raddr at)
{
	size_t i = pymalloc_saved_above(t->arenas, at);
	return i < t->arenas->list.count && raddr_compare(t->arenas->list.items[i].start, at) <= 0;
}

static const struct redact_type *find(struct redact_types *t, raddr at, unsigned depth)
{
	if (raddr_is_null(at) || at.value % 8 != 0 || !grounds_of(t->grounds, at.value))
		return NULL;
	size_t i = slot_of(t, at.value);
	if (!t->table[i].at && !is_in_arena(t, at)) {
		remember(t, at.value, 0); /* while it is examined: a circle of types ends here */
		bool is = examine(t, at, depth);
		if (is)
			remember(t, at.value, (uint32_t)t->list.count);
		i = slot_of(t, at.value);
	}
	uint32_t type = t->table[i].at ? t->table[i].type : 0;
	return type ? &t->list.items[type - 1] : NULL;
}

const struct redact_type *redact_types_find(struct redact_types *t, raddr at)
{
	return find(t, at, DEPTH_MAX);
}
