/*
 * glibc_tcache: what lies below a thread pointer is looked through, from there downwards: the words
 * that name an arena, and a chunk that is built like a cache, are known when they are seen.
 *
 * struct tcache_perthread_struct, malloc/malloc.c, glibc 2.26 to 2.43.
 */
#include "inspector/malloc/glibc_tcache.h"

#include "base/bytes.h"

#define TLS_SIZE     (8 * KIB)
#define CACHE_MAX    (0x300 + 16)
#define LIST_MAX     65536 /* as its counts are 16 bits wide */
#define LISTS_BUDGET 500000

/* A cache, copied. */
struct cache {
	uint64_t at;
	const struct glibc_tcache_shape *shape;
	uint8_t bytes[CACHE_MAX];
};

static struct error *read_bytes(struct space *space, uint64_t at, void *to, size_t size,
				bool *ret_read)
{
	struct error *err = space_read(space, raddr_at(at), to, size);
	*ret_read = !err;
	return error_catch(&err, ERROR_FAULT) ? NULL : err;
}

/* ---- a cache ---------------------------------------------------------------------------- */

static uint64_t count_of(const struct cache *cache, size_t bin)
{
	struct bytes b = bytes_of(cache->bytes, sizeof(cache->bytes));
	return bytes_unsigned(&b, bin * cache->shape->count_width, cache->shape->count_width);
}

static uint64_t head_of(const struct cache *cache, size_t bin)
{
	struct bytes b = bytes_of(cache->bytes, sizeof(cache->bytes));
	size_t heads = (size_t)cache->shape->n_bins * cache->shape->count_width;
	return bytes_u64(&b, heads + bin * 8);
}

static bool is_whole(const struct cache *cache)
{
	for (size_t i = 0; i < cache->shape->n_bins; i++) {
		uint64_t head = head_of(cache, i), count = count_of(cache, i);
		if (head % GLIBC_ALIGNMENT != 0 || head >> 47 != 0 ||
		    (!cache->shape->counts_left && (count == 0) != (head == 0)))
			return false;
	}
	return true;
}

static bool is_empty(const struct cache *cache)
{
	for (size_t i = 0; i < cache->shape->n_bins; i++)
		if (head_of(cache, i))
			return false;
	return true;
}

/* Whether a word of a thread's memory leads to a cache. */
static struct error *read_cache(struct space *space, const struct glibc_place *place, uint64_t at,
				struct cache *ret, bool *ret_is)
{
	const struct glibc_tcache_shape *s;
	uint64_t size;
	*ret_is = false;
	if (at % GLIBC_ALIGNMENT != 0 || at < GLIBC_PAGE || !space_region(space, raddr_at(at - 8)))
		return NULL;
	struct error *err = read_bytes(space, at - 8, &size, sizeof(size), ret_is);
	if (err || !*ret_is)
		return err;
	*ret_is = false;
	size &= ~GLIBC_SIZE_BITS;
	for (size_t i = 0; (s = glibc_tcache_shape(i)) && !*ret_is; i++) {
		bool fits = glibc_shape_fits(s->from, s->until, place->minor) &&
			    s->until >= place->state->from && s->from <= place->state->until &&
			    (size == s->chunk || size == s->chunk + 16u);
		if (!fits)
			continue;
		*ret = (struct cache){.at = at, .shape = s};
		err = read_bytes(space, at, ret->bytes, s->chunk - 16, ret_is);
		*ret_is = *ret_is && is_whole(ret);
		if (err)
			return err;
	}
	return NULL;
}

/* ---- a thread --------------------------------------------------------------------------- */

static bool is_arena(const struct glibc_place *place, uint64_t word)
{
	for (size_t i = 0; i < place->arenas.count; i++)
		if (place->arenas.items[i].value == word)
			return true;
	return false;
}

/* What lies below the thread pointer in its mapping; *ret_n words of it. */
static struct error *read_below(struct space *space, raddr pointer, uint64_t *words, size_t *ret_n)
{
	const struct region *region = space_region(space, raddr_minus(pointer, 8));
	bool read = false;
	*ret_n = 0;
	if (raddr_is_null(pointer) || pointer.value % 8 != 0 || !region)
		return NULL;
	uint64_t size = size_min(raddr_distance(region->start, pointer), TLS_SIZE);
	struct error *err = read_bytes(space, pointer.value - size, words, (size_t)size, &read);
	*ret_n = read ? (size_t)size / 8 : 0;
	return err;
}

/* The nearest cache that is not empty, else the nearest. */
static struct error *look_at_thread(struct space *space, const struct glibc_place *place,
				    const struct thread *thread, struct glibc_thread *ret,
				    struct cache *ret_cache)
{
	uint64_t words[TLS_SIZE / 8];
	size_t n = 0;
	struct error *err = read_below(space, thread->pointer, words, &n);
	for (size_t i = n; i-- > 0 && !err;) {
		struct cache cache;
		bool is = false;
		if (raddr_is_null(ret->arena) && is_arena(place, words[i]))
			ret->arena = raddr_at(words[i]);
		if (words[i] == 0 || (ret_cache->at && !is_empty(ret_cache)))
			continue;
		err = read_cache(space, place, words[i], &cache, &is);
		if (!err && is && (!ret_cache->at || !is_empty(&cache)))
			*ret_cache = cache;
	}
	ret->cache = raddr_at(ret_cache->at);
	return err;
}

/* ---- what they hold --------------------------------------------------------------------- */

static bool add_mark(struct glibc_marks *marks, uint64_t value)
{
	uint64_t *mark = vec_push(&marks->list);
	if (mark)
		*mark = value;
	return mark;
}

/* The second word of the chunk that each list begins with. */
static struct error *collect_keys(struct space *space, const struct cache *cache,
				  struct glibc_marks *ret, struct glibc_marks *ret_own)
{
	for (size_t i = 0; i < cache->shape->n_bins; i++) {
		uint64_t head = head_of(cache, i), words[2];
		bool read = head != 0;
		struct error *err = read ? read_bytes(space, head, words, 16, &read) : NULL;
		if (err)
			return err;
		if (!read)
			continue;
		if (!add_mark(ret, words[1]) ||
		    (words[1] == cache->at && !add_mark(ret_own, words[1])))
			return error_out_of_memory();
	}
	return NULL;
}

static bool is_hidden(struct space *space, const struct glibc_place *place, uint64_t at,
		      uint64_t stored)
{
	if (place->minor)
		return place->minor >= 32;
	if (stored == 0 || stored == at >> 12)
		return stored != 0;
	return stored % GLIBC_ALIGNMENT != 0 || !space_region(space, raddr_at(stored));
}

static struct error *follow_list(struct space *space, const struct glibc_place *place, uint64_t at,
				 struct glibc_marks *ret)
{
	for (size_t n = 0; at && n < LIST_MAX && ret->list.count < LISTS_BUDGET; n++) {
		uint64_t stored;
		bool read = at % GLIBC_ALIGNMENT == 0;
		struct error *err = read ? read_bytes(space, at, &stored, 8, &read) : NULL;
		if (err || !read)
			return err;
		if (!add_mark(ret, at - 16))
			return error_out_of_memory();
		at = glibc_link(is_hidden(space, place, at, stored), at, stored);
	}
	return NULL;
}

static struct error *follow_lists(struct space *space, const struct glibc_place *place,
				  const struct cache *cache, struct glibc_marks *ret)
{
	for (size_t i = 0; i < cache->shape->n_bins; i++) {
		uint64_t head = head_of(cache, i);
		struct error *err = head ? follow_list(space, place, head, ret) : NULL;
		if (err)
			return err;
	}
	return NULL;
}

/* What more than half of them are; 0: nothing is. */
static uint64_t majority(struct glibc_marks *marks)
{
	glibc_marks_sort(marks);
	size_t n = marks->list.count;
	uint64_t middle = n ? marks->list.items[n / 2] : 0;
	size_t same = 0;
	for (size_t i = 0; i < n; i++)
		same += marks->list.items[i] == middle;
	return same * 2 > n ? middle : 0;
}

struct found {
	VEC(struct cache) caches;
	struct glibc_marks words, own;
};

/* Keys are own addresses, one number, or nothing. */
static struct error *settle_keys(struct space *space, const struct glibc_place *place,
				 struct found *found, struct glibc_tcaches *ret)
{
	struct error *err = NULL;
	for (size_t i = 0; i < found->caches.count && !err; i++)
		err = collect_keys(space, &found->caches.items[i], &found->words, &found->own);
	if (err)
		return err;
	uint64_t key = majority(&found->words);
	if (found->own.list.count * 2 > found->words.list.count) {
		for (size_t i = 0; i < found->caches.count; i++)
			if (!add_mark(&ret->keys, found->caches.items[i].at))
				return error_out_of_memory();
		glibc_marks_sort(&ret->keys);
	} else if (key && (place->minor == 0 || place->minor >= 34)) {
		return add_mark(&ret->keys, key) ? NULL : error_out_of_memory();
	}
	for (size_t i = 0; i < found->caches.count && !err && ret->keys.list.count == 0; i++)
		err = follow_lists(space, place, &found->caches.items[i], &ret->chunks);
	glibc_marks_sort(&ret->chunks);
	return err;
}

static struct error *look_at_threads(struct space *space, const struct glibc_place *place,
				     const struct threads *threads, struct found *found,
				     struct glibc_tcaches *ret)
{
	for (size_t i = 0; i < threads->list.count; i++) {
		const struct thread *from = &threads->list.items[i];
		struct glibc_thread *to = vec_push(&ret->threads);
		struct cache cache = {0};
		if (!to)
			return error_out_of_memory();
		memcpy(to->name, from->name, sizeof(to->name));
		to->name[sizeof(to->name) - 1] = 0;
		struct error *err = look_at_thread(space, place, from, to, &cache);
		if (err)
			return err;
		struct cache *kept = cache.at ? vec_push(&found->caches) : NULL;
		if (cache.at && !kept)
			return error_out_of_memory();
		if (kept)
			*kept = cache;
		ret->shape = kept ? cache.shape : ret->shape;
	}
	return NULL;
}

struct error *glibc_tcaches_find(struct space *space, const struct glibc_place *place,
				 const struct threads *threads, struct glibc_tcaches *ret)
{
	struct found found = {0};
	struct error *err = look_at_threads(space, place, threads, &found, ret);
	err = err ?: settle_keys(space, place, &found, ret);
	vec_fini(&found.caches);
	glibc_marks_fini(&found.words);
	glibc_marks_fini(&found.own);
	return err;
}

void glibc_tcaches_fini(struct glibc_tcaches *tcaches)
{
	vec_fini(&tcaches->threads);
	glibc_marks_fini(&tcaches->keys);
	glibc_marks_fini(&tcaches->chunks);
}
