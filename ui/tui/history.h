/*
 * history: RSS, live bytes and the ledger's leaves over the time that the dashboard has watched.
 *
 * Bounded: when it is full, two neighbours become one, so that the whole time
 * stays in view, ever coarser.
 */
#ifndef UI_TUI_HISTORY_H
#define UI_TUI_HISTORY_H

#include "inspector/ledger/leaf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define HISTORY_MAX 512

struct history_point {
	time_t at;                   /* of the newest look in it */
	uint64_t rss, live;          /* bytes; the greatest of its looks */
	uint64_t leaves[LEAF_COUNT]; /* likewise; 0 where no ledger was looked at */
	uint64_t n_looks;
};

struct history {
	struct history_point points[HISTORY_MAX];
	size_t count;
	uint64_t looks_per_point; /* 0: none yet */
	uint64_t last_rss;        /* of the newest look */
};

/* Adds one look; looks come in the order of time. leaves: NULL, none were looked at. */
void history_add(struct history *h, time_t at, uint64_t rss, uint64_t live,
		 const uint64_t leaves[LEAF_COUNT]);

/* The time since which RSS has stayed within 1 % of its last value; false with fewer than 10
 * seconds of it. */
bool history_flat_since(const struct history *h, time_t *ret);

/* Seconds between the first and the last look. */
time_t history_span(const struct history *h);

/* The RSS values, oldest first, into values[HISTORY_MAX]; returns how many. */
size_t history_rss(const struct history *h, uint64_t values[HISTORY_MAX]);

/* The same of a leaf of the ledger. */
size_t history_leaf(const struct history *h, enum leaf leaf, uint64_t values[HISTORY_MAX]);

#endif
