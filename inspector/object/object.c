/*
 * object: a word that is a type, at the one place where its instances have it.
 *
 *	block + 0                     + hooks          + before
 *	      [size 'o' fence fence]  [managed][GC ]   [refcount type │ …        ]
 *	                                                          └─▷ before, and how large
 *
 * For each place that the version knows: a plausible refcount, then one look into the type table. Pointers side by side may look the same
 * where addresses are as small as counts (programs that lie at fixed addresses): there the "refcount" is the address of an object.
 */
#include "inspector/object/object.h"

#include "base/bytes.h"
#include "inspector/object/str_state.h"

#include <string.h>

#define HEAD        512 /* of a block are looked at */
#define COUNT_MAX   (UINT64_C(1) << 40)
#define LOWEST      0x10000 /* nothing is mapped below */
#define PLACES      4
#define VALUES_HEAD 8
#define HOOK        16
#define GC_DEFERRED 64              /* _PyGC_BITS_DEFERRED */
#define DEFERRED    (INT64_MAX / 8) /* _Py_REF_DEFERRED, 3.14 on (Include/internal/pycore_object.h) */
#define HEX_3_14    0x030e0000

/* Bytes that are at hand. */
struct view {
	raddr at;
	const uint8_t *bytes;
	uint64_t size;
	uint64_t seen; /* table's n_examined when the bytes were had */
};

static uint64_t word_at(const struct view *v, uint64_t offset)
{
	uint64_t word = 0;
	if (offset <= v->size && v->size - offset >= sizeof(word))
		memcpy(&word, v->bytes + offset, sizeof(word));
	return word;
}

/* ---- refcounts -------------------------------------------------------------------------- */

struct count {
	uint64_t value;
	bool immortal, deferred;
};

/* Without the GIL: the owner's count and a word that the others share; its low two bits are flags. What is counted late is alive as long
 * as the collector has not been there: _PyObject_SetDeferredRefcount() in Objects/object.c, Include/internal/pycore_gc.h. */
static bool read_local(const struct shapes *s, const struct view *v, uint64_t at, struct count *ret)
{
	uint64_t mixed = word_at(v, at + 8), shared = word_at(v, at + 16);
	uint32_t local = (uint32_t)(mixed >> 32);
	int64_t others = (int64_t)shared >> 2;
	bool deferred = mixed >> 24 & GC_DEFERRED;
	if (deferred && s->version_hex >= HEX_3_14)
		others -= DEFERRED;
	int64_t references = (int64_t)local + others;
	uint64_t sum = deferred && references < 1 ? 1 : (uint64_t)references;
	*ret = (struct count){sum, local == UINT32_MAX, deferred};
	return word_at(v, at) >> 47 == 0 && (mixed & 0xffff) < 16 && (mixed >> 16 & 0xff) < 4 &&
	       (ret->immortal || sum < COUNT_MAX);
}

/* Include/object.h, Include/refcount.h: see enum refcount_kind. */
static bool read_count(const struct shapes *s, const struct view *v, uint64_t at, struct count *ret)
{
	uint64_t word = word_at(v, at);
	bool negative = word >> 31 & 1;
	switch (s->refcount) {
	case REFCOUNT_PLAIN:
		*ret = (struct count){.value = word};
		return word < COUNT_MAX;
	case REFCOUNT_LOW:
		*ret = (struct count){.value = word, .immortal = negative};
		return word >> 32 == 0;
	case REFCOUNT_SPLIT:
		*ret = (struct count){.value = word & UINT32_MAX, .immortal = negative};
		return (word >> 32 & 0xffff) < 16 && word >> 48 < 16;
	case REFCOUNT_LOCAL:
		return read_local(s, v, at, ret);
	}
	return false;
}

bool object_may_live(const struct shapes *shapes, const uint8_t *head, size_t size)
{
	const struct view v = {.bytes = head, .size = size};
	struct count count;
	return size >= shapes->ob_type && read_count(shapes, &v, 0, &count) && count.value;
}

/* ---- sizes ------------------------------------------------------------------------------ */

/* PEP 393: characters behind the header, with one more of zero; of subclasses elsewhere. */
static uint64_t size_of_str(const struct shapes *s, const struct view *v, uint64_t at)
{
	const struct str_state state = str_state_of(s, word_at(v, at + s->str.state));
	uint64_t n = word_at(v, at + s->str.length);
	if (!state.compact)
		return s->str.legacy_data + 8;
	return size_add(state.ascii ? s->str.ascii_data : s->str.compact_data,
			size_multiply(size_add(n, 1), state.width));
}

static uint64_t count_items(const struct shapes *s, const struct type *type, const struct view *v,
			    uint64_t at)
{
	uint64_t n = word_at(v, at + s->ob_size);
	bool integer = type->kind == TYPE_INT || type->kind == TYPE_BOOL;
	if (integer && s->integer.tagged)
		return n >> 3;
	return (int64_t)n < 0 ? -n : n;
}

/* Those have an itemsize, but no count: what stands in its place is a pointer. */
static bool is_uncounted(const struct shapes *s, const struct type *type, uint64_t n)
{
	if (type->kind == TYPE_GENERATOR || (type->kind == TYPE_FRAME && s->frame_object))
		return true;
	return type->kind == TYPE_OTHER && n >= COUNT_MAX;
}

/* Behind basicsize: counts, then a word for each (Include/internal/pycore_dict.h: struct _dictvalues). */
static uint64_t size_of_inline(const struct view *v, uint64_t at)
{
	return VALUES_HEAD + (word_at(v, at) & 0xff) * 8;
}

/* Static types have none of what is made at run time behind them: a file's data may end there. */
static bool is_static_type(const struct shapes *s, const struct view *v, uint64_t at)
{
	return !(word_at(v, at + s->type.flags) >> 9 & 1);
}

static uint64_t size_of(const struct shapes *s, const struct type *type, const struct view *v,
			uint64_t at)
{
	if (type->kind == TYPE_STR && type->exact && s->str.state)
		return size_of_str(s, v, at);
	if (type->kind == TYPE_TYPE && is_static_type(s, v, at))
		return s->type.size;
	uint64_t size = type->basicsize - type->shorter;
	if (type->itemsize) {
		uint64_t n = count_items(s, type, v, at);
		if (!is_uncounted(s, type, n))
			size = size_add(size, size_multiply(n, type->itemsize));
	}
	if (type->inline_values)
		size = size_add(size, size_of_inline(v, at + type->basicsize));
	return size;
}

/* ---- one place -------------------------------------------------------------------------- */

/* Whether what passes for a refcount is the address of an object. */
static bool is_address(struct type_table *t, const struct count *count)
{
	uint64_t at = count->value, type;
	return at >= LOWEST && at % 8 == 0 && !count->immortal &&
	       burst_word(t->burst, raddr_plus(raddr_at(at), t->shapes->ob_type), &type) &&
	       type_table_find(t, raddr_at(type)) != TYPE_NONE;
}

/* 2.7: instances of old classes are of the type of their class. */
static uint32_t refine(struct type_table *t, const struct view *v, uint64_t at, uint32_t type)
{
	if (type_table_get(t, type)->kind != TYPE_INSTANCE)
		return type;
	uint32_t class =
		type_table_find_class(t, raddr_at(word_at(v, at + t->shapes->instance.class)));
	return class == TYPE_NONE ? type : class;
}

/* Looking at a type may take the view away where nothing is copied. */
static bool renew(struct type_table *t, struct view *v)
{
	if (v->seen != t->n_examined)
		v->bytes = burst_bytes(t->burst, v->at, (size_t)v->size);
	v->seen = t->n_examined;
	return v->bytes;
}

/* From 3.14 on free lists are linked through the first word (Include/internal/pycore_freelist.h), to another of the same
 * type. Their types have other instances, so they are known. */
static uint32_t read_free_listed(struct type_table *t, const struct view *v, uint64_t at,
				 struct count *ret)
{
	uint64_t next = word_at(v, at), own = word_at(v, at + t->shapes->ob_type), other;
	if (t->shapes->refcount != REFCOUNT_SPLIT || next % 8)
		return TYPE_NONE;
	uint32_t type = type_table_known(t, raddr_at(own));
	if (type == TYPE_NONE || type_table_get(t, type)->heap ||
	    !burst_word(t->burst, raddr_plus(raddr_at(next), t->shapes->ob_type), &other) ||
	    other != own)
		return TYPE_NONE;
	*ret = (struct count){.value = 0};
	return type;
}

/* The first HEAD bytes, or as many as are in the first page: the next may not be there. */
static bool open_view(struct type_table *t, raddr at, uint64_t size, struct view *ret)
{
	uint64_t page = 4096 - at.value % 4096;
	*ret = (struct view){.at = at, .size = size_min(size, HEAD), .seen = t->n_examined};
	ret->bytes = burst_bytes(t->burst, at, (size_t)ret->size);
	if (ret->bytes || ret->size <= page)
		return ret->bytes;
	ret->size = page;
	ret->bytes = burst_bytes(t->burst, at, (size_t)page);
	return ret->bytes;
}

/* An object at an offset of the view, of which `room` bytes from there on may be its. `before`: what must stand before it; -1: not
 * asked. */
static bool read_object(struct type_table *t, struct view *v, uint64_t at, int before,
			uint64_t room, struct object *ret)
{
	const struct shapes *s = t->shapes;
	struct count count;
	if (room < s->ob_type + 8)
		return false;
	uint32_t type = read_count(s, v, at, &count)
				? type_table_find(t, raddr_at(word_at(v, at + s->ob_type)))
				: read_free_listed(t, v, at, &count);
	if (type == TYPE_NONE || (before >= 0 && type_table_get(t, type)->before != before) ||
	    is_address(t, &count) || !renew(t, v))
		return false;
	type = refine(t, v, at, type);
	if (!renew(t, v))
		return false;
	uint64_t size = size_of(s, type_table_get(t, type), v, at);
	*ret = (struct object){.at = raddr_plus(v->at, at),
			       .type = type,
			       .refcount = count.value,
			       .immortal = count.immortal,
			       .deferred = count.deferred,
			       .before = at,
			       .size = size};
	return size <= room;
}

/* ---- blocks ----------------------------------------------------------------------------- */

/* Whether debug hooks' header of a domain stands at an offset: the size that was asked for, big-endian; the domain; seven bytes of one
 * value, which changed in 3.7 (Objects/obmalloc.c). */
static bool is_hook(const struct view *v, uint64_t at, char domain)
{
	const uint8_t *b = v->bytes + at;
	if (at + HOOK > v->size || b[8] != (uint8_t)domain || (b[9] != 0xfb && b[9] != 0xfd))
		return false;
	for (int i = 9; i + 1 < HOOK; i++)
		if (b[i] != b[i + 1])
			return false;
	return true;
}

/* Where an object's domain begins, behind its header, and where what was asked for ends. Of those too large for arenas malloc's own
 * hooks have put another header in front. */
static bool read_hook(const struct view *v, uint64_t size, uint64_t *ret_start, uint64_t *ret_end)
{
	uint64_t at = is_hook(v, 0, 'r') ? HOOK : 0;
	if (!is_hook(v, at, 'o'))
		return false;
	uint64_t asked = __builtin_bswap64(word_at(v, at));
	*ret_start = at + HOOK;
	*ret_end = size_add(*ret_start, asked);
	return *ret_end <= size;
}

/* Where objects may begin, from the block's start, behind hooks: ascending. */
static unsigned list_places(const struct type_table *t, uint64_t places[PLACES])
{
	const struct shapes *s = t->shapes;
	unsigned n = 0;
	places[n++] = 0;
	if (s->free_threaded || s->values >= VALUES_TAGGED)
		places[n++] = 16;               /* also: a GC head */
	if (!t->gc_size && !s->free_threaded) { /* not known yet */
		places[n++] = 24;
		places[n++] = 32;
	} else if (t->gc_size && (n == 1 || t->gc_size != 16)) {
		places[n++] = t->gc_size;
	}
	if (t->gc_size && s->values >= VALUES_WORDS)
		places[n++] = t->gc_size + 16;
	return n;
}

/* A living object wins over a dead one. */
bool object_in_block(struct type_table *t, raddr block, uint64_t size, struct object *ret)
{
	uint64_t start = 0, end = size, places[PLACES];
	struct view v;
	if (!open_view(t, block, size, &v) ||
	    (t->shapes->debug_hooks && !read_hook(&v, size, &start, &end)))
		return false;
	bool found = false;
	unsigned n = list_places(t, places);
	for (unsigned i = 0; i < n && start + places[i] < end; i++) {
		struct object object;
		uint64_t at = start + places[i];
		bool is = read_object(t, &v, at, (int)places[i], end - at, &object);
		if (is && (!found || object.refcount))
			*ret = object;
		found |= is;
		if ((is && object.refcount) || !renew(t, &v))
			break;
	}
	return found;
}

bool object_at(struct type_table *t, raddr at, struct object *ret)
{
	const struct region *in = space_region(t->space, at);
	struct object object;
	struct view v;
	if (!in || at.value % 8)
		return false;
	uint64_t room = in->size - raddr_distance(in->start, at);
	if (!open_view(t, at, room, &v) || !read_object(t, &v, 0, -1, room, &object))
		return false;
	object.before = t->shapes->hook_size + type_table_get(t, object.type)->before;
	*ret = object;
	return true;
}
