/*
 * maps: the text of /proc/PID/maps turned into regions.
 *
 *	7f01a2000000-7f01a2021000 rw-p 00000000 fe:01 1234      /usr/lib/x.so (deleted)
 *
 * Paths are the target's choice: a newline comes as \012, nothing else is escaped.
 */
#ifndef INSPECTOR_TARGET_MAPS_H
#define INSPECTOR_TARGET_MAPS_H

#include "inspector/target/space.h"

/* Longest text that is read: over a million mappings. */
#define MAPS_SIZE_MAX (128 * MIB)

/*
 * Puts the regions of the text in place of space's. Lines that are not of the form, that are empty
 * or lie below what came before are left out. The space's regions are gone on failure
 * (ERROR_RESOURCE: out of memory).
 */
struct error *maps_parse(const char *text, size_t size, struct space *ret) MUST_CHECK;

/* Takes the kernel's " (deleted)" off the region's label and notes it. Cores name files so, too. */
void maps_strip_deleted(struct region *region);

/* Whether all of [at, at + size) is mapped, by the text; it is only skimmed. */
bool maps_cover(const char *text, size_t length, raddr at, uint64_t size);

#endif
