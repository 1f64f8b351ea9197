/*
 * layout: the table's names, and the check that makes its numbers safe to use.
 *
 * Offsets come from files that another party may have written. Walkers copy a
 * struct of `size` bytes and then look at its fields without asking again, so the
 * one thing that must hold is, for every field of every struct whose size is known:
 *
 *	0 <= offset  and  offset + (count - 1) * stride + width <= size <= a sane limit
 *
 * Natural alignment is not asked for: real builds have fields at odd places.
 */
#include "symbols/layout.h"

#include "base/size.h"

#include <string.h>

#define TYPE_SIZE_MAX   (64 * MIB) /* no struct of CPython's comes near */
#define OBJECT_SIZE_MAX (1 * GIB)
#define COUNT_MAX       (UINT64_C(1) << 20)
#define ARENA_SIZE_MAX  UINT64_C(4096)
#define POOL_SIZE_MAX   UINT64_C(256)

struct layout_row {
	const char *name;
	const char *type;
	const char *path;
	enum layout_kind kind;
};

static const struct layout_row rows[LAYOUT_COUNT] = {
#define LAYOUT_SIZE(id, type)        {#id, type, "", LAYOUT_KIND_SIZE},
#define LAYOUT_FIELD(id, type, path) {#id, type, path, LAYOUT_KIND_FIELD},
#define LAYOUT_OBJECT(id, name)      {#id, "", name, LAYOUT_KIND_OBJECT},
#define LAYOUT_FUNCTION(id, name)    {#id, "", name, LAYOUT_KIND_FUNCTION},
#include "symbols/layout.def"
#undef LAYOUT_SIZE
#undef LAYOUT_FIELD
#undef LAYOUT_OBJECT
#undef LAYOUT_FUNCTION
};

const char *layout_name(enum layout_entry_id id)
{
	return rows[id].name;
}

enum layout_kind layout_kind(enum layout_entry_id id)
{
	return rows[id].kind;
}

const char *layout_type(enum layout_entry_id id)
{
	return rows[id].type;
}

const char *layout_path(enum layout_entry_id id)
{
	return rows[id].path;
}

const char *provenance_name(enum provenance p)
{
	switch (p) {
	case PROVENANCE_ABSENT:
		return "absent";
	case PROVENANCE_SCANNED:
		return "scanned";
	case PROVENANCE_BUILTIN:
		return "built-in";
	case PROVENANCE_SELF_DESCRIBED:
		return "self-described";
	case PROVENANCE_COOKIE:
		return "cookie";
	case PROVENANCE_CACHE:
		return "cache";
	case PROVENANCE_SECTION:
		return "section";
	case PROVENANCE_DYNSYM:
		return "dynsym";
	case PROVENANCE_SYMTAB:
		return "symtab";
	case PROVENANCE_DWARF:
		return "dwarf";
	}
	return "absent";
}

enum provenance layout_weakest(const struct layout *l, unsigned kinds)
{
	enum provenance weakest = PROVENANCE_ABSENT;
	for (unsigned id = 0; id < LAYOUT_COUNT; id++) {
		enum provenance p = l->entries[id].provenance;
		if (!(kinds & (1U << rows[id].kind)) || p == PROVENANCE_ABSENT)
			continue;
		if (weakest == PROVENANCE_ABSENT || p < weakest)
			weakest = p;
	}
	return weakest;
}

static bool is_integer_width(uint64_t width)
{
	return width == 1 || width == 2 || width == 4 || width == 8;
}

/* Fields that are read as a whole struct or stepped over, never as an integer. */
static bool is_aggregate(enum layout_entry_id id)
{
	return id == LAYOUT_INTERP_OBMALLOC || id == LAYOUT_STATE_ARENA_MAP_ROOT ||
	       id == LAYOUT_RUNTIME_ALLOCATORS_OBJ || id == LAYOUT_DEBUG_API_ALLOC ||
	       id == LAYOUT_MI_SEGMENT_TABLE;
}

/* The LAYOUT_SIZE entry of the field's struct, or LAYOUT_COUNT when the table has none. */
static unsigned struct_of(enum layout_entry_id field)
{
	for (unsigned id = 0; id < LAYOUT_COUNT; id++)
		if (rows[id].kind == LAYOUT_KIND_SIZE && !strcmp(rows[id].type, rows[field].type))
			return id;
	return LAYOUT_COUNT;
}

/* Structs that walkers copy whole: a field of theirs is worth nothing without their size. */
static bool is_copied_whole(enum layout_entry_id size)
{
	return size == LAYOUT_ARENA_OBJECT_SIZE || size == LAYOUT_POOL_HEADER_SIZE;
}

static struct error *refuse(enum layout_entry_id id, const char *why)
{
	return error_new(ERROR_SYMBOLS, "layout entry %s (%s%s%s) %s", rows[id].name, rows[id].type,
			 *rows[id].type && *rows[id].path ? "." : "", rows[id].path, why);
}

static uint64_t size_limit(enum layout_entry_id id)
{
	if (id == LAYOUT_POOL_HEADER_SIZE)
		return POOL_SIZE_MAX;
	if (id == LAYOUT_ARENA_OBJECT_SIZE)
		return ARENA_SIZE_MAX;
	return TYPE_SIZE_MAX;
}

static struct error *check_size(const struct layout *l, enum layout_entry_id id)
{
	const struct layout_entry *e = &l->entries[id];
	if (e->width == 0 || e->width > size_limit(id))
		return refuse(id, "is no possible size");
	if (e->offset != 0 || e->count > 1)
		return refuse(id, "is a size with an offset or a count");
	return NULL;
}

static struct error *check_field(const struct layout *l, enum layout_entry_id id)
{
	const struct layout_entry *e = &l->entries[id];
	if (!is_aggregate(id) && !is_integer_width(e->width))
		return refuse(id, "has a width that is no integer's");
	if (e->width == 0 || e->width > TYPE_SIZE_MAX || e->offset > TYPE_SIZE_MAX)
		return refuse(id, "is out of any struct");
	if (e->count > COUNT_MAX || e->stride > TYPE_SIZE_MAX)
		return refuse(id, "has an impossible number of elements");
	if (e->count > 1 && e->stride < e->width)
		return refuse(id, "has elements that overlap");
	uint64_t spread = e->count > 1 ? size_multiply(e->count - 1, e->stride) : 0;
	uint64_t end = size_add(e->offset, size_add(spread, e->count == 0 ? 0 : e->width));
	unsigned size = struct_of(id);
	if (size == LAYOUT_COUNT)
		return end > TYPE_SIZE_MAX ? refuse(id, "is out of any struct") : NULL;
	if (!layout_has(l, size))
		return is_copied_whole(size) ? refuse(id, "belongs to a struct of unknown size")
					     : NULL;
	return end > l->entries[size].width ? refuse(id, "lies outside its struct") : NULL;
}

static struct error *check_symbol(const struct layout *l, enum layout_entry_id id)
{
	const struct layout_entry *e = &l->entries[id];
	uint64_t end;
	if (e->offset == 0 || e->width > OBJECT_SIZE_MAX ||
	    __builtin_add_overflow(e->offset, e->width, &end))
		return refuse(id, "is at no possible address");
	if (e->count > 1)
		return refuse(id, "is a symbol with a count");
	return NULL;
}

static struct error *check_entry(const struct layout *l, enum layout_entry_id id)
{
	if (l->entries[id].provenance > PROVENANCE_DWARF)
		return refuse(id, "has no known provenance");
	switch (rows[id].kind) {
	case LAYOUT_KIND_SIZE:
		return check_size(l, id);
	case LAYOUT_KIND_FIELD:
		return check_field(l, id);
	case LAYOUT_KIND_OBJECT:
	case LAYOUT_KIND_FUNCTION:
		return check_symbol(l, id);
	}
	return NULL;
}

struct error *layout_check(const struct layout *l)
{
	for (unsigned id = 0; id < LAYOUT_COUNT; id++) {
		if (!layout_has(l, id))
			continue;
		struct error *err = check_entry(l, id);
		if (err)
			return err;
	}
	return NULL;
}
