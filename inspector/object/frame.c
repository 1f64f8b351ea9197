/*
 * frame: up to 3.10 an object, with names in three tuples; from 3.11 on a piece of a data stack or of a generator, with
 * names in one.
 *
 *	3.10   slots [ co_varnames ][ co_cellvars ][ co_freevars ][ stack ]
 *	3.11   slots [ co_localsplusnames                        ][ stack ]
 */
#include "inspector/object/frame.h"

#include "inspector/object/object_text.h"
#include "inspector/object/object_value.h"
#include "inspector/object/word.h"

#define SLOTS_MAX     (UINT64_C(1) << 20)
#define NAME_SIZE_MAX 200
#define HEX_3_11      0x030b0000
#define HEX_3_12      0x030c0000
#define TAGS          UINT64_C(3)
#define TAGGED_INT    UINT64_C(3)

static bool in_chunks(const struct type_table *types)
{
	return types->shapes->version_hex >= HEX_3_11;
}

/* Of a word that may be a reference of 3.14's: the low bits say how it is counted, or that it is no address. */
static raddr untagged(uint64_t word)
{
	return raddr_at((word & TAGS) == TAGGED_INT ? 0 : word & ~TAGS);
}

static uint64_t tuple_count(const struct type_table *types, raddr tuple)
{
	uint64_t count = word_at(types, tuple, types->shapes->ob_size);
	return count > SLOTS_MAX ? 0 : count;
}

static raddr tuple_item(const struct type_table *types, raddr tuple, uint64_t i)
{
	return i < tuple_count(types, tuple)
		       ? word_pointer(types, tuple, types->shapes->tuple.items + i * 8)
		       : RADDR_NULL;
}

static bool is_code(struct type_table *types, raddr at)
{
	struct object object;
	return !raddr_is_null(at) && object_at(types, at, &object) &&
	       type_table_get(types, object.type)->kind == TYPE_CODE;
}

static void count_slots(const struct type_table *types, struct frame_view *v)
{
	const struct shapes *s = types->shapes;
	uint64_t n_locals = word_u32(types, v->code, s->code.n_locals);
	v->n_slots = n_locals > SLOTS_MAX ? 0 : n_locals;
	/* co_stacksize: behind co_nlocals up to 3.10, eight bytes before co_nlocalsplus from 3.11 on. */
	v->n_stack = word_u32(types, v->code,
			      in_chunks(types) ? s->code.n_locals - 8 : s->code.n_locals + 4);
	v->n_stack = v->n_stack > SLOTS_MAX ? 0 : v->n_stack;
	if (!in_chunks(types))
		v->n_slots += tuple_count(types, word_pointer(types, v->code, s->code.cellvars)) +
			      tuple_count(types, word_pointer(types, v->code, s->code.freevars));
}

bool frame_view(struct type_table *types, raddr at, struct frame_view *ret)
{
	const struct shapes *s = types->shapes;
	uint64_t code = word_at(types, at, s->frame.code);
	struct frame_view v = {.at = at,
			       .code = in_chunks(types) ? untagged(code) : raddr_at(code)};
	/* f_globals: two words behind f_code in a frame object, three before it in 3.11, three behind it later. */
	uint64_t globals = s->frame.code + 24;
	if (!in_chunks(types))
		globals = s->frame.code + 16;
	else if (s->version_hex < HEX_3_12)
		globals = s->frame.code - 24;
	if (!is_code(types, v.code))
		return false;
	v.globals = word_pointer(types, at, globals);
	v.locals = word_pointer(types, at, globals + (in_chunks(types) ? 16 : 8));
	v.slots = raddr_plus(at, s->frame.locals);
	count_slots(types, &v);
	*ret = v;
	return true;
}

uint64_t frame_size(const struct type_table *types, const struct frame_view *frame)
{
	if (!in_chunks(types))
		return 0;
	return types->shapes->frame.locals + (frame->n_slots + frame->n_stack) * 8;
}

bool frame_of(struct type_table *types, const struct object *object, struct frame_view *ret)
{
	const struct shapes *s = types->shapes;
	enum type_kind kind = type_table_get(types, object->type)->kind;
	if (kind == TYPE_FRAME)
		return frame_view(types,
				  in_chunks(types)
					  ? word_pointer(types, object->at, s->frame_object)
					  : object->at,
				  ret);
	if (kind != TYPE_GENERATOR)
		return false;
	return frame_view(types,
			  in_chunks(types) ? raddr_plus(object->at, s->generator)
					   : word_pointer(types, object->at, s->generator),
			  ret);
}

/* Up to 3.10: the name in one of three tuples, one behind the other. */
static raddr old_slot_name(const struct type_table *types, raddr code, uint64_t slot)
{
	const struct shapes *s = types->shapes;
	const uint64_t tuples[] = {s->code.varnames, s->code.cellvars, s->code.freevars};
	for (size_t i = 0; i < ARRAY_SIZE(tuples); i++) {
		raddr tuple = word_pointer(types, code, tuples[i]);
		uint64_t n = i == 0 ? word_u32(types, code, s->code.n_locals)
				    : tuple_count(types, tuple);
		if (slot < n)
			return tuple_item(types, tuple, slot);
		slot -= n;
	}
	return RADDR_NULL;
}

bool frame_slot_name(struct type_table *types, const struct frame_view *frame, uint64_t slot,
		     struct text *ret)
{
	raddr names = word_pointer(types, frame->code, types->shapes->code.localsplusnames);
	raddr name = in_chunks(types) ? tuple_item(types, names, slot)
				      : old_slot_name(types, frame->code, slot);
	return object_text(types, name, NAME_SIZE_MAX, ret);
}

/* From 3.11 on the last of all names. */
bool frame_free_name(struct type_table *types, raddr code, uint64_t i, uint64_t n_free,
		     struct text *ret)
{
	const struct shapes *s = types->shapes;
	raddr names = word_pointer(types, code,
				   in_chunks(types) ? s->code.localsplusnames : s->code.freevars);
	uint64_t n = tuple_count(types, names);
	if (i >= n_free || (in_chunks(types) ? n < n_free : n != n_free))
		return false;
	return object_text(types, tuple_item(types, names, n - n_free + i), NAME_SIZE_MAX, ret);
}

raddr frame_slot(const struct type_table *types, const struct frame_view *frame, uint64_t slot)
{
	uint64_t word = word_at(types, frame->slots, slot * 8);
	return in_chunks(types) ? untagged(word) : raddr_at(word);
}

bool frame_code_name(struct type_table *types, raddr code, struct text *ret)
{
	const struct shapes *s = types->shapes;
	if (s->code.qualname &&
	    object_text(types, word_pointer(types, code, s->code.qualname), NAME_SIZE_MAX, ret))
		return true;
	return object_text(types, word_pointer(types, code, s->code.name), NAME_SIZE_MAX, ret);
}

void frame_code_title(struct type_table *types, raddr globals, raddr code, struct text *ret)
{
	raddr module = dict_find(types, globals, "__name__");
	if (object_text(types, module, NAME_SIZE_MAX, ret))
		text_add(ret, ".");
	if (!frame_code_name(types, code, ret))
		text_add(ret, "?");
}

void frame_title(struct type_table *types, const struct frame_view *frame, struct text *ret)
{
	frame_code_title(types, frame->globals, frame->code, ret);
}
