/*
 * elf_dynamic: what PT_DYNAMIC says of an object's relocations and symbols: places and
 * sizes, none of which is checked yet. All of it is foreign data.
 */
#ifndef SYMBOLS_ELF_DYNAMIC_H
#define SYMBOLS_ELF_DYNAMIC_H

#include "symbols/elf/elf_source.h"

/* Link-time addresses and bytes; 0: there is none. */
struct elf_dynamic {
	uint64_t relocations, relocations_size; /* Elf64_Rela */
	uint64_t n_relative;          /* how many of them come first and are R_X86_64_RELATIVE */
	uint64_t packed, packed_size; /* Elf64_Relr: places whose word holds its own addend */
	uint64_t symbols;             /* Elf64_Sym */
};

/* What is damaged ends the list. */
void elf_dynamic_read(const struct elf_source *s, struct elf_dynamic *ret);

#endif
