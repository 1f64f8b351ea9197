/*
 * paths: a tree of types under each root, kept in one hash table.
 *
 *	app.CACHE ─ dict ─┬─ app.Session ─┬─ str
 *	                  └─ str          └─ list ─ int
 *
 * A row that repeats itself is not followed for ever: of Node → Node → Node … the third is on the path of the second, and
 * of Node → dict → Node → dict → Node the third Node on that of the second.
 */
#include "inspector/holders/walk/paths.h"

#include "base/cleanup.h"

#define PATHS_DEEPEST 24

struct error *paths_init(struct paths *paths, struct graph *graph, uint32_t most)
{
	*paths = (struct paths){.graph = graph, .room = 1024, .most = most};
	paths->table = malloc(paths->room * sizeof(*paths->table));
	if (!paths->table)
		return error_out_of_memory();
	memset(paths->table, 0xff, paths->room * sizeof(*paths->table));
	return NULL;
}

void paths_fini(struct paths *paths)
{
	free(take(paths->table));
}

static uint32_t slot_of(const struct paths *p, uint32_t up, uint32_t type)
{
	uint64_t key = ((uint64_t)up << 32 | type) * UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(key >> 32) & (p->room - 1);
}

/* `up` as it is asked for: of a path on a root its root. */
static uint32_t up_of(const struct graph_path *path)
{
	return path->up == GRAPH_PATH_NONE ? PATHS_OF_ROOT(path->root) : path->up;
}

/* The slot that holds it, or the free one where it would be. */
static uint32_t *find(const struct paths *p, uint32_t up, uint32_t type)
{
	for (uint32_t i = slot_of(p, up, type);; i = (i + 1) & (p->room - 1)) {
		if (p->table[i] == GRAPH_PATH_NONE)
			return &p->table[i];
		const struct graph_path *path = &p->graph->paths.items[p->table[i]];
		if (path->type == type && up_of(path) == up)
			return &p->table[i];
	}
}

static bool grow(struct paths *p)
{
	uint32_t *old = p->table, old_room = p->room;
	uint32_t *table = malloc((size_t)old_room * 2 * sizeof(*table));
	if (!table)
		return false;
	memset(table, 0xff, (size_t)old_room * 2 * sizeof(*table));
	p->table = table;
	p->room = old_room * 2;
	for (uint32_t i = 0; i < old_room; i++) {
		if (old[i] == GRAPH_PATH_NONE)
			continue;
		const struct graph_path *path = &p->graph->paths.items[old[i]];
		*find(p, up_of(path), path->type) = old[i];
	}
	free(old);
	return true;
}

/* One above where the row repeats itself; else GRAPH_PATH_NONE. */
static uint32_t folded(const struct paths *p, uint32_t up, uint32_t type)
{
	const struct graph_path *all = p->graph->paths.items;
	if (up & PATHS_ROOT || all[up].up == GRAPH_PATH_NONE)
		return GRAPH_PATH_NONE;
	uint32_t second = all[up].up;
	if (all[up].depth >= PATHS_DEEPEST || (all[up].type == type && all[second].type == type))
		return up;
	uint32_t third = all[second].up;
	if (third == GRAPH_PATH_NONE || all[third].up == GRAPH_PATH_NONE)
		return GRAPH_PATH_NONE;
	bool again = all[second].type == type && all[third].type == all[up].type &&
		     all[all[third].up].type == type;
	return again ? second : GRAPH_PATH_NONE;
}

static uint32_t make(struct paths *p, uint32_t *slot, const struct graph_path *made)
{
	if (p->graph->paths.count >= p->most)
		return GRAPH_PATH_NONE;
	struct graph_path *path = vec_push(&p->graph->paths);
	if (!path)
		return GRAPH_PATH_NONE;
	*path = *made;
	*slot = (uint32_t)(p->graph->paths.count - 1);
	uint32_t at = *slot;
	/* A table that cannot grow still serves until it is nearly full: then no more are made. */
	if (p->graph->paths.count * 2 > p->room && !grow(p) && p->graph->paths.count + 1 >= p->room)
		p->most = (uint32_t)p->graph->paths.count;
	return at;
}

static void meet(struct graph_path *path, uint32_t node, uint32_t offset)
{
	path->one_place &= path->offset == offset;
	if (++path->n_met < path->next_some)
		return;
	path->some[path->n_some++ % GRAPH_PATH_SOME] = node;
	path->next_some = path->n_met + path->n_met / 2 + 1;
}

uint32_t paths_below(struct paths *paths, uint32_t up, uint32_t type, uint32_t node,
		     uint32_t offset)
{
	uint32_t at = folded(paths, up, type);
	uint32_t *slot = at == GRAPH_PATH_NONE ? find(paths, up, type) : &at;
	if (*slot != GRAPH_PATH_NONE) {
		meet(&paths->graph->paths.items[*slot], node, offset);
		return *slot;
	}
	const bool on_root = up & PATHS_ROOT;
	const struct graph_path *above = on_root ? NULL : &paths->graph->paths.items[up];
	const struct graph_path made = {
		.up = on_root ? GRAPH_PATH_NONE : up,
		.root = on_root ? up & ~PATHS_ROOT : above->root,
		.depth = on_root ? 0 : above->depth + 1,
		.type = type,
		.node = node,
		.offset = offset,
		.one_place = true,
		.n_met = 1,
		.next_some = 2,
	};
	at = make(paths, slot, &made);
	return at == GRAPH_PATH_NONE && !on_root ? up : at;
}

void paths_sum(struct graph *graph)
{
	struct graph_path *all = graph->paths.items;
	for (size_t i = 0; i < graph->paths.count; i++) {
		all[i].all_bytes = all[i].bytes;
		all[i].all_count = all[i].count;
	}
	/* What hangs on a path has a larger number than it. */
	for (size_t i = graph->paths.count; i-- > 0;) {
		bool on_root = all[i].up == GRAPH_PATH_NONE;
		struct graph_root *root = &graph->roots.items[all[i].root];
		*(on_root ? &root->bytes : &all[all[i].up].all_bytes) += all[i].all_bytes;
		*(on_root ? &root->count : &all[all[i].up].all_count) += all[i].all_count;
	}
}
