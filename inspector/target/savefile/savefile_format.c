/*
 * savefile_format: fixed places in fixed structs, and what may stand there.
 *
 *	header   magic 8 │ schema 4 │ flags 4 │ tool 32 │ zeros 8 │ sum 8
 *	entry    kind 4 │ size 4 │ stored 4 │ zero 4 │ offset 8 │ sum 8 │ start 8 │ pages 8
 *	trailer  magic 8 │ index: offset 8 │ stored 8 │ size 8 │ sum 8 │ zeros 16 │ sum 8
 */
#include "inspector/target/savefile/savefile_format.h"

#include "base/bytes.h"
#include "base/sum.h"

#include <string.h>

#define SUM_AT    56
#define TOOL_AT   16
#define TOOL_SIZE 32

static bool is_sealed(const uint8_t *block)
{
	struct bytes b = bytes_of(block, SUM_AT + 8);
	return bytes_u64(&b, SUM_AT) == sum_of(block, SUM_AT);
}

static void put(uint8_t *to, size_t at, unsigned width, uint64_t value)
{
	(void)bytes_put(to, at + width, at, width, value);
}

/* As much of a text as fits; the rest stays as it is. */
static void put_text(uint8_t *to, size_t room, const char *text)
{
	for (size_t i = 0; i < room && text[i]; i++)
		to[i] = (uint8_t)text[i];
}

/* ---- the ends ------------------------------------------------------------------------ */

void savefile_header_put(uint8_t to[SAVEFILE_HEADER_SIZE], unsigned flags, const char *tool)
{
	memset(to, 0, SAVEFILE_HEADER_SIZE);
	put_text(to, SAVEFILE_MAGIC_SIZE, SAVEFILE_MAGIC);
	put(to, 8, 4, SAVEFILE_SCHEMA);
	put(to, 12, 4, flags);
	put_text(to + TOOL_AT, TOOL_SIZE - 1, tool);
	put(to, SUM_AT, 8, sum_of(to, SUM_AT));
}

struct error *savefile_header_get(const uint8_t from[SAVEFILE_HEADER_SIZE], unsigned *ret_flags)
{
	struct bytes b = bytes_of(from, SAVEFILE_HEADER_SIZE);
	uint32_t schema = bytes_u32(&b, 8), flags = bytes_u32(&b, 12);
	if (memcmp(from, SAVEFILE_MAGIC, SAVEFILE_MAGIC_SIZE) != 0)
		return error_new(ERROR_BAD_FILE, "it is no snapshot of arenascope");
	if (!is_sealed(from))
		return error_new(ERROR_BAD_FILE, "the snapshot is damaged: its header");
	if (schema != SAVEFILE_SCHEMA || flags & ~(uint32_t)SAVEFILE_REDACTED)
		return error_remedy(error_new(ERROR_BAD_FILE,
					      "the snapshot is of format %u, this program reads %u",
					      schema, SAVEFILE_SCHEMA),
				    "a newer arenascope reads it");
	*ret_flags = flags;
	return NULL;
}

void savefile_trailer_put(uint8_t to[SAVEFILE_TRAILER_SIZE], const struct savefile_trailer *t)
{
	memset(to, 0, SAVEFILE_TRAILER_SIZE);
	put_text(to, SAVEFILE_MAGIC_SIZE, SAVEFILE_END_MAGIC);
	put(to, 8, 8, t->offset);
	put(to, 16, 8, t->stored);
	put(to, 24, 8, t->size);
	put(to, 32, 8, t->sum);
	put(to, SUM_AT, 8, sum_of(to, SUM_AT));
}

struct error *savefile_trailer_get(const uint8_t from[SAVEFILE_TRAILER_SIZE], uint64_t file_size,
				   struct savefile_trailer *ret)
{
	struct bytes b = bytes_of(from, SAVEFILE_TRAILER_SIZE);
	struct savefile_trailer t = {bytes_u64(&b, 8), bytes_u64(&b, 16), bytes_u64(&b, 24),
				     bytes_u64(&b, 32)};
	if (memcmp(from, SAVEFILE_END_MAGIC, SAVEFILE_MAGIC_SIZE) != 0)
		return error_new(ERROR_BAD_FILE, "the snapshot is cut short: its end is missing");
	uint64_t most = size_multiply(file_size / SAVEFILE_FRAME_MIN + 1, SAVEFILE_ENTRY_SIZE);
	if (!is_sealed(from) || t.offset < SAVEFILE_HEADER_SIZE || t.size > most ||
	    t.size % SAVEFILE_ENTRY_SIZE != 0 ||
	    size_add(size_add(t.offset, t.stored), SAVEFILE_TRAILER_SIZE) != file_size)
		return error_new(ERROR_BAD_FILE, "the snapshot is damaged: its end");
	*ret = t;
	return NULL;
}

/* ---- the index ----------------------------------------------------------------------- */

void savefile_entry_put(uint8_t to[SAVEFILE_ENTRY_SIZE], const struct savefile_part *part)
{
	memset(to, 0, SAVEFILE_ENTRY_SIZE);
	put(to, 0, 4, part->kind);
	put(to, 4, 4, part->size);
	put(to, 8, 4, part->stored);
	put(to, 16, 8, part->offset);
	put(to, 24, 8, part->sum);
	put(to, 32, 8, part->start);
	put(to, 40, 8, part->pages);
}

static struct savefile_part entry_get(const uint8_t *from)
{
	struct bytes b = bytes_of(from, SAVEFILE_ENTRY_SIZE);
	return (struct savefile_part){
		.kind = bytes_u32(&b, 0),
		.size = bytes_u32(&b, 4),
		.stored = bytes_u32(&b, 8),
		.offset = bytes_u64(&b, 16),
		.sum = bytes_u64(&b, 24),
		.start = bytes_u64(&b, 32),
		.pages = bytes_u64(&b, 40),
	};
}

static uint64_t end_of(const struct savefile_part *p)
{
	return p->kind == SAVEFILE_MEMORY ? size_add(p->start, SAVEFILE_WINDOW) : p->pages;
}

static bool holds_together(const struct savefile_part *p)
{
	if (p->size == 0 || p->size > SAVEFILE_PART_MAX || p->stored < SAVEFILE_FRAME_MIN)
		return false;
	if (p->kind == SAVEFILE_MEMORY)
		return p->start % SAVEFILE_WINDOW == 0 &&
		       p->start <= UINT64_MAX - SAVEFILE_WINDOW &&
		       p->size == (uint64_t)__builtin_popcountll(p->pages) * SAVEFILE_PAGE;
	if (p->kind == SAVEFILE_OVERLAY)
		return p->start < p->pages;
	return p->start == 0 && p->pages == 0;
}

static bool follows(const struct savefile_part *before, const struct savefile_part *p)
{
	if (p->kind != before->kind)
		return p->kind > before->kind;
	return p->kind > SAVEFILE_OVERLAY || p->start >= end_of(before);
}

struct error *savefile_entries_get(const uint8_t *from, size_t n, uint64_t end,
				   struct savefile_part *ret)
{
	uint64_t at = SAVEFILE_HEADER_SIZE;
	for (size_t i = 0; i < n; i++) {
		struct savefile_part p = entry_get(from + i * SAVEFILE_ENTRY_SIZE);
		bool fits = p.kind >= SAVEFILE_MEMORY && p.kind < SAVEFILE_KINDS &&
			    p.offset == at && p.stored <= end - at && holds_together(&p);
		if (!fits || (i > 0 && !follows(&ret[i - 1], &p)))
			return error_new(ERROR_BAD_FILE,
					 "the snapshot is damaged: entry %zu of its index", i);
		at += p.stored;
		ret[i] = p;
	}
	if (at != end)
		return error_new(ERROR_BAD_FILE, "the snapshot is damaged: bytes that belong to "
						 "nothing");
	return NULL;
}
