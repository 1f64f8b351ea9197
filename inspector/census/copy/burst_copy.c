/*
 * burst_copy: first the room, then the reading, so that the copy is of as short a time as can be.
 *
 *	buffer   huge pages where the kernel gives them, written once by all processors
 *	read     pieces of 64 KiB, by all readers
 *	         pieces that failed once more, page by page: the file or the mapping ends in them
 *
 * A page fault costs as much as copying the page; taken while others read, it would double the burst.
 */
#include "inspector/census/copy/burst_copy.h"

#include "base/cleanup.h"
#include "inspector/target/clock.h"
#include "inspector/target/reading/readers.h"

#include <sched.h>
#include <stdatomic.h>
#include <sys/mman.h>

#define PAGE   UINT64_C(4096)
#define PIECE  (64 * KIB)
#define HUGE   (2 * MIB)
#define SLICES 2 /* of a stretch: whole pieces, and what is left */

/* ---- room ------------------------------------------------------------------------------- */

#define FAULT_STEP  (8 * MIB) /* that one thread takes at a time */
#define FAULT_ALONE (32 * MIB)
#define HELPERS_MAX 3

struct faulting {
	uint8_t *bytes;
	size_t size;
	_Atomic size_t next;
};

static void fault_in(void *context, size_t reader)
{
	struct faulting *f = context;
	(void)reader;
	for (size_t at; (at = atomic_fetch_add(&f->next, FAULT_STEP)) < f->size;) {
		size_t some = (size_t)size_min(FAULT_STEP, f->size - at);
		if (madvise(f->bytes + at, some, MADV_POPULATE_WRITE) == 0)
			continue; /* Linux 5.14 on */
		for (size_t i = 0; i < some; i += PAGE)
			((volatile uint8_t *)f->bytes)[at + i] = 0;
	}
}

static size_t n_helpers(size_t size)
{
	cpu_set_t set;
	if (size < FAULT_ALONE || sched_getaffinity(0, sizeof(set), &set) != 0)
		return 0;
	return (size_t)size_min((uint64_t)CPU_COUNT(&set) - 1, HELPERS_MAX);
}

static void fault_all(uint8_t *bytes, size_t size)
{
	struct faulting f = {.bytes = bytes, .size = size};
	struct readers *helpers = NULL;
	size_t n = n_helpers(size);
	if (n)
		error_free(readers_new(n, &helpers)); /* else alone */
	if (helpers)
		readers_run(helpers, fault_in, &f);
	else
		fault_in(&f, 0);
	readers_free(helpers);
}

static struct error *make_room(struct burst_copy *copy, uint64_t size)
{
	size_t room = (size_t)size_align_up(size_max(size, 1), HUGE) + HUGE;
	void *mapping = mmap(NULL, room, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mapping == MAP_FAILED)
		return error_out_of_memory();
	copy->mapping = mapping;
	copy->mapping_size = room;
	copy->bytes = copy->mapping + (HUGE - (uintptr_t)mapping % HUGE) % HUGE;
	(void)madvise(mapping, room, MADV_HUGEPAGE);
	fault_all(copy->bytes, (size_t)size_align_up(size, PAGE));
	return NULL;
}

/* ---- reading ---------------------------------------------------------------------------- */

struct reading {
	struct space *space;
	const struct burst_plan *plan;
	uint8_t *bytes; /* of the copy */
	struct space_slice *slices;
	uint8_t *got; /* of all slices */
};

static void reading_fini(struct reading *r)
{
	free(r->slices);
	free(r->got);
}

static struct space_slice slice_of(const struct reading *r, const struct burst_stretch *s,
				   uint64_t from, size_t size, size_t count, uint8_t *got)
{
	return (struct space_slice){.start = raddr_at(s->start + from),
				    .stride = size,
				    .size = size,
				    .count = count,
				    .bytes = r->bytes + s->at + from,
				    .got = got};
}

static struct error *plan_slices(struct reading *r)
{
	size_t n = r->plan->list.count;
	r->slices = calloc(n * SLICES + 1, sizeof(*r->slices));
	r->got = calloc(r->plan->size / PIECE + n * SLICES + 1, 1);
	if (!r->slices || !r->got)
		return error_out_of_memory();
	uint8_t *got = r->got;
	for (size_t i = 0; i < n; i++) {
		const struct burst_stretch *s = &r->plan->list.items[i];
		uint64_t whole = s->size - s->size % PIECE;
		struct space_slice *pair = &r->slices[i * SLICES];
		pair[0] = slice_of(r, s, 0, PIECE, (size_t)(whole / PIECE), got);
		got += pair[0].count;
		pair[1] = slice_of(r, s, whole, (size_t)(s->size - whole), whole < s->size, got);
		got += pair[1].count;
	}
	return NULL;
}

/* The same ranges as a residency: all that is planned was found present. */
static struct error *read_all(const struct reading *r)
{
	_cleanup_(residency_fini) struct residency present = RESIDENCY_EMPTY;
	for (size_t i = 0; i < r->plan->list.count && r->plan->asked; i++) {
		const struct burst_stretch *s = &r->plan->list.items[i];
		if (!residency_add(&present, raddr_at(s->start), s->size, false))
			return error_out_of_memory();
	}
	return space_gather(r->space, r->slices, r->plan->list.count * SLICES,
			    r->plan->asked ? &present : NULL);
}

/* ---- what was read ---------------------------------------------------------------------- */

static struct error *keep(struct burst_copy *copy, uint64_t start, uint64_t size, const uint8_t *at)
{
	size_t n = copy->list.count;
	struct burst_stretch *last = n ? &copy->list.items[n - 1] : NULL;
	uint64_t place = (uint64_t)(at - copy->bytes);
	copy->size += size;
	if (last && last->start + last->size == start && last->at + last->size == place) {
		last->size += size;
		return NULL;
	}
	struct burst_stretch *one = vec_push(&copy->list);
	if (!one)
		return error_out_of_memory();
	*one = (struct burst_stretch){start, size, place};
	return NULL;
}

static struct error *keep_pages(struct burst_copy *copy, const struct reading *r, raddr start,
				size_t size, uint8_t *bytes)
{
	uint8_t got[PIECE / PAGE];
	struct space_slice pages = {start, PAGE, PAGE, size / PAGE, bytes, got};
	_cleanup_(residency_fini) struct residency present = RESIDENCY_EMPTY;
	if (r->plan->asked && !residency_add(&present, start, size, false))
		return error_out_of_memory();
	struct error *err = space_gather(r->space, &pages, 1, r->plan->asked ? &present : NULL);
	for (size_t i = 0; i < pages.count && !err; i++)
		if (got[i] == SLICE_READ)
			err = keep(copy, start.value + i * PAGE, PAGE, bytes + i * PAGE);
	return err;
}

static struct error *keep_all(struct burst_copy *copy, const struct reading *r)
{
	struct error *err = NULL;
	for (size_t i = 0; i < r->plan->list.count * SLICES && !err; i++) {
		const struct space_slice *s = &r->slices[i];
		for (size_t piece = 0; piece < s->count && !err; piece++) {
			raddr start = raddr_plus(s->start, piece * s->size);
			uint8_t *bytes = s->bytes + piece * s->size;
			err = s->got[piece] == SLICE_READ
				      ? keep(copy, start.value, s->size, bytes)
				      : keep_pages(copy, r, start, s->size, bytes);
		}
	}
	return err;
}

static struct error *read_held(const struct reading *r, const struct burst_hold *hold,
			       struct burst_copy *copy)
{
	struct error *err = hold ? hold->begin(hold->context) : NULL;
	if (err)
		return err;
	uint64_t since = clock_ns();
	err = read_all(r);
	copy->took_us = (clock_ns() - since) / 1000;
	copy->still = hold && hold->end(hold->context);
	return err;
}

struct error *burst_copy_take(struct space *space, const struct burst_plan *plan,
			      const struct burst_hold *hold, struct burst_copy *ret)
{
	_cleanup_(burst_copy_fini) struct burst_copy copy = {.size = 0};
	_cleanup_(reading_fini) struct reading r = {.space = space, .plan = plan};
	struct error *err = make_room(&copy, plan->size);
	r.bytes = copy.bytes;
	err = err ?: plan_slices(&r);
	if (err)
		return err;
	err = read_held(&r, hold, &copy);
	err = err ?: keep_all(&copy, &r);
	if (err)
		return err;
	*ret = copy;
	copy = (struct burst_copy){.size = 0};
	return NULL;
}

void burst_copy_fini(struct burst_copy *copy)
{
	if (copy->mapping)
		(void)munmap(copy->mapping, copy->mapping_size);
	vec_fini(&copy->list);
	*copy = (struct burst_copy){.size = 0};
}
