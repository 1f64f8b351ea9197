/*
 * frozen: a list is believed as far as it is linked both ways, from either end.
 *
 *	head ⇄ a ⇄ b ─▷ ✕     d ⇄ e ⇄ head      c went while the memory was copied:
 *	             b ◁─────┘                  what is before it is followed forwards, what is behind it backwards
 *
 * A step that is linked both ways leads to no place that was met before, but for the head.
 */
#include "inspector/holders/walk/frozen.h"

#include <stdlib.h>

#define MARKS  UINT64_C(3)
#define STRAYS (UINT64_C(1) << 20) /* steps to what is no node, at most */

enum way { WAY_NEXT, WAY_PREVIOUS };

struct list {
	struct scanner *scanner;
	uint64_t head;
	uint64_t left; /* steps that may be taken */
	uint32_t n_nodes;
	uint64_t *bits;
	bool failed;
};

static uint64_t link(const struct list *l, uint64_t at, enum way way)
{
	raddr place;
	uint64_t word = 0;
	bool there = at % 8 == 0 && raddr_step(raddr_at(at), way == WAY_NEXT ? 0 : 8, &place) &&
		     burst_word(l->scanner->ground->burst, place, &word);
	return there ? word & ~MARKS : 0;
}

/* In a file without contents a link that is marked may be blank: then the one behind it must lead here. */
static bool links_back(const struct list *l, uint64_t from, uint64_t to, enum way way)
{
	enum way other = way == WAY_NEXT ? WAY_PREVIOUS : WAY_NEXT;
	uint64_t back = link(l, to, other);
	return back == from || (!back && link(l, link(l, to, way), other) == to);
}

static void note(struct list *l, uint64_t at)
{
	uint32_t into, node = scanner_find(l->scanner, at, &into);
	if (!l->bits)
		l->bits = calloc((size_t)l->n_nodes / 64 + 1, sizeof(*l->bits));
	l->failed = !l->bits;
	if (l->bits && node != PLOT_NONE)
		l->bits[node / 64] |= UINT64_C(1) << (node % 64);
}

/* Whether it leads round to the head; if not, *ret_last is the last place that is known from this end. */
static bool follow(struct list *l, enum way way, uint64_t *ret_last)
{
	*ret_last = l->head;
	for (; l->left && !l->failed; l->left--) {
		uint64_t to = link(l, *ret_last, way);
		if (!to || !links_back(l, *ret_last, to, way))
			return false;
		if (to == l->head)
			return true;
		note(l, to);
		*ret_last = to;
	}
	return false;
}

/* One that no interpreter has begun is all zeros. */
static bool follow_all(struct list *l)
{
	uint64_t forwards, backwards;
	if (!link(l, l->head, WAY_NEXT) && !link(l, l->head, WAY_PREVIOUS))
		return true;
	return follow(l, WAY_NEXT, &forwards) || follow(l, WAY_PREVIOUS, &backwards) ||
	       link(l, forwards, WAY_NEXT) == backwards ||
	       link(l, backwards, WAY_PREVIOUS) == forwards;
}

struct error *frozen_add(struct scanner *scanner, raddr head, uint32_t n_nodes, uint64_t **bits,
			 bool *ret_whole)
{
	struct list list = {.scanner = scanner,
			    .head = head.value,
			    .left = n_nodes + STRAYS,
			    .n_nodes = n_nodes,
			    .bits = *bits};
	bool whole = follow_all(&list);
	*bits = list.bits;
	if (list.failed)
		return error_out_of_memory();
	*ret_whole = whole;
	return NULL;
}
