/*
 * labels: a list of what is said, and a hash table that finds what was said before.
 *
 * The list is asked with every field, the table only remembers where in the list to look; it
 * doubles before it is half full.
 */
#include "inspector/census/labels.h"

#define INDEX_FIRST 256

static bool same(const struct label *a, const struct label *b)
{
	return a->kind == b->kind && a->part == b->part && a->type == b->type && a->of == b->of &&
	       a->leaf == b->leaf;
}

static uint64_t hash_of(const struct label *label)
{
	uint64_t mixed = ((uint64_t)label->type << 32 | label->of) * UINT64_C(0x9e3779b97f4a7c15);
	uint64_t small =
		(uint64_t)label->kind << 8 | (uint64_t)label->part << 1 | (label->leaf ? 1 : 0);
	mixed ^= small * UINT64_C(0xc2b2ae3d27d4eb4f);
	return mixed ^ mixed >> 29;
}

/* Where a label stands in the table, or the empty place where it would. */
static size_t seek(const struct labels *labels, const struct label *label)
{
	size_t mask = labels->index_size - 1;
	size_t at = (size_t)hash_of(label) & mask;
	while (labels->index[at] && !same(&labels->list.items[labels->index[at] - 1], label))
		at = (at + 1) & mask;
	return at;
}

static bool grow(struct labels *labels)
{
	size_t size = labels->index_size ? labels->index_size * 2 : INDEX_FIRST;
	uint32_t *index = calloc(size, sizeof(*index));
	if (!index)
		return false;
	free(labels->index);
	labels->index = index;
	labels->index_size = size;
	for (uint32_t i = 0; i < labels->list.count; i++)
		labels->index[seek(labels, &labels->list.items[i])] = i + 1;
	return true;
}

static uint16_t add(struct labels *labels, const struct label *label)
{
	struct label *added = labels->list.count < LABELS_MAX ? vec_push(&labels->list) : NULL;
	if (!added) {
		labels->n_beyond++;
		return LABELS_OTHERS;
	}
	*added = *label;
	labels->index[seek(labels, label)] = (uint32_t)labels->list.count;
	return (uint16_t)(labels->list.count - 1);
}

uint16_t labels_number(struct labels *labels, const struct label *label)
{
	uint32_t known = labels->index[seek(labels, label)];
	if (known)
		return (uint16_t)(known - 1);
	if ((labels->list.count + 1) * 2 > labels->index_size && !grow(labels)) {
		labels->n_beyond++;
		return LABELS_OTHERS;
	}
	return add(labels, label);
}

struct error *labels_init(struct labels *labels, uint32_t n_blocks)
{
	static const struct label first[] = {
		[LABELS_FREE] = {LABEL_FREE, PART_OTHER, TYPE_NONE, TYPE_NONE, true},
		[LABELS_UNEXPLAINED] = {LABEL_UNEXPLAINED, PART_OTHER, TYPE_NONE, TYPE_NONE, false},
		[LABELS_OTHERS] = {LABEL_OBJECT, PART_OTHER, TYPE_NONE, TYPE_NONE, false},
	};
	*labels = (struct labels){0};
	labels->of_block = calloc((size_t)n_blocks + 1, sizeof(*labels->of_block));
	bool ready = labels->of_block && grow(labels);
	for (size_t i = 0; ready && i < ARRAY_SIZE(first); i++)
		ready = labels_number(labels, &first[i]) == i;
	if (ready)
		return NULL;
	labels_fini(labels);
	return error_out_of_memory();
}

void labels_fini(struct labels *labels)
{
	free(labels->of_block);
	vec_fini(&labels->list);
	free(labels->index);
	*labels = (struct labels){0};
}
