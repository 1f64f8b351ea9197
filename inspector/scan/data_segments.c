/*
 * data_segments: the program headers say where variables may lie.
 *
 *	PT_LOAD rw  ├── .data ──┼── .bss ──┤     one region or several, named or not
 *	            filesz      memsz            pages never written are absent: read as zeros
 */
#include "inspector/scan/data_segments.h"

#include "base/cleanup.h"

#define TOTAL_MAX (64 * MIB)
#define PAGE      UINT64_C(4096)
#define CHUNK     (256 * PAGE) /* of one reading: a space's source reads so much in a call or two */

/* Page by page, for a page that cannot be read must not hide the others. */
static struct error *read_chunk(struct space *space, raddr at, uint64_t size, uint8_t *to,
				uint64_t *n_unread)
{
	uint8_t got[CHUNK / PAGE];
	uint64_t pages = size / PAGE, rest = size % PAGE;
	struct space_slice slices[] = {
		{at, PAGE, PAGE, (size_t)pages, to, got},
		{raddr_plus(at, pages * PAGE), rest, (size_t)rest, 1, to + pages * PAGE, got},
	};
	if (pages) {
		struct error *err = space_gather(space, &slices[0], 1, NULL);
		if (err)
			return err;
		for (size_t i = 0; i < pages; i++)
			*n_unread += got[i] != SLICE_READ;
	}
	if (!rest)
		return NULL;
	struct error *err = space_gather(space, &slices[1], 1, NULL);
	*n_unread += !err && got[0] != SLICE_READ;
	return err;
}

static struct error *read_segment(struct space *space, const struct data_segment *segment,
				  uint64_t *n_unread)
{
	for (uint64_t done = 0; done < segment->size; done += CHUNK) {
		uint64_t some = size_min(CHUNK, segment->size - done);
		struct error *err = read_chunk(space, raddr_plus(segment->start, done), some,
					       segment->bytes + done, n_unread);
		if (err)
			return err;
	}
	return NULL;
}

struct error *data_segments_refresh(struct space *space, struct data_segments *data)
{
	data->n_unread = 0;
	for (size_t i = 0; i < data->count; i++) {
		struct error *err = read_segment(space, &data->items[i], &data->n_unread);
		if (err)
			return err;
	}
	return NULL;
}

static struct error *add_segment(struct data_segments *data, raddr start, uint64_t size)
{
	struct data_segment *segment = &data->items[data->count];
	segment->bytes = calloc(size, 1);
	if (!segment->bytes)
		return error_out_of_memory();
	segment->start = start;
	segment->size = size;
	data->count++;
	return NULL;
}

struct error *data_segments_read(struct space *space, const struct elf_image *image,
				 struct data_segments *ret)
{
	_cleanup_(data_segments_fini) struct data_segments data = {0};
	uint64_t total = 0;
	for (size_t i = 0; i < image->n_segments; i++) {
		const struct elf_segment *s = &image->segments[i];
		raddr start = raddr_align_up(raddr_at(image->bias + s->vaddr), 8);
		raddr end = raddr_at(image->bias + s->vaddr + s->memsz);
		uint64_t size = raddr_distance(start, end) & ~UINT64_C(7);
		if (!s->writable || size == 0 || size > TOTAL_MAX - total ||
		    size > space->mapped_size)
			continue;
		struct error *err = add_segment(&data, start, size);
		if (err)
			return err;
		total += size;
	}
	struct error *err = data_segments_refresh(space, &data);
	if (err)
		return err;
	*ret = data;
	data.count = 0;
	return NULL;
}

void data_segments_fini(struct data_segments *data)
{
	for (size_t i = 0; i < data->count; i++)
		free(data->items[i].bytes);
	data->count = 0;
}

const uint8_t *data_segments_bytes(const struct data_segments *data, raddr at, uint64_t size)
{
	for (size_t i = 0; i < data->count; i++) {
		const struct data_segment *s = &data->items[i];
		if (raddr_in(at, s->start, s->size) &&
		    size <= s->size - (at.value - s->start.value))
			return s->bytes + (at.value - s->start.value);
	}
	return NULL;
}

bool data_segments_word(const struct data_segments *data, raddr at, uint64_t *ret)
{
	const uint8_t *bytes = data_segments_bytes(data, at, sizeof(*ret));
	if (bytes)
		memcpy(ret, bytes, sizeof(*ret));
	return bytes;
}

bool data_segments_int(const struct data_segments *data, raddr at, uint32_t *ret)
{
	const uint8_t *bytes = data_segments_bytes(data, at, sizeof(*ret));
	if (bytes)
		memcpy(ret, bytes, sizeof(*ret));
	return bytes;
}
