/*
 * data_segments: the writable segments of the interpreter's module, copied once, to be
 * searched for words.
 */
#ifndef INSPECTOR_SCAN_DATA_SEGMENTS_H
#define INSPECTOR_SCAN_DATA_SEGMENTS_H

#include "inspector/target/space.h"
#include "symbols/elf/elf_image.h"

struct data_segment {
	raddr start; /* in the target; a multiple of 8 */
	uint64_t size;
	uint8_t *bytes; /* what could not be read is zero, which is no address of anything */
};

struct data_segments {
	struct data_segment items[ELF_SEGMENTS_MAX];
	size_t count;
	uint64_t n_unread; /* pages that could not be read */
};

/*
 * Copies every writable PT_LOAD by its size in memory, so that .bss is in it, whatever the regions
 * are named. Pages that are not resident stay so (space.h). Segments beyond 64 MiB in all are left
 * out: no CPython has as much. ERROR_GONE, ERROR_RESOURCE.
 */
struct error *data_segments_read(struct space *space, const struct elf_image *image,
				 struct data_segments *ret) MUST_CHECK;
void data_segments_fini(struct data_segments *data);

/* The 8 or 4 bytes at an address, as they were when copied; false where they are not in the copy. */
bool data_segments_word(const struct data_segments *data, raddr at, uint64_t *ret);
bool data_segments_int(const struct data_segments *data, raddr at, uint32_t *ret);

/* `size` bytes of the copy, or NULL. */
const uint8_t *data_segments_bytes(const struct data_segments *data, raddr at, uint64_t size);

/* The word at a place that is known to be in the copy. */
static inline uint64_t data_segment_word(const struct data_segment *segment, uint64_t offset)
{
	uint64_t word;
	__builtin_memcpy(&word, segment->bytes + offset, sizeof(word));
	return word;
}

/* Reads a segment anew, after it turned out to have changed under the copy. */
struct error *data_segments_refresh(struct space *space, struct data_segments *data) MUST_CHECK;

#endif
