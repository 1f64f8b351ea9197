/*
 * search: the two questions, for each word; quick for nearly all of them.
 *
 *	aligned, and inside what is mapped?        else next word
 *	filter of orphans                          one bit
 *	atlas: may it lie outside of the arenas?   one byte
 *	met just before?                           one word
 */
#include "inspector/census/passes/search.h"

#define PIECE       4096                /* where not all can be read */
#define WORDS_MAX   (UINT64_C(1) << 22) /* gathered by all workers */
#define ORPHANS_MAX (UINT64_C(1) << 22)

static struct error *draw(struct search *search)
{
	const struct ground *ground = search->ground;
	struct error *err = atlas_draw(ground->space, &ground->plot, &search->atlas);
	return err
		       ?: orphans_gather(&ground->plot, &ground->labels, ground->shapes.hook_size,
					 ORPHANS_MAX, &search->orphans);
}

struct error *search_init(struct search *search, struct crew *crew)
{
	*search = (struct search){
		.ground = crew->ground,
		.crew = crew,
		.left = crew->ground->space->mapped_size,
		.asked = {.limit = WORDS_MAX},
		.seekers = calloc(crew->n, sizeof(*search->seekers)),
	};
	struct error *err = search->seekers ? draw(search) : error_out_of_memory();
	if (err) {
		search_fini(search);
		return err;
	}
	for (size_t i = 0; i < crew->n; i++) {
		search->seekers[i].search = search;
		search->seekers[i].outside.limit = WORDS_MAX / crew->n;
		crew->workers[i].context = &search->seekers[i];
	}
	return NULL;
}

void search_fini(struct search *search)
{
	for (size_t i = 0; search->seekers && i < search->crew->n; i++) {
		word_set_fini(&search->seekers[i].outside);
		vec_fini(&search->seekers[i].met);
		vec_fini(&search->seekers[i].pending);
	}
	free(search->seekers);
	word_set_fini(&search->asked);
	orphans_fini(&search->orphans);
	atlas_fini(&search->atlas);
	*search = (struct search){0};
}

/* ---- one word ------------------------------------------------------------------------- */

static void meet_orphan(struct seeker *seeker, struct orphan *orphan, uint32_t owner)
{
	if (!seeker->alone) {
		orphan_claim(orphan, owner);
		return;
	}
	if (orphan->owner != ORPHANS_NOBODY)
		return;
	uint32_t *met = vec_push(&seeker->met);
	if (met) {
		*met = orphan->block;
		orphan->owner = owner;
	}
}

static void meet_outside(struct seeker *seeker, uint64_t word)
{
	const struct ground *ground = seeker->search->ground;
	uint64_t *recent = &seeker->recent[word / 8 % SEARCH_RECENT];
	if (*recent == word)
		return;
	*recent = word;
	struct plot_place place;
	if (plot_find(&ground->plot, word, &place) &&
	    (place.arena != PLOT_NONE || crew_read(ground, place.block) != LABELS_UNEXPLAINED))
		return;
	if (!seeker->alone) {
		(void)word_set_add(&seeker->outside, word);
		return;
	}
	uint64_t *pending =
		word_set_add(&seeker->search->asked, word) ? vec_push(&seeker->pending) : NULL;
	if (pending)
		*pending = word;
}

struct looking {
	struct seeker *seeker;
	uint32_t owner;
};

static void look_at(void *context, uint64_t at, const uint8_t *bytes, size_t size)
{
	(void)at;
	const struct looking *looking = context;
	struct seeker *seeker = looking->seeker;
	const struct search *search = seeker->search;
	const uint64_t start = search->atlas.start, span = search->atlas.size;
	for (size_t i = 0; i + 8 <= size; i += 8) {
		uint64_t word;
		memcpy(&word, bytes + i, sizeof(word));
		if (word - start >= span || word % 8)
			continue;
		struct orphan *orphan = orphans_at(&search->orphans, word);
		if (orphan)
			meet_orphan(seeker, orphan, looking->owner);
		else if (atlas_outside(&search->atlas, word))
			meet_outside(seeker, word);
	}
}

void search_through(struct worker *worker, uint64_t start, uint64_t size, uint32_t owner)
{
	struct looking looking = {worker->context, owner};
	search_pieces(worker->burst, start, size, look_at, &looking);
}

/* ---- memory --------------------------------------------------------------------------- */

struct pieces {
	struct burst *burst;
	void (*see)(void *context, uint64_t at, const uint8_t *bytes, size_t size);
	void *context;
};

static void see_pieces(const struct pieces *p, uint64_t start, uint64_t size, uint64_t step)
{
	for (uint64_t done = 0; done < size;) {
		uint64_t at = start + done;
		size_t some = (size_t)size_min(size - done, step - at % step);
		const uint8_t *bytes = burst_bytes(p->burst, raddr_at(at), some);
		if (bytes)
			p->see(p->context, at, bytes, some);
		else if (step > PIECE)
			see_pieces(p, at, some, PIECE);
		done += some;
	}
}

void search_pieces(struct burst *burst, uint64_t start, uint64_t size,
		   void (*see)(void *context, uint64_t at, const uint8_t *bytes, size_t size),
		   void *context)
{
	const struct pieces pieces = {burst, see, context};
	uint64_t skew = -start % 8;
	if (size > skew)
		see_pieces(&pieces, start + skew, size - skew, BURST_WINDOW);
}
