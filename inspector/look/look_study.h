/*
 * look_study: the part of a look that goes into every block: what stands in it, who holds it, what it pins.
 *
 *	ground (copy, plot, labels) ─▷ census
 *	   └─▷ graph (from roots)   ─▷ holders
 *	          └────────────────▷ pins
 *
 * What these stand on is kept after the look, so that one object can be asked for without another.
 */
#ifndef INSPECTOR_LOOK_STUDY_H
#define INSPECTOR_LOOK_STUDY_H

#include "inspector/census/ground.h"
#include "inspector/holders/graph.h"
#include "inspector/inspector.h"
#include "inspector/look/look.h"

struct look_study {
	struct ground *ground; /* of the last look with a census; NULL: there was none */
	struct graph *graph;   /* the same with holders; it borrows the ground */
};

/* Whether a request asks for any of it. */
bool look_study_asked(const struct inspector_request *request);

/* Lets go of what the last look stood on: before the next one copies. */
void look_study_drop(struct look_study *study);

/*
 * Fills census, holders and pins of *ret as far as the request asks for them, after its allocators are walked and their
 * ledger is told. What a build does not allow is left unfilled with a doubt. ERROR_RESOURCE, ERROR_GONE.
 */
struct error *look_study_take(struct look_study *study, const struct inspector_request *request,
			      struct subject *subject, struct look *look,
			      struct snapshot *ret) MUST_CHECK;

#endif
