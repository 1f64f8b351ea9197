/*
 * savefile_overlay: the ranges in a snapshot file that lie over its pages.
 */
#ifndef INSPECTOR_TARGET_SAVEFILE_OVERLAY_H
#define INSPECTOR_TARGET_SAVEFILE_OVERLAY_H

#include "inspector/target/savefile/savefile.h"

struct savefile_overlay;

/* file: borrowed. ERROR_RESOURCE. */
struct error *savefile_overlay_open(struct savefile *file,
				    struct savefile_overlay **ret) MUST_CHECK;
void savefile_overlay_close(struct savefile_overlay *overlay); /* takes NULL */

/* Lays what it has of [at, at + size) over the buffer, and says whether that was all of it.
 * ERROR_BAD_FILE. */
struct error *savefile_overlay_read(struct savefile_overlay *overlay, raddr at, uint8_t *buffer,
				    size_t size, bool *ret_whole) MUST_CHECK;

#endif
