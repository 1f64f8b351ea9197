/*
 * dwarf_type: a member's place is the sum of places on the way to it.
 *
 *	"freelists.tuples[].size"
 *	 struct ─ freelists @ 16 ─ struct ─ tuples @ 32 ─ array 20 × 16 ─ struct ─ size @ 8, 8 bytes
 *	                                    offset 16 + 32 + 8, width 8, count 20, stride 16
 *
 * Sizes are computed here and not by dwarf_aggregate_size(), which (elfutils 0.188)
 * fails for arrays in partial units, since those name no language.
 */
#include "symbols/debug/dwarf_type.h"

#include "base/size.h"

#include <dwarf.h>
#include <string.h>

#define DEPTH_MAX   32    /* typedefs, nested arrays, anonymous structs */
#define MEMBERS_MAX 20000 /* of one struct */

static bool type_of(Dwarf_Die *die, Dwarf_Die *ret)
{
	Dwarf_Attribute attribute;
	return dwarf_attr_integrate(die, DW_AT_type, &attribute) &&
	       dwarf_formref_die(&attribute, ret);
}

static bool is_flag_set(Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attribute;
	bool value = false;
	return dwarf_attr(die, name, &attribute) && !dwarf_formflag(&attribute, &value) && value;
}

static bool unsigned_of(Dwarf_Die *die, unsigned name, uint64_t *ret)
{
	Dwarf_Attribute attribute;
	Dwarf_Word value;
	if (!dwarf_attr_integrate(die, name, &attribute) || dwarf_formudata(&attribute, &value))
		return false;
	*ret = value;
	return true;
}

static bool is_wrapper(int tag)
{
	return tag == DW_TAG_typedef || tag == DW_TAG_const_type || tag == DW_TAG_volatile_type ||
	       tag == DW_TAG_atomic_type || tag == DW_TAG_restrict_type;
}

bool dwarf_type_peel(Dwarf_Die *type, Dwarf_Die *ret)
{
	Dwarf_Die at = *type, next;
	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		Dwarf_Attribute signature;
		if (is_wrapper(dwarf_tag(&at))) {
			if (!type_of(&at, &next))
				return false;
		} else if (dwarf_attr(&at, DW_AT_signature, &signature)) {
			if (!dwarf_formref_die(&signature, &next))
				return false;
		} else {
			*ret = at;
			return !is_flag_set(&at, DW_AT_declaration);
		}
		at = next;
	}
	return false;
}

/* ---- sizes --------------------------------------------------------------------------- */

/* Elements of one dimension; 0 where no bound is given: a flexible array. */
static uint64_t dimension_count(Dwarf_Die *range)
{
	uint64_t count, upper, lower = 0;
	if (unsigned_of(range, DW_AT_count, &count))
		return count;
	if (!unsigned_of(range, DW_AT_upper_bound, &upper))
		return 0;
	(void)unsigned_of(range, DW_AT_lower_bound, &lower);
	/* GCC writes -1, in whatever width, for an array of no elements. */
	if (upper >= UINT32_MAX || upper < lower)
		return 0;
	return upper - lower + 1;
}

static uint64_t array_count(Dwarf_Die *array)
{
	Dwarf_Die child;
	uint64_t count = 1;
	bool any = false;
	int n = 0;
	for (int r = dwarf_child(array, &child); r == 0 && n++ < DEPTH_MAX;
	     r = dwarf_siblingof(&child, &child)) {
		if (dwarf_tag(&child) != DW_TAG_subrange_type)
			continue;
		count = size_multiply(count, dimension_count(&child));
		any = true;
	}
	return any ? count : 0;
}

static bool size_at_depth(Dwarf_Die *type, int depth, uint64_t *ret)
{
	Dwarf_Die bare, element;
	uint64_t size;
	if (depth == DEPTH_MAX || !dwarf_type_peel(type, &bare))
		return false;
	if (unsigned_of(&bare, DW_AT_byte_size, ret))
		return true;
	int tag = dwarf_tag(&bare);
	if (tag == DW_TAG_pointer_type) {
		*ret = 8;
		return true;
	}
	if ((tag != DW_TAG_array_type && tag != DW_TAG_enumeration_type) ||
	    !type_of(&bare, &element) || !size_at_depth(&element, depth + 1, &size))
		return false;
	*ret = tag == DW_TAG_array_type ? size_multiply(size, array_count(&bare)) : size;
	return true;
}

bool dwarf_type_size(Dwarf_Die *type, uint64_t *ret)
{
	return size_at_depth(type, 0, ret);
}

/* ---- members ------------------------------------------------------------------------- */

/* DW_AT_data_member_location: a number, or (DWARF 2) an expression that adds one. None: a union. */
static bool member_offset(Dwarf_Die *member, uint64_t *ret)
{
	Dwarf_Attribute attribute;
	if (!dwarf_attr(member, DW_AT_data_member_location, &attribute)) {
		*ret = 0;
		return true;
	}
	Dwarf_Op *expression;
	size_t n;
	Dwarf_Word value;
	if (!dwarf_formudata(&attribute, &value)) {
		*ret = value;
		return true;
	}
	if (dwarf_getlocation(&attribute, &expression, &n) || n != 1 ||
	    expression[0].atom != DW_OP_plus_uconst)
		return false;
	*ret = expression[0].number;
	return true;
}

/* A bit field that fills whole bytes is as good as a member; any other is none to us. */
static bool bit_field_place(Dwarf_Die *member, uint64_t bits, struct dwarf_place *ret)
{
	uint64_t at, storage, from_top;
	if (!unsigned_of(member, DW_AT_data_bit_offset, &at)) {
		if (!unsigned_of(member, DW_AT_bit_offset, &from_top) ||
		    !unsigned_of(member, DW_AT_byte_size, &storage) || storage > 16 ||
		    from_top + bits > storage * 8)
			return false;
		at = ret->offset * 8 + storage * 8 - from_top - bits;
	}
	if (at % 8 || bits % 8 || bits == 0)
		return false;
	*ret = (struct dwarf_place){at / 8, bits / 8, 1, bits / 8};
	return true;
}

static bool member_place(Dwarf_Die *member, Dwarf_Die *type, struct dwarf_place *ret)
{
	struct dwarf_place place = {0, 0, 1, 0};
	uint64_t bits;
	if (!type_of(member, type) || !member_offset(member, &place.offset))
		return false;
	if (unsigned_of(member, DW_AT_bit_size, &bits)) {
		if (!bit_field_place(member, bits, &place))
			return false;
	} else if (!dwarf_type_size(type, &place.width)) {
		return false;
	}
	place.stride = place.width;
	*ret = place;
	return true;
}

static bool is_aggregate(Dwarf_Die *type)
{
	int tag = dwarf_tag(type);
	return tag == DW_TAG_structure_type || tag == DW_TAG_union_type || tag == DW_TAG_class_type;
}

static bool is_named(Dwarf_Die *die, const char *name, size_t length)
{
	const char *have = dwarf_diename(die);
	return have && strlen(have) == length && !memcmp(have, name, length);
}

/* The member of that name, its type, and its place; looks into anonymous members. */
static bool find_member(Dwarf_Die *type, const char *name, size_t length, int depth,
			Dwarf_Die *ret_type, struct dwarf_place *ret)
{
	Dwarf_Die bare, member, inner;
	int n = 0;
	if (depth == DEPTH_MAX || !dwarf_type_peel(type, &bare) || !is_aggregate(&bare))
		return false;
	for (int r = dwarf_child(&bare, &member); r == 0 && n++ < MEMBERS_MAX;
	     r = dwarf_siblingof(&member, &member)) {
		if (dwarf_tag(&member) != DW_TAG_member)
			continue;
		if (is_named(&member, name, length))
			return member_place(&member, ret_type, ret);
		uint64_t offset;
		if (dwarf_hasattr_integrate(&member, DW_AT_name) || !type_of(&member, &inner) ||
		    !member_offset(&member, &offset) ||
		    !find_member(&inner, name, length, depth + 1, ret_type, ret))
			continue;
		ret->offset = size_add(ret->offset, offset);
		return true;
	}
	return false;
}

/* Turns the place of an array into that of its elements. */
static bool step_into_array(Dwarf_Die *type, struct dwarf_place *place)
{
	Dwarf_Die bare, element;
	if (!dwarf_type_peel(type, &bare) || dwarf_tag(&bare) != DW_TAG_array_type ||
	    !type_of(&bare, &element) || !dwarf_type_size(&element, &place->width))
		return false;
	place->count = array_count(&bare);
	place->stride = place->width;
	*type = element;
	return true;
}

/* One component of the path, "a" or "a[]", from `type` on: adds to *place, moves *type. */
static bool step(Dwarf_Die *type, const char *name, size_t length, struct dwarf_place *place)
{
	bool elements = length > 2 && !memcmp(name + length - 2, "[]", 2);
	Dwarf_Die member_type;
	struct dwarf_place inner;
	if (!find_member(type, name, elements ? length - 2 : length, 0, &member_type, &inner))
		return false;
	if (elements && (place->count != 1 || !step_into_array(&member_type, &inner)))
		return false;
	place->offset = size_add(place->offset, inner.offset);
	place->width = inner.width;
	if (inner.count != 1 || place->count == 1) {
		place->count = inner.count;
		place->stride = inner.stride;
	}
	*type = member_type;
	return true;
}

bool dwarf_type_place(Dwarf_Die *type, const char *path, size_t length, struct dwarf_place *ret)
{
	struct dwarf_place place = {0, 0, 1, 0};
	Dwarf_Die at = *type;
	const char *end = path + length;
	while (path < end) {
		const char *dot = memchr(path, '.', (size_t)(end - path));
		size_t n = (size_t)((dot ? dot : end) - path);
		if (!step(&at, path, n, &place))
			return false;
		path += n + (dot ? 1 : 0);
	}
	if (place.count == 1)
		(void)step_into_array(&at, &place);
	*ret = place;
	return true;
}
