/*
 * mimalloc_claims: a segment's bytes by what they are used for.
 *
 *	[header    ][page: head live free live never made tail][no page        ]
 *	 overhead          ovh  live kept live kept       ovh   kept
 *
 * A segment that was given back to its arena, and still has pages in memory, is all kept.
 */
#include "inspector/mimalloc/mimalloc_copy.h"
#include "inspector/mimalloc/mimalloc_image.h"

struct shares {
	uint64_t live, kept, overhead;
	struct residency_tally live_tally, kept_tally, overhead_tally;
};

static void add_page(const struct mimalloc_page_image *page, struct shares *to)
{
	uint64_t extent = mimalloc_image_extent(page);
	uint64_t live = mimalloc_image_live(page) * page->block_size;
	uint64_t kept = page->reserved * page->block_size - live;
	to->live += live;
	to->kept += kept;
	to->overhead += extent - live - kept;
	residency_tally_add(&to->live_tally, &page->live);
	residency_tally_add(&to->kept_tally, &page->kept);
	residency_tally_add(&to->overhead_tally, &page->overhead);
}

static void add_segment(const struct mimalloc_image *image,
			const struct mimalloc_segment_image *segment, struct shares *to)
{
	uint64_t told = 0;
	if (!segment->retired) {
		const struct mimalloc_page_image *pages = mimalloc_image_pages(image, segment);
		told = segment->info_slices * MIMALLOC_SLICE;
		to->overhead += told;
		for (uint32_t slice = 0; slice < segment->entries; slice++) {
			if (!pages[slice].slice_count)
				continue;
			add_page(&pages[slice], to);
			told += mimalloc_image_extent(&pages[slice]);
		}
	}
	to->kept += size_subtract(segment->size, told);
	residency_tally_add(&to->overhead_tally, &segment->info);
	residency_tally_add(&to->kept_tally, &segment->span);
}

struct error *mimalloc_claims(const struct mimalloc_copy *copy, struct claims *to)
{
	const struct mimalloc_image *image = mimalloc_copy_image(copy);
	for (size_t i = 0; i < image->segments.count; i++) {
		const struct mimalloc_segment_image *segment = &image->segments.items[i];
		struct shares shares = {0};
		add_segment(image, segment, &shares);
		struct claim *claim = claims_add(to, segment->start, segment->size);
		if (!claim)
			return error_out_of_memory();
		claim_charge(claim, LEAF_MIMALLOC_LIVE, shares.live, &shares.live_tally);
		claim_charge(claim, LEAF_MIMALLOC_FREE, shares.kept, &shares.kept_tally);
		claim_charge(claim, LEAF_MIMALLOC_OVERHEAD, shares.overhead,
			     &shares.overhead_tally);
	}
	return NULL;
}
