/*
 * core_elf: the ELF header and program headers of a core: which memory lies where
 * in the file, and where the notes are.
 */
#ifndef INSPECTOR_TARGET_CORE_ELF_H
#define INSPECTOR_TARGET_CORE_ELF_H

#include "base/raddr.h"
#include "base/vec.h"
#include "inspector/target/core/core_file.h"

/* Mapped memory: the first `filesz` bytes of it are in the file, the others are not. */
struct core_segment {
	raddr start;
	uint64_t size, filesz; /* filesz <= size */
	uint64_t offset;       /* in the file */
	bool readable, writable, executable;
};

struct core_notes_place {
	uint64_t offset, size;
};

#define CORE_SEGMENTS_MAX (UINT64_C(1) << 21)
#define CORE_NOTES_MAX    8 /* PT_NOTE segments that are looked at */

struct core_elf {
	VEC(struct core_segment) segments; /* ascending, disjoint */
	struct core_notes_place notes[CORE_NOTES_MAX];
	size_t n_notes;
	uint64_t n_headers; /* program headers there should be */
	uint64_t n_cut;     /* of them beyond the file's end */
	uint64_t n_refused; /* segments that no kernel can have written, or that overlap others */
};

#define CORE_ELF_EMPTY ((struct core_elf){.n_notes = 0})

/* ERROR_UNSUPPORTED: of another machine; ERROR_BAD_FILE: not even the headers make sense. *ret is to be
 * core_elf_fini()d in every case. */
struct error *core_elf_read(struct core_file *file, struct core_elf *ret) MUST_CHECK;
void core_elf_fini(struct core_elf *elf);

/* The segment that holds an address, or NULL. */
const struct core_segment *core_elf_find(const struct core_elf *elf, raddr at);

#endif
