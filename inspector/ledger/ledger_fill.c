/*
 * ledger_fill: one pass over the mappings, with claims and extents beside it.
 *
 *	mappings   [ libc r ][ rw ][ anonymous ···················· ][ anonymous ····· ]
 *	claims                                [ arena ][ arena ]
 *	extents              [static][ .bss ]           [ frames ][ stack of a thread ]
 *	charged    text       static   bss ?   live …                  stack          ?
 *
 * What is left (?) may be some library's, which is told in a second pass: by whose variables point there.
 */
#include "inspector/ledger/ledger_fill.h"

#include "base/cleanup.h"
#include "base/size.h"
#include "inspector/ledger/entries.h"
#include "inspector/ledger/jemalloc.h"
#include "inspector/ledger/mapping.h"
#include "inspector/ledger/objects.h"
#include "inspector/ledger/owners.h"
#include "inspector/ledger/stacks.h"

#include <string.h>

/* Looks after which a repeated one seeks owners anew. */
#define OWNERS_LOOKS 60

struct filling {
	const struct ledger_request *request;
	struct objects objects;
	struct extents told, extents; /* the request's, and what is found here */
	struct entries entries;
	struct ledger_memory own; /* where the caller keeps none */
	size_t near_claim, near_told, near_extent, near_page, near_lazy;
	bool has_traits; /* pages of files are told from others */
	uint64_t lazy;   /* bytes lazily freed of the mapping under way that are not told of yet */
	struct ledger *ret;
};

static void filling_fini(struct filling *f)
{
	objects_fini(&f->objects);
	extents_fini(&f->told);
	extents_fini(&f->extents);
	entries_fini(&f->entries);
	ledger_memory_fini(&f->own);
}

const char *ledger_find_allocator(const struct space *space)
{
	static const char *const names[] = {"libjemalloc", "libtcmalloc", "libmimalloc", "ld-musl",
					    "libc.musl"};
	for (size_t i = 0; i < space->regions.count; i++) {
		const struct region *r = &space->regions.items[i];
		const char *name = r->label ? strrchr(r->label, '/') : NULL;
		for (size_t k = 0; name && r->executable && k < ARRAY_SIZE(names); k++)
			if (strncmp(name + 1, names[k], strlen(names[k])) == 0)
				return r->label;
	}
	return NULL;
}

static struct residency_tally tally_of(struct filling *f, raddr start, uint64_t size)
{
	struct residency_tally tally = {0};
	if (f->request->residency)
		residency_tally(f->request->residency, start, size, &f->near_page, &tally);
	return tally;
}

/* ---- claims ---------------------------------------------------------------------------- */

/* Moves a figure of the shares to what it must be: more goes to the last, less is taken from the last on. */
static void correct(uint64_t wanted, uint64_t *const figures[], size_t n)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += *figures[i];
	if (n && wanted > sum)
		*figures[n - 1] += wanted - sum;
	uint64_t over = size_subtract(sum, wanted);
	for (size_t i = n; i-- > 0 && over;) {
		uint64_t some = size_min(over, *figures[i]);
		*figures[i] -= some;
		over -= some;
	}
}

/* An allocator may have seen its pages a moment later than we did. */
static void correct_shares(struct claim *claim, const struct residency_tally *true_tally)
{
	const struct {
		size_t offset;
		uint64_t wanted;
	} figures[] = {
		{offsetof(struct claim_share, size), claim->size},
		{offsetof(struct claim_share, tally.present), true_tally->present},
		{offsetof(struct claim_share, tally.swapped), true_tally->swapped},
		{offsetof(struct claim_share, tally.file), true_tally->file},
		{offsetof(struct claim_share, tally.huge), true_tally->huge},
		{offsetof(struct claim_share, tally.shared), true_tally->shared},
	};
	for (size_t i = 0; i < ARRAY_SIZE(figures); i++) {
		uint64_t *all[CLAIM_SHARES_MAX];
		for (size_t k = 0; k < claim->n_shares; k++)
			all[k] =
				(uint64_t *)(void *)((char *)&claim->shares[k] + figures[i].offset);
		correct(figures[i].wanted, all, claim->n_shares);
	}
}

static struct error *charge_claim(struct filling *f, const struct claim *given)
{
	struct claim claim = *given;
	const struct residency_tally tally = tally_of(f, claim.start, claim.size);
	correct_shares(&claim, &tally);
	for (size_t i = 0; i < claim.n_shares; i++) {
		const struct claim_share *share = &claim.shares[i];
		const struct entry entry = {.leaf = share->leaf,
					    .name = "",
					    .start = claim.start,
					    .size = share->size,
					    .tally = share->tally};
		struct error *err = entries_add(&f->entries, &entry);
		if (err)
			return err;
	}
	return NULL;
}

/* ---- mappings -------------------------------------------------------------------------- */

static uint64_t lazy_of(struct filling *f, const struct region *r)
{
	const struct account *account = f->request->account;
	while (f->near_lazy < account->mappings.count &&
	       account->mappings.items[f->near_lazy].start.value < r->start.value)
		f->near_lazy++;
	if (f->near_lazy == account->mappings.count)
		return 0;
	const struct account_mapping *m = &account->mappings.items[f->near_lazy];
	return raddr_equal(m->start, r->start) && m->size == r->size ? m->lazy_free : 0;
}

/* Of an object's mapping that is only read now: pages that were written, when it was loaded, are its data. */
static struct error *charge_text(struct filling *f, struct entry *entry)
{
	struct entry written = *entry;
	written.leaf = LEAF_FILE_DATA;
	written.size = entry->tally.present - entry->tally.file;
	written.tally =
		(struct residency_tally){.present = written.size, .shared = entry->tally.shared};
	entry->size -= written.size;
	entry->tally.present -= written.size;
	entry->tally.shared = 0;
	struct error *err = entries_add(&f->entries, &written);
	return err ?: entries_add(&f->entries, entry);
}

/* Another allocator's mapping: what it has told the kernel to take when it likes is apart. */
static struct error *charge_opaque(struct filling *f, struct entry *entry)
{
	struct entry freed = *entry;
	freed.leaf = LEAF_MALLOC_LAZYFREE;
	freed.size = size_min(f->lazy, entry->tally.present);
	f->lazy = 0;
	freed.eliminated = false;
	freed.tally = (struct residency_tally){.present = freed.size};
	entry->size -= freed.size;
	entry->tally.present -= freed.size;
	entry->tally.huge = size_min(entry->tally.huge, entry->tally.present);
	entry->tally.shared = size_min(entry->tally.shared, entry->tally.present);
	f->ret->lines[LEAF_MALLOC_LAZYFREE].lazy_free.value += freed.size;
	struct error *err = entries_add(&f->entries, &freed);
	return err ?: entries_add(&f->entries, entry);
}

/* Whether another allocator's memory is all that a mapping holds. */
static bool is_opaque_alone(const struct region *r, const struct entry *entry)
{
	return entry->leaf == LEAF_MALLOC_OPAQUE && entry->size == r->size;
}

/* Thread arenas of the C library's allocator, where nobody has claimed them: heap_info's ar_ptr and size
 * (malloc/arena.c, glibc 2.26 to 2.43). */
static bool is_thread_heap(const struct filling *f, const struct region *r)
{
	uint64_t info[4];
	if (r->start.value % (64 * MIB) != 0 || r->size < 4096)
		return false;
	struct error *err = space_read(f->request->space, r->start, info, sizeof(info));
	error_free(err);
	return !err && info[0] && info[0] % 16 == 0 && info[2] && info[2] % 4096 == 0 &&
	       info[2] <= 64 * MIB && info[3] >= info[2] && info[3] <= 64 * MIB;
}

static void tell_anonymous(const struct filling *f, const struct region *r, struct entry *entry)
{
	const char *allocator = f->request->allocator;
	if (r->kind == REGION_HEAP && allocator)
		entry->name = allocator;
	if (r->kind == REGION_HEAP && !allocator && entry->size != r->size)
		entry->leaf = LEAF_ANON_UNKNOWN; /* malloc has claimed its part of it */
	if (entry->leaf != LEAF_ANON_UNKNOWN || r->kind != REGION_ANON)
		return;
	if (r->writable && is_thread_heap(f, r)) {
		entry->leaf = LEAF_MALLOC_OPAQUE;
		entry->name = "malloc's heaps of threads";
	}
}

/* A piece of a mapping that lies in no claim and no extent. */
static struct error *charge_mapping(struct filling *f, const struct region *r, raddr start,
				    uint64_t size)
{
	const struct object *object = objects_of(&f->objects, r);
	struct entry entry = {.leaf = mapping_leaf(r, object),
			      .name = r->label,
			      .start = start,
			      .size = size,
			      .tally = tally_of(f, start, size)};
	tell_anonymous(f, r, &entry);
	uint64_t lazy = f->lazy;
	if (lazy && is_opaque_alone(r, &entry))
		return charge_opaque(f, &entry);
	f->lazy = 0;
	f->ret->lines[entry.leaf].lazy_free.value += lazy;
	bool text = entry.leaf == LEAF_FILE_TEXT && f->has_traits;
	return text ? charge_text(f, &entry) : entries_add(&f->entries, &entry);
}

/* The one that holds `at`; NULL: none, and *end is brought down to where the next begins. */
static const struct extent *extent_at(const struct extents *extents, size_t *near, raddr at,
				      raddr *end)
{
	*near = extents_above(extents, at, *near);
	const struct extent *e = *near < extents->list.count ? &extents->list.items[*near] : NULL;
	if (e && e->start.value <= at.value)
		return e;
	if (e)
		end->value = size_min(e->start.value, end->value);
	return NULL;
}

/* From `at` on, as far as one cause goes. */
static struct error *charge_next(struct filling *f, const struct region *r, raddr at, raddr *ret)
{
	const struct claims *claims = f->request->claims;
	raddr end = raddr_plus(r->start, r->size);
	while (f->near_claim < claims->list.count) {
		const struct claim *claim = &claims->list.items[f->near_claim];
		raddr claim_end = raddr_plus(claim->start, claim->size);
		if (claim->start.value <= at.value && claim_end.value > at.value) {
			*ret = raddr_at(size_min(claim_end.value, end.value));
			return NULL; /* charged as a whole */
		}
		if (claim->start.value > at.value) {
			end = raddr_at(size_min(claim->start.value, end.value));
			break;
		}
		f->near_claim++;
	}
	const struct extent *e = extent_at(&f->told, &f->near_told, at, &end);
	e = e ?: extent_at(&f->extents, &f->near_extent, at, &end);
	if (!e) {
		*ret = end;
		return charge_mapping(f, r, at, raddr_distance(at, end));
	}
	*ret = raddr_at(size_min(raddr_plus(e->start, e->size).value, end.value));
	uint64_t size = raddr_distance(at, *ret);
	struct entry entry = {.leaf = e->leaf,
			      .name = e->name,
			      .start = at,
			      .size = size,
			      .tally = tally_of(f, at, size)};
	bool lazy = f->lazy && is_opaque_alone(r, &entry);
	return lazy ? charge_opaque(f, &entry) : entries_add(&f->entries, &entry);
}

static struct error *charge_all(struct filling *f)
{
	const struct ledger_request *request = f->request;
	struct error *err = NULL;
	for (size_t i = 0; i < request->claims->list.count && !err; i++)
		err = charge_claim(f, &request->claims->list.items[i]);
	f->near_page = 0;
	for (size_t i = 0; i < request->space->regions.count && !err; i++) {
		const struct region *r = &request->space->regions.items[i];
		raddr end = raddr_plus(r->start, r->size);
		f->lazy = lazy_of(f, r);
		for (raddr at = r->start; at.value < end.value && !err;)
			err = charge_next(f, r, at, &at);
		/* Of a mapping that is claimed whole it is not known which leaf's they are. */
		for (size_t leaf = 0; f->lazy && leaf <= LEAF_MALLOC_OPAQUE; leaf++)
			f->ret->lines[leaf].lazy_free.known = false;
	}
	return err;
}

/* ---- owners ---------------------------------------------------------------------------- */

static int compare_starts(const void *a, const void *b)
{
	return raddr_compare(((const struct ownerless *)a)->start,
			     ((const struct ownerless *)b)->start);
}

/* Two mappings side by side are two allocations, as a rule; the entries have them apart. */
static struct error *seek_owners(struct filling *f, struct extents *ret)
{
	VEC(struct ownerless) ranges = VEC_EMPTY;
	struct error *err = NULL;
	for (size_t i = 0; i < f->entries.list.count && !err; i++) {
		const struct entry *entry = &f->entries.list.items[i];
		struct ownerless *range =
			entry->leaf == LEAF_ANON_UNKNOWN ? vec_push(&ranges) : NULL;
		if (range)
			*range = (struct ownerless){entry->start, entry->size, OWNER_NONE};
		else if (entry->leaf == LEAF_ANON_UNKNOWN)
			err = error_out_of_memory();
	}
	if (ranges.count > 1)
		qsort(ranges.items, ranges.count, sizeof(ranges.items[0]), compare_starts);
	err = err
		      ?: owners_find(f->request->space, f->request->residency, &f->objects,
				     ranges.items, ranges.count);
	for (size_t i = 0; i < ranges.count && !err; i++) {
		const struct ownerless *range = &ranges.items[i];
		if (range->object < f->objects.list.count)
			err = extents_add(ret, range->start, range->size, LEAF_ANON_OWNED,
					  f->objects.list.items[range->object].path);
	}
	vec_fini(&ranges);
	extents_sort(ret);
	return err;
}

static const struct extent *owner_of(const struct extents *owned, raddr start)
{
	size_t low = 0, high = owned->list.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct extent *e = &owned->list.items[middle];
		if (raddr_equal(e->start, start))
			return e;
		if (e->start.value < start.value)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/*
 * What nothing tells of, where malloc is another library's, is taken to be its: by elimination. What
 * only that library's variables point to is its, too.
 */
static void name_owners(struct filling *f, const struct extents *owned)
{
	const char *allocator = f->request->allocator;
	for (size_t i = 0; i < f->entries.list.count; i++) {
		struct entry *entry = &f->entries.list.items[i];
		if (entry->leaf != LEAF_ANON_UNKNOWN)
			continue;
		const struct extent *owner = owner_of(owned, entry->start);
		if (owner) {
			bool malloc = allocator && strcmp(owner->name, allocator) == 0;
			entry->leaf = malloc ? LEAF_MALLOC_OPAQUE : LEAF_ANON_OWNED;
			entry->name = owner->name;
		} else if (allocator) {
			entry->leaf = LEAF_MALLOC_OPAQUE;
			entry->name = allocator;
			entry->eliminated = true;
		}
	}
}

static struct error *tell_owners(struct filling *f)
{
	struct ledger_memory *memory = f->request->memory ?: &f->own;
	struct error *err = NULL;
	if (!memory->has_owned || ++memory->looks >= OWNERS_LOOKS) {
		ledger_memory_fini(memory);
		err = seek_owners(f, &memory->owned);
		memory->has_owned = !err;
	}
	if (!err)
		name_owners(f, &memory->owned);
	return err;
}

/* ---- all of it ------------------------------------------------------------------------- */

static struct error *find_extents(struct filling *f)
{
	const struct ledger_request *request = f->request;
	struct error *err = NULL;
	for (size_t i = 0; request->extents && i < request->extents->list.count && !err; i++) {
		const struct extent *e = &request->extents->list.items[i];
		err = extents_add(&f->told, e->start, e->size, e->leaf, e->name);
	}
	extents_sort(&f->told);
	err = err ?: objects_find(request->space, request->runtime, &f->objects, &f->extents);
	err = err
		      ?: stacks_find(request->space, request->threads, request->pid,
				     request->claims, &f->extents);
	err = err
		      ?: jemalloc_find(request->space, request->residency, &f->objects,
				       request->allocator, &f->extents);
	extents_sort(&f->extents);
	return err;
}

static void copy_account(const struct ledger_request *request, struct ledger *ledger)
{
	const struct account *account = request->account;
	ledger->filled = true;
	ledger->has_residency = request->residency;
	ledger->rss_kernel = account->rss;
	ledger->peak_rss = account->peak_rss;
	ledger->swap = account->swap;
	ledger->pss = account->pss;
	ledger->lazy_free = account->lazy_free;
	for (size_t i = 0; i < LEAF_COUNT; i++)
		ledger->lines[i].lazy_free.known = account->lazy_free.known;
}

static bool tells_traits(const struct residency *residency)
{
	for (size_t i = 0; residency && i < residency->ranges.count; i++)
		if (residency->ranges.items[i].traits & RESIDENCY_FILE)
			return true;
	return false;
}

static struct error *fill(struct filling *f)
{
	f->has_traits = tells_traits(f->request->residency);
	copy_account(f->request, f->ret);
	struct error *err = find_extents(f);
	err = err ?: charge_all(f);
	err = err ?: tell_owners(f);
	return err ?: entries_sum(&f->entries, f->ret);
}

struct error *ledger_fill(const struct ledger_request *request, struct ledger *ret)
{
	_cleanup_(ledger_fini) struct ledger ledger = {0};
	_cleanup_(filling_fini) struct filling filling = {.request = request, .ret = &ledger};
	struct error *err = fill(&filling);
	if (err)
		return err;
	*ret = ledger;
	ledger = (struct ledger){0};
	return NULL;
}

void ledger_memory_fini(struct ledger_memory *memory)
{
	extents_fini(&memory->owned);
	*memory = LEDGER_MEMORY_EMPTY;
}
