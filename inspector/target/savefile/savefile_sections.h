/*
 * savefile_sections: regions, residency and facts as bytes, both ways.
 */
#ifndef INSPECTOR_TARGET_SAVEFILE_SECTIONS_H
#define INSPECTOR_TARGET_SAVEFILE_SECTIONS_H

#include "base/bytes.h"
#include "inspector/target/savefile/savefile.h"
#include "inspector/target/savefile/savefile_buffer.h"

/* Each adds to the buffer; false: out of memory. */
bool savefile_put_regions(const struct space *space, struct savefile_buffer *to);
bool savefile_put_residency(const struct residency *residency, struct savefile_buffer *to);

/* with_arguments: the command line, too. */
bool savefile_put_facts(const struct savefile_facts *facts, bool with_arguments,
			struct savefile_buffer *to);

/* Fills regions; mapped_size is left to the caller. ERROR_BAD_FILE. */
struct error *savefile_get_regions(const void *data, size_t size, struct space *ret) MUST_CHECK;
struct error *savefile_get_residency(const void *data, size_t size,
				     struct residency *ret) MUST_CHECK;

/* Tags of a later program are passed over. *ret is zeroed, and the caller's to savefile_facts_fini(). */
struct error *savefile_get_facts(const void *data, size_t size,
				 struct savefile_facts *ret) MUST_CHECK;

#endif
