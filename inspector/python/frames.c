/*
 * frames: one list in another, and both may lead astray.
 *
 *	interpreter ─▶ thread state ─▶ thread state ─▶ NULL
 *	                    │ datastack_chunk, datastack_top, datastack_limit
 *	                    ▼               │               │
 *	   [ previous size top │ frame frame ▼ ············ ▼
 *	     │
 *	     ▼                                    top: words in use, written when the next chunk was begun
 *	   [ NULL size top │ frame frame ··· ]
 *
 * A thread that runs may let go of its newest chunk while we are on the way to it: then again. Brent's way of
 * noticing that a list comes round takes one address and no memory.
 */
#include "inspector/python/frames.h"

#include "base/bytes.h"
#include "base/cleanup.h"
#include "inspector/python/record.h"

#define TRIES       3
#define CHUNK_MIN   (16 * KIB) /* DATA_STACK_CHUNK_SIZE */
#define CHUNK_MAX   (2 * GIB)  /* it is counted in an int */
#define CHUNKS_MAX  (UINT64_C(1) << 20)
#define THREADS_MAX 100000
#define STATE_MIN   UINT64_C(256) /* of a PyThreadState, in any version that has chunks */

struct walk {
	struct space *space;
	const struct layout *layout;
	struct frames *frames;
	uint64_t chunks_left, threads_left;
	uint64_t n_lost;  /* lists that ended early */
	raddr first_lost; /* the state or chunk where */
};

static void lose(struct walk *w, raddr at)
{
	if (w->n_lost++ == 0)
		w->first_lost = at;
}

/* What is unreadable is no error. */
static struct error *read_bytes(struct walk *w, raddr at, void *buffer, size_t size, bool *ret_read)
{
	struct error *err = space_read(w->space, at, buffer, size);
	*ret_read = !err;
	return error_catch(&err, ERROR_FAULT) ? NULL : err;
}

/* ---- lists that come round -------------------------------------------------------------- */

struct round {
	raddr kept;
	uint64_t steps, until;
};

static bool comes_round(struct round *round, raddr at)
{
	if (round->until && raddr_equal(round->kept, at))
		return true;
	if (round->steps++ == round->until) {
		round->until = round->until ? round->until * 2 : 1;
		round->steps = 0;
		round->kept = at;
	}
	return false;
}

/* ---- chunks ----------------------------------------------------------------------------- */

struct head {
	raddr previous;
	uint64_t size, top;
};

static bool is_possible_size(uint64_t size)
{
	return size >= CHUNK_MIN && size <= CHUNK_MAX && (size & (size - 1)) == 0;
}

static bool may_hold_chunk(const struct space *space, raddr at, uint64_t size)
{
	const struct region *r = space_region(space, at);
	return r && r->readable && r->writable &&
	       (r->kind == REGION_ANON || r->kind == REGION_HEAP) &&
	       size <= raddr_distance(at, raddr_plus(r->start, r->size));
}

static struct error *read_head(struct walk *w, raddr at, struct head *ret, bool *ret_valid)
{
	uint8_t bytes[FRAMES_CHUNK_HEADER];
	*ret_valid = false;
	if (at.value % 8)
		return NULL;
	struct error *err = read_bytes(w, at, bytes, sizeof(bytes), ret_valid);
	if (err || !*ret_valid)
		return err;
	struct bytes b = bytes_of(bytes, sizeof(bytes));
	*ret = (struct head){raddr_at(bytes_u64(&b, 0)), bytes_u64(&b, 8), bytes_u64(&b, 16)};
	*ret_valid = is_possible_size(ret->size) && may_hold_chunk(w->space, at, ret->size);
	return NULL;
}

static struct error *list_chunk(struct walk *w, const struct frames_chunk *chunk)
{
	struct frames_chunk *place = vec_push(&w->frames->chunks);
	if (!place)
		return error_out_of_memory();
	*place = *chunk;
	w->chunks_left--;
	return NULL;
}

bool frames_stack_possible(const struct frames_stack *stack)
{
	uint64_t chunk = stack->chunk.value, top = stack->top.value, limit = stack->limit.value;
	return chunk % 8 == 0 && top % 8 == 0 && limit > chunk && is_possible_size(limit - chunk) &&
	       top <= limit && top >= chunk + FRAMES_CHUNK_HEADER;
}

static bool is_newest(const struct frames_stack *stack, const struct head *head)
{
	return frames_stack_possible(stack) &&
	       raddr_equal(stack->limit, raddr_plus(stack->chunk, head->size));
}

/* Where the frames of a chunk that is not the newest end; false: not inside it. */
static bool find_end(raddr at, const struct head *head, raddr *ret)
{
	uint64_t used = size_add(FRAMES_CHUNK_HEADER, size_multiply(head->top, 8));
	*ret = raddr_plus(at, used);
	return used <= head->size;
}

/* Of a list that comes round nothing is believed; of one that breaks off, what was there until then. */
static struct error *follow_chunks(struct walk *w, const struct frames_stack *stack)
{
	struct round round = {0};
	raddr at = stack->chunk;
	size_t first = w->frames->chunks.count;
	for (bool newest = true; !raddr_is_null(at); newest = false) {
		struct frames_chunk chunk = {.start = at, .used_end = stack->top};
		struct head head;
		bool valid;
		struct error *err = read_head(w, at, &head, &valid);
		if (err)
			return err;
		bool turns = comes_round(&round, at);
		valid = valid && !turns && w->chunks_left &&
			(newest ? is_newest(stack, &head) : find_end(at, &head, &chunk.used_end));
		if (turns)
			w->frames->chunks.count = first;
		if (!valid) {
			lose(w, at);
			return NULL;
		}
		chunk.size = head.size;
		err = list_chunk(w, &chunk);
		if (err)
			return err;
		at = head.previous;
	}
	return NULL;
}

struct error *frames_read_stack(struct space *space, const struct frames_stack *stack,
				uint64_t *left, struct frames *ret, size_t *ret_count)
{
	size_t before = ret->chunks.count;
	struct walk w = {.space = space, .frames = ret, .chunks_left = *left};
	struct error *err = follow_chunks(&w, stack);
	*left = w.chunks_left;
	if (err || w.n_lost)
		ret->chunks.count = before;
	if (err)
		return err;
	*ret_count = ret->chunks.count - before;
	return NULL;
}

/* An empty chunk that is kept aside; whatever else may stand there is none. */
static struct error *add_cached(struct walk *w, raddr at)
{
	struct head head;
	bool valid;
	if (raddr_is_null(at))
		return NULL;
	struct error *err = read_head(w, at, &head, &valid);
	if (err || !valid || !raddr_is_null(head.previous) || !w->chunks_left)
		return err;
	const struct frames_chunk chunk = {
		.start = at, .size = head.size, .used_end = at, .cached = true};
	return list_chunk(w, &chunk);
}

/* ---- threads ---------------------------------------------------------------------------- */

/* Fields of one state that lie near each other; those that the layout has not are 0. */
static struct error *read_fields(struct walk *w, raddr state, const enum layout_entry_id *fields,
				 size_t n, struct record *ret, bool *ret_read)
{
	struct error *err = record_read_window(w->space, w->layout, fields, n, state, ret);
	*ret_read = !err;
	if (error_catch(&err, ERROR_FAULT) || error_catch(&err, ERROR_SYMBOLS))
		return NULL;
	return err;
}

static struct error *read_links(struct walk *w, raddr state, raddr interpreter, raddr *ret_next,
				bool *ret_valid)
{
	static const enum layout_entry_id fields[] = {LAYOUT_TSTATE_NEXT, LAYOUT_TSTATE_INTERP};
	struct record r;
	struct error *err = read_fields(w, state, fields, ARRAY_SIZE(fields), &r, ret_valid);
	if (err || !*ret_valid)
		return err;
	*ret_next = record_pointer(&r, LAYOUT_TSTATE_NEXT);
	*ret_valid = !layout_has(w->layout, LAYOUT_TSTATE_INTERP) ||
		     raddr_equal(record_pointer(&r, LAYOUT_TSTATE_INTERP), interpreter);
	return NULL;
}

static struct error *read_ids(struct walk *w, struct frames_thread *thread)
{
	static const enum layout_entry_id fields[] = {LAYOUT_TSTATE_THREAD_ID,
						      LAYOUT_TSTATE_NATIVE_THREAD_ID};
	struct record r;
	bool read;
	struct error *err = read_fields(w, thread->state, fields, ARRAY_SIZE(fields), &r, &read);
	if (err || !read)
		return err;
	uint64_t tid = record_unsigned(&r, LAYOUT_TSTATE_NATIVE_THREAD_ID);
	thread->pointer = record_pointer(&r, LAYOUT_TSTATE_THREAD_ID);
	thread->tid = tid < INT32_MAX ? (pid_t)tid : 0;
	return NULL;
}

static struct error *read_stack(struct walk *w, raddr state, struct frames_stack *ret)
{
	uint8_t bytes[24];
	bool read;
	*ret = (struct frames_stack){RADDR_NULL, RADDR_NULL, RADDR_NULL};
	if (!layout_has(w->layout, LAYOUT_TSTATE_DATASTACK_CHUNK))
		return NULL;
	raddr at = raddr_plus(state, layout_offset(w->layout, LAYOUT_TSTATE_DATASTACK_CHUNK));
	struct error *err = read_bytes(w, at, bytes, sizeof(bytes), &read);
	if (err || !read)
		return err;
	struct bytes b = bytes_of(bytes, sizeof(bytes));
	*ret = (struct frames_stack){raddr_at(bytes_u64(&b, 0)), raddr_at(bytes_u64(&b, 8)),
				     raddr_at(bytes_u64(&b, 16))};
	return NULL;
}

static struct error *read_cached(struct walk *w, raddr state)
{
	static const enum layout_entry_id field = LAYOUT_TSTATE_DATASTACK_CACHED;
	struct record r;
	bool read;
	struct error *err = read_fields(w, state, &field, 1, &r, &read);
	return err || !read ? err : add_cached(w, record_pointer(&r, field));
}

static struct error *read_thread(struct walk *w, struct frames_thread *thread)
{
	struct frames_stack stack;
	struct error *err = read_ids(w, thread);
	err = err ?: read_stack(w, thread->state, &stack);
	err = err ?: follow_chunks(w, &stack);
	return err ?: read_cached(w, thread->state);
}

static struct error *list_thread(struct walk *w, raddr state, size_t interpreter)
{
	struct frames_thread thread = {
		.state = state, .interpreter = interpreter, .first = w->frames->chunks.count};
	struct error *err = read_thread(w, &thread);
	if (err)
		return err;
	thread.count = w->frames->chunks.count - thread.first;
	struct frames_thread *place = vec_push(&w->frames->threads);
	if (!place)
		return error_out_of_memory();
	*place = thread;
	return NULL;
}

static struct error *follow_threads(struct walk *w, raddr head, raddr interpreter, size_t index)
{
	struct round round = {0};
	size_t first = w->frames->threads.count, first_chunk = w->frames->chunks.count;
	for (raddr at = head; !raddr_is_null(at);) {
		raddr next = RADDR_NULL;
		bool valid, turns = comes_round(&round, at);
		struct error *err = read_links(w, at, interpreter, &next, &valid);
		if (err)
			return err;
		if (turns) {
			w->frames->threads.count = first;
			w->frames->chunks.count = first_chunk;
		}
		if (!valid || turns || !w->threads_left) {
			lose(w, at);
			return NULL;
		}
		w->threads_left--;
		err = list_thread(w, at, index);
		if (err)
			return err;
		at = next;
	}
	return NULL;
}

/* ---- all of it -------------------------------------------------------------------------- */

static struct error *read_interpreter(struct walk *w, raddr interpreter, size_t index)
{
	static const enum layout_entry_id field = LAYOUT_INTERP_THREADS_HEAD;
	struct record r;
	bool read;
	struct error *err = read_fields(w, interpreter, &field, 1, &r, &read);
	return err || !read ? err
			    : follow_threads(w, record_pointer(&r, field), interpreter, index);
}

static struct error *read_once(struct walk *w, const struct runtime *runtime)
{
	struct error *err = NULL;
	w->frames->threads.count = w->frames->chunks.count = 0;
	w->chunks_left = size_min(w->space->mapped_size / CHUNK_MIN, CHUNKS_MAX);
	w->threads_left = size_min(w->space->mapped_size / STATE_MIN, THREADS_MAX);
	w->n_lost = 0;
	for (size_t i = 0; i < runtime->interpreters.count && !err; i++)
		if (!raddr_is_null(runtime->interpreters.items[i].address))
			err = read_interpreter(w, runtime->interpreters.items[i].address, i);
	return err;
}

struct error *frames_read(struct space *space, const struct layout *layout,
			  const struct runtime *runtime, struct frames *ret, struct doubts *doubts)
{
	struct walk w = {.space = space, .layout = layout, .frames = ret};
	ret->threads.count = ret->chunks.count = 0;
	if (!layout_has(layout, LAYOUT_INTERP_THREADS_HEAD) ||
	    !layout_has(layout, LAYOUT_TSTATE_NEXT))
		return NULL;
	for (int i = 0; i < TRIES; i++) {
		struct error *err = read_once(&w, runtime);
		if (err || !w.n_lost)
			return err;
	}
	doubts_add(
		doubts, DOUBT_FRAMES, DOUBT_NOTE, w.n_lost,
		"a list of threads or of their frames' memory could not be followed at " RADDR_FORMAT,
		w.first_lost.value);
	return NULL;
}

void frames_fini(struct frames *frames)
{
	vec_fini(&frames->threads);
	vec_fini(&frames->chunks);
}
