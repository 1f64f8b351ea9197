/*
 * scanner: reads the words of nodes, and leaves out at once what cannot be an address.
 *
 *	block  [hooks][managed][GC head][refcount][type … items][slack]
 *	               told                        told
 *
 * Nodes mostly come in the order of addresses. So where the last one lay is looked at first, in the plot as in the copy.
 */
#include "inspector/holders/walk/scanner.h"

#include "inspector/object/keys_in_block.h"
#include "inspector/object/str_state.h"

#define PAGE 4096

static void widen(uint64_t *low, uint64_t *high, uint64_t start, uint64_t size)
{
	*low = size_min(*low, start);
	*high = size_max(*high, size_add(start, size));
}

void scanner_init(struct scanner *scanner, struct ground *ground, const struct rules *rules)
{
	uint64_t low = UINT64_MAX, high = 0;
	const struct plot *plot = &ground->plot;
	for (size_t i = 0; i < plot->runs.count; i++) {
		const struct plot_run *run = &plot->runs.items[i];
		widen(&low, &high, run->start, (uint64_t)run->block_size * run->n_blocks);
	}
	for (size_t i = 0; i < plot->chunks.count; i++)
		widen(&low, &high, plot->chunks.items[i].start, plot->chunks.items[i].size);
	for (size_t i = 0; i < ground->outside.list.count; i++)
		widen(&low, &high, ground->outside.list.items[i].at,
		      ground->outside.list.items[i].size);
	*scanner = (struct scanner){.ground = ground, .rules = rules};
	scanner->low = low;
	scanner->span = size_subtract(high, low);
}

/* ---- where nodes are ------------------------------------------------------------------- */

static bool in_run(const struct plot *plot, size_t i, uint32_t block)
{
	const struct plot_run *run = &plot->runs.items[i];
	return i < plot->runs.count && block >= run->first && block - run->first < run->n_blocks;
}

/* Blocks are numbered in the order of runs. */
static size_t find_run(const struct plot *plot, uint32_t block)
{
	size_t low = 0, high = plot->runs.count;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (plot->runs.items[middle].first <= block)
			low = middle;
		else
			high = middle;
	}
	return low;
}

const struct rule *scanner_rule(const struct scanner *scanner, uint32_t node)
{
	const struct ground *ground = scanner->ground;
	if (node < ground->plot.n_blocks)
		return rules_of(scanner->rules, &ground->labels, node);
	return &scanner->rules
			->list[ground->outside.list.items[node - ground->plot.n_blocks].label];
}

/* Of static types no more than a PyTypeObject: others follow in the file's data. */
static uint64_t outside_size(const struct scanner *s, const struct outside_object *object,
			     const struct rule *rule)
{
	struct type_table *types = &s->ground->types;
	if (rule->type == TYPE_NONE || type_table_get(types, rule->type)->kind != TYPE_TYPE)
		return object->size;
	uint32_t self = type_table_find(types, raddr_at(object->at));
	bool fixed = self != TYPE_NONE && !type_table_get(types, self)->heap;
	return fixed ? s->ground->shapes.type.size : object->size;
}

void scanner_place(struct scanner *scanner, uint32_t node, uint64_t *ret_start, uint64_t *ret_size)
{
	const struct plot *plot = &scanner->ground->plot;
	if (node < plot->n_run_blocks) {
		if (!in_run(plot, scanner->run, node))
			scanner->run = in_run(plot, scanner->run + 1, node) ? scanner->run + 1
									    : find_run(plot, node);
		const struct plot_run *run = &plot->runs.items[scanner->run];
		*ret_start = run->start + (uint64_t)run->block_size * (node - run->first);
		*ret_size = run->block_size;
		return;
	}
	if (node < plot->n_blocks) {
		size_t i = node - plot->n_run_blocks;
		const struct plot_chunk *chunk = &plot->chunks.items[i];
		uint64_t hook = rules_chunk_hook(scanner->rules, &scanner->ground->shapes, i);
		*ret_start = chunk->start + hook;
		*ret_size = chunk->size - hook;
		return;
	}
	const struct outside_object *object =
		&scanner->ground->outside.list.items[node - plot->n_blocks];
	const struct rule *rule = scanner_rule(scanner, node);
	*ret_start = object->at - rule->into;
	*ret_size = size_add(outside_size(scanner, object, rule), rule->into);
}

uint64_t scanner_size(struct scanner *scanner, uint32_t node)
{
	const struct plot *plot = &scanner->ground->plot;
	uint64_t start, size;
	if (node >= plot->n_blocks)
		return 0;
	if (node >= plot->n_run_blocks)
		return plot->chunks.items[node - plot->n_run_blocks].size;
	scanner_place(scanner, node, &start, &size);
	return size;
}

/* ---- words ----------------------------------------------------------------------------- */

const uint8_t *scanner_bytes(struct scanner *scanner, uint64_t at, uint64_t size,
			     uint64_t *ret_size)
{
	struct burst *burst = scanner->ground->burst;
	if (at - scanner->copied_at >= scanner->copied_size || at < scanner->copied_at) {
		uint64_t left = 0;
		const uint8_t *copied = burst_stretch(burst, raddr_at(at), &left);
		if (!copied) {
			*ret_size = size_min(size, BURST_WINDOW);
			return burst_bytes(burst, raddr_at(at), (size_t)*ret_size);
		}
		scanner->copied_at = at;
		scanner->copied_size = left;
		scanner->copied = copied;
	}
	uint64_t skipped = at - scanner->copied_at;
	*ret_size = size_min(size, scanner->copied_size - skipped);
	return scanner->copied + skipped;
}

static void flush(struct scanner *s)
{
	if (s->n)
		s->tell(s->context, s->batch, s->n);
	s->n = 0;
}

static void tell_words(struct scanner *s, const uint8_t *bytes, size_t n, uint64_t offset)
{
	const uint64_t mask = s->rules->tag_mask, add = s->rules->tag_add;
	const uint64_t low = s->low, span = s->span;
	for (size_t i = 0; i < n; i++) {
		uint64_t word;
		memcpy(&word, bytes + i * 8, 8);
		word = (word & mask) + (word & add);
		if (word - low >= span || word % 8)
			continue;
		s->batch[s->n++] = (struct sight){word, offset + i * 8};
		if (s->n == SCANNER_BATCH)
			flush(s);
	}
}

/* The words from one offset of a node to another, in pieces as they lie in the copy or in windows. */
static void tell_range(struct scanner *s, uint64_t start, uint64_t from, uint64_t to)
{
	while (from < to && to - from >= 8) {
		uint64_t there = 0;
		const uint8_t *bytes = scanner_bytes(s, start + from, to - from, &there);
		if (bytes && there >= 8) {
			tell_words(s, bytes, (size_t)(there / 8), from);
			from += there / 8 * 8;
			continue;
		}
		uint64_t next = (start + from) / PAGE * PAGE + PAGE - start;
		s->unread += size_min(next, to) - from;
		from = size_max(next, from + 8);
	}
}

static bool word_at(struct scanner *s, uint64_t at, uint64_t *ret)
{
	uint64_t there = 0;
	const uint8_t *bytes = scanner_bytes(s, at, 8, &there);
	if (!bytes || there < 8)
		return false;
	memcpy(ret, bytes, 8);
	return true;
}

static uint64_t items_end(struct scanner *s, const struct rule *rule, uint64_t start, uint64_t size)
{
	uint64_t n;
	if (!word_at(s, start + rule->into + s->ground->shapes.ob_size, &n))
		return size;
	return size_min(size, size_add(rule->items, size_multiply(n, rule->item_size)));
}

/* Where the list that refers to these items says how many there are. Without the GIL the room for them stands before the first
 * (struct _PyListArray in Objects/listobject.c). */
static uint64_t list_end(struct scanner *s, uint32_t parent, uint64_t start, uint64_t size)
{
	const struct shapes *shapes = &s->ground->shapes;
	if (parent == PLOT_NONE)
		return size;
	const struct rule *rule = scanner_rule(s, parent);
	if (rule->type == TYPE_NONE || rule->dead ||
	    type_table_get(&s->ground->types, rule->type)->kind != TYPE_LIST)
		return size;
	uint64_t list, list_size, items, n;
	scanner_place(s, parent, &list, &list_size);
	list += rule->into;
	uint64_t before = shapes->hook_size + (shapes->free_threaded ? 8 : 0);
	if (!word_at(s, list + shapes->list.items, &items) || items - start > before ||
	    !word_at(s, list + shapes->ob_size, &n))
		return size;
	return size_min(size, size_add(items - start, size_multiply(n, 8)));
}

/* A dict's keys are rounded up to a block of the allocator's, or shared keys have room for more. */
static uint64_t keys_end(struct scanner *s, uint64_t start, uint64_t size)
{
	const struct shapes *shapes = &s->ground->shapes;
	uint64_t there = 0;
	const uint8_t *bytes = scanner_bytes(s, start + shapes->hook_size, KEYS_HEAD, &there);
	uint64_t used = bytes && there >= KEYS_HEAD ? keys_used_size(shapes, bytes) : 0;
	return used ? size_min(size, shapes->hook_size + used) : size;
}

/* From one offset to another, without the words that do not hold. */
static void tell_holding(struct scanner *s, const struct rule *rule, uint64_t start, uint64_t from,
			 uint64_t to)
{
	for (;;) {
		uint64_t stop = to;
		for (size_t i = 0; i < ARRAY_SIZE(rule->skip); i++)
			if (rule->skip[i] >= from && rule->skip[i] && rule->skip[i] < stop)
				stop = rule->skip[i];
		tell_range(s, start, from, stop);
		if (stop == to)
			return;
		from = stop + 8;
	}
}

/* Where pointers to its characters, or to copies of them in other codes, may stand. */
static void tell_str(struct scanner *s, const struct rule *rule, uint64_t start, uint64_t size)
{
	const struct shapes *shapes = &s->ground->shapes;
	uint64_t word;
	if (!word_at(s, start + rule->into + shapes->str.state, &word))
		return;
	const struct str_state state = str_state_of(shapes, word);
	if (!str_state_is_scattered(&state))
		return;
	const uint64_t at[] = {shapes->str.utf8, shapes->str.wstr,
			       state.compact ? 0 : shapes->str.legacy_data};
	for (size_t i = 0; i < ARRAY_SIZE(at); i++)
		if (at[i])
			tell_range(s, start, rule->into + at[i],
				   size_min(size, rule->into + at[i] + 8));
}

void scanner_node(struct scanner *scanner, uint32_t node, uint32_t parent, sight_fn *tell,
		  void *context)
{
	const struct rule *rule = scanner_rule(scanner, node);
	if (rule->scan == RULE_NOTHING)
		return;
	uint64_t start, size;
	scanner_place(scanner, node, &start, &size);
	scanner->tell = tell;
	scanner->context = context;
	if (rule->scan == RULE_STR) {
		tell_str(scanner, rule, start, size);
		flush(scanner);
		return;
	}
	uint64_t end = size_min(size, rule->second_end == UINT32_MAX ? size : rule->second_end);
	if (rule->scan == RULE_ITEMS)
		end = items_end(scanner, rule, start, size);
	else if (rule->scan == RULE_LIST)
		end = list_end(scanner, parent, start, size);
	else if (rule->scan == RULE_KEYS)
		end = keys_end(scanner, start, size);
	if (rule->first_end)
		tell_holding(scanner, rule, start, rule->first, size_min(rule->first_end, size));
	tell_holding(scanner, rule, start, rule->second, end);
	flush(scanner);
}

void scanner_memory(struct scanner *scanner, uint64_t at, uint64_t size, sight_fn *tell,
		    void *context)
{
	uint64_t start = at / 8 * 8;
	scanner->tell = tell;
	scanner->context = context;
	tell_range(scanner, start, 0, size_add(size, at - start));
	flush(scanner);
}

/* ---- what words refer to ---------------------------------------------------------------- */

static uint32_t find_outside(const struct scanner *s, uint64_t value, uint32_t *ret_into)
{
	const struct outside *outside = &s->ground->outside;
	size_t i = outside_find(outside, value);
	if (i == SIZE_MAX)
		return PLOT_NONE;
	*ret_into = s->rules->list[outside->list.items[i].label].into;
	return s->ground->plot.n_blocks + (uint32_t)i;
}

uint32_t scanner_find(const struct scanner *scanner, uint64_t value, uint32_t *ret_into)
{
	struct plot_place place;
	if (!plot_find(&scanner->ground->plot, value, &place))
		return find_outside(scanner, value, ret_into);
	const uint32_t runs = scanner->ground->plot.n_run_blocks;
	if (place.block >= runs)
		place.start += rules_chunk_hook(scanner->rules, &scanner->ground->shapes,
						place.block - runs);
	*ret_into = (uint32_t)size_min(size_subtract(value, place.start), UINT32_MAX);
	return place.block;
}
