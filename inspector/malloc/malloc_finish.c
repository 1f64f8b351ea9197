/*
 * malloc_finish: sums over arenas are what mallinfo2() would return (int_mallinfo(), malloc/malloc.c).
 */
#include "inspector/malloc/glibc_settings.h"
#include "inspector/malloc/malloc_room.h"

#include "base/cleanup.h"
#include "base/count.h"

#include <stdio.h>
#include <string.h>

static void sum_up(const struct malloc_look *look, struct malloc_account *ret)
{
	struct malloc_info *info = &ret->info;
	ret->has_info = true;
	ret->trimmable = maybe_known(0);
	for (size_t i = 0; i < look->arenas.count; i++) {
		const struct malloc_look_arena *arena = &look->arenas.items[i];
		const struct malloc_arena *a = &arena->found;
		uint64_t free = a->top + a->free + a->fastbin;
		ret->has_info &= arena->walked;
		info->arena += a->system;
		info->ordblks += a->n_free + 1; /* top counts as one */
		info->smblks += a->n_fastbin;
		info->fsmblks += a->fastbin;
		info->fordblks += free;
		info->uordblks += a->system - size_min(free, a->system);
		ret->trimmable.value += a->trimmable.value;
		ret->trimmable.known &= a->trimmable.known;
	}
	info->keepcost = look->arenas.items[0].found.top;
	info->hblks = ret->n_mmapped_told;
	info->hblkhd = ret->mmapped_told;
	ret->has_info &= look->place.par != NULL;
}

static struct error *name_threads(struct malloc_look *look)
{
	for (size_t i = 0; i < look->tcaches.threads.count; i++) {
		const struct glibc_thread *thread = &look->tcaches.threads.items[i];
		for (size_t k = 0; k < look->arenas.count; k++) {
			struct malloc_look_arena *arena = &look->arenas.items[k];
			if (raddr_is_null(thread->arena) || !raddr_equal(thread->arena, arena->at))
				continue;
			char **place = vec_push(&arena->found.threads);
			if (!place || !(*place = strdup(thread->name)))
				return error_out_of_memory();
		}
	}
	return NULL;
}

static struct error *add_mapped_claims(struct malloc_look *look, struct claims *ret)
{
	const struct malloc_look_request *r = &look->request;
	for (size_t i = 0; i < look->mapped.blocks.count; i++) {
		const struct malloc_span *block = &look->mapped.blocks.items[i];
		_cleanup_(residency_fini) struct residency own = RESIDENCY_EMPTY;
		struct residency_tally tally = {0};
		size_t near = 0;
		struct error *err = NULL;
		if (!r->residency && space_has_residency(r->space))
			err = r->in_detail
				      ? space_residency_in_detail(r->space, block->start,
								  block->size, &own)
				      : space_residency(r->space, block->start, block->size, &own);
		if (err && !error_catch(&err, ERROR_FAULT))
			return err;
		residency_tally(r->residency ? r->residency : &own, block->start, block->size,
				&near, &tally);
		struct claim *claim = claims_add(ret, block->start, block->size);
		if (!claim)
			return error_out_of_memory();
		claim_charge(claim, LEAF_MALLOC_MMAPPED, block->size, &tally);
	}
	return NULL;
}

static struct error *add_claims(struct malloc_look *look, struct claims *ret)
{
	for (size_t i = 0; i < look->arenas.count; i++) {
		const struct claims *from = &look->arenas.items[i].claims;
		for (size_t k = 0; k < from->list.count; k++) {
			struct claim *claim = vec_push(&ret->list);
			if (!claim)
				return error_out_of_memory();
			*claim = from->list.items[k];
		}
	}
	return add_mapped_claims(look, ret);
}

/* The pages of a snapshot file were copied one after the other, while the process went on. */
static enum doubt_severity severity_of(const struct malloc_look *look)
{
	const struct origin *origin = look->request.origin;
	return origin && origin->kind == ORIGIN_SAVEFILE ? DOUBT_PARTIAL : DOUBT_INCONSISTENT;
}

static void doubt_arena(const struct malloc_look_arena *arena, enum doubt_severity severity,
			struct doubts *doubts)
{
	const struct malloc_arena *a = &arena->found;
	const char *why = !arena->walked ? "cannot be read"
			  : a->damage    ? a->damage
					 : "changed while it was read";
	if (!arena->settled)
		doubts_add(doubts, DOUBT_MALLOC_ARENA, severity, 1,
			   "malloc's arena at " RADDR_FORMAT ": %s", arena->at.value, why);
}

static void doubt_all(const struct malloc_look *look, const struct malloc_account *account,
		      struct doubts *doubts)
{
	for (size_t i = 0; i < look->arenas.count; i++)
		doubt_arena(&look->arenas.items[i], severity_of(look), doubts);
	if (look->place.par && !glibc_mapped_complete(&look->place, &look->mapped))
		doubts_add(doubts, DOUBT_MALLOC_MAPPED, DOUBT_NOTE, 1,
			   "malloc counts %s blocks with mappings of their own (%s "
			   "bytes), %s (%s bytes) were found",
			   COUNT(account->n_mmapped_told), COUNT(account->mmapped_told),
			   COUNT(account->n_mmapped), COUNT(account->mmapped));
	if (account->implementation == MALLOC_UNKNOWN)
		doubts_add(doubts, DOUBT_MALLOC_UNKNOWN, DOUBT_NOTE, 1,
			   "which library serves malloc() could not be told");
}

static struct error *describe(struct malloc_look *look, struct malloc_account *ret)
{
	const struct glibc_place *place = &look->place;
	const char *library =
		look->implementation == MALLOC_GLIBC ? place->library : look->stranger;
	ret->implementation = look->implementation;
	ret->library = library ? strdup(library) : NULL;
	if (library && !ret->library)
		return error_out_of_memory();
	if (look->implementation != MALLOC_GLIBC)
		return NULL;
	if (place->minor)
		(void)snprintf(ret->version, sizeof(ret->version), "2.%u", place->minor);
	ret->n_mmapped = look->mapped.blocks.count;
	ret->mmapped = look->mapped.size;
	if (!place->par)
		return NULL;
	ret->n_mmapped_told = glibc_place_par_int(place, place->par->n_mmaps);
	ret->mmapped_told = glibc_place_par_word(place, place->par->mmapped_mem);
	ret->has_settings = true;
	return glibc_settings_read(place, &look->environment, look->environment.n_processors,
				   &ret->settings);
}

struct error *malloc_look_finish(struct malloc_look *look, struct malloc_account *ret,
				 struct claims *ret_claims, struct doubts *doubts)
{
	_cleanup_(malloc_account_fini) struct malloc_account account = {.filled = true};
	struct error *err = describe(look, &account);
	err = err ?: name_threads(look);
	if (!err && look->arenas.count)
		sum_up(look, &account);
	if (!err && ret_claims)
		err = add_claims(look, ret_claims);
	if (err)
		return err;
	doubt_all(look, &account, doubts);
	if (!vec_reserve(&account.arenas, look->arenas.count))
		return error_out_of_memory();
	for (size_t i = 0; i < look->arenas.count; i++) {
		struct malloc_arena *from = &look->arenas.items[i].found;
		from->address = look->arenas.items[i].at;
		account.arenas.items[account.arenas.count++] = *from;
		*from = (struct malloc_arena){.main = false};
	}
	*ret = account;
	account = (struct malloc_account){.filled = false};
	return NULL;
}
