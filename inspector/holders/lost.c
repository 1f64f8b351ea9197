/*
 * lost: who forgot a chunk is mostly told by its first words: a table of C++ virtual functions, a type's description, a
 * function to call.
 *
 *	chunk  [ word ]──▷ libfoo.so, read-only      this one votes for libfoo.so with its bytes
 *	       [ word ]──▷ libc.so.6, writable       a trace of the free list that it once was on: no vote
 */
#include "inspector/holders/lost.h"

#include "base/cleanup.h"

#define LOST_WORDS 4
#define LOST_SIZES 20

/* Chunks that were lost by one library mostly lie together: so do their votes. */
static void vote(struct lost *lost, const char *label, uint64_t bytes)
{
	struct lost_vote *last =
		lost->votes.count ? &lost->votes.items[lost->votes.count - 1] : NULL;
	if (!last || last->label != label)
		last = vec_push(&lost->votes);
	if (last) {
		last->label = label;
		last->bytes += bytes;
	} else {
		lost->failed = true;
	}
}

static const char *library_of(const struct space *space, uint64_t word)
{
	const struct region *region = space_region(space, raddr_at(word));
	bool fits = region && region->kind == REGION_FILE && !region->writable && region->label;
	return fits ? region->label : NULL;
}

void lost_add(struct lost *lost, struct scanner *scanner, uint32_t node)
{
	uint64_t start, room, there = 0, size = scanner_size(scanner, node);
	scanner_place(scanner, node, &start, &room);
	uint64_t *made = vec_push(&lost->sizes);
	if (made)
		*made = size;
	else
		lost->failed = true;
	lost->count++;
	lost->bytes += size;
	const uint8_t *bytes = scanner_bytes(scanner, start, LOST_WORDS * 8, &there);
	for (uint64_t i = 0; bytes && i + 8 <= size_min(there, room); i += 8) {
		uint64_t word;
		memcpy(&word, bytes + i, 8);
		const char *label = library_of(scanner->ground->space, word);
		if (!label)
			continue;
		vote(lost, label, size);
		return;
	}
}

static int compare_sizes(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
	return (left > right) - (left < right);
}

static int compare_rows(const void *a, const void *b)
{
	const struct holder_sizes *left = a, *right = b;
	uint64_t left_bytes = left->size * left->count, right_bytes = right->size * right->count;
	if (left_bytes != right_bytes)
		return left_bytes < right_bytes ? 1 : -1;
	return (left->size < right->size) - (left->size > right->size);
}

static struct error *tell_sizes(struct lost *lost, struct holders *ret)
{
	if (!lost->sizes.count)
		return NULL;
	qsort(lost->sizes.items, lost->sizes.count, sizeof(*lost->sizes.items), compare_sizes);
	for (size_t i = 0; i < lost->sizes.count; i++) {
		size_t n = ret->lost_sizes.count;
		if (!n || ret->lost_sizes.items[n - 1].size != lost->sizes.items[i]) {
			struct holder_sizes *row = vec_push(&ret->lost_sizes);
			if (!row)
				return error_out_of_memory();
			row->size = lost->sizes.items[i];
			n++;
		}
		ret->lost_sizes.items[n - 1].count++;
	}
	qsort(ret->lost_sizes.items, ret->lost_sizes.count, sizeof(*ret->lost_sizes.items),
	      compare_rows);
	ret->lost_sizes.count = (size_t)size_min(ret->lost_sizes.count, LOST_SIZES);
	return NULL;
}

static int compare_votes(const void *a, const void *b)
{
	const struct lost_vote *left = a, *right = b;
	return strcmp(left->label, right->label);
}

/* Only where it has more than half of all bytes: else several are as likely. */
static struct error *tell_library(struct lost *lost, struct holders *ret)
{
	uint64_t bytes = 0;
	if (lost->votes.count)
		qsort(lost->votes.items, lost->votes.count, sizeof(*lost->votes.items),
		      compare_votes);
	for (size_t i = 0; i < lost->votes.count && !ret->lost_library; i++) {
		const struct lost_vote *vote = &lost->votes.items[i];
		bool same = i > 0 && !strcmp(vote->label, lost->votes.items[i - 1].label);
		bytes = vote->bytes + (same ? bytes : 0);
		if (bytes <= lost->bytes / 2)
			continue;
		const char *slash = strrchr(vote->label, '/');
		ret->lost_library = strdup(slash ? slash + 1 : vote->label);
		if (!ret->lost_library)
			return error_out_of_memory();
	}
	return NULL;
}

struct error *lost_tell(struct lost *lost, struct holders *ret)
{
	if (lost->failed)
		return error_out_of_memory();
	ret->lost_count = lost->count;
	ret->lost_bytes = lost->bytes;
	struct error *err = tell_sizes(lost, ret);
	return err ?: tell_library(lost, ret);
}

void lost_fini(struct lost *lost)
{
	vec_fini(&lost->sizes);
	vec_fini(&lost->votes);
}
