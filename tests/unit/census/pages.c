/* pages: each page is looked at by itself. */
#include "pages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

static size_t page_of(const struct pages *p, raddr at)
{
	return (size_t)(raddr_distance(p->start, at) / PAGES_SIZE);
}

static struct error *read_bytes(void *source, raddr at, void *buffer, size_t size)
{
	struct pages *p = source;
	p->n_reads++;
	for (size_t done = 0; done < size; done++) {
		raddr here = raddr_plus(at, done);
		size_t page = page_of(p, here);
		assert_true(page < p->n);
		if (p->kinds[page] == PAGE_OUT || p->kinds[page] == PAGE_BROKEN)
			return error_new(ERROR_FAULT, "page %zu", page);
		((uint8_t *)buffer)[done] = p->bytes[raddr_distance(p->start, here)];
	}
	return NULL;
}

static struct error *gather(void *source, struct space_slice *slices, size_t n,
			    const struct residency *residency)
{
	struct pages *p = source;
	for (size_t i = 0; i < n; i++) {
		struct space_slice *s = &slices[i];
		for (size_t piece = 0; piece < s->count; piece++) {
			raddr at = raddr_plus(s->start, piece * s->stride);
			assert_true(residency && residency_present(residency, at, s->size));
			for (size_t k = 0; k < s->size; k++) {
				enum page_kind kind =
					(enum page_kind)p->kinds[page_of(p, raddr_plus(at, k))];
				assert_true(kind == PAGE_THERE || kind == PAGE_BROKEN);
			}
			struct error *err = read_bytes(p, at, s->bytes + piece * s->size, s->size);
			s->got[piece] = err ? SLICE_UNREADABLE : SLICE_READ;
			error_free(err);
		}
	}
	return NULL;
}

static struct error *tell_residency(void *source, raddr start, uint64_t size, struct residency *ret)
{
	struct pages *p = source;
	for (uint64_t done = 0; done < size; done += PAGES_SIZE) {
		raddr at = raddr_plus(start, done);
		enum page_kind kind = (enum page_kind)p->kinds[page_of(p, at)];
		if (kind != PAGE_NEVER && kind != PAGE_IN_FILE)
			assert_true(residency_add(ret, at, PAGES_SIZE, kind == PAGE_OUT));
	}
	return NULL;
}

static const struct space_ops telling = {
	.read = read_bytes, .gather = gather, .residency = tell_residency};
static const struct space_ops silent = {.read = read_bytes};

static void add_region(struct pages *p, size_t first, size_t n)
{
	struct region *region = vec_push(&p->space.regions);
	assert_non_null(region);
	*region = (struct region){.start = raddr_plus(p->start, first * PAGES_SIZE),
				  .size = n * PAGES_SIZE,
				  .readable = true,
				  .writable = true};
	p->space.mapped_size += region->size;
}

void pages_init(struct pages *p, raddr start, size_t n, bool tells_residency)
{
	*p = (struct pages){.start = start, .n = n};
	p->bytes = malloc(n * PAGES_SIZE);
	p->kinds = calloc(n, 1);
	assert_true(p->bytes && p->kinds);
	for (uint64_t i = 0; i < n * PAGES_SIZE; i += 8) {
		uint64_t word = start.value + i;
		memcpy(p->bytes + i, &word, sizeof(word));
	}
	p->space.ops = tells_residency ? &telling : &silent;
	p->space.source = p;
	add_region(p, 0, n);
}

void pages_fini(struct pages *p)
{
	free(p->bytes);
	free(p->kinds);
	space_fini(&p->space);
}

void pages_unmap(struct pages *p, size_t first, size_t n)
{
	p->space.regions.count = 0;
	p->space.mapped_size = 0;
	add_region(p, 0, first);
	add_region(p, first + n, p->n - first - n);
}

bool pages_are(const struct pages *p, raddr at, const uint8_t *bytes, size_t size)
{
	return memcmp(bytes, p->bytes + raddr_distance(p->start, at), size) == 0;
}

bool pages_readable(const struct pages *p, raddr at, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		raddr here = raddr_plus(at, i);
		size_t page = page_of(p, here);
		if (raddr_compare(here, p->start) < 0 || page >= p->n ||
		    !space_region(&p->space, here) || p->kinds[page] == PAGE_OUT ||
		    p->kinds[page] == PAGE_BROKEN)
			return false;
	}
	return true;
}
