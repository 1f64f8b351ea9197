/*
 * core_map: two ordered lists, cut at each other's ends.
 *
 *	segments  [ r-- ][ rw- 0x2000 of 0x3000 ]      [ rw- ]
 *	mappings  [ a ][ b ]            [ c ]
 *	regions   [ a ][b][ anonymous  ][ c ]..        [ rw- ]
 */
#include "inspector/target/core/core_map.h"

#include "inspector/target/maps.h"

#include <string.h>

struct merge {
	const struct core_elf *elf;
	const struct core_notes *notes;
	size_t segment, mapping; /* the next of each list */
	raddr at;                /* all below is done */
};

static raddr end_of(raddr start, uint64_t size)
{
	return raddr_plus(start, size);
}

/* Whether a range holds merge->at; *end comes down to where that changes. */
static bool covers(raddr at, raddr start, uint64_t size, raddr *end)
{
	bool inside = raddr_compare(start, at) <= 0;
	raddr change = inside ? end_of(start, size) : start;
	if (raddr_compare(change, *end) < 0)
		*end = change;
	return inside;
}

static struct error *add_region(struct space *space, raddr start, raddr end,
				const struct core_segment *segment,
				const struct core_mapping *mapping)
{
	struct region *region = vec_push(&space->regions);
	if (!region)
		return error_out_of_memory();
	*region = (struct region){
		.start = start,
		.size = raddr_distance(start, end),
		.readable = !segment || segment->readable,
		.writable = segment && segment->writable,
		.executable = segment && segment->executable,
		.kind = mapping ? REGION_FILE : REGION_ANON,
	};
	if (region->readable)
		space->mapped_size = size_add(space->mapped_size, region->size);
	if (!mapping)
		return NULL;
	region->file_offset = size_add(mapping->file_offset, raddr_distance(mapping->start, start));
	region->inode = mapping->id;
	region->label = strdup(mapping->path);
	if (!region->label)
		return error_out_of_memory();
	maps_strip_deleted(region);
	return NULL;
}

static raddr lower(raddr a, raddr b)
{
	return raddr_compare(a, b) < 0 ? a : b;
}

/* One region; false in *ret_more once both lists are done. */
static struct error *merge_step(struct merge *m, struct space *space, bool *ret_more)
{
	const struct core_segment *segment =
		m->segment < m->elf->segments.count ? &m->elf->segments.items[m->segment] : NULL;
	const struct core_mapping *mapping = m->mapping < m->notes->mappings.count
						     ? &m->notes->mappings.items[m->mapping]
						     : NULL;
	*ret_more = segment || mapping;
	if (!*ret_more)
		return NULL;
	const raddr top = raddr_at(UINT64_MAX);
	raddr next = lower(segment ? segment->start : top, mapping ? mapping->start : top);
	raddr start = raddr_compare(next, m->at) > 0 ? next : m->at, end = top;
	bool in_segment = segment && covers(start, segment->start, segment->size, &end);
	bool in_mapping = mapping && covers(start, mapping->start, mapping->size, &end);
	m->at = end;
	if (in_segment && raddr_compare(end_of(segment->start, segment->size), end) <= 0)
		m->segment++;
	if (in_mapping && raddr_compare(end_of(mapping->start, mapping->size), end) <= 0)
		m->mapping++;
	return add_region(space, start, end, in_segment ? segment : NULL,
			  in_mapping ? mapping : NULL);
}

struct error *core_map(const struct core_elf *elf, const struct core_notes *notes,
		       struct space *ret)
{
	struct merge merge = {.elf = elf, .notes = notes};
	struct error *err = NULL;
	for (bool more = true; more && !err;)
		err = merge_step(&merge, ret, &more);
	return err;
}
