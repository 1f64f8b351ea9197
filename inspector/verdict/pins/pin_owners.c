/*
 * pin_owners: on the way from a root to a block, the place where one becomes many.
 *
 *	app.BUS ─▷ Bus ─▷ set ─▷ Task ─▷ coroutine ─▷ bytes
 *	objects    1      1      30,000   30,000       30,000
 *	                         ▲ the Tasks are what there is too much of; the rest is theirs
 *
 * Where nothing becomes many, it is the first object of the way.
 */
#include "inspector/verdict/pins/pin_owners.h"

#include "base/cleanup.h"

#include <string.h>

/* Types that stand between a container and what it holds, one for each: never what somebody has many of. */
static bool is_between(const char *type)
{
	return strcmp(type, "functools._lru_list_elem") == 0;
}

struct way {
	uint64_t base; /* objects that those below are compared with */
	double most;   /* the largest step on the way so far */
};

static bool is_passed(const struct pin_owners *o, const struct graph_path *path)
{
	return path->type >= o->n_types ||
	       is_between(o->ground->types.types.items[path->type].name ?: "");
}

static void weigh(struct pin_owners *o, struct way *ways, uint32_t i)
{
	const struct graph_path *path = &o->graph->paths.items[i];
	bool below = path->up < i; /* a path's is always a smaller one */
	const struct way up = below ? ways[path->up] : (struct way){1, 0};
	double step = (double)path->count / (double)size_max(up.base, 1);
	o->element[i] = below ? o->element[path->up] : i;
	ways[i] = (struct way){is_passed(o, path) ? up.base : path->count, up.most};
	if (below && (step <= up.most || is_passed(o, path)))
		return;
	o->element[i] = i;
	ways[i].most = step;
}

struct error *pin_owners_init(struct ground *ground, const struct graph *graph,
			      struct pin_owners *ret)
{
	struct pin_owners o = {
		.ground = ground,
		.graph = graph,
		.n_paths = graph ? (uint32_t)graph->paths.count : 0,
		.n_labels = (uint32_t)ground->labels.list.count,
		.n_types = (uint32_t)ground->types.types.count,
		.n_roots = graph ? (uint32_t)graph->roots.count : 0,
	};
	_cleanup_(free_pointer) struct way *ways = calloc((size_t)o.n_paths + 1, sizeof(*ways));
	o.element = calloc((size_t)o.n_paths + 1, sizeof(*o.element));
	struct error *err = !ways || !o.element ? error_out_of_memory() : NULL;
	err = err ?: pin_weak_init(ground, &o.weak);
	err = err ?: pin_dead_init(ground, graph, &o.dead);
	if (err) {
		pin_owners_fini(&o);
		return err;
	}
	for (uint32_t i = 0; i < o.n_paths; i++)
		weigh(&o, ways, i);
	*ret = o;
	return NULL;
}

void pin_owners_fini(struct pin_owners *owners)
{
	free(owners->element);
	owners->element = NULL;
	pin_weak_fini(&owners->weak);
	pin_dead_fini(&owners->dead);
}

uint32_t pin_owners_count(const struct pin_owners *owners)
{
	return owners->n_paths + owners->n_labels;
}

/* A weak reference that goes with its object hangs where that does; nowhere, where that is garbage, frozen or not. */
static uint32_t path_of(const struct pin_owners *o, uint32_t block)
{
	uint32_t path = o->graph ? ties_path(&o->graph->ties, block) : GRAPH_PATH_NONE;
	uint32_t referent = path < o->n_paths ? pin_weak_referent(&o->weak, block) : PLOT_NONE;
	if (referent == PLOT_NONE)
		return path;
	uint32_t its = ties_path(&o->graph->ties, referent);
	bool nobodys =
		pin_dead_is_garbage(&o->dead, referent) || pin_dead_is_frozen(&o->dead, referent);
	return its < o->n_paths || nobodys ? its : path;
}

uint32_t pin_owner_of(const struct pin_owners *o, uint32_t block, bool *ret_object)
{
	const struct label *label = labels_of(&o->ground->labels, block);
	uint32_t path = path_of(o, block);
	*ret_object = label->kind == LABEL_OBJECT;
	if (path >= o->n_paths)
		return o->n_paths + o->ground->labels.of_block[block];
	*ret_object &= o->element[path] == path && path == ties_path(&o->graph->ties, block);
	return o->element[path];
}

bool pin_owner_is_garbage(const struct pin_owners *o, uint32_t block)
{
	if (pin_dead_is_garbage(&o->dead, block))
		return true;
	uint32_t referent = o->dead.garbage ? pin_weak_referent(&o->weak, block) : PLOT_NONE;
	return referent != PLOT_NONE && pin_dead_is_garbage(&o->dead, referent);
}

bool pin_owner_is_frozen(const struct pin_owners *o, uint32_t block)
{
	if (!o->dead.frozen || pin_dead_is_frozen(&o->dead, block))
		return o->dead.frozen;
	uint32_t referent = pin_weak_referent(&o->weak, block);
	return referent != PLOT_NONE && pin_dead_is_frozen(&o->dead, referent);
}

uint32_t pin_owner_type(const struct pin_owners *o, uint32_t owner)
{
	if (owner < o->n_paths)
		return (uint32_t)size_min(o->graph->paths.items[owner].type, o->n_types);
	const struct label *label = &o->ground->labels.list.items[owner - o->n_paths];
	uint32_t type = label->of != TYPE_NONE ? label->of : label->type;
	return (uint32_t)size_min(type, o->n_types);
}

uint32_t pin_owner_root(const struct pin_owners *o, uint32_t owner)
{
	uint32_t root = owner < o->n_paths ? o->graph->paths.items[owner].root : o->n_roots;
	return (uint32_t)size_min(root, o->n_roots);
}
