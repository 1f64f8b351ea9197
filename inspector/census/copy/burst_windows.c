/*
 * burst_windows: a cache in sets, so that finding a window costs a few comparisons.
 *
 *	address / 64 KiB ─▷ set ─▷ [window][window][window][window]     the one that was not used for longest goes
 *	window   [ 64 KiB of its own │ the 64 KiB behind: read only where a request reaches into them ]
 *
 * A block is read in one go. Where that fails because some of it is not there, it is read page by page, each once.
 */
#include "inspector/census/copy/burst_windows.h"

#include "base/size.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define WINDOW_WAYS  4
#define SETS_MAX     64 /* 32 MiB of address space, half of it touched as a rule */
#define BLOCK_PAGES  (WINDOW_BLOCK / WINDOW_PAGE)
#define PAGES_OF(n)  ((uint32_t)((UINT64_C(1) << (n)) - 1))
#define WINDOW_COUNT (windows->n_sets * WINDOW_WAYS)

struct error *burst_windows_init(struct burst_windows *windows, uint64_t size, window_fill_fn *fill,
				 void *context)
{
	size_t n_sets = 1;
	while (n_sets < SETS_MAX && n_sets * 2 * WINDOW_WAYS * WINDOW_SIZE <= size)
		n_sets *= 2;
	*windows = (struct burst_windows){.fill = fill, .context = context, .n_sets = n_sets};
	windows->list = calloc(WINDOW_COUNT, sizeof(*windows->list));
	void *memory = mmap(NULL, WINDOW_COUNT * WINDOW_SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	windows->memory = memory == MAP_FAILED ? NULL : memory;
	if (!windows->list || !windows->memory) {
		burst_windows_fini(windows);
		return error_out_of_memory();
	}
	for (size_t i = 0; i < WINDOW_COUNT; i++)
		windows->list[i].bytes = windows->memory + i * WINDOW_SIZE;
	return NULL;
}

void burst_windows_fini(struct burst_windows *windows)
{
	if (windows->memory)
		(void)munmap(windows->memory, WINDOW_COUNT * WINDOW_SIZE);
	free(windows->list);
	*windows = (struct burst_windows){.fill = NULL};
}

/* The window of a block, which becomes that of the set's oldest if there is none. */
static struct window *window_of(struct burst_windows *windows, uint64_t block)
{
	uint64_t mixed = block * UINT64_C(0x9e3779b97f4a7c15);
	size_t set = (size_t)(mixed >> 32) & (windows->n_sets - 1);
	struct window *way = &windows->list[set * WINDOW_WAYS], *oldest = way;
	for (size_t i = 0; i < WINDOW_WAYS; i++) {
		if (way[i].used && way[i].block == block)
			return &way[i];
		if (way[i].used < oldest->used)
			oldest = &way[i];
	}
	oldest->block = block;
	oldest->got = oldest->asked = 0;
	return oldest;
}

static void fill_pages(struct burst_windows *windows, struct window *w, size_t first, size_t n)
{
	raddr at = raddr_at(w->block * WINDOW_BLOCK + first * WINDOW_PAGE);
	uint32_t pages = PAGES_OF(n) << first;
	w->asked |= pages;
	if (!windows->fill(windows->context, at, w->bytes + first * WINDOW_PAGE, n * WINDOW_PAGE))
		return;
	w->got |= pages;
	windows->n_read += n * WINDOW_PAGE;
}

/* One of its two blocks, as far as it is needed. */
static void fill_block(struct burst_windows *windows, struct window *w, size_t first, uint32_t need)
{
	uint32_t own = PAGES_OF(BLOCK_PAGES) << first;
	if (!(need & own & ~w->asked))
		return;
	if (!(w->asked & own)) {
		fill_pages(windows, w, first, BLOCK_PAGES);
		if (w->got & own)
			return;
		w->asked &= ~own;
	}
	for (size_t page = first; page < first + BLOCK_PAGES; page++)
		if ((need & ~w->asked) >> page & 1)
			fill_pages(windows, w, page, 1);
}

const uint8_t *burst_windows_get(struct burst_windows *windows, raddr at, size_t size)
{
	uint64_t block = at.value / WINDOW_BLOCK;
	size_t inside = (size_t)(at.value % WINDOW_BLOCK);
	if (size > WINDOW_BLOCK || at.value > UINT64_MAX - WINDOW_SIZE)
		return NULL;
	size = size ? size : 1;
	struct window *w = window_of(windows, block);
	w->used = ++windows->n_requests;
	size_t first = inside / WINDOW_PAGE, last = (inside + size - 1) / WINDOW_PAGE;
	uint32_t need = PAGES_OF(last - first + 1) << first;
	fill_block(windows, w, 0, need);
	fill_block(windows, w, BLOCK_PAGES, need);
	return (w->got & need) == need ? w->bytes + inside : NULL;
}
