/*
 * ground: a heap that was copied, plotted and labelled: what holders, pins and `object` stand on.
 *
 * It is kept after a look, so that one object can be asked for without a new copy.
 */
#ifndef INSPECTOR_CENSUS_GROUND_H
#define INSPECTOR_CENSUS_GROUND_H

#include "base/text.h"
#include "inspector/census/burst.h"
#include "inspector/census/census.h"
#include "inspector/census/copy/burst_wanted.h"
#include "inspector/census/labels.h"
#include "inspector/census/outside.h"
#include "inspector/census/plot.h"
#include "inspector/object/type_table.h"
#include "inspector/snapshot.h"

struct ground {
	struct space *space;        /* borrowed */
	struct burst_wanted wanted; /* what was to be copied */
	struct burst *burst;
	struct shapes shapes;
	struct type_table types;
	struct plot plot;
	struct labels labels;
	struct outside outside;
	bool still;       /* the copy is of one moment */
	uint64_t n_moved; /* blocks whose owners came or went while they were copied */
};

struct inspector;
struct look;
struct subject;

struct ground_request {
	struct space *space;
	struct subject *subject;
	struct look *look; /* interpreters, roots, copies of allocators' headers, residency */
	const struct snapshot *snapshot; /* version, allocator, hooks */
	const struct burst_hold *hold;   /* NULL: the target runs on while it is copied */
	uint64_t max_memory;
	uint64_t
		after; /* of which so much is for what is made of the ground: rather a smaller copy than none of that */
	bool contents; /* strings may be told */
	/* Told now and then how far it is, of 1000. False: end it. May be NULL. */
	bool (*progress)(void *context, const char *step, unsigned done);
	void *context;
};

/* Copies, plots, labels, and counts into *ret_census. *ret stays NULL where the person ended it, and, with a doubt, where memory
 * is too little or nothing is known of the build's objects. ERROR_GONE, ERROR_RESOURCE. */
struct error *ground_make(const struct ground_request *request, struct ground **ret,
			  struct census *ret_census, struct doubts *doubts) MUST_CHECK;
void ground_free(struct ground *ground); /* takes NULL */

static inline void ground_freep(struct ground **ground)
{
	ground_free(*ground);
}

/* Bytes of our own that it takes, all that is beside it counted. */
uint64_t ground_memory(const struct ground *ground);

/* The object of a block that is labelled as one (dead ones too); false: it is none. */
bool ground_object(struct ground *ground, uint32_t block, struct object *ret);

/* The name a row of the census has for a label: "app.Session", "dict of app.Session", "list items". Appended. */
void ground_label_name(const struct ground *ground, const struct label *label, struct text *ret);

/* What the last look with a census stands on; borrowed, and good until the next such look. NULL: there was none.
 * (Defined with the inspector.) */
struct ground *inspector_ground(struct inspector *inspector);

/* Whether what objects say may be told. (Defined with the inspector.) */
bool inspector_contents(const struct inspector *inspector);

#endif
