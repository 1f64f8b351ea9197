/*
 * recognise: what stands in each block.
 *
 *	block ──object_in_block()──▷ object, alive    its type's label
 *	                           ▷ object, dead     kept in a free list: nobody holds it
 *	                           ▷ none             unexplained, until an owner claims it
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

bool pass_recognise(struct crew *crew)
{
	static const struct crew_step step = {"recognising objects", 200, 600};
	return crew_sweep(crew, &step, recognise);
}
