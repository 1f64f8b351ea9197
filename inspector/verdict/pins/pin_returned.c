/*
 * pin_returned: every used block is asked for its root once.
 *
 *	arena    [A][A][A][ ][A]      goes back without A
 *	arena    [A][A][B][A][A]      without neither
 *	         [A][A][d][ ][A]      without A, and a collection: what is dead in free lists goes with that
 *	chunks   [A···][A·····][A··│··A]│[B··]   of a row of A's, the pages that lie in it whole
 *
 * From 3.9 on pymalloc keeps the last arena that is empty.
 */
#include "inspector/verdict/pins/pin_returned.h"

#include "base/cleanup.h"

#define PAGE         UINT64_C(4096)
#define CHUNK_HEADER 16
#define ROOT_SEVERAL UINT32_MAX
#define VERSION_3_9  0x03090000u

struct sum {
	const struct pin_owners *owners;
	struct pin_returned *to;
	uint32_t sole; /* the root of all blocks of the unit so far */
	bool begun;
};

static uint32_t charge(const struct pin_owners *o, struct pin_returned *to, uint32_t block,
		       uint64_t size)
{
	bool object;
	uint32_t owner = pin_owner_of(o, block, &object), root = pin_owner_root(o, owner);
	to->bytes[root] = size_add(to->bytes[root], size);
	to->owner_bytes[owner] = size_add(to->owner_bytes[owner], size);
	to->owner_objects[owner] += object;
	return root;
}

static bool add_block(void *context, uint32_t block, uint32_t size)
{
	struct sum *sum = context;
	uint32_t root = charge(sum->owners, sum->to, block, size);
	if (pin_dead_has(&sum->owners->dead, block))
		return true;
	if (!sum->begun)
		sum->sole = root;
	else if (sum->sole != root)
		sum->sole = ROOT_SEVERAL;
	sum->begun = true;
	return true;
}

/* Whether pymalloc will keep one of the arenas that become empty, for it has none yet. insert_to_freepool(),
 * Objects/obmalloc.c, since 3.9 (bpo-37257): the last of its arenas stays. */
static bool keeps_one(const struct pin_owners *o, const struct pin_units *units)
{
	const struct plot *plot = &o->ground->plot;
	bool keeps = o->ground->shapes.version_hex >= VERSION_3_9 && !units->mimalloc;
	for (size_t i = 0; i < plot->arenas.count && keeps; i++) {
		const struct plot_arena *arena = &plot->arenas.items[i];
		keeps = arena->source != PLOT_PYMALLOC || arena->used_blocks;
	}
	return keeps;
}

/* Units that are one root's alone. kept: by root, what of them pymalloc does not give back; comes in zeroed. */
static void add_units(const struct pin_owners *o, const struct pin_units *units, uint64_t *kept,
		      struct pin_returned *to)
{
	for (size_t i = 0; i < units->list.count; i++) {
		const struct pin_unit *unit = &units->list.items[i];
		struct sum sum = {.owners = o, .to = to};
		pin_unit_each(&o->ground->plot, unit, add_block, &sum);
		if (!sum.begun || sum.sole == ROOT_SEVERAL)
			continue;
		to->returned[sum.sole] = size_add(to->returned[sum.sole], unit->resident);
		kept[sum.sole] = size_max(kept[sum.sole], unit->resident);
	}
	bool keeps = keeps_one(o, units);
	for (uint32_t i = 0; i <= o->n_roots && keeps; i++)
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
static void add_chunks(const struct pin_owners *o, const struct residency *residency,
		       struct pin_returned *to)
{
	const struct plot *plot = &o->ground->plot;
	struct row row = {0, 0, 0};
	for (size_t i = 0; i < plot->chunks.count; i++) {
		const struct plot_chunk *chunk = &plot->chunks.items[i];
		uint32_t root = charge(o, to, plot->n_run_blocks + (uint32_t)i, chunk->size);
		uint64_t start = size_subtract(chunk->start, CHUNK_HEADER);
		uint64_t end = size_add(chunk->start, chunk->size);
		if (root == row.root && start >= row.start && start < size_add(row.end, PAGE)) {
			row.end = end;
			continue;
		}
		end_row(&row, residency, to->returned);
		row = (struct row){start, end, root};
	}
	end_row(&row, residency, to->returned);
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
