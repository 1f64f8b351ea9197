/*
 * types_words: a census in words. For the report and the dashboard alike.
 */
#ifndef UI_TYPES_WORDS_H
#define UI_TYPES_WORDS_H

#include "base/text.h"
#include "inspector/census/census.h"
#include "ui/text/units.h"

/* Bytes of a row with the buffers that it owns. */
uint64_t types_total(const struct census_row *row);

/* "app.Session", and where several type objects have that name "app.Session@0x7f…". Foreign. */
void types_name(struct text *to, const struct census_row *row);

/* "99.99 % of 1,052,309 blocks are identified", or "all …": never all of less than all. */
void types_identified(struct text *to, const struct census *census);

/* "1,052,309 blocks, 83.1 MiB: …" */
void types_sentence(struct text *to, const struct census *census, enum units units);

#endif
