/*
 * pin_weak: a registry of weak references lets go of each when its object goes, so they are that object's.
 *
 *	asyncio.tasks._all_tasks ─▷ WeakSet ─▷ set ─▷ weakref ···▷ Task ◁─ app.BUS
 *	                                              callback
 *
 * They lie among the objects that they were made with, and would seem to keep every arena of these.
 */
#include "inspector/verdict/pins/pin_weak.h"

#include "base/cleanup.h"

#include <string.h>

#define BASES_MAX 16

static bool is_weak_name(const char *name)
{
	static const char *const names[] = {"weakref", "weakref.ReferenceType"};
	for (size_t i = 0; name && i < ARRAY_SIZE(names); i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

static bool is_weak_type(struct ground *ground, uint32_t type)
{
	for (int i = 0; i < BASES_MAX && type < ground->types.types.count; i++) {
		const struct type *t = type_table_get(&ground->types, type);
		if (is_weak_name(t->name))
			return true;
		if (raddr_is_null(t->base))
			return false;
		type = type_table_find(&ground->types, t->base);
	}
	return false;
}

struct error *pin_weak_init(struct ground *ground, struct pin_weak *ret)
{
	size_t n = ground->labels.list.count;
	bool *is_weak = calloc(n + 1, sizeof(*is_weak));
	if (!is_weak)
		return error_out_of_memory();
	for (size_t i = 0; i < n; i++) {
		const struct label *label = &ground->labels.list.items[i];
		is_weak[i] = label->kind == LABEL_OBJECT && is_weak_type(ground, label->type);
	}
	*ret = (struct pin_weak){ground, is_weak};
	return NULL;
}

void pin_weak_fini(struct pin_weak *weak)
{
	free(weak->is_weak);
	weak->is_weak = NULL;
}

uint32_t pin_weak_referent(const struct pin_weak *weak, uint32_t block)
{
	struct ground *ground = weak->ground;
	struct object object;
	struct plot_place place;
	uint64_t referent, callback;
	raddr at;
	if (!weak->is_weak[ground->labels.of_block[block]] ||
	    !ground_object(ground, block, &object) ||
	    !raddr_step(object.at, ground->shapes.ob_type + 8, &at))
		return PLOT_NONE;
	if (!burst_word(ground->burst, at, &referent) ||
	    !burst_word(ground->burst, raddr_plus(at, 8), &callback) || !callback)
		return PLOT_NONE;
	return plot_find(&ground->plot, referent, &place) ? place.block : PLOT_NONE;
}
