/*
 * layout_dwarf: struct layouts for the table of layout.def, from DWARF.
 */
#ifndef SYMBOLS_DEBUG_LAYOUT_DWARF_H
#define SYMBOLS_DEBUG_LAYOUT_DWARF_H

#include "symbols/debug/dwarf_units.h"
#include "symbols/layout.h"

/* Fills the LAYOUT_SIZE and LAYOUT_FIELD entries. What this build does not have stays absent.
 * ERROR_RESOURCE. */
struct error *layout_dwarf_fill(struct dwarf_units *units, struct layout *layout) MUST_CHECK;

/* Fills the LAYOUT_OBJECT entries that are absent and marked in `wanted` from the addresses that
 * DWARF gives to variables; what it gives twice stays absent. */
void layout_dwarf_fill_variables(struct dwarf_units *units, struct layout *layout,
				 const bool wanted[LAYOUT_COUNT]);

#endif
