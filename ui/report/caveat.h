/*
 * caveat: doubts, told to a person.
 */
#ifndef UI_CAVEAT_H
#define UI_CAVEAT_H

#include "inspector/snapshot.h"
#include "ui/text/page.h"

/* What a kind of doubt means for the figures, in words. Static string. */
const char *caveat_meaning(enum doubt_kind kind);

/* Appends a paragraph for each doubt: how bad, how often, what, and what it means. */
void caveat_write(struct page *page, const struct doubts *doubts);

/* "SURE  … no doubts.", or the doubts; `read`: what was read, "25,600 pools, 0 of them unread; ", or
 * NULL. */
void caveat_write_certainty(struct page *page, const struct doubts *doubts, const char *read);

#define CAVEAT_PAUSE_MAX 160

/* "never stopped", "stopped 3 ms", "stopped 2 times, 3 ms in all, 2 ms at most", … */
void caveat_pause(char ret[CAVEAT_PAUSE_MAX], const struct snapshot_pause *pause);

/* The same of a running process; of a file, when it was written: "written 2026-11-25 10:04:11 UTC". */
void caveat_moment(char ret[CAVEAT_PAUSE_MAX], const struct snapshot *snapshot);

#endif
