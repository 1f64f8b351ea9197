/*
 * tally: labels, counted.
 *
 *	blocks ─▷ sums by label ─▷ rows by type (and whose attributes), kinds of buffers, totals
 *
 * All blocks are gone over once, in order of addresses: then an arena is new to a row when it is another one than
 * last time.
 */
#include "inspector/census/tables/tally.h"

#include "base/cleanup.h"

#define NO_ROW UINT32_MAX

struct sum {
	uint64_t count, bytes;             /* blocks of runs */
	uint64_t large_count, large_bytes; /* chunks, and objects outside */
	uint32_t row;                      /* NO_ROW: it belongs to no type */
};

struct tally {
	const struct ground *ground;
	struct census *census;
	struct sum *sums;       /* by label */
	uint32_t *row_of_type;  /* by type: its first row; NO_ROW */
	VEC(uint32_t) row_next; /* by row: the next of the same type */
	VEC(uint32_t) row_of;   /* by row: whose attributes */
	uint32_t *last_arena;   /* by row */
};

static void tally_fini(struct tally *tally)
{
	free(tally->sums);
	free(tally->row_of_type);
	free(tally->last_arena);
	vec_fini(&tally->row_next);
	vec_fini(&tally->row_of);
}

/* ---- rows ----------------------------------------------------------------------------- */

static bool add_row(struct tally *tally, const struct label *label, uint32_t *ret)
{
	const struct label object = {LABEL_OBJECT, PART_OTHER, label->type, label->of, false};
	_cleanup_(text_fini) struct text name = TEXT_EMPTY;
	struct census_row *row = vec_push(&tally->census->types);
	uint32_t *next = vec_push(&tally->row_next);
	uint32_t *of = vec_push(&tally->row_of);
	if (!row || !next || !of)
		return false;
	ground_label_name(tally->ground, &object, &name);
	row->name = text_take(&name);
	row->type = type_table_get(&tally->ground->types, label->type)->at;
	*of = label->of;
	*next = tally->row_of_type[label->type];
	*ret = tally->row_of_type[label->type] = (uint32_t)tally->census->types.count - 1;
	return row->name != NULL;
}

static bool find_row(struct tally *tally, const struct label *label, uint32_t *ret)
{
	*ret = NO_ROW;
	if (label->type == TYPE_NONE)
		return true;
	uint32_t row = tally->row_of_type[label->type];
	while (row != NO_ROW && tally->row_of.items[row] != label->of)
		row = tally->row_next.items[row];
	*ret = row;
	return row != NO_ROW || add_row(tally, label, ret);
}

static struct error *make_rows(struct tally *tally)
{
	const struct ground *ground = tally->ground;
	size_t n_labels = ground->labels.list.count, n_types = ground->types.types.count;
	tally->sums = calloc(n_labels, sizeof(*tally->sums));
	tally->row_of_type = calloc(n_types + 1, sizeof(*tally->row_of_type));
	if (!tally->sums || !tally->row_of_type)
		return error_out_of_memory();
	memset(tally->row_of_type, 0xff, (n_types + 1) * sizeof(*tally->row_of_type));
	for (size_t i = 0; i < n_labels; i++) {
		if (!find_row(tally, &ground->labels.list.items[i], &tally->sums[i].row))
			return error_out_of_memory();
	}
	size_t n_rows = tally->census->types.count + 1;
	tally->last_arena = calloc(n_rows, sizeof(*tally->last_arena));
	if (!tally->last_arena)
		return error_out_of_memory();
	memset(tally->last_arena, 0xff, n_rows * sizeof(*tally->last_arena));
	return NULL;
}

/* ---- counting ------------------------------------------------------------------------- */

static void count_run(struct tally *tally, const struct plot_run *run)
{
	const uint16_t *labels = tally->ground->labels.of_block + run->first;
	for (uint32_t b = 0; b < run->n_blocks; b++) {
		if (labels[b] == LABELS_FREE)
			continue;
		struct sum *sum = &tally->sums[labels[b]];
		sum->count++;
		sum->bytes += run->block_size;
		if (sum->row == NO_ROW || tally->last_arena[sum->row] == run->arena)
			continue;
		tally->last_arena[sum->row] = run->arena;
		tally->census->types.items[sum->row].arenas++;
	}
}

static void count_large(struct tally *tally, uint16_t label, uint64_t bytes)
{
	tally->sums[label].large_count++;
	tally->sums[label].large_bytes += bytes;
}

/* Of an object inside a chunk the bytes are counted: what is left of the chunk is a buffer. */
static void count_outside(struct tally *tally, const struct outside_object *object)
{
	struct plot_place place;
	count_large(tally, object->label, object->size);
	if (!plot_find(&tally->ground->plot, object->at, &place))
		return;
	struct sum *chunk = &tally->sums[tally->ground->labels.of_block[place.block]];
	chunk->large_bytes = size_subtract(chunk->large_bytes, object->size);
}

static void count_all(struct tally *tally)
{
	const struct ground *ground = tally->ground;
	const struct plot *plot = &ground->plot;
	for (size_t i = 0; i < plot->runs.count; i++)
		count_run(tally, &plot->runs.items[i]);
	for (size_t i = 0; i < plot->chunks.count; i++)
		count_large(tally, ground->labels.of_block[plot->n_run_blocks + i],
			    plot->chunks.items[i].size);
	for (size_t i = 0; i < ground->outside.list.count; i++)
		count_outside(tally, &ground->outside.list.items[i]);
}

/* ---- sums ----------------------------------------------------------------------------- */

static void add_to_row(struct census_row *row, enum label_kind kind, const struct sum *sum)
{
	uint64_t count = sum->count + sum->large_count, bytes = sum->bytes + sum->large_bytes;
	if (kind == LABEL_FREE_LISTED) {
		row->dead += count;
		return;
	}
	if (kind == LABEL_OBJECT) {
		row->count += count;
		row->bytes += bytes;
	} else {
		row->buffer_count += count;
		row->buffer_bytes += bytes;
	}
	row->large_count += sum->large_count;
	row->large_bytes += sum->large_bytes;
}

static bool add_to_kind(struct census *census, const char *kind, const struct sum *sum)
{
	size_t i = 0;
	while (i < census->buffer_kinds.count && census->buffer_kinds.items[i].kind != kind)
		i++;
	struct census_buffer *buffer = i < census->buffer_kinds.count
					       ? &census->buffer_kinds.items[i]
					       : vec_push(&census->buffer_kinds);
	if (!buffer)
		return false;
	buffer->kind = kind;
	buffer->count += sum->count + sum->large_count;
	buffer->bytes += sum->bytes + sum->large_bytes;
	return true;
}

static void add_to_totals(struct census *census, enum label_kind kind, const struct sum *sum)
{
	uint64_t *const by_kind[] = {
		[LABEL_UNEXPLAINED] = &census->unexplained, [LABEL_OBJECT] = &census->objects,
		[LABEL_BUFFER] = &census->buffers,          [LABEL_GENERIC] = &census->buffers,
		[LABEL_FREE_LISTED] = &census->free_listed,
	};
	if (kind == LABEL_FREE)
		return;
	*by_kind[kind] += sum->count;
	census->blocks += sum->count;
	census->blocks_bytes += sum->bytes;
	if (kind == LABEL_UNEXPLAINED)
		census->unexplained_bytes += sum->bytes;
	if (kind == LABEL_OBJECT) {
		census->large_objects += sum->large_count;
		census->large_bytes += sum->large_bytes;
	}
}

static struct error *add_up(struct tally *tally)
{
	static const char *const generic = "generic";
	struct census *census = tally->census;
	for (size_t i = 0; i < tally->ground->labels.list.count; i++) {
		const struct label *label = &tally->ground->labels.list.items[i];
		const struct sum *sum = &tally->sums[i];
		bool buffer = label->kind == LABEL_BUFFER || label->kind == LABEL_GENERIC;
		if (sum->count + sum->large_count == 0)
			continue;
		add_to_totals(census, label->kind, sum);
		if (sum->row != NO_ROW)
			add_to_row(&census->types.items[sum->row], label->kind, sum);
		if (buffer &&
		    !add_to_kind(census,
				 label->kind == LABEL_GENERIC ? generic
							      : part_kind_name(label->part),
				 sum))
			return error_out_of_memory();
	}
	return NULL;
}

/* ---- order ---------------------------------------------------------------------------- */

static int compare_rows(const void *a, const void *b)
{
	const struct census_row *left = a, *right = b;
	uint64_t l = left->bytes + left->buffer_bytes, r = right->bytes + right->buffer_bytes;
	if (l != r)
		return l < r ? 1 : -1;
	int names = strcmp(left->name, right->name);
	return names ? names : raddr_compare(left->type, right->type);
}

static int compare_buffers(const void *a, const void *b)
{
	const struct census_buffer *left = a, *right = b;
	if (left->bytes != right->bytes)
		return left->bytes < right->bytes ? 1 : -1;
	return strcmp(left->kind, right->kind);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp((*(struct census_row *const *)a)->name,
		      (*(struct census_row *const *)b)->name);
}

/* Rows whose names are the same and whose types are not. */
static struct error *count_namesakes(struct census *census)
{
	size_t n = census->types.count;
	_cleanup_(free_pointer) struct census_row **by_name =
		calloc(n + 1, sizeof(struct census_row *));
	if (!by_name)
		return error_out_of_memory();
	for (size_t i = 0; i < n; i++)
		by_name[i] = &census->types.items[i];
	qsort(by_name, n, sizeof(*by_name), compare_names);
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && !strcmp(by_name[i]->name, by_name[end]->name);)
			end++;
		for (size_t k = i; k < end; k++)
			by_name[k]->n_namesakes = (uint32_t)(end - i - 1);
	}
	return NULL;
}

static void drop_empty(struct census *census)
{
	size_t kept = 0;
	for (size_t i = 0; i < census->types.count; i++) {
		struct census_row *row = &census->types.items[i];
		if (row->count + row->buffer_count + row->dead)
			census->types.items[kept++] = *row;
		else
			free(row->name);
	}
	census->types.count = kept;
}

static struct error *put_in_order(struct census *census)
{
	drop_empty(census);
	if (census->types.count)
		qsort(census->types.items, census->types.count, sizeof(*census->types.items),
		      compare_rows);
	if (census->buffer_kinds.count)
		qsort(census->buffer_kinds.items, census->buffer_kinds.count,
		      sizeof(*census->buffer_kinds.items), compare_buffers);
	return count_namesakes(census);
}

struct error *tally_fill(const struct ground *ground, struct census *ret)
{
	_cleanup_(tally_fini) struct tally tally = {.ground = ground, .census = ret};
	struct error *err = make_rows(&tally);
	if (err)
		return err;
	count_all(&tally);
	ret->arenas = ground->plot.arenas.count;
	err = add_up(&tally);
	return err ?: put_in_order(ret);
}
