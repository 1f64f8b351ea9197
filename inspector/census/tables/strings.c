/*
 * strings: gone over twice, so that those that are there once take two bits.
 *
 *	first    str ─▷ hash ─▷ a bit: met; another: met again
 *	then     str ─▷ hash ─▷ met again? ─▷ a row: count, bytes
 *
 * Only strings that are compact and lie in a copied block are compared; the largest are told by what they say they
 * have.
 */
#include "inspector/census/tables/strings.h"

#include "base/bytes.h"
#include "base/cleanup.h"
#include "inspector/census/tables/numbers.h"
#include "inspector/object/object_text.h"

#define COMPARED_MAX 4096 /* bytes of a string that is compared */
#define TEXT_MAX     120
#define TOLD_MAX     200
#define ROWS_MAX     (UINT32_C(1) << 19)
#define BITS_LEAST   20 /* log2 */
#define BITS_MOST    28

struct row {
	uint64_t at; /* of the first that was met */
	uint64_t length, count, bytes;
};

struct strings {
	struct ground *ground;
	uint64_t *met, *again;
	unsigned shift;
	struct numbers numbers;
	VEC(struct row) rows, largest;
	bool second; /* the second time */
};

static void strings_fini(struct strings *s)
{
	free(s->met);
	free(s->again);
	numbers_fini(&s->numbers);
	vec_fini(&s->rows);
	vec_fini(&s->largest);
}

/* ---- one string ----------------------------------------------------------------------- */

#define STATE_KIND(state)    ((state) >> 2 & 7) /* bytes of a character */
#define STATE_COMPACT(state) ((state) >> 5 & 1)
#define STATE_ASCII(state)   ((state) >> 6 & 1)

/* Where its characters lie behind its start, and how many bytes they are. False: not here. */
static bool place_data(const struct shapes *shapes, struct bytes *head, uint64_t length,
		       uint64_t *ret_at, uint64_t *ret_size)
{
	if (shapes->version_hex < 0x03000000) {
		*ret_at = shapes->bytes.data;
		*ret_size = length;
		return true;
	}
	uint32_t state = bytes_u32(head, (size_t)shapes->str.state);
	*ret_at = STATE_ASCII(state) ? shapes->str.ascii_data : shapes->str.compact_data;
	*ret_size = size_multiply(length, STATE_KIND(state));
	return STATE_COMPACT(state) && STATE_KIND(state);
}

/* A hash of what it says; 0: it is not compared. */
static uint64_t hash_string(struct strings *s, uint64_t at, uint64_t size, uint64_t *ret_length)
{
	const struct shapes *shapes = &s->ground->shapes;
	const uint8_t *bytes = burst_bytes(s->ground->burst, raddr_at(at),
					   (size_t)size_min(size, COMPARED_MAX + 128));
	struct bytes head = bytes_of(bytes, bytes ? (size_t)size_min(size, 128) : 0);
	uint64_t data_at, data_size;
	*ret_length = bytes_u64(&head, (size_t)shapes->ob_size);
	if (head.overrun || !place_data(shapes, &head, *ret_length, &data_at, &data_size) ||
	    data_size > COMPARED_MAX || data_at + data_size > size || !data_size)
		return 0;
	return numbers_mix_bytes(data_at, bytes + data_at, (size_t)data_size) | 1;
}

static void meet(struct strings *s, uint64_t hash)
{
	uint64_t bit = hash >> s->shift;
	uint64_t *met = &s->met[bit / 64], mask = UINT64_C(1) << (bit % 64);
	if (*met & mask)
		s->again[bit / 64] |= mask;
	*met |= mask;
}

static bool count(struct strings *s, uint64_t hash, const struct row *one)
{
	uint64_t bit = hash >> s->shift;
	if (!(s->again[bit / 64] >> (bit % 64) & 1))
		return true;
	uint32_t known = numbers_find(&s->numbers, hash);
	if (known != NUMBERS_NONE) {
		s->rows.items[known].count++;
		s->rows.items[known].bytes += one->bytes;
		return true;
	}
	if (s->rows.count >= ROWS_MAX)
		return true;
	struct row *row = vec_push(&s->rows);
	if (!row || !numbers_add(&s->numbers, hash, (uint32_t)s->rows.count - 1))
		return false;
	*row = *one;
	return true;
}

static int by_bytes(const void *a, const void *b)
{
	const struct row *left = a, *right = b;
	if (left->bytes != right->bytes)
		return left->bytes < right->bytes ? 1 : -1;
	return (left->at > right->at) - (left->at < right->at);
}

/* Twice as many as are told are kept before the smaller half goes. */
static bool keep_largest(struct strings *s, const struct row *one)
{
	if (one->bytes <= 256)
		return true;
	struct row *row = vec_push(&s->largest);
	if (!row)
		return false;
	*row = *one;
	if (s->largest.count >= 2 * TOLD_MAX) {
		qsort(s->largest.items, s->largest.count, sizeof(*row), by_bytes);
		s->largest.count = TOLD_MAX;
	}
	return true;
}

static bool look_at(struct strings *s, uint64_t start, uint64_t size, uint64_t before)
{
	struct row row = {.at = start + before, .count = 1, .bytes = size};
	uint64_t hash = hash_string(s, row.at, size - before, &row.length);
	if (!s->second) {
		if (hash)
			meet(s, hash);
		return keep_largest(s, &row);
	}
	return !hash || count(s, hash, &row);
}

/* ---- all of them ---------------------------------------------------------------------- */

/* By label: bytes before a string in its block; UINT64_MAX: it says nothing of strings. */
static uint64_t *string_labels(const struct ground *ground, uint64_t *ret_strings)
{
	bool old = ground->shapes.version_hex < 0x03000000;
	uint64_t *before = calloc(ground->labels.list.count, sizeof(*before));
	for (size_t i = 0; before && i < ground->labels.list.count; i++) {
		const struct label *label = &ground->labels.list.items[i];
		before[i] = UINT64_MAX;
		if (label->kind != LABEL_OBJECT || label->type == TYPE_NONE)
			continue;
		const struct type *type = type_table_get(&ground->types, label->type);
		if (type->exact && type->kind == (old ? TYPE_BYTES : TYPE_STR))
			before[i] = ground->shapes.hook_size + type->before;
	}
	*ret_strings = 0;
	for (uint32_t b = 0; before && b < ground->plot.n_blocks; b++)
		*ret_strings += before[ground->labels.of_block[b]] != UINT64_MAX;
	return before;
}

static bool look_at_all(struct strings *s, const uint64_t *before)
{
	const struct plot *plot = &s->ground->plot;
	const uint16_t *labels = s->ground->labels.of_block;
	for (size_t i = 0; i < plot->runs.count; i++) {
		const struct plot_run *run = &plot->runs.items[i];
		for (uint32_t b = 0; b < run->n_blocks; b++) {
			uint64_t at = before[labels[run->first + b]];
			if (at < run->block_size &&
			    !look_at(s, run->start + (uint64_t)b * run->block_size, run->block_size,
				     at))
				return false;
		}
	}
	for (size_t i = 0; i < plot->chunks.count; i++) {
		const struct plot_chunk *chunk = &plot->chunks.items[i];
		uint64_t at = before[labels[plot->n_run_blocks + i]];
		if (at < chunk->size && !look_at(s, chunk->start, chunk->size, at))
			return false;
	}
	return true;
}

static struct error *tell(struct strings *s, const struct row *row, struct census_string *to)
{
	_cleanup_(text_fini) struct text text = TEXT_EMPTY;
	if (!to)
		return error_out_of_memory();
	(void)object_text(&s->ground->types, raddr_at(row->at), TEXT_MAX, &text);
	to->length = row->length;
	to->count = row->count;
	to->bytes = row->bytes;
	to->text = text_take(&text);
	return to->text ? NULL : error_out_of_memory();
}

static struct error *tell_all(struct strings *s, struct census *ret)
{
	struct error *err = NULL;
	if (s->rows.count)
		qsort(s->rows.items, s->rows.count, sizeof(*s->rows.items), by_bytes);
	for (size_t i = 0; i < s->rows.count && ret->duplicates.count < TOLD_MAX && !err; i++) {
		if (s->rows.items[i].count > 1)
			err = tell(s, &s->rows.items[i], vec_push(&ret->duplicates));
	}
	if (s->largest.count)
		qsort(s->largest.items, s->largest.count, sizeof(*s->largest.items), by_bytes);
	for (size_t i = 0; i < s->largest.count && i < TOLD_MAX && !err; i++)
		err = tell(s, &s->largest.items[i], vec_push(&ret->largest));
	return err;
}

static bool make_bits(struct strings *s, uint64_t n_strings)
{
	unsigned bits = BITS_LEAST;
	while (bits < BITS_MOST && UINT64_C(1) << bits < n_strings * 8)
		bits++;
	s->shift = 64 - bits;
	s->met = calloc((size_t)1 << (bits - 6), sizeof(*s->met));
	s->again = calloc((size_t)1 << (bits - 6), sizeof(*s->again));
	return s->met && s->again;
}

struct error *strings_fill(struct ground *ground, struct census *ret)
{
	_cleanup_(strings_fini) struct strings s = {.ground = ground};
	uint64_t n_strings = 0;
	_cleanup_(free_pointer) uint64_t *before = string_labels(ground, &n_strings);
	bool room = before && make_bits(&s, n_strings) && look_at_all(&s, before);
	s.second = true;
	room = room && look_at_all(&s, before);
	return room ? tell_all(&s, ret) : error_out_of_memory();
}
