/*
 * pin_weak: weak references that go with what they refer to.
 */
#ifndef INSPECTOR_VERDICT_PIN_WEAK_H
#define INSPECTOR_VERDICT_PIN_WEAK_H

#include "inspector/census/ground.h"

struct pin_weak {
	struct ground *ground; /* borrowed */
	bool *is_weak;         /* by label: it is said of weak references */
};

/* ERROR_RESOURCE. */
struct error *pin_weak_init(struct ground *ground, struct pin_weak *ret) MUST_CHECK;
void pin_weak_fini(struct pin_weak *weak);

/*
 * The block of what a weak reference refers to; PLOT_NONE: the block is none, refers to nothing that is in a block, or has no
 * callback: then nothing throws it away when that goes. wr_object and wr_callback follow the head of PyWeakReference in
 * 2.7 to 3.15 (Include/weakrefobject.h, from 3.9 on Include/cpython/weakrefobject.h).
 */
uint32_t pin_weak_referent(const struct pin_weak *weak, uint32_t block);

#endif
