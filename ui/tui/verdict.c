/*
 * verdict: of RSS, what is not pymalloc's; of its arenas, what is used; of the
 * rest, what arenas with few used blocks keep. The largest share is the sentence.
 */
#include "ui/tui/verdict.h"

#include "ui/units.h"

static void no_arenas(struct text *ret, const struct snapshot_target *target)
{
	char rss[UNITS_MAX];
	units_bytes(rss, target->rss);
	if (target->allocator == ALLOCATOR_PYMALLOC) {
		text_add(ret, "No arenas are shown: none could be read, or none is in use.");
		return;
	}
	switch (target->allocator) {
	case ALLOCATOR_MALLOC:
		text_add(ret, "pymalloc is not used in this process: the C library's malloc serves "
			      "its objects (PYTHONMALLOC=malloc).");
		break;
	case ALLOCATOR_MIMALLOC:
		text_add(ret, "pymalloc is not used in this process: mimalloc serves its objects");
		text_add(ret, target->free_threaded ? " (free-threaded build)." : ".");
		break;
	case ALLOCATOR_CUSTOM:
		text_add(ret, "pymalloc is not used in this process: an allocator that the program "
			      "installed serves its objects.");
		break;
	case ALLOCATOR_UNKNOWN:
	case ALLOCATOR_PYMALLOC:
		text_add(ret, "It could not be told which allocator serves this process's objects, "
			      "and no pymalloc arena is there.");
		break;
	}
	text_addf(ret, " There is no map: only RSS (%s) and its history are known.", rss);
}

/* "1.31 GiB is free but cannot go back: …" */
static void kept_add(struct text *ret, const struct occupancy *o, uint64_t held)
{
	const struct occupancy_bucket *pinned = &o->buckets[OCCUPANCY_0_5];
	char bytes[UNITS_MAX], some[UNITS_MAX], all[UNITS_MAX], share[UNITS_MAX];
	uint64_t n = 0, used = 0, space = 0;
	bool few = pinned->held * 2 >= held;
	for (size_t i = OCCUPANCY_0_5; i <= (few ? OCCUPANCY_0_5 : OCCUPANCY_75_100); i++) {
		n += o->buckets[i].n_arenas;
		used += o->buckets[i].used;
		space += o->buckets[i].used + o->buckets[i].held;
	}
	units_bytes(bytes, few ? pinned->held : held);
	units_count(some, n);
	units_count(all, o->arenas.count);
	units_percent(share, used, space);
	if (few)
		text_addf(ret,
			  "%s is free but cannot go back: %s of %s arenas are only %s used, "
			  "each kept by a few live blocks.",
			  bytes, some, all, share);
	else
		text_addf(ret,
			  "%s is free but cannot go back: it is spread over %s of %s arenas, %s "
			  "used on average, and an arena goes back only when all of it is free.",
			  bytes, some, all, share);
}

static void live_add(struct text *ret, const struct occupancy_totals *t)
{
	char live[UNITS_MAX], total[UNITS_MAX], kept[UNITS_MAX], share[UNITS_MAX];
	units_bytes(live, t->live);
	units_bytes(total, t->total);
	units_bytes(kept, t->kept);
	units_percent(share, t->live, t->total);
	text_addf(ret,
		  "pymalloc keeps little: of its arenas' %s, %s (%s) is in use and %s is free.",
		  total, live, share, kept);
}

void verdict_add(struct text *ret, const struct picture *picture)
{
	const struct occupancy *o = &picture->occupancy;
	const struct occupancy_totals *t = &o->totals;
	if (!o->arenas.count) {
		no_arenas(ret, &picture->snapshot->target);
		return;
	}
	uint64_t rss = picture->snapshot->target.rss;
	uint64_t base = rss ? rss : t->total;
	uint64_t held = size_subtract(t->kept, o->buckets[OCCUPANCY_NONE_USED].held);
	uint64_t rest = picture_rest(picture);
	char outside[UNITS_MAX], all[UNITS_MAX];
	units_bytes(outside, rest);
	units_bytes(all, rss);
	bool mostly_outside = rest > base / 2 && !picture->choice.one;
	if (mostly_outside)
		text_addf(ret, "Most of RSS is not pymalloc's: %s of %s lie outside its arenas. ",
			  outside, all);
	if (held >= base / 10 && held >= MIB)
		kept_add(ret, o, held);
	else
		live_add(ret, t);
}

void verdict_add_surety(struct text *ret, const struct picture *picture)
{
	const struct occupancy_totals *t = &picture->occupancy.totals;
	const struct doubts *doubts = &picture->snapshot->doubts;
	char pools[UNITS_MAX], unread[UNITS_MAX];
	units_count(pools, t->n_pools - t->n_unread);
	units_count(unread, t->n_unread);
	text_addf(ret, "%s pools read, ", pools);
	if (t->n_unread)
		text_addf(ret, "%s could not be, ", unread);
	if (!doubts->list.count)
		text_add(ret, "all agree");
	for (size_t i = 0; i < doubts->list.count; i++) {
		const struct doubt *doubt = &doubts->list.items[i];
		text_addf(ret, "%s%s", i ? "; " : "",
			  doubt->detail ? doubt->detail : doubt_kind_name(doubt->kind));
	}
}
