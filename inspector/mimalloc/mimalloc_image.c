/* mimalloc_image: look-ups by bisection; segments and heaps are in order of address. */
#include "inspector/mimalloc/mimalloc_image.h"

struct mimalloc_segment_image *mimalloc_image_segment(const struct mimalloc_image *image, raddr at)
{
	size_t low = 0, high = image->segments.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct mimalloc_segment_image *s = &image->segments.items[middle];
		if (raddr_in(at, s->start, s->size))
			return s;
		if (raddr_compare(at, s->start) < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

struct mimalloc_heap_image *mimalloc_image_heap(const struct mimalloc_image *image, raddr at)
{
	size_t low = 0, high = image->heaps.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = raddr_compare(at, image->heaps.items[middle].at);
		if (order == 0)
			return &image->heaps.items[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

void mimalloc_image_fini(struct mimalloc_image *image)
{
	vec_fini(&image->segments);
	free(image->pages);
	vec_fini(&image->heaps);
	vec_fini(&image->threads);
	vec_fini(&image->delayed);
	residency_fini(&image->residency);
	*image = (struct mimalloc_image){0};
}
