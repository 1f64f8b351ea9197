/*
 * save_variables: what mapped objects call their variables goes into the snapshot: its reader may not have their files.
 */
#ifndef INSPECTOR_SAVE_SAVE_VARIABLES_H
#define INSPECTOR_SAVE_SAVE_VARIABLES_H

#include "inspector/save/save_pages.h"

/* Of a file that cannot be had, or names none, nothing is written. ERROR_RESOURCE, ERROR_GONE. */
struct error *save_variables_write(const struct origin *origin, struct space *space,
				   const struct save_objects *objects,
				   struct savefile_writer *writer) MUST_CHECK;

#endif
