/*
 * mimalloc_block: one block of mimalloc's, before anything of its heap is known.
 */
#ifndef INSPECTOR_MIMALLOC_MIMALLOC_BLOCK_H
#define INSPECTOR_MIMALLOC_MIMALLOC_BLOCK_H

#include "inspector/mimalloc/mimalloc_shape.h"
#include "inspector/target/space.h"

/* Where bytes come from: copies `size` of them; *ret_read false where some cannot be read. ERROR_GONE. */
struct mimalloc_reader {
	struct error *(*read)(void *context, raddr at, void *buffer, size_t size, bool *ret_read);
	void *context;
};

/*
 * Whether a block begins at `at` that a request of `size` bytes may have got, in a page of a segment that has one of the
 * shapes which such a build may have. ERROR_GONE.
 */
struct error *mimalloc_block_fits(const struct mimalloc_reader *reader, const struct layout *layout,
				  const struct mimalloc_flavour *flavour, raddr at, uint64_t size,
				  bool *ret) MUST_CHECK;

#endif
