/*
 * save_pages: regions in order of address, cut into windows of 64 pages.
 *
 *	regions    [ libc r ][ libc rw ][bss]    [ arena ██░░████ ]
 *	windows   │               │               │               │
 *	parts     └ pages 2…63 ───┘               └ 0…15, 24…63 ──┘
 *
 * Residency is asked anew shortly before each stretch is read: a page that was swapped out
 * in the meantime must stay there.
 */
#include "inspector/save/save_pages.h"

#include "base/cleanup.h"
#include "inspector/module.h"

#include <string.h>

#define STRETCH  (64 * MIB) /* addresses whose residency is asked at a time */
#define SAMPLES  24
#define RUNS_MAX 64

/* ---- objects -------------------------------------------------------------------------- */

static bool is_object(const struct save_objects *objects, const struct region *region)
{
	for (size_t i = 0; i < objects->list.count; i++)
		if (objects->list.items[i].inode == region->inode &&
		    objects->list.items[i].device == region->device)
			return true;
	return false;
}

static bool may_begin_object(const struct region *region)
{
	return region->kind == REGION_FILE && region->file_offset == 0 && region->readable &&
	       !region->shared;
}

bool save_objects_begin(const struct save_objects *objects, const struct region *region)
{
	return may_begin_object(region) && is_object(objects, region);
}

static struct error *look_at_object(const struct origin *origin, struct space *space,
				    const struct region *region, struct save_objects *ret)
{
	char magic[4];
	struct error *err = module_back(origin, space, region);
	err = err ?: space_read(space, region->start, magic, sizeof(magic));
	if (err)
		return error_catch(&err, ERROR_FAULT) ? NULL : err;
	if (memcmp(magic, "\177ELF", 4) != 0)
		return NULL;
	struct save_object *object = vec_push(&ret->list);
	if (!object)
		return error_out_of_memory();
	*object = (struct save_object){region->device, region->inode};
	return NULL;
}

struct error *save_objects_find(const struct origin *origin, struct space *space,
				struct save_objects *ret)
{
	struct error *err = NULL;
	for (size_t i = 0; !err && i < space->regions.count; i++) {
		const struct region *region = &space->regions.items[i];
		if (may_begin_object(region) && !is_object(ret, region))
			err = look_at_object(origin, space, region, ret);
	}
	return err;
}

void save_objects_fini(struct save_objects *objects)
{
	vec_fini(&objects->list);
}

/* ---- which regions -------------------------------------------------------------------- */

enum choice {
	CHOICE_NONE,
	CHOICE_PRESENT, /* pages that are present */
	CHOICE_ALL,     /* and the others as the file has them */
};

static enum choice choose(const struct save_objects *objects, const struct region *region)
{
	if (!region->readable || region->shared || region->kind == REGION_SPECIAL)
		return CHOICE_NONE;
	if (region->kind != REGION_FILE)
		return CHOICE_PRESENT;
	if (!is_object(objects, region))
		return region->writable ? CHOICE_PRESENT : CHOICE_NONE;
	/* Objects linked in the old way have headers and names in their only segment without 'w'. */
	return region->executable && !region->writable && region->file_offset ? CHOICE_NONE
									      : CHOICE_ALL;
}

/* ---- stretches ------------------------------------------------------------------------ */

/* Of one region: some addresses, and what of them is present. */
struct stretch {
	const struct region *region;
	enum choice choice;
	raddr start, end;
	struct residency residency;
};

typedef struct error *stretch_fn(void *context, const struct stretch *stretch);

static struct error *look_at_stretch(struct space *space, struct stretch *s, raddr at,
				     stretch_fn *visit, void *context)
{
	raddr end = raddr_plus(s->region->start, s->region->size);
	s->start = at;
	s->end = raddr_align_down(raddr_plus(at, STRETCH), SAVEFILE_WINDOW);
	s->end = raddr_compare(s->end, end) < 0 ? s->end : end;
	residency_clear(&s->residency);
	struct error *err = space_residency(space, at, raddr_distance(at, s->end), &s->residency);
	if (error_catch(&err, ERROR_FAULT)) /* it is gone meanwhile, or none of ours */
		return NULL;
	bool empty = s->residency.ranges.count == 0 && s->choice == CHOICE_PRESENT;
	return err || empty ? err : visit(context, s);
}

static struct error *visit_region(struct space *space, struct stretch *s, stretch_fn *visit,
				  void *context)
{
	raddr end = raddr_plus(s->region->start, s->region->size);
	struct error *err = NULL;
	for (raddr at = s->region->start; !err && raddr_compare(at, end) < 0; at = s->end)
		err = look_at_stretch(space, s, at, visit, context);
	return err;
}

static struct error *visit_all(struct space *space, const struct save_objects *objects,
			       stretch_fn *visit, void *context)
{
	struct stretch s = {.residency = RESIDENCY_EMPTY};
	struct error *err = NULL;
	for (size_t i = 0; !err && i < space->regions.count; i++) {
		s.region = &space->regions.items[i];
		s.choice = choose(objects, s.region);
		if (s.choice != CHOICE_NONE)
			err = visit_region(space, &s, visit, context);
	}
	residency_fini(&s.residency);
	return err;
}

/* ---- the estimate --------------------------------------------------------------------- */

/* Of one stretch. */
struct sample {
	raddr at; /* in the middle of its largest run of pages */
	size_t size;
	uint64_t stands_for; /* bytes that will be saved of the stretch */
};

struct estimating {
	uint64_t memory;
	VEC(struct sample) samples;
};

static struct error *count_stretch(void *context, const struct stretch *s)
{
	struct estimating *e = context;
	struct sample sample = {.size = 0};
	uint64_t present, swapped, largest = 0;
	residency_count(&s->residency, s->start, raddr_distance(s->start, s->end), &present,
			&swapped);
	sample.stands_for = s->choice == CHOICE_ALL ? raddr_distance(s->start, s->end) : present;
	for (size_t i = 0; i < s->residency.ranges.count; i++) {
		const struct residency_range *r = &s->residency.ranges.items[i];
		if (r->swapped || r->size <= largest)
			continue;
		largest = r->size;
		sample.size = (size_t)size_min(r->size, SAVEFILE_WINDOW);
		sample.at = raddr_plus(r->start,
				       (r->size - sample.size) / 2 / SAVEFILE_PAGE * SAVEFILE_PAGE);
	}
	e->memory = size_add(e->memory, sample.stands_for);
	struct sample *place = vec_push(&e->samples);
	if (!place)
		return error_out_of_memory();
	*place = sample;
	return NULL;
}

static int largest_first(const void *a, const void *b)
{
	const struct sample *left = a, *right = b;
	return (left->stands_for < right->stands_for) - (left->stands_for > right->stands_for);
}

/* The largest stretches speak for all: what share of their bytes is left of them. */
static struct error *try_samples(struct space *space, struct estimating *e,
				 struct savefile_writer *writer, double *ret_share)
{
	_cleanup_(free_pointer) uint8_t *bytes = malloc(SAVEFILE_WINDOW);
	double in = 0, out = 0;
	if (!bytes)
		return error_out_of_memory();
	if (e->samples.count > 1)
		qsort(e->samples.items, e->samples.count, sizeof(e->samples.items[0]),
		      largest_first);
	for (size_t i = 0; i < e->samples.count && i < SAMPLES; i++) {
		const struct sample *s = &e->samples.items[i];
		struct error *err = space_read(space, s->at, bytes, s->size);
		if (error_catch(&err, ERROR_FAULT) || s->size == 0)
			continue;
		if (err)
			return err;
		double packed = (double)savefile_writer_try(writer, bytes, s->size);
		in += (double)s->stands_for;
		out += packed / (double)s->size * (double)s->stands_for;
	}
	*ret_share = in > 0 ? out / in : 1;
	return NULL;
}

struct error *save_pages_estimate(struct space *space, const struct save_objects *objects,
				  struct savefile_writer *writer, struct save_estimate *ret)
{
	struct estimating e = {0};
	double share = 1;
	struct error *err = visit_all(space, objects, count_stretch, &e);
	err = err ?: try_samples(space, &e, writer, &share);
	vec_fini(&e.samples);
	if (err)
		return err;
	/* A tenth more: samples are not all. */
	*ret = (struct save_estimate){e.memory, (uint64_t)((double)e.memory * share * 1.1) + MIB};
	return NULL;
}

/* ---- windows -------------------------------------------------------------------------- */

struct paging {
	const struct save_pages_request *request;
	raddr base; /* of the window that is being filled */
	uint64_t pages;
	uint8_t *bytes, *blanked; /* SAVEFILE_WINDOW */
	uint64_t memory;
};

static struct error *pack(struct paging *p, const uint8_t *from)
{
	uint8_t *room;
	struct error *err = savefile_writer_room(p->request->writer, &room);
	if (err)
		return err;
	size_t size = 0;
	for (unsigned i = 0; i < 64; i++) {
		if (!(p->pages >> i & 1))
			continue;
		memcpy(room + size, from + i * SAVEFILE_PAGE, SAVEFILE_PAGE);
		size += SAVEFILE_PAGE;
	}
	savefile_writer_add(p->request->writer, &(struct savefile_part){
							.kind = SAVEFILE_MEMORY,
							.size = (uint32_t)size,
							.start = p->base.value,
							.pages = p->pages,
						});
	p->memory += size;
	return NULL;
}

static struct error *flush(struct paging *p)
{
	const struct save_pages_request *r = p->request;
	struct error *err = NULL;
	if (!p->pages)
		return NULL;
	if (r->redactor) {
		memset(p->blanked, 0, SAVEFILE_WINDOW);
		err = redactor_blank(r->redactor, p->base, p->bytes, p->blanked);
	}
	err = err ?: pack(p, r->redactor ? p->blanked : p->bytes);
	p->pages = 0;
	memset(p->bytes, 0, SAVEFILE_WINDOW);
	if (!err && r->progress && !r->progress(r->context, p->memory))
		err = error_new(ERROR_RESOURCE, "the snapshot was broken off");
	return err;
}

/* Pages [from, to) of the window, which are present or were so a moment ago. */
static struct error *gather_runs(struct paging *p, const struct stretch *s, raddr from, raddr to)
{
	struct space_slice slices[RUNS_MAX];
	uint8_t got[RUNS_MAX];
	size_t n = 0;
	for (size_t i = residency_find(&s->residency, from, 0);
	     i < s->residency.ranges.count && n < RUNS_MAX; i++) {
		const struct residency_range *r = &s->residency.ranges.items[i];
		raddr start = raddr_compare(r->start, from) > 0 ? r->start : from;
		raddr end = raddr_plus(r->start, r->size);
		end = raddr_compare(end, to) < 0 ? end : to;
		if (raddr_compare(r->start, to) >= 0)
			break;
		size_t size = (size_t)raddr_distance(start, end);
		if (!r->swapped && size > 0) {
			slices[n] = (struct space_slice){
				start,  size, size, 1, p->bytes + raddr_distance(p->base, start),
				&got[n]};
			n++;
		}
	}
	struct error *err = n ? space_gather(p->request->space, slices, n, &s->residency) : NULL;
	for (size_t i = 0; !err && i < n; i++) {
		uint64_t first = raddr_distance(p->base, slices[i].start) / SAVEFILE_PAGE;
		for (uint64_t page = 0;
		     got[i] == SLICE_READ && page * SAVEFILE_PAGE < slices[i].size; page++)
			p->pages |= UINT64_C(1) << (first + page);
	}
	return err;
}

/* Pages [first, end) of the window: those that are not present, from the object's file. */
static struct error *read_absent_run(struct paging *p, unsigned first, unsigned end)
{
	raddr at = raddr_plus(p->base, first * SAVEFILE_PAGE);
	uint8_t *to = p->bytes + first * SAVEFILE_PAGE;
	struct error *err = space_read(p->request->space, at, to, (end - first) * SAVEFILE_PAGE);
	for (unsigned page = first; !err && page < end; page++)
		p->pages |= UINT64_C(1) << page;
	if (!error_catch(&err, ERROR_FAULT) || end - first == 1)
		return err;
	/* The file may end before its mapping does: page by page. */
	memset(to, 0, (end - first) * SAVEFILE_PAGE);
	for (unsigned page = first; !err && page < end; page++)
		err = read_absent_run(p, page, page + 1);
	return err;
}

static struct error *read_absent(struct paging *p, raddr from, raddr to)
{
	unsigned page = (unsigned)(raddr_distance(p->base, from) / SAVEFILE_PAGE);
	unsigned end = (unsigned)(raddr_distance(p->base, to) / SAVEFILE_PAGE);
	struct error *err = NULL;
	while (!err && page < end) {
		unsigned first = page;
		while (page < end && !(p->pages >> page & 1))
			page++;
		if (page > first)
			err = read_absent_run(p, first, page);
		else
			page++;
	}
	return err;
}

static struct error *fill(struct paging *p, const struct stretch *s, raddr from, raddr to)
{
	raddr base = raddr_align_down(from, SAVEFILE_WINDOW);
	struct error *err = raddr_equal(base, p->base) ? NULL : flush(p);
	if (err)
		return err;
	p->base = base;
	err = gather_runs(p, s, from, to);
	if (!err && s->choice == CHOICE_ALL)
		err = read_absent(p, from, to);
	return err;
}

/* The next address of a stretch where something is to be had. */
static raddr skip(const struct stretch *s, raddr at)
{
	size_t i = residency_find(&s->residency, at, 0);
	if (s->choice == CHOICE_ALL)
		return at;
	if (i == s->residency.ranges.count)
		return s->end;
	raddr start = s->residency.ranges.items[i].start;
	return raddr_compare(start, at) > 0 ? start : at;
}

static struct error *page_stretch(void *context, const struct stretch *s)
{
	struct error *err = NULL;
	for (raddr at = skip(s, s->start); !err && raddr_compare(at, s->end) < 0;) {
		raddr to = raddr_align_down(raddr_plus(at, SAVEFILE_WINDOW), SAVEFILE_WINDOW);
		to = raddr_compare(to, s->end) < 0 ? to : s->end;
		err = fill(context, s, at, to);
		at = skip(s, to);
	}
	return err;
}

struct error *save_pages_write(const struct save_pages_request *request, uint64_t *ret_memory)
{
	_cleanup_(free_pointer) uint8_t *bytes = calloc(1, SAVEFILE_WINDOW);
	_cleanup_(free_pointer) uint8_t *blanked = calloc(1, SAVEFILE_WINDOW);
	struct paging p = {.request = request, .bytes = bytes, .blanked = blanked};
	if (!bytes || !blanked)
		return error_out_of_memory();
	struct error *err = visit_all(request->space, request->objects, page_stretch, &p);
	err = err ?: flush(&p);
	*ret_memory = p.memory;
	return err;
}
