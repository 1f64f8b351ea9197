/*
 * mimalloc_round: one round of copying, step by step; mimalloc_copy.c puts them together.
 *
 *	find	which segments are there		mimalloc_find.c
 *	table	what pages each has			mimalloc_table.c
 *	owners	whose are heaps and segments		mimalloc_owners.c
 *	lists	which blocks of a page are free		mimalloc_lists.c
 */
#ifndef INSPECTOR_MIMALLOC_MIMALLOC_ROUND_H
#define INSPECTOR_MIMALLOC_MIMALLOC_ROUND_H

#include "inspector/mimalloc/mimalloc_copy.h"
#include "inspector/mimalloc/mimalloc_image.h"

#define OS_PAGE      4096
#define TABLE_PIECES ((MIMALLOC_HEADER_MAX + MIMALLOC_SLICES * MIMALLOC_PAGE_MAX) / OS_PAGE + 1)
#define BODY_PIECES  ((size_t)(MIMALLOC_SLICE / OS_PAGE) + 1)
#define BLOCKS_MAX   65536 /* of a page: its counts have 16 bits */

struct mimalloc_copy {
	struct mimalloc_image image;
	struct mimalloc_request request; /* of this round, as space and frozen */
	struct space *space;
	const struct space_tap *tap; /* of the space, which hears only what mimalloc_tell() says */
	bool frozen;
	VEC(struct mimalloc_segment_image) found;
	VEC(uint8_t) slot_used;
	struct residency probe;
	size_t near; /* in image.residency */

	uint8_t table[TABLE_PIECES * OS_PAGE]; /* a segment's first bytes */
	uint8_t table_got[TABLE_PIECES];
	uint8_t body[BODY_PIECES * OS_PAGE]; /* a page's blocks */
	uint8_t body_got[BODY_PIECES];
	raddr body_start;
	size_t body_pieces;
	uint64_t freed[BLOCKS_MAX / 64]; /* a bit a block of one page */
};

/* Reads what is all present; *ret_read false: it is not, or cannot be read. ERROR_GONE. */
struct error *mimalloc_read(struct mimalloc_copy *copy, raddr at, void *buffer, size_t size,
			    bool *ret_read) MUST_CHECK;

/* Lets the space's tap hear of what is mimalloc's own. It may not hear all that is read: where a segment is looked for,
 * and between the links of a page, lies what the program keeps. */
void mimalloc_tell(const struct mimalloc_copy *copy, raddr at, const void *bytes, size_t size);

/* Fills copy->found, ascending and disjoint: start, size, what the header says; and image.shape the first
 * time. ERROR_GONE, ERROR_RESOURCE. */
struct error *mimalloc_find(struct mimalloc_copy *copy) MUST_CHECK;

/* Reads so many pages of what may be a segment into copy->table: *ret bytes, up to what is not there or swapped
 * out; 0 where not even its header is. ERROR_GONE. */
struct error *mimalloc_table_read(struct mimalloc_copy *copy, raddr at, size_t pieces,
				  size_t *ret) MUST_CHECK;

/* Pages to read for a found segment's whole table. */
size_t mimalloc_find_pieces(const struct mimalloc_copy *copy,
			    const struct mimalloc_segment_image *segment);

/* Takes from copy->table, of which `size` bytes are there, what changed of a segment since it was found; false: it
 * is no more, or the table is not whole. */
bool mimalloc_find_again(struct mimalloc_copy *copy, struct mimalloc_segment_image *segment,
			 size_t size) MUST_CHECK;

/* Brings the pages of a segment up to what copy->table says. */
void mimalloc_table_parse(struct mimalloc_copy *copy, struct mimalloc_segment_image *segment);

/* Fills image.heaps and image.threads, counts each heap's pages, finds the owners of abandoned segments, and
 * follows the heaps' lists of delayed blocks into image.delayed. */
struct error *mimalloc_owners(struct mimalloc_copy *copy) MUST_CHECK;

/* The link that a word of an encoded list stands for; `null`: the address of what the list belongs to, which
 * stands for its end. */
uint64_t mimalloc_decode(uint64_t word, const uint64_t keys[2], raddr null);

/* Follows the lists of every page where that is needed, and tallies. */
struct error *mimalloc_lists(struct mimalloc_copy *copy) MUST_CHECK;

#endif
