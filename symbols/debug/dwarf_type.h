/*
 * dwarf_type: sizes of types and places of members, from DWARF 2 to 5 as GCC and
 * clang write it, with or without dwz and type units. Only used in the reading child.
 */
#ifndef SYMBOLS_DEBUG_DWARF_TYPE_H
#define SYMBOLS_DEBUG_DWARF_TYPE_H

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

/* The struct, union or other type behind typedefs, qualifiers and signatures; false: none that is
 * complete in this unit. */
bool dwarf_type_peel(Dwarf_Die *type, Dwarf_Die *ret);

/* sizeof. A flexible array has size 0. */
bool dwarf_type_size(Dwarf_Die *type, uint64_t *ret);

struct dwarf_place {
	uint64_t offset; /* bytes from the start of the outer type */
	uint64_t width;  /* bytes of one element */
	uint64_t count;  /* elements of an array, else 1 */
	uint64_t stride; /* bytes from element to element */
};

/*
 * Where `path` (length bytes of it) lies in `type`: "a.b" members, "a[].b" member b of each
 * element of a. Members of anonymous structs and unions are found as C finds them. A path that
 * ends at an array names its elements, of all dimensions. False: no such member, or a bit field
 * that fills no whole bytes.
 */
bool dwarf_type_place(Dwarf_Die *type, const char *path, size_t length, struct dwarf_place *ret);

#endif
