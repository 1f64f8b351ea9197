/*
 * pin_dead: blocks that gc.collect() frees, whatever else goes: they keep no arena from going back once it was called.
 */
#ifndef INSPECTOR_VERDICT_PIN_DEAD_H
#define INSPECTOR_VERDICT_PIN_DEAD_H

#include "inspector/census/ground.h"
#include "inspector/holders/graph.h"

struct pin_dead {
	struct ground *ground;   /* borrowed */
	const uint64_t *garbage; /* borrowed: a bit for each block; NULL: not known */
	const uint64_t
		*frozen;   /* the same of garbage that no collection frees; NULL: there is none */
	uint8_t *of_label; /* what a label says: it is listed; is not; its memory tells */
};

#define PIN_DEAD_NO  0
#define PIN_DEAD_YES 1
#define PIN_DEAD_ASK 2

/* graph: NULL: what is garbage is not known. ERROR_RESOURCE. */
struct error *pin_dead_init(struct ground *ground, const struct graph *graph,
			    struct pin_dead *ret) MUST_CHECK;
void pin_dead_fini(struct pin_dead *dead); /* takes a zeroed one */

/*
 * Whether memory says that a used block lies in a free list. Up to 3.13 floats are linked through ob_type
 * (Objects/floatobject.c), and dicts' keys keep a count of 0 (Objects/dictobject.c): they are nobody's, and known by that.
 * The float that ends a chain links to nothing, and looks like memory that nobody has written to: it is not known, and
 * keeps its arena, which is one for each list.
 */
bool pin_dead_ask(const struct pin_dead *dead, uint32_t block);

/* Whether a used block lies in a free list of the interpreter's that a full collection empties. */
static inline bool pin_dead_is_listed(const struct pin_dead *dead, uint32_t block)
{
	uint8_t says = dead->of_label[dead->ground->labels.of_block[block]];
	return says == PIN_DEAD_ASK ? pin_dead_ask(dead, block) : says == PIN_DEAD_YES;
}

/* Whether a used block is of a cycle that waits for the collector, or hangs on one. */
static inline bool pin_dead_is_garbage(const struct pin_dead *dead, uint32_t block)
{
	return dead->garbage && dead->garbage[block / 64] >> (block % 64) & 1;
}

/* Whether it is of one that gc.freeze() has put aside, or hangs on such: nobody's, and it lives on. */
static inline bool pin_dead_is_frozen(const struct pin_dead *dead, uint32_t block)
{
	return dead->frozen && dead->frozen[block / 64] >> (block % 64) & 1;
}

#endif
