/*
 * labels: what the census made of each block, by its number in the plot.
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
	enum part_kind part; /* of LABEL_BUFFER */
	uint32_t type;       /* index in the type table, TYPE_NONE */
	uint32_t of;         /* a dict's owner's type ("dict of X"); TYPE_NONE */
};

struct labels {
	uint16_t *of_block; /* index in list, for each number of the plot; 0: LABEL_FREE */
	VEC(struct label)
	list;        /* distinct ones; the first is LABEL_FREE, the second LABEL_UNEXPLAINED */
	void *index; /* labels.c's own */
};

static inline const struct label *labels_of(const struct labels *labels, uint32_t block)
{
	return &labels->list.items[labels->of_block[block]];
}

#endif
