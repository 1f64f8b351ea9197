/*
 * elf_variables: what an ELF file calls the places of its data, by small bounded reads: no libelf, so that it may be
 * asked outside the reading child.
 */
#ifndef SYMBOLS_ELF_VARIABLES_H
#define SYMBOLS_ELF_VARIABLES_H

#include "base/error.h"
#include "base/vec.h"

#include <stdint.h>

struct elf_variable {
	uint64_t vaddr, size; /* link-time address; bytes */
	uint32_t name;        /* where it begins in names */
};

struct elf_variables {
	VEC(struct elf_variable) list; /* ascending */
	char *names;                   /* foreign; each ends with NUL */
	size_t names_size;
};

#define ELF_VARIABLES_EMPTY ((struct elf_variables){VEC_EMPTY, NULL, 0})

/* Reads the variables that .symtab names, or where that was stripped, .dynsym. A file with none, or that is damaged, has
 * none. ERROR_RESOURCE. */
struct error *elf_variables_read(int fd, struct elf_variables *ret) MUST_CHECK;

/* The name of the variable that holds a link-time address, with its length: compilers' suffixes (".lto_priv.0") are no part
 * of it. Foreign, borrowed. NULL: none does. */
const char *elf_variables_find(const struct elf_variables *variables, uint64_t vaddr,
			       size_t *ret_length);

void elf_variables_fini(struct elf_variables *variables);

#endif
