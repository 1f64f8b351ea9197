/*
 * chains: of a root's tree of paths the few rows that tell most of it.
 *
 *	app.CACHE   dict 1 ──▷ app.Session 1,322 ──▷ str 5,288           from the heaviest path down the heaviest
 *	                    ╲                  ╲──▷ list 1,322           branches, as far as they hold half
 *	                     ╲─▷ str 1,322
 *
 * The row ends where it fans out most: "dict ─ app.Session" says more than "dict", and no less than one that goes on to each
 * str; but never at a function or what runs one, for those are known by what their variables hold. What hangs beside the row is looked
 * at afterwards.
 */
#include "inspector/holders/chains.h"

#include "base/cleanup.h"
#include "inspector/holders/walk/scanner.h"

/* Deepest that paths are: see paths.c, where longer rows are folded. */
#define CHAINS_DEEPEST 64

/* Of a root's bytes: what holds less is not told. */
#define CHAINS_LEAST_PERMILLE 10

static void hang(struct chains *c, uint32_t i)
{
	const struct graph_path *path = &c->graph->paths.items[i];
	uint32_t *first =
		path->up == GRAPH_PATH_NONE ? &c->of_root[path->root] : &c->below[path->up];
	c->beside[i] = *first;
	*first = i;
}

static uint32_t *none(size_t n)
{
	uint32_t *table = malloc((n + 1) * sizeof(*table));
	if (table)
		memset(table, 0xff, (n + 1) * sizeof(*table));
	return table;
}

struct error *chains_init(const struct graph *graph, struct chains *ret)
{
	struct chains chains = {
		.graph = graph,
		.of_root = none(graph->roots.count),
		.below = none(graph->paths.count),
		.beside = none(graph->paths.count),
	};
	if (!chains.of_root || !chains.below || !chains.beside) {
		chains_fini(&chains);
		return error_out_of_memory();
	}
	/* From the last on, so that those told first stand first. */
	for (size_t i = graph->paths.count; i-- > 0;)
		hang(&chains, (uint32_t)i);
	*ret = chains;
	return NULL;
}

void chains_fini(struct chains *chains)
{
	free(take(chains->of_root));
	free(take(chains->below));
	free(take(chains->beside));
}

/* ---- choosing -------------------------------------------------------------------------- */

/* Paths that are still to be looked at. A few dozen at most. */
struct choice {
	const struct chains *chains;
	VEC(uint32_t) open;
	bool failed;
};

static uint64_t weight(const struct chains *c, uint32_t path)
{
	return c->graph->paths.items[path].all_bytes;
}

static void open_all(struct choice *choice, uint32_t first, uint32_t but)
{
	for (uint32_t i = first; i != GRAPH_PATH_NONE; i = choice->chains->beside[i]) {
		uint32_t *open =
			i == but || !weight(choice->chains, i) ? NULL : vec_push(&choice->open);
		if (open)
			*open = i;
	}
}

/* Takes the heaviest open path; GRAPH_PATH_NONE: there is none. */
static uint32_t take_heaviest(struct choice *choice)
{
	size_t best = 0;
	if (!choice->open.count)
		return GRAPH_PATH_NONE;
	for (size_t i = 1; i < choice->open.count; i++)
		if (weight(choice->chains, choice->open.items[i]) >
		    weight(choice->chains, choice->open.items[best]))
			best = i;
	uint32_t path = choice->open.items[best];
	choice->open.items[best] = choice->open.items[--choice->open.count];
	return path;
}

uint32_t chains_heaviest(const struct chains *c, uint32_t first)
{
	uint32_t best = GRAPH_PATH_NONE;
	for (uint32_t i = first; i != GRAPH_PATH_NONE; i = c->beside[i])
		if (best == GRAPH_PATH_NONE || weight(c, i) > weight(c, best))
			best = i;
	return best;
}

/* From a path down to where one of those below no longer holds half: how many are in *ret. */
static size_t descend(const struct chains *c, uint32_t path, uint32_t *ret)
{
	size_t n = 0;
	ret[n++] = path;
	while (n < CHAINS_DEEPEST) {
		uint32_t next = chains_heaviest(c, c->below[path]);
		if (next == GRAPH_PATH_NONE || weight(c, next) < (weight(c, path) + 1) / 2)
			break;
		path = next;
		ret[n++] = path;
	}
	return n;
}

/* Which of a row fans out most; where nothing does, the last. */
static size_t widest(const struct chains *c, const uint32_t *row, size_t n)
{
	size_t best = n - 1;
	uint64_t most = 1, before = 1;
	for (size_t i = 0; i < n; i++) {
		uint64_t count = c->graph->paths.items[row[i]].count;
		if (count / before > most) {
			most = count / before;
			best = i;
		}
		before = size_max(count, 1);
	}
	return best;
}

static enum type_kind kind_of(const struct chains *c, uint32_t path)
{
	const struct type_table *types = &c->graph->scanner->ground->types;
	uint32_t type = c->graph->paths.items[path].type;
	return type == TYPE_NONE ? TYPE_OTHER : type_table_get(types, type)->kind;
}

/* A function and its closure, a cell, a frame. */
static bool has_variables(const struct chains *c, uint32_t path)
{
	const uint32_t up = c->graph->paths.items[path].up;
	switch ((int)kind_of(c, path)) {
	case TYPE_TUPLE:
		return up != GRAPH_PATH_NONE && kind_of(c, up) == TYPE_FUNCTION;
	case TYPE_FUNCTION:
	case TYPE_CELL:
	case TYPE_FRAME:
	case TYPE_GENERATOR:
		return true;
	default:
		return false;
	}
}

static size_t end_of(const struct chains *c, const uint32_t *row, size_t n)
{
	size_t end = widest(c, row, n);
	while (end + 1 < n && has_variables(c, row[end]))
		end++;
	return end;
}

size_t chains_choose(const struct chains *chains, uint32_t root, uint32_t *ret, size_t max)
{
	struct choice choice = {.chains = chains};
	uint64_t least = chains->graph->roots.items[root].bytes / 1000 * CHAINS_LEAST_PERMILLE;
	size_t n = 0;
	open_all(&choice, chains->of_root[root], GRAPH_PATH_NONE);
	while (n < max) {
		uint32_t row[CHAINS_DEEPEST];
		uint32_t path = take_heaviest(&choice);
		if (path == GRAPH_PATH_NONE || weight(chains, path) < least)
			break;
		size_t end = end_of(chains, row, descend(chains, path, row));
		for (size_t i = 0; i < end; i++)
			open_all(&choice, chains->below[row[i]], row[i + 1]);
		ret[n++] = row[end];
	}
	vec_fini(&choice.open);
	/* Those beside a row may hold more than its end. */
	for (size_t i = 1; i < n; i++)
		for (size_t k = i; k > 0 && weight(chains, ret[k - 1]) < weight(chains, ret[k]);
		     k--) {
			uint32_t swap = ret[k];
			ret[k] = ret[k - 1];
			ret[k - 1] = swap;
		}
	return n;
}
