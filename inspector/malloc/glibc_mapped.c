/*
 * glibc_mapped: a find leads to the next, because the kernel puts mappings one behind the other.
 *
 * A block's header, malloc/malloc.c: up to 2.42 [0 │ size of the mapping, bit 1 set]; from 2.43 on
 * [offset in the mapping, bit 0: huge pages │ size less 16, bit 1 set].
 */
#include "inspector/malloc/glibc_mapped.h"

#include "base/cleanup.h"

#define BATCH_MAX   1024 /* pages whose first words are read at once */
#define BATCH_MIN   8
#define STRETCH     (64 * MIB) /* addresses whose residency is asked at a time */
#define DRIFT_MAX   (1 * MIB)
#define HEADER_SIZE 16

/* A range of anonymous writable memory, which may be several mappings. */
struct extent {
	uint64_t start, end;
};

struct search {
	const struct glibc_mapped_request *request;
	struct glibc_mapped *found;
	bool wants_runs;
	uint64_t first_run; /* bytes of the main arena's part that lies at the break */
	uint8_t headers[BATCH_MAX * HEADER_SIZE], got[BATCH_MAX];
};

/* ---- sums ------------------------------------------------------------------------------- */

static uint32_t told_count(const struct glibc_place *place)
{
	return place->par ? glibc_place_par_int(place, place->par->n_mmaps) : 0;
}

bool glibc_mapped_complete(const struct glibc_place *place, const struct glibc_mapped *mapped)
{
	if (!place->par)
		return false;
	uint64_t told = glibc_place_par_word(place, place->par->mmapped_mem);
	uint64_t drift = told - mapped->size;
	bool drifts = place->par->from >= 43 && drift % 16 == 0 && drift < DRIFT_MAX;
	return mapped->blocks.count == told_count(place) && (drift == 0 || drifts);
}

static bool is_complete(const struct search *s)
{
	uint64_t runs = size_add(s->first_run, s->found->runs_size);
	return (glibc_mapped_complete(s->request->place, s->found) || !s->request->place->par) &&
	       (!s->wants_runs || runs == s->request->main->system);
}

/* ---- what begins at a page -------------------------------------------------------------- */

/* Bytes of the block whose header this is; 0: it is none. */
static uint64_t block_size(const struct glibc_place *place, const uint64_t header[2],
			   uint64_t limit)
{
	uint64_t size = header[1] & ~GLIBC_SIZE_BITS;
	bool is_new = place->state->from >= 43;
	if ((header[1] & 15) != GLIBC_MAPPED || size > limit)
		return 0;
	if ((is_new ? header[0] & ~UINT64_C(1) : header[0]) != 0)
		return 0;
	size += is_new ? 16 : 0;
	return size && size % GLIBC_PAGE == 0 && size <= limit ? size : 0;
}

struct error *glibc_mapped_check(struct space *space, const struct glibc_place *place,
				 const struct malloc_span *span, bool *ret)
{
	uint64_t header[2] = {0};
	struct error *err = space_read(space, span->start, header, sizeof(header));
	*ret = !err && block_size(place, header, span->size) == span->size;
	return err && error_catch(&err, ERROR_FAULT) ? NULL : err;
}

static struct error *take_block(struct search *s, uint64_t at, uint64_t size)
{
	struct malloc_span *place = vec_push(&s->found->blocks);
	if (!place)
		return error_out_of_memory();
	*place = (struct malloc_span){raddr_at(at), size};
	s->found->size += size;
	return NULL;
}

static struct glibc_walk_request walk_request(const struct glibc_mapped_request *r)
{
	static const struct glibc_tcaches no_caches = {.shape = NULL};
	static const struct glibc_segments no_segments = {.broken = false};
	return (struct glibc_walk_request){.space = r->space,
					   .place = r->place,
					   .tcaches = &no_caches,
					   .state = r->main,
					   .segments = &no_segments};
}

/* A run of the main arena's; *ret_size 0: none begins here. */
static struct error *try_run(struct search *s, uint64_t at, const uint64_t header[2],
			     uint64_t limit, uint64_t *ret_size)
{
	const struct glibc_mapped_request *r = s->request;
	const struct glibc_walk_request walk = walk_request(r);
	uint64_t size = header[1] & ~GLIBC_SIZE_BITS, end = 0;
	*ret_size = 0;
	if (!s->wants_runs || (header[1] & 15) != GLIBC_IN_USE || size < GLIBC_CHUNK_MIN ||
	    size > limit)
		return NULL;
	struct error *err = glibc_walk_run(&walk, at, at + limit, &end);
	if (err || end < at + GLIBC_RUN_MIN)
		return err;
	if (!glibc_segments_add(&s->found->runs, (struct glibc_segment){at, at, end, end, true}))
		return error_out_of_memory();
	*ret_size = end - at;
	s->found->runs_size += end - at;
	return NULL;
}

static struct error *look_at(struct search *s, uint64_t at, const uint8_t *bytes, uint64_t limit,
			     uint64_t *ret_size)
{
	uint64_t header[2];
	memcpy(header, bytes, sizeof(header));
	*ret_size = block_size(s->request->place, header, limit);
	return *ret_size ? take_block(s, at, *ret_size) : try_run(s, at, header, limit, ret_size);
}

/* ---- where ------------------------------------------------------------------------------ */

static bool is_ground(const struct region *region)
{
	return region->kind == REGION_ANON && region->readable && region->writable &&
	       !region->shared;
}

/* The first span that ends above `at`; the count if none. */
static size_t avoid_above(const struct glibc_mapped_request *r, uint64_t at)
{
	size_t low = 0, high = r->n_avoid;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (size_add(r->avoid[middle].start.value, r->avoid[middle].size) <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Where, from `at` on, something not to be avoided begins, and up to where. False: nowhere in the extent. */
static bool next_free(const struct glibc_mapped_request *r, const struct extent *e, uint64_t at,
		      struct extent *ret)
{
	size_t i = avoid_above(r, at);
	while (i < r->n_avoid && r->avoid[i].start.value <= at && at < e->end) {
		at = size_add(r->avoid[i].start.value, r->avoid[i].size);
		i++;
	}
	if (at >= e->end)
		return false;
	uint64_t end = i < r->n_avoid ? size_min(r->avoid[i].start.value, e->end) : e->end;
	*ret = (struct extent){size_align_up(at, GLIBC_PAGE), end};
	return ret->start < end;
}

typedef struct error *extent_fn(struct search *s, const struct extent *extent);

/* Each stretch of ground that nobody else has. */
static struct error *visit(struct search *s, extent_fn *look)
{
	const struct space *space = s->request->space;
	for (size_t i = 0; i < space->regions.count;) {
		const struct region *r = &space->regions.items[i++];
		if (!is_ground(r))
			continue;
		struct extent e = {r->start.value, size_add(r->start.value, r->size)}, part;
		while (i < space->regions.count && is_ground(&space->regions.items[i]) &&
		       space->regions.items[i].start.value == e.end)
			e.end = size_add(e.end, space->regions.items[i++].size);
		for (uint64_t at = e.start; next_free(s->request, &e, at, &part); at = part.end) {
			struct error *err = look(s, &part);
			if (err)
				return err;
		}
	}
	return NULL;
}

/* ---- two ways to look ------------------------------------------------------------------- */

/* From a mapping's begin, as long as finds follow each other. */
static struct error *look_along(struct search *s, uint64_t at, uint64_t end)
{
	for (uint64_t size = 1; size && at < end; at += size) {
		uint8_t header[HEADER_SIZE];
		struct error *err =
			space_read(s->request->space, raddr_at(at), header, sizeof(header));
		size = 0;
		if (!err)
			err = look_at(s, at, header, end - at, &size);
		if (err && !error_catch(&err, ERROR_FAULT))
			return err;
	}
	return NULL;
}

static bool is_found(const struct search *s, uint64_t at)
{
	size_t n = s->found->blocks.count;
	const struct malloc_span *last = n ? &s->found->blocks.items[n - 1] : NULL;
	return (last && raddr_in(raddr_at(at), last->start, last->size)) ||
	       glibc_segments_of(&s->found->runs, at);
}

static struct error *look_at_begins(struct search *s, const struct extent *e)
{
	const struct space *space = s->request->space;
	struct error *err = look_along(s, e->start, e->end);
	for (size_t i = 0; i < space->regions.count && !err; i++) {
		uint64_t at = space->regions.items[i].start.value;
		if (at > e->start && at < e->end && !is_found(s, at))
			err = look_along(s, at, e->end);
	}
	return err;
}

/* The first words of up to n pages. */
static struct error *read_headers(struct search *s, uint64_t at, size_t n,
				  const struct residency *residency)
{
	struct space_slice slice = {raddr_at(at), GLIBC_PAGE, HEADER_SIZE, n, s->headers, s->got};
	return space_gather(s->request->space, &slice, 1, residency);
}

/* Looks at the pages of one batch until a find; *at moves behind what was seen. */
static struct error *look_at_batch(struct search *s, uint64_t *at, size_t n, uint64_t end,
				   const struct residency *residency, bool *ret_hit)
{
	struct error *err = read_headers(s, *at, n, residency);
	*ret_hit = false;
	for (size_t i = 0; i < n && !err && !*ret_hit; i++) {
		uint64_t size = 0;
		if (s->got[i] == SLICE_READ)
			err = look_at(s, *at, s->headers + i * HEADER_SIZE, end - *at, &size);
		*ret_hit = size > 0;
		*at += size ? size : GLIBC_PAGE;
	}
	return err;
}

static struct error *look_at_stretch(struct search *s, uint64_t *at, uint64_t stop, uint64_t end)
{
	_cleanup_(residency_fini) struct residency residency = RESIDENCY_EMPTY;
	struct space *space = s->request->space;
	bool tells = space_has_residency(space), hit = false;
	struct error *err =
		tells ? space_residency(space, raddr_at(*at), stop - *at, &residency) : NULL;
	if (tells && error_catch(&err, ERROR_FAULT)) {
		*at = stop;
		return NULL;
	}
	for (size_t n = BATCH_MIN; *at < stop && !err;) {
		size_t pages = (size_t)size_min((stop - *at) / GLIBC_PAGE, n);
		err = pages ? look_at_batch(s, at, pages, end, tells ? &residency : NULL, &hit)
			    : NULL;
		*at = pages ? *at : stop;
		n = hit ? BATCH_MIN : (size_t)size_min(n * 2, BATCH_MAX);
	}
	return err;
}

static struct error *look_at_pages(struct search *s, const struct extent *e)
{
	struct error *err = NULL;
	for (uint64_t at = e->start; at < e->end && !err;)
		err = look_at_stretch(s, &at, size_min(size_add(at, STRETCH), e->end), e->end);
	return err;
}

/* ---- all of it -------------------------------------------------------------------------- */

static void forget(struct glibc_mapped *mapped)
{
	mapped->blocks.count = 0;
	mapped->runs.list.count = 0;
	mapped->size = mapped->runs_size = 0;
}

/* What of the main arena lies at the break: it, too, ends with its end mark. */
static struct error *measure_first(struct search *s)
{
	const struct glibc_mapped_request *r = s->request;
	const struct glibc_walk_request walk = walk_request(r);
	for (size_t i = 0; i < r->space->regions.count; i++) {
		const struct region *region = &r->space->regions.items[i];
		uint64_t start = region->start.value, end = 0;
		if (region->kind != REGION_HEAP)
			continue;
		struct error *err =
			glibc_walk_run(&walk, start, size_add(start, region->size), &end);
		s->first_run = end ? end - start : 0;
		return err;
	}
	return NULL;
}

struct error *glibc_mapped_find(const struct glibc_mapped_request *request,
				struct glibc_mapped *ret)
{
	_cleanup_(free_pointer) struct search *s = calloc(1, sizeof(*s));
	if (!s)
		return error_out_of_memory();
	s->request = request;
	s->found = ret;
	s->wants_runs = request->main->flags & GLIBC_STATE_NONCONTIG;
	forget(ret);
	if (!s->wants_runs && told_count(request->place) == 0)
		return NULL;
	struct error *err = s->wants_runs ? measure_first(s) : NULL;
	err = err ?: visit(s, look_at_begins);
	if (err || is_complete(s) || request->quick)
		return err;
	forget(ret);
	return visit(s, look_at_pages);
}

void glibc_mapped_fini(struct glibc_mapped *mapped)
{
	vec_fini(&mapped->blocks);
	glibc_segments_fini(&mapped->runs);
}
