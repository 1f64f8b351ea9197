/*
 * living: memory of now, against orphans of then.
 *
 *	then   [ buffer ]                 its owner's block was copied before the owner was there
 *	now    [ buffer ]◁── word ─ [ owner ]
 *	                      └─ a few words back an object begins that holds the word, and tells what it points to
 */
#include "inspector/census/passes/living.h"

#include "base/cleanup.h"
#include "inspector/census/ground.h"
#include "inspector/subject.h"

#define WINDOWS  (16 * MIB)
#define BACK     64 /* words from an object's begin to one of its own */
#define HITS_MAX (UINT64_C(1) << 20)

struct hit {
	uint64_t at; /* of the word */
	uint32_t block;
};

struct living {
	struct search *search;
	struct ground *ground;
	struct burst *now;
	struct type_table types; /* of now */
	struct burst_wanted wanted;
	VEC(struct hit) hits;
	bool failed;
};

static void living_fini(struct living *l)
{
	type_table_fini(&l->types);
	burst_free(l->now);
	burst_wanted_fini(&l->wanted);
	vec_fini(&l->hits);
}

/* ---- words ---------------------------------------------------------------------------- */

static void see(void *context, uint64_t at, const uint8_t *bytes, size_t size)
{
	struct living *l = context;
	for (size_t k = 0; k + 8 <= size; k += 8) {
		uint64_t word;
		memcpy(&word, bytes + k, sizeof(word));
		const struct orphan *orphan = orphans_at(&l->search->orphans, word);
		if (!orphan || !orphans_is_open(&l->ground->plot, &l->ground->labels, orphan) ||
		    l->hits.count >= HITS_MAX)
			continue;
		struct hit *hit = vec_push(&l->hits);
		l->failed |= !hit;
		if (hit)
			*hit = (struct hit){at + k, orphan->block};
	}
}

/* ---- owners --------------------------------------------------------------------------- */

static bool object_around(struct living *l, uint64_t at, struct object *ret)
{
	for (uint64_t back = 1; back <= BACK; back++) {
		raddr begin = raddr_minus(raddr_at(at), back * 8);
		if (object_at(&l->types, begin, ret) && at - begin.value < ret->size)
			return true;
	}
	return false;
}

struct telling {
	uint64_t buffer; /* what is sought */
	struct part part;
	bool found;
};

static void hear(void *context, const struct part *part)
{
	struct telling *t = context;
	if (raddr_minus(part->at, part->before).value != t->buffer ||
	    part->kind == PART_ATTRIBUTE_DICT)
		return;
	t->part = *part;
	t->found = true;
}

/* What a block is to an object that points to it. */
static struct label label_by(struct living *l, const struct object *object, uint32_t block)
{
	struct plot_place place;
	plot_place(&l->ground->plot, block, &place);
	struct telling telling = {.buffer = place.start + l->ground->shapes.hook_size};
	object_parts(&l->types, object, hear, &telling);
	raddr type = type_table_get(&l->types, object->type)->at;
	return (struct label){
		.kind = telling.found ? LABEL_BUFFER : LABEL_GENERIC,
		.part = telling.found ? telling.part.kind : PART_OTHER,
		.type = type_table_find(&l->ground->types, type),
		.of = TYPE_NONE,
		.leaf = telling.found && telling.part.leaf,
	};
}

static void settle(struct living *l, const struct hit *hit)
{
	struct ground *ground = l->ground;
	struct object object;
	if (ground->labels.of_block[hit->block] != LABELS_UNEXPLAINED ||
	    !object_around(l, hit->at, &object))
		return;
	const struct label label = label_by(l, &object, hit->block);
	if (label.type != TYPE_NONE)
		ground->labels.of_block[hit->block] = labels_number(&ground->labels, &label);
}

/* ---- the door ------------------------------------------------------------------------- */

static struct error *begin(struct living *l, const struct ground_request *request)
{
	const struct burst_wanted_request wishes = {
		.space = request->space,
		.origin = &request->subject->origin,
		.look = request->look,
	};
	const struct burst_request nothing = {.space = request->space, .max_memory = WINDOWS};
	struct error *err = origin_refresh(&request->subject->origin, request->space);
	err = err ?: burst_wanted_find(&wishes, &l->wanted);
	err = err ?: burst_take(&nothing, &l->now);
	return err ?: type_table_init(&l->types, l->now, &l->ground->shapes, request->space);
}

bool living_claim(struct crew *crew, struct search *search)
{
	_cleanup_(living_fini) struct living l = {.search = search, .ground = crew->ground};
	struct error *err = crew->request ? begin(&l, crew->request) : NULL;
	if (err || !crew->request) { /* it has ended, as a rule: who asks for it finds out */
		error_free(err);
		return true;
	}
	for (size_t i = 0; i < l.wanted.list.count; i++)
		search_pieces(l.now, l.wanted.list.items[i].start.value,
			      l.wanted.list.items[i].size, see, &l);
	for (size_t i = 0; i < l.hits.count; i++)
		settle(&l, &l.hits.items[i]);
	return !l.failed;
}
