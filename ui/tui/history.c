/*
 * history: points of equal weight, but for the newest, which is still filling.
 *
 *	full:   [1][1][1][1][1][1]      halved: [2][2][2]         then: [2][2][2][1]
 */
#include "ui/tui/history.h"

#include "base/size.h"

#include <string.h>

static void point_merge(struct history_point *into, const struct history_point *from)
{
	into->at = from->at;
	into->rss = size_max(into->rss, from->rss);
	into->live = size_max(into->live, from->live);
	for (int i = 0; i < LEAF_COUNT; i++)
		into->leaves[i] = size_max(into->leaves[i], from->leaves[i]);
	into->n_looks += from->n_looks;
}

static void history_halve(struct history *h)
{
	size_t kept = 0;
	for (size_t i = 0; i < h->count; i += 2) {
		struct history_point point = h->points[i];
		if (i + 1 < h->count)
			point_merge(&point, &h->points[i + 1]);
		h->points[kept++] = point;
	}
	h->count = kept;
	h->looks_per_point *= 2;
}

void history_add(struct history *h, time_t at, uint64_t rss, uint64_t live,
		 const uint64_t leaves[LEAF_COUNT])
{
	struct history_point point = {.at = at, .rss = rss, .live = live, .n_looks = 1};
	struct history_point *last = h->count ? &h->points[h->count - 1] : NULL;
	if (leaves)
		memcpy(point.leaves, leaves, sizeof(point.leaves));
	if (!h->looks_per_point)
		h->looks_per_point = 1;
	h->last_rss = rss;
	if (last && last->n_looks < h->looks_per_point) {
		point_merge(last, &point);
		return;
	}
	if (h->count == HISTORY_MAX)
		history_halve(h);
	h->points[h->count++] = point;
}

bool history_flat_since(const struct history *h, time_t *ret)
{
	if (!h->count)
		return false;
	uint64_t margin = h->last_rss / 100;
	size_t first = h->count;
	while (first) {
		uint64_t rss = h->points[first - 1].rss;
		uint64_t apart = rss > h->last_rss ? rss - h->last_rss : h->last_rss - rss;
		if (apart > margin)
			break;
		first--;
	}
	if (first == h->count || h->points[h->count - 1].at - h->points[first].at < 10)
		return false;
	*ret = h->points[first].at;
	return true;
}

time_t history_span(const struct history *h)
{
	return h->count ? h->points[h->count - 1].at - h->points[0].at : 0;
}

size_t history_rss(const struct history *h, uint64_t values[HISTORY_MAX])
{
	for (size_t i = 0; i < h->count; i++)
		values[i] = h->points[i].rss;
	return h->count;
}

size_t history_leaf(const struct history *h, enum leaf leaf, uint64_t values[HISTORY_MAX])
{
	for (size_t i = 0; i < h->count; i++)
		values[i] = h->points[i].leaves[leaf];
	return h->count;
}
