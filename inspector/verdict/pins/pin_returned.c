/*
 * pin_returned: every used block is asked for its root once.
 *
 *	arena    [A][A][A][ ][A]      goes back without A
 *	arena    [A][A][B][A][A]      without neither
 *	         [A][A][d][ ][A]      without A, and a collection: what is dead in free lists goes with that, and garbage
 *	chunks   [A···][A·····][A··│··A]│[B··]   of a row of A's, the pages that lie in it whole
 *	         [A···][d][A··]       a row of A's, as if that were free
 */
#include "inspector/verdict/pins/pin_returned.h"

#include "base/cleanup.h"

#define PAGE         UINT64_C(4096)
#define CHUNK_HEADER 16
#define ROOT_SEVERAL UINT32_MAX
#define ROOT_NONE    (UINT32_MAX - 1)

struct sum {
	const struct pin_owners *owners;
	struct pin_returned *to;
	uint32_t living, garbage; /* the root of all such blocks of the unit so far */
};

static uint32_t charge(const struct pin_owners *o, struct pin_returned *to, uint32_t block,
		       uint64_t size)
{
	bool object;
	uint32_t owner = pin_owner_of(o, block, &object), root = pin_owner_root(o, owner);
	/* What refers to garbage goes with it, and is not what is told of as garbage. */
	if (root < o->n_roots || graph_root_of(o->graph, block) == GRAPH_PATH_NONE)
		to->bytes[root] = size_add(to->bytes[root], size);
	to->owner_bytes[owner] = size_add(to->owner_bytes[owner], size);
	to->owner_objects[owner] += object;
	return root;
}

static bool add_block(void *context, uint32_t block, uint32_t size)
{
	struct sum *sum = context;
	uint32_t root = charge(sum->owners, sum->to, block, size);
	if (pin_dead_is_listed(&sum->owners->dead, block))
		return true;
	uint32_t *sole = pin_owner_is_garbage(sum->owners, block) ? &sum->garbage : &sum->living;
	*sole = *sole == ROOT_NONE || *sole == root ? root : ROOT_SEVERAL;
	return true;
}

/* Units that are one root's alone. kept: by root, what of them pymalloc does not give back; comes in zeroed. */
static void add_units(const struct pin_owners *o, const struct pin_units *units, uint64_t *kept,
		      struct pin_returned *to)
{
	for (size_t i = 0; i < units->list.count; i++) {
		const struct pin_unit *unit = &units->list.items[i];
		struct sum sum = {o, to, ROOT_NONE, ROOT_NONE};
		pin_unit_each(&o->ground->plot, unit, add_block, &sum);
		uint32_t sole = sum.living == ROOT_NONE ? sum.garbage : sum.living;
		if (sole > o->n_roots)
			continue;
		to->returned[sole] = size_add(to->returned[sole], unit->resident);
		kept[sole] = pin_units_kept(units, unit, kept[sole]);
	}
	for (uint32_t i = 0; i <= o->n_roots; i++)
		to->returned[i] = size_subtract(to->returned[i], kept[i]);
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
static bool row_follows(const struct row *row, const struct row *next)
{
	return next->root == row->root && next->start >= row->start &&
	       next->start < size_add(row->end, PAGE);
}

/* Garbage has rows of its own, which end at whatever lives. A row of what lives goes on behind garbage of less than a page: that
 * has no whole page which would be told twice. */
static void add_chunks(const struct pin_owners *o, const struct residency *residency,
		       struct pin_returned *to)
{
	const struct plot *plot = &o->ground->plot;
	struct row living = {0, 0, 0}, garbage = living;
	for (size_t i = 0; i < plot->chunks.count; i++) {
		const struct plot_chunk *chunk = &plot->chunks.items[i];
		uint32_t block = plot->n_run_blocks + (uint32_t)i;
		struct row next = {size_subtract(chunk->start, CHUNK_HEADER),
				   size_add(chunk->start, chunk->size),
				   charge(o, to, block, chunk->size)};
		bool waits = pin_dead_is_garbage(&o->dead, block);
		if (!waits) {
			end_row(&garbage, residency, to->returned);
			garbage = (struct row){0, 0, 0};
		}
		struct row *row = waits ? &garbage : &living;
		if (row_follows(row, &next)) {
			row->end = next.end;
			continue;
		}
		end_row(row, residency, to->returned);
		*row = next;
	}
	end_row(&living, residency, to->returned);
	end_row(&garbage, residency, to->returned);
}

struct error *pin_returned_sum(const struct pin_owners *owners, const struct pin_units *units,
			       const struct residency *residency, struct pin_returned *ret)
{
	size_t roots = (size_t)owners->n_roots + 1, n = (size_t)pin_owners_count(owners) + 1;
	_cleanup_(pin_returned_fini) struct pin_returned sums = {
		.returned = calloc(roots, sizeof(uint64_t)),
		.bytes = calloc(roots, sizeof(uint64_t)),
		.owner_bytes = calloc(n, sizeof(uint64_t)),
		.owner_objects = calloc(n, sizeof(uint64_t)),
	};
	_cleanup_(free_pointer) uint64_t *kept = calloc(roots, sizeof(*kept));
	if (!kept || !sums.returned || !sums.bytes || !sums.owner_bytes || !sums.owner_objects)
		return error_out_of_memory();
	add_units(owners, units, kept, &sums);
	add_chunks(owners, residency, &sums);
	*ret = sums;
	sums = (struct pin_returned){.returned = NULL};
	return NULL;
}

void pin_returned_fini(struct pin_returned *returned)
{
	free(returned->returned);
	free(returned->bytes);
	free(returned->owner_bytes);
	free(returned->owner_objects);
}
