/*
 * tally: what is known of each block is put together, in one sweep that memory can keep up with.
 */
#include "inspector/holders/walk/tally.h"

#include "inspector/holders/walk/head.h"
#include "inspector/object/str_state.h"

static bool is_live_object(const struct rule *rule)
{
	return rule->object && !rule->dead && rule->type != TYPE_NONE;
}

/* ---- strings --------------------------------------------------------------------------- */

static bool state_of(struct scanner *s, uint32_t node, const struct rule *rule, uint64_t *ret)
{
	uint64_t start, size, there = 0;
	scanner_place(s, node, &start, &size);
	const uint8_t *bytes =
		scanner_bytes(s, start + rule->into + s->ground->shapes.str.state, 8, &there);
	if (!bytes || there < 8)
		return false;
	memcpy(ret, bytes, 8);
	return true;
}

static void count(uint64_t size, uint64_t *count_ret, uint64_t *bytes_ret)
{
	(*count_ret)++;
	*bytes_ret += size;
}

/* Of a str that is reached, where they stand elsewhere: which the scanner finds out. */
static void reach_characters(struct walk *w, uint32_t node)
{
	if (walk_is_reached(w, node))
		walk_from_node(w, node);
}

static void look_at_str(struct walk *w, uint32_t node, const struct rule *rule, uint64_t size)
{
	struct graph *graph = w->graph;
	uint64_t word;
	if (!state_of(w->scanner, node, rule, &word))
		return;
	const struct str_state state = str_state_of(&w->scanner->ground->shapes, word);
	if (state.interned)
		count(size, &graph->interned_count, &graph->interned_bytes);
	if (str_state_is_scattered(&state))
		reach_characters(w, node);
}

static void look_at_object(struct walk *w, uint32_t node, const struct rule *rule)
{
	struct head head;
	uint64_t size = scanner_size(w->scanner, node);
	if (w->scanner->ground->shapes.refcount != REFCOUNT_PLAIN &&
	    head_read(w->scanner, node, &head) && head.immortal)
		count(size, &w->graph->immortal_count, &w->graph->immortal_bytes);
	if (rule->scan == RULE_STR)
		look_at_str(w, node, rule, size);
}

void tally_strings(struct walk *walk)
{
	uint32_t n = walk->scanner->ground->plot.n_blocks;
	walk->reads_strings = true; /* one that is reached from here on may lie behind */
	for (uint32_t node = 0; node < n && !walk->ended; node++) {
		const struct rule *rule = scanner_rule(walk->scanner, node);
		if (is_live_object(rule))
			look_at_object(walk, node, rule);
	}
	/* Of those outside of blocks nothing is counted. */
	for (uint32_t node = n; node < walk->graph->n_nodes && !walk->ended; node++)
		if (scanner_rule(walk->scanner, node)->scan == RULE_STR)
			reach_characters(walk, node);
	walk_on(walk);
}

/* ---- bytes ----------------------------------------------------------------------------- */

void tally_bytes(struct walk *walk)
{
	struct graph *graph = walk->graph;
	uint32_t n = walk->scanner->ground->plot.n_blocks;
	for (uint32_t node = 0; node < n; node++) {
		uint32_t on = ties_path(&graph->ties, node);
		if (on == GRAPH_PATH_NONE)
			continue;
		struct graph_path *path = &graph->paths.items[on];
		path->bytes += scanner_size(walk->scanner, node);
		path->count += !scanner_rule(walk->scanner, node)->owned;
	}
}
