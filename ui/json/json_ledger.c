/* json_ledger: what is resident is null where no residency is known; sizes stand beside it then. */
#include "ui/json/json_ledger.h"

#include "ui/json/json_value.h"

#include <string.h>

static json_t *resident(const struct ledger *ledger, uint64_t bytes)
{
	return ledger->has_residency ? json_value_count(bytes) : json_null();
}

static json_t *detail(const struct ledger *ledger, const struct ledger_detail *d)
{
	json_t *o = json_object();
	json_value_set(&o, "name", json_value_text(d->name));
	json_value_set(&o, "resident_bytes", resident(ledger, d->tally.present));
	json_value_set(&o, "swapped_bytes", resident(ledger, d->tally.swapped));
	json_value_set(&o, "size_bytes", json_value_count(d->size));
	return o;
}

static json_t *details(const struct ledger *ledger, const struct ledger_line *line, uint64_t limit)
{
	json_t *list = json_array();
	for (size_t i = 0; i < line->details.count && (!limit || i < limit); i++)
		json_value_append(&list, detail(ledger, &line->details.items[i]));
	return list;
}

static json_t *entry(const struct ledger *ledger, enum leaf leaf, uint64_t limit)
{
	const struct ledger_line *line = &ledger->lines[leaf];
	const struct residency_tally *tally = &line->tally;
	json_t *o = json_object();
	json_value_set(&o, "key", json_string(leaf_key(leaf)));
	json_value_set(&o, "group", json_string(leaf_group_name(leaf_group(leaf))));
	json_value_set(&o, "returns", json_string(leaf_returns_name(leaf_returns(leaf))));
	json_value_set(&o, "resident_bytes", resident(ledger, tally->present));
	json_value_set(&o, "swapped_bytes", resident(ledger, tally->swapped));
	json_value_set(&o, "shared_bytes", resident(ledger, tally->shared));
	json_value_set(&o, "huge_bytes", resident(ledger, tally->huge));
	json_value_set(&o, "file_bytes", resident(ledger, tally->file));
	json_value_set(&o, "lazyfree_bytes", json_value_maybe(line->lazy_free));
	json_value_set(&o, "size_bytes", json_value_count(line->size));
	json_value_set(&o, "detail", details(ledger, line, limit));
	return o;
}

static bool is_there(const struct ledger_line *line)
{
	return line->size || line->tally.present || line->tally.swapped;
}

json_t *json_ledger_of(const struct ledger *ledger, uint64_t limit)
{
	if (!ledger->filled)
		return json_null();
	json_t *o = json_object(), *entries = json_array();
	for (int i = 0; i < LEAF_COUNT; i++) {
		if (is_there(&ledger->lines[i]))
			json_value_append(&entries, entry(ledger, (enum leaf)i, limit));
	}
	json_value_set(&o, "rss_bytes", resident(ledger, ledger->rss));
	json_value_set(&o, "rss_kernel_bytes", json_value_maybe(ledger->rss_kernel));
	json_value_set(&o, "peak_rss_bytes", json_value_maybe(ledger->peak_rss));
	json_value_set(&o, "pss_bytes", json_value_maybe(ledger->pss));
	json_value_set(&o, "swap_bytes", json_value_maybe(ledger->swap));
	json_value_set(&o, "swapped_bytes", resident(ledger, ledger->swapped));
	json_value_set(&o, "lazyfree_bytes", json_value_maybe(ledger->lazy_free));
	json_value_set(&o, "unexplained_bytes", resident(ledger, ledger->unexplained));
	json_value_set(&o, "entries", entries);
	return o;
}

json_t *json_ledger_cgroup(const struct purse *purse)
{
	if (!purse->version)
		return json_null();
	json_t *o = json_object();
	struct maybe share = purse->share_ppm;
	json_value_set(&o, "version", json_integer(purse->version));
	json_value_set(&o, "current_bytes", json_value_maybe(purse->current));
	json_value_set(&o, "limit_bytes", json_value_maybe(purse->limit));
	json_value_set(&o, "high_bytes", json_value_maybe(purse->high));
	json_value_set(&o, "peak_bytes", json_value_maybe(purse->peak));
	json_value_set(&o, "oom_events", json_value_maybe(purse->oom_events));
	json_value_set(&o, "headroom_bytes", json_value_maybe(purse->headroom));
	json_value_set(&o, "share",
		       share.known ? json_real((double)share.value / 1e6) : json_null());
	return o;
}
