/*
 * elf_section: one section of an ELF file by its name, by small bounded reads: no
 * libelf, so that it may be asked outside the reading child.
 */
#ifndef SYMBOLS_ELF_SECTION_H
#define SYMBOLS_ELF_SECTION_H

#include "symbols/elf/elf_image.h"

/* Place of the one section of that name that is loaded into memory (SHF_ALLOC): its link-time
 * address and its bytes. False: no such section, two of them, section headers stripped or damaged. */
bool elf_section_find(int fd, const char *name, uint64_t *ret_vaddr, uint64_t *ret_size);

/* Reads `size` bytes of a file at an offset; false: it ends before. */
bool elf_section_bytes(int fd, uint64_t offset, void *buffer, size_t size);

#endif
