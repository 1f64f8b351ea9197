/*
 * savefile_memory: the memory in a snapshot file as the source of a space.
 *
 * A page that was not there when the process was saved reads as it would have there: zeros where it
 * was never touched, a fault where it was swapped out. A few unpacked parts are kept, whatever the
 * size of the file.
 */
#ifndef INSPECTOR_TARGET_SAVEFILE_MEMORY_H
#define INSPECTOR_TARGET_SAVEFILE_MEMORY_H

#include "inspector/target/savefile/savefile.h"

/* Puts the source below a space whose regions are there. The residency moves into it. The file is
 * borrowed. ERROR_RESOURCE. */
struct error *savefile_memory_attach(struct savefile *file, struct residency *residency,
				     struct space *space) MUST_CHECK;

#endif
