/*
 * pin_returned: every used block is asked for its root once.
 *
 *	arena    [A][A][A][ ][A]      goes back without A
 *	arena    [A][A][B][A][A]      without neither
 *	chunks   [A···][A·····][A··│··A]│[B··]   of a row of A's, the pages that lie in it whole
 */
#include "inspector/verdict/pins/pin_returned.h"

#define PAGE         UINT64_C(4096)
#define CHUNK_HEADER 16
#define ROOT_SEVERAL UINT32_MAX

struct sum {
	const struct pin_owners *owners;
	uint32_t sole; /* the root of all blocks of the unit so far */
	bool begun;
	uint64_t *bytes;
};

static uint32_t root_of(const struct pin_owners *o, uint32_t block)
{
	uint32_t path = o->graph ? o->graph->path[block] : GRAPH_PATH_NONE;
	uint32_t root = path < o->n_paths ? o->graph->paths.items[path].root : o->n_roots;
	return (uint32_t)size_min(root, o->n_roots);
}

static bool add_block(void *context, uint32_t block, uint32_t size)
{
	struct sum *sum = context;
	uint32_t root = root_of(sum->owners, block);
	sum->bytes[root] = size_add(sum->bytes[root], size);
	if (!sum->begun)
		sum->sole = root;
	else if (sum->sole != root)
		sum->sole = ROOT_SEVERAL;
	sum->begun = true;
	return true;
}

/* ---- chunks ---------------------------------------------------------------------------------------- */

struct row {
	uint64_t start, end; /* of chunks of one root that follow each other */
	uint32_t root;
};

static void end_row(const struct row *row, const struct residency *residency, uint64_t *returned)
{
	uint64_t from = size_align_up(row->start, PAGE), to = row->end & ~(PAGE - 1);
	uint64_t present = size_subtract(to, from), swapped;
	if (residency && present)
		residency_count(residency, raddr_at(from), to - from, &present, &swapped);
	returned[row->root] = size_add(returned[row->root], present);
}

/* What lies between two chunks in use and is smaller than a page is free, and merges with both. */
static void add_chunks(const struct pin_owners *o, const struct residency *residency,
		       uint64_t *returned, uint64_t *bytes)
{
	const struct plot *plot = &o->ground->plot;
	struct row row = {0, 0, 0};
	for (size_t i = 0; i < plot->chunks.count; i++) {
		const struct plot_chunk *chunk = &plot->chunks.items[i];
		uint32_t root = root_of(o, plot->n_run_blocks + (uint32_t)i);
		uint64_t start = size_subtract(chunk->start, CHUNK_HEADER);
		uint64_t end = size_add(chunk->start, chunk->size);
		bytes[root] = size_add(bytes[root], chunk->size);
		if (root == row.root && start >= row.start && start < size_add(row.end, PAGE)) {
			row.end = end;
			continue;
		}
		end_row(&row, residency, returned);
		row = (struct row){start, end, root};
	}
	end_row(&row, residency, returned);
}

void pin_returned_sum(const struct pin_owners *owners, const struct pin_units *units,
		      const struct residency *residency, uint64_t *returned, uint64_t *bytes)
{
	const struct plot *plot = &owners->ground->plot;
	for (size_t i = 0; i < units->list.count; i++) {
		struct sum sum = {.owners = owners, .bytes = bytes};
		pin_unit_each(plot, &units->list.items[i], add_block, &sum);
		if (sum.begun && sum.sole != ROOT_SEVERAL)
			returned[sum.sole] =
				size_add(returned[sum.sole], units->list.items[i].resident);
	}
	add_chunks(owners, residency, returned, bytes);
}
