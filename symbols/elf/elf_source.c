/*
 * elf_source: link-time address + bias, read through the callback; what cannot be
 * read is no error here but an answer that is not to be had.
 */
#include "symbols/elf/elf_source.h"

bool elf_source_read(const struct elf_source *s, uint64_t vaddr, void *buffer, size_t size)
{
	struct error *err = s->read(s->context, raddr_at(s->image->bias + vaddr), buffer, size);
	error_free(err);
	return !err;
}

bool elf_source_word(const struct elf_source *s, uint64_t vaddr, uint64_t *ret)
{
	return elf_source_read(s, vaddr, ret, sizeof(*ret));
}

bool elf_source_symbol(const struct elf_source *s, const char *name, uint64_t *ret_vaddr,
		       uint64_t *ret_size)
{
	return elf_image_symbol(s->read, s->context, s->image, name, ret_vaddr, ret_size);
}

const struct elf_segment *elf_source_segment(const struct elf_source *s, uint64_t vaddr,
					     uint64_t size)
{
	for (size_t i = 0; i < s->image->n_segments; i++) {
		const struct elf_segment *segment = &s->image->segments[i];
		if (vaddr >= segment->vaddr && vaddr - segment->vaddr <= segment->memsz &&
		    size <= segment->memsz - (vaddr - segment->vaddr))
			return segment;
	}
	return NULL;
}
