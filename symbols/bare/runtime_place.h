/*
 * runtime_place: where _PyRuntime lies in a module that has no symbol table.
 */
#ifndef SYMBOLS_RUNTIME_PLACE_H
#define SYMBOLS_RUNTIME_PLACE_H

#include "symbols/elf/elf_source.h"
#include "symbols/layout.h"

struct runtime_place {
	uint64_t vaddr;             /* link-time address */
	uint64_t size;              /* sizeof(_PyRuntimeState) */
	enum provenance provenance; /* DYNSYM, SECTION or COOKIE */
};

/*
 * By the exported symbol (3.7 on), else the section .PyRuntime of the file `fd` (-1: none; 3.10
 * on, pycore_runtime.h), else the one place in the writable segments where a believable
 * _Py_DebugOffsets stands (3.13 on). False: none of them tells, or the last tells two.
 */
bool runtime_place_find(const struct elf_source *s, int fd, struct runtime_place *ret);

#endif
