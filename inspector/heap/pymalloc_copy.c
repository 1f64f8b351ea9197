/*
 * pymalloc_copy: rounds until it holds.
 *
 *	live     ● all ─ ○ unsettled ─ ○ unsettled ─ ○ unsettled        and what then still
 *	stopped  ● all                                                   disagrees is said
 *
 * A busy heap settles in a round or two, because a round over a few arenas is a
 * thousand times shorter than one over all.
 */
#include "inspector/heap/pymalloc_copy.h"

#include "base/cleanup.h"
#include "base/sum.h"
#include "inspector/heap/pymalloc_lists.h"
#include "inspector/heap/pymalloc_round.h"

#define LIVE_ROUNDS 3

struct pymalloc_copy *pymalloc_copy_new(void)
{
	return calloc(1, sizeof(struct pymalloc_copy));
}

void pymalloc_copy_free(struct pymalloc_copy *copy)
{
	if (!copy)
		return;
	pymalloc_room_fini(copy);
	free(copy);
}

static struct error *settle_live(struct pymalloc_copy *copy, struct space *space)
{
	const struct round again = {.kind = ROUND_UNSETTLED};
	for (int i = 0; i < LIVE_ROUNDS && pymalloc_copy_unsettled(copy) > 0; i++) {
		struct error *err = pymalloc_round_run(copy, space, &again);
		if (err)
			return err;
	}
	return NULL;
}

static struct error *count_list_faults(const struct pymalloc_copy *copy, uint64_t *ret)
{
	_cleanup_(pymalloc_image_order_fini) struct image_order order = {0};
	struct list_findings found;
	struct error *err = pymalloc_image_sort(&copy->image, &order);
	if (!err)
		err = pymalloc_lists_check(&copy->image, &order, &found);
	if (err)
		return err;
	*ret = found.n_used + found.n_usable + found.n_unused;
	return NULL;
}

static uint64_t sum_of_headers(const struct pymalloc_image *image)
{
	return sum_of(image->headers, (size_t)image->n_slots * image->geometry.pools_per_arena *
					      image->shape.header_size);
}

/* Lists that disagree in a heap that seemed to stand still: it moved and came back to the same
 * variables, or it is damaged. A second copy tells: what changed in any header was moving. */
static struct error *confirm_stillness(struct pymalloc_copy *copy, struct space *space)
{
	uint64_t faults;
	if (copy->image.moved)
		return NULL;
	struct error *err = count_list_faults(copy, &faults);
	if (err || faults == 0)
		return err;
	uint64_t before = sum_of_headers(&copy->image);
	err = pymalloc_round_run(copy, space, &(struct round){.kind = ROUND_ALL});
	if (!err)
		copy->image.moved |= sum_of_headers(&copy->image) != before;
	return err;
}

static struct error *begin(struct pymalloc_copy *copy, const struct layout *layout,
			   const struct pymalloc_roots *roots, enum space_moment moment,
			   uint64_t max_memory, bool frozen)
{
	struct error *err = pymalloc_shape_init(layout, &copy->image.shape);
	if (err)
		return err;
	copy->roots = *roots;
	copy->image.used_at = roots->usedpools;
	copy->image.frozen = frozen || moment == SPACE_ONE;
	copy->image.moved = moment == SPACE_MANY;
	copy->max_memory = max_memory;
	copy->complete = true;
	return NULL;
}

struct error *pymalloc_copy_take(struct pymalloc_copy *copy, struct space *space,
				 const struct layout *layout, const struct pymalloc_roots *roots,
				 uint64_t max_memory, bool frozen)
{
	struct error *err = begin(copy, layout, roots, space->moment, max_memory, frozen);
	if (err)
		return err;
	const struct round all = {.kind = ROUND_ALL, .frozen = frozen, .residency = !frozen};
	err = pymalloc_round_run(copy, space, &all);
	if (err || frozen)
		return err;
	err = settle_live(copy, space);
	return err ? err : confirm_stillness(copy, space);
}

void pymalloc_copy_expect_stop(struct pymalloc_copy *copy)
{
	copy->expects_stop = true;
}

struct error *pymalloc_copy_prepare(struct pymalloc_copy *copy, uint64_t max_memory)
{
	uint64_t slots = copy->slot_room - copy->n_free_slots;
	uint64_t objects = pymalloc_room_objects_ahead(copy->image.n_table);
	copy->max_memory = max_memory;
	if (!copy->image.geometry.known)
		return NULL;
	return pymalloc_room_reserve(
		copy, size_max(objects, copy->table_room),
		size_max(pymalloc_room_slots_ahead(copy, slots), copy->slot_room));
}

bool pymalloc_copy_complete(const struct pymalloc_copy *copy)
{
	return copy->complete && !copy->image.words_unreadable && !copy->image.table_unreadable;
}

size_t pymalloc_copy_unsettled(const struct pymalloc_copy *copy)
{
	const struct pymalloc_image *image = &copy->image;
	size_t n = 0;
	for (uint32_t i = 0; i < image->n_table; i++) {
		if (image->arenas[i].in_use)
			n += !pymalloc_image_settled(image, i);
	}
	return n;
}

struct error *pymalloc_copy_settle(struct pymalloc_copy *copy, struct space *space, bool frozen)
{
	copy->complete = true;
	if (!frozen)
		return settle_live(copy, space);
	return pymalloc_round_run(copy, space,
				  &(struct round){.kind = ROUND_UNSETTLED, .frozen = true});
}

struct error *pymalloc_copy_refresh(struct pymalloc_copy *copy, struct space *space,
				    const struct layout *layout, const struct pymalloc_roots *roots,
				    uint64_t max_memory, unsigned turns)
{
	struct error *err = begin(copy, layout, roots, space->moment, max_memory, false);
	if (err)
		return err;
	const struct round some = {
		.kind = turns > 1 ? ROUND_TURN : ROUND_ALL,
		.turns = turns,
		.residency = true,
	};
	copy->image.moved = turns > 1; /* arenas copied at different times: lists cannot agree */
	copy->turn++;
	err = pymalloc_round_run(copy, space, &some);
	return err ? err : settle_live(copy, space);
}

uint64_t pymalloc_copy_pools(const struct pymalloc_copy *copy)
{
	uint64_t pools = 0;
	for (uint32_t i = 0; i < copy->image.n_table; i++) {
		if (copy->image.arenas[i].in_use)
			pools += copy->image.arenas[i].carved;
	}
	return pools;
}

uint64_t pymalloc_copy_bytes(const struct pymalloc_copy *copy)
{
	return pymalloc_room_bytes(copy, copy->table_room, copy->slot_room);
}

const struct residency *pymalloc_copy_residency(const struct pymalloc_copy *copy)
{
	return copy->has_residency ? &copy->residency : NULL;
}
