/*
 * type_read: what PyTypeObject says, believed where it names itself.
 *
 *	PyTypeObject  [refcount type][ob_size][tp_name  sizes  tp_dealloc … tp_flags … tp_base tp_dict … tp_mro … ]
 *	                                                                                                │
 *	                                          tuple [refcount type][n][this type, …, object] ◁──────┘
 */
#include "inspector/object/type_read.h"

#include "base/bytes.h"
#include "base/cleanup.h"

#include <string.h>

#define BASIC_SIZE_MAX (1 * MIB)
#define ITEM_SIZE_MAX  (64 * KIB)
#define MRO_MAX        65536
#define KNOWN_NAME_MAX 256

/* Py_TPFLAGS_… (Include/object.h, 2.7 to 3.15); the first four have other meanings before those versions. */
#define FLAG_STATIC_BUILTIN  (UINT64_C(1) << 1) /* 3.12 on */
#define FLAG_INLINE_VALUES   (UINT64_C(1) << 2) /* 3.13 on */
#define FLAG_MANAGED_WEAKREF (UINT64_C(1) << 3) /* 3.12 on */
#define FLAG_MANAGED_DICT    (UINT64_C(1) << 4) /* 3.11 on */
#define FLAG_HEAP            (UINT64_C(1) << 9)
#define FLAG_READY           (UINT64_C(1) << 12)
#define FLAG_HAVE_GC         (UINT64_C(1) << 14)

uint64_t type_read_word(const struct type_read *read, uint64_t offset)
{
	struct bytes b = bytes_of(read->bytes, sizeof(read->bytes));
	return bytes_u64(&b, (size_t)offset);
}

bool type_read_string(struct burst *burst, raddr at, size_t max, struct text *ret, bool *ret_whole)
{
	size_t left = max;
	*ret_whole = false;
	while (left) {
		size_t n = (size_t)size_min(left, 4096 - at.value % 4096);
		const char *b = (const char *)burst_bytes(burst, at, n);
		if (!b)
			return left < max;
		size_t length = strnlen(b, n);
		text_add_bytes(ret, b, length);
		*ret_whole = length < n;
		if (*ret_whole)
			return true;
		at = raddr_plus(at, n);
		left -= n;
	}
	return true;
}

/* ---- whether it is one ------------------------------------------------------------------ */

static bool names_itself(const struct type_table *t, const struct type_read *c)
{
	const struct shapes *s = t->shapes;
	raddr mro = raddr_at(type_read_word(c, s->type.mro));
	if (raddr_is_null(mro) || mro.value % 8)
		return false;
	const uint8_t *b = burst_bytes(t->burst, mro, (size_t)s->tuple.items + 8);
	if (!b)
		return false;
	struct bytes tuple = bytes_of(b, (size_t)s->tuple.items + 8);
	uint64_t n = bytes_u64(&tuple, (size_t)s->ob_size);
	return n > 0 && n < MRO_MAX && bytes_u64(&tuple, (size_t)s->tuple.items) == c->at.value;
}

static bool has_plain_name(const struct type_table *t, const struct type_read *c)
{
	_cleanup_(text_fini) struct text name = TEXT_EMPTY;
	bool whole;
	raddr at = raddr_at(type_read_word(c, t->shapes->type.name));
	if (!type_read_string(t->burst, at, KNOWN_NAME_MAX, &name, &whole) || !whole ||
	    !name.length)
		return false;
	for (size_t i = 0; i < name.length; i++)
		if ((unsigned char)name.data[i] < ' ' || name.data[i] == 127)
			return false;
	return true;
}

/* A core may not tell what is code, where it left that out: then a file's memory that cannot be written. */
static bool may_be_code(const struct region *region)
{
	return region->executable || (region->kind == REGION_FILE && !region->writable);
}

static bool is_unready_static(const struct type_table *t, const struct type_read *c,
			      const struct region *in)
{
	if (in->kind != REGION_FILE ||
	    type_read_word(c, t->shapes->type.flags) & (FLAG_HEAP | FLAG_READY))
		return false;
	const struct region *code =
		space_region(t->space, raddr_at(type_read_word(c, t->shapes->type.dealloc)));
	return code && may_be_code(code) && has_plain_name(t, c);
}

bool type_read(const struct type_table *t, raddr at, struct type_read *ret)
{
	const struct shapes *s = t->shapes;
	const struct region *in = space_region(t->space, at);
	if (!in || !in->writable)
		return false;
	const uint8_t *b = burst_bytes(t->burst, at, (size_t)s->type.size);
	if (!b)
		return false;
	ret->at = at;
	memcpy(ret->bytes, b, (size_t)size_min(s->type.size, sizeof(ret->bytes)));
	uint64_t basic = type_read_word(ret, s->type.basicsize);
	uint64_t flags = type_read_word(ret, s->type.flags);
	if (basic < s->ob_type + 8 || basic >= BASIC_SIZE_MAX ||
	    type_read_word(ret, s->type.itemsize) >= ITEM_SIZE_MAX)
		return false;
	return flags & FLAG_READY ? names_itself(t, ret) : is_unready_static(t, ret, in);
}

/* ---- what it is ------------------------------------------------------------------------- */

struct known_type {
	const char *name;
	enum type_kind kind;
	bool heap; /* it may be made at run time, by C */
};

static const struct known_type known_new[] = {
	{"str", TYPE_STR, false},
	{"bytes", TYPE_BYTES, false},
	{"int", TYPE_INT, false},
	{"method", TYPE_METHOD, false},
};

static const struct known_type known_old[] = {
	{"unicode", TYPE_STR, false},
	{"str", TYPE_BYTES, false},
	{"long", TYPE_INT, false},
	{"int", TYPE_SMALL_INT, false},
	{"instance", TYPE_INSTANCE, false},
	{"classobj", TYPE_OLD_CLASS, false},
	{"instancemethod", TYPE_METHOD, false},
};

static const struct known_type known[] = {
	{"bytearray", TYPE_BYTEARRAY, false},
	{"bool", TYPE_BOOL, false},
	{"float", TYPE_FLOAT, false},
	{"complex", TYPE_COMPLEX, false},
	{"list", TYPE_LIST, false},
	{"tuple", TYPE_TUPLE, false},
	{"dict", TYPE_DICT, false},
	{"frozendict", TYPE_DICT, false},
	{"set", TYPE_SET, false},
	{"frozenset", TYPE_SET, false},
	{"type", TYPE_TYPE, false},
	{"module", TYPE_MODULE, false},
	{"function", TYPE_FUNCTION, false},
	{"code", TYPE_CODE, false},
	{"frame", TYPE_FRAME, false},
	{"generator", TYPE_GENERATOR, false},
	{"coroutine", TYPE_GENERATOR, false},
	{"async_generator", TYPE_GENERATOR, false},
	{"cell", TYPE_CELL, false},
	{"NoneType", TYPE_NONE_TYPE, false},
	{"collections.deque", TYPE_DEQUE, true},
	{"collections.OrderedDict", TYPE_ODICT, true},
	{"array.array", TYPE_ARRAY, true},
	{"_io.BufferedReader", TYPE_BUFFERED, true},
	{"_io.BufferedWriter", TYPE_BUFFERED, true},
	{"_io.BufferedRandom", TYPE_BUFFERED, true},
	{"numpy.ndarray", TYPE_NDARRAY, true},
};

static const struct known_type *find_known(const struct known_type *list, size_t n,
					   const char *name, bool heap)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].name, name) == 0 && (list[i].heap || !heap))
			return &list[i];
	return NULL;
}

/* In 2.7 collections.OrderedDict is a class of Python's, whose tp_name is bare. */
static enum type_kind kind_by_name(const struct shapes *s, const char *name, bool heap)
{
	const struct known_type *k = find_known(known, ARRAY_SIZE(known), name, heap);
	if (!k && s->version_hex < 0x03000000)
		k = find_known(known_old, ARRAY_SIZE(known_old), name, heap);
	else if (!k)
		k = find_known(known_new, ARRAY_SIZE(known_new), name, heap);
	return k ? k->kind : TYPE_OTHER;
}

/* Py_TPFLAGS_*_SUBCLASS */
static enum type_kind kind_by_flags(const struct shapes *s, uint64_t flags)
{
	static const struct {
		unsigned bit;
		enum type_kind kind;
	} bits[] = {
		{23, TYPE_SMALL_INT}, {24, TYPE_INT}, {25, TYPE_LIST}, {26, TYPE_TUPLE},
		{27, TYPE_BYTES},     {28, TYPE_STR}, {29, TYPE_DICT}, {31, TYPE_TYPE},
	};
	for (size_t i = 0; i < ARRAY_SIZE(bits); i++) {
		bool meant = bits[i].bit != 23 || s->version_hex < 0x03000000;
		if (meant && flags >> bits[i].bit & 1)
			return bits[i].kind;
	}
	return TYPE_OTHER;
}

static bool is_leaf(const struct shapes *s, enum type_kind kind)
{
	switch (kind) {
	case TYPE_BYTES:
	case TYPE_INT:
	case TYPE_SMALL_INT:
	case TYPE_BOOL:
	case TYPE_FLOAT:
	case TYPE_COMPLEX:
	case TYPE_NONE_TYPE:
		return true;
	case TYPE_STR: /* 2.7's unicode has its encoded str */
		return s->version_hex >= 0x03000000;
	case TYPE_BYTEARRAY:
		return s->bytearray.object == 0;
	case TYPE_OTHER:
	case TYPE_LIST:
	case TYPE_TUPLE:
	case TYPE_DICT:
	case TYPE_SET:
	case TYPE_DEQUE:
	case TYPE_ODICT:
	case TYPE_ARRAY:
	case TYPE_NDARRAY:
	case TYPE_BUFFERED:
	case TYPE_TYPE:
	case TYPE_MODULE:
	case TYPE_FUNCTION:
	case TYPE_METHOD:
	case TYPE_CODE:
	case TYPE_FRAME:
	case TYPE_GENERATOR:
	case TYPE_CELL:
	case TYPE_INSTANCE:
	case TYPE_OLD_CLASS:
		break;
	}
	return false;
}

static void fill_kind(const struct type_table *t, const struct type_read *c, struct type *ret)
{
	_cleanup_(text_fini) struct text name = TEXT_EMPTY;
	bool whole;
	raddr at = raddr_at(type_read_word(c, t->shapes->type.name));
	bool named = type_read_string(t->burst, at, KNOWN_NAME_MAX, &name, &whole) && whole;
	if (named)
		ret->kind = kind_by_name(t->shapes, text_string(&name), ret->heap);
	ret->exact = ret->kind != TYPE_OTHER;
	ret->leaf = ret->exact && is_leaf(t->shapes, ret->kind);
	if (ret->kind == TYPE_OTHER)
		ret->kind = kind_by_flags(t->shapes, ret->flags);
	/* Modules/_datetimemodule.c: allocated without tzinfo, their last member, if it is None. */
	if (named && (strcmp(text_string(&name), "datetime.datetime") == 0 ||
		      strcmp(text_string(&name), "datetime.time") == 0))
		ret->shorter = 8;
}

static void fill_managed(const struct shapes *s, struct type *ret)
{
	ret->managed_dict = s->values >= VALUES_WORDS && ret->flags & FLAG_MANAGED_DICT;
	ret->managed_weakref = s->values >= VALUES_TAGGED && ret->flags & FLAG_MANAGED_WEAKREF;
	ret->inline_values = s->values >= VALUES_INLINE && ret->flags & FLAG_INLINE_VALUES;
	if (ret->managed_dict)
		ret->dictoffset = 0;
	if (ret->managed_weakref)
		ret->weaklistoffset = 0;
}

uint16_t type_read_before(const struct type_table *t, const struct type *type)
{
	uint64_t managed = type->managed_dict || type->managed_weakref ? 16 : 0;
	return (uint16_t)(managed + (type->flags & FLAG_HAVE_GC ? t->gc_size : 0));
}

void type_read_fill(const struct type_table *t, const struct type_read *c, struct type *ret)
{
	const struct shapes *s = t->shapes;
	*ret = (struct type){
		.at = c->at,
		.metatype = TYPE_NONE,
		.flags = type_read_word(c, s->type.flags),
		.basicsize = type_read_word(c, s->type.basicsize),
		.itemsize = type_read_word(c, s->type.itemsize),
		.dictoffset = (int64_t)type_read_word(c, s->type.dictoffset),
		.weaklistoffset = (int64_t)type_read_word(c, s->type.weaklistoffset),
		.base = raddr_at(type_read_word(c, s->type.base)),
		.dict = raddr_at(type_read_word(c, s->type.dict)),
	};
	ret->heap = ret->flags & FLAG_HEAP;
	if (s->values >= VALUES_TAGGED && ret->flags & FLAG_STATIC_BUILTIN)
		ret->dict = RADDR_NULL;
	fill_managed(s, ret);
	fill_kind(t, c, ret);
	ret->before = type_read_before(t, ret);
}

void type_read_inherit(struct type *type, const struct type *base)
{
	bool finer = type->kind == TYPE_DICT && base->kind == TYPE_ODICT;
	if (type->kind == TYPE_OTHER || finer)
		type->kind = base->kind;
}
