/*
 * layout_dwarf: the types that layout.def names are looked for in the units where
 * CPython defines or uses them; only if one that every build has is missing there
 * (a unity build, say), in all units.
 */
#include "symbols/debug/layout_dwarf.h"

#include "base/cleanup.h"
#include "base/size.h"
#include "symbols/debug/dwarf_type.h"

#include <string.h>

/* Objects/ and Python/ files that together see every struct of layout.def, 2.7 to 3.15. From 3.12
 * on the first four have all. */
static const char *const likely_units[] = {
	"obmalloc.c",   "classobject.c", "methodobject.c", "dictobject.c",   "pylifecycle.c",
	"pystate.c",    "gc.c",          "gcmodule.c",     "frameobject.c",  "floatobject.c",
	"listobject.c", "tupleobject.c", "tracemalloc.c",  "_tracemalloc.c",
};

/* Every CPython has these, and without them there is no answer. */
static const char *const essential_types[] = {"arena_object", "pool_header", "_is", "PyDictObject",
					      "PyTupleObject"};

/* One alternative of an entry: `type` and `path` are parts of layout.def's strings. */
struct alternative {
	const char *type, *path;
	size_t type_length, path_length;
};

/* Cuts the next alternative off *at ("a|b"); false at the end. */
static bool next_part(const char **at, const char **part, size_t *length)
{
	if (!*at)
		return false;
	*part = *at;
	*length = strcspn(*at, "|");
	*at = (*at)[*length] ? *at + *length + 1 : NULL;
	return true;
}

typedef bool alternative_fn(void *context, enum layout_entry_id id, const struct alternative *a);

/* Visits type × path of an entry in order until `visit` says true. */
static bool each_alternative(enum layout_entry_id id, alternative_fn *visit, void *context)
{
	struct alternative a;
	const char *paths = layout_path(id), *path;
	size_t path_length;
	while (next_part(&paths, &path, &path_length)) {
		const char *types = layout_type(id), *type;
		size_t type_length;
		const char *colon = memchr(path, ':', path_length);
		while (next_part(&types, &type, &type_length)) {
			a = (struct alternative){type, path, type_length, path_length};
			if (colon) {
				a.type = path;
				a.type_length = (size_t)(colon - path);
				a.path = colon + 1;
				a.path_length = path_length - a.type_length - 1;
			}
			if (visit(context, id, &a))
				return true;
		}
	}
	return false;
}

static bool is_struct_entry(enum layout_entry_id id)
{
	return layout_kind(id) == LAYOUT_KIND_SIZE || layout_kind(id) == LAYOUT_KIND_FIELD;
}

/* Stops (true) when memory is out. */
static bool want_alternative(void *context, enum layout_entry_id id, const struct alternative *a)
{
	(void)id;
	return !dwarf_types_want(context, a->type, a->type_length);
}

static struct error *want_all(struct dwarf_types *types)
{
	for (unsigned id = 0; id < LAYOUT_COUNT; id++)
		if (is_struct_entry(id) && each_alternative(id, want_alternative, types))
			return error_out_of_memory();
	return NULL;
}

static bool has_essential(const struct dwarf_types *types)
{
	for (size_t i = 0; i < ARRAY_SIZE(essential_types); i++) {
		const char *name = essential_types[i];
		const struct dwarf_wanted *w = dwarf_types_find(types, name, strlen(name));
		if (w && !w->found)
			return false;
	}
	return true;
}

static bool is_alternative_found(void *context, enum layout_entry_id id,
				 const struct alternative *a)
{
	(void)id;
	const struct dwarf_wanted *w = dwarf_types_find(context, a->type, a->type_length);
	return w && w->found;
}

/* Whether each entry has a type to be looked up in: then no further unit can add anything. */
static bool has_all(struct dwarf_types *types)
{
	for (unsigned id = 0; id < LAYOUT_COUNT; id++)
		if (is_struct_entry(id) && !each_alternative(id, is_alternative_found, types))
			return false;
	return true;
}

static void find_types(struct dwarf_units *units, struct dwarf_types *types)
{
	for (size_t i = 0; i < ARRAY_SIZE(likely_units) && !has_all(types); i++)
		dwarf_units_find_types(units, likely_units[i], types);
	dwarf_units_find_types(units, "", types);
	if (!has_essential(types))
		dwarf_units_find_types(units, NULL, types);
}

struct filling {
	const struct dwarf_types *types;
	struct layout *layout;
};

static bool fill_alternative(void *context, enum layout_entry_id id, const struct alternative *a)
{
	struct filling *f = context;
	struct dwarf_wanted *w = dwarf_types_find(f->types, a->type, a->type_length);
	struct dwarf_place place = {0, 0, 1, 0};
	if (!w || !w->found)
		return false;
	if (layout_kind(id) == LAYOUT_KIND_SIZE) {
		if (!dwarf_type_size(&w->type, &place.width))
			return false;
		place.stride = place.width;
	} else if (!dwarf_type_place(&w->type, a->path, a->path_length, &place)) {
		return false;
	}
	f->layout->entries[id] = (struct layout_entry){place.offset, place.width, place.count,
						       place.stride, PROVENANCE_DWARF};
	return true;
}

static void types_fini(struct dwarf_types *types)
{
	dwarf_types_fini(types);
}

struct error *layout_dwarf_fill(struct dwarf_units *units, struct layout *layout)
{
	_cleanup_(types_fini) struct dwarf_types types = {.wanted = VEC_EMPTY};
	struct error *err = want_all(&types);
	if (err)
		return err;
	find_types(units, &types);
	struct filling f = {&types, layout};
	for (unsigned id = 0; id < LAYOUT_COUNT; id++)
		if (is_struct_entry(id))
			(void)each_alternative(id, fill_alternative, &f);
	return NULL;
}

/* ---- variables ----------------------------------------------------------------------- */

struct variables {
	struct layout *layout;
	const bool *wanted;
	bool twice[LAYOUT_COUNT];
};

/* "file.c:name" or "name", one alternative of a variable's entry. */
static bool names_variable(const char *part, size_t length, const char *name, const char *unit)
{
	const char *colon = memchr(part, ':', length);
	size_t unit_length = colon ? (size_t)(colon - part) : 0;
	if (colon && (strlen(unit) != unit_length || memcmp(unit, part, unit_length) != 0))
		return false;
	const char *start = colon ? colon + 1 : part;
	size_t left = (size_t)(part + length - start);
	return strlen(name) == left && !memcmp(name, start, left);
}

static void take_variable(void *context, const char *name, const char *unit, uint64_t vaddr,
			  uint64_t size)
{
	struct variables *v = context;
	for (unsigned id = 0; id < LAYOUT_COUNT; id++) {
		const char *at = layout_path(id), *part;
		size_t length;
		if (!v->wanted[id] || layout_kind(id) != LAYOUT_KIND_OBJECT)
			continue;
		while (next_part(&at, &part, &length)) {
			if (!names_variable(part, length, name, unit))
				continue;
			struct layout_entry *e = &v->layout->entries[id];
			if (e->provenance != PROVENANCE_ABSENT && e->offset != vaddr)
				v->twice[id] = true;
			*e = (struct layout_entry){vaddr, size, 1, size, PROVENANCE_DWARF};
		}
	}
}

void layout_dwarf_fill_variables(struct dwarf_units *units, struct layout *layout,
				 const bool wanted[LAYOUT_COUNT])
{
	bool absent[LAYOUT_COUNT];
	for (unsigned id = 0; id < LAYOUT_COUNT; id++)
		absent[id] = wanted[id] && !layout_has(layout, id);
	struct variables v = {.layout = layout, .wanted = absent};
	dwarf_units_variables(units, take_variable, &v);
	for (unsigned id = 0; id < LAYOUT_COUNT; id++)
		if (v.twice[id])
			layout->entries[id] = (struct layout_entry){0};
}
