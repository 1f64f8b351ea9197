/*
 * pin_dead: gc.collect() frees garbage, and more than that.
 *
 *	free list of dicts ─▷ [dead] [dead] [dead]      one in each of three arenas: all three stay until the list is emptied
 *	free list of keys  ─▷ [count 0]
 *	free list of floats ─▷ [0 │ next] ─▷ [0 │ next] ─▷ [0 │ 0]
 *
 * A collection of the oldest generation empties the lists of tuples, floats, lists, dicts and their keys, and more
 * (clear_freelists(), Modules/gcmodule.c up to 3.12; _PyObject_ClearFreeLists(), Objects/object.c from 3.13 on). Others it leaves
 * alone: a frame that its code keeps, exceptions for when memory is out, futures' iterators.
 *
 * What is garbage the graph has told, and what of it is frozen: that is there until somebody calls gc.unfreeze(). In 2.7 a cycle with a
 * finalizer would stay (gc.garbage; since PEP 442, 3.4, it does not).
 */
#include "inspector/verdict/pins/pin_dead.h"

#include "base/cleanup.h"
#include "inspector/object/keys_in_block.h"

#include <string.h>

#define VERSION_3_4 0x03040000u

/* Of each version those that it has a list of. */
static bool is_emptied(const struct type *type)
{
	static const char *const names[] = {
		"tuple",
		"list",
		"dict",
		"float",
		"builtin_function_or_method",
		"method",
		"Context",
		"_contextvars.Context",
		"contextvars.Context",
		"async_generator_asend",
		"async_generator_wrapped_value",
	};
	for (size_t i = 0; !type->heap && i < ARRAY_SIZE(names); i++) {
		if (strcmp(type->name, names[i]) == 0)
			return true;
	}
	return false;
}

static uint8_t what_says(const struct ground *ground, const struct label *label)
{
	if (label->kind == LABEL_UNEXPLAINED || label->kind == LABEL_GENERIC)
		return PIN_DEAD_ASK;
	bool dead = label->kind == LABEL_FREE_LISTED && label->type != TYPE_NONE &&
		    is_emptied(type_table_get(&ground->types, label->type));
	return dead ? PIN_DEAD_YES : PIN_DEAD_NO;
}

struct error *pin_dead_init(struct ground *ground, const struct graph *graph, struct pin_dead *ret)
{
	struct pin_dead dead = {.ground = ground};
	if (graph && ground->shapes.version_hex >= VERSION_3_4) {
		dead.garbage = graph->garbage;
		dead.frozen = graph->frozen;
	}
	dead.of_label = calloc(ground->labels.list.count + 1, 1);
	if (!dead.of_label)
		return error_out_of_memory();
	for (size_t i = 0; i < ground->labels.list.count; i++)
		dead.of_label[i] = what_says(ground, &ground->labels.list.items[i]);
	*ret = dead;
	return NULL;
}

void pin_dead_fini(struct pin_dead *dead)
{
	free(dead->of_label);
	dead->of_label = NULL;
}

/* One that links to a block of its size, in which there is one, too. */
static bool is_float(struct ground *ground, const struct plot_place *place)
{
	uint64_t at = place->start + ground->shapes.hook_size, count, next, behind;
	struct plot_place to;
	return burst_word(ground->burst, raddr_at(at), &count) && count == 0 &&
	       burst_word(ground->burst, raddr_at(at + ground->shapes.ob_type), &next) && next &&
	       plot_find(&ground->plot, next, &to) && to.size == place->size &&
	       to.start + ground->shapes.hook_size == next &&
	       burst_word(ground->burst, raddr_at(next), &behind) && behind == 0;
}

bool pin_dead_ask(const struct pin_dead *dead, uint32_t block)
{
	struct ground *ground = dead->ground;
	struct plot_place place;
	plot_place(&ground->plot, block, &place);
	return keys_freed_in_block(&ground->types, raddr_at(place.start), place.size) ||
	       is_float(ground, &place);
}
