/*
 * walk: levels of nodes, each scanned once; what they refer to and nobody reached before is the next level.
 *
 *	now    [ nodes, in the order of addresses ]
 *	          │ words
 *	ahead  [ claims whose label and place in the tables are on the way into the cache ]
 *	          │ the first to claim a node is its parent
 *	late   [ those of them that are native memory ]
 *	next   [ nodes that hold references themselves ]
 *
 * Sixteen million blocks in random order are as many misses of the cache; WALK_AHEAD of them are under way at a time.
 */
#include "inspector/holders/walk/walk.h"

#include "base/cleanup.h"

struct error *walk_init(struct walk *walk, struct graph *graph)
{
	*walk = (struct walk){.graph = graph, .scanner = graph->scanner};
	size_t n_words = (size_t)graph->n_nodes / 64 + 1;
	/* Every root is on a path of its own; and there are more rows of types than anybody can read. */
	uint32_t most = (uint32_t)size_min(graph->roots.count * 2 + 65536 + graph->n_nodes / 64,
					   TIES_PATHS_MAX);
	struct error *err = paths_init(&walk->paths, graph, most);
	err = err ?: frontier_init(&walk->now, graph->n_nodes);
	err = err ?: frontier_init(&walk->next, graph->n_nodes);
	err = err ?: frontier_init(&walk->late, graph->n_nodes);
	walk->reached = err ? NULL : calloc(n_words, sizeof(*walk->reached));
	if (!err && !walk->reached)
		err = error_out_of_memory();
	if (err) {
		walk_fini(walk);
		return err;
	}
	return NULL;
}

void walk_fini(struct walk *walk)
{
	paths_fini(&walk->paths);
	frontier_fini(&walk->now);
	frontier_fini(&walk->next);
	frontier_fini(&walk->late);
	vec_fini(&walk->others);
	vec_fini(&walk->told);
	free(take(walk->reached));
}

/* ---- claims ---------------------------------------------------------------------------- */

static void set_reached(struct walk *w, uint32_t node)
{
	w->reached[node / 64] |= UINT64_C(1) << (node % 64);
}

/* A buffer is on the path of its owner. One that a root holds with no owner between has a path like native memory. */
static uint32_t path_of(struct walk *w, const struct walk_claim *claim, const struct rule *rule)
{
	if (rule->owned && !(claim->path & PATHS_ROOT))
		return claim->path;
	return paths_below(&w->paths, claim->path, rule->type, claim->node, claim->offset);
}

/* A buffer is its owner's, and not that of whoever happens to point into it as well, such as an old word behind the last entry of
 * another buffer: then it waits. */
static bool comes_from_owner(struct walk *w, const struct walk_claim *claim,
			     const struct rule *rule)
{
	if (rule->owner == TYPE_NONE || claim->parent == PLOT_NONE)
		return true;
	const struct rule *parent = scanner_rule(w->scanner, claim->parent);
	if (parent->owned)
		return parent->leads_on && rule->owner == parent->owner;
	return rule->owner == parent->type;
}

/* Those few are native memory, as most nodes are not. */
static bool is_told(const struct walk *w, uint32_t node, const struct rule *rule)
{
	for (size_t i = 0; rule->native && i < w->told.count; i++)
		if (w->told.items[i] == node)
			return true;
	return false;
}

static void reach(struct walk *w, const struct walk_claim *claim, const struct rule *rule)
{
	uint32_t path = path_of(w, claim, rule);
	if (path == GRAPH_PATH_NONE) {
		w->n_pathless++;
		return;
	}
	set_reached(w, claim->node);
	ties_set(&w->graph->ties, claim->node, claim->parent, path);
	bool reads = rule->scan > RULE_STR || (w->reads_strings && rule->scan == RULE_STR);
	if (reads && !is_told(w, claim->node, rule))
		frontier_add(&w->next, claim->node);
}

static uint64_t *known_of(struct walk *w, uint64_t word)
{
	return &w->known[(word >> 4) % WALK_KNOWN];
}

/* What need not be looked up again. Not of a claim that waits: the same word may come from the owner next. */
static void know(struct walk *w, uint64_t word)
{
	*known_of(w, word) = word;
}

static void know_static(struct walk *w, uint32_t node)
{
	const struct ground *ground = w->scanner->ground;
	know(w, ground->outside.list.items[node - ground->plot.n_blocks].at);
}

static void settle(struct walk *w, const struct walk_claim *claim)
{
	if (walk_is_reached(w, claim->node))
		return;
	const struct rule *rule = scanner_rule(w->scanner, claim->node);
	bool is_static = claim->node >= w->scanner->ground->plot.n_blocks;
	if (!scanner_is_meant(rule, claim->into))
		return;
	if (w->no_static_types && is_static && rule->is_type && claim->parent != PLOT_NONE) {
		know_static(w, claim->node);
		return;
	}
	if (comes_from_owner(w, claim, rule)) {
		reach(w, claim, rule);
		return;
	}
	struct walk_claim *other = vec_push(&w->others);
	if (other)
		*other = *claim;
	else
		w->failed = true;
}

static void settle_oldest(struct walk *w)
{
	settle(w, &w->ahead[w->n_claimed++ % WALK_AHEAD]);
}

static void settle_all(struct walk *w)
{
	while (w->n_claimed < w->n_ahead)
		settle_oldest(w);
}

/* Its claim waits until what settling it needs is in the cache. */
static void put_ahead(struct walk *w, uint32_t node, uint32_t offset, uint32_t into)
{
	const struct ground *ground = w->scanner->ground;
	if (w->n_ahead - w->n_claimed == WALK_AHEAD)
		settle_oldest(w);
	if (node < ground->plot.n_blocks)
		__builtin_prefetch(&ground->labels.of_block[node], 0);
	ties_prefetch(&w->graph->ties, node);
	w->ahead[w->n_ahead++ % WALK_AHEAD] =
		(struct walk_claim){node, w->parent, w->path, offset, into};
}

static void see(void *context, const struct sight *sights, size_t n)
{
	struct walk *w = context;
	for (size_t i = 0; i < n; i++) {
		if (*known_of(w, sights[i].value) == sights[i].value)
			continue;
		uint32_t into;
		uint32_t node = scanner_find(w->scanner, sights[i].value, &into);
		if (node == PLOT_NONE || walk_is_reached(w, node))
			know(w, sights[i].value);
		else
			put_ahead(w, node, (uint32_t)size_min(sights[i].offset, UINT32_MAX), into);
	}
}

/* ---- roots ----------------------------------------------------------------------------- */

static void begin(struct walk *w, uint32_t root)
{
	w->parent = PLOT_NONE;
	w->path = PATHS_OF_ROOT(root);
}

void walk_from_word(struct walk *walk, uint32_t root, uint64_t word)
{
	const struct sight sight = {word, 0};
	begin(walk, root);
	see(walk, &sight, 1);
	settle_all(walk);
}

void walk_from_memory(struct walk *walk, uint32_t root, uint64_t at, uint64_t size)
{
	begin(walk, root);
	scanner_memory(walk->scanner, at, size, see, walk);
	settle_all(walk);
}

bool walk_hold(struct walk *walk, uint32_t node)
{
	if (walk_is_reached(walk, node))
		return false;
	set_reached(walk, node);
	return true;
}

void walk_let_go(struct walk *walk, uint32_t node)
{
	walk->reached[node / 64] &= ~(UINT64_C(1) << (node % 64));
	/* Words that lead to it were passed over. */
	memset(walk->known, 0, sizeof(walk->known));
}

/* ---- levels ---------------------------------------------------------------------------- */

static bool go_on(struct walk *w)
{
	uint64_t all = (uint64_t)w->graph->n_nodes + 1;
	if (!w->progress)
		return true;
	return w->progress(w->progress_context, "holders",
			   (unsigned)size_min(w->n_done * 1000 / all, 1000));
}

static void scan(struct walk *w, uint32_t node)
{
	w->parent = node;
	w->path = ties_path(&w->graph->ties, node);
	scanner_node(w->scanner, node, ties_parent(&w->graph->ties, node), see, w);
}

void walk_from_node(struct walk *walk, uint32_t node)
{
	scan(walk, node);
	settle_all(walk);
}

/* Scans what is in a frontier; native memory is put aside, where there is a place for it. */
static void walk_over(struct walk *w, struct frontier *from, struct frontier *aside)
{
	uint32_t nodes[512];
	for (size_t n; !w->ended && (n = frontier_take(from, nodes, ARRAY_SIZE(nodes)));) {
		for (size_t i = 0; i < n; i++) {
			if (aside && scanner_rule(w->scanner, nodes[i])->native)
				frontier_add(aside, nodes[i]);
			else
				scan(w, nodes[i]);
		}
		uint64_t before = w->n_done;
		w->n_done += n;
		if (before >> 16 != w->n_done >> 16 && !go_on(w))
			w->ended = true;
	}
	settle_all(w);
}

/* A way through Python's objects says more than one that is as short through memory of which nothing is known. */
static void walk_level(struct walk *w)
{
	walk_over(w, &w->now, &w->late);
	walk_over(w, &w->late, NULL);
}

/* Buffers that no owner came for. */
static void reach_others(struct walk *w)
{
	for (size_t i = 0; i < w->others.count; i++) {
		const struct walk_claim *claim = &w->others.items[i];
		if (!walk_is_reached(w, claim->node))
			reach(w, claim, scanner_rule(w->scanner, claim->node));
	}
	w->others.count = 0;
}

void walk_on(struct walk *walk)
{
	while (!walk->ended && (walk->next.n || walk->others.count)) {
		if (!walk->next.n)
			reach_others(walk);
		struct frontier next = walk->next;
		walk->next = walk->now;
		walk->now = next;
		walk_level(walk);
	}
}

void walk_static_types(struct walk *walk)
{
	walk->no_static_types = false;
	/* Words that lead to them were passed over. */
	memset(walk->known, 0, sizeof(walk->known));
}
