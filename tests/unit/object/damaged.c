/*
 * damaged: reads go through, and aligned words whose number of a hash is 0 are replaced: by nothing, a large count, their own
 * address, that of a neighbour, noise, or with bits turned.
 */
#include "damaged.h"

#include <string.h>

static uint64_t mix(uint64_t value)
{
	value ^= value >> 31;
	value *= UINT64_C(0x9e3779b97f4a7c15);
	value ^= value >> 29;
	value *= UINT64_C(0xbf58476d1ce4e5b9);
	return value ^ value >> 32;
}

static uint64_t replaced(uint64_t at, uint64_t word, uint64_t noise)
{
	switch (noise % 8) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX >> (noise >> 8) % 64;
	case 2:
		return at;
	case 3:
		return at - (noise >> 8) % 4096 / 8 * 8;
	case 4:
		return word + 8;
	case 5:
		return word ^ UINT64_C(1) << (noise >> 8) % 64;
	case 6:
		return word + 0x100000000;
	default:
		return noise;
	}
}

static struct error *read_damaged(void *context, raddr at, void *buffer, size_t size)
{
	struct damaged *d = context;
	struct error *err = d->ops->read(d->source, at, buffer, size);
	uint64_t first = raddr_align_up(at, 8).value;
	for (uint64_t word_at = first; !err && word_at + 8 <= at.value + size; word_at += 8) {
		uint64_t noise = mix(word_at ^ d->seed << 48), word;
		uint8_t *place = (uint8_t *)buffer + (word_at - at.value);
		if (noise / 8 % d->rarity)
			continue;
		memcpy(&word, place, sizeof(word));
		word = replaced(word_at, word, mix(noise));
		memcpy(place, &word, sizeof(word));
	}
	return err;
}

void damaged_begin(struct damaged *d, struct space *space, uint64_t seed, uint64_t rarity)
{
	*d = (struct damaged){.space = space,
			      .own = {.read = read_damaged},
			      .ops = space->ops,
			      .source = space->source,
			      .seed = seed,
			      .rarity = rarity};
	space->ops = &d->own;
	space->source = d;
}

void damaged_end(struct damaged *d)
{
	if (!d->space)
		return;
	d->space->ops = d->ops;
	d->space->source = d->source;
	d->space = NULL;
}
