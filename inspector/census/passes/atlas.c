/*
 * atlas: islands are regions with no wide gap between them; where there would be too many, the last takes the rest.
 */
#include "inspector/census/passes/atlas.h"

#include "base/cleanup.h"

#define GAP_MIN     GIB
#define SQUARE_MIN  16  /* log2 */
#define SQUARES_MAX MIB /* of one island */

static bool counts(const struct region *region)
{
	return region->readable && !region->executable && region->kind != REGION_SPECIAL &&
	       region->size > 0;
}

static void widen(struct atlas *atlas, const struct region *region)
{
	uint64_t start = region->start.value;
	uint64_t end = size_add(start, region->size);
	struct atlas_island *last = atlas->n_islands ? &atlas->islands[atlas->n_islands - 1] : NULL;
	bool far = !last || start - (last->start + last->size) > GAP_MIN;
	if (far && atlas->n_islands < ATLAS_ISLANDS)
		atlas->islands[atlas->n_islands++] =
			(struct atlas_island){.start = start, .size = end - start};
	else
		last->size = end - last->start;
}

static struct error *pave(struct atlas_island *island)
{
	island->shift = SQUARE_MIN;
	while (island->size >> island->shift >= SQUARES_MAX)
		island->shift++;
	island->squares = calloc((size_t)(island->size >> island->shift) + 1, 1);
	return island->squares ? NULL : error_out_of_memory();
}

static void mark(struct atlas *atlas, uint64_t start, uint64_t end)
{
	for (size_t i = 0; i < atlas->n_islands && start < end; i++) {
		struct atlas_island *island = &atlas->islands[i];
		if (start < island->start || end > island->start + island->size)
			continue;
		size_t first = (size_t)((start - island->start) >> island->shift);
		size_t last = (size_t)((end - 1 - island->start) >> island->shift);
		memset(island->squares + first, 1, last - first + 1);
	}
}

/* What of a region no arena takes. */
static void mark_rest(struct atlas *atlas, const struct region *region, const struct plot *plot)
{
	uint64_t at = region->start.value, end = size_add(at, region->size);
	for (size_t i = plot_arena_above(plot, at); i < plot->arenas.count; i++) {
		const struct plot_arena *arena = &plot->arenas.items[i];
		if (arena->start >= end)
			break;
		mark(atlas, at, arena->start);
		at = size_max(at, arena->start + arena->size);
	}
	mark(atlas, at, end);
}

struct error *atlas_draw(const struct space *space, const struct plot *plot, struct atlas *ret)
{
	_cleanup_(atlas_fini) struct atlas atlas = {0};
	for (size_t i = 0; i < space->regions.count; i++) {
		if (counts(&space->regions.items[i]))
			widen(&atlas, &space->regions.items[i]);
	}
	for (size_t i = 0; i < atlas.n_islands; i++) {
		struct error *err = pave(&atlas.islands[i]);
		if (err)
			return err;
	}
	for (size_t i = 0; i < space->regions.count; i++) {
		if (counts(&space->regions.items[i]))
			mark_rest(&atlas, &space->regions.items[i], plot);
	}
	if (atlas.n_islands) {
		const struct atlas_island *last = &atlas.islands[atlas.n_islands - 1];
		atlas.start = atlas.islands[0].start;
		atlas.size = last->start + last->size - atlas.start;
	}
	*ret = atlas;
	atlas = (struct atlas){0};
	return NULL;
}

void atlas_fini(struct atlas *atlas)
{
	for (size_t i = 0; i < atlas->n_islands; i++)
		free(atlas->islands[i].squares);
	*atlas = (struct atlas){0};
}
