/*
 * signatures: each dict's keys, made into a number, counted.
 *
 *	dict ─▷ addresses of its keys ─▷ known: count it                       (nearly always)
 *	                              ─▷ new: what they say ─▷ known: the same signature
 *	                                                    ─▷ new: one more
 *
 * Attribute names are the same objects in all dicts, and keys of records from one source are, too: so the texts of
 * few dicts are read. Large dicts and those with keys that are no strings are tables, not records: left out.
 */
#include "inspector/census/tables/signatures.h"

#include "base/cleanup.h"
#include "inspector/census/tables/numbers.h"
#include "inspector/object/dict_walk.h"
#include "inspector/object/object_text.h"

#define KEYS_MAX       64 /* of a record */
#define KEYS_TOLD      12
#define KEY_LENGTH     64 /* bytes of a key's text */
#define TOLD_MAX       1000
#define SIGNATURES_MAX (UINT32_C(1) << 18) /* while they are counted */

struct record {
	uint64_t keys[KEYS_MAX];
	size_t n;
	uint64_t bytes; /* of the dict and its table, where that is its own */
	bool attributes;
};

struct signatures {
	struct ground *ground;
	struct census *census;
	bool contents;
	struct numbers by_address, by_text;
};

static void signatures_fini(struct signatures *s)
{
	numbers_fini(&s->by_address);
	numbers_fini(&s->by_text);
}

/* ---- one dict ------------------------------------------------------------------------- */

/* The size of the block that holds an address and is a buffer of one dict alone; 0: it is none. */
static uint64_t own_buffer(const struct ground *ground, raddr at)
{
	struct plot_place place;
	if (raddr_is_null(at) || !plot_find(&ground->plot, at.value, &place))
		return 0;
	const struct label *label = labels_of(&ground->labels, place.block);
	bool own = label->kind == LABEL_BUFFER &&
		   (label->part == PART_DICT_KEYS || label->part == PART_DICT_VALUES);
	return own ? place.size : 0;
}

/* False: it is no record. */
static bool read_record(const struct signatures *s, uint64_t dict, struct record *ret)
{
	struct dict_walk walk;
	raddr key, value;
	ret->n = 0;
	if (!dict_walk_begin(&s->ground->types, raddr_at(dict), &walk) || walk.used > KEYS_MAX)
		return false;
	while (dict_walk_next(&walk, &key, &value)) {
		if (ret->n == KEYS_MAX)
			return false;
		ret->keys[ret->n++] = key.value;
	}
	ret->bytes = own_buffer(s->ground, walk.keys) + own_buffer(s->ground, walk.values);
	return ret->n > 0;
}

static bool hash_texts(const struct signatures *s, const struct record *record, uint64_t *ret)
{
	_cleanup_(text_fini) struct text text = TEXT_EMPTY;
	uint64_t hash = record->attributes;
	for (size_t i = 0; i < record->n; i++) {
		text_clear(&text);
		if (!object_text(&s->ground->types, raddr_at(record->keys[i]), KEY_LENGTH, &text) ||
		    text.failed)
			return false;
		hash = numbers_mix_bytes(hash, text_string(&text), text.length);
	}
	*ret = hash;
	return true;
}

static bool tell_keys(const struct signatures *s, const struct record *record,
		      struct census_signature *to)
{
	if (!record->attributes && !s->contents)
		return true;
	for (size_t i = 0; i < record->n && i < KEYS_TOLD; i++) {
		_cleanup_(text_fini) struct text text = TEXT_EMPTY;
		(void)object_text(&s->ground->types, raddr_at(record->keys[i]), KEY_LENGTH, &text);
		char *told = text_take(&text);
		char **key = told ? vec_push(&to->keys) : NULL;
		if (!key) {
			free(told);
			return false;
		}
		*key = told;
	}
	return true;
}

/* The signature of keys that were not met before, by what they say. False: memory was out. */
static bool name_record(struct signatures *s, const struct record *record, uint64_t addresses,
			uint32_t *ret)
{
	uint64_t texts;
	*ret = NUMBERS_NONE;
	if (!hash_texts(s, record, &texts))
		return true;
	*ret = numbers_find(&s->by_text, texts);
	if (*ret == NUMBERS_NONE) {
		if (s->by_text.count >= SIGNATURES_MAX)
			return true;
		struct census_signature *added = vec_push(&s->census->signatures);
		*ret = (uint32_t)s->census->signatures.count - 1;
		if (!added || !numbers_add(&s->by_text, texts, *ret))
			return false;
		added->n_keys = record->n;
		added->attributes = record->attributes;
		if (!tell_keys(s, record, added))
			return false;
	}
	return s->by_address.count >= SIGNATURES_MAX * 4 ||
	       numbers_add(&s->by_address, addresses, *ret);
}

static bool count_dict(struct signatures *s, uint64_t dict, uint64_t size, bool attributes)
{
	struct record record = {.attributes = attributes};
	if (!read_record(s, dict, &record))
		return true;
	uint64_t addresses = attributes;
	for (size_t i = 0; i < record.n; i++)
		addresses = numbers_mix(addresses, record.keys[i]);
	uint32_t signature = numbers_find(&s->by_address, addresses);
	if (signature == NUMBERS_NONE && !name_record(s, &record, addresses, &signature))
		return false;
	if (signature == NUMBERS_NONE)
		return true;
	struct census_signature *of = &s->census->signatures.items[signature];
	of->count++;
	of->bytes += size + record.bytes;
	return true;
}

/* ---- all dicts ------------------------------------------------------------------------ */

/* By label: whether objects of it are dicts, and how far into their block they stand. */
struct dict_label {
	bool dict, attributes;
	uint64_t before;
};

static struct dict_label *dict_labels(const struct ground *ground)
{
	struct dict_label *labels = calloc(ground->labels.list.count, sizeof(*labels));
	for (size_t i = 0; labels && i < ground->labels.list.count; i++) {
		const struct label *label = &ground->labels.list.items[i];
		if (label->kind != LABEL_OBJECT || label->type == TYPE_NONE)
			continue;
		const struct type *type = type_table_get(&ground->types, label->type);
		labels[i].dict = type->kind == TYPE_DICT;
		labels[i].attributes = label->of != TYPE_NONE;
		labels[i].before = ground->shapes.hook_size + type->before;
	}
	return labels;
}

static bool count_run(struct signatures *s, const struct dict_label *labels,
		      const struct plot_run *run)
{
	const uint16_t *of = s->ground->labels.of_block + run->first;
	for (uint32_t b = 0; b < run->n_blocks; b++) {
		const struct dict_label *label = &labels[of[b]];
		uint64_t dict = run->start + (uint64_t)b * run->block_size + label->before;
		if (label->dict && !count_dict(s, dict, run->block_size, label->attributes))
			return false;
	}
	return true;
}

static bool count_chunks(struct signatures *s, const struct dict_label *labels)
{
	const struct plot *plot = &s->ground->plot;
	const uint16_t *of = s->ground->labels.of_block + plot->n_run_blocks;
	for (size_t i = 0; i < plot->chunks.count; i++) {
		const struct dict_label *label = &labels[of[i]];
		const struct plot_chunk *chunk = &plot->chunks.items[i];
		if (label->dict &&
		    !count_dict(s, chunk->start + label->before, chunk->size, label->attributes))
			return false;
	}
	return true;
}

static int compare(const void *a, const void *b)
{
	const struct census_signature *left = a, *right = b;
	if (left->bytes != right->bytes)
		return left->bytes < right->bytes ? 1 : -1;
	if (left->count != right->count)
		return left->count < right->count ? 1 : -1;
	return (left->n_keys > right->n_keys) - (left->n_keys < right->n_keys);
}

static void keep_largest(struct census *census)
{
	if (!census->signatures.count)
		return;
	qsort(census->signatures.items, census->signatures.count, sizeof(*census->signatures.items),
	      compare);
	while (census->signatures.count > TOLD_MAX) {
		struct census_signature *last =
			&census->signatures.items[--census->signatures.count];
		for (size_t i = 0; i < last->keys.count; i++)
			free(last->keys.items[i]);
		vec_fini(&last->keys);
	}
}

struct error *signatures_fill(struct ground *ground, bool contents, struct census *ret)
{
	_cleanup_(signatures_fini) struct signatures s = {
		.ground = ground, .census = ret, .contents = contents};
	_cleanup_(free_pointer) struct dict_label *labels = dict_labels(ground);
	bool room = labels != NULL;
	for (size_t i = 0; room && i < ground->plot.runs.count; i++)
		room = count_run(&s, labels, &ground->plot.runs.items[i]);
	room = room && count_chunks(&s, labels);
	keep_largest(ret);
	return room ? NULL : error_out_of_memory();
}
