/*
 * layout_fill: what is known stays; what agrees confirms it; what is new is marked as scanned.
 */
#include "inspector/scan/layout_fill.h"

#include "base/size.h"

void layout_fill_init(struct layout_fill *fill, const struct layout *layout, uint64_t bias)
{
	*fill = (struct layout_fill){.layout = *layout, .bias = bias};
}

static void add(struct layout_fill *fill, enum layout_entry_id id, const struct layout_entry *entry)
{
	fill->layout.entries[id] = *entry;
	fill->n_filled++;
}

static void disagree(struct layout_fill *fill, enum layout_entry_id id)
{
	if (fill->n_disagree++ == 0)
		fill->disagrees = id;
}

/* Adds the entry or, where there is one, compares: offsets must be the same. */
static void settle(struct layout_fill *fill, enum layout_entry_id id,
		   const struct layout_entry *entry)
{
	if (!layout_has(&fill->layout, id))
		add(fill, id, entry);
	else if (layout_offset(&fill->layout, id) != entry->offset)
		disagree(fill, id);
}

void layout_fill_variable(struct layout_fill *fill, enum layout_entry_id id, raddr at,
			  uint64_t size)
{
	if (!raddr_is_null(at)) /* modulo 2^64: elf_image.h */
		layout_fill_member(fill, id, at.value - fill->bias, size);
}

void layout_fill_member(struct layout_fill *fill, enum layout_entry_id id, uint64_t offset,
			uint64_t size)
{
	const struct layout_entry entry = {
		.offset = offset,
		.width = size,
		.count = 1,
		.stride = size,
		.provenance = PROVENANCE_SCANNED,
	};
	settle(fill, id, &entry);
}

void layout_fill_size(struct layout_fill *fill, enum layout_entry_id id, uint64_t size)
{
	const struct layout_entry entry = {
		.width = size, .count = 1, .stride = size, .provenance = PROVENANCE_SCANNED};
	if (!layout_has(&fill->layout, id))
		add(fill, id, &entry);
	else if (layout_width(&fill->layout, id) != size)
		disagree(fill, id);
}

static bool same_entry(const struct layout_entry *a, const struct layout_entry *b)
{
	return a->offset == b->offset && a->width == b->width &&
	       size_max(a->count, 1) == size_max(b->count, 1);
}

void layout_fill_members(struct layout_fill *fill, const struct layout_entry *entries)
{
	for (unsigned id = 0; id < LAYOUT_COUNT; id++) {
		const struct layout_entry *known = &fill->layout.entries[id];
		bool recorded = known->provenance <= PROVENANCE_BUILTIN;
		bool same = same_entry(known, &entries[id]);
		if (entries[id].provenance == PROVENANCE_ABSENT ||
		    (same && layout_has(&fill->layout, id)))
			continue;
		if (recorded)
			add(fill, id, &entries[id]);
		else
			disagree(fill, id);
	}
}

void layout_fill_deny(struct layout_fill *fill, enum layout_entry_id id)
{
	if (fill->layout.entries[id].provenance == PROVENANCE_BUILTIN)
		add(fill, id, &(struct layout_entry){.provenance = PROVENANCE_ABSENT});
}

void layout_fill_place(struct layout_fill *fill, const struct state_place *place)
{
	/* Of one without an arena only the lists before nfp2lasta are known to be there. */
	uint64_t seen = layout_offset(&fill->layout, LAYOUT_STATE_USABLE_ARENAS) + 8;
	uint64_t whole = size_max(layout_width(&fill->layout, LAYOUT_STATE_SIZE), seen);
	uint64_t width = place->embedded ? whole : 8;
	const struct layout_entry entry = {
		.offset = place->offset,
		.width = width,
		.count = 1,
		.stride = width,
		.provenance = PROVENANCE_SCANNED,
	};
	settle(fill, LAYOUT_INTERP_OBMALLOC, &entry);
}

void layout_fill_shape(struct layout *layout)
{
	static const struct {
		enum layout_entry_id id;
		uint8_t offset, width;
	} members[] = {
		{LAYOUT_ARENA_OBJECT_SIZE, 0, 48},  {LAYOUT_ARENA_ADDRESS, 0, 8},
		{LAYOUT_ARENA_POOL_ADDRESS, 8, 8},  {LAYOUT_ARENA_NFREEPOOLS, 16, 4},
		{LAYOUT_ARENA_NTOTALPOOLS, 20, 4},  {LAYOUT_ARENA_FREEPOOLS, 24, 8},
		{LAYOUT_ARENA_NEXTARENA, 32, 8},    {LAYOUT_ARENA_PREVARENA, 40, 8},
		{LAYOUT_POOL_HEADER_SIZE, 0, 48},   {LAYOUT_POOL_REF_COUNT, 0, 4},
		{LAYOUT_POOL_FREEBLOCK, 8, 8},      {LAYOUT_POOL_NEXTPOOL, 16, 8},
		{LAYOUT_POOL_PREVPOOL, 24, 8},      {LAYOUT_POOL_ARENAINDEX, 32, 4},
		{LAYOUT_POOL_SZIDX, 36, 4},         {LAYOUT_POOL_NEXTOFFSET, 40, 4},
		{LAYOUT_POOL_MAXNEXTOFFSET, 44, 4}, {LAYOUT_ALLOCATOR_SIZE, 0, 40},
		{LAYOUT_ALLOCATOR_CTX, 0, 8},       {LAYOUT_ALLOCATOR_MALLOC, 8, 8},
		{LAYOUT_DEBUG_API_SIZE, 0, 48},     {LAYOUT_DEBUG_API_ALLOC, 8, 40},
	};
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		if (layout_has(layout, members[i].id))
			continue;
		layout->entries[members[i].id] = (struct layout_entry){
			.offset = members[i].offset,
			.width = members[i].width,
			.count = 1,
			.stride = members[i].width,
			.provenance = PROVENANCE_SCANNED,
		};
	}
}
