/*
 * plot_make: a plot drawn from a burst, so that headers, lists and blocks are of one moment.
 */
#ifndef INSPECTOR_CENSUS_PLOT_MAKE_H
#define INSPECTOR_CENSUS_PLOT_MAKE_H

#include "inspector/census/burst.h"
#include "inspector/census/plot.h"

struct look;
struct subject;
struct snapshot;

struct plot_request {
	struct burst *burst; /* all borrowed */
	const struct look *look;
	const struct subject *subject;   /* its build and bias */
	const struct snapshot *snapshot; /* what of each arena is resident; whose it is */
};

/*
 * Numbers the blocks of all interpreters. Where arenas are is asked of the burst, too; how pools are laid out was found by
 * the look. Chunks are plotted where look.malloc was kept (look_malloc.h). The caller's to plot_fini(). ERROR_GONE,
 * ERROR_RESOURCE: also more than 4 G blocks.
 */
struct error *plot_make(const struct plot_request *request, struct plot *ret) MUST_CHECK;

#endif
