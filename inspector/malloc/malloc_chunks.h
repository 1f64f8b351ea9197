/*
 * malloc_chunks: every chunk of glibc's malloc, one by one, in a space that holds one moment of the target.
 */
#ifndef INSPECTOR_MALLOC_MALLOC_CHUNKS_H
#define INSPECTOR_MALLOC_MALLOC_CHUNKS_H

#include "inspector/malloc/glibc_walk.h"
#include "inspector/malloc/malloc_look.h"

/* Bytes of a chunk from its begin to what malloc(3) returned, and what of it is not the caller's: the word behind belongs
 * to the next chunk's header, but the caller may use it; not so in a block with a mapping of its own. */
#define MALLOC_CHUNK_HEAD  16
#define MALLOC_CHUNK_LOSS  8
#define MALLOC_MAPPED_LOSS 16

/*
 * Walks all arenas that the look found, as they are in the space, and tells the listener of each chunk; then of each
 * block with a mapping of its own, as of one more arena. *ret_whole: every arena was walked to its end. Nothing is told
 * where malloc is not glibc's. ERROR_GONE, ERROR_RESOURCE.
 */
struct error *malloc_chunks_tell(const struct malloc_look *look, struct space *space,
				 const struct glibc_listener *listener, bool *ret_whole) MUST_CHECK;

/* Adds the memory that arenas lie in, as it is in the space now, and blocks with mappings of their own; without the
 * insides of chunks of MALLOC_LARGE bytes or more, as far as the look has walked the arenas. ERROR_RESOURCE. */
struct error *malloc_chunks_ground(const struct malloc_look *look, struct space *space,
				   struct malloc_spans *ret) MUST_CHECK;

#endif
