/*
 * search_settle: what was gathered, made of use by one worker alone, in order of addresses: so that the same
 * memory gives the same labels, however the work was shared.
 *
 *	words ─sort─▷ object_at() ─▷ objects outside ─▷ their words ─▷ … until nothing is new
 *	orphans ─▷ label of the owner's type ─▷ their words ─▷ …
 */
#include "inspector/census/passes/claim.h"
#include "inspector/census/passes/search.h"

#include "base/cleanup.h"

static int compare_words(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
	return (left > right) - (left < right);
}

/* ---- objects outside ------------------------------------------------------------------ */

struct words {
	uint64_t *items;
	size_t count;
};

static void words_fini(struct words *words)
{
	free(words->items);
}

/* All words that workers gathered, ascending, each once; their sets are empty then. */
static bool gather(struct search *search, struct words *ret)
{
	size_t all = 0;
	for (size_t i = 0; i < search->crew->n; i++)
		all += search->seekers[i].outside.count;
	ret->items = calloc(all + 1, sizeof(*ret->items));
	if (!ret->items)
		return false;
	for (size_t i = 0; i < search->crew->n; i++) {
		const struct word_set *set = &search->seekers[i].outside;
		for (size_t k = 0; k < set->size; k++) {
			if (set->table[k])
				ret->items[ret->count++] = set->table[k];
		}
		search->ground->outside.n_untold += set->n_untold;
	}
	qsort(ret->items, ret->count, sizeof(*ret->items), compare_words);
	return true;
}

/* A count of 0 says so of what lies in free memory alone: redacted snapshots do not have those of static objects and
 * of 2.7's ints, which something that lives refers to. */
static bool is_dead(const struct ground *ground, const struct object *object)
{
	struct plot_place place;
	if (object->refcount || object->immortal)
		return false;
	const struct region *region = space_region(ground->space, object->at);
	return region && region->kind != REGION_FILE &&
	       !plot_find(&ground->plot, object->at.value, &place);
}

/* An object outside of all blocks: what it owns is claimed, what it refers to looked at later. */
static bool examine(struct search *search, uint64_t at)
{
	struct worker *worker = &search->crew->workers[0];
	struct outside *outside = &search->ground->outside;
	struct object object;
	if (!object_at(worker->types, raddr_at(at), &object) || is_dead(search->ground, &object))
		return true;
	struct outside_object *added = vec_push(&outside->list);
	if (!added)
		return false;
	*added = (struct outside_object){at, object.size,
					 worker_object_label(worker, object.type, false)};
	object.refcount = object.refcount ? object.refcount : 1;
	claim_for(worker, &object, added->label);
	return true;
}

/* The words of an object, as far as its region reaches. */
static void follow(struct search *search, size_t i)
{
	struct worker *worker = &search->crew->workers[0];
	const struct outside_object *object = &search->ground->outside.list.items[i];
	const struct region *region = space_region(search->ground->space, raddr_at(object->at));
	uint32_t n_blocks = search->ground->plot.n_blocks;
	if (!region || worker_label(worker, object->label)->said.leaf ||
	    i >= SEARCH_ROOT - n_blocks)
		return;
	uint64_t reach = region->size - raddr_distance(region->start, raddr_at(object->at));
	uint64_t size = size_min(size_min(object->size, reach), search->left);
	search->left -= size;
	search_through(worker, object->at, size, n_blocks + (uint32_t)i);
}

static void forget(struct search *search)
{
	for (size_t i = 0; i < search->crew->n; i++) {
		struct word_set *set = &search->seekers[i].outside;
		size_t limit = set->limit;
		word_set_fini(set);
		set->limit = limit;
	}
}

/* What workers gathered. Each word is asked about once. */
static bool examine_gathered(struct search *search)
{
	_cleanup_(words_fini) struct words words = {0};
	if (!gather(search, &words))
		return false;
	forget(search);
	for (size_t i = 0; i < words.count; i++) {
		if (word_set_add(&search->asked, words.items[i]) &&
		    !examine(search, words.items[i]))
			return false;
	}
	return true;
}

/* Objects lead to words, and those to objects, until nothing is new. */
static bool follow_all(struct search *search)
{
	const struct outside *outside = &search->ground->outside;
	struct seeker *seeker = &search->seekers[0];
	size_t done = 0;
	while (search->n_followed < outside->list.count || done < seeker->pending.count) {
		while (done < seeker->pending.count) {
			if (!examine(search, seeker->pending.items[done++]))
				return false;
		}
		if (search->n_followed < outside->list.count)
			follow(search, search->n_followed++);
	}
	seeker->pending.count = 0;
	return true;
}

static int compare_objects(const void *a, const void *b)
{
	const struct outside_object *left = a, *right = b;
	return (left->at > right->at) - (left->at < right->at);
}

void search_end(struct search *search)
{
	struct outside *outside = &search->ground->outside;
	outside->n_untold += search->asked.n_untold;
	if (outside->list.count)
		qsort(outside->list.items, outside->list.count, sizeof(*outside->list.items),
		      compare_objects);
}

/* ---- orphans -------------------------------------------------------------------------- */

/* Of the dead in a free block: what it was. */
static uint16_t label_of_dead(struct search *search, uint32_t block)
{
	struct worker *worker = &search->crew->workers[0];
	struct plot_place place;
	struct object object;
	plot_place(&search->ground->plot, block, &place);
	if (!object_in_block(worker->types, raddr_at(place.start), place.size, &object))
		return LABELS_FREE;
	return worker_object_label(worker, object.type, true);
}

/* The label of what something that the owner points to is. */
static uint16_t label_after(struct search *search, uint32_t owner)
{
	struct worker *worker = &search->crew->workers[0];
	const struct ground *ground = search->ground;
	uint32_t n_blocks = ground->plot.n_blocks;
	struct label label = {.kind = LABEL_GENERIC, .part = PART_OTHER};
	label.type = label.of = TYPE_NONE;
	if (owner != SEARCH_ROOT) {
		uint16_t of = owner < n_blocks ? ground->labels.of_block[owner]
					       : ground->outside.list.items[owner - n_blocks].label;
		if (of == LABELS_FREE)
			of = label_of_dead(search, owner);
		label.type = worker_label(worker, of)->said.type;
		label.of = worker_label(worker, of)->said.of;
	}
	return worker_number(worker, &label);
}

static void settle_one(struct search *search, uint32_t block)
{
	struct ground *ground = search->ground;
	struct plot_place place;
	plot_place(&ground->plot, block, &place);
	const struct orphan *orphan =
		orphans_seek(&search->orphans, place.start + ground->shapes.hook_size);
	if (!orphan->at || ground->labels.of_block[block] != LABELS_UNEXPLAINED)
		return;
	ground->labels.of_block[block] = label_after(search, orphan->owner);
	search_through(&search->crew->workers[0], place.start, place.size, block);
}

static int compare_blocks(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
	return (left > right) - (left < right);
}

static void settle_orphans(struct search *search)
{
	struct seeker *seeker = &search->seekers[0];
	seeker->met.count = 0;
	for (size_t i = 0; i < search->orphans.size; i++) {
		const struct orphan *orphan = &search->orphans.table[i];
		if (!orphan->at || orphan->owner == ORPHANS_NOBODY)
			continue;
		uint32_t *met = vec_push(&seeker->met);
		if (met)
			*met = orphan->block;
	}
	if (seeker->met.count)
		qsort(seeker->met.items, seeker->met.count, sizeof(*seeker->met.items),
		      compare_blocks);
	for (size_t done = 0; done < seeker->met.count; done++)
		settle_one(search, seeker->met.items[done]);
}

bool search_settle(struct search *search)
{
	search->seekers[0].alone = true;
	if (!examine_gathered(search))
		return false;
	do {
		if (!follow_all(search))
			return false;
		settle_orphans(search);
	} while (search->seekers[0].pending.count);
	return true;
}
