/*
 * link: asks object/edge.h, and finds words for what it says.
 */
#include "inspector/holders/link.h"

#include "base/cleanup.h"
#include "inspector/object/edge.h"

bool link_object(struct scanner *scanner, uint32_t node, struct object *ret)
{
	struct ground *ground = scanner->ground;
	const struct rule *rule = scanner_rule(scanner, node);
	uint64_t start, size;
	if (!rule->object || rule->type == TYPE_NONE)
		return false;
	scanner_place(scanner, node, &start, &size);
	if (node >= ground->plot.n_blocks)
		return object_at(&ground->types, raddr_at(start + rule->into), ret);
	return object_in_block(&ground->types, raddr_at(start), size, ret);
}

/* What a reference to a node is the address of. */
static raddr address_of(struct scanner *scanner, uint32_t node)
{
	uint64_t start, size;
	scanner_place(scanner, node, &start, &size);
	return raddr_at(start + scanner_rule(scanner, node)->into);
}

static void add_words(const struct edge *edge, bool contents, struct text *ret)
{
	switch (edge->kind) {
	case EDGE_ATTRIBUTE:
	case EDGE_GLOBAL:
	case EDGE_LOCAL:
		if (edge->name)
			text_addf(ret, ".%s", edge->name);
		break;
	case EDGE_KEY:
		if (edge->name)
			text_addf(ret, contents ? "['%s']" : "[%s]", edge->name);
		break;
	case EDGE_INDEX:
		text_addf(ret, "[%" PRIu64 "]", edge->index);
		break;
	case EDGE_TYPE:
		text_add(ret, ".__class__");
		break;
	case EDGE_CELL:
		text_add(ret, ".cell_contents");
		break;
	case EDGE_UNKNOWN:
	case EDGE_AS_KEY:
	case EDGE_ELEMENT:
		break;
	}
}

void link_add_edge(struct scanner *scanner, uint32_t from, uint32_t to, bool contents,
		   struct text *ret)
{
	struct edge edge = {.kind = EDGE_UNKNOWN};
	struct object object;
	if (!link_object(scanner, from, &object))
		return;
	edge_find(&scanner->ground->types, &object, address_of(scanner, to), contents, &edge);
	add_words(&edge, contents, ret);
	edge_fini(&edge);
}

void link_add_attribute(struct scanner *scanner, uint32_t from, uint32_t to, struct text *ret)
{
	struct edge edge = {.kind = EDGE_UNKNOWN};
	struct object object;
	if (!link_object(scanner, from, &object))
		return;
	edge_find(&scanner->ground->types, &object, address_of(scanner, to), false, &edge);
	if (edge.kind == EDGE_ATTRIBUTE || edge.kind == EDGE_GLOBAL)
		add_words(&edge, false, ret);
	edge_fini(&edge);
}
