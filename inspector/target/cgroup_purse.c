/*
 * cgroup_purse: one folder for each ancestor, a few files in each.
 *
 *	/kubepods            limit 8 GiB    ┐
 *	/kubepods/pod7       limit 2 GiB    ├ the least counts
 *	/kubepods/pod7/app   limit none     ┘ usage, peak, kills, shares: its own
 *
 * (Documentation/admin-guide/cgroup-v1/memory.rst, cgroup-v2.rst; Linux 6.18.)
 */
#include "base/cleanup.h"
#include "base/size.h"
#include "inspector/target/cgroup.h"
#include "inspector/target/process/procfs.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX  (1 * MIB)
#define DEPTH_MAX 64
#define NO_LIMIT  (UINT64_C(1) << 62) /* version 1 writes the last page below 2^63 for none */

/* What one version calls its files, and lines in them. */
struct purse_words {
	const char *limit, *high, *usage, *peak;
	const char *cache, *anon, *effective; /* of memory.stat; NULL: it has none */
	const char *events, *kills;           /* a file and its line */
	const char *failures;                 /* where kills are not counted; NULL: nothing */
};

static const struct purse_words words_of[] = {
	[1] = {"memory.limit_in_bytes", NULL, "memory.usage_in_bytes", "memory.max_usage_in_bytes",
	       "total_inactive_file", "total_rss", "hierarchical_memory_limit",
	       "memory.oom_control", "oom_kill", "memory.failcnt"},
	[2] = {"memory.max", "memory.high", "memory.current", "memory.peak", "inactive_file",
	       "anon", NULL, "memory.events", "oom_kill", NULL},
};

static char *read_file(const char *folder, const char *name)
{
	char path[4096], *text = NULL;
	size_t size;
	if (!name || snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return NULL;
	struct error *err = procfs_read(AT_FDCWD, path, TEXT_MAX, &text, &size);
	error_free(err);
	return err ? NULL : text;
}

/* The one number of a file; "max" is none. */
static struct maybe figure(const char *folder, const char *name)
{
	uint64_t value;
	_cleanup_(free_pointer) char *text = read_file(folder, name);
	if (!name || (text && strncmp(text, "max", 3) == 0))
		return (struct maybe){.absent = true};
	return text && sscanf(text, "%" SCNu64, &value) == 1 ? maybe_known(value)
							     : (struct maybe){0};
}

/* The number behind "key " at the start of a line. */
static struct maybe line_of(const char *text, const char *key)
{
	size_t length = key ? strlen(key) : 0;
	for (const char *line = key ? text : NULL; line; line = strchr(line, '\n')) {
		uint64_t value;
		line += *line == '\n';
		if (strncmp(line, key, length) == 0 &&
		    sscanf(line + length, " %" SCNu64, &value) == 1)
			return maybe_known(value);
	}
	return (struct maybe){0};
}

/* Keeps the lesser; that there is none is known once one was read. */
static void lessen(struct maybe *to, struct maybe one)
{
	if (one.known && one.value >= NO_LIMIT)
		one = (struct maybe){.absent = true};
	if (one.known && (!to->known || one.value < to->value))
		*to = one;
	if (one.absent && !to->known)
		to->absent = true;
}

/* What one ancestor allows, and leaves. */
static void ask_ancestor(const char *folder, const struct purse_words *words, struct purse *p)
{
	_cleanup_(free_pointer) char *stat = read_file(folder, "memory.stat");
	struct maybe limit = {0}, usage = figure(folder, words->usage);
	lessen(&limit, figure(folder, words->limit));
	lessen(&limit, line_of(stat, words->effective));
	lessen(&p->limit, limit);
	lessen(&p->high, figure(folder, words->high));
	uint64_t cache = line_of(stat, words->cache).value;
	if (limit.known && usage.known)
		lessen(&p->headroom,
		       maybe_known(size_subtract(limit.value, size_subtract(usage.value, cache))));
}

/* What only the innermost is asked. */
static void ask_own(const char *folder, const struct purse_words *words, uint64_t own,
		    struct purse *p)
{
	_cleanup_(free_pointer) char *stat = read_file(folder, "memory.stat");
	_cleanup_(free_pointer) char *events = read_file(folder, words->events);
	p->current = figure(folder, words->usage);
	p->peak = figure(folder, words->peak);
	p->oom_events = line_of(events, words->kills);
	if (!p->oom_events.known && words->failures)
		p->oom_events = figure(folder, words->failures);
	struct maybe anon = line_of(stat, words->anon);
	if (anon.known && anon.value)
		p->share_ppm = maybe_known(
			size_min((uint64_t)((double)own / (double)anon.value * 1000000), 1000000));
}

static bool folder_of(const char *point, const char *root, const char *path, char *ret, size_t size)
{
	size_t skipped = strcmp(root, "/") == 0 ? 0 : strlen(root);
	return strncmp(path, root, skipped) == 0 && !strstr(path, "..") &&
	       snprintf(ret, size, "%s%s", point, path + skipped) < (int)size;
}

void cgroup_purse_at(const char *point, const char *root, char *path, int version, uint64_t own,
		     struct purse *ret)
{
	const struct purse_words *words = &words_of[version];
	struct purse purse = {.version = version};
	char folder[4096];
	size_t least = strcmp(root, "/") == 0 ? 0 : strlen(root);
	if (folder_of(point, root, path, folder, sizeof(folder)))
		ask_own(folder, words, own, &purse);
	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		if (!folder_of(point, root, path, folder, sizeof(folder)))
			break;
		ask_ancestor(folder, words, &purse);
		char *slash = strrchr(path, '/');
		if (!slash || strlen(path) <= least || !path[1])
			break;
		*slash = '\0';
	}
	if (purse.limit.absent && !purse.headroom.known)
		purse.headroom.absent = true;
	if (!purse.current.known && !purse.limit.known)
		purse.version = 0;
	*ret = purse;
}

void cgroup_purse(pid_t pid, uint64_t own, struct purse *ret)
{
	char path[32], *root, *point;
	int version = 0;
	*ret = (struct purse){0};
	(void)snprintf(path, sizeof(path), "/proc/%d", pid);
	_cleanup_(free_pointer) char *text = read_file(path, "cgroup");
	_cleanup_(free_pointer) char *mounts = read_file("/proc/self", "mountinfo");
	char *of = text ? cgroup_memory_path(text, &version) : NULL;
	if (of && mounts && cgroup_mount(mounts, version, &root, &point))
		cgroup_purse_at(point, root, of, version, own, ret);
}
