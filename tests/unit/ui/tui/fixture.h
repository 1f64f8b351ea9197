/* fixture: snapshots made by hand, the same in every run. */
#ifndef TESTS_UNIT_UI_TUI_FIXTURE_H
#define TESTS_UNIT_UI_TUI_FIXTURE_H

#include "inspector/snapshot.h"
#include "ui/tui/board.h"

#define FIXTURE_POOLS      64
#define FIXTURE_POOL_SIZE  (UINT64_C(16) << 10)
#define FIXTURE_ARENA_SIZE (UINT64_C(1) << 20)
#define FIXTURE_BASE       UINT64_C(0x7f3a1c000000)

/* A process without any interpreter: 4127, CPython 3.12.1, 1.93 GiB. */
struct snapshot *fixture_process(void);

/* One more interpreter with an allocator of its own, still without arenas; its index. */
size_t fixture_interpreter(struct snapshot *s, int64_t id);

/* An arena at that address; each of its pools has `share` (0 to 1) of its blocks used, a nearly
 * empty arena few blocks in few pools. */
void fixture_arena(struct snapshot *s, size_t interpreter, uint64_t address, double share);

/* Sums up all totals; to be called last. */
void fixture_finish(struct snapshot *s);

/* The heap of the goldens: `n` arenas, most of them nearly empty after the first fifth. */
struct snapshot *fixture_fragmented(size_t n);

#define FIXTURE_SEGMENT_SIZE (UINT64_C(32) << 20)
#define FIXTURE_SEGMENTS     UINT64_C(0x20000000000)

/* The heap of the goldens: `n` segments, most of them nearly empty after the first fifth, and a huge one. */
struct snapshot *fixture_segments(size_t n);

/* A board that has shown nothing yet; its pools read as a pattern of used, free and virgin blocks. */
void fixture_board(struct board *board);

/* Shows a snapshot and draws once, so that all screens know what fits. */
void fixture_show(struct board *board, struct snapshot *s);

/* Presses each character of a string; the special ones by name: "{enter}" "{esc}" "{down}" … */
void fixture_press(struct board *board, const char *keys);

/* Draws what is shown at the three sizes of the goldens and compares it with tests/golden/tui/NAME-…,
 * or writes those anew. */
void fixture_screens(struct board *board, const char *name);

/* The same of one drawn text. */
void fixture_golden(const char *name, const char *drawn);

/* The board drawn at a size; to be freed. */
char *fixture_draw(struct board *board, int width, int height, bool ascii);

#endif
