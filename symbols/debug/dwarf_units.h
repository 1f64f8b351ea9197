/*
 * dwarf_units: the compilation units of a file, and the search for named types and
 * for variables in them. Only used in the reading child.
 */
#ifndef SYMBOLS_DEBUG_DWARF_UNITS_H
#define SYMBOLS_DEBUG_DWARF_UNITS_H

#include "base/error.h"
#include "base/vec.h"

#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>

struct dwarf_unit {
	Dwarf_Die die;
	const char *name; /* base name of the source file, borrowed from libdw; "" unknown */
	bool is_type;     /* a type unit: one type, and what only it uses */
};

struct dwarf_units {
	VEC(struct dwarf_unit) units;
	size_t n_without_dwo;    /* units whose split part (.dwo) was not found */
	const char *missing_dwo; /* the name of one of them, borrowed from libdw, or NULL */
};

/* Lists all units: their names only. ERROR_SYMBOLS: damaged; ERROR_RESOURCE. */
struct error *dwarf_units_read(Dwarf *dwarf, struct dwarf_units *ret) MUST_CHECK;
void dwarf_units_fini(struct dwarf_units *units);

/* Types wanted by name: tags of structs and unions, and typedefs. */
struct dwarf_wanted {
	const char *name; /* not NUL-terminated */
	size_t length;
	bool found;
	Dwarf_Die type; /* complete, behind typedefs */
};

struct dwarf_types {
	VEC(struct dwarf_wanted) wanted; /* sorted by name */
	uint64_t budget; /* entries that may still be looked at: partial units can be imported
	                    over and over */
};

/* Adds a name once, keeping the order; false: out of memory. */
bool dwarf_types_want(struct dwarf_types *types, const char *name, size_t length);
struct dwarf_wanted *dwarf_types_find(const struct dwarf_types *types, const char *name,
				      size_t length);
void dwarf_types_fini(struct dwarf_types *types);

/* Finds what is still wanted at the top level of the units of this base name (NULL: all
 * units; "": type units and those without a name). */
void dwarf_units_find_types(struct dwarf_units *units, const char *name, struct dwarf_types *types);

/* Calls `visit` for each variable of fixed address at the top level of any unit, also for one
 * whose name stands in another unit (link-time optimisation). `unit` is the base name of the
 * source that declares it. */
typedef void dwarf_variable_fn(void *context, const char *name, const char *unit, uint64_t vaddr,
			       uint64_t size);
void dwarf_units_variables(struct dwarf_units *units, dwarf_variable_fn *visit, void *context);

#endif
