/*
 * space: one way to read.
 *
 *	regions   [ libpython r ][ libpython rw ][ .bss ]      hole      [ arena ]
 *	read          └──────── one request ────────┘  └─ ERROR_FAULT ─┘
 *	source    └ r ┘└──── rw ────┘└ .bss ┘
 *
 * A request is first laid over the regions as a whole: only when every byte of it
 * is mapped and readable is the source asked, one region at a time. So no source
 * ever sees a wrapped address or a hole that the regions already tell of.
 */
#include "inspector/target/space.h"

#include "base/cleanup.h"

/* The first region that ends above `at`; the count when there is none. */
static size_t region_above(const struct space *space, raddr at)
{
	size_t low = 0, high = space->regions.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct region *region = &space->regions.items[middle];
		if (at.value >= region->start.value && !raddr_in(at, region->start, region->size))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct region *space_region(const struct space *space, raddr at)
{
	size_t i = region_above(space, at);
	if (i == space->regions.count)
		return NULL;
	const struct region *region = &space->regions.items[i];
	return raddr_in(at, region->start, region->size) ? region : NULL;
}

/* How many bytes from `at` on lie in its region; 0 where none may be read. */
static uint64_t readable_from(const struct space *space, raddr at, const char **ret_why)
{
	const struct region *region = space_region(space, at);
	*ret_why = region ? "is not readable" : "is not mapped";
	if (!region || !region->readable)
		return 0;
	return region->size - raddr_distance(region->start, at);
}

static struct error *check_covered(const struct space *space, raddr at, size_t size)
{
	if (size > 0 && at.value > UINT64_MAX - (size - 1))
		return error_new(ERROR_FAULT,
				 "%zu bytes at " RADDR_FORMAT " pass the end of memory", size,
				 at.value);
	for (uint64_t done = 0; done < size;) {
		const char *why;
		raddr here = raddr_plus(at, done);
		uint64_t some = readable_from(space, here, &why);
		if (!some)
			return error_new(ERROR_FAULT, RADDR_FORMAT " %s", here.value, why);
		done = size_add(done, some);
	}
	return NULL;
}

static struct error *read_pieces(struct space *space, raddr at, void *buffer, size_t size)
{
	struct error *err = check_covered(space, at, size);
	if (err)
		return err;
	if (size > 0 && (!space->ops || !space->ops->read))
		return error_new(ERROR_FAULT, RADDR_FORMAT " has no source", at.value);
	for (size_t done = 0; done < size;) {
		const char *why;
		raddr here = raddr_plus(at, done);
		size_t some = (size_t)size_min(readable_from(space, here, &why), size - done);
		err = space->ops->read(space->source, here, (uint8_t *)buffer + done, some);
		if (err)
			return err;
		done += some;
	}
	return NULL;
}

static void tell_tap(const struct space *space, raddr at, const void *bytes, size_t size)
{
	if (space->tap)
		space->tap->hear(space->tap->context, at, bytes, size);
}

struct error *space_read(struct space *space, raddr at, void *buffer, size_t size)
{
	struct error *err = read_pieces(space, at, buffer, size);
	if (!err)
		tell_tap(space, at, buffer, size);
	return err;
}

struct error *space_read_unheard(struct space *space, raddr at, void *buffer, size_t size)
{
	return read_pieces(space, at, buffer, size);
}

static struct error *gather_piece(struct space *space, struct space_slice *slice, size_t i,
				  const struct residency *residency)
{
	uint64_t offset = size_multiply(slice->stride, i);
	raddr at = raddr_plus(slice->start, offset);
	if (residency && !residency_present(residency, at, slice->size)) {
		slice->got[i] = SLICE_ABSENT;
		return NULL;
	}
	struct error *err = space_read(space, at, slice->bytes + i * slice->size, slice->size);
	if (error_catch(&err, ERROR_FAULT))
		memset(slice->bytes + i * slice->size, 0, slice->size);
	else if (!err)
		slice->got[i] = SLICE_READ;
	return err;
}

static struct error *gather_by_source(struct space *space, struct space_slice *slices, size_t n,
				      const struct residency *residency)
{
	struct error *err = space->ops->gather(space->source, slices, n, residency);
	for (size_t i = 0; space->tap && !err && i < n; i++)
		if (slices[i].count == 1 && slices[i].got[0] == SLICE_READ)
			tell_tap(space, slices[i].start, slices[i].bytes, slices[i].size);
	return err;
}

struct error *space_gather(struct space *space, struct space_slice *slices, size_t n,
			   const struct residency *residency)
{
	for (size_t i = 0; i < n; i++)
		memset(slices[i].got, SLICE_UNREADABLE, slices[i].count);
	if (space->ops && space->ops->gather)
		return gather_by_source(space, slices, n, residency);
	for (size_t i = 0; i < n; i++)
		for (size_t piece = 0; piece < slices[i].count; piece++) {
			struct error *err = gather_piece(space, &slices[i], piece, residency);
			if (err)
				return err;
		}
	return NULL;
}

struct error *space_back(struct space *space, const struct region *region, int fd)
{
	bool wants = space->ops && space->ops->back;
	return wants ? space->ops->back(space->source, region, fd) : NULL;
}

bool space_has_residency(const struct space *space)
{
	return space->ops && space->ops->residency;
}

/* Whether residency of a range may be asked for. */
static struct error *check_residency(const struct space *space, raddr start, uint64_t size)
{
	if (!space_has_residency(space))
		return error_new(ERROR_UNSUPPORTED, "this target cannot tell what is resident");
	if (size > space->mapped_size || size > UINT64_MAX - start.value)
		return error_new(ERROR_FAULT,
				 "%" PRIu64 " bytes at " RADDR_FORMAT " are more than is mapped",
				 size, start.value);
	return NULL;
}

struct error *space_residency(struct space *space, raddr start, uint64_t size,
			      struct residency *ret)
{
	struct error *err = check_residency(space, start, size);
	return err ?: space->ops->residency(space->source, start, size, ret);
}

struct error *space_residency_in_detail(struct space *space, raddr start, uint64_t size,
					struct residency *ret)
{
	struct error *err = check_residency(space, start, size);
	if (err)
		return err;
	if (!space->ops->residency_in_detail)
		return space->ops->residency(space->source, start, size, ret);
	return space->ops->residency_in_detail(space->source, start, size, ret);
}

void space_clear_regions(struct space *space)
{
	for (size_t i = 0; i < space->regions.count; i++)
		free(space->regions.items[i].label);
	space->regions.count = 0;
	space->mapped_size = 0;
}

void space_fini(struct space *space)
{
	if (space->ops && space->ops->close)
		space->ops->close(space->source);
	space_clear_regions(space);
	vec_fini(&space->regions);
	*space = (struct space)SPACE_EMPTY;
}
