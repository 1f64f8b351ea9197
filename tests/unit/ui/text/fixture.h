/*
 * fixture: snapshots built by hand, and texts that are compared with committed
 * ones.
 */
#ifndef TESTS_UI_TEXT_FIXTURE_H
#define TESTS_UI_TEXT_FIXTURE_H

#include "base/text.h"
#include "inspector/inspector.h"
#include "ui/text/style.h"

/* The text of tests/golden/text/NAME. */
char *fixture_golden(const char *name);

/* Fails the test, showing the first line that differs, unless the text is what it should be. */
void fixture_same(const char *name, const char *text, const char *golden);

/* The same against tests/golden/text/NAME; with ARENASCOPE_UPDATE_GOLDEN set, writes it anew. */
void fixture_compare(const char *name, const char *text);

/* A snapshot with the figures that an interpreter's own report names, and no others. */
struct snapshot *fixture_from_stats(const char *report);

/* A heap after its peak: `n_arenas` arenas of 64 pools, of which only the first `n_full` are in
 * good use; RSS as large as the arenas and `elsewhere` bytes more. */
struct snapshot *fixture_heap(size_t n_arenas, size_t n_full, uint64_t elsewhere);

/* 80 columns, no colour. */
struct style fixture_style(bool ascii);

/* Two processes, one of which may not be looked at. */
struct listing fixture_listing(void);

#endif
