/*
 * dwarf_units: names of units first (cheap), then the top level of the few units
 * that are likely to have what is wanted.
 *
 *	unit obmalloc.c ─ struct arena_object { … }      complete: found
 *	                ─ struct _is;                    declared only: another unit has it
 *	                ─ imported_unit ─> partial unit  (dwz) looked into as if it were here
 *	unit <artificial> ─ variable: origin ─> "arenas" in unit obmalloc.c, location 0x…
 */
#include "symbols/debug/dwarf_units.h"

#include "symbols/debug/dwarf_type.h"

#include <dwarf.h>
#include <string.h>

#define UNITS_MAX    200000
#define ENTRIES_MAX  (UINT64_C(1) << 26)
#define IMPORT_DEPTH 4

/* ---- the list of units --------------------------------------------------------------- */

static const char *base_name(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;
	return slash ? slash + 1 : path ? path : "";
}

static const char *dwo_name(Dwarf_Die *skeleton)
{
	Dwarf_Attribute attribute;
	if (!dwarf_attr(skeleton, DW_AT_dwo_name, &attribute) &&
	    !dwarf_attr(skeleton, DW_AT_GNU_dwo_name, &attribute))
		return "";
	const char *name = dwarf_formstring(&attribute);
	return name ? name : "";
}

static struct error *add_unit(struct dwarf_units *units, uint8_t type, Dwarf_Die *die,
			      Dwarf_Die *inner)
{
	if (units->units.count == UNITS_MAX)
		return error_new(ERROR_SYMBOLS, "too many compilation units");
	bool is_type = type == DW_UT_type || type == DW_UT_split_type;
	bool is_skeleton = type == DW_UT_skeleton;
	if (is_skeleton && (!inner->cu || dwarf_tag(inner) == DW_TAG_invalid)) {
		units->n_without_dwo++;
		if (!units->missing_dwo)
			units->missing_dwo = dwo_name(die);
		return NULL;
	}
	struct dwarf_unit *unit = vec_push(&units->units);
	if (!unit)
		return error_out_of_memory();
	unit->die = is_skeleton ? *inner : *die;
	unit->is_type = is_type;
	unit->name = is_type ? "" : base_name(dwarf_diename(&unit->die));
	return NULL;
}

struct error *dwarf_units_read(Dwarf *dwarf, struct dwarf_units *ret)
{
	struct dwarf_units units = {.units = VEC_EMPTY};
	Dwarf_CU *cu = NULL;
	Dwarf_Die die, inner;
	uint8_t type;
	struct error *err = NULL;
	int r = 0;
	while (!err && (r = dwarf_get_units(dwarf, cu, &cu, NULL, &type, &die, &inner)) == 0)
		err = add_unit(&units, type, &die, &inner);
	if (!err && r < 0)
		err = error_new(ERROR_SYMBOLS, "%s", dwarf_errmsg(-1));
	if (err) {
		dwarf_units_fini(&units);
		return err;
	}
	*ret = units;
	return NULL;
}

void dwarf_units_fini(struct dwarf_units *units)
{
	vec_fini(&units->units);
}

/* ---- wanted types -------------------------------------------------------------------- */

static int compare_names(const char *a, size_t a_length, const char *b, size_t b_length)
{
	int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
	return order ? order : (a_length > b_length) - (a_length < b_length);
}

/* Index of the first wanted name that is not below. */
static size_t lower_bound(const struct dwarf_types *types, const char *name, size_t length)
{
	size_t low = 0, high = types->wanted.count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct dwarf_wanted *w = &types->wanted.items[middle];
		if (compare_names(w->name, w->length, name, length) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct dwarf_wanted *dwarf_types_find(const struct dwarf_types *types, const char *name,
				      size_t length)
{
	size_t at = lower_bound(types, name, length);
	if (at == types->wanted.count)
		return NULL;
	struct dwarf_wanted *w = &types->wanted.items[at];
	return compare_names(w->name, w->length, name, length) ? NULL : w;
}

bool dwarf_types_want(struct dwarf_types *types, const char *name, size_t length)
{
	if (dwarf_types_find(types, name, length))
		return true;
	size_t at = lower_bound(types, name, length);
	if (!vec_push(&types->wanted))
		return false;
	struct dwarf_wanted *items = types->wanted.items;
	memmove(items + at + 1, items + at, (types->wanted.count - 1 - at) * sizeof(*items));
	items[at] = (struct dwarf_wanted){.name = name, .length = length};
	types->budget = ENTRIES_MAX;
	return true;
}

void dwarf_types_fini(struct dwarf_types *types)
{
	vec_fini(&types->wanted);
}

/* ---- types --------------------------------------------------------------------------- */

static void take_type(Dwarf_Die *die, struct dwarf_types *types)
{
	int tag = dwarf_tag(die);
	if (tag != DW_TAG_structure_type && tag != DW_TAG_union_type && tag != DW_TAG_class_type &&
	    tag != DW_TAG_typedef)
		return;
	const char *name = dwarf_diename(die);
	struct dwarf_wanted *w = name ? dwarf_types_find(types, name, strlen(name)) : NULL;
	if (w && !w->found)
		w->found = dwarf_type_peel(die, &w->type);
}

static void scan_children(Dwarf_Die *unit, struct dwarf_types *types, int depth)
{
	Dwarf_Die child, imported;
	for (int r = dwarf_child(unit, &child); r == 0 && types->budget > 0;
	     r = dwarf_siblingof(&child, &child)) {
		types->budget--;
		Dwarf_Attribute import;
		if (dwarf_tag(&child) != DW_TAG_imported_unit)
			take_type(&child, types);
		else if (depth < IMPORT_DEPTH && dwarf_attr(&child, DW_AT_import, &import) &&
			 dwarf_formref_die(&import, &imported))
			scan_children(&imported, types, depth + 1);
	}
}

void dwarf_units_find_types(struct dwarf_units *units, const char *name, struct dwarf_types *types)
{
	for (size_t i = 0; i < units->units.count; i++) {
		struct dwarf_unit *unit = &units->units.items[i];
		if (!name || !strcmp(unit->name, name))
			scan_children(&unit->die, types, 0);
	}
}

/* ---- variables ----------------------------------------------------------------------- */

/* The address in a location that is one constant address; false for any other. */
static bool fixed_address(Dwarf_Die *variable, uint64_t *ret)
{
	Dwarf_Attribute location, address;
	Dwarf_Op *expression;
	size_t n;
	if (!dwarf_attr(variable, DW_AT_location, &location) ||
	    dwarf_getlocation(&location, &expression, &n) || n != 1)
		return false;
	if (expression[0].atom == DW_OP_addr) {
		*ret = expression[0].number;
		return true;
	}
	Dwarf_Addr found;
	if (expression[0].atom != DW_OP_addrx ||
	    dwarf_getlocation_attr(&location, expression, &address) ||
	    dwarf_formaddr(&address, &found))
		return false;
	*ret = found;
	return true;
}

static void take_variable(Dwarf_Die *die, const char *unit, dwarf_variable_fn *visit, void *context)
{
	Dwarf_Attribute attribute;
	Dwarf_Die origin, origin_unit, type;
	uint64_t vaddr, size = 0;
	if (!fixed_address(die, &vaddr))
		return;
	if ((dwarf_attr(die, DW_AT_abstract_origin, &attribute) ||
	     dwarf_attr(die, DW_AT_specification, &attribute)) &&
	    dwarf_formref_die(&attribute, &origin) &&
	    dwarf_diecu(&origin, &origin_unit, NULL, NULL))
		unit = base_name(dwarf_diename(&origin_unit));
	const char *name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_name, &attribute));
	if (!name)
		return;
	if (dwarf_formref_die(dwarf_attr_integrate(die, DW_AT_type, &attribute), &type))
		(void)dwarf_type_size(&type, &size);
	visit(context, name, unit, vaddr, size);
}

void dwarf_units_variables(struct dwarf_units *units, dwarf_variable_fn *visit, void *context)
{
	uint64_t budget = ENTRIES_MAX;
	for (size_t i = 0; i < units->units.count; i++) {
		struct dwarf_unit *unit = &units->units.items[i];
		Dwarf_Die child;
		for (int r = unit->is_type ? 1 : dwarf_child(&unit->die, &child);
		     r == 0 && budget-- > 0; r = dwarf_siblingof(&child, &child))
			if (dwarf_tag(&child) == DW_TAG_variable)
				take_variable(&child, unit->name, visit, context);
	}
}
