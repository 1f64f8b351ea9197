/*
 * pointers: the distinct words of some memory that may be addresses of allocated memory, and a
 * question put to what each of them points to.
 */
#ifndef INSPECTOR_SCAN_POINTERS_H
#define INSPECTOR_SCAN_POINTERS_H

#include "inspector/scan/data_segments.h"

struct pointers {
	VEC(uint64_t) items; /* ascending, distinct */
};

/*
 * Gathers the words of the segments that are multiples of `alignment` and lie in writable memory
 * outside the module itself. ERROR_RESOURCE.
 */
struct error *pointers_gather(const struct space *space, const struct elf_image *image,
			      const struct data_segments *data, uint64_t alignment,
			      struct pointers *ret) MUST_CHECK;

/* Asked with a pointer and the word that lies `offset` bytes behind it. */
typedef bool pointers_ask_fn(void *context, uint64_t pointer, uint64_t word);

/* Keeps those pointers for which the answer is true, and behind which anything can be read; reads
 * page by page, in ascending order. `offset` is a multiple of 8. ERROR_GONE. */
struct error *pointers_sieve(struct space *space, struct pointers *pointers, uint64_t offset,
			     pointers_ask_fn *ask, void *context) MUST_CHECK;

void pointers_fini(struct pointers *pointers);

#endif
