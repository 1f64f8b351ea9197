/*
 * burst: memory of the target, copied in one go before anything is made of it.
 *
 *	wanted   [ arena ][ arena ]      [ heap ▒▒▒▒▒ ]  [ .data ]
 *	copied      ✓        ✓              ✓  (large      ✓         while the budget lasts, in order
 *	                                        chunks: no)
 *	windows                                                      all else is read when it is asked for
 *
 * A heap that is read slowly while it changes says nothing (facts about a moment need a moment), so all that is
 * wanted is read first, by several readers. What the budget has no room for is read in windows, which
 * are forgotten again: the same answers, slower, and less of one moment.
 */
#ifndef INSPECTOR_CENSUS_BURST_H
#define INSPECTOR_CENSUS_BURST_H

#include "inspector/target/space.h"

struct burst;

struct burst_range {
	raddr start;
	uint64_t size;
};

/* How the target is made to stand still while it is copied, by who may do that. */
struct burst_hold {
	struct error *(*begin)(void *context); /* before the first byte is read; an error ends it */
	bool (*end)(void *context); /* after the last one: whether it stood still all the time */
	bool at_once;               /* it is not tried first without */
	uint64_t most;              /* bytes that there is time to copy so */
	void *context;
};

struct burst_request {
	struct space *space; /* borrowed; outlives the burst */
	const struct burst_range
		*wanted; /* most wanted first; what two of them share is copied once */
	size_t n_wanted;
	uint64_t max_memory;           /* bytes of our own for copies and windows */
	const struct burst_hold *hold; /* NULL: it runs on */
};

/*
 * Copies what is wanted, as far as max_memory goes. Where the space can tell, it is asked anew which pages are present,
 * before the first of them is read, and only those are. ERROR_GONE, ERROR_RESOURCE.
 */
struct error *burst_take(const struct burst_request *request, struct burst **ret) MUST_CHECK;
void burst_free(struct burst *burst); /* takes NULL */

static inline void burst_freep(struct burst **burst)
{
	burst_free(*burst);
}

/*
 * `size` bytes at `at`, or NULL where not all of them can be read (not mapped, not present, not in the
 * file). Of copied memory the pointer is good as long as the burst; else until the next call with memory
 * that is not copied. At most BURST_WINDOW bytes are sure to be had at once where nothing is copied.
 */
const uint8_t *burst_bytes(struct burst *burst, raddr at, size_t size);

#define BURST_WINDOW (64 * 1024)

/* An aligned word; false, *ret untouched: it cannot be read. */
bool burst_word(struct burst *burst, raddr at, uint64_t *ret);

/* The copied byte at `at`, and in *ret_left how many follow from there (a page that was not present ends them). NULL:
 * nothing is copied there. For sweeps; several threads may ask at a time. */
const uint8_t *burst_stretch(const struct burst *burst, raddr at, uint64_t *ret_left);

/* The lowest copied stretch that ends above `at`: where it begins, its bytes in *ret_size. False: there is none. */
bool burst_above(const struct burst *burst, raddr at, raddr *ret_start, uint64_t *ret_size);

/* Whether all that was wanted is copied; bytes that are; bytes of windows that were read so far; microseconds that the
 * copying took, from the first byte to the last. */
bool burst_whole(const struct burst *burst);
uint64_t burst_copied(const struct burst *burst);
uint64_t burst_windowed(const struct burst *burst);
uint64_t burst_took(const struct burst *burst);

/* Whether the target was held, and stood still, while it was copied. */
bool burst_still(const struct burst *burst);

/*
 * Another one's door to the same copy, for a thread of its own: windows are its own, and are filled by one at a time. It is freed
 * before the burst that it shares. ERROR_RESOURCE.
 */
struct error *burst_share(struct burst *burst, struct burst **ret) MUST_CHECK;

/*
 * The target's memory as a space in which what was copied is read from the copy, and all else where it always is. For
 * walkers. Borrows the burst and the regions: good until those are read anew, and not to be closed.
 */
struct space burst_space(struct burst *burst);

#endif
