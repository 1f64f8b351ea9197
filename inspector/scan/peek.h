/*
 * peek: many small looks at a few pages: each page is read once and kept.
 */
#ifndef INSPECTOR_SCAN_PEEK_H
#define INSPECTOR_SCAN_PEEK_H

#include "inspector/target/space.h"

#define PEEK_PAGE  UINT64_C(4096)
#define PEEK_PAGES 128

struct peek_page {
	uint64_t start;
	bool kept, got;
	uint8_t bytes[PEEK_PAGE];
};

struct peek {
	struct space *space;     /* borrowed */
	struct peek_page *pages; /* PEEK_PAGES of them, owned */
};

/* ERROR_RESOURCE. */
struct error *peek_init(struct space *space, struct peek *ret) MUST_CHECK;

/* Copies `size` bytes; *ret_read false, and zeros, where some cannot be read. What is kept may be older
 * than the target is now: peek_forget(). ERROR_GONE. */
struct error *peek_read(struct peek *peek, raddr at, void *buffer, size_t size,
			bool *ret_read) MUST_CHECK;

/* Every page is read anew when it is asked for again. */
void peek_forget(struct peek *peek);
void peek_fini(struct peek *peek);

#endif
