/*
 * pin_dead: blocks that lie in free lists of the interpreter's, and go when a full collection empties those.
 */
#ifndef INSPECTOR_VERDICT_PIN_DEAD_H
#define INSPECTOR_VERDICT_PIN_DEAD_H

#include "inspector/census/ground.h"

struct pin_dead {
	struct ground *ground; /* borrowed */
	uint8_t *of_label;     /* what a label says: the block is dead; is not; its memory tells */
};

#define PIN_DEAD_NO  0
#define PIN_DEAD_YES 1
#define PIN_DEAD_ASK 2

/* ERROR_RESOURCE. */
struct error *pin_dead_init(struct ground *ground, struct pin_dead *ret) MUST_CHECK;
void pin_dead_fini(struct pin_dead *dead); /* takes a zeroed one */

/*
 * Whether a used block of a run lies in such a list. Up to 3.13 floats are linked through ob_type (Objects/floatobject.c), and
 * dicts' keys keep a count of 0 (Objects/dictobject.c): they are nobody's, and known by that. The first float of a
 * chain, which links to nothing, is not.
 */
bool pin_dead_ask(const struct pin_dead *dead, uint32_t block);

static inline bool pin_dead_has(const struct pin_dead *dead, uint32_t block)
{
	uint8_t says = dead->of_label[dead->ground->labels.of_block[block]];
	return says == PIN_DEAD_ASK ? pin_dead_ask(dead, block) : says == PIN_DEAD_YES;
}

#endif
