/*
 * redact_plan: an object is known by its type, and its type by redact_types; where it lies
 * in its cell is a function of the type's flags.
 *
 *	[debug header 16][managed dict, weakrefs 16][gc head 16, 24 or 32][object]
 *	  with hooks       from 3.11 on                if it has one
 */
#include "inspector/save/redact_plan.h"

#include "base/bytes.h"
#include "base/cleanup.h"
#include "inspector/save/redact_arrays.h"
#include "inspector/save/redact_table.h"

#define TYPE_MANAGED       (UINT64_C(3) << 3) /* weakrefs, dict: 3.12 on */
#define TYPE_MANAGED_DICT  (UINT64_C(1) << 4) /* 3.11 on */
#define TYPE_INLINE_VALUES (UINT64_C(1) << 2) /* 3.13 on */
#define HOOK_SIZE          16
#define FENCE              8
#define TYPE_OBJECT_MAX    2048

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
struct object {
	const struct redact_python *python;
	const struct redact_cell *cell;
	const struct redact_type *type; /* good until others are sought */
	uint64_t o;
};

static bool is_old(const struct object *object) /* 2.7 */
{
	return object->python->version_hex < 0x03000000;
}

/* From the end of what is kept to the cell's end: also what an earlier tenant left behind. */
static void blank_rest(const struct object *object, uint64_t from, struct redact_plan *plan)
{
	edit(plan, object->o + from, object->cell->size, REDACT_BLANK);
}

/* PyUnicodeObject of PEP 393 (Include/cpython/unicodeobject.h, 3.6 to 3.15): length, hash, state, in
 * 3.11 and before a wstr; then data, or a pointer to it. */
static void plan_str(const struct object *object, struct redact_plan *plan)
{
	uint64_t o = object->o, state = word(object->cell, o + 32);
	bool compact = state >> 5 & 1, ascii = state >> 6 & 1;
	uint64_t base = object->python->version_hex >= 0x030c0000 ? 40 : 48;
	edit(plan, o + 16, o + 24, REDACT_KEEP);
	edit(plan, o + 24, o + 32, REDACT_BLANK);
	edit(plan, o + 32, o + 36, REDACT_KEEP);
	edit(plan, o + 36, o + 40, REDACT_BLANK);
	edit(plan, o + 40, o + base, REDACT_WORDS);
	if (compact && ascii) {
		blank_rest(object, base, plan);
		return;
	}
	edit(plan, o + base, o + base + 8, REDACT_KEEP); /* utf8_length */
	edit(plan, o + base + 8, o + base + 16, REDACT_WORDS);
	if (base == 48)
		edit(plan, o + base + 16, o + base + 24, REDACT_KEEP); /* wstr_length */
	if (compact)
		blank_rest(object, base == 48 ? 72 : 56, plan);
}

/* 2.7: length 16, data 24, hash 32 (Include/unicodeobject.h). */
static void plan_unicode(const struct object *object, struct redact_plan *plan)
{
	edit(plan, object->o + 16, object->o + 24, REDACT_KEEP);
	edit(plan, object->o + 24, object->o + 32, REDACT_WORDS);
	edit(plan, object->o + 32, object->o + 40, REDACT_BLANK);
}

/* ob_size 16, hash 24, then in 2.7 a state; data. A subclass may have a dict behind it. */
static void plan_bytes(const struct object *object, struct redact_plan *plan)
{
	uint64_t size = word(object->cell, object->o + 16);
	edit(plan, object->o + 16, object->o + 24, REDACT_KEEP);
	edit(plan, object->o + 24, size_add(object->o + (is_old(object) ? 37 : 33), size),
	     REDACT_BLANK);
}

/* ob_size, or from 3.12 on lv_tag, tells how many digits of 30 bits (4 bytes) follow. */
static void plan_long(const struct object *object, struct redact_plan *plan)
{
	uint64_t tag = word(object->cell, object->o + 16);
	uint64_t digits = (int64_t)tag < 0 ? -tag : tag;
	if (object->python->version_hex >= 0x030c0000)
		digits = tag >> 3;
	edit(plan, object->o + 16, object->o + 24, REDACT_KEEP);
	edit(plan, object->o + 24, size_add(object->o + 24, size_multiply(digits, 4)),
	     REDACT_BLANK);
}

/* PyDictObject: ma_used; 2.7: ma_fill, ma_used, ma_mask. */
static void plan_dict(const struct object *object, struct redact_plan *plan)
{
	edit(plan, object->o + 16, object->o + (is_old(object) ? 40 : 24), REDACT_KEEP);
}

/* From 3.13 on: how many values, and which of them are set, follow the object. */
static void plan_values(const struct object *object, struct redact_plan *plan)
{
	uint64_t at = object->o + object->type->basicsize;
	if (object->python->version_hex >= 0x030d0000 && object->type->flags & TYPE_INLINE_VALUES)
		edit(plan, at, at + 4, REDACT_KEEP);
}

static void plan_other(const struct object *object, struct redact_plan *plan)
{
	if (object->type->itemsize)
		edit(plan, object->o + 16, object->o + 24, REDACT_KEEP); /* ob_size */
	plan_values(object, plan);
}

/* The instance of a metatype: a type. Its fields are pointers, flags and sizes. */
static void plan_type(const struct object *object, struct redact_plan *plan)
{
	uint64_t size = size_min(object->type->basicsize, TYPE_OBJECT_MAX);
	edit(plan, object->o + 16, object->o + size, REDACT_KEEP);
	(void)redact_types_find(object->python->types,
				raddr_plus(object->cell->at, object->o)); /* its name */
}

/* Counts of arguments, variables and words of stack, flags and a line number (Include/code.h, cpython/code.h: up to byte 48
 * until 3.10, in 3.11 and later between 48 and 96); what lies between them are pointers. */
static void plan_code(const struct object *object, struct redact_plan *plan)
{
	bool is_new = object->python->version_hex >= 0x030b0000;
	if (is_new)
		edit(plan, object->o + 16, object->o + 24, REDACT_KEEP); /* ob_size */
	if (is_old(object)) {
		edit(plan, object->o + 16, object->o + 32, REDACT_KEEP);
		edit(plan, object->o + 96, object->o + 100, REDACT_KEEP);
	} else {
		edit(plan, object->o + (is_new ? 48 : 16), object->o + (is_new ? 96 : 48),
		     REDACT_KEEP);
	}
}

/* Of an ndarray dimensions 24 and flags 64, ints, where all that they say agrees; a tensor says it elsewhere. */
static void plan_array(const struct object *object, struct redact_plan *plan)
{
	uint64_t o = object->o;
	raddr at = raddr_plus(object->cell->at, o);
	if (object->type->kind == KIND_TENSOR) {
		redact_arrays_note_tensor(object->python->types, at);
		return;
	}
	if (!redact_arrays_note(object->python->types, at))
		return;
	edit(plan, o + 24, o + 28, REDACT_KEEP);
	edit(plan, o + 64, o + 68, REDACT_KEEP);
}

/* Of a method or member: its d_type may have no instance. */
static void plan_descriptor(const struct object *object, struct redact_plan *plan)
{
	plan_other(object, plan);
	(void)redact_types_find(object->python->types,
				raddr_at(word(object->cell, object->o + 16)));
}

static void plan_payload(const struct object *object, struct redact_plan *plan)
{
	uint64_t o = object->o;
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
		edit(plan, o + 16, o + 24, REDACT_BLANK);
		return;
	case KIND_COMPLEX:
		edit(plan, o + 16, o + 32, REDACT_BLANK);
		return;
	case KIND_LIST: /* ob_size, ob_item, allocated */
		edit(plan, o + 16, o + 24, REDACT_KEEP);
		edit(plan, o + 24, o + 32, REDACT_WORDS);
		edit(plan, o + 32, o + 40, REDACT_KEEP);
		return;
	case KIND_DICT:
		plan_dict(object, plan);
		return;
	case KIND_SET:    /* fill, used, mask */
	case KIND_BUFFER: /* ob_size, sizes and the start of the buffer */
		edit(plan, o + 16, o + 40, REDACT_KEEP);
		return;
	case KIND_DEQUE: /* ob_size, two blocks, then indices and counts; of free blocks, too, from 3.11 on */
		edit(plan, o + 16, o + 24, REDACT_KEEP);
		edit(plan, o + 24, o + 40, REDACT_WORDS);
		edit(plan, o + 40, o + 80, REDACT_KEEP);
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

/* ---- where the object is -------------------------------------------------------------- */

/* A count of references, of a living object (Include/object.h, 2.7 to 3.15). */
bool redact_plan_is_refcount(const struct redact_python *python, uint64_t w)
{
	if (w == 0)
		return false;
	if (python->version_hex < 0x030c0000)
		return w < UINT64_C(1) << 40;
	if (python->version_hex < 0x030e0000)
		return w >> 32 == 0;
	return (w & UINT32_MAX) != 0 && (w >> 32 & 0xffff) < 16 && w >> 48 < 16;
}

static bool prefix_fits(const struct redact_python *python, const struct redact_type *type,
			uint64_t pre)
{
	if (type->flags & TYPE_HAVE_GC)
		return pre == python->gc_size ||
		       (python->version_hex >= 0x030b0000 && pre == python->gc_size + 16);
	return pre == 0 ||
	       (pre == 16 && python->version_hex >= 0x030c0000 && type->flags & TYPE_MANAGED);
}

static bool find_object(const struct redact_python *python, const struct redact_cell *cell,
			uint64_t start, struct object *ret)
{
	const uint64_t prefixes[] = {0, python->gc_size, python->gc_size + 16, 16};
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		uint64_t o = start + prefixes[i];
		if (o + 16 > cell->n_head || !redact_plan_is_refcount(python, word(cell, o)))
			continue;
		const struct redact_type *type =
			redact_types_find(python->types, raddr_at(word(cell, o + 8)));
		if (!type || !prefix_fits(python, type, prefixes[i]))
			continue;
		*ret = (struct object){python, cell, type, o};
		return true;
	}
	return false;
}

/* ---- who gives names ------------------------------------------------------------------ */

static bool is_managed(const struct object *object)
{
	return object->python->version_hex >= 0x030b0000 && object->type->flags & TYPE_MANAGED_DICT;
}

/* The dict of a managed instance stands before it; where its lowest bit is set, it points to values. */
static uint64_t dict_of(const struct object *object)
{
	int64_t offset = object->type->dictoffset;
	uint64_t before = object->python->gc_size + 8;
	if (is_managed(object))
		return object->o >= before ? word(object->cell, object->o - before) : 0;
	return offset > 0 ? word(object->cell, object->o + (uint64_t)offset) : 0;
}

/* Types are noted where they are found. */
static void note_names(const struct object *object)
{
	const struct redact_type *type = object->type;
	struct redact_names *names = object->python->names;
	bool gives = type->kind == KIND_CODE || type->kind == KIND_NAMER,
	     managed = is_managed(object);
	if (!names || (!gives && !managed && !type->dictoffset) || type->kind == KIND_TYPE)
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
	struct object object;
	uint64_t start = 0;
	*ret = (struct redact_plan){.rest = REDACT_WORDS};
	if (!python->typed) {
		(void)redact_table_plan_cache(cell, ret);
		return;
	}
	/* Two of them where pymalloc handed a large request on to the raw allocator, which has hooks, too. */
	while (python->debug_hooks && start < 2 * HOOK_SIZE && find_hook(cell, start)) {
		edit(ret, start, start + HOOK_SIZE, REDACT_KEEP);
		start += HOOK_SIZE;
	}
	if (find_object(python, cell, start, &object)) {
		edit(ret, start, object.o + 16, REDACT_KEEP);
		note_names(&object);
		plan_payload(&object, ret);
	} else {
		redact_table_plan(python, cell, start, ret);
	}
}
