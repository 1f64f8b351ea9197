/*
 * layout_code_allocator: which functions may serve PyObject_Malloc, from the code that
 * asks whether pymalloc does.
 */
#ifndef SYMBOLS_LAYOUT_CODE_ALLOCATOR_H
#define SYMBOLS_LAYOUT_CODE_ALLOCATOR_H

#include "symbols/bare/layout_code.h"
#include "symbols/code/code.h"

/*
 * A part of layout_code_fill(): STATIC_ALLOCATOR_OBJ or RUNTIME_ALLOCATORS_OBJ, and PYMALLOC_MALLOC,
 * DEBUG_MALLOC, MIMALLOC_MALLOC, RAW_MALLOC as far as _PyMem_PymallocEnabled, inlined into
 * _PyObject_DebugMallocStats or not, compares them and what variables start with bears it out.
 */
void layout_code_fill_allocator(const struct layout_code_request *request,
				const struct code_reader *reader, struct layout *layout);

#endif
