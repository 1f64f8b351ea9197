/*
 * made_object: an ELF object as its program headers and PT_DYNAMIC show it, made in memory word by word,
 * with any lie in it: constants, then data, of which the last part is not in the file.
 */
#ifndef TESTS_SYMBOLS_MADE_OBJECT_H
#define TESTS_SYMBOLS_MADE_OBJECT_H

#include "symbols/elf/elf_source.h"

#include <elf.h>

#define MADE_BIAS        UINT64_C(0x7f3400000000)
#define MADE_RELOCATIONS 0x1000 /* link-time addresses */
#define MADE_DATA        0x20000
#define MADE_DATA_SIZE   0x200000
#define MADE_BSS         (MADE_DATA + MADE_DATA_SIZE)
#define MADE_END         (MADE_BSS + 0x10000)

enum made_tag {
	MADE_RELA,
	MADE_RELASZ,
	MADE_RELR,
	MADE_RELRSZ,
	MADE_SYMTAB,
	MADE_TAGS,
};

struct made_object {
	struct elf_image image;
	Elf64_Dyn dynamic[MADE_TAGS + 1];
	size_t n_relocations, n_packed;
	uint64_t hole; /* a byte that cannot be read; 0: none */
	size_t n_reads;
	uint8_t *bytes; /* MADE_END of them, by link-time address */
};

void made_object_init(struct made_object *o);
void made_object_fini(struct made_object *o);

/* As it is now, its sizes told unless the test has told others; counts reads anew. */
struct elf_source made_object_source(struct made_object *o);

void made_object_word(struct made_object *o, uint64_t at, uint64_t value);

/* One more entry of DT_RELA, of DT_RELR. */
void made_object_relocate(struct made_object *o, uint64_t at, uint64_t type, uint64_t symbol,
			  uint64_t addend);
void made_object_pack(struct made_object *o, uint64_t entry);

/* The i-th relocation, to be changed. */
Elf64_Rela *made_object_relocation(struct made_object *o, size_t i);

void made_object_define(struct made_object *o, uint64_t index, uint16_t section, uint64_t value);

#endif
