/*
 * footprint: pages first, since reading memory changes them; then the kernel's own sums, right behind.
 *
 *	pieces      [ same ][ same ][ new ][ same ][ same ]
 *	asked         kept    asked  asked   asked   kept      repeating: what is new, and some in turns
 */
#include "inspector/look/footprint.h"

#include "base/cleanup.h"
#include "inspector/target/process/process.h"
#include "inspector/target/residency/residency_judge.h"
#include "inspector/target/residency/smaps.h"

/* Resident bytes that one repeated look asks for anew: about 10 ms. */
#define TURN_SIZE  (128 * MIB)

#define PIECE_SIZE (64 * MIB)
#define PIECES_MAX 1024 /* of one mapping */
#define WHOLE_MIN \
	(64 * GIB) /* a reservation: asked for as a whole, or refused as a whole (pagemap.c) */

/* What may not be accessed holds next to nothing, and is often a reservation of terabytes. */
#define CLOSED_MAX (64 * MIB)

/* Mappings that may come before the process stands still. */
#define MAPPINGS_ROOM 256

#define USER_END      (UINT64_C(1) << 56)

static unsigned permissions_of(const struct region *r)
{
	return (r->readable ? 1u : 0u) | (r->writable ? 2u : 0u) | (r->executable ? 4u : 0u) |
	       (r->shared ? 8u : 0u);
}

/* ---- pages ---------------------------------------------------------------------------- */

/* In pieces that a space believes: no more at once than what is mapped to be read. */
static struct error *ask_pieces(struct space *space, const struct region *r, struct residency *ret)
{
	uint64_t most = space->mapped_size & ~UINT64_C(4095);
	for (uint64_t done = 0; done < r->size && most;) {
		uint64_t some = size_min(r->size - done, most);
		struct error *err =
			space_residency_in_detail(space, raddr_plus(r->start, done), some, ret);
		if (err)
			return err;
		done += some;
	}
	return NULL;
}

static bool is_closed(const struct region *r)
{
	return !r->readable && !r->writable && !r->executable;
}

static bool is_worth_asking(const struct region *r)
{
	return r->start.value < USER_END && (!is_closed(r) || r->size <= CLOSED_MAX);
}

static struct error *ask_region(struct space *space, const struct region *r, struct residency *ret,
				uint64_t *untold)
{
	if (!is_worth_asking(r))
		return NULL;
	struct error *err = ask_pieces(space, r, ret);
	if (!error_catch(&err, ERROR_FAULT))
		return err;
	*untold = size_add(*untold, r->size);
	return NULL;
}

/* Adds ranges without merging, so that those of two mappings stay apart. */
static struct error *append(struct residency *to, const struct residency_range *ranges, size_t n)
{
	if (!vec_reserve(&to->ranges, to->ranges.count + n))
		return error_out_of_memory();
	if (n)
		memcpy(to->ranges.items + to->ranges.count, ranges, n * sizeof(*ranges));
	to->ranges.count += n;
	return NULL;
}

/* ---- turns ---------------------------------------------------------------------------- */

struct turns {
	const struct footprint *before; /* NULL: everything is asked */
	size_t near;                    /* in its pieces */
	size_t n;                       /* pieces that were met */
	uint64_t left;                  /* resident bytes that may still be asked for in turns */
	size_t next;                    /* the turn after this one */
};

static bool is_same(const struct footprint_piece *was, const struct region *r)
{
	return raddr_equal(was->start, r->start) && was->size == r->size &&
	       was->device == r->device && was->inode == r->inode &&
	       was->permissions == permissions_of(r);
}

/* What was learnt of it before, if that will do. */
static const struct footprint_piece *known_of(struct turns *t, const struct region *r)
{
	size_t i = t->n++;
	if (!t->before)
		return NULL;
	while (t->near < t->before->pieces.count &&
	       t->before->pieces.items[t->near].start.value < r->start.value)
		t->near++;
	if (t->near == t->before->pieces.count)
		return NULL;
	const struct footprint_piece *was = &t->before->pieces.items[t->near];
	if (!is_same(was, r))
		return NULL;
	return i < t->before->turn || t->left == 0 ? was : NULL;
}

static struct error *ask_piece(struct space *space, const struct region *piece, struct turns *turns,
			       struct residency *one, struct footprint *ret)
{
	uint64_t present, swapped;
	residency_clear(one);
	struct error *err = ask_region(space, piece, one, &ret->untold);
	if (err)
		return err;
	residency_count(one, piece->start, piece->size, &present, &swapped);
	turns->left = size_subtract(turns->left, present);
	turns->next = turns->n;
	return append(&ret->residency, one->ranges.items, one->ranges.count);
}

static struct error *take_piece(struct space *space, const struct region *piece, raddr mapping,
				struct turns *turns, struct residency *one, struct footprint *ret)
{
	const struct footprint_piece *was = known_of(turns, piece);
	size_t first = ret->residency.ranges.count;
	const struct residency_range *ranges =
		was ? turns->before->residency.ranges.items + was->first : NULL;
	struct error *err = was ? append(&ret->residency, ranges, was->count)
				: ask_piece(space, piece, turns, one, ret);
	struct footprint_piece *place = err ? NULL : vec_push(&ret->pieces);
	if (!place)
		return err ?: error_out_of_memory();
	*place = (struct footprint_piece){
		.start = piece->start,
		.size = piece->size,
		.mapping = mapping,
		.device = piece->device,
		.inode = piece->inode,
		.permissions = permissions_of(piece),
		.first = first,
		.count = ret->residency.ranges.count - first,
	};
	return NULL;
}

static struct error *take_region(struct space *space, const struct region *r, struct turns *turns,
				 struct residency *one, struct footprint *ret)
{
	uint64_t step = size_max(PIECE_SIZE, size_align_up(r->size / PIECES_MAX, 4096));
	if (r->size > WHOLE_MIN || is_closed(r))
		step = r->size;
	for (uint64_t done = 0; done < r->size;) {
		struct region piece = *r;
		piece.start = raddr_plus(r->start, done);
		piece.size = size_min(r->size - done, step);
		struct error *err = take_piece(space, &piece, r->start, turns, one, ret);
		if (err)
			return err;
		done += piece.size;
	}
	return NULL;
}

static struct error *take_pages(struct space *space, const struct footprint *before,
				struct footprint *ret)
{
	_cleanup_(residency_fini) struct residency one = RESIDENCY_EMPTY;
	struct turns turns = {.before = before, .left = TURN_SIZE};
	ret->has_residency = space_has_residency(space);
	for (size_t i = 0; i < space->regions.count && ret->has_residency; i++) {
		struct error *err = take_region(space, &space->regions.items[i], &turns, &one, ret);
		if (err)
			return err;
	}
	/* Where the end was reached, the next turn begins at the start. */
	ret->turn = turns.left ? 0 : turns.next;
	return NULL;
}

/* ---- the kernel's sums ------------------------------------------------------------------ */

static uint64_t small_pages(const struct footprint *footprint, const struct footprint_piece *piece)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < piece->count; i++) {
		const struct residency_range *r =
			&footprint->residency.ranges.items[piece->first + i];
		sum += r->traits & RESIDENCY_HUGE ? 0 : r->size;
	}
	return sum;
}

/* Whether no mapping takes longer to read of in smaps than the lock may be held. */
static bool smaps_is_harmless(const struct footprint *footprint)
{
	uint64_t small = 0;
	raddr mapping = RADDR_NULL;
	for (size_t i = 0; i < footprint->pieces.count; i++) {
		const struct footprint_piece *piece = &footprint->pieces.items[i];
		small = raddr_equal(piece->mapping, mapping) ? small : 0;
		mapping = piece->mapping;
		small += small_pages(footprint, piece);
		if (small > SMAPS_SIZE_MAX)
			return false;
	}
	return footprint->has_residency;
}

/* Twice what reading all of smaps should take, so that a stop's limit holds on a slower machine, too. */
static uint64_t smaps_us(const struct footprint *footprint)
{
	uint64_t small = 0;
	for (size_t i = 0; i < footprint->pieces.count; i++)
		small += small_pages(footprint, &footprint->pieces.items[i]);
	uint64_t ns = size_add(size_multiply(small / MIB + 1, SMAPS_MIB_NS),
			       size_multiply(footprint->pieces.count, SMAPS_MAPPING_NS));
	return size_multiply(ns, 2) / 1000;
}

static void judge(struct footprint *footprint, bool with_smaps)
{
	size_t near = 0;
	for (size_t i = 0; i < footprint->account.mappings.count && with_smaps; i++) {
		const struct account_mapping *m = &footprint->account.mappings.items[i];
		residency_judge(&footprint->residency, m->start, m->size, m->rss, &near);
	}
	footprint->unsure = residency_unsure(&footprint->residency);
}

static struct error *take_all(const struct origin *origin, struct space *space, bool repeating,
			      const struct footprint *before, struct footprint *ret)
{
	bool live = origin_process(origin);
	struct error *err = take_pages(space, before, ret);
	if (err)
		return err;
	bool with_smaps = live && !repeating && smaps_is_harmless(ret);
	err = origin_account(origin, with_smaps, &ret->account);
	err = err ?: origin_threads(origin, space, &ret->threads);
	if (err)
		return err;
	ret->lacks_smaps = live && !repeating && ret->has_residency && !with_smaps;
	judge(ret, with_smaps);
	return NULL;
}

struct error *footprint_prepare(struct footprint *footprint)
{
	size_t n = footprint->pieces.count + MAPPINGS_ROOM;
	if (footprint->lacks_smaps && !vec_reserve(&footprint->account.mappings, n))
		return error_out_of_memory();
	return NULL;
}

struct error *footprint_complete(const struct origin *origin, uint64_t limit_us,
				 struct footprint *footprint)
{
	if (!footprint->lacks_smaps || smaps_us(footprint) > limit_us)
		return NULL;
	struct error *err =
		process_account_still(origin_process(origin), limit_us, &footprint->account);
	footprint->lacks_smaps = !err && !footprint->account.pss.known;
	return err;
}

void footprint_completed(struct footprint *footprint)
{
	if (footprint->account.pss.known && footprint->unsure)
		judge(footprint, true);
}

struct error *footprint_take(const struct origin *origin, struct space *space, bool repeating,
			     struct footprint *footprint)
{
	_cleanup_(footprint_fini) struct footprint taken = FOOTPRINT_EMPTY;
	const struct footprint *before = repeating && footprint->has_residency ? footprint : NULL;
	struct error *err = take_all(origin, space, repeating, before, &taken);
	footprint_fini(footprint);
	if (err)
		return err;
	*footprint = taken;
	taken = FOOTPRINT_EMPTY;
	return NULL;
}

void footprint_inherit(struct footprint *from, struct footprint *to)
{
	if (!to->lacks_smaps || !from->account.pss.known)
		return;
	to->account.pss = from->account.pss;
	to->account.lazy_free = from->account.lazy_free;
	vec_fini(&to->account.mappings);
	to->account.mappings.items = take(from->account.mappings.items);
	to->account.mappings.count = from->account.mappings.count;
	to->account.mappings.room = from->account.mappings.room;
	from->account.mappings.count = from->account.mappings.room = 0;
	to->lacks_smaps = false;
	footprint_completed(to);
}

void footprint_fini(struct footprint *footprint)
{
	residency_fini(&footprint->residency);
	account_fini(&footprint->account);
	threads_fini(&footprint->threads);
	vec_fini(&footprint->pieces);
	*footprint = FOOTPRINT_EMPTY;
}
