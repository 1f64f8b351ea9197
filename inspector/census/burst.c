/*
 * burst: how an address finds its copy.
 *
 *	address / 1 MiB ─▷ hash ─▷ first stretch of that MiB ─▷ this one, or one of the few behind it
 *
 * Most questions are about addresses near each other, so the last answer is tried first. What no stretch holds, or
 * not whole, is a window's: filled from the copy as far as that goes, and from the space.
 */
#include "inspector/census/burst.h"

#include "base/cleanup.h"
#include "inspector/census/copy/burst_copy.h"
#include "inspector/census/copy/burst_windows.h"

#include <pthread.h>
#include <string.h>

#define GRAIN_BITS       20
#define WINDOW_SHARE     16 /* of the memory that may be used: one part of so many */
#define WINDOWS_MOST     (32 * MIB)
#define WINDOWS_OF_SHARE (2 * MIB)

struct grain {
	uint64_t number; /* address >> GRAIN_BITS */
	uint32_t
		first; /* stretch that ends above its begin, and one more; 0: there is no such grain */
	uint32_t end; /* behind the last that begins in it */
};

struct burst {
	struct space *space;
	struct burst_copy copy;
	struct grain *grains;
	size_t grain_mask;
	const struct burst_stretch *hot; /* the last answer; NULL: none yet */
	struct burst_windows windows;
	struct burst *of;     /* whose copy this is; NULL: its own */
	pthread_mutex_t lock; /* of the space: one reads it at a time */
	bool whole;
};

/* ---- finding a stretch ------------------------------------------------------------------ */

static size_t grain_slot(const struct burst *burst, uint64_t number)
{
	return (size_t)(number * UINT64_C(0x9e3779b97f4a7c15) >> 32) & burst->grain_mask;
}

static struct grain *grain_of(const struct burst *burst, uint64_t number)
{
	size_t slot = grain_slot(burst, number);
	while (burst->grains[slot].first && burst->grains[slot].number != number)
		slot = (slot + 1) & burst->grain_mask;
	return &burst->grains[slot];
}

/* The first stretch of [low, high) that ends above `at`, as an index. */
static size_t stretch_above(const struct burst *burst, uint64_t at, size_t low, size_t high)
{
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct burst_stretch *s = &burst->copy.list.items[middle];
		if (at >= s->start && at - s->start >= s->size)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const struct burst_stretch *stretch_of(const struct burst *burst, uint64_t at)
{
	const struct grain *grain = grain_of(burst, at >> GRAIN_BITS);
	if (!grain->first)
		return NULL;
	size_t i = stretch_above(burst, at, grain->first - 1, grain->end);
	const struct burst_stretch *s = &burst->copy.list.items[i];
	return i < grain->end && at >= s->start ? s : NULL;
}

static void note_grains(struct burst *burst, uint32_t i)
{
	const struct burst_stretch *s = &burst->copy.list.items[i];
	uint64_t last = (s->start + s->size - 1) >> GRAIN_BITS;
	for (uint64_t number = s->start >> GRAIN_BITS; number <= last; number++) {
		struct grain *grain = grain_of(burst, number);
		if (!grain->first)
			*grain = (struct grain){.number = number, .first = i + 1};
		grain->end = i + 1;
	}
}

static struct error *index_stretches(struct burst *burst)
{
	size_t n = burst->copy.list.count, room = 64;
	uint64_t most = (burst->copy.size >> GRAIN_BITS) + 2 * n;
	while (room < most * 2)
		room *= 2;
	if (n >= UINT32_MAX)
		return error_new(ERROR_RESOURCE, "memory in %zu pieces", n);
	burst->grains = calloc(room, sizeof(*burst->grains));
	if (!burst->grains)
		return error_out_of_memory();
	burst->grain_mask = room - 1;
	for (size_t i = 0; i < n; i++)
		note_grains(burst, (uint32_t)i);
	return NULL;
}

/* ---- reading both ----------------------------------------------------------------------- */

/* Copied bytes from the copy, the others from the space. */
static struct error *read_both(void *source, raddr at, void *to, size_t size)
{
	struct burst *burst = source;
	for (size_t done = 0; done < size;) {
		raddr here = raddr_plus(at, done), next;
		uint64_t left, above, some = size - done;
		const uint8_t *copied = burst_stretch(burst, here, &left);
		if (copied)
			memcpy((uint8_t *)to + done, copied, (size_t)(some = size_min(some, left)));
		else if (burst_above(burst, here, &next, &above))
			some = size_min(some, raddr_distance(here, next));
		struct error *err =
			copied ? NULL
			       : space_read(burst->space, here, (uint8_t *)to + done, (size_t)some);
		if (err)
			return err;
		done += (size_t)some;
	}
	return NULL;
}

static bool fill_window(void *context, raddr at, uint8_t *to, size_t size)
{
	struct burst *burst = context;
	pthread_mutex_t *lock = burst->of ? &burst->of->lock : &burst->lock;
	(void)pthread_mutex_lock(lock);
	struct error *err = read_both(burst, at, to, size);
	(void)pthread_mutex_unlock(lock);
	error_free(err);
	return !err;
}

struct space burst_space(struct burst *burst)
{
	static const struct space_ops ops = {.read = read_both};
	struct space space = *burst->space;
	space.ops = &ops;
	space.source = burst;
	space.tap = NULL;
	return space;
}

/* ---- taking one ------------------------------------------------------------------------- */

static uint64_t windows_share(uint64_t max_memory)
{
	return size_min(max_memory / WINDOW_SHARE, WINDOWS_MOST);
}

/* What finding and describing the copy takes beside it is a few words a MiB, and goes with the windows. */
static struct error *copy_wanted(struct burst *burst, const struct burst_request *request)
{
	_cleanup_(burst_plan_fini) struct burst_plan plan = {.size = 0};
	uint64_t room = size_subtract(request->max_memory, 2 * windows_share(request->max_memory));
	struct error *err = burst_plan_make(request, room, &plan);
	err = err ?: burst_copy_take(request->space, &plan, request->hold, &burst->copy);
	if (err)
		return err;
	burst->whole = !plan.cut;
	return NULL;
}

struct error *burst_take(const struct burst_request *request, struct burst **ret)
{
	_cleanup_(burst_freep) struct burst *burst = calloc(1, sizeof(*burst));
	if (!burst)
		return error_out_of_memory();
	burst->space = request->space;
	(void)pthread_mutex_init(&burst->lock, NULL);
	struct error *err = copy_wanted(burst, request);
	err = err ?: index_stretches(burst);
	err = err
		      ?: burst_windows_init(&burst->windows, windows_share(request->max_memory),
					    fill_window, burst);
	if (err)
		return err;
	*ret = take(burst);
	return NULL;
}

struct error *burst_share(struct burst *burst, struct burst **ret)
{
	struct burst *share = calloc(1, sizeof(*share));
	if (!share)
		return error_out_of_memory();
	share->space = burst->space;
	share->copy = burst->copy;
	share->grains = burst->grains;
	share->grain_mask = burst->grain_mask;
	share->whole = burst->whole;
	share->of = burst->of ? burst->of : burst;
	struct error *err =
		burst_windows_init(&share->windows, WINDOWS_OF_SHARE, fill_window, share);
	if (err)
		free(share);
	else
		*ret = share;
	return err;
}

void burst_free(struct burst *burst)
{
	if (!burst)
		return;
	burst_windows_fini(&burst->windows);
	if (!burst->of) {
		burst_copy_fini(&burst->copy);
		free(burst->grains);
		(void)pthread_mutex_destroy(&burst->lock);
	}
	free(burst);
}

/* ---- asking it -------------------------------------------------------------------------- */

const uint8_t *burst_stretch(const struct burst *burst, raddr at, uint64_t *ret_left)
{
	const struct burst_stretch *s = stretch_of(burst, at.value);
	if (!s)
		return NULL;
	uint64_t inside = at.value - s->start;
	*ret_left = s->size - inside;
	return burst->copy.bytes + s->at + inside;
}

bool burst_above(const struct burst *burst, raddr at, raddr *ret_start, uint64_t *ret_size)
{
	size_t n = burst->copy.list.count, i = stretch_above(burst, at.value, 0, n);
	if (i == n)
		return false;
	*ret_start = raddr_at(burst->copy.list.items[i].start);
	*ret_size = burst->copy.list.items[i].size;
	return true;
}

const uint8_t *burst_bytes(struct burst *burst, raddr at, size_t size)
{
	const struct burst_stretch *s = burst->hot;
	if (!s || at.value - s->start >= s->size) {
		s = stretch_of(burst, at.value);
		burst->hot = s ? s : burst->hot;
	}
	if (s && size <= s->size - (at.value - s->start))
		return burst->copy.bytes + s->at + (at.value - s->start);
	return burst_windows_get(&burst->windows, at, size);
}

bool burst_word(struct burst *burst, raddr at, uint64_t *ret)
{
	const uint8_t *bytes =
		at.value % sizeof(*ret) ? NULL : burst_bytes(burst, at, sizeof(*ret));
	if (bytes)
		memcpy(ret, bytes, sizeof(*ret));
	return bytes;
}

bool burst_whole(const struct burst *burst)
{
	return burst->whole;
}

uint64_t burst_copied(const struct burst *burst)
{
	return burst->copy.size;
}

uint64_t burst_windowed(const struct burst *burst)
{
	return burst->windows.n_read;
}

bool burst_still(const struct burst *burst)
{
	return burst->copy.still;
}

uint64_t burst_took(const struct burst *burst)
{
	return burst->copy.took_us;
}
