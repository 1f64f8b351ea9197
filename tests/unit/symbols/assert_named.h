/*
 * assert_named: what a variable is called, or that none has the place.
 */
#ifndef TESTS_UNIT_SYMBOLS_ASSERT_NAMED_H
#define TESTS_UNIT_SYMBOLS_ASSERT_NAMED_H

#include "symbols/elf/elf_variables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* name: of the variable that holds the link-time address; NULL: there is none. */
static inline void assert_named(const struct elf_variables *v, uint64_t vaddr, const char *name)
{
	size_t length = 0;
	const char *found = elf_variables_find(v, vaddr, &length);
	if (!name) {
		assert_null(found);
		return;
	}
	assert_non_null(found);
	assert_int_equal(length, strlen(name));
	assert_memory_equal(found, name, length);
}

#endif
