/*
 * modules: all of them, and which was imported when; and all classes.
 *
 *	blocks labelled `module` ─▷ module ─▷ dict
 *	sys's dict ─ "modules" ─▷ { "__main__": ·, "app": ·, … }	in the order of imports (2.7: in none)
 */
#include "base/cleanup.h"
#include "inspector/holders/roots/gather.h"
#include "inspector/object/dict_walk.h"
#include "inspector/object/object_text.h"
#include "inspector/object/object_value.h"
#include "inspector/object/word.h"

#include <string.h>

#define NAME_SIZE_MAX 200

/* Which labels are of objects of a kind: a byte for each. */
static uint8_t *labels_of_kind(const struct gather *g, enum type_kind kind)
{
	const struct ground *ground = g->request->ground;
	size_t n = ground->labels.list.count;
	uint8_t *of_kind = calloc(n + 1, 1);
	for (size_t i = 0; of_kind && i < n; i++) {
		const struct label *label = &ground->labels.list.items[i];
		of_kind[i] = label->kind == LABEL_OBJECT && label->type != TYPE_NONE &&
			     type_table_get(g->types, label->type)->kind == kind;
	}
	return of_kind;
}

struct error *gather_each(struct gather *g, const uint8_t *wanted,
			  struct error *(*take_one)(struct gather *, raddr))
{
	struct ground *ground = g->request->ground;
	struct error *err = NULL;
	for (uint32_t block = 0; !err && block < ground->plot.n_blocks; block++) {
		struct object object;
		if (wanted[ground->labels.of_block[block]] && ground_object(ground, block, &object))
			err = take_one(g, object.at);
	}
	for (size_t i = 0; !err && i < ground->outside.list.count; i++) {
		const struct outside_object *object = &ground->outside.list.items[i];
		if (wanted[object->label])
			err = take_one(g, raddr_at(object->at));
	}
	return err;
}

static struct error *each_of_kind(struct gather *g, enum type_kind kind,
				  struct error *(*take_one)(struct gather *, raddr))
{
	_cleanup_(free_pointer) uint8_t *of_kind = labels_of_kind(g, kind);
	return of_kind ? gather_each(g, of_kind, take_one) : error_out_of_memory();
}

static struct error *take_module(struct gather *g, raddr at)
{
	const struct shapes *s = g->types->shapes;
	_cleanup_(text_fini) struct text name = TEXT_EMPTY;
	raddr dict = word_pointer(g->types, at, s->module.dict);
	if (raddr_is_null(dict))
		return NULL;
	if (!object_text(g->types, dict_find(g->types, dict, "__name__"), NAME_SIZE_MAX, &name)) {
		text_clear(&name);
		if (!s->module.name ||
		    !object_text(g->types, word_pointer(g->types, at, s->module.name),
				 NAME_SIZE_MAX, &name))
			text_add(&name, "?");
	}
	struct gather_module *place = name.failed ? NULL : vec_push(&g->modules);
	if (!place)
		return error_out_of_memory();
	*place = (struct gather_module){at, dict, text_take(&name), 0};
	return place->name ? NULL : error_out_of_memory();
}

static struct error *take_old_class(struct gather *g, raddr at)
{
	raddr *place = vec_push(&g->old_classes);
	if (!place)
		return error_out_of_memory();
	*place = at;
	return NULL;
}

/* Types are known by their instances, and some have none. */
static struct error *take_type(struct gather *g, raddr at)
{
	(void)type_table_find(g->types, at);
	return NULL;
}

static struct gather_module *module_at(const struct gather *g, raddr at)
{
	size_t low = 0, high = g->modules.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = raddr_compare(g->modules.items[middle].at, at);
		if (order == 0)
			return &g->modules.items[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* One that is there under several names was first imported under the first. */
static void rank_module(struct gather *g, raddr value, uint64_t rank)
{
	struct gather_module *m = module_at(g, value);
	if (m && !m->rank)
		m->rank = rank;
}

static void rank_modules(struct gather *g, raddr sys_modules)
{
	struct dict_walk walk;
	raddr key, value;
	if (raddr_is_null(sys_modules) || !dict_walk_begin(g->types, sys_modules, &walk))
		return;
	for (uint64_t rank = 1; gather_spend(g) && dict_walk_next(&walk, &key, &value); rank++)
		rank_module(g, value, rank);
}

static int by_address(const void *a, const void *b)
{
	const struct gather_module *x = a, *y = b;
	return raddr_compare(x->at, y->at);
}

static int latest_first(const void *a, const void *b)
{
	const struct gather_module *x = a, *y = b;
	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	return raddr_compare(x->at, y->at);
}

struct error *gather_modules(struct gather *g)
{
	struct error *err = each_of_kind(g, TYPE_MODULE, take_module);
	err = err ?: each_of_kind(g, TYPE_OLD_CLASS, take_old_class);
	err = err ?: each_of_kind(g, TYPE_TYPE, take_type);
	if (err || !g->modules.count)
		return err;
	qsort(g->modules.items, g->modules.count, sizeof(*g->modules.items), by_address);
	for (size_t i = 0; i < g->modules.count; i++) {
		const struct gather_module *m = &g->modules.items[i];
		if (strcmp(m->name, "sys") == 0)
			rank_modules(g, dict_find(g->types, m->dict, "modules"));
	}
	qsort(g->modules.items, g->modules.count, sizeof(*g->modules.items), latest_first);
	return NULL;
}
