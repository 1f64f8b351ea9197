/*
 * savefile_memory: two layers, the upper one wins.
 *
 *	overlay        ▒   ▒▒      ▒   ▒      ranges copied by the look: later, or of one moment
 *	memory   ████████████  ████████████   pages, a window of 64 in a part
 *	below    ░░░░░░░░░░░░░░░░░░░░░░░░░░   nothing saved: zeros, or a fault
 *
 * What the overlay holds whole is answered from it alone: the headers of a gigabyte's
 * pools are a few megabytes.
 */
#include "inspector/target/savefile/savefile_memory.h"

#include "base/bytes.h"
#include "base/cleanup.h"
#include "inspector/target/savefile/savefile_overlay.h"

#include <string.h>

#define WINDOWS 16 /* unpacked ones that are kept */

struct window {
	const struct savefile_part *part; /* NULL: free */
	uint64_t used;                    /* when last, in turns of the clock */
	uint8_t *pages;                   /* SAVEFILE_PART_MAX */
};

/* Memory whose absent pages are zeros. */
struct zeros {
	raddr start;
	uint64_t size;
};

struct memory {
	struct savefile *file; /* borrowed */
	const struct savefile_part *parts;
	size_t n_parts;
	struct savefile_overlay *overlay;
	struct window windows[WINDOWS];
	uint64_t clock;
	struct residency residency;
	VEC(struct zeros) zeros; /* ascending */
};

/* ---- pages ---------------------------------------------------------------------------- */

static const struct savefile_part *find_part(const struct memory *m, raddr at)
{
	size_t low = 0, high = m->n_parts;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (m->parts[middle].start + SAVEFILE_WINDOW <= at.value)
			low = middle + 1;
		else
			high = middle;
	}
	return low < m->n_parts && m->parts[low].start <= at.value ? &m->parts[low] : NULL;
}

static struct window *oldest(struct memory *m)
{
	struct window *found = &m->windows[0];
	for (size_t i = 1; i < WINDOWS; i++)
		if (m->windows[i].used < found->used)
			found = &m->windows[i];
	return found;
}

static struct error *unpack_window(struct memory *m, const struct savefile_part *part,
				   const uint8_t **ret)
{
	struct window *w = NULL;
	for (size_t i = 0; i < WINDOWS && !w; i++)
		if (m->windows[i].part == part)
			w = &m->windows[i];
	if (!w) {
		w = oldest(m);
		w->part = NULL;
		if (!w->pages)
			w->pages = malloc(SAVEFILE_PART_MAX);
		if (!w->pages)
			return error_out_of_memory();
		struct error *err = savefile_unpack(m->file, part, w->pages);
		if (err)
			return err;
		w->part = part;
	}
	w->used = ++m->clock;
	*ret = w->pages;
	return NULL;
}

/* The page that holds `at`, or NULL where it was not saved. */
static struct error *find_page(struct memory *m, raddr at, const uint8_t **ret)
{
	const struct savefile_part *part = find_part(m, at);
	unsigned page = part ? (unsigned)((at.value - part->start) / SAVEFILE_PAGE) : 0;
	*ret = NULL;
	if (!part || !(part->pages >> page & 1))
		return NULL;
	uint64_t before = part->pages & ((UINT64_C(1) << page) - 1);
	struct error *err = unpack_window(m, part, ret);
	if (!err)
		*ret += (size_t)__builtin_popcountll(before) * SAVEFILE_PAGE;
	return err;
}

static bool has_zeros(const struct memory *m, raddr at)
{
	size_t low = 0, high = m->zeros.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct zeros *z = &m->zeros.items[middle];
		if (raddr_in(at, z->start, z->size))
			return true;
		if (z->start.value < at.value)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* A page that was not saved. */
static struct error *read_missing(const struct memory *m, raddr at, uint8_t *to, size_t size)
{
	uint64_t present, swapped;
	residency_count(&m->residency, at, size, &present, &swapped);
	if (swapped)
		return error_new(ERROR_FAULT, RADDR_FORMAT " was swapped out", at.value);
	if (present || !has_zeros(m, at))
		return error_new(ERROR_FAULT, RADDR_FORMAT " was not saved", at.value);
	memset(to, 0, size);
	return NULL;
}

static struct error *read_pages(struct memory *m, raddr at, uint8_t *to, size_t size)
{
	for (size_t done = 0; done < size;) {
		const uint8_t *page;
		raddr here = raddr_plus(at, done);
		size_t inside = (size_t)(here.value % SAVEFILE_PAGE);
		size_t some = (size_t)size_min(size - done, SAVEFILE_PAGE - inside);
		struct error *err = find_page(m, here, &page);
		if (!err && !page)
			err = read_missing(m, here, to + done, some);
		if (err)
			return err;
		if (page)
			memcpy(to + done, page + inside, some);
		done += some;
	}
	return NULL;
}

/* ---- the source ----------------------------------------------------------------------- */

static struct error *memory_read(void *source, raddr at, void *buffer, size_t size)
{
	struct memory *m = source;
	bool whole;
	struct error *err = savefile_overlay_read(m->overlay, at, buffer, size, &whole);
	if (err || whole)
		return err;
	err = read_pages(m, at, buffer, size);
	return err ?: savefile_overlay_read(m->overlay, at, buffer, size, &whole);
}

static struct error *gather_piece(struct memory *m, struct space_slice *slice, size_t i,
				  const struct residency *residency, size_t *near)
{
	raddr at = raddr_plus(slice->start, size_multiply(slice->stride, i));
	uint8_t *to = slice->bytes + i * slice->size;
	bool whole;
	struct error *err = savefile_overlay_read(m->overlay, at, to, slice->size, &whole);
	if (!err && !whole) {
		if (residency && !residency_present_near(residency, at, slice->size, near)) {
			slice->got[i] = SLICE_ABSENT;
			memset(to, 0, slice->size);
			return NULL;
		}
		err = memory_read(m, at, to, slice->size);
	}
	if (error_catch(&err, ERROR_FAULT))
		memset(to, 0, slice->size);
	else if (!err)
		slice->got[i] = SLICE_READ;
	return err;
}

static struct error *memory_gather(void *source, struct space_slice *slices, size_t n,
				   const struct residency *residency)
{
	size_t near = 0;
	for (size_t i = 0; i < n; i++)
		for (size_t piece = 0; piece < slices[i].count; piece++) {
			struct error *err =
				gather_piece(source, &slices[i], piece, residency, &near);
			if (err)
				return err;
		}
	return NULL;
}

static struct error *memory_residency_in_detail(void *source, raddr start, uint64_t size,
						struct residency *ret)
{
	const struct memory *m = source;
	raddr end = raddr_plus(start, size);
	for (size_t i = residency_find(&m->residency, start, 0); i < m->residency.ranges.count;
	     i++) {
		const struct residency_range *r = &m->residency.ranges.items[i];
		if (raddr_compare(r->start, end) >= 0)
			break;
		raddr from = raddr_compare(r->start, start) > 0 ? r->start : start;
		raddr to = raddr_plus(r->start, r->size);
		to = raddr_compare(to, end) < 0 ? to : end;
		if (!residency_add_traits(ret, from, raddr_distance(from, to), r->swapped,
					  r->traits))
			return error_out_of_memory();
	}
	return NULL;
}

static struct error *memory_residency(void *source, raddr start, uint64_t size,
				      struct residency *ret)
{
	_cleanup_(residency_fini) struct residency all = RESIDENCY_EMPTY;
	struct error *err = memory_residency_in_detail(source, start, size, &all);
	for (size_t i = 0; i < all.ranges.count && !err; i++) {
		const struct residency_range *r = &all.ranges.items[i];
		if (!residency_add(ret, r->start, r->size, r->swapped))
			err = error_out_of_memory();
	}
	return err;
}

static void memory_close(void *source)
{
	struct memory *m = source;
	if (!m)
		return;
	for (size_t i = 0; i < WINDOWS; i++)
		free(m->windows[i].pages);
	savefile_overlay_close(m->overlay);
	residency_fini(&m->residency);
	vec_fini(&m->zeros);
	free(m);
}

static void close_memory(struct memory **m)
{
	memory_close(*m);
}

static struct error *note_zeros(struct memory *m, const struct space *space)
{
	for (size_t i = 0; i < space->regions.count; i++) {
		const struct region *r = &space->regions.items[i];
		if (r->kind == REGION_FILE || r->kind == REGION_SPECIAL || r->shared)
			continue;
		struct zeros *z = vec_push(&m->zeros);
		if (!z)
			return error_out_of_memory();
		*z = (struct zeros){r->start, r->size};
	}
	return NULL;
}

struct error *savefile_memory_attach(struct savefile *file, struct residency *residency,
				     struct space *space)
{
	static const struct space_ops ops = {
		.read = memory_read,
		.gather = memory_gather,
		.residency = memory_residency,
		.residency_in_detail = memory_residency_in_detail,
		.close = memory_close,
	};
	_cleanup_(close_memory) struct memory *m = calloc(1, sizeof(*m));
	if (!m)
		return error_out_of_memory();
	m->file = file;
	m->parts = savefile_parts(file, SAVEFILE_MEMORY, &m->n_parts);
	struct error *err = savefile_overlay_open(file, &m->overlay);
	err = err ?: note_zeros(m, space);
	if (err)
		return err;
	m->residency = *residency;
	*residency = (struct residency)RESIDENCY_EMPTY;
	space->ops = &ops;
	space->source = take(m);
	return NULL;
}
