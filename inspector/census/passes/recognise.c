/*
 * recognise: what stands in each block.
 *
 *	block ──object_in_block()──▷ object, alive    its type's label
 *	                           ▷ object, dead     kept in a free list: nobody holds it
 *	                           ▷ none             unexplained, until an owner claims it
 *
 * From 3.14 on the dead are linked through their refcounts, and known only by a type that is known already: what was not
 * recognised is looked at again when all types are.
 */
#include "inspector/census/passes/passes.h"

static void recognise(struct worker *worker, const struct plot_place *place)
{
	struct object object;
	uint16_t label = LABELS_UNEXPLAINED;
	if (object_in_block(worker->types, raddr_at(place->start), place->size, &object))
		label = worker_object_label(worker, object.type,
					    object.refcount == 0 && !object.immortal);
	crew_write(worker->ground, place->block, label);
}

static void recognise_rest(struct worker *worker, const struct plot_place *place)
{
	if (crew_read(worker->ground, place->block) == LABELS_UNEXPLAINED)
		recognise(worker, place);
}

/* The types that others met. */
static void learn(struct crew *crew)
{
	const struct type_table *common = &crew->ground->types;
	for (size_t i = 0; i < crew->n; i++) {
		struct type_table *own = crew->workers[i].types;
		for (size_t k = 0; own != common && k < common->types.count; k++)
			(void)type_table_find(own, common->types.items[k].at);
	}
}

bool pass_recognise(struct crew *crew)
{
	static const struct crew_step first = {"recognising objects", 200, 580};
	static const struct crew_step again = {"recognising the dead", 580, 600};
	if (!crew_sweep(crew, &first, recognise))
		return false;
	learn(crew);
	return crew->ground->shapes.refcount != REFCOUNT_SPLIT ||
	       crew_sweep(crew, &again, recognise_rest);
}
