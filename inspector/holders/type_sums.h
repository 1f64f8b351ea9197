/*
 * type_sums: objects and bytes by type, for one row of an answer after the other.
 */
#ifndef INSPECTOR_HOLDERS_TYPE_SUMS_H
#define INSPECTOR_HOLDERS_TYPE_SUMS_H

#include "inspector/census/ground.h"
#include "inspector/holders/holders.h"

struct type_sum {
	uint64_t count, bytes;
};

struct type_sums {
	struct type_sum *of_type; /* by index in the type table; behind them of TYPE_NONE */
	size_t n_types;
	VEC(uint32_t) met; /* those that are not zero */
	bool leaves_last;  /* classes come first, what holds nothing last: it is only held */
	bool failed;       /* memory was out */
};

struct error *type_sums_init(const struct ground *ground, struct type_sums *ret) MUST_CHECK;
void type_sums_fini(struct type_sums *sums); /* takes a zeroed one */

/* Adds to a type's sums; a type that is not in the table counts as TYPE_NONE. */
void type_sums_add(struct type_sums *sums, uint32_t type, uint64_t count, uint64_t bytes);

/*
 * The heaviest `max` as rows, most bytes first, and in *ret_all (may be NULL) the sum of all of them, with the name of the
 * most frequent, of the first one where leaves come last. All become the caller's. The sums are zero again afterwards. ERROR_RESOURCE.
 */
struct error *type_sums_take(struct type_sums *sums, const struct ground *ground, size_t max,
			     struct holder_type *ret_all, struct holder_type **ret_rows,
			     size_t *ret_n) MUST_CHECK;

/* What a type is called: its name, or for TYPE_NONE "native memory". Foreign; borrowed. */
const char *type_sums_name(const struct ground *ground, uint32_t type);

#endif
