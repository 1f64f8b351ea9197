/*
 * savefile_writer: a ring of parts between one who fills and some who compress.
 *
 *	slots   [ written, free ][ packed ][ being packed ][ being packed ][ filled ][ room ]
 *	          ▲ next to write            ▲ a worker each                          ▲ next to fill
 *
 * Parts are written in the order in which they were filled, by the filler: so the file
 * needs no lock, and a full disk is told to whoever can clear it up.
 */
#include "inspector/target/savefile/savefile_writer.h"

#include "base/cleanup.h"
#include "base/sum.h"
#include "base/vec.h"
#include "inspector/target/reading/haste.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <zstd.h>

#define SLOTS       8
#define WORKERS_MAX 4
#define LEVEL       1

enum slot_state { SLOT_FREE, SLOT_FILLED, SLOT_BUSY, SLOT_PACKED };

struct slot {
	enum slot_state state;
	struct savefile_part part;
	uint8_t *data;   /* SAVEFILE_PART_MAX */
	uint8_t *packed; /* ZSTD_COMPRESSBOUND of that */
	size_t n_packed; /* 0: it could not be compressed */
};

struct savefile_writer {
	int fd;
	uint64_t at; /* in the file */
	struct slot slots[SLOTS];
	size_t filled, packed,
		written; /* parts since the start; a part's slot is its number % SLOTS */
	pthread_mutex_t lock;
	pthread_cond_t change;
	bool ends;
	pthread_t threads[WORKERS_MAX];
	size_t n_threads;
	ZSTD_CCtx *own; /* for the index, and to try */
	VEC(uint8_t) index;
	struct error *err; /* the first, kept for the next call */
};

/* ---- compressing ---------------------------------------------------------------------- */

static size_t compress_to(ZSTD_CCtx *cctx, const void *data, size_t size, void *to, size_t room)
{
	(void)ZSTD_CCtx_setParameter(cctx, ZSTD_c_compressionLevel, LEVEL);
	(void)ZSTD_CCtx_setParameter(cctx, ZSTD_c_checksumFlag, 1);
	size_t n = ZSTD_compress2(cctx, to, room, data, size);
	return ZSTD_isError(n) ? 0 : n;
}

/* The oldest that nobody has begun; NULL: there is none. Under the lock. */
static struct slot *take_filled(struct savefile_writer *w)
{
	if (w->packed == w->filled)
		return NULL;
	struct slot *slot = &w->slots[w->packed++ % SLOTS];
	slot->state = SLOT_BUSY;
	return slot;
}

/* Gives the lock back meanwhile. cctx: NULL without memory for one. */
static void pack(struct savefile_writer *w, ZSTD_CCtx *cctx, struct slot *slot)
{
	(void)pthread_mutex_unlock(&w->lock);
	slot->n_packed = cctx ? compress_to(cctx, slot->data, slot->part.size, slot->packed,
					    ZSTD_COMPRESSBOUND(SAVEFILE_PART_MAX))
			      : 0;
	slot->part.sum = sum_of(slot->packed, slot->n_packed);
	(void)pthread_mutex_lock(&w->lock);
	slot->state = SLOT_PACKED;
	(void)pthread_cond_broadcast(&w->change);
}

/* Only what nobody else wants of a processor. */
static void *work(void *context)
{
	struct savefile_writer *w = context;
	ZSTD_CCtx *cctx = ZSTD_createCCtx();
	haste_idle();
	(void)pthread_mutex_lock(&w->lock);
	while (!w->ends) {
		struct slot *slot = take_filled(w);
		if (slot)
			pack(w, cctx, slot);
		else
			(void)pthread_cond_wait(&w->change, &w->lock);
	}
	(void)pthread_mutex_unlock(&w->lock);
	(void)ZSTD_freeCCtx(cctx);
	return NULL;
}

/* ---- writing -------------------------------------------------------------------------- */

static struct error *write_all(struct savefile_writer *w, const uint8_t *data, size_t size)
{
	w->at += size;
	while (size) {
		ssize_t n = write(w->fd, data, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_errno(ERROR_RESOURCE, n < 0 ? errno : EIO,
					   "writing the snapshot");
		data += n;
		size -= (size_t)n;
	}
	return NULL;
}

static struct error *note_part(struct savefile_writer *w, const struct savefile_part *part)
{
	size_t n = w->index.count;
	if (!vec_reserve(&w->index, n + SAVEFILE_ENTRY_SIZE))
		return error_out_of_memory();
	savefile_entry_put(w->index.items + n, part);
	w->index.count = n + SAVEFILE_ENTRY_SIZE;
	return NULL;
}

/* On a busy machine workers get little, so whoever waits for them does their work. */
static void wait_for(struct savefile_writer *w, const struct slot *slot)
{
	(void)pthread_mutex_lock(&w->lock);
	while (slot->state != SLOT_PACKED) {
		struct slot *other = take_filled(w);
		if (other)
			pack(w, w->own, other);
		else
			(void)pthread_cond_wait(&w->change, &w->lock);
	}
	(void)pthread_mutex_unlock(&w->lock);
}

/* The oldest part that is not written yet. */
static struct error *write_next(struct savefile_writer *w)
{
	struct slot *slot = &w->slots[w->written++ % SLOTS];
	wait_for(w, slot);
	slot->state = SLOT_FREE;
	slot->part.offset = w->at;
	slot->part.stored = (uint32_t)slot->n_packed;
	if (!slot->n_packed)
		return error_new(ERROR_RESOURCE, "no memory to compress with");
	struct error *err = note_part(w, &slot->part);
	return err ?: write_all(w, slot->packed, slot->n_packed);
}

static void keep_error(struct savefile_writer *w, struct error *err)
{
	if (!w->err)
		w->err = err;
	else
		error_free(err);
}

struct error *savefile_writer_room(struct savefile_writer *w, uint8_t **ret)
{
	while (!w->err && w->filled - w->written >= SLOTS)
		keep_error(w, write_next(w));
	if (w->err)
		return take(w->err);
	*ret = w->slots[w->filled % SLOTS].data;
	return NULL;
}

void savefile_writer_add(struct savefile_writer *w, const struct savefile_part *part)
{
	struct slot *slot = &w->slots[w->filled % SLOTS];
	(void)pthread_mutex_lock(&w->lock);
	slot->part = *part;
	slot->state = SLOT_FILLED;
	w->filled++;
	(void)pthread_cond_broadcast(&w->change);
	(void)pthread_mutex_unlock(&w->lock);
}

struct error *savefile_writer_add_bytes(struct savefile_writer *w, enum savefile_kind kind,
					const void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		uint8_t *room;
		size_t some = (size_t)size_min(size - done, SAVEFILE_PART_MAX);
		struct error *err = savefile_writer_room(w, &room);
		if (err)
			return err;
		memcpy(room, (const uint8_t *)data + done, some);
		savefile_writer_add(w,
				    &(struct savefile_part){.kind = kind, .size = (uint32_t)some});
		done += some;
	}
	return NULL;
}

static struct error *write_index(struct savefile_writer *w)
{
	size_t room = ZSTD_compressBound(w->index.count);
	_cleanup_(free_pointer) uint8_t *packed = malloc(room);
	if (!packed)
		return error_out_of_memory();
	struct savefile_trailer t = {.offset = w->at, .size = w->index.count};
	t.stored = compress_to(w->own, w->index.items, w->index.count, packed, room);
	t.sum = sum_of(packed, t.stored);
	if (!t.stored)
		return error_new(ERROR_RESOURCE, "no memory to compress with");
	uint8_t end[SAVEFILE_TRAILER_SIZE];
	savefile_trailer_put(end, &t);
	struct error *err = write_all(w, packed, t.stored);
	return err ?: write_all(w, end, sizeof(end));
}

struct error *savefile_writer_end(struct savefile_writer *w)
{
	while (!w->err && w->written < w->filled)
		keep_error(w, write_next(w));
	if (w->err)
		return take(w->err);
	return write_index(w);
}

uint64_t savefile_writer_size(const struct savefile_writer *w)
{
	return w->at;
}

size_t savefile_writer_try(struct savefile_writer *w, const void *data, size_t size)
{
	struct slot *slot = &w->slots[w->filled % SLOTS];
	if (slot->state != SLOT_FREE || size > SAVEFILE_PART_MAX)
		return 0;
	return compress_to(w->own, data, size, slot->packed, ZSTD_COMPRESSBOUND(SAVEFILE_PART_MAX));
}

/* ---- beginning and end ---------------------------------------------------------------- */

static size_t n_processors(void)
{
	cpu_set_t set;
	return sched_getaffinity(0, sizeof(set), &set) == 0 ? (size_t)CPU_COUNT(&set) : 1;
}

/* Signals are for the program's own thread. */
static struct error *start_workers(struct savefile_writer *w)
{
	sigset_t all, before;
	size_t wanted = (size_t)size_min(n_processors(), WORKERS_MAX);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	while (w->n_threads < wanted &&
	       pthread_create(&w->threads[w->n_threads], NULL, work, w) == 0)
		w->n_threads++;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return w->n_threads ? NULL : error_new(ERROR_RESOURCE, "no thread could be started");
}

static struct error *make_slots(struct savefile_writer *w)
{
	for (size_t i = 0; i < SLOTS; i++) {
		w->slots[i].data = malloc(SAVEFILE_PART_MAX);
		w->slots[i].packed = malloc(ZSTD_COMPRESSBOUND(SAVEFILE_PART_MAX));
		if (!w->slots[i].data || !w->slots[i].packed)
			return error_out_of_memory();
	}
	w->own = ZSTD_createCCtx();
	return w->own ? NULL : error_out_of_memory();
}

void savefile_writer_free(struct savefile_writer *w)
{
	if (!w)
		return;
	(void)pthread_mutex_lock(&w->lock);
	w->ends = true;
	w->packed = w->filled; /* what was not begun is not wanted any more */
	(void)pthread_cond_broadcast(&w->change);
	(void)pthread_mutex_unlock(&w->lock);
	for (size_t i = 0; i < w->n_threads; i++)
		(void)pthread_join(w->threads[i], NULL);
	for (size_t i = 0; i < SLOTS; i++) {
		free(w->slots[i].data);
		free(w->slots[i].packed);
	}
	(void)ZSTD_freeCCtx(w->own);
	(void)pthread_cond_destroy(&w->change);
	(void)pthread_mutex_destroy(&w->lock);
	vec_fini(&w->index);
	error_free(w->err);
	free(w);
}

static void free_writer(struct savefile_writer **w)
{
	savefile_writer_free(*w);
}

struct error *savefile_writer_new(int fd, unsigned flags, const char *tool,
				  struct savefile_writer **ret)
{
	_cleanup_(free_writer) struct savefile_writer *w = calloc(1, sizeof(*w));
	if (!w)
		return error_out_of_memory();
	w->fd = fd;
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_cond_init(&w->change, NULL);
	struct error *err = make_slots(w);
	err = err ?: start_workers(w);
	if (err)
		return err;
	uint8_t header[SAVEFILE_HEADER_SIZE];
	savefile_header_put(header, flags, tool);
	err = write_all(w, header, sizeof(header));
	if (err)
		return err;
	*ret = take(w);
	return NULL;
}
