/*
 * python_version: which CPython an image is, from its own constants.
 */
#ifndef SYMBOLS_PYTHON_VERSION_H
#define SYMBOLS_PYTHON_VERSION_H

#include "symbols/elf/elf_image.h"

struct python_version {
	char text[32]; /* "3.11.2", "3.15.0rc1" */
	uint32_t hex;  /* PY_VERSION_HEX */
	bool debug_build;
	bool free_threaded;
};

/*
 * Reads it through `read`: Py_Version (Python/getversion.c, exported from 3.11), else what an
 * exported _PyRuntime says of itself (_Py_DebugOffsets, 3.13 on), else the version literal among
 * the read-only constants that agrees with a "pythonX.Y" beside it (Modules/getpath.c, up to 3.10),
 * else _Py_DebugOffsets found by its cookie. debug_build: _Py_RefTotal or _Py_NegativeRefcount is exported
 * (Objects/object.c, Py_REF_DEBUG only). free_threaded: _Py_DebugOffsets.free_threaded
 * (Include/internal/pycore_debug_offsets.h, 3.13 on). ERROR_SYMBOLS: nothing says.
 */
struct error *python_version_read(elf_read_fn *read, void *context, const struct elf_image *image,
				  struct python_version *ret) MUST_CHECK;

#endif
