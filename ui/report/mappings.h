/*
 * mappings: the ledger of a process whose memory may not be read, by kind of mapping.
 */
#ifndef UI_MAPPINGS_H
#define UI_MAPPINGS_H

#include "inspector/mappings.h"
#include "ui/text/page.h"

/* A table: what is mapped, in RAM, swapped out, and what it is. */
void mappings_write(struct page *page, const struct mappings *mappings);

#endif
