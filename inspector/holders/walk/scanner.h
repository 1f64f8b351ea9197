/*
 * scanner: the words of a node that may refer to something, in batches.
 */
#ifndef INSPECTOR_HOLDERS_WALK_SCANNER_H
#define INSPECTOR_HOLDERS_WALK_SCANNER_H

#include "inspector/holders/walk/rules.h"

struct sight {
	uint64_t
		value; /* aligned, and not below the lowest nor above the highest address that something has */
	uint64_t offset; /* of the word in the node; of other memory from where that starts */
};

typedef void sight_fn(void *context, const struct sight *sights, size_t n);

#define SCANNER_BATCH 256

struct scanner {
	struct ground *ground; /* borrowed, as rules */
	const struct rules *rules;
	uint64_t low, span;              /* addresses that something has */
	size_t run;                      /* of the last block: the next one is mostly in it, too */
	uint64_t copied_at, copied_size; /* the stretch of copied memory that was last read */
	const uint8_t *copied;
	uint64_t unread; /* bytes that could not be read */
	sight_fn *tell;
	void *context;
	size_t n;
	struct sight batch[SCANNER_BATCH];
};

void scanner_init(struct scanner *scanner, struct ground *ground, const struct rules *rules);

/* Where a node's block starts, hooks included but for malloc's own, and its size; of an object outside of the plot where its
 * block would. */
void scanner_place(struct scanner *scanner, uint32_t node, uint64_t *ret_start, uint64_t *ret_size);

/* Bytes of a node's block, all of it; 0 for an object outside of the plot. */
uint64_t scanner_size(struct scanner *scanner, uint32_t node);

/* What its label means; good as long as the rules. */
const struct rule *scanner_rule(const struct scanner *scanner, uint32_t node);

/* Tells the words of a node, as its rule has it. parent: what refers to it, PLOT_NONE: not known. */
void scanner_node(struct scanner *scanner, uint32_t node, uint32_t parent, sight_fn *tell,
		  void *context);

/* Tells all words of some memory. */
void scanner_memory(struct scanner *scanner, uint64_t at, uint64_t size, sight_fn *tell,
		    void *context);

/* The node that an address lies in, and how far into its block (as scanner_place has it); PLOT_NONE. A free block is
 * none; a dead object is a node. */
uint32_t scanner_find(const struct scanner *scanner, uint64_t value, uint32_t *ret_into);

/* Whether an address so far into a node's block refers to it. */
static inline bool scanner_is_meant(const struct rule *rule, uint32_t into)
{
	return !rule->object || into == rule->into;
}

/* Up to `size` bytes at `at` of which *ret_size are there; NULL: none. Good until the next call. */
const uint8_t *scanner_bytes(struct scanner *scanner, uint64_t at, uint64_t size,
			     uint64_t *ret_size);

#endif
