/*
 * verdict: where there are arenas the report's own headline, so that both say
 * the same; without arenas, plainly that there are none to show and why.
 */
#include "ui/tui/verdict.h"

#include "ui/report/headline.h"
#include "ui/report/ledger_words.h"
#include "ui/report/why_words.h"
#include "ui/text/units.h"

static void no_arenas(struct text *ret, const struct snapshot *snapshot,
		      const struct ledger *ledger)
{
	const struct snapshot_target *target = &snapshot->target;
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
	if (ledger) {
		text_add(ret, " ");
		(void)ledger_words_sentence(ret, ledger, UNITS_AUTO);
	} else if (target->kind == ORIGIN_LIVE)
		text_addf(ret, " There is no map: only RSS (%s) and its history are known.", rss);
	else
		text_add(ret, " There is no map.");
}

/* What is known of who; nothing where no cause was found. */
static bool add_studied(struct text *ret, const struct picture *studied)
{
	struct why_words w = {.units = UNITS_AUTO};
	if (!studied || !studied->snapshot->verdict.filled ||
	    !studied->snapshot->verdict.causes.count)
		return false;
	w.snapshot = studied->snapshot;
	why_sentence(ret, &w);
	const struct cause *first = &studied->snapshot->verdict.causes.items[0];
	if (first->pin_root < studied->snapshot->pins.roots.count)
		text_add(ret, " 7 shows who.");
	return true;
}

void verdict_add(struct text *ret, const struct picture *picture, const struct ledger *ledger,
		 const struct picture *studied)
{
	if (add_studied(ret, studied))
		return;
	if (picture->occupancy.arenas.count)
		headline_write(ret, picture->snapshot, ledger, &picture->occupancy, UNITS_AUTO);
	else
		no_arenas(ret, picture->snapshot, ledger);
}

void verdict_add_surety(struct text *ret, const struct picture *picture)
{
	const struct occupancy_totals *t = &picture->occupancy.totals;
	const struct doubts *doubts = &picture->snapshot->doubts;
	char pools[UNITS_MAX], unread[UNITS_MAX];
	units_count(pools, t->n_pools - t->n_unread);
	units_count(unread, t->n_unread);
	text_addf(ret, "%s %s read, ", pools, occupancy_word(&picture->occupancy, "pools"));
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
