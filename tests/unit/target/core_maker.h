/*
 * core_maker: core files made by hand, in memory.
 *
 * Program headers first, then notes, then memory, as the kernel writes them.
 */
#ifndef TESTS_CORE_MAKER_H
#define TESTS_CORE_MAKER_H

#include "base/error.h"
#include "base/text.h"

#include <elf.h>
#include <stdint.h>

#define CORE_MAKER_LOADS 8

struct core_maker {
	Elf64_Phdr
		loads[CORE_MAKER_LOADS]; /* p_offset is filled in; contents: see core_maker_byte */
	size_t n_loads;
	struct text notes;
	bool many; /* the number of headers stands in section header 0 */
};

#define CORE_MAKER_EMPTY ((struct core_maker){.notes = TEXT_EMPTY})

void core_maker_load(struct core_maker *m, uint64_t start, uint64_t size, uint64_t filesz,
		     uint32_t flags);
void core_maker_note(struct core_maker *m, uint32_t type, const void *desc, size_t size);

/* NT_FILE: n triples of start, end, offset in units, and as many paths, each with its end. */
void core_maker_files(struct core_maker *m, uint64_t unit, size_t n, const uint64_t (*triples)[3],
		      const char *paths, size_t paths_size);

/* What stands at an address in the file. */
uint8_t core_maker_byte(uint64_t address);

/* The whole file. malloc'd. */
uint8_t *core_maker_bytes(const struct core_maker *m, size_t *ret_size);

/* A file without a name that holds these bytes, and a path that opens it. */
int core_maker_file(const void *bytes, size_t size, char ret_path[64]);

/* Fails the test unless err is of the kind with these words in its cause, and frees it; 0: unless it is
 * NULL. */
void expect_error(struct error *err, int kind, const char *words);

#endif
