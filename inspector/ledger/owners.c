/*
 * owners: each word is looked up among the ranges.
 *
 *	libopenblas  rw   [ … │ 0x7f01a2000000 │ … ]      ─▶  [ anonymous ······· ]  named libopenblas
 *	libc, ld.so  rw   [ … ]  not asked
 */
#include "inspector/ledger/owners.h"

#include "base/cleanup.h"
#include "base/size.h"

#include <string.h>

#define PAGE     UINT64_C(4096)
#define PIECE    ((size_t)256) /* pages read at once */
#define READ_MAX (64 * MIB)

struct asking {
	struct space *space;
	const struct residency *residency;
	struct ownerless *ranges;
	size_t n;
	uint64_t lowest, end; /* of all ranges */
	uint64_t left;        /* bytes that may still be read */
	uint8_t *bytes;       /* PIECE pages */
	uint8_t got[PIECE];
};

/* The C library: its variables lead to all that was ever allocated. */
static bool knows_everybody(const char *path)
{
	const char *name = strrchr(path, '/');
	name = name ? name + 1 : path;
	return strncmp(name, "libc.so", 7) == 0 || strncmp(name, "libc-2.", 7) == 0 ||
	       strncmp(name, "ld-", 3) == 0;
}

static void note_word(struct asking *a, uint64_t word, size_t object)
{
	size_t low = 0, high = a->n;
	if (word < a->lowest || word >= a->end)
		return;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct ownerless *range = &a->ranges[middle];
		if (raddr_in(raddr_at(word), range->start, range->size)) {
			bool first = range->object == OWNER_NONE;
			range->object = first || range->object == object ? object : OWNER_SEVERAL;
			return;
		}
		if (range->start.value < word)
			low = middle + 1;
		else
			high = middle;
	}
}

static struct error *ask_piece(struct asking *a, raddr start, size_t n_pages, size_t object)
{
	struct space_slice slice = {start, PAGE, PAGE, n_pages, a->bytes, a->got};
	struct error *err = space_gather(a->space, &slice, 1, a->residency);
	if (err)
		return err;
	for (size_t page = 0; page < n_pages; page++) {
		if (a->got[page] != SLICE_READ)
			continue;
		a->left = size_subtract(a->left, PAGE);
		for (size_t at = 0; at < PAGE; at += 8) {
			uint64_t word;
			memcpy(&word, a->bytes + page * PAGE + at, sizeof(word));
			note_word(a, word, object);
		}
	}
	return NULL;
}

static struct error *ask_data(struct asking *a, const struct object_data *data)
{
	for (uint64_t done = 0; done < data->size && a->left;) {
		size_t pages = (size_t)size_min((data->size - done) / PAGE, PIECE);
		if (!pages)
			break;
		struct error *err =
			ask_piece(a, raddr_plus(data->start, done), pages, data->object);
		if (err)
			return err;
		done += pages * PAGE;
	}
	return NULL;
}

struct error *owners_find(struct space *space, const struct residency *residency,
			  const struct objects *objects, struct ownerless *ranges, size_t n)
{
	_cleanup_(free_pointer) uint8_t *bytes = n ? malloc(PIECE * PAGE) : NULL;
	struct asking asking = {space, residency, ranges, n, .left = READ_MAX, .bytes = bytes};
	if (n == 0)
		return NULL;
	if (!bytes)
		return error_out_of_memory();
	asking.lowest = ranges[0].start.value;
	asking.end = raddr_plus(ranges[n - 1].start, ranges[n - 1].size).value;
	for (size_t i = 0; i < objects->data.count; i++) {
		const struct object_data *data = &objects->data.items[i];
		if (knows_everybody(objects->list.items[data->object].path))
			continue;
		struct error *err = ask_data(&asking, data);
		if (err)
			return err;
	}
	return NULL;
}
