/*
 * glibc_walk: whether a chunk is in use stands in the one behind it.
 *
 *	at ─▷ [prev_size │ size AMP │ …        ]     P of the next: this one is in use
 *	next  [size once more if free │ size AMP │ … ]
 *
 * So one chunk waits while the next is read. A heap that was left behind ends with a fence: 16 bytes that call
 * themselves a chunk, and 16 more, of size 0 in a thread's heap, in the main arena again of 16.
 *
 * Fast chunks look as if they were in use. Their lists are followed in memory first, while that is cheap beside the
 * walk. Of longer ones, where links are hidden (since 2.32), few other words make a link: who has one is taken for
 * fast, which is proved the same way. Where it is not so, because some block's first word was never
 * written, the lists are followed among those words, and all is walked again.
 *
 * Links are proved without following them: for every free chunk and bin c, (c, fd of c) is an
 * arrow forwards, (bk of c, c) one backwards; both sums of all arrows' fingerprints are equal
 * just when each is in a ring whose two directions agree.
 */
#include "inspector/malloc/glibc_walk.h"

#include "base/bytes.h"
#include "base/cleanup.h"
#include "inspector/malloc/glibc_links.h"
#include "inspector/malloc/glibc_window.h"

#include <stdio.h>

#define PEEK        32    /* bytes of a chunk that are looked at: the smallest one's */
#define ENTRIES_MAX 16    /* broken places behind which the walk goes on */
#define ENTRY_STEPS 20000 /* links that are followed for all of them */

/* Fast chunks whose links are followed one by one, a few microseconds each: one for so many bytes that are walked. */
#define FOLLOWED_MIN   256
#define FOLLOWED_EVERY (256 * KIB)

struct chunk {
	uint64_t at, size; /* at 0: there is none */
	uint64_t fd, bk;   /* a cached chunk's link and key */
};

struct walk {
	const struct glibc_walk_request *request;
	struct glibc_window window;
	struct glibc_ledger ledger;
	bool guesses; /* fast chunks are known by their links */
	struct glibc_links links;
	uint64_t guessed, led_to; /* fingerprints: of such chunks, and of where links lead */
	const struct glibc_segment *last; /* that a link led to */
	const struct glibc_marks *fast;   /* NULL: there are none, or they are guessed */
	size_t near_fast, near_cached;
	struct chunk waiting;
	uint64_t forwards, backwards; /* fingerprints */
	bool failed;                  /* out of memory */
	uint64_t total;               /* bytes told */
	unsigned n_entries;
	size_t entry_steps; /* left */
	struct malloc_arena *arena;
	struct claims *claims;
};

/* ---- proofs ----------------------------------------------------------------------------- */

static uint64_t mix(uint64_t x)
{
	x *= UINT64_C(0x9e3779b97f4a7c15);
	x ^= x >> 29;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	return x ^ x >> 32;
}

static uint64_t arrow(uint64_t from, uint64_t to)
{
	return mix(from + mix(to));
}

static void take_links(struct walk *w, uint64_t at, uint64_t fd, uint64_t bk)
{
	w->forwards += arrow(at, fd);
	w->backwards += arrow(bk, at);
}

static void take_bins(struct walk *w)
{
	const struct glibc_walk_request *r = w->request;
	for (size_t i = 0; i < GLIBC_N_BINS; i++) {
		uint64_t fd, bk, at = glibc_state_bin(r->place, r->state, i, &fd, &bk);
		take_links(w, at, fd, bk);
	}
}

static void damaged(struct walk *w, uint64_t at, const char *what, uint64_t value)
{
	char *text = NULL;
	if (w->arena->damage)
		return;
	if (asprintf(&text, "0x%" PRIx64 ": %s (0x%" PRIx64 ")", at, what, value) >= 0)
		w->arena->damage = text;
}

/* ---- one chunk -------------------------------------------------------------------------- */

static bool is_cached(struct walk *w, const struct chunk *c)
{
	const struct glibc_tcaches *t = w->request->tcaches;
	size_t n = t->keys.list.count, near = 0;
	if (n == 0)
		return glibc_marks_has(&t->chunks, c->at, &w->near_cached);
	if (n == 1)
		return t->keys.list.items[0] == c->bk;
	glibc_marks_seek(&t->keys, c->bk, &near);
	return near < n && t->keys.list.items[near] == c->bk;
}

static bool is_inside(struct walk *w, uint64_t at)
{
	if (!w->last || at < w->last->start || at >= w->last->end)
		w->last = glibc_segments_of(w->request->segments, at);
	return w->last;
}

/* Whether a chunk that looks as if it were in use has a fast bin's link. */
static bool is_linked(struct walk *w, const struct chunk *c)
{
	uint64_t next = glibc_link(true, c->at + 16, c->fd);
	if (c->size > GLIBC_FAST_MAX || next % GLIBC_ALIGNMENT != 0 ||
	    (next && !is_inside(w, next)))
		return false;
	w->failed |= !glibc_links_add(&w->links, c->at, next);
	w->guessed += mix(c->at);
	w->led_to += next ? mix(next) : 0;
	return true;
}

static bool is_marked(struct walk *w, const struct chunk *c)
{
	return w->fast && glibc_marks_has(w->fast, c->at, &w->near_fast);
}

static void tell(struct walk *w, uint64_t at, uint64_t size, bool in_use)
{
	const struct glibc_listener *l = w->request->listener;
	w->failed |= l && !l->chunk(l->context, at, size, in_use);
}

/* The chunk that waits, once the next has told whether it is in use. */
static void settle(struct walk *w, bool in_use)
{
	struct chunk c = w->waiting;
	if (!c.at)
		return;
	w->waiting.at = 0;
	w->total += c.size;
	bool marked = in_use && is_marked(w, &c);
	bool cached = in_use && !marked && is_cached(w, &c);
	bool guessed = in_use && !marked && !cached && w->guesses && is_linked(w, &c);
	tell(w, c.at, c.size, in_use && !marked && !cached && !guessed);
	if (!in_use)
		take_links(w, c.at, c.fd, c.bk);
	if (!in_use || marked || guessed)
		glibc_ledger_free(&w->ledger, c.at, c.size, in_use);
	else
		glibc_ledger_used(&w->ledger, c.at, c.size, cached);
}

static void take_overhead(struct walk *w, uint64_t at, uint64_t size)
{
	w->total += size;
	glibc_ledger_overhead(&w->ledger, at, size);
}

/* Pages are cut off a top chunk that ends at the break, in huge pages where malloc minds those. */
static uint64_t trim_unit(const struct walk *w)
{
	const struct glibc_place *place = w->request->place;
	if (!w->request->state->main || !w->request->at_break)
		return 0;
	uint64_t huge = place->par && place->par->thp_pagesize
				? glibc_place_par_word(place, place->par->thp_pagesize)
				: 0;
	return size_is_power_of_two(huge) && huge >= GLIBC_PAGE ? huge : GLIBC_PAGE;
}

/* ---- one step --------------------------------------------------------------------------- */

enum step { STEP_ON, STEP_END, STEP_BROKEN };

/* Of a range under way. */
struct path {
	const struct glibc_segment *segment;
	uint64_t at;
};

static uint64_t word_at(const uint8_t *bytes, size_t offset)
{
	uint64_t word;
	memcpy(&word, bytes + offset, sizeof(word));
	return word;
}

static uint64_t word_in(const struct walk *w, uint64_t at)
{
	bool held = at >= w->window.start && at + 8 <= w->window.end;
	return held ? word_at(w->window.bytes, (size_t)(at - w->window.start)) : UINT64_MAX;
}

/* Of the main arena: two marks, or three where the top chunk had just 48 bytes left. */
static uint64_t main_fence(const struct walk *w, const struct path *p, uint64_t size)
{
	const uint64_t mark = GLIBC_FENCE | GLIBC_IN_USE, left = p->segment->end - p->at;
	if (!p->segment->open || size != GLIBC_FENCE || left < 2 * GLIBC_FENCE ||
	    word_in(w, p->at + GLIBC_FENCE + 8) != mark)
		return 0;
	bool third = left >= 3 * GLIBC_FENCE && (p->at + 2 * GLIBC_FENCE) % GLIBC_PAGE != 0 &&
		     word_in(w, p->at + 2 * GLIBC_FENCE + 8) == mark;
	return third ? 3 * GLIBC_FENCE : 2 * GLIBC_FENCE;
}

/* The end mark of a range that the arena has left; its bytes, or 0 where there is none at `at`. */
static uint64_t fence_at(const struct walk *w, const struct path *p, uint64_t size_word)
{
	uint64_t size = size_word & ~GLIBC_SIZE_BITS, left = p->segment->end - p->at;
	if (w->request->state->main)
		return main_fence(w, p, size);
	if (size_word & GLIBC_THREAD || size > 2 * GLIBC_FENCE || left != size + GLIBC_FENCE)
		return 0;
	return word_in(w, p->at + size + 8) == GLIBC_IN_USE ? left : 0;
}

static enum step take_top(struct walk *w, struct path *p, uint64_t size_word)
{
	uint64_t size = size_word & ~GLIBC_SIZE_BITS;
	if (size < GLIBC_CHUNK_MIN || size != p->segment->end - p->at) {
		damaged(w, p->at, "the top chunk does not end where its heap does", size_word);
		return STEP_BROKEN;
	}
	settle(w, size_word & GLIBC_IN_USE);
	w->total += size;
	tell(w, p->at, size, false);
	glibc_ledger_top(&w->ledger, p->at, size, trim_unit(w));
	p->at += size;
	return STEP_END;
}

static const char *what_is_wrong(const struct walk *w, const struct path *p, const uint8_t *bytes)
{
	uint64_t word = word_at(bytes, 8), size = word & ~GLIBC_SIZE_BITS;
	if (size < GLIBC_CHUNK_MIN || size % GLIBC_ALIGNMENT != 0)
		return "no chunk has this size";
	if (size > p->segment->end - p->at)
		return "a chunk reaches over the end of its heap";
	if (word & GLIBC_MAPPED || (word & GLIBC_THREAD && w->request->state->main))
		return "a chunk of another kind than its heap's";
	if (!(word & GLIBC_IN_USE) && w->waiting.at && word_at(bytes, 0) != w->waiting.size)
		return "the size before it is not that of the chunk there";
	return NULL;
}

static enum step take_step(struct walk *w, struct path *p, const uint8_t *bytes, size_t n)
{
	uint64_t word = word_at(bytes, 8), size = word & ~GLIBC_SIZE_BITS;
	if (p->at == w->request->state->top)
		return take_top(w, p, word);
	uint64_t fence = size <= 2 * GLIBC_FENCE ? fence_at(w, p, word) : 0;
	if (fence) {
		settle(w, word & GLIBC_IN_USE);
		take_overhead(w, p->at, fence);
		p->at += fence;
		return STEP_END;
	}
	const char *wrong =
		n < PEEK ? "a heap ends without its end mark" : what_is_wrong(w, p, bytes);
	if (wrong) {
		damaged(w, p->at, wrong, word);
		return STEP_BROKEN;
	}
	settle(w, word & GLIBC_IN_USE);
	w->waiting = (struct chunk){p->at, size, word_at(bytes, 16), word_at(bytes, 24)};
	p->at += size;
	return STEP_ON;
}

/* ---- one range -------------------------------------------------------------------------- */

/* Steps until its end, or until the chain is broken. */
static struct error *follow(struct walk *w, struct path *p, enum step *ret)
{
	struct glibc_window *win = &w->window;
	uint64_t end = p->segment->end;
	*ret = STEP_ON;
	while (*ret == STEP_ON && p->at < end) {
		uint64_t need = p->at + 2 * PEEK;
		if (p->at < win->start || (need > win->end && win->end < end)) {
			struct error *err = glibc_window_move(win, p->at, end);
			if (err)
				return err;
		}
		size_t n = (size_t)size_min(win->end - p->at, PEEK);
		if (win->end < p->at + GLIBC_FENCE) {
			damaged(w, p->at, "it cannot be read", 0);
			*ret = STEP_BROKEN;
			break;
		}
		*ret = take_step(w, p, win->bytes + (p->at - win->start), n);
	}
	return NULL;
}

/* The chunk that waits is believed; behind the break the next chunk that a bin leads to. */
static struct error *resume(struct walk *w, struct path *p)
{
	const struct glibc_walk_request *r = w->request;
	uint64_t from = p->at, entry = 0;
	struct error *err = NULL;
	settle(w, true);
	if (r->resumes && w->n_entries++ < ENTRIES_MAX)
		err = glibc_marks_entry(r->space, r->place, r->state, from, p->segment->end,
					&w->entry_steps, &entry);
	p->at = entry ? entry : p->segment->end;
	glibc_ledger_lost(&w->ledger, from, p->at - from);
	return err;
}

static struct error *walk_segment(struct walk *w, const struct glibc_segment *s)
{
	struct path path = {.segment = s, .at = s->first};
	enum step step = STEP_BROKEN;
	w->window.end = w->window.start = 0;
	w->window.step = 0;
	w->waiting.at = 0;
	w->near_fast = 0;
	if (w->fast)
		glibc_marks_seek(w->fast, s->start, &w->near_fast);
	glibc_marks_seek(&w->request->tcaches->chunks, s->start, &w->near_cached);
	glibc_ledger_begin(&w->ledger, s->start, s->kept);
	take_overhead(w, s->start, s->first - s->start);
	while (path.at < s->end && step == STEP_BROKEN) {
		struct error *err = follow(w, &path, &step);
		err = err ?: step == STEP_BROKEN ? resume(w, &path) : NULL;
		if (err)
			return err;
	}
	if (w->waiting.at) {
		damaged(w, path.at, "a heap ends without its end mark", 0);
		settle(w, true);
	}
	glibc_ledger_spare(&w->ledger, path.at, s->kept - path.at);
	return glibc_ledger_end(&w->ledger, w->claims) ? NULL : error_out_of_memory();
}

/* ---- an arena --------------------------------------------------------------------------- */

static void begin(const struct glibc_walk_request *r, bool again)
{
	if (r->listener)
		r->listener->begin(r->listener->context, again);
}

static struct error *walk_init(const struct glibc_walk_request *r, struct malloc_arena *arena,
			       struct claims *claims, struct walk *ret)
{
	*ret = (struct walk){
		.request = r, .arena = arena, .claims = claims, .entry_steps = ENTRY_STEPS};
	ret->ledger = (struct glibc_ledger){.residency = r->counted, .arena = arena};
	return glibc_window_init(&ret->window, r->space, r->residency);
}

static void walk_fini(struct walk *w)
{
	glibc_window_fini(&w->window);
	glibc_links_fini(&w->links);
}

static void verify(struct walk *w, bool fast_broken)
{
	const struct glibc_walk_request *r = w->request;
	if (fast_broken)
		damaged(w, r->state->at.value, "a list of fast chunks leads astray", 0);
	if (r->segments->broken)
		damaged(w, r->state->at.value, "its heaps do not form a chain", 0);
	w->arena->verified = !w->arena->damage && w->total == r->state->system &&
			     w->forwards == w->backwards && w->guessed == w->led_to;
}

/* Where fast bins begin, links lead to, too. */
static void take_fast_heads(struct walk *w)
{
	const struct glibc_walk_request *r = w->request;
	struct bytes b = bytes_of(r->state->bytes, sizeof(r->state->bytes));
	for (size_t i = 0; w->guesses && i < GLIBC_N_FASTBINS; i++) {
		uint64_t head = bytes_u64(&b, GLIBC_FASTBINS_AT(r->place->state) + i * 8);
		w->led_to += head ? mix(head) : 0;
	}
}

static struct error *walk_once(struct walk *w, bool fast_broken)
{
	const struct glibc_walk_request *r = w->request;
	struct error *err = NULL;
	w->arena->address = r->state->at;
	w->arena->main = r->state->main;
	w->arena->n_attached = r->state->attached;
	w->arena->system = r->state->system;
	w->arena->max_system = r->state->system_max;
	w->arena->n_heaps = r->segments->list.count;
	take_bins(w);
	take_fast_heads(w);
	for (size_t i = 0; i < r->segments->list.count && !err; i++)
		err = walk_segment(w, &r->segments->list.items[i]);
	if (err)
		return err;
	if (w->failed)
		return error_out_of_memory();
	glibc_ledger_close(&w->ledger);
	verify(w, fast_broken);
	return NULL;
}

static struct error *follow_lists(const struct glibc_walk_request *r, uint64_t most,
				  struct glibc_marks *marks, bool *broken)
{
	return glibc_marks_fast(r->space, r->place, r->state, r->segments, most, marks, broken);
}

static struct error *walk_by_marks(const struct glibc_walk_request *r,
				   const struct glibc_marks *marks, bool broken,
				   struct malloc_arena *ret, struct claims *ret_claims)
{
	_cleanup_(walk_fini) struct walk w = {0};
	struct error *err = walk_init(r, ret, ret_claims, &w);
	w.fast = marks;
	return err ?: walk_once(&w, broken);
}

/* *ret_marks, *ret_broken: what the lists lead to, where *ret_again says that it is not what was guessed. */
static struct error *walk_by_guesses(const struct glibc_walk_request *r, struct malloc_arena *ret,
				     struct claims *ret_claims, struct glibc_marks *ret_marks,
				     bool *ret_broken, bool *ret_again)
{
	_cleanup_(walk_fini) struct walk w = {0};
	struct error *err = walk_init(r, ret, ret_claims, &w);
	w.guesses = true;
	err = err ?: walk_once(&w, false);
	*ret_broken = false;
	*ret_again = w.guessed != w.led_to && !ret->damage;
	ret_marks->list.count = 0;
	if (err || !*ret_again)
		return err;
	return glibc_links_follow(&w.links, r->place, r->state, ret_marks, ret_broken);
}

static struct error *walk_guessing(const struct glibc_walk_request *r, struct malloc_arena *ret,
				   struct claims *ret_claims, struct glibc_marks *marks)
{
	size_t n = ret_claims->list.count;
	bool broken, again;
	struct error *err = walk_by_guesses(r, ret, ret_claims, marks, &broken, &again);
	if (err || !again)
		return err;
	ret_claims->list.count = n;
	malloc_arena_fini(ret);
	*ret = (struct malloc_arena){.main = false};
	begin(r, true);
	if (broken) /* a chunk with a cache's old key is in no list of links */
		err = follow_lists(r, UINT64_MAX, marks, &broken);
	return err ?: walk_by_marks(r, marks, broken, ret, ret_claims);
}

struct error *glibc_walk_arena(const struct glibc_walk_request *r, struct malloc_arena *ret,
			       struct claims *ret_claims)
{
	_cleanup_(glibc_marks_fini) struct glibc_marks marks = {VEC_EMPTY};
	bool hidden = r->place->minor >= 32 && r->place->state->has_fastbins, broken;
	uint64_t most = hidden ? FOLLOWED_MIN + r->state->system / FOLLOWED_EVERY : UINT64_MAX;
	struct error *err = follow_lists(r, most, &marks, &broken);
	if (err)
		return err;
	begin(r, false);
	return hidden && broken ? walk_guessing(r, ret, ret_claims, &marks)
				: walk_by_marks(r, &marks, broken, ret, ret_claims);
}

struct error *glibc_walk_run(const struct glibc_walk_request *r, uint64_t start, uint64_t limit,
			     uint64_t *ret_end)
{
	_cleanup_(malloc_arena_fini) struct malloc_arena arena = {0};
	_cleanup_(walk_fini) struct walk w = {0};
	bool has_top = r->state->top >= start && r->state->top < limit;
	uint64_t end = has_top ? size_add(r->state->top, r->state->top_size) : limit;
	const struct glibc_segment segment = {start, start, size_min(end, limit),
					      size_min(end, limit), true};
	struct path path = {.segment = &segment, .at = start};
	enum step step;
	struct error *err = walk_init(r, &arena, NULL, &w);
	err = err ?: follow(&w, &path, &step);
	if (err)
		return err;
	*ret_end = step == STEP_END && path.at % GLIBC_PAGE == 0 ? path.at : 0;
	return NULL;
}
