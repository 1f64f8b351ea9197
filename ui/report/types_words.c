/*
 * types_words: a type object has a name of its own only with its address, where another has the same.
 */
#include "ui/report/types_words.h"

#include "base/size.h"

#include <inttypes.h>

uint64_t types_total(const struct census_row *row)
{
	return size_add(row->bytes, row->buffer_bytes);
}

void types_name(struct text *to, const struct census_row *row)
{
	text_add(to, row->name ?: "?");
	if (row->n_namesakes)
		text_addf(to, "@" RADDR_FORMAT, row->type.value);
}

void types_sentence(struct text *to, const struct census *census, enum units units)
{
	char blocks[UNITS_MAX], bytes[UNITS_MAX], objects[UNITS_MAX], large[UNITS_MAX],
		n_large[UNITS_MAX];
	units_count(blocks, census->blocks);
	units_said(bytes, units, census->blocks_bytes);
	units_percent(objects, census->objects, census->blocks);
	units_count(n_large, census->large_objects);
	units_said(large, units, census->large_bytes);
	text_addf(to, "%s allocated blocks, %s", blocks, bytes);
	if (census->blocks)
		text_addf(to, ": %s are objects, the others buffers of theirs", objects);
	text_add(to, ".");
	if (census->large_objects)
		text_addf(to, " Beside them %s large or static objects, %s.", n_large, large);
}

void types_identified(struct text *to, const struct census *census)
{
	uint64_t known = size_subtract(census->blocks, census->unexplained);
	char blocks[UNITS_MAX];
	units_count(blocks, census->blocks);
	if (known == census->blocks)
		text_addf(to, "all %s blocks are identified", blocks);
	else
		text_addf(to, "%" PRIu64 ".%02" PRIu64 " %% of %s blocks are identified",
			  known * 100 / census->blocks, known * 10000 / census->blocks % 100,
			  blocks);
}
