/*
 * pin_tally: which owners have blocks in which sparse unit.
 */
#ifndef INSPECTOR_VERDICT_PIN_TALLY_H
#define INSPECTOR_VERDICT_PIN_TALLY_H

#include "inspector/verdict/pins/pin_owners.h"
#include "inspector/verdict/pins/pin_units.h"

/* One owner in one unit. */
struct pin_share {
	uint32_t unit, owner;
	uint64_t objects, blocks, bytes;
	uint64_t dead;   /* of the blocks: those that gc.collect() frees */
	uint64_t frozen; /* that it frees after gc.unfreeze() */
};

struct pin_tally {
	const struct pin_units *units; /* borrowed */
	VEC(struct pin_share) shares;  /* by unit, ascending */
};

/* ERROR_RESOURCE. */
struct error *pin_tally_make(const struct plot *plot, const struct pin_units *units,
			     const struct pin_owners *owners, struct pin_tally *ret) MUST_CHECK;
void pin_tally_fini(struct pin_tally *tally);

/* All owners of one key, taken together. */
struct pin_group {
	uint64_t objects, blocks, bytes;
	uint64_t units, sole_units; /* that it keeps; that nobody else does */
	uint64_t collected;         /* of sole units those in which something dead lies */
	uint64_t held, returned;    /* of sole units: free bytes, all bytes; resident */
	uint64_t kept; /* of returned: what pymalloc does not give back (pin_units_kept) */
};

typedef uint32_t pin_key_fn(const struct pin_owners *owners, uint32_t owner);

/* By key, below n_keys; groups[] comes in zeroed, n_keys of it. An owner of whom all is dead in a unit in which anything lives does
 * not keep that. Keys for which gone[] is set do not count as anybody; NULL: all count. ERROR_RESOURCE. */
struct error *pin_tally_group(const struct pin_tally *tally, const struct pin_owners *owners,
			      pin_key_fn *key, uint32_t n_keys, const bool *gone,
			      struct pin_group *groups) MUST_CHECK;

/* Units in which nothing lives but frozen garbage: as those that a group has alone; *ret comes in zeroed. */
void pin_tally_frozen(const struct pin_tally *tally, struct pin_group *ret);

/* Every owner's bytes and objects over all units, by its number; the arrays come in zeroed. */
void pin_tally_owners(const struct pin_tally *tally, uint64_t *bytes, uint64_t *objects);

#endif
