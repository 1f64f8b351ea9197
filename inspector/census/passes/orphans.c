/*
 * orphans: found once, then only asked for; owners are the only thing that changes, each a word by itself.
 */
#include "inspector/census/passes/orphans.h"

#include "base/cleanup.h"

#define FILTER_MIN 19 /* log2 of bits: 64 KiB */
#define FILTER_MAX 27 /* 16 MiB */

struct orphan *orphans_seek(const struct orphans *orphans, uint64_t word)
{
	size_t mask = orphans->size - 1;
	size_t at = (size_t)((word * UINT64_C(0xc2b2ae3d27d4eb4f)) >> 32) & mask;
	while (orphans->table[at].at && orphans->table[at].at != word)
		at = (at + 1) & mask;
	return &orphans->table[at];
}

void orphan_claim(struct orphan *orphan, uint32_t owner)
{
	uint32_t before = __atomic_load_n(&orphan->owner, __ATOMIC_RELAXED);
	while (owner < before && !__atomic_compare_exchange_n(&orphan->owner, &before, owner, true,
							      __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		continue;
}

static struct error *make_room(struct orphans *orphans, size_t count)
{
	unsigned bits = FILTER_MIN;
	while (bits < FILTER_MAX && UINT64_C(1) << bits < (uint64_t)count * 16)
		bits++;
	orphans->shift = 64 - bits;
	orphans->size = 64;
	while (orphans->size <= count * 2)
		orphans->size *= 2;
	orphans->filter = calloc((size_t)1 << (bits - 6), sizeof(*orphans->filter));
	orphans->table = calloc(orphans->size, sizeof(*orphans->table));
	return orphans->filter && orphans->table ? NULL : error_out_of_memory();
}

static void add(struct orphans *orphans, uint32_t block, uint64_t at)
{
	*orphans_seek(orphans, at) = (struct orphan){at, block, ORPHANS_NOBODY};
	uint64_t bit = orphans_bit(orphans, at);
	orphans->filter[bit / 64] |= UINT64_C(1) << (bit % 64);
	orphans->count++;
}

static void add_all(struct orphans *orphans, const struct plot *plot, const struct labels *labels,
		    uint64_t hook, size_t max)
{
	for (size_t i = 0; i < plot->runs.count; i++) {
		const struct plot_run *run = &plot->runs.items[i];
		for (uint32_t b = 0; b < run->n_blocks && orphans->count < max; b++) {
			if (labels->of_block[run->first + b] == LABELS_UNEXPLAINED)
				add(orphans, run->first + b,
				    run->start + (uint64_t)b * run->block_size + hook);
		}
	}
	for (size_t i = 0; i < plot->chunks.count && orphans->count < max; i++) {
		uint32_t block = plot->n_run_blocks + (uint32_t)i;
		if (labels->of_block[block] == LABELS_UNEXPLAINED)
			add(orphans, block, plot->chunks.items[i].start + hook);
	}
}

struct error *orphans_gather(const struct plot *plot, const struct labels *labels, uint64_t hook,
			     size_t max, struct orphans *ret)
{
	_cleanup_(orphans_fini) struct orphans orphans = {0};
	size_t count = 0;
	for (uint32_t b = 0; b < plot->n_blocks; b++)
		count += labels->of_block[b] == LABELS_UNEXPLAINED;
	count = count > max ? max : count;
	struct error *err = make_room(&orphans, count);
	if (err)
		return err;
	add_all(&orphans, plot, labels, hook, count);
	*ret = orphans;
	orphans = (struct orphans){0};
	return NULL;
}

void orphans_fini(struct orphans *orphans)
{
	free(orphans->table);
	free(orphans->filter);
	*orphans = (struct orphans){0};
}
