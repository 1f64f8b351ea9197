/*
 * rest: counts what the unreached refer to among themselves, then spreads from what must be alive without them.
 *
 *	        ┌──▷ b ──┐
 *	a ◁─────┤        ▽        found(a) = 1, refcount(a) = 1: the cycle explains itself, garbage
 *	        └─── d ◁─ c       refcount(c) = 2, found(c) = 1: somebody forgot c, and a, b, d hang on it
 *
 *	[e] ⇄ f    g ⇄ h ─▷ [i]           [ ] frozen: e keeps f, for the collector never looks at e; i goes with g and h
 *
 * Nothing that is reached refers to them, else they were reached: so a second scan of them alone counts every pointer.
 */
#include "inspector/holders/rest.h"

#include "base/cleanup.h"
#include "inspector/holders/walk/frozen.h"
#include "inspector/holders/walk/head.h"

static bool is_dead(const struct scanner *s, uint32_t node)
{
	const struct ground *ground = s->ground;
	bool used = node >= ground->plot.n_blocks || plot_is_used(&ground->plot, node);
	return !used || scanner_rule(s, node)->dead;
}

static bool gather(struct scanner *s, const struct graph *graph, struct rest *r)
{
	size_t n_words = (size_t)graph->n_nodes / 64 + 1;
	r->in = calloc(n_words, sizeof(*r->in));
	r->before = calloc(n_words, sizeof(*r->before));
	if (!r->in || !r->before)
		return false;
	for (uint32_t node = 0; node < graph->n_nodes; node++)
		if (ties_path(&graph->ties, node) == GRAPH_PATH_NONE && !is_dead(s, node))
			r->in[node / 64] |= UINT64_C(1) << (node % 64);
	for (size_t i = 0; i < n_words; i++) {
		r->before[i] = r->n;
		r->n += (uint32_t)__builtin_popcountll(r->in[i]);
	}
	r->found = calloc((size_t)r->n + 1, sizeof(*r->found));
	r->parent = malloc(((size_t)r->n + 1) * sizeof(*r->parent));
	r->kind = calloc((size_t)r->n + 1, sizeof(*r->kind));
	if (!r->found || !r->parent || !r->kind)
		return false;
	memset(r->parent, 0xff, ((size_t)r->n + 1) * sizeof(*r->parent));
	return true;
}

/* ---- pointers -------------------------------------------------------------------------- */

struct pass {
	struct scanner *scanner;
	struct rest *rest;
	const uint64_t *frozen; /* borrowed; NULL: by a list nothing is */
	uint32_t from;
	/* of a spreading */
	enum rest_kind kind;
	VEC(uint32_t) stack;
	bool failed;
};

/* What a word refers to among the rest; PLOT_NONE: nothing. */
static uint32_t target(const struct pass *pass, uint64_t word)
{
	uint32_t into;
	uint32_t node = scanner_find(pass->scanner, word, &into);
	bool meant = node != PLOT_NONE && rest_has(pass->rest, node) &&
		     scanner_is_meant(scanner_rule(pass->scanner, node), into);
	return meant ? node : PLOT_NONE;
}

static void see_parent(void *context, const struct sight *sights, size_t n)
{
	struct pass *pass = context;
	for (size_t i = 0; i < n; i++) {
		uint32_t node = target(pass, sights[i].value);
		uint32_t *parent = node == PLOT_NONE
					   ? NULL
					   : &pass->rest->parent[rest_index(pass->rest, node)];
		if (parent && *parent == PLOT_NONE && node != pass->from)
			*parent = pass->from;
	}
}

static void see_count(void *context, const struct sight *sights, size_t n)
{
	struct pass *pass = context;
	for (size_t i = 0; i < n; i++) {
		uint32_t node = target(pass, sights[i].value);
		if (node != PLOT_NONE)
			pass->rest->found[rest_index(pass->rest, node)]++;
	}
}

/* Calls `visit` with each node of the rest. */
static void each(struct pass *pass, void (*visit)(struct pass *pass, uint32_t node, uint32_t index))
{
	const struct rest *r = pass->rest;
	uint32_t index = 0;
	for (size_t i = 0; index < r->n; i++)
		for (uint64_t bits = r->in[i]; bits; bits &= bits - 1)
			visit(pass, (uint32_t)(i * 64) + (uint32_t)__builtin_ctzll(bits), index++);
}

static void find_parents(struct pass *pass, uint32_t node, uint32_t index)
{
	(void)index;
	pass->from = node;
	scanner_node(pass->scanner, node, PLOT_NONE, see_parent, pass);
}

static void count_pointers(struct pass *pass, uint32_t node, uint32_t index)
{
	scanner_node(pass->scanner, node, pass->rest->parent[index], see_count, pass);
}

/* ---- spreading ------------------------------------------------------------------------- */

/* Told of each reference of garbage's once: what was taken for frozen and has none left goes with it. */
static bool is_let_go(const struct pass *pass, uint32_t index)
{
	const struct rest *r = pass->rest;
	return pass->kind == REST_GARBAGE && r->kind[index] == REST_FROZEN &&
	       --r->found[index] == 0;
}

static void mark(struct pass *pass, uint32_t node)
{
	uint32_t index = rest_index(pass->rest, node);
	uint8_t *kind = &pass->rest->kind[index];
	if (*kind != REST_OTHER && !is_let_go(pass, index))
		return;
	uint32_t *top = vec_push(&pass->stack);
	if (!top) {
		pass->failed = true;
		return;
	}
	*top = node;
	*kind = (uint8_t)pass->kind;
	/* Objects that a lost chunk holds are not lost: their reference is. */
	if (pass->kind == REST_LOST && !scanner_rule(pass->scanner, node)->native)
		*kind = REST_LEAKED;
}

static void see_mark(void *context, const struct sight *sights, size_t n)
{
	struct pass *pass = context;
	for (size_t i = 0; i < n; i++) {
		uint32_t node = target(pass, sights[i].value);
		if (node != PLOT_NONE)
			mark(pass, node);
	}
}

static void spread(struct pass *pass, uint32_t node)
{
	mark(pass, node);
	while (pass->stack.count) {
		uint32_t next = pass->stack.items[--pass->stack.count];
		uint32_t parent = pass->rest->parent[rest_index(pass->rest, next)];
		scanner_node(pass->scanner, next, parent, see_mark, pass);
	}
}

static bool read_head(struct pass *pass, uint32_t node, struct head *ret)
{
	const struct rule *rule = scanner_rule(pass->scanner, node);
	return rule->object && rule->type != TYPE_NONE && head_read(pass->scanner, node, ret);
}

/* In 3.13 without the GIL such are modules, classes and functions, once there was a second thread
 * (_PyGC_ImmortalizeDeferredObjects() and update_refs() in Python/gc_free_threading.c). */
static void spread_kept(struct pass *pass, uint32_t node, uint32_t index)
{
	struct head head;
	(void)index;
	if (read_head(pass, node, &head) && head.immortal)
		spread(pass, node);
}

static void spread_leaked(struct pass *pass, uint32_t node, uint32_t index)
{
	struct head head;
	if (read_head(pass, node, &head) && !head.immortal && !head.uncounted &&
	    head.refcount > pass->rest->found[index])
		spread(pass, node);
}

static void spread_lost_heads(struct pass *pass, uint32_t node, uint32_t index)
{
	if (scanner_rule(pass->scanner, node)->native && !pass->rest->found[index])
		spread(pass, node);
}

/* Before it is known which of them are held by garbage alone. */
static void spread_frozen(struct pass *pass, uint32_t node, uint32_t index)
{
	struct head head;
	if (pass->rest->kind[index] == REST_OTHER && read_head(pass, node, &head) && head.tracked &&
	    (head.frozen || frozen_has(pass->frozen, node)))
		spread(pass, node);
}

static void spread_garbage(struct pass *pass, uint32_t node, uint32_t index)
{
	struct head head;
	if (pass->rest->kind[index] == REST_OTHER && read_head(pass, node, &head) && head.tracked)
		spread(pass, node);
}

static void spread_lost(struct pass *pass, uint32_t node, uint32_t index)
{
	if (pass->rest->kind[index] == REST_OTHER && scanner_rule(pass->scanner, node)->native)
		spread(pass, node);
}

static void judge(struct pass *pass)
{
	each(pass, find_parents);
	each(pass, count_pointers);
	pass->kind = REST_KEPT;
	each(pass, spread_kept);
	pass->kind = REST_LEAKED;
	each(pass, spread_leaked);
	pass->kind = REST_LOST;
	each(pass, spread_lost_heads);
	pass->kind = REST_FROZEN;
	each(pass, spread_frozen);
	pass->kind = REST_GARBAGE;
	each(pass, spread_garbage);
	pass->kind = REST_LOST;
	each(pass, spread_lost);
}

struct error *rest_init(struct scanner *scanner, const struct graph *graph, struct rest *ret)
{
	struct rest rest = {0};
	struct pass pass = {.scanner = scanner, .rest = &rest, .frozen = graph->frozen};
	bool done = gather(scanner, graph, &rest);
	if (done)
		judge(&pass);
	vec_fini(&pass.stack);
	if (!done || pass.failed) {
		rest_fini(&rest);
		return error_out_of_memory();
	}
	*ret = rest;
	return NULL;
}

void rest_fini(struct rest *rest)
{
	free(take(rest->in));
	free(take(rest->before));
	free(take(rest->found));
	free(take(rest->parent));
	free(take(rest->kind));
}

uint64_t *rest_nodes(const struct rest *rest, enum rest_kind kind, uint32_t n_nodes)
{
	uint64_t *nodes = calloc((size_t)n_nodes / 64 + 1, sizeof(*nodes));
	uint32_t index = 0;
	for (size_t i = 0; nodes && index < rest->n; i++)
		for (uint64_t bits = rest->in[i]; bits; bits &= bits - 1)
			if (rest->kind[index++] == kind)
				nodes[i] |= bits & -bits;
	return nodes;
}
