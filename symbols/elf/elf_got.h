/*
 * elf_got: where code that may be loaded anywhere finds exported variables: through
 * a table of pointers that the loader fills.
 */
#ifndef SYMBOLS_ELF_GOT_H
#define SYMBOLS_ELF_GOT_H

#include "base/vec.h"
#include "symbols/elf/elf_source.h"

struct elf_got_slot {
	uint64_t vaddr;  /* of the pointer */
	uint64_t target; /* link-time address of what it will point to */
};

struct elf_got {
	VEC(struct elf_got_slot) slots; /* by address */
};

#define ELF_GOT_EMPTY ((struct elf_got){VEC_EMPTY})

/* Reads the slots (relocations R_X86_64_GLOB_DAT of DT_RELA) whose symbol the object itself
 * defines. What is damaged ends the list. */
void elf_got_read(const struct elf_source *s, struct elf_got *ret);

/* What the slot at vaddr points to; false: it is no slot of the list. */
bool elf_got_find(const struct elf_got *got, uint64_t vaddr, uint64_t *ret);

/* What a pointer-sized variable starts with, before anything ran: the addend of the relocation
 * (R_X86_64_RELATIVE, R_X86_64_64) at its place, else its word in the file. Only of a file; a link-time
 * address. False: unreadable, or another's symbol. */
bool elf_got_initial(const struct elf_source *file, uint64_t vaddr, uint64_t *ret);

void elf_got_fini(struct elf_got *got);

#endif
