/*
 * elf_got: PT_DYNAMIC names the relocations; those for the loader's arithmetic come
 * first (DT_RELACOUNT of them) and are of no interest.
 *
 *	DT_RELA ─▶ ┃ RELATIVE … ┃ GLOB_DAT slot, symbol # ┃ … 24 bytes each
 *	DT_SYMTAB ─▶ ┃ … symbol: section, value ┃ …           24 bytes each
 */
#include "symbols/elf/elf_got.h"

#include "symbols/elf/elf_dynamic.h"

#include <elf.h>

#define RELOCATIONS_MAX (UINT64_C(1) << 18)
#define SLOTS_MAX       65536
#define BLOCK           128

static bool read_tables(const struct elf_source *s, struct elf_dynamic *ret)
{
	elf_dynamic_read(s, ret);
	return ret->relocations && ret->symbols;
}

static bool take_slot(const struct elf_source *s, const struct elf_dynamic *t, const Elf64_Rela *r,
		      struct elf_got *got)
{
	Elf64_Sym symbol;
	if (ELF64_R_TYPE(r->r_info) != R_X86_64_GLOB_DAT)
		return true;
	if (got->slots.count == SLOTS_MAX ||
	    !elf_source_read(s, t->symbols + ELF64_R_SYM(r->r_info) * sizeof(symbol), &symbol,
			     sizeof(symbol)))
		return false;
	if (symbol.st_shndx == SHN_UNDEF || !elf_source_segment(s, symbol.st_value, 1))
		return true;
	struct elf_got_slot *slot = vec_push(&got->slots);
	if (slot)
		*slot = (struct elf_got_slot){r->r_offset, symbol.st_value};
	return slot != NULL;
}

static int compare_slots(const void *a, const void *b)
{
	const struct elf_got_slot *left = a, *right = b;
	return (left->vaddr > right->vaddr) - (left->vaddr < right->vaddr);
}

void elf_got_read(const struct elf_source *s, struct elf_got *ret)
{
	struct elf_got got = ELF_GOT_EMPTY;
	struct elf_dynamic t;
	Elf64_Rela block[BLOCK];
	bool good = read_tables(s, &t);
	uint64_t n = good ? size_min(t.relocations_size / sizeof(block[0]), RELOCATIONS_MAX) : 0;
	for (uint64_t i = t.n_relative; good && i < n; i += BLOCK) {
		uint64_t here = size_min(BLOCK, n - i);
		good = elf_source_read(s, t.relocations + i * sizeof(block[0]), block,
				       here * sizeof(block[0]));
		for (uint64_t j = 0; good && j < here; j++)
			good = take_slot(s, &t, &block[j], &got);
	}
	if (got.slots.count > 0)
		qsort(got.slots.items, got.slots.count, sizeof(got.slots.items[0]), compare_slots);
	*ret = got;
}

bool elf_got_find(const struct elf_got *got, uint64_t vaddr, uint64_t *ret)
{
	const struct elf_got_slot key = {.vaddr = vaddr};
	const struct elf_got_slot *found =
		got->slots.count ? bsearch(&key, got->slots.items, got->slots.count, sizeof(key),
					   compare_slots)
				 : NULL;
	if (found)
		*ret = found->target;
	return found != NULL;
}

/* The address that this relocation puts into its place. */
static bool resolve(const struct elf_source *s, const struct elf_dynamic *t, const Elf64_Rela *r,
		    uint64_t *ret)
{
	Elf64_Sym symbol = {0};
	uint64_t type = ELF64_R_TYPE(r->r_info);
	if (type == R_X86_64_64) {
		if (!elf_source_read(s, t->symbols + ELF64_R_SYM(r->r_info) * sizeof(symbol),
				     &symbol, sizeof(symbol)) ||
		    symbol.st_shndx == SHN_UNDEF)
			return false;
	} else if (type != R_X86_64_RELATIVE) {
		return false;
	}
	*ret = symbol.st_value + (uint64_t)r->r_addend;
	return true;
}

bool elf_got_initial(const struct elf_source *file, uint64_t vaddr, uint64_t *ret)
{
	struct elf_dynamic t;
	Elf64_Rela block[BLOCK];
	uint64_t n = read_tables(file, &t) ? t.relocations_size / sizeof(block[0]) : 0;
	for (uint64_t i = 0; i < n && i < RELOCATIONS_MAX; i += BLOCK) {
		uint64_t here = size_min(BLOCK, n - i);
		if (!elf_source_read(file, t.relocations + i * sizeof(block[0]), block,
				     here * sizeof(block[0])))
			return false;
		for (uint64_t j = 0; j < here; j++)
			if (block[j].r_offset == vaddr)
				return resolve(file, &t, &block[j], ret);
	}
	return elf_source_word(file, vaddr, ret);
}

void elf_got_fini(struct elf_got *got)
{
	vec_fini(&got->slots);
}
