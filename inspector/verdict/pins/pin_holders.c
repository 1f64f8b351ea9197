/*
 * pin_holders: roots of the graph and roots of the report are the same ones: by kind, name and bytes they find each other.
 */
#include "inspector/verdict/pins/pin_holders.h"

#include "base/cleanup.h"

#include <string.h>

#define ROOT_NONE UINT32_MAX

struct root_key {
	const struct graph_root *root;
	uint32_t index;
};

static int compare_root(const struct graph_root *a, enum holder_kind kind, const char *name)
{
	if (a->kind != kind)
		return a->kind < kind ? -1 : 1;
	return strcmp(a->name ?: "", name ?: "");
}

static int compare_keys(const void *a, const void *b)
{
	const struct root_key *one = a, *other = b;
	int order = compare_root(one->root, other->root->kind, other->root->name);
	return order ? order : one->index < other->index ? -1 : one->index > other->index;
}

/* The first key that is not below that kind and name. */
static size_t find_key(const struct root_key *keys, size_t n, const struct holder_root *root)
{
	size_t low = 0, high = n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare_root(keys[middle].root, root->kind, root->name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Of several of one name that which holds as much. */
static uint32_t match(const struct root_key *keys, size_t n, const struct holder_root *root)
{
	uint32_t found = ROOT_NONE;
	for (size_t i = find_key(keys, n, root);
	     i < n && compare_root(keys[i].root, root->kind, root->name) == 0; i++) {
		if (found == ROOT_NONE || keys[i].root->bytes == root->bytes)
			found = keys[i].index;
		if (keys[i].root->bytes == root->bytes)
			break;
	}
	return found;
}

/* By root the owner that holds most of it. NULL: out of memory. */
static uint32_t *largest_owners(const struct pin_owners *o, const struct pin_returned *sums)
{
	uint32_t *largest = calloc((size_t)o->n_roots + 1, sizeof(*largest));
	for (uint32_t i = 0; largest && i <= o->n_roots; i++)
		largest[i] = ROOT_NONE;
	for (uint32_t i = 0; largest && i < o->n_paths; i++) {
		uint32_t *of = &largest[pin_owner_root(o, i)];
		if (sums->owner_bytes[i] &&
		    (*of == ROOT_NONE || sums->owner_bytes[i] > sums->owner_bytes[*of]))
			*of = i;
	}
	return largest;
}

static struct error *tell_root(const struct pin_owners *o, const struct pin_returned *sums,
			       uint32_t root, uint32_t owner, struct holder_root *to)
{
	to->returned = sums->returned[root];
	uint32_t type = owner == ROOT_NONE ? o->n_types : pin_owner_type(o, owner);
	if (type >= o->n_types || !o->ground->types.types.items[type].name)
		return NULL;
	to->many_count = sums->owner_objects[owner];
	to->many_bytes = sums->owner_bytes[owner];
	free(to->many);
	to->many = strdup(o->ground->types.types.items[type].name);
	return to->many ? NULL : error_out_of_memory();
}

struct error *pin_holders_tell(const struct pin_owners *owners, const struct pin_returned *sums,
			       struct holders *holders)
{
	const struct graph *graph = owners->graph;
	size_t n = graph->roots.count;
	_cleanup_(free_pointer) struct root_key *keys = calloc(n + 1, sizeof(*keys));
	_cleanup_(free_pointer) uint32_t *largest = largest_owners(owners, sums);
	struct error *err = NULL;
	if (!keys || !largest)
		return error_out_of_memory();
	for (size_t i = 0; i < n; i++)
		keys[i] = (struct root_key){&graph->roots.items[i], (uint32_t)i};
	qsort(keys, n, sizeof(*keys), compare_keys);
	for (size_t i = 0; i < holders->roots.count && !err; i++) {
		struct holder_root *to = &holders->roots.items[i];
		uint32_t root = match(keys, n, to);
		if (root != ROOT_NONE)
			err = tell_root(owners, sums, root, largest[root], to);
	}
	return err;
}
