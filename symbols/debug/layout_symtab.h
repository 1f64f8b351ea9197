/*
 * layout_symtab: addresses of the variables and functions of layout.def, from an
 * ELF symbol table.
 */
#ifndef SYMBOLS_DEBUG_LAYOUT_SYMTAB_H
#define SYMBOLS_DEBUG_LAYOUT_SYMTAB_H

#include "symbols/debug/elf_file.h"
#include "symbols/layout.h"

/*
 * Fills the LAYOUT_OBJECT and LAYOUT_FUNCTION entries that are still absent from .symtab.
 * Statics keep their name or get a suffix (GCC's link-time optimisation: arenas.lto_priv.0,
 * clang's ThinLTO: arenas.llvm.123); the plain name wins. Two different symbols that answer
 * equally well answer nothing. ret_unsure[id] is set for them, and for "file.c:name" where the
 * table has forgotten that file: then only DWARF can tell. False: the file has no .symtab.
 */
bool layout_symtab_fill(const struct elf_file *file, struct layout *layout,
			bool ret_unsure[LAYOUT_COUNT]);

/* The same for variables, plain names only, from .dynsym: what is exported. */
void layout_symtab_fill_exported(const struct elf_file *file, struct layout *layout);

#endif
