/*
 * rules: what a label means for references: which words refer to a block, and which of its own words refer.
 *
 *	[hooks][managed words][GC head][refcount][type │ payload …      ][slack]
 *	       ◀─── first ───▶                   ◀───── second ────────▶
 *	                                ▲ into: a word that refers to an object is its address
 */
#ifndef INSPECTOR_HOLDERS_WALK_RULES_H
#define INSPECTOR_HOLDERS_WALK_RULES_H

#include "inspector/census/ground.h"

enum rule_scan {
	RULE_NOTHING, /* it holds no references */
	RULE_STR,     /* nothing but its characters, where they stand elsewhere */
	RULE_WORDS,   /* from `first` and `second` to their ends */
	RULE_ITEMS,   /* the same, but only as many items as it says it has */
	RULE_LIST,    /* items: as many as the list says that refers to them */
	RULE_KEYS,    /* of a dict: as many entries as they say are used */
};

struct rule {
	uint32_t type;  /* of an object; of others TYPE_NONE */
	uint32_t into;  /* offset in the block that a reference to an object has */
	bool object;    /* only such a reference counts; else any into the block does */
	bool owned;     /* a buffer: it is on the path of what refers to it */
	uint32_t owner; /* of a buffer whose owner is known: the type of that; else TYPE_NONE */
	bool leads_on;  /* a buffer that refers to others of the same owner */
	bool is_type;   /* an object that is a type */
	bool native;    /* nothing of Python's: a chunk that some library asked for */
	bool dead;      /* free listed */
	enum rule_scan scan;
	uint32_t first, first_end;   /* words before the object; empty: none */
	uint32_t second, second_end; /* UINT32_MAX: to the block's end */
	uint32_t items, item_size;   /* of RULE_ITEMS: where they begin; bytes */
	uint32_t skip[3]; /* offsets of words that do not hold: of weak references; 0: none */
};

struct rules {
	struct rule *list; /* by index in labels.list */
	size_t count;
	/* A bit for each chunk: malloc's own debug hooks have put a header in front of what it holds, and of that another may follow.
	 * NULL: this build has none. */
	uint64_t *hooked;
	/* What to make of a word before it is compared with addresses: versions tag some. */
	uint64_t tag_mask, tag_add;
};

struct error *rules_init(const struct ground *ground, struct rules *ret) MUST_CHECK;
void rules_fini(struct rules *rules); /* takes a zeroed one */

/* Bytes of the collector's head in front of an instance: 0 where there is none. */
uint64_t rules_gc_head(const struct type *type, const struct shapes *shapes);

/* Bytes of malloc's own hooks at the start of the i-th chunk. */
static inline uint64_t rules_chunk_hook(const struct rules *rules, const struct shapes *shapes,
					size_t i)
{
	return rules->hooked && rules->hooked[i / 64] >> (i % 64) & 1 ? shapes->hook_size : 0;
}

static inline const struct rule *rules_of(const struct rules *rules, const struct labels *labels,
					  uint32_t block)
{
	return &rules->list[labels->of_block[block]];
}

#endif
