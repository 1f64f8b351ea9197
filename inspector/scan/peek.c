/*
 * peek: a direct-mapped cache. Two pages of one slot push each other out, which costs a read and
 * nothing else.
 */
#include "inspector/scan/peek.h"

struct error *peek_init(struct space *space, struct peek *ret)
{
	struct peek_page *pages = calloc(PEEK_PAGES, sizeof(*pages));
	if (!pages)
		return error_out_of_memory();
	*ret = (struct peek){space, pages};
	return NULL;
}

static struct error *turn_to(struct peek *peek, uint64_t start, struct peek_page **ret)
{
	struct peek_page *page = &peek->pages[start / PEEK_PAGE % PEEK_PAGES];
	*ret = page;
	if (page->kept && page->start == start)
		return NULL;
	struct error *err = space_read(peek->space, raddr_at(start), page->bytes, PEEK_PAGE);
	page->start = start;
	page->got = !err;
	page->kept = !err || err->kind == ERROR_FAULT;
	return err && error_catch(&err, ERROR_FAULT) ? NULL : err;
}

struct error *peek_read(struct peek *peek, raddr at, void *buffer, size_t size, bool *ret_read)
{
	*ret_read = at.value <= UINT64_MAX - size;
	memset(buffer, 0, size);
	for (size_t done = 0; done < size && *ret_read;) {
		uint64_t here = at.value + done, inside = here % PEEK_PAGE;
		size_t some = (size_t)size_min(PEEK_PAGE - inside, size - done);
		struct peek_page *page;
		struct error *err = turn_to(peek, here - inside, &page);
		if (err)
			return err;
		*ret_read = page->got;
		if (page->got)
			memcpy((uint8_t *)buffer + done, page->bytes + inside, some);
		done += some;
	}
	return NULL;
}

void peek_forget(struct peek *peek)
{
	for (size_t i = 0; i < PEEK_PAGES; i++)
		peek->pages[i].kept = false;
}

void peek_fini(struct peek *peek)
{
	free(peek->pages);
	peek->pages = NULL;
}
