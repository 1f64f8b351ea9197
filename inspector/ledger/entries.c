/*
 * entries: sorted by leaf and name, so that equal ones lie together.
 */
#include "inspector/ledger/entries.h"

#include "base/size.h"

#include <stdio.h>

#define UNKNOWN_MAX 10
#define DETAILS_MAX 1000

struct error *entries_add(struct entries *entries, const struct entry *entry)
{
	struct entry *place = entry->size ? vec_push(&entries->list) : NULL;
	if (!place)
		return entry->size ? error_out_of_memory() : NULL;
	*place = *entry;
	return NULL;
}

static int compare_names(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) : (a != NULL) - (b != NULL);
}

static int compare_entries(const void *a, const void *b)
{
	const struct entry *left = a, *right = b;
	if (left->leaf != right->leaf)
		return left->leaf < right->leaf ? -1 : 1;
	return compare_names(left->name, right->name) ?: raddr_compare(left->start, right->start);
}

/* What a person looks for first: what is resident, then what is swapped, then what is only mapped. */
static int compare_details(const void *a, const void *b)
{
	const struct ledger_detail *left = a, *right = b;
	const uint64_t order[][2] = {
		{left->tally.present, right->tally.present},
		{left->tally.swapped, right->tally.swapped},
		{left->size, right->size},
	};
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (order[i][0] != order[i][1])
			return order[i][0] > order[i][1] ? -1 : 1;
	return strcmp(left->name, right->name);
}

static char *name_of(const struct entry *entry)
{
	char *name = NULL;
	if (entry->name)
		return strdup(entry->name);
	int length = asprintf(&name, RADDR_FORMAT "-" RADDR_FORMAT, entry->start.value,
			      raddr_plus(entry->start, entry->size).value);
	return length < 0 ? NULL : name;
}

static bool continues(const struct entry *entry, const struct entry *before)
{
	return before && entry->leaf == before->leaf && entry->name && before->name &&
	       strcmp(entry->name, before->name) == 0;
}

static struct error *add_entry(const struct entry *entry, const struct entry *before,
			       struct ledger *to)
{
	struct ledger_line *line = &to->lines[entry->leaf];
	line->size += entry->size;
	residency_tally_add(&line->tally, &entry->tally);
	to->rss += entry->tally.present;
	to->swapped += entry->tally.swapped;
	if (entry->eliminated || entry->leaf == LEAF_ANON_UNKNOWN)
		to->unexplained += entry->tally.present;
	if (entry->name && !*entry->name)
		return NULL;
	if (!continues(entry, before)) {
		char *name = name_of(entry);
		struct ledger_detail *detail = name ? vec_push(&line->details) : NULL;
		if (!detail) {
			free(name);
			return error_out_of_memory();
		}
		detail->name = name;
	}
	struct ledger_detail *detail = &line->details.items[line->details.count - 1];
	detail->size += entry->size;
	residency_tally_add(&detail->tally, &entry->tally);
	return NULL;
}

static void sort_details(struct ledger_line *line, size_t most)
{
	if (line->details.count > 1)
		qsort(line->details.items, line->details.count, sizeof(line->details.items[0]),
		      compare_details);
	while (line->details.count > most)
		free(line->details.items[--line->details.count].name);
}

struct error *entries_sum(struct entries *entries, struct ledger *to)
{
	if (entries->list.count > 1)
		qsort(entries->list.items, entries->list.count, sizeof(entries->list.items[0]),
		      compare_entries);
	for (size_t i = 0; i < entries->list.count; i++) {
		const struct entry *before = i ? &entries->list.items[i - 1] : NULL;
		struct error *err = add_entry(&entries->list.items[i], before, to);
		if (err)
			return err;
	}
	for (size_t i = 0; i < LEAF_COUNT; i++)
		sort_details(&to->lines[i], i == LEAF_ANON_UNKNOWN ? UNKNOWN_MAX : DETAILS_MAX);
	return NULL;
}

void entries_fini(struct entries *entries)
{
	vec_fini(&entries->list);
}
