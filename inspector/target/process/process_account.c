/*
 * process_account: status, and where it does no harm smaps; then the purse. Of a process that stands still
 * smaps does none, as long as there is time.
 */
#include "base/cleanup.h"
#include "inspector/target/cgroup.h"
#include "inspector/target/clock.h"
#include "inspector/target/process/process.h"
#include "inspector/target/process/procfs.h"
#include "inspector/target/residency/smaps.h"

static struct maybe status_figure(const char *text, const char *key)
{
	uint64_t kib;
	return procfs_number(text, key, 10, &kib) ? maybe_known(size_multiply(kib, KIB))
						  : (struct maybe){0};
}

struct smaps_sums {
	struct account *account;
	uint64_t deadline; /* clock_ns; 0: none */
	bool failed, late;
};

static bool add_mapping(void *context, const struct smaps_mapping *mapping)
{
	struct smaps_sums *sums = context;
	struct account *account = sums->account;
	account->pss.value = size_add(account->pss.value, mapping->pss);
	account->lazy_free.value = size_add(account->lazy_free.value, mapping->lazy_free);
	struct account_mapping *place = vec_push(&account->mappings);
	sums->failed = !place;
	sums->late = sums->deadline && clock_ns() > sums->deadline;
	if (place)
		*place = (struct account_mapping){mapping->start, mapping->size, mapping->rss,
						  mapping->lazy_free};
	return place && !sums->late;
}

/* What may not be read, or not in time, stays unknown. */
static struct error *read_smaps(const struct process *process, uint64_t deadline,
				struct account *account)
{
	struct smaps_sums sums = {.account = account, .deadline = deadline};
	account->mappings.count = 0;
	account->pss = account->lazy_free = (struct maybe){0};
	struct error *err = smaps_read(process_dir(process), deadline > 0, add_mapping, &sums);
	if (sums.failed && !err)
		return error_out_of_memory();
	account->pss.known = account->lazy_free.known = !err && !sums.late;
	if (!account->pss.known)
		account->mappings.count = 0;
	return error_catch(&err, ERROR_PERMISSION) ? NULL : err;
}

struct error *process_account_still(const struct process *process, uint64_t limit_us,
				    struct account *account)
{
	return read_smaps(process, size_add(clock_ns(), size_multiply(limit_us, 1000)), account);
}

static struct error *read_account(const struct process *process, bool with_smaps,
				  struct account *account)
{
	_cleanup_(free_pointer) char *text = NULL;
	size_t size;
	uint64_t own = 0;
	struct error *err = procfs_read(process_dir(process), "status", 64 * KIB, &text, &size);
	if (err)
		return err;
	account->rss = status_figure(text, "VmRSS");
	account->peak_rss = status_figure(text, "VmHWM");
	account->swap = status_figure(text, "VmSwap");
	(void)procfs_number(text, "RssAnon", 10, &own);
	cgroup_purse(process_pid(process), size_multiply(own, KIB), &account->purse);
	return with_smaps ? read_smaps(process, 0, account) : NULL;
}

struct error *process_account(const struct process *process, bool with_smaps, struct account *ret)
{
	_cleanup_(account_fini) struct account account = ACCOUNT_EMPTY;
	struct error *err = read_account(process, with_smaps, &account);
	if (err)
		return err;
	*ret = account;
	account = ACCOUNT_EMPTY;
	return NULL;
}
