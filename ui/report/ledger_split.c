/* ledger_split: every sum goes once over the leaves, so that none is counted twice or forgotten. */
#include "ui/report/ledger_split.h"

uint64_t ledger_split_amount(const struct ledger *ledger, enum leaf leaf)
{
	const struct ledger_line *line = &ledger->lines[leaf];
	return ledger->has_residency ? line->tally.present : line->size;
}

uint64_t ledger_split_whole(const struct ledger *ledger)
{
	uint64_t whole = 0;
	for (int i = 0; i < LEAF_COUNT; i++)
		whole = size_add(whole, ledger_split_amount(ledger, (enum leaf)i));
	return whole;
}

enum ledger_part ledger_split_part(enum leaf leaf)
{
	switch (leaf_group(leaf)) {
	case LEAF_GROUP_LIVE:
		return LEDGER_LIVE;
	case LEAF_GROUP_KEPT:
		return leaf_returns(leaf) == LEAF_RETURNS_PINS ? LEDGER_HELD : LEDGER_CACHED;
	case LEAF_GROUP_OVERHEAD:
		return LEDGER_OVERHEAD;
	case LEAF_GROUP_FILE:
		return LEDGER_FILES;
	case LEAF_GROUP_SHARED:
		return LEDGER_SHARED;
	case LEAF_GROUP_UNKNOWN:
		break;
	}
	return LEDGER_UNKNOWN;
}

void ledger_split_parts(const struct ledger *ledger, uint64_t ret[LEDGER_PARTS])
{
	for (int i = 0; i < LEDGER_PARTS; i++)
		ret[i] = 0;
	for (int i = 0; i < LEAF_COUNT; i++) {
		uint64_t *part = &ret[ledger_split_part((enum leaf)i)];
		*part = size_add(*part, ledger_split_amount(ledger, (enum leaf)i));
	}
}

const char *ledger_split_name(enum ledger_part part)
{
	static const char *const names[LEDGER_PARTS] = {
		[LEDGER_LIVE] = "live",
		[LEDGER_HELD] = "kept by Python",
		[LEDGER_CACHED] = "kept by malloc",
		[LEDGER_OVERHEAD] = "overhead",
		[LEDGER_FILES] = "files",
		[LEDGER_SHARED] = "shared",
		[LEDGER_UNKNOWN] = "unknown",
	};
	return names[part];
}

uint64_t ledger_split_group(const struct ledger *ledger, enum leaf_group group)
{
	uint64_t sum = 0;
	for (int i = 0; i < LEAF_COUNT; i++) {
		if (leaf_group((enum leaf)i) == group)
			sum = size_add(sum, ledger_split_amount(ledger, (enum leaf)i));
	}
	return sum;
}

uint64_t ledger_split_kept(const struct ledger *ledger, enum leaf_returns returns)
{
	uint64_t sum = 0;
	for (int i = 0; i < LEAF_COUNT; i++) {
		enum leaf leaf = (enum leaf)i;
		if (leaf_group(leaf) == LEAF_GROUP_KEPT && leaf_returns(leaf) == returns)
			sum = size_add(sum, ledger_split_amount(ledger, leaf));
	}
	return sum;
}

enum leaf ledger_split_largest(const struct ledger *ledger)
{
	enum leaf largest = (enum leaf)0;
	for (int i = 0; i < LEAF_COUNT; i++) {
		if (ledger_split_amount(ledger, (enum leaf)i) >
		    ledger_split_amount(ledger, largest))
			largest = (enum leaf)i;
	}
	return largest;
}
