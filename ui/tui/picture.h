/*
 * picture: a snapshot and the sums that the screens show of it, for all of its
 * interpreters or for one. Shared by reference: the picture shown, the one before
 * and the baseline may be the same.
 */
#ifndef UI_TUI_PICTURE_H
#define UI_TUI_PICTURE_H

#include "inspector/snapshot.h"
#include "ui/occupancy.h"

/* Which interpreters' arenas are shown. */
struct picture_choice {
	bool one;   /* only that of `id`; false: all together */
	int64_t id; /* of an interpreter with arenas of its own */
};

struct picture {
	unsigned references;
	struct snapshot *snapshot; /* owned */
	struct picture_choice choice;
	struct occupancy occupancy;
	VEC(struct pymalloc_class)
	classes; /* ascending size, summed up; pools: mimalloc's pages, too */
};

/* A picture of a snapshot, which it takes over, also on failure. ERROR_RESOURCE. */
struct error *picture_new(struct snapshot *taken, struct picture_choice choice,
			  struct picture **ret) MUST_CHECK;
struct picture *picture_ref(struct picture *p);
void picture_unref(struct picture *p); /* takes NULL */

/* Sums up again for another choice; an interpreter that is not in it leaves it empty. */
struct error *picture_choose(struct picture *p, struct picture_choice choice) MUST_CHECK;

/* The next choice: all, then each interpreter that has arenas of its own, then all again. */
struct picture_choice picture_next_choice(const struct picture *p);

/* Interpreters with arenas of their own. */
size_t picture_heaps(const struct picture *p);

/* The class of that block size, or NULL. */
const struct pymalloc_class *picture_class(const struct picture *p, uint64_t size);

/* The arena at exactly this address, or NULL. */
const struct occupancy_arena *picture_arena(const struct picture *p, raddr address);

#endif
