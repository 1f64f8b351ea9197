/*
 * elf_image: an ELF object as it lies in memory: segments, build-id, dynamic
 * symbols, read through a callback, so that the bytes may come from a process,
 * from a core or from a test.
 *
 * Used to decide by content which module holds the interpreter, before any file
 * is opened. All of it is foreign data.
 */
#ifndef SYMBOLS_ELF_IMAGE_H
#define SYMBOLS_ELF_IMAGE_H

#include "base/error.h"
#include "base/raddr.h"

#include <stddef.h>

#define BUILD_ID_MAX 64

struct build_id {
	uint8_t bytes[BUILD_ID_MAX];
	size_t size; /* 0: none */
};

bool build_id_equal(const struct build_id *a,
		    const struct build_id *b); /* false if either is none */
/* Lower-case hexadecimal, NUL-terminated; "" for none. */
void build_id_hex(const struct build_id *id, char ret[2 * BUILD_ID_MAX + 1]);

#define ELF_SEGMENTS_MAX 32

struct elf_segment {
	uint64_t vaddr;  /* link-time address */
	uint64_t memsz;  /* bytes in memory */
	uint64_t offset; /* in the file */
	uint64_t filesz; /* bytes in the file; the rest up to memsz is .bss */
	bool writable;
	bool executable;
};

/* Reads `size` bytes at `at`; NULL on success. */
typedef struct error *elf_read_fn(void *context, raddr at, void *buffer, size_t size);

struct elf_image {
	raddr start;   /* where file offset 0 is mapped */
	uint64_t bias; /* memory address = bias + link-time address, modulo 2^64 */
	struct elf_segment segments[ELF_SEGMENTS_MAX]; /* PT_LOAD only */
	size_t n_segments;
	struct build_id build_id;
	uint64_t dynamic_vaddr, dynamic_size; /* 0: static program */
	bool fixed; /* ET_EXEC: it lies where it was linked to, and its words need no relocation */
};

/* Parses the ELF header, program headers and build-id note of the object whose file offset 0 is
 * mapped at `start`. ERROR_UNSUPPORTED: not a 64-bit little-endian x86-64 ELF; ERROR_FAULT. */
struct error *elf_image_read(elf_read_fn *read, void *context, raddr start,
			     struct elf_image *ret) MUST_CHECK;

/* Looks a symbol up that the image's dynamic table *defines* (DT_GNU_HASH, else DT_HASH).
 * Found: true, *ret_vaddr link-time address, *ret_size st_size. Any damage: false. */
bool elf_image_symbol(elf_read_fn *read, void *context, const struct elf_image *image,
		      const char *name, uint64_t *ret_vaddr, uint64_t *ret_size);

/*
 * Whether the image holds a CPython runtime: it defines _PyRuntime (3.7 on),
 * PyInterpreterState_Head or _PyThreadState_Current (before).
 */
bool elf_image_defines_python(elf_read_fn *read, void *context, const struct elf_image *image);

#endif
