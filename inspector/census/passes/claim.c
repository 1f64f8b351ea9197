/*
 * claim: what each object owns beside its block.
 *
 *	list ──items──▷ [block]              buffer: list items, of list
 *	app.Session ──▷ dict                 object: dict, of app.Session
 *	                 └──keys──▷ [block]  buffer: dict keys, of dict of app.Session
 *
 * First all objects but dicts claim, which tells whose attributes a dict holds; then dicts do. A claim counts
 * for more than what a block looked like: an array of pointers to classes may look like an object. The dead
 * claim nothing: what they point to has been given to others.
 *
 * Some parts have several owners: dicts share tables of keys. Which claim stands does not depend on who was
 * there first, so that it is the same whichever worker claims when.
 */
#include "inspector/census/passes/claim.h"

#include "inspector/census/passes/passes.h"

struct claim {
	struct worker *worker;
	uint16_t owner; /* its label */
	bool late;      /* dicts have claimed already: that of its attributes is to do it again */
};

/* The label of a part of what has the owner's label. */
static uint16_t part_label(const struct claim *claim, const struct part *part)
{
	struct worker_label *owner = worker_label(claim->worker, claim->owner);
	uint16_t *number = &owner->parts[part->kind][part->leaf ? 1 : 0];
	if (*number)
		return *number;
	struct label label = owner->said;
	label.kind = LABEL_BUFFER;
	label.part = part->kind;
	label.leaf = part->leaf;
	return *number = worker_number(claim->worker, &label);
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* Keys that a class shares with its instances' dicts are the class's; those that several dicts share, of the dict whose
 * owner is known. Numbers of labels and types say nothing: they depend on who met what first. */
static bool is_better(const struct worker_label *one, const struct worker_label *than)
{
	const struct label *a = &one->said, *b = &than->said;
	if (a->kind != LABEL_BUFFER || b->kind != LABEL_BUFFER)
		return b->kind != LABEL_BUFFER;
	int order = (b->part == PART_CACHED_KEYS) - (a->part == PART_CACHED_KEYS);
	order = order ?: compare_numbers(a->part, b->part);
	order = order ?: raddr_is_null(one->of_at) - raddr_is_null(than->of_at);
	order = order ?: compare_numbers(one->of_at.value, than->of_at.value);
	order = order ?: compare_numbers(one->type_at.value, than->type_at.value);
	return (order ?: a->leaf - b->leaf) < 0;
}

static void claim_buffer(const struct claim *claim, const struct part *part, uint32_t block)
{
	struct worker *worker = claim->worker;
	uint16_t label = part_label(claim, part), before = crew_read(worker->ground, block);
	const struct worker_label *said = worker_label(worker, label);
	while (before != label && is_better(said, worker_label(worker, before)) &&
	       !crew_replace(worker->ground, block, &before, label))
		;
}

/* A subclass of dict says more by its own name than by whose attributes it holds. */
static bool is_plain_dict(const struct worker *worker, const struct worker_label *label)
{
	if (label->type == TYPE_NONE)
		return false;
	const struct type *type = type_table_get(worker->types, label->type);
	return type->kind == TYPE_DICT && type->exact;
}

/* What a dict's label becomes as the owner's attributes; LABELS_FREE: it stays. Of several owners the type that lies
 * first has it. */
static uint16_t dict_label(struct worker *worker, struct worker_label *owner, uint16_t before)
{
	if (owner->dict_from == before && owner->dict_to)
		return owner->dict_to;
	const struct worker_label *dict = worker_label(worker, before);
	struct label label = dict->said;
	if (label.kind != LABEL_OBJECT || !is_plain_dict(worker, dict) ||
	    (label.of != TYPE_NONE && dict->of_at.value <= owner->type_at.value))
		return LABELS_FREE;
	label.of = owner->said.type;
	owner->dict_to = worker_number(worker, &label);
	owner->dict_from = before;
	return owner->dict_to;
}

static void claim_dict(const struct claim *claim, uint32_t block)
{
	struct worker *worker = claim->worker;
	struct worker_label *owner = worker_label(worker, claim->owner);
	uint16_t before = crew_read(worker->ground, block), label;
	do
		label = dict_label(worker, owner, before);
	while (label != LABELS_FREE && !crew_replace(worker->ground, block, &before, label));
}

/* 3.11, 3.12: how much stands before values is told by a byte that a redacted snapshot does not have. */
static bool is_blanked(const struct ground *ground, const struct part *part)
{
	enum values_kind kind = ground->shapes.values;
	return part->before == 0 && (kind == VALUES_WORDS || kind == VALUES_TAGGED) &&
	       (part->kind == PART_ATTRIBUTES || part->kind == PART_DICT_VALUES);
}

/* What is too large for arenas has the hooks of malloc, too. */
static bool is_begin(const struct ground *ground, const struct plot_place *place,
		     const struct part *part)
{
	uint64_t before = part->at.value - part->before - place->start;
	uint64_t hook = ground->shapes.hook_size;
	return before == hook || (place->arena == PLOT_NONE && before == 2 * hook) ||
	       is_blanked(ground, part);
}

static void claim_parts(struct worker *worker, const struct plot_place *place, bool dicts);

static void hear_part(void *context, const struct part *part)
{
	const struct claim *claim = context;
	const struct ground *ground = claim->worker->ground;
	struct plot_place place;
	/* The byte before values is theirs: behind the last there may be none. */
	uint64_t before = is_blanked(ground, part) ? 1 : part->before;
	if (!plot_find(&ground->plot, raddr_minus(part->at, before).value, &place))
		return;
	if (part->kind == PART_ATTRIBUTE_DICT) {
		claim_dict(claim, place.block);
		if (claim->late)
			claim_parts(claim->worker, &place, true);
	} else if (is_begin(ground, &place, part)) {
		claim_buffer(claim, part, place.block);
	}
}

static void claim_parts(struct worker *worker, const struct plot_place *place, bool dicts)
{
	uint16_t label = crew_read(worker->ground, place->block);
	const struct worker_label *known = worker_label(worker, label);
	if (known->said.kind != LABEL_OBJECT || known->type == TYPE_NONE)
		return;
	if ((type_table_get(worker->types, known->type)->kind == TYPE_DICT) != dicts)
		return;
	struct object object;
	if (!object_in_block(worker->types, raddr_at(place->start), place->size, &object))
		return;
	struct claim claim = {worker, label, false};
	object_parts(worker->types, &object, hear_part, &claim);
}

void claim_for(struct worker *worker, const struct object *object, uint16_t label)
{
	struct claim claim = {worker, label, true};
	object_parts(worker->types, object, hear_part, &claim);
}

static void claim_of_others(struct worker *worker, const struct plot_place *place)
{
	claim_parts(worker, place, false);
}

static void claim_of_dicts(struct worker *worker, const struct plot_place *place)
{
	claim_parts(worker, place, true);
}

bool pass_claim(struct crew *crew)
{
	static const struct crew_step others = {"finding their buffers", 600, 700};
	static const struct crew_step dicts = {"finding what dicts hold", 700, 780};
	return crew_sweep(crew, &others, claim_of_others) &&
	       crew_sweep(crew, &dicts, claim_of_dicts);
}
