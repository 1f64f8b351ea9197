/* leaf: one table. */
#include "inspector/ledger/leaf.h"

static const struct {
	const char *key;
	enum leaf_group group;
	enum leaf_returns returns;
} leaves[LEAF_COUNT] = {
#define LEAF_ROW(name, key, group, returns) {key, LEAF_GROUP_##group, LEAF_RETURNS_##returns},
	LEAVES(LEAF_ROW)
#undef LEAF_ROW
};

const char *leaf_key(enum leaf leaf)
{
	return leaves[leaf].key;
}

enum leaf_group leaf_group(enum leaf leaf)
{
	return leaves[leaf].group;
}

enum leaf_returns leaf_returns(enum leaf leaf)
{
	return leaves[leaf].returns;
}

const char *leaf_group_name(enum leaf_group group)
{
	static const char *const names[] = {"live", "kept",   "overhead",
					    "file", "shared", "unknown"};
	return names[group];
}

const char *leaf_returns_name(enum leaf_returns returns)
{
	static const char *const names[] = {"in_use", "trim", "pins", "restart", "kernel"};
	return names[returns];
}
