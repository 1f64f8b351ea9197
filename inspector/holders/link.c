/*
 * link: asks object/edge.h, and finds words for what it says.
 */
#include "inspector/holders/link.h"

#include "base/cleanup.h"
#include "inspector/object/closure.h"
#include "inspector/object/dict_walk.h"
#include "inspector/object/edge.h"
#include "inspector/object/frame.h"

#define NAMES_MAX 4096 /* of one dict */

/* The object that a node is. False: it is none. */
static bool object_of(struct scanner *scanner, uint32_t node, struct object *ret)
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
	if (!object_of(scanner, from, &object))
		return;
	edge_find(&scanner->ground->types, &object, address_of(scanner, to), contents, &edge);
	add_words(&edge, contents, ret);
	edge_fini(&edge);
}

/* Whether what it refers to may have names: what has none is not searched, for it may be long. */
static bool has_names(struct scanner *scanner, const struct object *object)
{
	struct type_table *types = &scanner->ground->types;
	struct dict_walk walk;
	switch ((int)type_table_get(types, object->type)->kind) {
	case TYPE_LIST:
	case TYPE_TUPLE:
	case TYPE_SET:
	case TYPE_DEQUE:
		return false;
	case TYPE_DICT:
	case TYPE_ODICT:
		return dict_walk_begin(types, object->at, &walk) && walk.n <= NAMES_MAX;
	default:
		return true;
	}
}

void link_add_attribute(struct scanner *scanner, uint32_t from, uint32_t to, struct text *ret)
{
	struct edge edge = {.kind = EDGE_UNKNOWN};
	struct object object;
	if (!object_of(scanner, from, &object) || !has_names(scanner, &object))
		return;
	edge_find(&scanner->ground->types, &object, address_of(scanner, to), false, &edge);
	if (edge.kind == EDGE_ATTRIBUTE || edge.kind == EDGE_GLOBAL || edge.kind == EDGE_LOCAL)
		add_words(&edge, false, ret);
	edge_fini(&edge);
}

void link_add_local(struct scanner *scanner, uint32_t from, uint32_t to, struct text *ret)
{
	struct type_table *types = &scanner->ground->types;
	struct edge edge = {.kind = EDGE_UNKNOWN};
	struct object object;
	struct frame_view frame;
	if (!object_of(scanner, from, &object) || !frame_of(types, &object, &frame))
		return;
	edge_find(types, &object, address_of(scanner, to), false, &edge);
	if (edge.kind == EDGE_LOCAL && edge.name) {
		text_add(ret, " ");
		frame_title(types, &frame, ret);
		text_addf(ret, "() %s", edge.name);
	}
	edge_fini(&edge);
}

static void add_variable(struct scanner *scanner, uint32_t from, uint32_t cell, bool whose,
			 struct text *ret)
{
	struct type_table *types = &scanner->ground->types;
	_cleanup_(text_fini) struct text name = TEXT_EMPTY;
	struct object function;
	if (!object_of(scanner, from, &function) ||
	    !closure_variable(types, &function, address_of(scanner, cell), &name))
		return;
	if (whose) {
		text_add(ret, " ");
		closure_title(types, &function, ret);
	}
	text_addf(ret, "() %s", text_string(&name));
}

void link_add_closure(struct scanner *scanner, uint32_t from, uint32_t cell, struct text *ret)
{
	add_variable(scanner, from, cell, true, ret);
}

bool link_add_variable(struct scanner *scanner, uint32_t from, uint32_t cell, struct text *ret)
{
	const size_t before = ret->length;
	add_variable(scanner, from, cell, false, ret);
	return ret->length > before;
}

bool link_add_place(struct scanner *scanner, uint32_t from, uint32_t to, bool contents,
		    struct text *ret)
{
	struct edge edge = {.kind = EDGE_UNKNOWN};
	struct object object;
	size_t before = ret->length;
	if (!object_of(scanner, from, &object))
		return false;
	edge_find(&scanner->ground->types, &object, address_of(scanner, to), contents, &edge);
	if (contents || edge.kind != EDGE_KEY)
		add_words(&edge, contents, ret);
	edge_fini(&edge);
	return ret->length > before;
}
