/*
 * cross_check: whether memory bears out what symbols say of pymalloc's variables. A millisecond or
 * two; the heap itself is checked by its walk.
 */
#ifndef INSPECTOR_SCAN_CROSS_CHECK_H
#define INSPECTOR_SCAN_CROSS_CHECK_H

#include "inspector/target/space.h"
#include "symbols/elf/elf_image.h"
#include "symbols/layout.h"

enum cross_check_result {
	CROSS_CHECK_AGREES,
	CROSS_CHECK_SILENT, /* no pool in use, or swapped out, or not pymalloc: nothing to compare */
	CROSS_CHECK_DISAGREES,
};

/* *ret_what: static, what disagrees. moves: the target runs, and is looked at again, some times: of a list that changes meanwhile
 * head and links are of two moments, and its thread may wait for a processor between them. ERROR_GONE, ERROR_RESOURCE. */
struct error *cross_check(struct space *space, const struct elf_image *image,
			  const struct layout *layout, bool moves, enum cross_check_result *ret,
			  const char **ret_what) MUST_CHECK;

#endif
