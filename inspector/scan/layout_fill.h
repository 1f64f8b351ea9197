/*
 * layout_fill: found places become entries of a layout; those that it has already are compared.
 */
#ifndef INSPECTOR_SCAN_LAYOUT_FILL_H
#define INSPECTOR_SCAN_LAYOUT_FILL_H

#include "inspector/scan/state_place.h"
#include "symbols/layout.h"

struct layout_fill {
	struct layout layout; /* the old one and what was added */
	uint64_t bias;
	unsigned n_filled, n_disagree;
	enum layout_entry_id disagrees; /* the first that does */
};

void layout_fill_init(struct layout_fill *fill, const struct layout *layout, uint64_t bias);

/* A variable at an address in the target; null: nothing to add. An entry that is there must be at
 * the same address. */
void layout_fill_variable(struct layout_fill *fill, enum layout_entry_id id, raddr at,
			  uint64_t size);

/* sizeof a type. */
void layout_fill_size(struct layout_fill *fill, enum layout_entry_id id, uint64_t size);

/* Members of structs, indexed by their ids. A built-in table may have those of a build with another arena size, or other members
 * before them: memory is believed before it. */
void layout_fill_members(struct layout_fill *fill, const struct layout_entry *entries);

/* Forgets a member that a built-in table has and memory denies. */
void layout_fill_deny(struct layout_fill *fill, enum layout_entry_id id);

/* A member of a struct, `offset` bytes from its start. */
void layout_fill_member(struct layout_fill *fill, enum layout_entry_id id, uint64_t offset,
			uint64_t size);

/* Where interpreters keep their state. */
void layout_fill_place(struct layout_fill *fill, const struct state_place *place);

/* What the scan looks for, where the layout has not all of it: struct arena_object and struct
 * pool_header as every release from 2.7 to 3.15 has them, PyMemAllocatorEx and debug_alloc_api_t as those
 * from 3.6 on. Whether they are so, the scan finds out. */
void layout_fill_shape(struct layout *layout);

#endif
