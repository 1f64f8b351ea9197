/*
 * small_process: what a redactor is asked about, with types and a heap.
 *
 *	code       400000   a static program: its addresses look like small numbers
 *	data  7f0000000000   types, not the interpreter's
 *	heap  7f0000100000   malloc's, from 64 bytes behind a window's start on
 *	large 7f0000300000   anonymous: one mapped chunk
 */
#ifndef TESTS_SAVE_SMALL_PROCESS_H
#define TESTS_SAVE_SMALL_PROCESS_H

#include "inspector/save/redact.h"
#include "inspector/target/savefile/savefile_format.h"

#define CODE  UINT64_C(0x400000)
#define DATA  UINT64_C(0x7f0000000000)
#define HEAP  UINT64_C(0x7f0000101000)
#define LARGE UINT64_C(0x7f0000300000)
#define SIZE  UINT64_C(0x80000)

/* Types, as in data. */
#define TYPE_TYPE (DATA + 0x000)
#define TYPE_STR  (DATA + 0x400)
#define TYPE_APP  (DATA + 0x800)
#define TYPE_INT  (DATA + 0xc00)
#define TYPE_LIST (DATA + 0x1000)

extern struct small_process {
	uint8_t code[0x1000], data[0x4000], heap[SIZE], large[SIZE];
	uint64_t chunk; /* where the next begins */
	struct space space;
	struct save_log log;
	struct pymalloc_saved_arenas arenas;
	struct redactor *redactor;
	uint32_t version_hex;
	uint8_t in[SAVEFILE_WINDOW], out[SAVEFILE_WINDOW];
} small;

/* Of each test: 3.12, nothing in its heap. */
int small_begin(void **state);
int small_end(void **state);

/* The host's bytes of [at, at + size); NULL: there is nothing. */
uint8_t *small_host(uint64_t at, uint64_t size);
void small_put(uint64_t at, uint64_t value);
void small_add(uint64_t start, uint64_t size, enum region_kind kind, bool writable);

void small_make_type(uint64_t at, const char *name, uint64_t basicsize, uint64_t flags);

/* Looks at the regions as they are now. */
void small_renew(void);

/* A chunk in use with room for `size` bytes; where they begin. */
uint64_t small_chunk(uint64_t size);

/* The rest of the heap: the top. */
void small_top(void);

/* The window that `window` lies in, as it is saved; and a word of it. */
uint8_t *small_blanked(uint64_t window);
uint64_t small_kept(uint64_t at);

#endif
