/*
 * pin_rows: pins by type and by root, with a chain for the largest of their owners.
 *
 * A few roots lead: without the first so many arenas would be empty; without it and the second so many more. Several are
 * told together as long as each brings its share.
 */
#include "inspector/verdict/pins/pin_room.h"

#include "base/cleanup.h"

#include <string.h>

#define ROWS_MAX    100
#define CHAINS_MAX  3  /* of a type */
#define CHAINED_MAX 20 /* types that have some */
#define LEADS_MAX   3
#define LEAD_SHARE  5 /* one in so many bytes, at least, must be the next one's */

/* ---- the largest groups first ---------------------------------------------------------------------------- */

static int compare_groups(const void *a, const void *b, void *context)
{
	const struct pin_group *groups = context;
	uint32_t one = *(const uint32_t *)a, other = *(const uint32_t *)b;
	const struct pin_group *x = &groups[one], *y = &groups[other];
	if (x->returned != y->returned)
		return x->returned < y->returned ? 1 : -1;
	if (x->units != y->units)
		return x->units < y->units ? 1 : -1;
	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return one < other ? -1 : one > other;
}

/* Indexes of groups that have a block, most returned first; the caller frees. NULL: out of memory. */
static uint32_t *order_groups(struct pin_group *groups, uint32_t n, uint32_t *ret_n)
{
	uint32_t *order = calloc((size_t)n + 1, sizeof(*order));
	uint32_t met = 0;
	for (uint32_t i = 0; order && i < n; i++) {
		if (groups[i].blocks)
			order[met++] = i;
	}
	if (order)
		qsort_r(order, met, sizeof(*order), compare_groups, groups);
	*ret_n = met;
	return order;
}

static struct error *group(struct pin_room *room, pin_key_fn *key, uint32_t n, const bool *gone,
			   struct pin_group **ret)
{
	_cleanup_(free_pointer) struct pin_group *groups = calloc((size_t)n + 1, sizeof(*groups));
	if (!groups)
		return error_out_of_memory();
	struct error *err = pin_tally_group(&room->tally, &room->owners, key, n, gone, groups);
	if (err)
		return err;
	*ret = take(groups);
	return NULL;
}

/* ---- types --------------------------------------------------------------------------------------------------- */

static char *type_name(const struct pin_owners *o, uint32_t type)
{
	const char *name = type < o->n_types ? o->ground->types.types.items[type].name : NULL;
	return strdup(name ?: "unknown");
}

/* Of an owner's objects those in sparse arenas. Where they are fewer than the arenas, it is what they own that lies there:
 * then all of them, since nobody has counted which. */
struct headcount {
	uint64_t there, all;
};

static void add_heads(const struct pin_room *room, uint32_t owner, struct headcount *to)
{
	uint64_t there = room->owner_objects[owner];
	to->there += there;
	to->all += owner < room->owners.n_paths
			   ? size_max(there, room->request->graph->paths.items[owner].count)
			   : there;
}

static uint64_t heads_of(const struct headcount *heads, uint64_t arenas)
{
	return heads->there < arenas ? heads->all : heads->there;
}

/* Chains of the owners of a type that have most bytes there. */
static struct error *add_chains(struct pin_room *room, uint32_t type, struct pin *pin)
{
	const struct pins_request *r = room->request;
	for (uint32_t i = 0; i < room->n_ranking && pin->holders.count < CHAINS_MAX; i++) {
		uint32_t owner = room->ranking[i];
		if (owner >= room->owners.n_paths || pin_owner_type(&room->owners, owner) != type)
			continue;
		struct holder_chain *chain = vec_push(&pin->holders);
		if (!chain)
			return error_out_of_memory();
		struct error *err = graph_path_chain(r->graph, owner, chain);
		if (err)
			return err;
		chain->count = room->owner_objects[owner];
		chain->bytes = room->owner_bytes[owner];
	}
	return NULL;
}

static uint64_t count_type(const struct pin_room *room, uint32_t type, uint64_t arenas)
{
	struct headcount heads = {0};
	for (uint32_t i = 0; i < room->n_ranking; i++) {
		if (pin_owner_type(&room->owners, room->ranking[i]) == type)
			add_heads(room, room->ranking[i], &heads);
	}
	return heads_of(&heads, arenas);
}

struct error *pin_rows_types(struct pin_room *room, struct pins *ret)
{
	uint32_t n = room->owners.n_types + 1, met = 0;
	_cleanup_(free_pointer) struct pin_group *groups = NULL;
	struct error *err = group(room, pin_owner_type, n, NULL, &groups);
	if (err)
		return err;
	_cleanup_(free_pointer) uint32_t *order = order_groups(groups, n, &met);
	if (!order)
		return error_out_of_memory();
	for (uint32_t i = 0; i < met && i < ROWS_MAX && !err; i++) {
		const struct pin_group *from = &groups[order[i]];
		struct pin *pin = vec_push(&ret->types);
		if (!pin)
			return error_out_of_memory();
		pin->type = type_name(&room->owners, order[i]);
		if (!pin->type)
			return error_out_of_memory();
		pin->count = count_type(room, order[i], from->units);
		pin->bytes = from->bytes;
		pin->arenas = from->units;
		pin->sole_arenas = from->sole_units;
		pin->collected = from->collected;
		pin->held = from->held;
		pin->returned = size_subtract(from->returned, from->kept);
		err = i < CHAINED_MAX && room->request->graph ? add_chains(room, order[i], pin)
							      : NULL;
	}
	return err;
}

/* ---- roots ----------------------------------------------------------------------------------------------------- */

/* The type of the root's largest owner, how many there are of it, and how they hang on the root. */
static struct error *describe_root(struct pin_room *room, uint32_t root, struct pin_root *to)
{
	const struct pin_owners *o = &room->owners;
	const struct pins_request *r = room->request;
	struct headcount heads = {0};
	uint32_t first = UINT32_MAX, type = 0;
	for (uint32_t i = 0; i < room->n_ranking; i++) {
		uint32_t owner = room->ranking[i];
		if (pin_owner_root(o, owner) != root)
			continue;
		if (first == UINT32_MAX) {
			first = owner;
			type = pin_owner_type(o, owner);
		}
		if (pin_owner_type(o, owner) == type)
			add_heads(room, owner, &heads);
	}
	to->type_count = heads_of(&heads, to->arenas);
	if (first == UINT32_MAX)
		return NULL;
	_cleanup_(holder_chain_fini) struct holder_chain chain = {.count = 0};
	to->type = type_name(o, type);
	struct error *err =
		to->type ? graph_path_chain(r->graph, first, &chain) : error_out_of_memory();
	if (err)
		return err;
	to->links.items = take(chain.links.items);
	to->links.count = chain.links.count;
	to->links.room = chain.links.room;
	chain.links.count = chain.links.room = 0;
	return NULL;
}

static struct error *add_root(struct pin_room *room, uint32_t root, const struct pin_group *from,
			      struct pins *ret)
{
	const struct graph_root *of = &room->request->graph->roots.items[root];
	struct pin_root *to = vec_push(&ret->roots);
	if (!to)
		return error_out_of_memory();
	to->name = strdup(of->name ?: "unknown");
	if (!to->name)
		return error_out_of_memory();
	to->kind = of->kind;
	to->count = from->objects;
	to->bytes = from->bytes;
	to->arenas = from->units;
	to->sole_arenas = from->sole_units;
	to->held = from->held;
	to->returned = size_subtract(from->returned, from->kept);
	return describe_root(room, root, to);
}

/* The root without which most more would go back, all that are gone aside, and what: nothing, where there is none. */
static struct error *next_lead(struct pin_room *room, const bool *gone, uint32_t *ret,
			       struct pin_group *ret_more)
{
	uint32_t n = room->owners.n_roots;
	_cleanup_(free_pointer) struct pin_group *groups = NULL;
	struct error *err = group(room, pin_owner_root, n + 1, gone, &groups);
	if (err)
		return err;
	*ret = n;
	*ret_more = (struct pin_group){.returned = 0};
	for (uint32_t i = 0; i < n; i++) {
		if (!gone[i] && groups[i].returned > ret_more->returned) {
			*ret = i;
			*ret_more = groups[i];
		}
	}
	return NULL;
}

/* Sets gone[] of the few that lead, and leads[] in their order. */
static struct error *find_leads(struct pin_room *room, bool *gone, uint32_t *leads,
				struct pins *ret)
{
	struct error *err = NULL;
	uint64_t kept = 0;
	while (ret->lead_roots < LEADS_MAX) {
		uint32_t next;
		struct pin_group more;
		err = next_lead(room, gone, &next, &more);
		if (err || !more.returned || more.returned < ret->lead_returned / LEAD_SHARE)
			break;
		gone[next] = true;
		leads[ret->lead_roots++] = next;
		ret->lead_returned = size_add(ret->lead_returned, more.returned);
		ret->lead_collected += more.collected;
		kept = size_max(kept, more.kept);
	}
	ret->lead_returned = size_subtract(ret->lead_returned, kept);
	return err;
}

struct error *pin_rows_roots(struct pin_room *room, struct pins *ret)
{
	uint32_t n = room->owners.n_roots, met = 0, leads[LEADS_MAX] = {0};
	if (!room->request->graph)
		return NULL;
	_cleanup_(free_pointer) bool *gone = calloc((size_t)n + 1, sizeof(*gone));
	_cleanup_(free_pointer) struct pin_group *groups = NULL;
	if (!gone)
		return error_out_of_memory();
	struct error *err = group(room, pin_owner_root, n + 1, NULL, &groups);
	err = err ?: find_leads(room, gone, leads, ret);
	if (err)
		return err;
	_cleanup_(free_pointer) uint32_t *order = order_groups(groups, n, &met);
	if (!order)
		return error_out_of_memory();
	for (uint32_t i = 0; i < ret->lead_roots && !err; i++)
		err = add_root(room, leads[i], &groups[leads[i]], ret);
	for (uint32_t i = 0; i < met && ret->roots.count < ROWS_MAX && !err; i++) {
		if (!gone[order[i]])
			err = add_root(room, order[i], &groups[order[i]], ret);
	}
	return err;
}
