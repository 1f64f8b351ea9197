/*
 * pages: a space of one's own memory, whose pages are present, absent, swapped out or broken, as a test says. The source
 * fails the test when a page that is not present is gathered.
 */
#ifndef TESTS_UNIT_CENSUS_PAGES_H
#define TESTS_UNIT_CENSUS_PAGES_H

#include "inspector/target/space.h"

#define PAGES_SIZE 4096

enum page_kind {
	PAGE_THERE,
	PAGE_NEVER,   /* anonymous, and never touched: read as zeros */
	PAGE_IN_FILE, /* not present, but a file has it */
	PAGE_OUT,     /* swapped */
	PAGE_BROKEN   /* cannot be read, though it is said to be present */
};

struct pages {
	struct space space;
	raddr start;
	size_t n;
	uint8_t *bytes; /* what each page truly holds */
	uint8_t *kinds; /* n of enum page_kind */
	size_t n_reads;
};

/* n pages from `start` on, all present, each word its own address. */
void pages_init(struct pages *pages, raddr start, size_t n, bool tells_residency);
void pages_fini(struct pages *pages);

/* Leaves a hole in what is mapped. Once. */
void pages_unmap(struct pages *pages, size_t first, size_t n);

/* Whether the target's bytes are these. */
bool pages_are(const struct pages *pages, raddr at, const uint8_t *bytes, size_t size);

/* Whether all of it can be read. */
bool pages_readable(const struct pages *pages, raddr at, size_t size);

#endif
