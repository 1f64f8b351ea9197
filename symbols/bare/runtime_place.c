/*
 * runtime_place: three ways, the surest first. The last looks at each aligned word of
 * what the file holds of the writable segments:
 *
 *	… ┃ "xdebugpy" version flags sizes offsets … ┃ …       one, and only one
 *
 * The constant that the runtime is copied from may stand elsewhere, too, but not
 * where it can be written.
 */
#include "symbols/bare/runtime_place.h"

#include "base/size.h"
#include "symbols/bare/layout_offsets.h"
#include "symbols/elf/elf_section.h"

#include <string.h>

#define PAGE_BYTES       (4 * KIB) /* where one cannot be read, the next may be */
#define PAGES_MAX        8192      /* looked at in all: 32 MiB */
#define TRIES_MAX        64        /* cookies of which the rest is looked at */
#define RUNTIME_SIZE_MAX (16 * MIB)

static bool by_symbol(const struct elf_source *s, struct runtime_place *ret)
{
	struct runtime_place place = {.provenance = PROVENANCE_DYNSYM};
	if (!elf_source_symbol(s, "_PyRuntime", &place.vaddr, &place.size) ||
	    place.size > RUNTIME_SIZE_MAX)
		return false;
	*ret = place;
	return true;
}

/* The section holds nothing else (Py_BUILD_CORE's GENERATE_DEBUG_SECTION, Python/pylifecycle.c). */
static bool by_section(const struct elf_source *s, int fd, struct runtime_place *ret)
{
	uint64_t vaddr, size;
	if (fd < 0 || !elf_section_find(fd, ".PyRuntime", &vaddr, &size) || size == 0 ||
	    size > RUNTIME_SIZE_MAX || !elf_source_segment(s, vaddr, size))
		return false;
	*ret = (struct runtime_place){vaddr, size, PROVENANCE_SECTION};
	return true;
}

struct hits {
	const struct elf_source *source;
	uint64_t vaddr, size;
	unsigned n, pages, tries;
};

static void look_in_page(struct hits *hits, uint64_t vaddr, const uint8_t *data, size_t size)
{
	struct debug_offsets told;
	for (size_t at = 0; at + 8 <= size; at += 8) {
		if (memcmp(data + at, "xdebugpy", 8) != 0 || ++hits->tries > TRIES_MAX ||
		    !layout_offsets_read(hits->source, vaddr + at, 0, &told) ||
		    !elf_source_segment(hits->source, vaddr + at, told.size))
			continue;
		hits->vaddr = vaddr + at;
		hits->size = told.size;
		hits->n++;
	}
}

static void look_in_segment(struct hits *hits, const struct elf_segment *segment)
{
	uint8_t page[PAGE_BYTES];
	uint64_t size = segment->filesz, n;
	for (uint64_t at = -segment->vaddr & 7; at < size && hits->pages < PAGES_MAX; at += n) {
		uint64_t vaddr = segment->vaddr + at;
		n = size_min(sizeof(page) - vaddr % sizeof(page), size - at);
		hits->pages++;
		if (elf_source_read(hits->source, vaddr, page, n))
			look_in_page(hits, vaddr, page, n);
	}
}

static bool by_cookie(const struct elf_source *s, struct runtime_place *ret)
{
	struct hits hits = {.source = s};
	for (size_t i = 0; i < s->image->n_segments; i++)
		if (s->image->segments[i].writable)
			look_in_segment(&hits, &s->image->segments[i]);
	bool whole = hits.tries <= TRIES_MAX && hits.pages < PAGES_MAX;
	if (hits.n != 1 || !whole)
		return false;
	*ret = (struct runtime_place){hits.vaddr, hits.size, PROVENANCE_COOKIE};
	return true;
}

bool runtime_place_find(const struct elf_source *s, int fd, struct runtime_place *ret)
{
	return by_symbol(s, ret) || by_section(s, fd, ret) || by_cookie(s, ret);
}
