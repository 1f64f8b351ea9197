/*
 * burst_windows: what was not copied, read when it is asked for, and forgotten again.
 */
#ifndef INSPECTOR_CENSUS_BURST_WINDOWS_H
#define INSPECTOR_CENSUS_BURST_WINDOWS_H

#include "inspector/census/burst.h"

#include <stddef.h>

#define WINDOW_BLOCK BURST_WINDOW /* addresses that lead to one window */
#define WINDOW_SIZE  (2 * WINDOW_BLOCK)
#define WINDOW_PAGE  4096

struct window {
	uint64_t block; /* address / WINDOW_BLOCK of its first byte */
	uint32_t got;   /* a bit for each page that was read */
	uint32_t asked; /* that was tried */
	uint64_t used;  /* when, in requests; 0: never */
	uint8_t *bytes; /* WINDOW_SIZE */
};

/* Reads all of [at, at + size) or nothing. */
typedef bool window_fill_fn(void *context, raddr at, uint8_t *to, size_t size);

struct burst_windows {
	window_fill_fn *fill;
	void *context;
	struct window *list; /* in sets of WINDOW_WAYS */
	size_t n_sets;       /* a power of two */
	uint8_t *memory;     /* mapped */
	uint64_t n_requests;
	uint64_t n_read; /* bytes */
};

/* Windows for at most `size` bytes of our memory, but at least one set. ERROR_RESOURCE. */
struct error *burst_windows_init(struct burst_windows *windows, uint64_t size, window_fill_fn *fill,
				 void *context) MUST_CHECK;
void burst_windows_fini(struct burst_windows *windows);

/* `size` bytes at `at`, up to WINDOW_BLOCK wherever they begin; NULL: not all of them can be read. Good until the next
 * call. */
const uint8_t *burst_windows_get(struct burst_windows *windows, raddr at, size_t size);

#endif
