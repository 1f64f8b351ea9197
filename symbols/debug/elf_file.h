/*
 * elf_file: an ELF file on disk, through libelf. Only used in the reading child:
 * the file may be anyone's.
 */
#ifndef SYMBOLS_DEBUG_ELF_FILE_H
#define SYMBOLS_DEBUG_ELF_FILE_H

#include "base/error.h"
#include "symbols/elf/elf_image.h"

#include <gelf.h>

struct elf_file {
	int fd; /* owned */
	Elf *elf;
	char *path; /* for messages and for names relative to it; unescaped */
	struct build_id build_id;
	bool ours; /* only root or we could have written it */
};

/* Takes fd over, also on failure. ERROR_SYMBOLS: not a 64-bit x86-64 ELF file. */
struct error *elf_file_open(int fd, const char *path, struct elf_file **ret) MUST_CHECK;
void elf_file_close(struct elf_file *file); /* takes NULL */

static inline void elf_file_closep(struct elf_file **file)
{
	elf_file_close(*file);
}

/* The first section of this type (SHT_SYMTAB, SHT_DYNSYM) that has bytes in the file, or NULL. */
Elf_Scn *elf_file_section_of_type(const struct elf_file *file, GElf_Word type, GElf_Shdr *ret);

/* Whether it has a .debug_info section with bytes, compressed or not. */
bool elf_file_has_dwarf(const struct elf_file *file);

/* Whether its debug information is compressed with zstd, which elfutils reads from 0.189 on. */
bool elf_file_has_zstd(const struct elf_file *file);

/* .gnu_debuglink: base name of the debug file and its CRC; NULL: none. Valid while it is open. */
const char *elf_file_debuglink(const struct elf_file *file, uint32_t *ret_crc);

/* .gnu_debugaltlink (dwz -m): path and build-id of the file shared by several; NULL: none. */
const char *elf_file_altlink(const struct elf_file *file, struct build_id *ret);

/* CRC-32 of the whole file, as .gnu_debuglink counts it; false: unreadable. */
bool elf_file_crc(const struct elf_file *file, uint32_t *ret);

/* Bytes that libdw will inflate at once when it opens the file: call after hiding. */
uint64_t elf_file_inflated_size(const struct elf_file *file);

/* Hides the debug sections that we never ask for, so that libdw does not inflate them. */
void elf_file_hide_unneeded(struct elf_file *file);

#endif
