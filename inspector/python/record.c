/*
 * record: offsets come from files, so every look is checked against the copy; what
 * lies outside reads as 0.
 */
#include "inspector/python/record.h"

#include "base/bytes.h"

static uint64_t field_stride(const struct layout_entry *e)
{
	return e->stride ? e->stride : e->width;
}

/* Bytes from the field's start to the end of its last element. */
static uint64_t field_extent(const struct layout_entry *e)
{
	uint64_t before_last = e->count > 1 ? size_multiply(e->count - 1, field_stride(e)) : 0;
	return size_add(before_last, e->width);
}

static struct error *read_part(struct space *space, const struct layout *layout, raddr at,
			       uint64_t first, uint64_t end, struct record *ret)
{
	if (end <= first || end - first > RECORD_MAX)
		return error_new(ERROR_SYMBOLS, "%" PRIu64 " bytes of a struct in one look",
				 end - first);
	ret->layout = layout;
	ret->first = first;
	ret->size = (size_t)(end - first);
	return space_read(space, raddr_plus(at, first), ret->bytes, ret->size);
}

struct error *record_read(struct space *space, const struct layout *layout,
			  enum layout_entry_id size, raddr at, struct record *ret)
{
	if (!layout_has(layout, size))
		return error_new(ERROR_SYMBOLS, "the size of %s is not known", layout_type(size));
	return read_part(space, layout, at, 0, layout_width(layout, size), ret);
}

struct error *record_read_window(struct space *space, const struct layout *layout,
				 const enum layout_entry_id *fields, size_t n, raddr at,
				 struct record *ret)
{
	uint64_t first = UINT64_MAX, end = 0;
	for (size_t i = 0; i < n; i++) {
		const struct layout_entry *e = &layout->entries[fields[i]];
		if (!layout_has(layout, fields[i]))
			continue;
		first = size_min(first, e->offset);
		end = size_max(end, size_add(e->offset, field_extent(e)));
	}
	if (end == 0)
		return error_new(ERROR_SYMBOLS, "%s.%s is not known", layout_type(fields[0]),
				 layout_path(fields[0]));
	return read_part(space, layout, at, first, end, ret);
}

uint64_t record_unsigned(const struct record *r, enum layout_entry_id field)
{
	const struct layout_entry *e = &r->layout->entries[field];
	if (!layout_has(r->layout, field) || e->offset < r->first || e->width > 8)
		return 0;
	struct bytes b = bytes_of(r->bytes, r->size);
	return bytes_unsigned(&b, (size_t)(e->offset - r->first), (unsigned)e->width);
}
