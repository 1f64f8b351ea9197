/*
 * inspector_object: one object of the last look, from what that look stands on.
 *
 *	address ─▷ block of the plot ─▷ object in it ─▷ its parts
 *	      └──▷ no block: a static object, or nothing
 */
#include "base/cleanup.h"
#include "base/count.h"
#include "base/size.h"
#include "inspector/census/ground.h"
#include "inspector/holders/graph.h"
#include "inspector/inspector.h"
#include "inspector/object/edge.h"

#include <inttypes.h>
#include <string.h>

void inspector_object_fini(struct inspector_object *object)
{
	free(object->type);
	free(object->preview);
	free(object->where);
	holder_referrers_fini(&object->referrers);
	holder_chain_fini(&object->chain);
	*object = (struct inspector_object){.found = false};
}

/* So many referrers are told; all are counted. */
#define REFERRERS_MAX 100

/* ---- where ------------------------------------------------------------------------------- */

static void say_block(const struct ground *ground, const struct plot_place *place, struct text *ret)
{
	if (place->arena == PLOT_NONE) {
		text_addf(ret, "a chunk of malloc's at " RADDR_FORMAT ", %s bytes", place->start,
			  COUNT(place->size));
		return;
	}
	const struct plot_arena *arena = &ground->plot.arenas.items[place->arena];
	bool mimalloc = arena->source == PLOT_MIMALLOC;
	text_addf(ret,
		  "block " RADDR_FORMAT " of %s bytes, in the %s at " RADDR_FORMAT
		  ", where %s other blocks are in use",
		  place->start, COUNT(place->size),
		  mimalloc ? "segment of mimalloc's" : "pymalloc arena", arena->start,
		  COUNT(size_subtract(arena->used_blocks, 1)));
}

static void say_region(const struct ground *ground, raddr at, struct text *ret)
{
	const struct region *region = space_region(ground->space, at);
	if (!region)
		text_add(ret, "nothing is mapped there");
	else if (region->kind == REGION_FILE)
		text_addf(ret, "data of %s", region->label ?: "a file");
	else if (region->kind == REGION_STACK)
		text_add(ret, "the main thread's stack");
	else
		text_add(ret, "memory that is in no block in use");
}

/* ---- the object -------------------------------------------------------------------------- */

struct buffers {
	const struct ground *ground;
	uint64_t bytes;
};

static void add_buffer(void *context, const struct part *part)
{
	struct buffers *buffers = context;
	struct plot_place place;
	/* An attribute dict is an object of its own. */
	if (part->kind != PART_ATTRIBUTE_DICT &&
	    plot_find(&buffers->ground->plot, part->at.value, &place))
		buffers->bytes = size_add(buffers->bytes, place.size);
}

static struct error *tell_object(struct ground *ground, const struct object *object, bool contents,
				 struct inspector_object *ret)
{
	const struct type *type = type_table_get(&ground->types, object->type);
	_cleanup_(text_fini) struct text preview = TEXT_EMPTY;
	struct buffers buffers = {.ground = ground};
	object_preview(&ground->types, object, contents, &preview);
	object_parts(&ground->types, object, add_buffer, &buffers);
	ret->at = object->at;
	ret->refcount = object->refcount;
	ret->immortal = object->immortal;
	ret->deferred = object->deferred;
	ret->dead = object->refcount == 0;
	ret->size = size_max(ret->size, object->size);
	ret->with_buffers = size_add(ret->size, buffers.bytes);
	ret->type = strdup(type->name ?: "?");
	ret->preview = text_take(&preview);
	return ret->type && ret->preview ? NULL : error_out_of_memory();
}

/* In a block: the object whose block it is, or none. */
static struct error *tell_block(struct ground *ground, const struct plot_place *place,
				bool contents, struct inspector_object *ret)
{
	struct object object;
	ret->found = true;
	ret->at = raddr_at(place->start);
	ret->size = ret->with_buffers = place->size;
	if (place->arena != PLOT_NONE)
		ret->arena = raddr_at(ground->plot.arenas.items[place->arena].start);
	if (!ground_object(ground, place->block, &object))
		return NULL;
	return tell_object(ground, &object, contents, ret);
}

static struct error *tell(struct ground *ground, raddr at, bool contents,
			  struct inspector_object *ret)
{
	_cleanup_(text_fini) struct text where = TEXT_EMPTY;
	struct plot_place place;
	struct object object;
	struct error *err = NULL;
	ret->at = at;
	if (plot_find(&ground->plot, at.value, &place)) {
		err = tell_block(ground, &place, contents, ret);
		say_block(ground, &place, &where);
	} else {
		/* Nothing that lives outside of blocks has no reference: that is freed memory. */
		if (object_at(&ground->types, at, &object) &&
		    (object.refcount || object.immortal)) {
			const struct region *region = space_region(ground->space, at);
			ret->found = true;
			ret->is_static = region && region->kind == REGION_FILE;
			err = tell_object(ground, &object, contents, ret);
		}
		say_region(ground, at, &where);
	}
	if (err)
		return err;
	ret->where = text_take(&where);
	return ret->where ? NULL : error_out_of_memory();
}

/* ---- who holds it -------------------------------------------------------------------------- */

static struct error *tell_holders(const struct graph *graph, bool contents,
				  struct inspector_object *ret)
{
	ret->followed = true;
	struct error *err =
		graph_referrers(graph, ret->at, contents, REFERRERS_MAX, &ret->referrers);
	if (err)
		return err;
	ret->found_references = maybe_known(ret->referrers.n_all);
	uint32_t node = graph_node_at(graph, ret->at);
	return node == PLOT_NONE ? NULL : graph_chain(graph, node, contents, &ret->chain);
}

struct error *inspector_object(struct inspector *inspector, raddr at, struct inspector_object *ret)
{
	struct ground *ground = inspector_ground(inspector);
	_cleanup_(inspector_object_fini) struct inspector_object object = {.found = false};
	if (!ground)
		return error_new(ERROR_USAGE, "no look has told yet what is in the blocks");
	const struct graph *graph = inspector_graph(inspector);
	const bool contents = inspector_contents(inspector);
	struct error *err = tell(ground, at, contents, &object);
	if (!err && graph && object.found)
		err = tell_holders(graph, contents, &object);
	if (err)
		return err;
	*ret = object;
	object = (struct inspector_object){.found = false};
	return NULL;
}
