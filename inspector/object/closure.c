/*
 * closure: cells and names stand in the same order.
 *
 *	function ─▷ closure  [ cell │ cell ]
 *	         ─▷ code ─▷ names of free variables  [ "cache" │ "lock" ]
 */
#include "inspector/object/closure.h"

#include "inspector/object/frame.h"
#include "inspector/object/word.h"

#define CELLS_MAX (UINT64_C(1) << 16)

static bool is_of(struct type_table *types, raddr at, enum type_kind kind)
{
	struct object object;
	return !raddr_is_null(at) && object_at(types, at, &object) &&
	       type_table_get(types, object.type)->kind == kind;
}

bool closure_variable(struct type_table *types, const struct object *function, raddr cell,
		      struct text *ret)
{
	const struct shapes *s = types->shapes;
	if (type_table_get(types, function->type)->kind != TYPE_FUNCTION)
		return false;
	raddr code = word_pointer(types, function->at, s->function.code);
	raddr closure = word_pointer(types, function->at, s->function.closure);
	if (!is_of(types, closure, TYPE_TUPLE) || !is_of(types, code, TYPE_CODE))
		return false;
	uint64_t n = word_at(types, closure, s->ob_size);
	if (n > CELLS_MAX)
		return false;
	uint64_t i = word_find(types, raddr_plus(closure, s->tuple.items), n, cell.value);
	return i < n && frame_free_name(types, code, i, n, ret);
}

void closure_title(struct type_table *types, const struct object *function, struct text *ret)
{
	const struct shapes *s = types->shapes;
	frame_code_title(types, word_pointer(types, function->at, s->function.globals),
			 word_pointer(types, function->at, s->function.code), ret);
}
