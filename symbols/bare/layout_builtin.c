/*
 * layout_builtin: rows, each good for a span of versions, release or pydebug builds
 * or both, and one size of _PyRuntime or all:
 *
 *	ARENA_ADDRESS   2.7 … 3.15  any      any size  ─▶ offset, width, count, stride
 *	FREELIST_FLOAT  3.11        release  166688    ─▶ …
 *
 * At most one row fits a build; tools/layouts sees to it.
 */
#include "symbols/bare/layout_builtin.h"

#include "base/size.h"

#include <string.h>

enum build_flavour { FLAVOUR_RELEASE, FLAVOUR_DEBUG, FLAVOUR_ANY };

struct row {
	enum layout_entry_id id;
	uint16_t from, until; /* PY_VERSION_HEX >> 16, both included */
	enum build_flavour flavour;
	uint64_t runtime_size; /* 0: any */
	uint64_t offset, width, count, stride;
};

static const struct row rows[] = {
#define BUILTIN(id, from, until, flavour, runtime_size, offset, width, count, stride) \
	{LAYOUT_##id, from, until, FLAVOUR_##flavour, runtime_size, offset, width, count, stride},
#define BUILTIN_MINOR(minor)
#include "symbols/bare/layout_builtin.def"
#undef BUILTIN
#undef BUILTIN_MINOR
};

static const uint16_t minors[] = {
#define BUILTIN(id, from, until, flavour, runtime_size, offset, width, count, stride)
#define BUILTIN_MINOR(minor) minor,
#include "symbols/bare/layout_builtin.def"
#undef BUILTIN
#undef BUILTIN_MINOR
};

bool layout_builtin_knows(uint32_t version_hex)
{
	for (size_t i = 0; i < ARRAY_SIZE(minors); i++)
		if (minors[i] == version_hex >> 16)
			return true;
	return false;
}

/* Structs of Objects/obmalloc.c: nothing but the allocator's own design changes them. */
static bool is_of_allocator(enum layout_entry_id id)
{
	static const char *const types[] = {"arena_object", "pool_header", "_obmalloc_state",
					    "PyMemAllocatorEx", "debug_alloc_api_t"};
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(layout_type(id), types[i]))
			return true;
	return false;
}

static bool fits_version(const struct row *row, uint32_t version_hex)
{
	const uint16_t newest = minors[ARRAY_SIZE(minors) - 1];
	uint32_t minor = version_hex >> 16;
	if (layout_builtin_knows(version_hex))
		return minor >= row->from && minor <= row->until;
	return is_of_allocator(row->id) && row->until == newest;
}

static bool fits(const struct row *row, const struct layout_builtin_key *key)
{
	enum build_flavour flavour = key->debug_build ? FLAVOUR_DEBUG : FLAVOUR_RELEASE;
	return fits_version(row, key->version_hex) &&
	       (row->flavour == FLAVOUR_ANY || row->flavour == flavour) &&
	       (row->runtime_size == 0 || row->runtime_size == key->runtime_size) &&
	       (!key->free_threaded || is_of_allocator(row->id));
}

void layout_builtin_fill(const struct layout_builtin_key *key, struct layout *layout)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		if (!layout_has(layout, row->id) && fits(row, key))
			layout->entries[row->id] =
				(struct layout_entry){row->offset, row->width, row->count,
						      row->stride, PROVENANCE_BUILTIN};
	}
}
