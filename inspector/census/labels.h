/*
 * labels: what the census made of each block, by its number in the plot.
 *
 *	of_block  [3][3][0][7][1]…         two bytes a block
 *	           │  │      └────▷ list[7]: buffer, dict keys, dict, of app.Session
 *	           └──┴──────────▷ list[3]: object, str
 *
 * Few things are said of many blocks: a block has the number of what is said of it.
 */
#ifndef INSPECTOR_CENSUS_LABELS_H
#define INSPECTOR_CENSUS_LABELS_H

#include "inspector/census/plot.h"
#include "inspector/object/object.h"

enum label_kind {
	LABEL_FREE, /* the block is not in use */
	LABEL_UNEXPLAINED,
	LABEL_OBJECT,
	LABEL_BUFFER, /* a typed part of an object of `type` */
	LABEL_GENERIC, /* something of `type` points to it, and nothing more is known; TYPE_NONE: a root does */
	LABEL_FREE_LISTED, /* a dead object */
};

struct label {
	enum label_kind kind;
	enum part_kind part; /* of LABEL_BUFFER; else PART_OTHER */
	uint32_t type;       /* index in the type table, TYPE_NONE */
	uint32_t of;         /* a dict's owner's type ("dict of X"); TYPE_NONE */
	bool leaf;           /* holds no references */
};

#define LABELS_MAX 65536

/* Numbers that every list begins with. */
#define LABELS_FREE        0
#define LABELS_UNEXPLAINED 1
/* Said of what there is no number left for: an object of TYPE_NONE. */
#define LABELS_OTHERS 2

struct labels {
	uint16_t *of_block;     /* index in list, for each number of the plot */
	VEC(struct label) list; /* distinct ones, those of LABELS_… first */
	uint32_t *index;        /* a hash table of list: its numbers + 1; 0: none */
	size_t index_size;      /* a power of two */
	uint64_t n_beyond;      /* how often there was none left */
};

static inline const struct label *labels_of(const struct labels *labels, uint32_t block)
{
	return &labels->list.items[labels->of_block[block]];
}

/* All blocks free. ERROR_RESOURCE. */
struct error *labels_init(struct labels *labels, uint32_t n_blocks) MUST_CHECK;
void labels_fini(struct labels *labels);

/* The number of a label, a new one where it was never said before; LABELS_OTHERS where there are 65536, or memory is out. */
uint16_t labels_number(struct labels *labels, const struct label *label);

#endif
