/*
 * frontier: a list while it is short, a bitmap when it is long.
 *
 * A walk over a million linked nodes has a million levels of one block each: a bitmap would be searched a million times. A
 * level of a million blocks, taken in the order they were met, would jump all over memory.
 */
#include "inspector/holders/walk/frontier.h"

#include "base/cleanup.h"

#define FRONTIER_FEW (32 * 1024)

static size_t words_of(const struct frontier *f)
{
	return (size_t)f->n_blocks / 64 + 1;
}

struct error *frontier_init(struct frontier *frontier, uint32_t n_blocks)
{
	*frontier = (struct frontier){.n_blocks = n_blocks};
	frontier->bits = calloc(words_of(frontier), sizeof(*frontier->bits));
	if (frontier->bits && vec_reserve(&frontier->list, FRONTIER_FEW))
		return NULL;
	frontier_fini(frontier);
	return error_out_of_memory();
}

void frontier_fini(struct frontier *frontier)
{
	free(take(frontier->bits));
	vec_fini(&frontier->list);
}

static void set(struct frontier *f, uint32_t block)
{
	f->bits[block / 64] |= UINT64_C(1) << (block % 64);
}

void frontier_add(struct frontier *frontier, uint32_t block)
{
	frontier->n++;
	if (!frontier->many && frontier->list.count < FRONTIER_FEW) {
		frontier->list.items[frontier->list.count++] = block;
		return;
	}
	if (!frontier->many) {
		for (size_t i = 0; i < frontier->list.count; i++)
			set(frontier, frontier->list.items[i]);
		frontier->list.count = 0;
		frontier->many = true;
	}
	set(frontier, block);
}

static size_t take_list(struct frontier *f, uint32_t *ret, size_t room)
{
	size_t n = size_min(f->list.count - f->next, room);
	if (n)
		memcpy(ret, &f->list.items[f->next], n * sizeof(*ret));
	f->next += n;
	if (f->next == f->list.count)
		f->list.count = f->next = 0;
	return n;
}

static size_t take_bits(struct frontier *f, uint32_t *ret, size_t room)
{
	size_t n = 0;
	for (; f->next < words_of(f) && n < room; f->next++) {
		uint64_t *word = &f->bits[f->next];
		for (; *word && n < room; *word &= *word - 1)
			ret[n++] = (uint32_t)(f->next * 64) + (uint32_t)__builtin_ctzll(*word);
		if (*word)
			break;
	}
	return n;
}

size_t frontier_take(struct frontier *frontier, uint32_t *ret, size_t room)
{
	size_t n = frontier->many ? take_bits(frontier, ret, room) : take_list(frontier, ret, room);
	frontier->n -= (uint32_t)n;
	if (!frontier->n) {
		frontier->many = false;
		frontier->next = 0;
	}
	return n;
}
