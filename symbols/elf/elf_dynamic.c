/*
 * elf_dynamic: {tag, value} {tag, value} … {DT_NULL}
 *
 * Pointers among the values are link-time addresses in the file; a loader may have moved
 * them in place. Which of the two one is shows from where it lands.
 */
#include "symbols/elf/elf_dynamic.h"

#include <elf.h>

#define DYNAMIC_MAX 512

static uint64_t unmoved(const struct elf_source *s, uint64_t value)
{
	return elf_source_segment(s, value, 1) ? value : value - s->image->bias;
}

static void take_entry(const struct elf_source *s, const Elf64_Dyn *d, struct elf_dynamic *t)
{
	switch (d->d_tag) {
	case DT_RELA:
		t->relocations = unmoved(s, d->d_un.d_ptr);
		break;
	case DT_RELASZ:
		t->relocations_size = d->d_un.d_val;
		break;
	case DT_RELACOUNT:
		t->n_relative = d->d_un.d_val;
		break;
	case DT_RELR:
		t->packed = unmoved(s, d->d_un.d_ptr);
		break;
	case DT_RELRSZ:
		t->packed_size = d->d_un.d_val;
		break;
	case DT_SYMTAB:
		t->symbols = unmoved(s, d->d_un.d_ptr);
		break;
	default:
		break;
	}
}

void elf_dynamic_read(const struct elf_source *s, struct elf_dynamic *ret)
{
	struct elf_dynamic t = {0};
	uint64_t n = s->image->dynamic_size / sizeof(Elf64_Dyn);
	for (uint64_t i = 0; i < n && i < DYNAMIC_MAX; i++) {
		Elf64_Dyn d;
		if (!elf_source_read(s, s->image->dynamic_vaddr + i * sizeof(d), &d, sizeof(d)) ||
		    d.d_tag == DT_NULL)
			break;
		take_entry(s, &d, &t);
	}
	*ret = t;
}
