/*
 * strangers: a sorted array; new faces are few, and askers many.
 */
#include "inspector/strangers.h"

/* FNV-1a, 64 bits. */
static uint64_t hash_of(const char *path)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	for (; path && *path; path++)
		hash = (hash ^ (uint8_t)*path) * UINT64_C(0x100000001b3);
	return hash;
}

static struct stranger stranger_of(const struct region *region)
{
	return (struct stranger){region->device, region->inode, region->size,
				 hash_of(region->label)};
}

/* Where it is, or belongs. */
static size_t place_of(const struct strangers *s, const struct stranger *stranger)
{
	size_t low = 0, high = s->list.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (memcmp(&s->list.items[middle], stranger, sizeof(*stranger)) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct strangers *s, size_t place, const struct stranger *stranger)
{
	return place < s->list.count &&
	       memcmp(&s->list.items[place], stranger, sizeof(*stranger)) == 0;
}

bool strangers_have(const struct strangers *strangers, const struct region *region)
{
	struct stranger stranger = stranger_of(region);
	return is_at(strangers, place_of(strangers, &stranger), &stranger);
}

void strangers_add(struct strangers *strangers, const struct region *region)
{
	struct stranger stranger = stranger_of(region);
	size_t place = place_of(strangers, &stranger), behind = strangers->list.count - place;
	if (is_at(strangers, place, &stranger) || !vec_push(&strangers->list))
		return;
	struct stranger *at = strangers->list.items + place;
	memmove(at + 1, at, behind * sizeof(*at));
	*at = stranger;
}

void strangers_fini(struct strangers *strangers)
{
	vec_fini(&strangers->list);
}
