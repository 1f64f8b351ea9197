/*
 * redact_plan: an object is known by its type, and its type by redact_types; where it lies
 * in its cell is a function of the type's flags.
 *
 *	[debug header 16][managed dict, weakrefs 16][gc head 16, 24 or 32][head │ body]
 *	  with hooks       from 3.11 on                if it has one       references, type
 */
#include "inspector/save/redact_plan.h"

#include "base/bytes.h"
#include "base/cleanup.h"
#include "inspector/object/object.h"
#include "inspector/save/redact_arrays.h"
#include "inspector/save/redact_table.h"

#define TYPE_MANAGED       (UINT64_C(3) << 3) /* weakrefs, dict: 3.12 on */
#define TYPE_MANAGED_DICT  (UINT64_C(1) << 4) /* 3.11 on */
#define TYPE_INLINE_VALUES (UINT64_C(1) << 2) /* 3.13 on */
#define HOOK_SIZE          16
#define FENCE              8
#define TYPE_OBJECT_MAX    2048
#define LENGTH_MAX         (INT64_C(1) << 40)

static void edit(struct redact_plan *plan, uint64_t from, uint64_t to, enum redact_action action)
{
	uint64_t above = plan->n ? plan->edits[plan->n - 1].to : 0;
	from = size_max(from, above);
	if (from < to && plan->n < REDACT_EDITS)
		plan->edits[plan->n++] = (struct redact_edit){from, to, action};
}

static uint64_t word(const struct redact_cell *cell, uint64_t offset)
{
	struct bytes b = bytes_of(cell->head, cell->n_head);
	return offset + 8 <= cell->n_head ? bytes_u64(&b, (size_t)offset) : 0;
}

/* ---- payloads ------------------------------------------------------------------------- */

/* An object at `o` of its cell. */
struct found {
	const struct redact_python *python;
	const struct redact_cell *cell;
	const struct redact_type *type; /* good until others are sought */
	uint64_t o, body;               /* body: behind its head */
};

static bool is_old(const struct found *object) /* 2.7 */
{
	return object->python->shapes->version_hex < 0x03000000;
}

static bool is_from(const struct found *object, uint32_t version_hex)
{
	return object->python->shapes->version_hex >= version_hex;
}

/* From the body's start. */
static uint64_t body_word(const struct found *object, uint64_t offset)
{
	return word(object->cell, object->body + offset);
}

static void edit_body(const struct found *object, uint64_t from, uint64_t to,
		      enum redact_action action, struct redact_plan *plan)
{
	edit(plan, object->body + from, size_add(object->body, to), action);
}

static void keep(const struct found *object, uint64_t from, uint64_t to, struct redact_plan *plan)
{
	edit_body(object, from, to, REDACT_KEEP, plan);
}

static void blank(const struct found *object, uint64_t from, uint64_t to, struct redact_plan *plan)
{
	edit_body(object, from, to, REDACT_BLANK, plan);
}

static void keep_words(const struct found *object, uint64_t from, uint64_t to,
		       struct redact_plan *plan)
{
	edit_body(object, from, to, REDACT_WORDS, plan);
}

/* From the end of what is kept to the cell's end: also what an earlier tenant left behind. */
static void blank_rest(const struct found *object, uint64_t from, struct redact_plan *plan)
{
	edit(plan, object->body + from, object->cell->size, REDACT_BLANK);
}

/* PyUnicodeObject of PEP 393 (Include/cpython/unicodeobject.h, 3.6 to 3.15; without the GIL 3.13): length, hash, state, in
 * 3.11 and before a wstr; then data, or a pointer to it. */
static void plan_str(const struct found *object, struct redact_plan *plan)
{
	uint64_t state = body_word(object, 16);
	bool compact = state >> 5 & 1, ascii = state >> 6 & 1, wide = !is_from(object, 0x030c0000);
	uint64_t base = wide ? 32 : 24;
	keep(object, 0, 8, plan);
	blank(object, 8, 16, plan);
	keep(object, 16, 20, plan);
	blank(object, 20, 24, plan);
	keep_words(object, 24, base, plan);
	if (compact && ascii) {
		blank_rest(object, base, plan);
		return;
	}
	keep(object, base, base + 8, plan); /* utf8_length */
	keep_words(object, base + 8, base + 16, plan);
	if (wide)
		keep(object, base + 16, base + 24, plan); /* wstr_length */
	if (compact)
		blank_rest(object, base + (wide ? 24 : 16), plan);
}

/* 2.7: length, data, hash (Include/unicodeobject.h). */
static void plan_unicode(const struct found *object, struct redact_plan *plan)
{
	keep(object, 0, 8, plan);
	keep_words(object, 8, 16, plan);
	blank(object, 16, 24, plan);
}

/* ob_size, hash, then in 2.7 a state; data and a NUL. A subclass may have a dict behind it. */
static void plan_bytes(const struct found *object, struct redact_plan *plan)
{
	uint64_t head = is_old(object) ? 21 : 17;
	keep(object, 0, 8, plan);
	blank(object, 8, size_add(head, body_word(object, 0)), plan);
}

/* ob_size, or from 3.12 on lv_tag, tells how many digits of 30 bits (4 bytes) follow. */
static void plan_long(const struct found *object, struct redact_plan *plan)
{
	uint64_t tag = body_word(object, 0);
	uint64_t digits = (int64_t)tag < 0 ? -tag : tag;
	if (is_from(object, 0x030c0000))
		digits = tag >> 3;
	keep(object, 0, 8, plan);
	blank(object, 8, size_add(8, size_multiply(digits, 4)), plan);
}

/* PyDictObject: ma_used; 2.7: ma_fill, ma_used, ma_mask. */
static void plan_dict(const struct found *object, struct redact_plan *plan)
{
	keep(object, 0, is_old(object) ? 24 : 8, plan);
}

/* From 3.13 on: how many values, and which of them are set, follow the object. */
static void plan_values(const struct found *object, struct redact_plan *plan)
{
	uint64_t at = object->o + object->type->basicsize;
	if (is_from(object, 0x030d0000) && object->type->flags & TYPE_INLINE_VALUES)
		edit(plan, at, at + 4, REDACT_KEEP);
}

static void plan_other(const struct found *object, struct redact_plan *plan)
{
	if (object->type->itemsize)
		keep(object, 0, 8, plan); /* ob_size */
	plan_values(object, plan);
}

/* The instance of a metatype: a type. Its fields are pointers, flags and sizes. */
static void plan_type(const struct found *object, struct redact_plan *plan)
{
	uint64_t size = size_min(object->type->basicsize, TYPE_OBJECT_MAX);
	edit(plan, object->body, object->o + size, REDACT_KEEP);
	(void)redact_types_find(object->python->types,
				raddr_plus(object->cell->at, object->o)); /* its name */
}

/* Counts of arguments, variables and words of stack, flags and a line number (Include/code.h, cpython/code.h: the first 32 bytes
 * of the body until 3.10, in 3.11 and later between 32 and 80); what lies between them are pointers. */
static void plan_code(const struct found *object, struct redact_plan *plan)
{
	if (is_from(object, 0x030b0000)) {
		keep(object, 0, 8, plan); /* ob_size */
		keep(object, 32, 80, plan);
	} else if (is_old(object)) {
		keep(object, 0, 16, plan);
		keep(object, 80, 84, plan);
	} else {
		keep(object, 0, 32, plan);
	}
}

/* Of an ndarray dimensions 8 and flags 48, ints, where all that they say agrees; a tensor says it elsewhere. */
static void plan_array(const struct found *object, struct redact_plan *plan)
{
	raddr at = raddr_plus(object->cell->at, object->o);
	if (object->type->kind == KIND_TENSOR) {
		redact_arrays_note_tensor(object->python->types, at);
		return;
	}
	if (!redact_arrays_note(object->python->types, at))
		return;
	keep(object, 8, 12, plan);
	keep(object, 48, 52, plan);
}

/* Of a method or member: its d_type may have no instance. */
static void plan_descriptor(const struct found *object, struct redact_plan *plan)
{
	plan_other(object, plan);
	(void)redact_types_find(object->python->types, raddr_at(body_word(object, 0)));
}

static void plan_payload(const struct found *object, struct redact_plan *plan)
{
	switch (object->type->kind) {
	case KIND_STR:
		if (is_old(object))
			plan_unicode(object, plan);
		else
			plan_str(object, plan);
		return;
	case KIND_BYTES:
		plan_bytes(object, plan);
		return;
	case KIND_LONG:
		plan_long(object, plan);
		return;
	case KIND_SMALL:
	case KIND_FLOAT:
		blank(object, 0, 8, plan);
		return;
	case KIND_COMPLEX:
		blank(object, 0, 16, plan);
		return;
	case KIND_LIST: /* ob_size, ob_item, allocated */
		keep(object, 0, 8, plan);
		keep_words(object, 8, 16, plan);
		keep(object, 16, 24, plan);
		return;
	case KIND_DICT:
		plan_dict(object, plan);
		return;
	case KIND_SET:    /* fill, used, mask */
	case KIND_BUFFER: /* ob_size, sizes and the start of the buffer */
		keep(object, 0, 24, plan);
		return;
	case KIND_DEQUE: /* ob_size, two blocks, then indices and counts; of free blocks, too, from 3.11 on */
		keep(object, 0, 8, plan);
		keep_words(object, 8, 24, plan);
		keep(object, 24, 64, plan);
		return;
	case KIND_TYPE:
		plan_type(object, plan);
		return;
	case KIND_CODE:
		plan_code(object, plan);
		return;
	case KIND_NDARRAY:
	case KIND_TENSOR:
		plan_array(object, plan);
		break;
	case KIND_DESCRIPTOR:
		plan_descriptor(object, plan);
		return;
	case KIND_TUPLE:
	case KIND_NAMER:
	case KIND_OTHER:
		break;
	}
	plan_other(object, plan);
}

/* A dead one, or what is left of one where another has not written yet: whether it has room there decides what it is
 * taken for, so how long it was is told of it, too; a number that no length can be is not. */
static void plan_dead(const struct found *object, struct redact_plan *plan)
{
	bool counted = object->type->itemsize || object->type->kind == KIND_STR;
	int64_t n = (int64_t)body_word(object, 0);
	if (!counted || n > LENGTH_MAX || n < -LENGTH_MAX)
		return;
	keep(object, 0, 8, plan);
	if (object->type->kind == KIND_STR && !is_old(object))
		keep(object, 16, 20, plan); /* how wide its characters are */
}

/* ---- where the object is -------------------------------------------------------------- */

static bool prefix_fits(const struct redact_python *python, const struct redact_type *type,
			uint64_t pre)
{
	if (type->flags & TYPE_HAVE_GC)
		return pre == python->gc_size ||
		       (python->shapes->version_hex >= 0x030b0000 && pre == python->gc_size + 16);
	return pre == 0 || (pre == 16 && python->shapes->version_hex >= 0x030c0000 &&
			    type->flags & TYPE_MANAGED);
}

static bool find_object(const struct redact_python *python, const struct redact_cell *cell,
			uint64_t start, bool alive, struct found *ret)
{
	const struct shapes *s = python->shapes;
	const uint64_t prefixes[] = {0, python->gc_size, python->gc_size + 16, 16};
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		uint64_t o = start + prefixes[i], body = o + s->ob_type + 8;
		if (body > cell->n_head ||
		    (alive ? !object_may_live(s, cell->head + o, cell->n_head - o)
			   : word(cell, o) != 0))
			continue;
		const struct redact_type *type =
			redact_types_find(python->types, raddr_at(word(cell, o + s->ob_type)));
		if (!type || !prefix_fits(python, type, prefixes[i]))
			continue;
		*ret = (struct found){python, cell, type, o, body};
		return true;
	}
	return false;
}

/* ---- who gives names ------------------------------------------------------------------ */

static bool is_managed(const struct found *object)
{
	return object->python->shapes->version_hex >= 0x030b0000 &&
	       object->type->flags & TYPE_MANAGED_DICT;
}

/* The dict of a managed instance stands before it; where its lowest bit is set, it points to values. */
static uint64_t dict_of(const struct found *object)
{
	int64_t offset = object->type->dictoffset;
	uint64_t before = object->python->gc_size + 8;
	if (is_managed(object))
		return object->o >= before ? word(object->cell, object->o - before) : 0;
	return offset > 0 ? word(object->cell, object->o + (uint64_t)offset) : 0;
}

/* Types are noted where they are found. */
static void note_names(const struct found *object)
{
	const struct redact_type *type = object->type;
	struct redact_names *names = object->python->names;
	bool gives = type->kind == KIND_CODE || type->kind == KIND_NAMER,
	     managed = is_managed(object);
	if ((!gives && !managed && !type->dictoffset) || type->kind == KIND_TYPE)
		return;
	uint64_t dict = dict_of(object);
	if (gives || (type->dictoffset < 0 && !managed))
		redact_names_note(names, raddr_plus(object->cell->at, object->o));
	else if (dict && dict % 8 == 0)
		redact_names_note_dict(names, raddr_at(dict));
}

/* The debug hooks' header: size (big-endian), one letter, seven bytes of one value; and a tail.
 * (Objects/obmalloc.c: 0xfb up to 3.6, 0xfd from 3.7 on.) */
static bool find_hook(const struct redact_cell *cell, uint64_t start)
{
	const uint8_t *b = cell->head + start;
	if (cell->n_head < start + HOOK_SIZE || (b[9] != 0xfb && b[9] != 0xfd))
		return false;
	for (size_t i = 10; i < HOOK_SIZE; i++)
		if (b[i] != b[9])
			return false;
	return __builtin_bswap64(word(cell, start)) <= cell->size - start - HOOK_SIZE;
}

void redact_plan_make(const struct redact_python *python, const struct redact_cell *cell,
		      struct redact_plan *ret)
{
	struct found object;
	uint64_t start = 0;
	*ret = (struct redact_plan){.rest = REDACT_WORDS};
	if (!python->shapes) {
		(void)redact_table_plan_cache(cell, ret);
		return;
	}
	/* Two of them where pymalloc handed a large request on to the raw allocator, which has hooks, too. */
	while (python->shapes->debug_hooks && start < 2 * HOOK_SIZE && find_hook(cell, start)) {
		edit(ret, start, start + HOOK_SIZE, REDACT_KEEP);
		start += HOOK_SIZE;
	}
	if (find_object(python, cell, start, true, &object)) {
		edit(ret, start, object.body, REDACT_KEEP);
		note_names(&object);
		plan_payload(&object, ret);
		return;
	}
	size_t before = ret->n;
	redact_table_plan(python, cell, start, ret);
	/* In a table none, and then a type, may stand, too. */
	if (ret->n == before && find_object(python, cell, start, false, &object))
		plan_dead(&object, ret);
}
