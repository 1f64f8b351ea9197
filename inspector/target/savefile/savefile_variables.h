/*
 * savefile_variables: what the mapped objects call their variables: their files need not be where a snapshot is read.
 */
#ifndef INSPECTOR_TARGET_SAVEFILE_VARIABLES_H
#define INSPECTOR_TARGET_SAVEFILE_VARIABLES_H

#include "base/error.h"
#include "base/raddr.h"
#include "inspector/target/savefile/savefile_buffer.h"
#include "symbols/elf/elf_image.h"
#include "symbols/elf/elf_variables.h"

/* Adds those of one object that may be written to; an object without any adds nothing. false: out of memory. */
bool savefile_put_variables(const struct elf_image *image, const struct elf_variables *variables,
			    struct savefile_buffer *to);

/* Those of the object whose image starts there, the caller's to elf_variables_fini(); none where none were saved.
 * ERROR_BAD_FILE. */
struct error *savefile_get_variables(const void *data, size_t size, raddr start,
				     struct elf_variables *ret) MUST_CHECK;

#endif
