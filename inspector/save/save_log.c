/*
 * save_log: painted from the lowest address to the highest, of each the latest reading.
 *
 *	records   ─1──────   ──3──    ─4───         later numbers read later
 *	            ──2───────
 *	painted   ─1┬─2─────┬─3──    ─4───          ascending, disjoint
 *
 * Then it is merged with the headers of pools, which the look keeps by itself.
 */
#include "inspector/save/save_log.h"

#include "base/bytes.h"
#include "base/cleanup.h"

#include <string.h>

#define READY_BYTES   MIB
#define READY_RECORDS 16384

struct error *save_log_init(const bool *stopped, struct save_log *ret)
{
	*ret = (struct save_log){.stopped = stopped};
	if (!vec_reserve(&ret->bytes, READY_BYTES) || !vec_reserve(&ret->records, READY_RECORDS))
		return error_out_of_memory();
	memset(ret->bytes.items, 0xff, READY_BYTES);
	memset(ret->records.items, 0xff, READY_RECORDS * sizeof(ret->records.items[0]));
	return NULL;
}

void save_log_fini(struct save_log *log)
{
	vec_fini(&log->records);
	vec_fini(&log->bytes);
}

void save_log_add(struct save_log *log, raddr at, const void *bytes, size_t size, bool stopped)
{
	if (size == 0)
		return;
	struct save_record *record = vec_push(&log->records);
	if (!record || !vec_reserve(&log->bytes, log->bytes.count + size)) {
		log->failed = true;
		return;
	}
	*record = (struct save_record){at, log->bytes.count, size, stopped, false};
	memcpy(log->bytes.items + log->bytes.count, bytes, size);
	log->bytes.count += size;
}

void save_log_add_under(struct save_log *log, raddr at, const void *bytes, size_t size)
{
	size_t n = log->records.count;
	save_log_add(log, at, bytes, size, false);
	if (log->records.count > n && !log->failed)
		log->records.items[n].under = true;
}

void save_log_hear(void *context, raddr at, const void *bytes, size_t size)
{
	struct save_log *log = context;
	save_log_add(log, at, bytes, size, *log->stopped);
}

void save_log_distrust(struct save_log *log, struct pymalloc_saved_arenas *arenas)
{
	for (size_t i = 0; i < log->records.count; i++)
		log->records.items[i].stopped = false;
	for (size_t i = 0; i < arenas->list.count; i++)
		arenas->list.items[i].stopped = false;
}

/* ---- painting ------------------------------------------------------------------------- */

struct piece {
	uint64_t start, end;
	const uint8_t *bytes; /* of start */
	bool stopped;
};

struct painting {
	VEC(struct piece) pieces; /* ascending, disjoint */
};

/* A reading, before the later ones are laid over it. */
struct layer {
	struct piece piece;
	size_t order; /* the larger, the later */
};

struct layers {
	VEC(struct layer) list;
	VEC(size_t)
	heap; /* indexes of those that reach over the place of the sweep, the latest first */
};

static void layers_fini(struct layers *l)
{
	vec_fini(&l->list);
	vec_fini(&l->heap);
}

static bool layer_add(struct layers *l, struct piece piece, size_t order)
{
	struct layer *layer = vec_push(&l->list);
	if (layer)
		*layer = (struct layer){piece, order};
	return layer;
}

static bool is_later(const struct layers *l, size_t a, size_t b)
{
	return l->list.items[l->heap.items[a]].order > l->list.items[l->heap.items[b]].order;
}

static void heap_swap(struct layers *l, size_t a, size_t b)
{
	size_t other = l->heap.items[a];
	l->heap.items[a] = l->heap.items[b];
	l->heap.items[b] = other;
}

static void heap_push(struct layers *l, size_t layer)
{
	size_t at = l->heap.count++;
	l->heap.items[at] = layer;
	for (; at > 0 && is_later(l, at, (at - 1) / 2); at = (at - 1) / 2)
		heap_swap(l, at, (at - 1) / 2);
}

static void heap_pop(struct layers *l)
{
	l->heap.items[0] = l->heap.items[--l->heap.count];
	for (size_t at = 0, child; (child = 2 * at + 1) < l->heap.count; at = child) {
		if (child + 1 < l->heap.count && is_later(l, child + 1, child))
			child++;
		if (!is_later(l, child, at))
			break;
		heap_swap(l, at, child);
	}
}

/* Adds [from, to) of a piece; behind another part of the same it makes that longer. */
static bool paint(struct painting *p, const struct piece *piece, uint64_t from, uint64_t to)
{
	const uint8_t *bytes = piece->bytes + (from - piece->start);
	struct piece *last = p->pieces.count ? &p->pieces.items[p->pieces.count - 1] : NULL;
	if (last && last->end == from && last->bytes + (last->end - last->start) == bytes) {
		last->end = to;
		return true;
	}
	last = vec_push(&p->pieces);
	if (last)
		*last = (struct piece){from, to, bytes, piece->stopped};
	return last;
}

static int compare_layers(const void *a, const void *b)
{
	const struct layer *left = a, *right = b;
	return (left->piece.start > right->piece.start) - (left->piece.start < right->piece.start);
}

/* From the lowest address to the highest: of all readings of a place the latest one is painted. */
static bool sweep(struct layers *l, struct painting *to)
{
	size_t n = l->list.count, next = 0;
	if (n == 0)
		return true;
	qsort(l->list.items, n, sizeof(*l->list.items), compare_layers);
	if (!vec_reserve(&l->heap, n))
		return false;
	for (uint64_t at = 0, end; next < n || l->heap.count; at = end) {
		if (!l->heap.count)
			at = l->list.items[next].piece.start;
		for (; next < n && l->list.items[next].piece.start <= at; next++)
			heap_push(l, next);
		end = at;
		while (l->heap.count && l->list.items[l->heap.items[0]].piece.end <= at)
			heap_pop(l);
		if (!l->heap.count)
			continue;
		const struct piece *top = &l->list.items[l->heap.items[0]].piece;
		end = next < n ? size_min(top->end, l->list.items[next].piece.start) : top->end;
		if (!paint(to, top, at, end))
			return false;
	}
	return true;
}

/* The first header of a pool that ends above `at`: the look keeps it by itself. */
static bool header_above(const struct pymalloc_saved_arenas *arenas, uint64_t at,
			 uint64_t *ret_start, uint64_t *ret_end)
{
	uint64_t pool_size = pymalloc_saved_pool_size(arenas);
	for (size_t i = pymalloc_saved_above(arenas, raddr_at(at)); i < arenas->list.count; i++) {
		const struct pymalloc_saved_arena *a = &arenas->list.items[i];
		uint64_t first = size_align_up(a->start.value, pool_size);
		uint64_t pool = at > first ? (at - first) / pool_size : 0;
		for (; pool < a->n_pools; pool++) {
			*ret_start = first + pool * pool_size;
			*ret_end = *ret_start + pymalloc_saved_header_size(a);
			if (*ret_end > at)
				return true;
		}
	}
	return false;
}

/* Where no header is. */
static bool layer_around(struct layers *l, const struct pymalloc_saved_arenas *arenas,
			 struct piece piece, size_t order)
{
	while (piece.start < piece.end) {
		uint64_t start, end;
		if (!header_above(arenas, piece.start, &start, &end))
			start = end = piece.end;
		struct piece part = piece;
		part.end = size_min(piece.end, start);
		if (part.start < part.end && !layer_add(l, part, order))
			return false;
		uint64_t next = size_min(end, piece.end);
		piece.bytes += next - piece.start;
		piece.start = next;
	}
	return true;
}

static struct error *paint_all(const struct save_log *log,
			       const struct pymalloc_saved_arenas *arenas, struct painting *ret)
{
	_cleanup_(layers_fini) struct layers layers = {0};
	const size_t n = log->records.count;
	for (size_t i = 0; i < log->records.count; i++) {
		const struct save_record *r = &log->records.items[i];
		struct piece piece = {r->start.value, raddr_plus(r->start, r->size).value,
				      log->bytes.items + r->at, r->stopped};
		if (!layer_around(&layers, arenas, piece, r->under ? i : i + n))
			return error_out_of_memory();
	}
	return sweep(&layers, ret) ? NULL : error_out_of_memory();
}

/* ---- writing -------------------------------------------------------------------------- */

/* The part that is being filled. */
struct sheet {
	struct savefile_writer *writer;
	uint8_t *room; /* NULL: none begun */
	struct savefile_part part;
};

static void sheet_end(struct sheet *sheet)
{
	if (sheet->room)
		savefile_writer_add(sheet->writer, &sheet->part);
	sheet->room = NULL;
}

static struct error *sheet_begin(struct sheet *sheet, uint64_t start)
{
	struct error *err = savefile_writer_room(sheet->writer, &sheet->room);
	sheet->part = (struct savefile_part){.kind = SAVEFILE_OVERLAY, .start = start};
	return err;
}

static struct error *sheet_add(struct sheet *sheet, struct piece piece)
{
	size_t size = (size_t)(piece.end - piece.start), need = SAVEFILE_RANGE_SIZE + size;
	if (sheet->room && sheet->part.size + need > SAVEFILE_PART_MAX)
		sheet_end(sheet);
	struct error *err = sheet->room ? NULL : sheet_begin(sheet, piece.start);
	if (err)
		return err;
	uint8_t *to = sheet->room + sheet->part.size;
	(void)bytes_put(to, SAVEFILE_RANGE_SIZE, 0, 8, piece.start);
	(void)bytes_put(to, SAVEFILE_RANGE_SIZE, 8, 4, size);
	(void)bytes_put(to, SAVEFILE_RANGE_SIZE, 12, 4, piece.stopped ? SAVEFILE_RANGE_STOPPED : 0);
	memcpy(to + SAVEFILE_RANGE_SIZE, piece.bytes, size);
	sheet->part.size += (uint32_t)need;
	sheet->part.pages = piece.end;
	return NULL;
}

static struct error *add_piece(struct sheet *sheet, struct piece piece)
{
	struct error *err = NULL;
	while (!err && piece.start < piece.end) {
		struct piece some = piece;
		some.end = size_min(piece.end, piece.start + SAVEFILE_RANGE_MAX);
		err = sheet_add(sheet, some);
		piece.bytes += some.end - some.start;
		piece.start = some.end;
	}
	return err;
}

/* What is merged: a painting and headers, both ascending. */
struct merge {
	const struct painting *painting;
	size_t next; /* piece */
	struct sheet *sheet;
};

static struct error *add_until(struct merge *m, uint64_t address)
{
	const struct painting *p = m->painting;
	struct error *err = NULL;
	while (!err && m->next < p->pieces.count && p->pieces.items[m->next].start < address)
		err = add_piece(m->sheet, p->pieces.items[m->next++]);
	return err;
}

static struct error *add_headers(struct merge *m, const struct pymalloc_saved_arena *arena)
{
	struct error *err = NULL;
	for (uint32_t pool = 0; !err && pool < arena->n_pools; pool++) {
		struct pymalloc_saved_range r;
		if (!pymalloc_saved_header(arena, pool, &r))
			continue;
		err = add_until(m, r.start.value);
		err = err
			      ?: add_piece(m->sheet,
					   (struct piece){r.start.value, r.start.value + r.size,
							  r.bytes, arena->stopped});
	}
	return err;
}

static struct error *merge(struct merge *m, const struct pymalloc_saved_arenas *arenas)
{
	struct error *err = NULL;
	for (size_t a = 0; !err && a < arenas->list.count; a++)
		err = add_headers(m, &arenas->list.items[a]);
	err = err ?: add_until(m, UINT64_MAX);
	if (!err)
		sheet_end(m->sheet);
	return err;
}

struct error *save_log_write(const struct save_log *log, const struct pymalloc_saved_arenas *arenas,
			     struct savefile_writer *writer)
{
	if (log->failed)
		return error_out_of_memory();
	struct painting painting = {VEC_EMPTY};
	struct sheet sheet = {.writer = writer};
	struct error *err = paint_all(log, arenas, &painting);
	err = err ?: merge(&(struct merge){&painting, 0, &sheet}, arenas);
	vec_fini(&painting.pieces);
	return err;
}
