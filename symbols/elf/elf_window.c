/*
 * elf_window: the page that an address is in, as far as its segment's file part reaches.
 *
 *	segment   │▓▓▓▓▓▓▓▓┃▓▓▓▓▓▓▓▓┃▓▓▓▓│ .bss
 *	window             └────────┘           moves when it is left
 *
 * What straddles two pages is read by itself and moves nothing.
 */
#include "symbols/elf/elf_window.h"

#include "base/size.h"

#include <string.h>

static bool has(const struct elf_window *w, uint64_t vaddr, size_t size)
{
	return vaddr >= w->start && vaddr - w->start <= w->size &&
	       size <= w->size - (vaddr - w->start);
}

/* The segment whose file part holds the byte at vaddr, or NULL. */
static const struct elf_segment *segment_at(const struct elf_source *s, uint64_t vaddr)
{
	for (size_t i = 0; i < s->image->n_segments; i++) {
		const struct elf_segment *segment = &s->image->segments[i];
		if (vaddr >= segment->vaddr && vaddr - segment->vaddr < segment->filesz)
			return segment;
	}
	return NULL;
}

static bool move_to(struct elf_window *w, uint64_t vaddr)
{
	const struct elf_segment *segment = segment_at(w->source, vaddr);
	if (!segment)
		return false;
	uint64_t page = vaddr & ~(uint64_t)(ELF_WINDOW_SIZE - 1);
	uint64_t start = size_max(page, segment->vaddr);
	uint64_t end = size_min(size_add(page, ELF_WINDOW_SIZE), segment->vaddr + segment->filesz);
	w->start = start;
	w->size = 0;
	if (!elf_source_read(w->source, start, w->bytes, (size_t)(end - start)))
		return false;
	w->size = (size_t)(end - start);
	return true;
}

bool elf_window_read(struct elf_window *w, uint64_t vaddr, void *buffer, size_t size)
{
	bool straddles = vaddr % ELF_WINDOW_SIZE + size > ELF_WINDOW_SIZE;
	if (straddles)
		return elf_source_read(w->source, vaddr, buffer, size);
	if (!has(w, vaddr, size) && (!move_to(w, vaddr) || !has(w, vaddr, size)))
		return false;
	memcpy(buffer, w->bytes + (vaddr - w->start), size);
	return true;
}
