/*
 * roots: each finder adds what it finds to one list, and the order in which they run is the order of the list.
 *
 *	modules ─▷ globals, class attributes, locals, classes │ modules, states, data │ frames' and C's stacks
 *	           ROOT_NAMED                                 │ ROOT_STATIC           │ ROOT_STACK
 */
#include "inspector/holders/roots.h"

#include "base/cleanup.h"
#include "base/count.h"
#include "inspector/holders/roots/gather.h"
#include "inspector/look/look.h"
#include "inspector/object/dict_walk.h"

#include <string.h>

/* Of all modules', classes' and frames' names together: a heap has more, but they are not roots. */
#define LEFT_MAX     (UINT64_C(1) << 23)
#define ROOTS_MAX    ((size_t)1 << 20) /* of one phase */
#define CHUNK_LEAST  (8 * KIB) /* half of what a chunk has at least: some are read in vain */
#define FEW          100       /* one of so many */
#define INTERNED_MIN 16        /* strings that begin a dict whose values are its keys */

struct error *gather_add(struct gather *g, struct root root, const char *name)
{
	if (root.phase != g->phase) {
		g->phase = root.phase;
		g->n_before = g->ret->list.count;
	}
	if (g->ret->list.count - g->n_before >= ROOTS_MAX) {
		g->too_many = true;
		return NULL;
	}
	char *copy = name ? strdup(name) : NULL;
	struct root *place = !name || copy ? vec_push(&g->ret->list) : NULL;
	if (!place) {
		free(copy);
		return error_out_of_memory();
	}
	*place = root;
	place->name = copy;
	return NULL;
}

static int by_address(const void *a, const void *b, void *table)
{
	const uint32_t *x = a, *y = b;
	return raddr_compare(type_table_get(table, *x)->at, type_table_get(table, *y)->at);
}

static struct error *put_types_in_order(struct gather *g)
{
	size_t n = g->types->types.count;
	if (!vec_reserve(&g->order, n))
		return error_out_of_memory();
	for (uint32_t i = 0; i < n; i++)
		g->order.items[g->order.count++] = i;
	if (n)
		qsort_r(g->order.items, n, sizeof(*g->order.items), by_address, g->types);
	return NULL;
}

const struct type *gather_type(const struct gather *g, uint32_t i)
{
	return type_table_get(g->types, i < g->order.count ? g->order.items[i] : i);
}

bool gather_spend(struct gather *g)
{
	if (!g->left)
		return false;
	g->left--;
	return true;
}

void gather_thread_name(const struct gather *g, size_t thread, struct text *ret)
{
	const struct frames_thread *state = &g->request->look->frames.threads.items[thread];
	for (size_t i = 0; i < g->threads.list.count; i++) {
		const struct thread *t = &g->threads.list.items[i];
		bool same =
			!raddr_is_null(state->pointer) && raddr_equal(t->pointer, state->pointer);
		if (!same && (!state->tid || t->tid != state->tid))
			continue;
		text_addf(ret, "thread %d", t->tid);
		if (t->name[0])
			text_addf(ret, " (%s)", t->name);
		return;
	}
	if (state->tid)
		text_addf(ret, "thread %d", state->tid);
	else
		text_addf(ret, "thread state " RADDR_FORMAT, state->state.value);
}

/* Of objects in no block those that are no variables of a file: they may lead to some that are. */
static enum gather_what outside_target(const struct gather *g, uint64_t word, uint32_t *ret_type)
{
	struct ground *ground = g->request->ground;
	size_t i = outside_find(&ground->outside, word);
	const struct region *region =
		i == SIZE_MAX ? NULL : space_region(ground->space, raddr_at(word));
	if (!region || region->kind == REGION_FILE)
		return GATHER_NOTHING;
	*ret_type = ground->labels.list.items[ground->outside.list.items[i].label].type;
	return *ret_type == TYPE_NONE ? GATHER_NOTHING : GATHER_OBJECT;
}

enum gather_what gather_target(const struct gather *g, uint64_t word, uint32_t *ret_type)
{
	struct ground *ground = g->request->ground;
	struct plot_place place;
	struct object object;
	if (word % 8)
		return GATHER_NOTHING;
	if (!plot_find(&ground->plot, word, &place))
		return outside_target(g, word, ret_type);
	const struct label *label = labels_of(&ground->labels, place.block);
	switch (label->kind) {
	case LABEL_OBJECT:
	case LABEL_FREE_LISTED:
		if (!ground_object(ground, place.block, &object) || object.at.value != word)
			return GATHER_NOTHING;
		*ret_type = object.type;
		return label->kind == LABEL_OBJECT ? GATHER_OBJECT : GATHER_FREE_LISTED;
	case LABEL_BUFFER:
	case LABEL_GENERIC:
	case LABEL_UNEXPLAINED:
		return word == place.start || word == place.start + ground->shapes.hook_size
			       ? GATHER_BUFFER
			       : GATHER_NOTHING;
	case LABEL_FREE:
		break;
	}
	return GATHER_NOTHING;
}

uint32_t gather_worth(const struct gather *g, raddr at)
{
	struct object object;
	if (!object_at(g->types, at, &object))
		return TYPE_NONE;
	const struct type *type = type_table_get(g->types, object.type);
	switch ((int)type->kind) {
	case TYPE_NONE_TYPE:
	case TYPE_BOOL:
	case TYPE_INT:
	case TYPE_SMALL_INT:
	case TYPE_FLOAT:
		return type->exact ? TYPE_NONE : object.type;
	default:
		return object.type;
	}
}

bool gather_is_interned(const struct gather *g, raddr dict)
{
	struct dict_walk walk;
	raddr key, value;
	if (!dict_walk_begin(g->types, dict, &walk))
		return false;
	for (unsigned i = 0; i < INTERNED_MIN; i++) {
		if (!dict_walk_next(&walk, &key, &value) || !raddr_equal(key, value))
			return false;
	}
	return true;
}

static void gather_fini(struct gather *g)
{
	for (size_t i = 0; i < g->modules.count; i++)
		free(g->modules.items[i].name);
	vec_fini(&g->modules);
	vec_fini(&g->old_classes);
	vec_fini(&g->order);
	threads_fini(&g->threads);
	vec_fini(&g->greenlets);
	frames_fini(&g->put_aside);
}

/* Of a target that runs on, a few have gone on before all of them was read. */
static void doubt_greenlets(const struct gather *g, struct doubts *doubts)
{
	uint64_t n = g->n_strange + g->n_cut, all = g->n_strange + g->greenlets.count;
	bool few = !g->request->ground->still && n <= all / FEW;
	if (n)
		doubts_add(
			doubts, DOUBT_HOLDERS_PARTIAL, few ? DOUBT_NOTE : DOUBT_PARTIAL, n,
			"the frames of %s of %s"
			" greenlets that wait could not be read: what their variables hold may be "
			"told as reached by nothing",
			COUNT(n), COUNT(all));
}

struct error *roots_find(const struct roots_request *request, struct roots *ret,
			 struct doubts *doubts)
{
	static struct error *(*const finders[])(struct gather *) = {
		gather_modules, gather_greenlets, gather_globals,        gather_attributes,
		gather_locals,  gather_classes,   gather_module_objects, gather_states,
		gather_data,    gather_frames,    gather_stacks,
	};
	_cleanup_(roots_fini) struct roots roots = {VEC_EMPTY, VEC_EMPTY};
	_cleanup_(gather_fini) struct gather g = {
		.request = request,
		.types = &request->ground->types,
		.ret = &roots,
		.left = size_min(request->ground->space->mapped_size / 16, LEFT_MAX),
		.chunks_left = request->ground->space->mapped_size / CHUNK_LEAST,
	};
	struct error *err =
		origin_threads(&request->subject->origin, &request->subject->space, &g.threads);
	err = err ?: put_types_in_order(&g);
	for (size_t i = 0; i < ARRAY_SIZE(finders) && !err; i++)
		err = finders[i](&g);
	if (err)
		return err;
	if (!g.left || g.too_many)
		doubts_add(doubts, DOUBT_HOLDERS_PARTIAL, DOUBT_PARTIAL, 1,
			   "there are more names than are looked at");
	doubt_greenlets(&g, doubts);
	*ret = roots;
	roots = (struct roots){VEC_EMPTY, VEC_EMPTY};
	return NULL;
}

void roots_fini(struct roots *roots)
{
	for (size_t i = 0; i < roots->list.count; i++)
		free(roots->list.items[i].name);
	vec_fini(&roots->list);
	vec_fini(&roots->told);
}
