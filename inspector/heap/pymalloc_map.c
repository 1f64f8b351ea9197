/*
 * pymalloc_map: each pointer of a node is a node of the next level.
 *
 *	root [ – ▢ – – ] ─▶ mid [ – – ▢ ▢ – ] ─▶ bot, bot
 *	       1 mid              2 bots
 */
#include "inspector/heap/pymalloc_map.h"

#define PIECE UINT64_C(4096)

struct count {
	struct space *space;
	uint64_t node_size;
	uint64_t budget; /* bytes that may still be read */
	bool known;
};

static struct error *read_piece(struct count *c, raddr at, uint64_t size, uint64_t *words)
{
	c->known &= size <= c->budget;
	if (!c->known)
		return NULL;
	c->budget -= size;
	struct error *err = space_read(c->space, at, words, (size_t)size);
	c->known = !err;
	return err && error_catch(&err, ERROR_FAULT) ? NULL : err;
}

static struct error *count_node(struct count *c, raddr node, uint64_t *count)
{
	for (uint64_t done = 0; done < c->node_size && c->known; done += PIECE) {
		uint64_t words[PIECE / 8];
		uint64_t some = size_min(PIECE, c->node_size - done);
		struct error *err = read_piece(c, raddr_plus(node, done), some, words);
		if (err)
			return err;
		for (uint64_t i = 0; i < some / 8 && c->known; i++)
			*count += words[i] != 0;
	}
	return NULL;
}

struct error *pymalloc_map_count(struct space *space, raddr root, uint64_t node_size,
				 uint64_t *ret_mids, uint64_t *ret_bots, bool *ret_known)
{
	struct count c = {space, node_size, space->mapped_size, true};
	uint64_t mids = 0, bots = 0;
	for (uint64_t done = 0; done < node_size && c.known; done += PIECE) {
		uint64_t words[PIECE / 8];
		uint64_t some = size_min(PIECE, node_size - done);
		struct error *err = read_piece(&c, raddr_plus(root, done), some, words);
		for (uint64_t i = 0; i < some / 8 && c.known && !err; i++) {
			if (!words[i])
				continue;
			mids++;
			err = count_node(&c, raddr_at(words[i]), &bots);
		}
		if (err)
			return err;
	}
	*ret_known = c.known;
	*ret_mids = mids;
	*ret_bots = bots;
	return NULL;
}
