/*
 * burst_plan: the most wanted ranges get the room; then all are put in order of address.
 *
 *	wanted    2 [ ▒▒▒▒   ▒▒▒ ]     1 [ ▒▒▒▒▒▒▒▒ ]    3 [ ▒▒▒▒ ]      ▒ present
 *	buffer    [▒▒▒▒|▒▒▒|▒▒▒▒▒▒▒▒]                     no room left
 */
#include "inspector/census/copy/burst_plan.h"

#include "base/cleanup.h"

#define PAGE UINT64_C(4096)

struct planner {
	struct space *space;
	struct residency pages; /* of one piece of a region */
	struct burst_plan plan;
	uint64_t left; /* bytes of the buffer */
};

static void planner_fini(struct planner *p)
{
	residency_fini(&p->pages);
	burst_plan_fini(&p->plan);
}

void burst_plan_fini(struct burst_plan *plan)
{
	vec_fini(&plan->list);
}

static struct error *add(struct planner *p, uint64_t start, uint64_t end)
{
	uint64_t size = size_min(end - start, p->left & ~(PAGE - 1));
	p->plan.cut |= size < end - start;
	if (size == 0)
		return NULL;
	struct burst_stretch *one = vec_push(&p->plan.list);
	if (!one)
		return error_out_of_memory();
	*one = (struct burst_stretch){.start = start, .size = size};
	p->left -= size;
	return NULL;
}

/* What is present of a piece of one region. */
static struct error *add_present(struct planner *p, uint64_t start, uint64_t end)
{
	if (!p->plan.asked)
		return add(p, start, end);
	residency_clear(&p->pages);
	struct error *err = space_residency(p->space, raddr_at(start), end - start, &p->pages);
	if (err) /* unmapped meanwhile */
		return error_catch(&err, ERROR_FAULT) ? NULL : err;
	for (size_t i = 0; i < p->pages.ranges.count && !err; i++) {
		const struct residency_range *r = &p->pages.ranges.items[i];
		uint64_t from = size_max(r->start.value, start);
		uint64_t to = size_min(size_add(r->start.value, r->size), end);
		if (!r->swapped && from < to)
			err = add(p, from, to);
	}
	return err;
}

/* A range is cut by the regions: what is not mapped, or not readable, is not there. */
static struct error *add_range(struct planner *p, const struct burst_range *range)
{
	uint64_t at = range->start.value & ~(PAGE - 1);
	uint64_t end = size_align_up(size_add(range->start.value, range->size), PAGE);
	const struct space *space = p->space;
	size_t low = 0, high = space->regions.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct region *r = &space->regions.items[middle];
		if (size_add(r->start.value, r->size) <= at)
			low = middle + 1;
		else
			high = middle;
	}
	struct error *err = NULL;
	for (size_t i = low; i < space->regions.count && !err; i++) {
		const struct region *r = &space->regions.items[i];
		uint64_t from = size_max(size_align_up(r->start.value, PAGE), at);
		uint64_t to = size_min(size_add(r->start.value, r->size) & ~(PAGE - 1), end);
		if (r->start.value >= end)
			break;
		if (r->readable && from < to)
			err = add_present(p, from, to);
	}
	return err;
}

static int compare_stretches(const void *a, const void *b)
{
	const struct burst_stretch *x = a, *y = b;
	return (x->start > y->start) - (x->start < y->start);
}

/* In order, each byte once, neighbours joined, each with its place in the buffer. */
static void lay_out(struct burst_plan *plan)
{
	size_t n = 0;
	uint64_t size = 0;
	if (plan->list.count > 1)
		qsort(plan->list.items, plan->list.count, sizeof(*plan->list.items),
		      compare_stretches);
	for (size_t i = 0; i < plan->list.count; i++) {
		struct burst_stretch one = plan->list.items[i];
		struct burst_stretch *last = n ? &plan->list.items[n - 1] : NULL;
		uint64_t end = one.start + one.size, above = last ? last->start + last->size : 0;
		if (last && one.start <= above) {
			last->size = size_max(above, end) - last->start;
			size = last->at + last->size;
			continue;
		}
		one.at = size;
		size += one.size;
		plan->list.items[n++] = one;
	}
	plan->list.count = n;
	plan->size = size;
}

struct error *burst_plan_make(const struct burst_request *request, uint64_t max_size,
			      struct burst_plan *ret)
{
	_cleanup_(planner_fini) struct planner p = {.space = request->space, .left = max_size};
	p.plan.asked = space_has_residency(request->space);
	for (size_t i = 0; i < request->n_wanted; i++) {
		struct error *err = add_range(&p, &request->wanted[i]);
		if (err)
			return err;
	}
	lay_out(&p.plan);
	*ret = p.plan;
	p.plan = (struct burst_plan){.size = 0};
	return NULL;
}
