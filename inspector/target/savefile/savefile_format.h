/*
 * savefile_format: how a snapshot file is laid out (docs/snapshot-format.md).
 *
 *	header ─ part ─ part ─ … ─ part ─ index ─ trailer
 *
 * A part is one zstd frame, and each can be read by itself; the index says where it lies and what
 * it holds. No byte of the file lies outside a checksum. Numbers are little-endian.
 */
#ifndef INSPECTOR_TARGET_SAVEFILE_FORMAT_H
#define INSPECTOR_TARGET_SAVEFILE_FORMAT_H

#include "base/error.h"
#include "base/size.h"

#define SAVEFILE_MAGIC        "ASCOPE\x01\n"
#define SAVEFILE_END_MAGIC    "ASCOPEND"
#define SAVEFILE_MAGIC_SIZE   8
#define SAVEFILE_SCHEMA       1
#define SAVEFILE_HEADER_SIZE  64
#define SAVEFILE_TRAILER_SIZE 64
#define SAVEFILE_ENTRY_SIZE   48
#define SAVEFILE_PAGE         UINT64_C(4096)
#define SAVEFILE_WINDOW       (64 * SAVEFILE_PAGE) /* addresses that one part of memory covers */
#define SAVEFILE_PART_MAX     (320 * KIB)          /* bytes of a part before it is compressed */
#define SAVEFILE_FRAME_MIN    9                    /* no zstd frame is shorter */

/* What parts hold, in the order in which they lie in the file. */
enum savefile_kind {
	SAVEFILE_MEMORY = 1, /* pages of one window; read live */
	SAVEFILE_OVERLAY,    /* ranges that lie over them, ascending: SAVEFILE_RANGE_SIZE, bytes */
	SAVEFILE_RESIDENCY,  /* runs of pages: start, size | 1 where swapped */
	SAVEFILE_REGIONS,    /* SAVEFILE_REGION_SIZE and a label each */
	SAVEFILE_FACTS,      /* tag, size, value */
	SAVEFILE_BUILD,      /* layout_text */
	SAVEFILE_VARIABLES,  /* names of variables, by object */
	SAVEFILE_KINDS
};

#define SAVEFILE_REDACTED 1 /* flag of the header: contents are blanked */

/* A range's head: address (8), size (4), flags (4). */
#define SAVEFILE_RANGE_SIZE    16
#define SAVEFILE_RANGE_STOPPED 1 /* copied while the target stood still */
#define SAVEFILE_RANGE_MAX     (64 * KIB)

/* A region's head: start, size, file offset, device, inode (8 each), flags (4), label's length (4). */
#define SAVEFILE_REGION_SIZE 48
#define SAVEFILE_LABEL_MAX   8192

struct savefile_part {
	uint32_t kind;   /* enum savefile_kind */
	uint32_t size;   /* bytes before it was compressed */
	uint32_t stored; /* bytes in the file */
	uint64_t offset; /* in the file */
	uint64_t sum;    /* sum_of() of the stored bytes */
	uint64_t start;  /* MEMORY: the window's address; OVERLAY: of its first byte */
	uint64_t
		pages; /* MEMORY: bit i, page i is there; OVERLAY: the address behind its last byte */
};

struct savefile_trailer {
	uint64_t offset, stored, size, sum; /* of the index */
};

/* tool: version of the program that writes. */
void savefile_header_put(uint8_t to[SAVEFILE_HEADER_SIZE], unsigned flags, const char *tool);

/* ERROR_BAD_FILE: no snapshot, another schema, or damaged. */
struct error *savefile_header_get(const uint8_t from[SAVEFILE_HEADER_SIZE],
				  unsigned *ret_flags) MUST_CHECK;

/* Sealed with its own checksum, as the header. */
void savefile_trailer_put(uint8_t to[SAVEFILE_TRAILER_SIZE], const struct savefile_trailer *t);

/* file_size: bytes of the whole file. ERROR_BAD_FILE: cut short or damaged. */
struct error *savefile_trailer_get(const uint8_t from[SAVEFILE_TRAILER_SIZE], uint64_t file_size,
				   struct savefile_trailer *ret) MUST_CHECK;

/* One entry of an index. */
void savefile_entry_put(uint8_t to[SAVEFILE_ENTRY_SIZE], const struct savefile_part *part);

/*
 * Takes an index of n entries apart. Parts lie one behind the other from the header to `end`, kinds in
 * their order, addresses ascending and apart. ERROR_BAD_FILE.
 */
struct error *savefile_entries_get(const uint8_t *from, size_t n, uint64_t end,
				   struct savefile_part *ret) MUST_CHECK;

#endif
