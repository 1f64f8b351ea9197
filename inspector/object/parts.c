/*
 * parts: what an object points to and nobody else does: buffers of its own.
 *
 *	list   [ … ob_item ]──▷ [item][item] …
 *	dict   [ … keys    ]──▷ [header][indices][entries]
 *	           values  ────▷ [value][value] …                 split
 *	deque  [ … left    ]──▷ [data … next]──▷ [data … next] …  as many as its length takes
 *
 * Told as the owner points to them, whether a block is there or not: keys of an empty dict are static, small sets
 * are whole, strings may share one buffer for two purposes.
 */
#include "inspector/object/object.h"

#include "base/bytes.h"
#include "inspector/object/dict_walk.h"
#include "inspector/object/str_state.h"

#define COUNT_MAX (UINT64_C(1) << 40)

const char *part_kind_name(enum part_kind kind)
{
	switch (kind) {
	case PART_LIST_ITEMS:
		return "list items";
	case PART_DICT_KEYS:
		return "dict keys";
	case PART_DICT_VALUES:
		return "dict values";
	case PART_ATTRIBUTES:
		return "attributes";
	case PART_ATTRIBUTE_DICT:
		return "attribute dict";
	case PART_CACHED_KEYS:
		return "attribute keys";
	case PART_SET_TABLE:
		return "set table";
	case PART_STR_DATA:
		return "str data";
	case PART_BYTEARRAY_DATA:
		return "bytearray data";
	case PART_ARRAY_DATA:
		return "array data";
	case PART_DEQUE_BLOCK:
		return "deque block";
	case PART_ODICT_NODE:
		return "OrderedDict node";
	case PART_ODICT_TABLE:
		return "OrderedDict table";
	case PART_TYPE_DOC:
		return "type documentation";
	case PART_NDARRAY_DATA:
		return "ndarray data";
	case PART_IO_BUFFER:
		return "file buffer";
	case PART_OTHER:
		return "other";
	}
	return "other";
}

/* One telling: of which object, and to whom. */
struct telling {
	struct type_table *types;
	const struct object *object;
	void (*tell)(void *context, const struct part *part);
	void *context;
};

static bool word(const struct telling *p, uint64_t offset, uint64_t *ret)
{
	return burst_word(p->types->burst, raddr_plus(p->object->at, offset), ret);
}

static void tell_at(const struct telling *p, enum part_kind kind, uint64_t at, uint64_t before,
		    bool leaf)
{
	const struct part part = {.at = raddr_at(at), .before = before, .kind = kind, .leaf = leaf};
	bool inside = raddr_in(part.at, p->object->at, p->object->size);
	if (at && !inside)
		p->tell(p->context, &part);
}

/* What the word at an offset of the object points to; offset 0: this version has none. */
static void tell_word(const struct telling *p, enum part_kind kind, uint64_t offset, bool leaf)
{
	uint64_t at;
	if (offset && word(p, offset, &at))
		tell_at(p, kind, at, 0, leaf);
}

/* ---- kinds ------------------------------------------------------------------------------ */

static bool is_split(const struct telling *p)
{
	uint64_t values;
	return p->types->shapes->dict.values && word(p, p->types->shapes->dict.values, &values) &&
	       values;
}

/* Keys of a split dict belong to the class that shares them among its instances. */
static void tell_dict(const struct telling *p)
{
	raddr values;
	uint64_t before;
	enum part_kind keys = is_split(p) ? PART_CACHED_KEYS : PART_DICT_KEYS;
	tell_word(p, keys, p->types->shapes->dict.keys, false);
	if (dict_values_of_dict(p->types, p->object->at, &values, &before))
		tell_at(p, PART_DICT_VALUES, values.value, before, false);
}

/* Without the GIL a count stands before the items (Objects/listobject.c, 3.13 to 3.15: struct _PyListArray). */
static void tell_list(const struct telling *p)
{
	const struct shapes *s = p->types->shapes;
	uint64_t at;
	if (word(p, s->list.items, &at))
		tell_at(p, PART_LIST_ITEMS, at, s->free_threaded ? 8 : 0, false);
}

static void tell_str(const struct telling *p)
{
	const struct shapes *s = p->types->shapes;
	uint64_t state_word;
	if (!s->str.state) { /* 2.7 */
		tell_word(p, PART_STR_DATA, s->str.legacy_data, true);
		return;
	}
	if (!word(p, s->str.state, &state_word))
		return;
	const struct str_state state = str_state_of(s, state_word);
	tell_word(p, PART_STR_DATA, s->str.wstr, true);
	if (str_state_is_scattered(&state))
		tell_word(p, PART_STR_DATA, s->str.utf8, true);
	if (!state.compact)
		tell_word(p, PART_STR_DATA, s->str.legacy_data, true);
}

static void tell_deque_free(const struct telling *p)
{
	const struct shapes *s = p->types->shapes;
	uint64_t n;
	if (!s->deque.free_blocks || !word(p, s->deque.n_free, &n))
		return;
	for (uint64_t i = 0; i < size_min(n, 16); i++)
		tell_word(p, PART_DEQUE_BLOCK, s->deque.free_blocks + i * 8, true);
}

/* From the leftmost block on; a first and a last block may be nearly empty. */
static void tell_deque(const struct telling *p)
{
	const struct shapes *s = p->types->shapes;
	uint64_t at, last, n;
	tell_deque_free(p);
	if (!word(p, s->deque.left, &at) || !word(p, s->deque.right, &last) ||
	    !word(p, s->deque.n_items, &n) || n >= COUNT_MAX)
		return;
	uint64_t budget = size_min(n / 62 + 2, p->types->space->mapped_size / s->deque.block_size);
	while (at && budget--) {
		tell_at(p, PART_DEQUE_BLOCK, at, 0, false);
		if (at == last ||
		    !burst_word(p->types->burst, raddr_plus(raddr_at(at), s->deque.next), &at))
			return;
	}
}

/* A node: key, hash, next, previous (Objects/odictobject.c). */
static void tell_odict(const struct telling *p)
{
	const struct shapes *s = p->types->shapes;
	uint64_t at, n;
	tell_dict(p);
	if (!s->odict.first)
		return;
	tell_word(p, PART_ODICT_TABLE, s->odict.fast_nodes, true);
	if (!word(p, s->odict.first, &at) || !word(p, s->dict.used, &n))
		return;
	uint64_t budget = size_min(n, p->types->space->mapped_size / 32);
	while (at && budget--) {
		tell_at(p, PART_ODICT_NODE, at, 0, false);
		if (!burst_word(p->types->burst, raddr_plus(raddr_at(at), s->odict.node_next), &at))
			return;
	}
}

/* numpy 1 and 2 alike (ndarraytypes.h: PyArrayObject_fields): data 16, nd 24, dimensions 32, base 48, descr 56, flags 64; and of the
 * descr its kind, a character, 24. With strides behind the dimensions. Data of another's are not its own. */
static void tell_ndarray(const struct telling *p)
{
	uint64_t flags, descr, kinds = 'O', header = p->types->shapes->ob_type + 8;
	if (!word(p, header + 48, &flags))
		return;
	if (word(p, header + 40, &descr))
		(void)burst_word(p->types->burst, raddr_plus(raddr_at(descr), header + 8), &kinds);
	bool objects = (kinds & 0xff) == 'O' || (kinds & 0xff) == 'V';
	if (flags & 4)
		tell_word(p, PART_NDARRAY_DATA, header, !objects);
	tell_word(p, PART_OTHER, header + 16, true);
}

/* From 3.15 on a bytes object holds them. */
static void tell_bytearray(const struct telling *p)
{
	const struct shapes *s = p->types->shapes;
	if (!s->bytearray.object)
		tell_word(p, PART_BYTEARRAY_DATA, s->bytearray.start, true);
}

/* Bytes of a file, and behind them what was in that memory before. */
static void tell_buffered(const struct telling *p)
{
	tell_word(p, PART_IO_BUFFER, p->types->shapes->buffered.buffer, true);
}

/* Of a static type those are not its own. */
static void tell_type(const struct telling *p)
{
	const struct shapes *s = p->types->shapes;
	uint64_t flags;
	if (!word(p, s->type.flags, &flags) || !(flags >> 9 & 1))
		return;
	tell_word(p, PART_CACHED_KEYS, s->type.ht_cached_keys, false);
	tell_word(p, PART_TYPE_DOC, s->type.doc, true);
	tell_word(p, PART_OTHER, s->type.ht_tpname, true);
}

static void tell_kind(const struct telling *p, enum type_kind kind)
{
	const struct shapes *s = p->types->shapes;
	switch (kind) {
	case TYPE_LIST:
		tell_list(p);
		return;
	case TYPE_DICT:
		tell_dict(p);
		return;
	case TYPE_ODICT:
		tell_odict(p);
		return;
	case TYPE_SET:
		tell_word(p, PART_SET_TABLE, s->set.table, false);
		return;
	case TYPE_STR:
		tell_str(p);
		return;
	case TYPE_BYTEARRAY:
		tell_bytearray(p);
		return;
	case TYPE_ARRAY:
		tell_word(p, PART_ARRAY_DATA, s->array.items, true);
		return;
	case TYPE_DEQUE:
		tell_deque(p);
		return;
	case TYPE_NDARRAY:
		tell_ndarray(p);
		return;
	case TYPE_BUFFERED:
		tell_buffered(p);
		return;
	case TYPE_TYPE:
		tell_type(p);
		return;
	case TYPE_MODULE:
		tell_word(p, PART_OTHER, s->module.state, false);
		return;
	case TYPE_OTHER:
	case TYPE_BYTES:
	case TYPE_INT:
	case TYPE_SMALL_INT:
	case TYPE_BOOL:
	case TYPE_FLOAT:
	case TYPE_COMPLEX:
	case TYPE_TUPLE:
	case TYPE_FUNCTION:
	case TYPE_METHOD:
	case TYPE_CODE:
	case TYPE_FRAME:
	case TYPE_GENERATOR:
	case TYPE_CELL:
	case TYPE_INSTANCE:
	case TYPE_OLD_CLASS:
	case TYPE_NONE_TYPE:
		return;
	}
}

/* ---- attributes ------------------------------------------------------------------------- */

static void tell_attributes(const struct telling *p)
{
	raddr at;
	uint64_t before;
	bool inside;
	if (dict_values_of_object(p->types, p->object, &at, &before, &inside) && !inside)
		tell_at(p, PART_ATTRIBUTES, at.value, before, false);
	if (dict_of_object(p->types, p->object, &at))
		tell_at(p, PART_ATTRIBUTE_DICT, at.value, p->types->gc_size, false);
}

void object_parts(struct type_table *types, const struct object *object,
		  void (*tell)(void *context, const struct part *part), void *context)
{
	const struct telling p = {types, object, tell, context};
	const struct type *type = type_table_get(types, object->type);
	enum type_kind kind = type->kind;
	bool attributes = type->managed_dict || type->dictoffset || kind == TYPE_INSTANCE ||
			  kind == TYPE_OLD_CLASS;
	if (object->refcount == 0) /* what it points to is another's by now */
		return;
	tell_kind(&p, kind);
	if (attributes)
		tell_attributes(&p);
}
