/*
 * live: each page is read in the way that changes nothing.
 *
 *	present		process_vm_readv
 *	absent		of a file: from the file
 *			anonymous: zeros, which is what the target would find there
 *	swapped		not at all: it would be swapped in and count as the target's
 *	unmapped	not at all: the regions are older than the target
 *	untold		as if present, but for read-only pages of a file: those from the file
 */
#include "inspector/target/reading/live.h"

#include "base/cleanup.h"
#include "inspector/target/backing.h"
#include "inspector/target/clock.h"
#include "inspector/target/maps.h"
#include "inspector/target/process/procfs.h"
#include "inspector/target/reading/gather.h"
#include "inspector/target/residency/pagemap.h"

#define READ_SIZE_MAX   (1 * MIB) /* of one call */
#define READ_RUNS       64
#define LOOK_STRIDE_MAX (64 * KIB) /* slices wider than this are read piece by piece */
#define WHOLE_SIZE_MAX  (1 * MIB)
#define BURST_NS        500000     /* of reading, between two rests */
#define REST_NS         50000      /* and what a wake-up adds */
#define STILL_SIZE_MIN  (32 * MIB) /* of ranges for which it is asked */

/* A region whose absent pages are not zeros. */
struct mapping {
	raddr start;
	uint64_t size, file_offset;
	uint64_t device, inode;
	bool of_file; /* else the kernel's own: [vdso] */
	bool writable;
};

struct live {
	int proc; /* borrowed */
	struct pagemap *pagemap;
	struct remote remote;
	struct gather gather;
	unsigned lacks;
	uint64_t busy_ns;             /* spent reading since the last rest */
	VEC(struct mapping) mappings; /* ascending */
	struct backings backings;
};

/* ---- the target's turn ---------------------------------------------------------------- */

/* Stopped by a tracer, us as a rule: then nothing waits for its locks, and every microsecond counts. */
static bool stands_still(const struct live *live)
{
	struct procfs_stat stat;
	struct error *err = procfs_stat(live->proc, &stat);
	bool still = !err && (stat.state == 't' || stat.state == 'T');
	error_free(err);
	return still;
}

/*
 * Small reads in quick succession keep out whoever waits for the mmap lock, up to the 4 ms after which
 * the kernel hands it over (RWSEM_WAIT_TIMEOUT, kernel/locking/rwsem.c, Linux 6.18): the
 * one who waits sleeps, and each time it is awake the next read has begun.
 */
static void rest_after(struct live *live, uint64_t since)
{
	live->busy_ns += clock_ns() - since;
	if (live->busy_ns < BURST_NS)
		return;
	live->busy_ns = 0;
	if (!stands_still(live))
		clock_sleep(REST_NS);
}

/* ---- reading -------------------------------------------------------------------------- */

static struct error *gone(void)
{
	return error_new(ERROR_GONE, "the process has ended or executes another program");
}

/* Nothing is mapped where something was: the region is gone, or all of them. */
static struct error *vanished(const struct live *live, raddr at)
{
	if (!pagemap_alive(live->pagemap))
		return gone();
	return error_new(ERROR_FAULT, RADDR_FORMAT " is not mapped any more", at.value);
}

static struct error *read_present(struct live *live, raddr at, uint8_t *buffer, size_t size)
{
	for (size_t done = 0; done < size;) {
		_Atomic bool is_gone = false;
		struct remote_piece piece = {raddr_plus(at, done), buffer + done,
					     (size_t)size_min(size - done, READ_SIZE_MAX), NULL};
		if (!remote_copy(&live->remote, &piece, 1, &is_gone) && !is_gone &&
		    !remote_copy_by_mem(&live->remote, &piece, &is_gone) && !is_gone)
			return error_new(ERROR_FAULT, RADDR_FORMAT " cannot be read",
					 piece.from.value);
		if (is_gone)
			return gone();
		done += piece.size;
	}
	return NULL;
}

static const struct mapping *find_mapping(const struct live *live, raddr at)
{
	size_t low = 0, high = live->mappings.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct mapping *mapping = &live->mappings.items[middle];
		if (raddr_in(at, mapping->start, mapping->size))
			return mapping;
		if (mapping->start.value < at.value)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* Where the kernel cannot tell absent from unmapped, the text of maps can, at a price. */
static struct error *check_mapped(const struct live *live, raddr at, size_t size)
{
	if (pagemap_tells_unmapped(live->pagemap))
		return NULL;
	_cleanup_(free_pointer) char *text = NULL;
	size_t length;
	struct error *err = procfs_read(live->proc, "maps", MAPS_SIZE_MAX, &text, &length);
	if (err)
		return err;
	return maps_cover(text, length, at, size) ? NULL : vanished(live, at);
}

static struct error *read_absent(struct live *live, raddr at, uint8_t *buffer, size_t size)
{
	struct error *err = check_mapped(live, at, size);
	if (err)
		return err;
	const struct mapping *mapping = find_mapping(live, at);
	if (!mapping) {
		memset(buffer, 0, size);
		return NULL;
	}
	const struct backing *backing =
		mapping->of_file ? backings_find(&live->backings, mapping->device, mapping->inode)
				 : NULL;
	if (!backing)
		return error_new(ERROR_FAULT,
				 RADDR_FORMAT " is not resident and its file is not at hand",
				 at.value);
	uint64_t inside = raddr_distance(mapping->start, at);
	return backing_read(backing, size_add(mapping->file_offset, inside), at, buffer, size);
}

/*
 * Nobody tells whether it is there. What a program's variables lead to was written once, and where
 * nothing of it was ever swapped out (process.c sees to that) it is in RAM still.
 */
static struct error *read_untold(struct live *live, raddr at, uint8_t *buffer, size_t size)
{
	const struct mapping *mapping = find_mapping(live, at);
	bool clean = mapping && mapping->of_file && !mapping->writable;
	return clean ? read_absent(live, at, buffer, size) : read_present(live, at, buffer, size);
}

static struct error *read_run(struct live *live, enum page_state state, raddr at, uint8_t *buffer,
			      size_t size)
{
	switch (state) {
	case PAGE_PRESENT:
		return read_present(live, at, buffer, size);
	case PAGE_ABSENT:
		return read_absent(live, at, buffer, size);
	case PAGE_SWAPPED:
		return error_new(ERROR_FAULT, RADDR_FORMAT " is swapped out", at.value);
	case PAGE_UNTOLD:
		return read_untold(live, at, buffer, size);
	case PAGE_UNMAPPED:
		break;
	}
	return vanished(live, at);
}

static struct error *read_runs(struct live *live, raddr at, void *buffer, size_t size)
{
	for (size_t done = 0; done < size;) {
		struct page_run runs[READ_RUNS];
		size_t n;
		struct error *err = pagemap_look(live->pagemap, raddr_plus(at, done), size - done,
						 runs, READ_RUNS, &n);
		for (size_t i = 0; i < n && !err && done < size; i++) {
			raddr here = raddr_plus(at, done);
			raddr end = raddr_plus(runs[i].start, runs[i].size);
			size_t some = (size_t)size_min(raddr_distance(here, end), size - done);
			err = read_run(live, runs[i].state, here, (uint8_t *)buffer + done, some);
			done += some;
		}
		if (!err && n == 0)
			err = vanished(live, raddr_plus(at, done));
		if (err)
			return err;
	}
	return NULL;
}

static struct error *live_read(void *source, raddr at, void *buffer, size_t size)
{
	struct live *live = source;
	uint64_t since = clock_ns();
	struct error *err = read_runs(live, at, buffer, size);
	rest_after(live, since);
	return err;
}

/* It costs a few reads to know, as many as a small range itself. */
static void hurry_if_still(struct live *live, uint64_t size)
{
	pagemap_hurry(live->pagemap, size > STILL_SIZE_MIN && stands_still(live));
}

static struct error *live_residency(void *source, raddr start, uint64_t size, struct residency *ret)
{
	struct live *live = source;
	hurry_if_still(live, size);
	return pagemap_residency(live->pagemap, start, size, ret);
}

static struct error *live_residency_in_detail(void *source, raddr start, uint64_t size,
					      struct residency *ret)
{
	struct live *live = source;
	hurry_if_still(live, size);
	return pagemap_residency_in_detail(live->pagemap, start, size, ret);
}

/* ---- gathering without a residency ------------------------------------------------------ */

/* What was left alone may still be known: zeros, or in the file. */
static struct error *fill_absent(struct live *live, struct space_slice *slice, uint8_t mark)
{
	for (size_t i = 0; i < slice->count; i++) {
		if (slice->got[i] != mark)
			continue;
		uint8_t *to = slice->bytes + i * slice->size;
		raddr at = raddr_plus(slice->start, size_multiply(slice->stride, i));
		struct error *err = live_read(live, at, to, slice->size);
		if (err && err->kind != ERROR_FAULT)
			return err;
		slice->got[i] = err ? SLICE_UNREADABLE : SLICE_READ;
		if (err)
			memset(to, 0, slice->size);
		error_free(err);
	}
	return NULL;
}

/* Pieces that lie one behind the other, as those of a variable or a table: two system calls. */
static bool gather_whole(struct live *live, struct space_slice *slice)
{
	uint64_t size = size_multiply(slice->size, slice->count);
	if ((slice->count != 1 && slice->stride != slice->size) || size > WHOLE_SIZE_MAX)
		return false;
	struct error *err = live_read(live, slice->start, slice->bytes, (size_t)size);
	if (!err)
		memset(slice->got, SLICE_READ, slice->count);
	error_free(err); /* then piece by piece: some of them may be there */
	return !err;
}

static struct error *gather_unasked(struct live *live, struct space_slice *slice)
{
	if (gather_whole(live, slice))
		return NULL;
	if (pagemap_tells_nothing(live->pagemap))
		return gather_run(&live->gather, slice, 1, NULL);
	if (slice->stride > LOOK_STRIDE_MAX)
		return fill_absent(live, slice, SLICE_UNREADABLE);
	_cleanup_(residency_fini) struct residency residency = RESIDENCY_EMPTY;
	uint64_t size = size_add(size_multiply(slice->stride, slice->count), slice->size);
	struct error *err = pagemap_residency(live->pagemap, slice->start, size, &residency);
	if (!err)
		err = gather_run(&live->gather, slice, 1, &residency);
	return err ? err : fill_absent(live, slice, SLICE_ABSENT);
}

/* One piece is read before there is anything to rest from. */
static bool is_one_piece(const struct space_slice *slices, size_t n)
{
	return n == 1 && slices[0].count == 1;
}

static struct error *live_gather(void *source, struct space_slice *slices, size_t n,
				 const struct residency *residency)
{
	struct live *live = source;
	struct error *err = NULL;
	uint64_t since = clock_ns();
	live->gather.rests = !is_one_piece(slices, n) && !stands_still(live);
	if (residency)
		err = gather_run(&live->gather, slices, n, residency);
	for (size_t i = 0; i < n && !residency && !err; i++)
		err = gather_unasked(live, &slices[i]);
	rest_after(live, since);
	return err;
}

static struct error *live_back(void *source, const struct region *region, int fd)
{
	struct live *live = source;
	return backings_add(&live->backings, region->device, region->inode, fd);
}

/* ---- the source ------------------------------------------------------------------------- */

static void live_close(void *source)
{
	struct live *live = source;
	if (!live)
		return;
	gather_fini(&live->gather);
	remote_close(&live->remote);
	pagemap_close(live->pagemap);
	backings_fini(&live->backings);
	vec_fini(&live->mappings);
	free(live);
}

static void live_closep(struct live **live)
{
	live_close(*live);
}

static const struct space_ops live_ops = {
	.read = live_read,
	.gather = live_gather,
	.residency = live_residency,
	.residency_in_detail = live_residency_in_detail,
	.back = live_back,
	.close = live_close,
};

/* Where nobody tells what is resident. */
static const struct space_ops blind_ops = {
	.read = live_read,
	.gather = live_gather,
	.back = live_back,
	.close = live_close,
};

static struct live *live_of(const struct space *space)
{
	return space->ops == &live_ops || space->ops == &blind_ops ? space->source : NULL;
}

struct error *live_open(pid_t pid, int proc, struct space *ret)
{
	_cleanup_(live_closep) struct live *live = calloc(1, sizeof(*live));
	if (!live)
		return error_out_of_memory();
	live->proc = proc;
	live->remote.mem = -1;
	struct error *err = pagemap_open(proc, &live->pagemap);
	if (!err)
		err = remote_open(pid, proc, &live->remote);
	if (!err)
		err = gather_init(&live->gather, &live->remote);
	if (err)
		return err;
	bool blind = pagemap_tells_nothing(live->pagemap);
	*ret = (struct space){.ops = blind ? &blind_ops : &live_ops, .source = take(live)};
	return NULL;
}

/* What a loader wrote and then closed (RELRO): a private mapping in front of a writable one of the same file. */
static bool is_closed_data(const struct space *space, size_t i)
{
	const struct region *r = &space->regions.items[i], *next = r + 1;
	return r->kind == REGION_FILE && !r->writable && !r->shared && r->file_offset &&
	       i + 1 < space->regions.count && next->kind == REGION_FILE && next->writable &&
	       next->device == r->device && next->inode == r->inode;
}

/*
 * Whether a fork has left it pages that others have, too. Data that is never written again tells: in
 * a worker they are its parent's for good, in one that executed its program they are nobody else's.
 */
static struct error *find_shares(struct live *live, const struct space *space)
{
	_cleanup_(residency_fini) struct residency pages = RESIDENCY_EMPTY;
	struct residency_tally tally = {0};
	size_t near = 0;
	struct error *err = NULL;
	if (pagemap_tells_nothing(live->pagemap)) {
		live->remote.shares = true; /* for all we know */
		return NULL;
	}
	for (size_t i = 0; i < space->regions.count && !err; i++) {
		const struct region *r = &space->regions.items[i];
		if (is_closed_data(space, i))
			err = pagemap_residency_in_detail(live->pagemap, r->start, r->size, &pages);
	}
	residency_tally(&pages, RADDR_NULL, UINT64_MAX, &near, &tally);
	live->remote.shares = tally.shared > 0 && !(live->lacks & LIVE_PINS);
	return err && error_catch(&err, ERROR_FAULT) ? NULL : err;
}

struct error *live_map(struct space *space)
{
	struct live *live = live_of(space);
	if (!live)
		return error_new(ERROR_BUG, "not a live space");
	struct error *err = find_shares(live, space);
	if (err)
		return err;
	live->mappings.count = 0;
	for (size_t i = 0; i < space->regions.count; i++) {
		const struct region *region = &space->regions.items[i];
		if (region->kind != REGION_FILE && region->kind != REGION_SPECIAL)
			continue;
		struct mapping *mapping = vec_push(&live->mappings);
		if (!mapping)
			return error_out_of_memory();
		*mapping = (struct mapping){
			.start = region->start,
			.size = region->size,
			.file_offset = region->file_offset,
			.device = region->device,
			.inode = region->inode,
			.of_file = region->kind == REGION_FILE,
			.writable = region->writable,
		};
	}
	return NULL;
}

struct error *live_start_readers(struct space *space)
{
	struct live *live = live_of(space);
	if (!live)
		return error_new(ERROR_BUG, "not a live space");
	bool alone = live->lacks & LIVE_NO_SECOND_READER;
	return gather_start_readers(&live->gather, alone ? 1 : GATHER_READERS_MAX);
}

const char *live_mechanism(const struct space *space)
{
	const struct live *live = live_of(space);
	bool by_mem =
		live && (live->remote.by_mem || (live->remote.shares && live->remote.mem >= 0));
	return by_mem ? "/proc/PID/mem" : "process_vm_readv";
}

const char *live_residency_mechanism(const struct space *space)
{
	const struct live *live = live_of(space);
	if (live && pagemap_tells_nothing(live->pagemap))
		return "no means (pagemap is refused; CAP_DAC_READ_SEARCH opens it)";
	return live && pagemap_tells_unmapped(live->pagemap) ? "PAGEMAP_SCAN" : "pagemap";
}

void live_lack(struct space *space, unsigned lacks)
{
	struct live *live = live_of(space);
	if (!live)
		return;
	live->lacks |= lacks;
	if (lacks & LIVE_NO_SCAN)
		pagemap_use_table(live->pagemap);
	if ((lacks & LIVE_NO_VM_READV) && live->remote.mem >= 0)
		live->remote.by_mem = true;
	if (lacks & LIVE_PINS)
		live->remote.shares = false;
	if (lacks & LIVE_NO_BULK)
		live->gather.only = GATHER_PIECES;
	if (lacks & LIVE_NO_PIECES)
		live->gather.only = GATHER_BULK;
}
