/*
 * layout_code: what exported functions of the interpreter read tells where it lies.
 */
#ifndef SYMBOLS_LAYOUT_CODE_H
#define SYMBOLS_LAYOUT_CODE_H

#include "symbols/elf/elf_source.h"
#include "symbols/layout.h"

struct layout_code_request {
	const struct elf_source *source;
	bool is_file;         /* the source is the file: variables hold what they start with */
	uint32_t version_hex; /* PY_VERSION_HEX; 0 unknown */
	bool free_threaded;
};

/*
 * Fills entries that are absent, provenance SCANNED, each only where the code gives exactly one
 * answer. From
 *   PyInterpreterState_Head, _Main, _Next, _GetID (Python/pystate.c, 2.7 to 3.15), and
 *   _PyInterpreterState_HasFeature (3.12): INTERP_HEAD or RUNTIME_INTERPRETERS_HEAD and _MAIN,
 *   INTERP_NEXT, INTERP_ID, INTERP_FEATURE_FLAGS;
 *   _Py_GetAllocatedBlocks (Objects/obmalloc.c, 3.4 to 3.11): the counter of blocks;
 *   _PyObject_DebugMallocStats (the same, 3.4 on): STATIC_ARENAS, _MAXARENAS, the counters that it
 *   prints (up to 3.11), and by what it compares, who may be the allocator (3.7 on);
 *   _PyMem_PymallocEnabled (3.6): the same;
 *   _Py*_DebugMallocStats (3.4 to 3.12): lengths of free lists, and sizes of their objects;
 *   Py*_ClearFreeList, PyDict_Fini and PyList_Fini (2.7): the same lengths.
 * The table must know RUNTIME by then, where the build has it.
 */
void layout_code_fill(const struct layout_code_request *request, struct layout *layout);

#endif
