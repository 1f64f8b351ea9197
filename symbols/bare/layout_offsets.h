/*
 * layout_offsets: what the runtime says of itself in _Py_DebugOffsets, the struct at
 * the start of _PyRuntime from 3.13 on (Include/internal/pycore_debug_offsets.h,
 * read in 3.13.0, 3.14.0 and 3.15.0). Meant for debuggers; here it is foreign data
 * like any other.
 */
#ifndef SYMBOLS_LAYOUT_OFFSETS_H
#define SYMBOLS_LAYOUT_OFFSETS_H

#include "symbols/elf/elf_source.h"
#include "symbols/layout.h"

struct debug_offsets {
	uint32_t version_hex; /* PY_VERSION_HEX of what wrote it */
	bool free_threaded;
	bool known;    /* of a version whose layout is known; else only the head was looked at */
	uint64_t size; /* sizeof(_PyRuntimeState) */
};

/*
 * Reads the struct at `runtime`, a link-time address, and checks it: cookie, a version from 3.13
 * on, flags that are 0 or 1, sizes within bounds, every offset inside its struct. `size`: bytes
 * that the runtime is known to have, 0 unknown; then the struct's own must agree. False: it is
 * none, or says something impossible; nothing of it may be believed.
 */
bool layout_offsets_read(const struct elf_source *s, uint64_t runtime, uint64_t size,
			 struct debug_offsets *ret);

/*
 * The same, and fills the entries that are absent and that it tells: RUNTIME_SIZE,
 * RUNTIME_INTERPRETERS_HEAD, INTERP_SIZE, _NEXT, _ID, and of known versions INTERP_THREADS_HEAD, TSTATE_NEXT,
 * _INTERP, _THREAD_ID, _NATIVE_THREAD_ID, _DATASTACK_CHUNK, SIZEOF_TUPLE, TUPLE_ITEM, SIZEOF_LIST, SIZEOF_DICT,
 * SIZEOF_FLOAT; provenance SELF_DESCRIBED.
 */
bool layout_offsets_fill(const struct elf_source *s, uint64_t runtime, uint64_t size,
			 struct layout *layout, struct debug_offsets *ret);

#endif
