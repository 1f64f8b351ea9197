/*
 * glibc_links: nothing is read: what could be a link was met by a walk, and a list leads from one to the next.
 */
#include "inspector/malloc/glibc_links.h"

#include "base/bytes.h"

bool glibc_links_add(struct glibc_links *links, uint64_t at, uint64_t next)
{
	struct glibc_link_word *word = vec_push(&links->list);
	if (word)
		*word = (struct glibc_link_word){at, next};
	return word;
}

void glibc_links_fini(struct glibc_links *links)
{
	vec_fini(&links->list);
}

static const struct glibc_link_word *find(const struct glibc_links *links, uint64_t at)
{
	size_t low = 0, high = links->list.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (links->list.items[middle].at < at)
			low = middle + 1;
		else
			high = middle;
	}
	bool is = low < links->list.count && links->list.items[low].at == at;
	return is ? &links->list.items[low] : NULL;
}

static struct error *follow(const struct glibc_links *links, uint64_t at, struct glibc_marks *ret,
			    bool *ret_broken)
{
	while (at) {
		const struct glibc_link_word *word = find(links, at);
		if (!word || ret->list.count == links->list.count) { /* astray, or in a circle */
			*ret_broken = true;
			return NULL;
		}
		uint64_t *mark = vec_push(&ret->list);
		if (!mark)
			return error_out_of_memory();
		*mark = at;
		at = word->next;
	}
	return NULL;
}

struct error *glibc_links_follow(const struct glibc_links *links, const struct glibc_place *place,
				 const struct glibc_state *state, struct glibc_marks *ret,
				 bool *ret_broken)
{
	struct bytes b = bytes_of(state->bytes, sizeof(state->bytes));
	for (size_t i = 0; i < GLIBC_N_FASTBINS; i++) {
		uint64_t head = bytes_u64(&b, GLIBC_FASTBINS_AT(place->state) + i * 8);
		struct error *err = follow(links, head, ret, ret_broken);
		if (err)
			return err;
	}
	glibc_marks_sort(ret);
	return NULL;
}
