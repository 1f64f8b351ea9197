/*
 * glibc_ledger: everything but chunks in use is charged as it comes; they are the remainder.
 */
#include "inspector/malloc/glibc_ledger.h"

#include "base/size.h"
#include "inspector/malloc/glibc_shape.h"

#define CHUNK_STRUCT 48 /* sizeof(struct malloc_chunk): mtrim keeps a free chunk's links */
#define TOP_KEPT     33 /* MINSIZE + 1: systrim keeps a top chunk */

static struct residency_tally tally_of(struct glibc_ledger *l, uint64_t at, uint64_t size)
{
	struct residency_tally tally = {0};
	if (l->residency && size)
		residency_tally(l->residency, raddr_at(at), size, &l->near, &tally);
	return tally;
}

/* Returns what of it is resident. */
static uint64_t charge(struct glibc_ledger *l, enum leaf leaf, uint64_t at, uint64_t size)
{
	struct residency_tally tally = tally_of(l, at, size);
	if (size)
		claim_charge(&l->claim, leaf, size, &tally);
	return tally.present;
}

/* ---- runs of free chunks ---------------------------------------------------------------- */

static size_t size_class(uint64_t size)
{
	size_t class = 0;
	while (class + 1 < MALLOC_FREE_SIZES && size >= MALLOC_FREE_SIZE_LEAST << class)
		class ++;
	return class;
}

/* Ends the run: its whole pages would be given back, the rest is stuck. */
static void end_run(struct glibc_ledger *l)
{
	uint64_t start = l->run, end = l->run_end;
	if (!start)
		return;
	l->run = 0;
	uint64_t from = size_min(size_align_up(start + CHUNK_STRUCT, GLIBC_PAGE), end);
	uint64_t to = size_max(end & ~(GLIBC_PAGE - 1), from);
	l->stuck += charge(l, LEAF_MALLOC_FREE_STUCK, start, from - start);
	uint64_t given = charge(l, LEAF_MALLOC_FREE_TRIMMABLE, from, to - from);
	l->trimmable += given;
	l->stuck += charge(l, LEAF_MALLOC_FREE_STUCK, to, end - to);
	l->arena->free_sizes[size_class(end - start)] += l->residency ? given : to - from;
}

void glibc_ledger_free(struct glibc_ledger *l, uint64_t at, uint64_t size, bool fast)
{
	struct malloc_arena *a = l->arena;
	a->n_chunks++;
	if (fast) {
		a->fastbin += size;
		a->n_fastbin++;
	} else {
		a->free += size;
		a->n_free++;
		l->free_resident += tally_of(l, at, size).present;
	}
	if (l->run && l->run_end == at) {
		l->run_end = at + size;
		return;
	}
	end_run(l);
	l->run = at;
	l->run_end = at + size;
}

void glibc_ledger_used(struct glibc_ledger *l, uint64_t at, uint64_t size, bool cached)
{
	struct malloc_arena *a = l->arena;
	uint64_t below = l->run && l->run_end == at ? at - l->run : 0;
	end_run(l);
	a->n_chunks++;
	if (cached) {
		a->tcache += size;
		a->n_tcache++;
		charge(l, LEAF_MALLOC_TCACHE, at, size);
	} else {
		a->in_use += size;
	}
	l->last = (struct malloc_pin){raddr_at(at), size, below, cached};
}

/* ---- the rest --------------------------------------------------------------------------- */

/* Fast chunks right below it would be merged into it first. */
void glibc_ledger_top(struct glibc_ledger *l, uint64_t at, uint64_t size, uint64_t unit)
{
	uint64_t start = l->run && l->run_end == at ? l->run : at, end = at + size;
	l->run = start == at ? l->run : 0;
	end_run(l);
	uint64_t room = size_subtract(end - start, TOP_KEPT);
	uint64_t cut = unit ? room - room % unit : 0;
	uint64_t from = end - cut;
	l->arena->top += size;
	l->arena->pin = l->last;
	l->top_resident += tally_of(l, at, size).present;
	l->stuck += charge(l, LEAF_MALLOC_FREE_STUCK, start, size_min(at, from) - start);
	charge(l, LEAF_MALLOC_TOP, at, size_subtract(from, at));
	l->trimmable += charge(l, LEAF_MALLOC_FREE_TRIMMABLE, from, cut);
}

void glibc_ledger_overhead(struct glibc_ledger *l, uint64_t at, uint64_t size)
{
	end_run(l);
	l->arena->overhead += size;
	charge(l, LEAF_MALLOC_OVERHEAD, at, size);
}

void glibc_ledger_lost(struct glibc_ledger *l, uint64_t at, uint64_t size)
{
	end_run(l);
	charge(l, LEAF_MALLOC_OPAQUE, at, size);
}

void glibc_ledger_spare(struct glibc_ledger *l, uint64_t at, uint64_t size)
{
	end_run(l);
	charge(l, LEAF_MALLOC_OVERHEAD, at, size);
}

void glibc_ledger_begin(struct glibc_ledger *l, uint64_t start, uint64_t end)
{
	l->near = 0;
	l->run = 0;
	l->last = (struct malloc_pin){.size = 0};
	l->claim = (struct claim){.start = raddr_at(start & ~(GLIBC_PAGE - 1))};
	l->claim.size = size_align_up(end, GLIBC_PAGE) - l->claim.start.value;
}

static void subtract(struct residency_tally *from, const struct residency_tally *one)
{
	from->present = size_subtract(from->present, one->present);
	from->swapped = size_subtract(from->swapped, one->swapped);
	from->file = size_subtract(from->file, one->file);
	from->huge = size_subtract(from->huge, one->huge);
	from->shared = size_subtract(from->shared, one->shared);
}

bool glibc_ledger_end(struct glibc_ledger *l, struct claims *to)
{
	end_run(l);
	struct claim *claim = &l->claim;
	uint64_t size = claim->size;
	l->near = 0;
	struct residency_tally tally = tally_of(l, claim->start.value, size);
	for (size_t i = 0; i < claim->n_shares; i++) {
		size = size_subtract(size, claim->shares[i].size);
		subtract(&tally, &claim->shares[i].tally);
	}
	if (size)
		claim_charge(claim, LEAF_MALLOC_LIVE, size, &tally);
	struct claim *place = claims_add(to, claim->start, claim->size);
	if (place)
		*place = *claim;
	return place;
}

void glibc_ledger_close(struct glibc_ledger *l)
{
	struct malloc_arena *a = l->arena;
	if (!l->residency)
		return;
	a->free_resident = maybe_known(l->free_resident);
	a->top_resident = maybe_known(l->top_resident);
	a->trimmable = maybe_known(l->trimmable);
	a->stuck = maybe_known(l->stuck);
}
