/*
 * gather: readers take chunks of pieces until none is left.
 *
 *	slices    [p p p p p p][p p p][p p p p p p p p]
 *	chunks    └── reader 0 ──┘└── reader 1 ──┘└── whoever is free first
 *
 * A chunk becomes calls of many pieces each. Where a page or less lies between two pieces,
 * copying all of it costs no more page look-ups and saves the iovecs; which of the two is
 * faster depends on machine and kernel and is measured on the first chunks.
 *
 * A target that runs wants its mmap lock for itself: then single pieces, unless they are large, are asked for by
 * one reader, with rests, and bulk is preferred. All haste is for one that stands still.
 */
#include "inspector/target/reading/gather.h"

#include "base/cleanup.h"
#include "inspector/target/clock.h"
#include "inspector/target/reading/haste.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

#define CHUNK_PIECES_MIN 64
#define CHUNK_PIECES_MAX REMOTE_PIECES_MAX
#define CHUNKS_A_READER  16
#define CHUNK_SIZE       (4 * MIB) /* of large pieces: readers end together */
#define BULK_STRIDE_MAX  4096
#define SCRATCH_SIZE     (1 * MIB)
#define TRIES            4
#define BURST_PIECES     256 /* between two rests */
#define LARGE_PIECE      (32 * KIB)
#define CALL_SIZE        (256 * KIB) /* of one call, while the target runs */
#define REST_NS          20000       /* and what a wake-up adds */

/* All readers rest so long, after so much reading. */
#define TOGETHER_NS    100000
#define LARGE_BURST_NS 700000
#define BULK_BURST_NS  2000000 /* it takes long enough as it is */

struct gather_desk {
	struct remote_piece pieces[REMOTE_PIECES_MAX];
	size_t n_pieces, size; /* bytes */
	struct span {
		struct space_slice *slice;
		size_t first, count; /* pieces */
	} spans[REMOTE_PIECES_MAX];
	size_t n_spans;
	uint8_t *scratch; /* SCRATCH_SIZE, faulted in */
	size_t scratch_used;
	size_t near; /* where in the residency the last piece was */
};

/* What all readers share while one gather runs. */
struct job {
	struct gather *gather;
	struct space_slice *slices;
	size_t n;
	const struct residency *residency;
	size_t chunk_pieces;
	_Atomic bool gone;
	_Atomic uint64_t rest_at, rest_end; /* of the next rest of all; of the one under way */
	pthread_mutex_t lock;
	size_t slice, piece; /* the next that nobody has taken */
};

struct chunk {
	size_t slice, piece, count;
};

/* ---- desks ---------------------------------------------------------------------------- */

static void desk_free(struct gather_desk *desk)
{
	if (!desk)
		return;
	if (desk->scratch)
		(void)munmap(desk->scratch, SCRATCH_SIZE);
	free(desk);
}

static struct gather_desk *desk_new(void)
{
	struct gather_desk *desk = calloc(1, sizeof(*desk));
	if (!desk)
		return NULL;
	void *scratch = mmap(NULL, SCRATCH_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (scratch == MAP_FAILED) {
		desk_free(desk);
		return NULL;
	}
	memset(desk, 0xff, sizeof(*desk)); /* its pages, too, are there before a freeze */
	*desk = (struct gather_desk){.scratch = scratch};
	return desk;
}

struct error *gather_init(struct gather *gather, struct remote *remote)
{
	*gather = (struct gather){.remote = remote, .only = GATHER_WAYS};
	return NULL;
}

void gather_fini(struct gather *gather)
{
	readers_free(gather->readers);
	for (size_t i = 0; i < GATHER_READERS_MAX; i++)
		desk_free(gather->desks[i]);
	*gather = (struct gather){0};
}

static size_t n_processors(void)
{
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	return (size_t)CPU_COUNT(&set);
}

static struct error *want_desks(struct gather *gather, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!gather->desks[i])
			gather->desks[i] = desk_new();
		if (!gather->desks[i])
			return error_out_of_memory();
	}
	return NULL;
}

struct error *gather_start_readers(struct gather *gather, size_t n)
{
	n = (size_t)size_min(size_min(n, GATHER_READERS_MAX), n_processors());
	struct error *err = want_desks(gather, n > 0 ? n : 1);
	if (err || gather->readers || n < 2)
		return err;
	return readers_new(n - 1, &gather->readers);
}

/* ---- pieces --------------------------------------------------------------------------- */

static bool piece_present(const struct job *job, struct gather_desk *desk,
			  const struct space_slice *slice, size_t i)
{
	if (!job->residency)
		return true;
	raddr at = raddr_plus(slice->start, size_multiply(slice->stride, i));
	return residency_present_near(job->residency, at, slice->size, &desk->near);
}

/* The first whose time has come begins a rest; the others join it when they have read what they are at. */
static void rest_together(struct job *job, uint64_t burst_ns)
{
	uint64_t now = clock_ns(), end = job->rest_end, at = job->rest_at;
	if (now >= end && now < at)
		return;
	if (now >= end &&
	    atomic_compare_exchange_strong(&job->rest_at, &at, now + TOGETHER_NS + burst_ns))
		job->rest_end = end = now + TOGETHER_NS;
	if (now < end)
		clock_sleep(end - now);
}

/*
 * Each piece takes the target's mmap lock anew, and so fast that one who waits to map memory may not
 * get in for milliseconds; nor, where readers take every processor, be run. It gets in while all of us rest: of small
 * pieces one reader alone asks, and large ones and bulk, which several copy, rest at the same time.
 */
static void rest(struct job *job, const struct gather_desk *desk)
{
	if (!job->gather->rests)
		return;
	if (desk->size >= LARGE_PIECE)
		rest_together(job, LARGE_BURST_NS);
	else if (desk->n_pieces == BURST_PIECES)
		clock_sleep(REST_NS);
}

/* Copies what lies on the desk. A piece that fails keeps its mark, and no half of its bytes. */
static void pieces_flush(struct job *job, struct gather_desk *desk)
{
	for (size_t done = 0; done < desk->n_pieces && !job->gone;) {
		size_t some = remote_copy(job->gather->remote, desk->pieces + done,
					  desk->n_pieces - done, &job->gone);
		for (size_t end = done + some; done < end; done++)
			*desk->pieces[done].got = SLICE_READ;
		if (done < desk->n_pieces) {
			memset(desk->pieces[done].to, 0, desk->pieces[done].size);
			done++;
		}
	}
	rest(job, desk);
	desk->n_pieces = desk->size = 0;
}

static void piece_add(struct job *job, struct gather_desk *desk, struct space_slice *slice,
		      size_t i)
{
	bool rests = job->gather->rests;
	if (desk->n_pieces == (rests ? BURST_PIECES : REMOTE_PIECES_MAX) ||
	    (rests && desk->size >= CALL_SIZE))
		pieces_flush(job, desk);
	desk->size += slice->size;
	desk->pieces[desk->n_pieces++] = (struct remote_piece){
		.from = raddr_plus(slice->start, size_multiply(slice->stride, i)),
		.to = slice->bytes + i * slice->size,
		.size = slice->size,
		.got = &slice->got[i],
	};
}

static void gather_pieces(struct job *job, struct gather_desk *desk, struct space_slice *slice,
			  size_t first, size_t count)
{
	for (size_t i = first; i < first + count; i++) {
		if (piece_present(job, desk, slice, i))
			piece_add(job, desk, slice, i);
		else
			slice->got[i] = SLICE_ABSENT;
	}
}

/* ---- bulk ----------------------------------------------------------------------------- */

/* From the first byte of its first piece to the last of its last. */
static size_t span_size(const struct space_slice *slice, size_t count)
{
	return (size_t)slice->stride * (count - 1) + slice->size;
}

static void span_unpack(const struct span *span, const uint8_t *from)
{
	struct space_slice *slice = span->slice;
	for (size_t i = span->first; i < span->first + span->count; i++) {
		memcpy(slice->bytes + i * slice->size, from, slice->size);
		slice->got[i] = SLICE_READ;
		from += slice->stride;
	}
}

static size_t spans_copy(struct job *job, struct gather_desk *desk)
{
	struct remote_piece pieces[64];
	size_t done = 0;
	for (uint8_t *to = desk->scratch; done < desk->n_spans;) {
		size_t n = 0;
		for (; n < ARRAY_SIZE(pieces) && done + n < desk->n_spans; n++) {
			const struct span *span = &desk->spans[done + n];
			const struct space_slice *slice = span->slice;
			raddr from =
				raddr_plus(slice->start, size_multiply(slice->stride, span->first));
			size_t size = span_size(slice, span->count);
			pieces[n] = (struct remote_piece){from, to, size, NULL};
			to += size;
		}
		size_t some = remote_copy(job->gather->remote, pieces, n, &job->gone);
		if (job->gather->rests)
			rest_together(job, BULK_BURST_NS);
		done += some;
		if (some < n)
			break;
	}
	return done;
}

/* Spans that came whole are unpacked; the pieces of the first that did not, and of all behind it,
 * are asked for one by one: so the bad one is found. */
static void spans_flush(struct job *job, struct gather_desk *desk)
{
	size_t n = spans_copy(job, desk);
	const uint8_t *from = desk->scratch;
	for (size_t i = 0; i < desk->n_spans; i++) {
		const struct span *span = &desk->spans[i];
		if (i < n)
			span_unpack(span, from);
		else
			gather_pieces(job, desk, span->slice, span->first, span->count);
		from += span_size(span->slice, span->count);
	}
	pieces_flush(job, desk);
	desk->n_spans = 0;
	desk->scratch_used = 0;
}

static void span_add(struct job *job, struct gather_desk *desk, struct space_slice *slice,
		     size_t first, size_t count)
{
	size_t size = span_size(slice, count);
	if (desk->n_spans == REMOTE_PIECES_MAX || size > SCRATCH_SIZE - desk->scratch_used)
		spans_flush(job, desk);
	desk->spans[desk->n_spans++] = (struct span){slice, first, count};
	desk->scratch_used += size;
}

static void gather_bulk(struct job *job, struct gather_desk *desk, struct space_slice *slice,
			size_t first, size_t count)
{
	size_t most = (SCRATCH_SIZE - slice->size) / (size_t)size_max(slice->stride, 1) + 1;
	for (size_t i = first, end = first + count; i < end;) {
		size_t run = 0;
		while (i + run < end && run < most && piece_present(job, desk, slice, i + run))
			run++;
		if (run > 0)
			span_add(job, desk, slice, i, run);
		else
			slice->got[i] = SLICE_ABSENT;
		i += run > 0 ? run : 1;
	}
}

/* ---- chunks --------------------------------------------------------------------------- */

static bool chunk_take(struct job *job, struct chunk *ret)
{
	(void)pthread_mutex_lock(&job->lock);
	*ret = (struct chunk){job->slice, job->piece, 0};
	uint64_t size = 0;
	while (job->slice < job->n && ret->count < job->chunk_pieces && size < CHUNK_SIZE) {
		const struct space_slice *slice = &job->slices[job->slice];
		size_t left = slice->count - job->piece;
		size_t some = (size_t)size_min(left, job->chunk_pieces - ret->count);
		some = (size_t)size_min(some, (CHUNK_SIZE - size) / size_max(slice->size, 1) + 1);
		size = size_add(size, size_multiply(some, slice->size));
		ret->count += some;
		job->piece += some;
		if (some == left) {
			job->slice++;
			job->piece = 0;
		}
	}
	(void)pthread_mutex_unlock(&job->lock);
	return ret->count > 0;
}

static bool bulk_fits(const struct space_slice *slice)
{
	return slice->stride <= BULK_STRIDE_MAX && slice->stride >= slice->size && slice->size > 0;
}

static enum gather_way way_choose(struct gather *gather, const struct space_slice *slice)
{
	if (!bulk_fits(slice))
		return GATHER_PIECES;
	if (gather->only != GATHER_WAYS)
		return gather->only;
	if (gather->rests) /* a lock for many pages, not for each */
		return GATHER_BULK;
	unsigned pieces = gather->tries[GATHER_PIECES], bulk = gather->tries[GATHER_BULK];
	if (pieces < TRIES || bulk < TRIES)
		return bulk < pieces ? GATHER_BULK : GATHER_PIECES;
	bool faster = gather->cost[GATHER_BULK] < gather->cost[GATHER_PIECES];
	return faster ? GATHER_BULK : GATHER_PIECES;
}

/* The least counts: what disturbs a measurement only ever makes it longer. */
static void way_learn(struct gather *gather, enum gather_way way, uint64_t ns, size_t pieces)
{
	uint64_t cost = ns * 1000 / pieces + 1;
	uint64_t least = gather->cost[way];
	if (least == 0 || cost < least)
		gather->cost[way] = cost;
	gather->tries[way]++;
}

static void chunk_copy(struct job *job, struct gather_desk *desk, struct chunk chunk)
{
	struct gather *gather = job->gather;
	enum gather_way way = way_choose(gather, &job->slices[chunk.slice]);
	bool learn = gather->tries[way] < TRIES && chunk.count >= CHUNK_PIECES_MIN;
	uint64_t since = learn ? clock_ns() : 0;
	for (size_t left = chunk.count; left > 0; chunk.slice++, chunk.piece = 0) {
		struct space_slice *slice = &job->slices[chunk.slice];
		size_t some = (size_t)size_min(left, slice->count - chunk.piece);
		if (way == GATHER_BULK && bulk_fits(slice))
			gather_bulk(job, desk, slice, chunk.piece, some);
		else
			gather_pieces(job, desk, slice, chunk.piece, some);
		left -= some;
	}
	spans_flush(job, desk);
	if (learn && bulk_fits(&job->slices[chunk.slice - 1]))
		way_learn(gather, way, clock_ns() - since, chunk.count);
}

static void work(void *context, size_t reader)
{
	struct job *job = context;
	struct gather_desk *desk = job->gather->desks[reader];
	struct chunk chunk;
	bool hurries = reader > 0 && !job->gather->rests; /* whoever stopped it, the caller, does */
	int calm = hurries ? haste_begin() : 0;
	desk->near = 0;
	while (!job->gone && chunk_take(job, &chunk))
		chunk_copy(job, desk, chunk);
	if (hurries)
		haste_end(calm);
}

static size_t count_pieces(const struct space_slice *slices, size_t n)
{
	uint64_t pieces = 0;
	for (size_t i = 0; i < n; i++)
		pieces = size_add(pieces, slices[i].count);
	return (size_t)pieces;
}

struct error *gather_run(struct gather *gather, struct space_slice *slices, size_t n,
			 const struct residency *residency)
{
	struct error *err = want_desks(gather, 1);
	if (err)
		return err;
	size_t readers = readers_count(gather->readers) + 1;
	size_t share = count_pieces(slices, n) / (readers * CHUNKS_A_READER);
	struct job job = {
		.gather = gather,
		.slices = slices,
		.n = n,
		.residency = residency,
		.chunk_pieces =
			(size_t)size_min(size_max(share, CHUNK_PIECES_MIN), CHUNK_PIECES_MAX),
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	bool alone = gather->rests && n > 0 && slices[0].size < LARGE_PIECE &&
		     way_choose(gather, &slices[0]) == GATHER_PIECES;
	if (share >= CHUNK_PIECES_MIN && gather->readers && !alone)
		readers_run(gather->readers, work, &job);
	else
		work(&job, 0);
	if (job.gone)
		return error_new(ERROR_GONE, "the process has ended");
	return NULL;
}
