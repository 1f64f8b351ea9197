/*
 * save: a running process becomes a snapshot file.
 *
 *	look	live: where the arenas are
 *	pages	all memory that is saved, live, blanked unless contents are asked for
 *	look	as any verb looks, and stops: what it read is laid over the pages
 *	rest	residency, mappings, facts, the resolved build, index
 *
 * Answers are never stored: a verb that reads the file walks the memory in it.
 */
#ifndef INSPECTOR_SAVE_SAVE_H
#define INSPECTOR_SAVE_SAVE_H

#include "inspector/inspector.h"
#include "inspector/look/look.h"
#include "inspector/subject.h"

/* One look of the given mode, as inspector_look(); its stop completes the footprint (footprint.h), which may be NULL. */
typedef struct error *save_look_fn(void *context, enum look_mode mode, struct footprint *footprint,
				   struct snapshot **ret);

struct save_source {
	const struct inspector_request *request;
	struct subject *subject;
	struct look *look;
	save_look_fn *take_look;
	void *context;
};

/* ERROR_RESOURCE: the place or our budget has no room, the file cannot be written, or progress said
 * so; ERROR_USAGE: no running process; and what a look fails with. */
struct error *save_write(const struct save_source *source, const struct inspector_save *to,
			 struct inspector_saved *ret) MUST_CHECK;

#endif
