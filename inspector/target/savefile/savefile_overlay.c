/*
 * savefile_overlay: parts of ranges, ascending throughout.
 *
 *	part   [head│48 bytes][head│48 bytes][head│ … ]     unpacked and checked as a whole
 *	ranges  0              64             128           where each head stands
 *
 * Askers walk upwards, so the last answer's place is looked at first.
 */
#include "inspector/target/savefile/savefile_overlay.h"

#include "base/bytes.h"
#include "base/cleanup.h"

#include <string.h>

#define KEPT       4 /* unpacked parts */
#define RANGES_MAX (SAVEFILE_PART_MAX / (SAVEFILE_RANGE_SIZE + 1))

struct range {
	uint64_t start;
	uint32_t size;
	uint32_t at; /* of its bytes, in data */
};

struct unpacked {
	const struct savefile_part *part; /* NULL: free */
	uint64_t used;
	uint8_t *data;
	struct range *ranges;
	size_t n_ranges, near; /* where the last answer was */
};

struct savefile_overlay {
	struct savefile *file; /* borrowed */
	const struct savefile_part *parts;
	size_t n_parts, near;
	struct unpacked kept[KEPT];
	struct unpacked *last;
	uint64_t clock;
};

/* ---- parts ---------------------------------------------------------------------------- */

static struct error *take_ranges(struct unpacked *u, const struct savefile_part *part)
{
	struct bytes b = bytes_of(u->data, part->size);
	uint64_t above = part->start;
	u->n_ranges = u->near = 0;
	for (size_t at = 0; at < part->size;) {
		struct range r = {bytes_u64(&b, at), bytes_u32(&b, at + 8), 0};
		at += SAVEFILE_RANGE_SIZE;
		bool fits = !b.overrun && r.size > 0 && r.size <= SAVEFILE_RANGE_MAX &&
			    r.size <= part->size - at && r.start >= above &&
			    r.start < part->pages && r.size <= part->pages - r.start;
		if (!fits)
			return error_new(ERROR_BAD_FILE,
					 "the snapshot is damaged: a range of its overlay");
		above = r.start + r.size;
		r.at = (uint32_t)at;
		u->ranges[u->n_ranges++] = r;
		at += r.size;
	}
	return NULL;
}

static bool make_room(struct unpacked *u)
{
	if (!u->data)
		u->data = malloc(SAVEFILE_PART_MAX);
	if (!u->ranges)
		u->ranges = calloc(RANGES_MAX, sizeof(*u->ranges));
	return u->data && u->ranges;
}

static struct unpacked *find_kept(struct savefile_overlay *o, const struct savefile_part *part)
{
	struct unpacked *oldest = &o->kept[0];
	if (o->last && o->last->part == part)
		return o->last;
	for (size_t i = 0; i < KEPT; i++) {
		if (o->kept[i].part == part)
			return &o->kept[i];
		if (o->kept[i].used < oldest->used)
			oldest = &o->kept[i];
	}
	return oldest;
}

static struct error *unpack(struct savefile_overlay *o, const struct savefile_part *part,
			    struct unpacked **ret)
{
	struct unpacked *u = find_kept(o, part);
	if (u->part != part) {
		u->part = NULL;
		if (!make_room(u))
			return error_out_of_memory();
		struct error *err = savefile_unpack(o->file, part, u->data);
		err = err ?: take_ranges(u, part);
		if (err)
			return err;
		u->part = part;
	}
	u->used = ++o->clock;
	o->last = *ret = u;
	return NULL;
}

/* ---- finding -------------------------------------------------------------------------- */

/* The first part that ends above `at`. */
static size_t part_above(struct savefile_overlay *o, uint64_t at)
{
	size_t low = 0, high = o->n_parts;
	if (o->near < high && o->parts[o->near].pages > at &&
	    (o->near == 0 || o->parts[o->near - 1].pages <= at))
		return o->near;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (o->parts[middle].pages <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return o->near = low;
}

static bool ends_above(const struct unpacked *u, size_t i, uint64_t at)
{
	return u->ranges[i].start + u->ranges[i].size > at;
}

/* The first range that ends above `at`. */
static size_t range_above(struct unpacked *u, uint64_t at)
{
	size_t low = 0, high = u->n_ranges;
	for (size_t i = u->near; i < u->n_ranges && i < u->near + 2; i++)
		if (ends_above(u, i, at) && (i == 0 || !ends_above(u, i - 1, at)))
			return u->near = i;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (ends_above(u, middle, at))
			high = middle;
		else
			low = middle + 1;
	}
	return u->near = low;
}

/* Lays the ranges of one part; bytes laid. */
static size_t lay(struct unpacked *u, uint64_t at, uint8_t *buffer, size_t size)
{
	size_t laid = 0;
	uint64_t end = at + size;
	for (size_t i = range_above(u, at); i < u->n_ranges && u->ranges[i].start < end; i++) {
		const struct range *r = &u->ranges[i];
		uint64_t from = size_max(r->start, at), to = size_min(r->start + r->size, end);
		memcpy(buffer + (from - at), u->data + r->at + (from - r->start),
		       (size_t)(to - from));
		laid += (size_t)(to - from);
	}
	return laid;
}

struct error *savefile_overlay_read(struct savefile_overlay *o, raddr at, uint8_t *buffer,
				    size_t size, bool *ret_whole)
{
	size_t laid = 0;
	raddr end;
	if (!raddr_step(at, size, &end))
		return error_new(ERROR_FAULT, RADDR_FORMAT " is not mapped", at.value);
	for (size_t i = part_above(o, at.value); i < o->n_parts && o->parts[i].start < end.value;
	     i++) {
		struct unpacked *u;
		struct error *err = unpack(o, &o->parts[i], &u);
		if (err)
			return err;
		laid += lay(u, at.value, buffer, size);
	}
	*ret_whole = laid == size;
	return NULL;
}

/* ---- beginning and end ---------------------------------------------------------------- */

struct error *savefile_overlay_open(struct savefile *file, struct savefile_overlay **ret)
{
	struct savefile_overlay *o = calloc(1, sizeof(*o));
	if (!o)
		return error_out_of_memory();
	o->file = file;
	o->parts = savefile_parts(file, SAVEFILE_OVERLAY, &o->n_parts);
	*ret = o;
	return NULL;
}

void savefile_overlay_close(struct savefile_overlay *o)
{
	if (!o)
		return;
	for (size_t i = 0; i < KEPT; i++) {
		free(o->kept[i].data);
		free(o->kept[i].ranges);
	}
	free(o);
}
