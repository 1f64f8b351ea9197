/*
 * cgroup: from the two processes' paths down to the figures.
 *
 *	/proc/self/cgroup	/kubepods/pod7/tool	┐ common: /kubepods/pod7, /kubepods, /
 *	/proc/PID/cgroup	/kubepods/pod7/app	┘ each may have a limit: the least room counts
 */
#include "inspector/target/cgroup.h"

#include "base/cleanup.h"
#include "base/size.h"
#include "inspector/target/process/procfs.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX  (1 * MIB)
#define DEPTH_MAX 64

/* What one version calls its files. */
struct cgroup_words {
	const char *mount_type, *mount_option; /* of the hierarchy's line in mountinfo */
	const char *limit, *usage, *cache;
};

static const struct cgroup_words words_of[] = {
	[1] = {"cgroup", "memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
	       "total_inactive_file"},
	[2] = {"cgroup2", "", "memory.max", "memory.current", "inactive_file"},
};

void cgroup_volunteer(void)
{
	_cleanup_(close_fd) int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, "1000", 4) < 0)
		return; /* a sandbox's choice: nothing depends on it */
}

static char *read_text(const char *path)
{
	char *text = NULL;
	size_t size;
	struct error *err = procfs_read(AT_FDCWD, path, TEXT_MAX, &text, &size);
	error_free(err);
	return err ? NULL : text;
}

/* ---- paths ---------------------------------------------------------------------------------- */

/* Whether a comma-separated list holds the word. */
static bool lists(const char *list, const char *word)
{
	size_t length = strlen(word);
	for (const char *at = list; at && length; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, word, length) == 0 && (at[length] == ',' || !at[length]))
			return true;
	}
	return length == 0;
}

/* A line is "number:controllers:path"; version 2's has number 0 and no controllers. */
char *cgroup_memory_path(char *text, int *ret_version)
{
	char *unified = NULL, *rest = NULL;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *controllers = strchr(line, ':');
		char *path = controllers ? strchr(controllers + 1, ':') : NULL;
		if (!path)
			continue;
		*path++ = '\0';
		if (controllers[1] == '\0')
			unified = path;
		else if (lists(controllers + 1, "memory")) {
			*ret_version = 1;
			return path;
		}
	}
	*ret_version = 2;
	return unified;
}

size_t cgroup_common_length(const char *a, const char *b)
{
	size_t common = 0, at = 0;
	while (a[at] && a[at] == b[at]) {
		if (a[at] == '/')
			common = at;
		at++;
	}
	bool a_ends = !a[at] || a[at] == '/', b_ends = !b[at] || b[at] == '/';
	return a_ends && b_ends ? at : common;
}

/* "36 35 98:0 /root /mount/point options - type source super-options": where our hierarchy is
 * mounted, and which of its paths lies there. */
static bool parse_mount(char *line, const struct cgroup_words *words, char **ret_root,
			char **ret_point)
{
	char *field[6] = {0}, *rest = NULL, *after = strstr(line, " - ");
	if (!after)
		return false;
	*after = '\0';
	char *type = strtok_r(after + 3, " ", &rest);
	char *source = type ? strtok_r(NULL, " ", &rest) : NULL;
	char *options = source ? strtok_r(NULL, " ", &rest) : NULL;
	if (!options || strcmp(type, words->mount_type) != 0 ||
	    !lists(options, words->mount_option))
		return false;
	rest = NULL;
	for (size_t i = 0; i < 5; i++) {
		field[i] = strtok_r(i ? NULL : line, " ", &rest);
		if (!field[i])
			return false;
	}
	*ret_root = field[3];
	*ret_point = field[4];
	return true;
}

/* ---- figures -------------------------------------------------------------------------------- */

/* The one number of a file; "max" and what cannot be read are UINT64_MAX. */
static uint64_t read_figure(const char *folder, const char *name)
{
	char path[4096];
	uint64_t value;
	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return UINT64_MAX;
	_cleanup_(free_pointer) char *text = read_text(path);
	return text && sscanf(text, "%" SCNu64, &value) == 1 ? value : UINT64_MAX;
}

/* File cache that the kernel would drop before it kills; 0 where that is not told. */
static uint64_t read_cache(const char *folder, const char *key)
{
	char path[4096];
	size_t length = strlen(key);
	if (snprintf(path, sizeof(path), "%s/memory.stat", folder) >= (int)sizeof(path))
		return 0;
	_cleanup_(free_pointer) char *text = read_text(path);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		uint64_t value;
		line += *line == '\n';
		if (strncmp(line, key, length) == 0 &&
		    sscanf(line + length, " %" SCNu64, &value) == 1)
			return value;
	}
	return 0;
}

static uint64_t headroom(const char *folder, const struct cgroup_words *words)
{
	uint64_t limit = read_figure(folder, words->limit);
	uint64_t usage = read_figure(folder, words->usage);
	if (limit == UINT64_MAX || usage == UINT64_MAX)
		return UINT64_MAX;
	return size_subtract(limit, size_subtract(usage, read_cache(folder, words->cache)));
}

/* The least room of a cgroup and all its ancestors. `path` is shortened on the way up. */
static uint64_t least_headroom(const char *point, const char *root, char *path,
			       const struct cgroup_words *words)
{
	uint64_t least = UINT64_MAX;
	size_t root_length = strcmp(root, "/") == 0 ? 0 : strlen(root);
	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		char folder[4096];
		bool below = strncmp(path, root, root_length) == 0 && !strstr(path, "..");
		if (!below || snprintf(folder, sizeof(folder), "%s%s", point, path + root_length) >=
				      (int)sizeof(folder))
			break;
		least = size_min(least, headroom(folder, words));
		char *slash = strrchr(path, '/');
		if (!slash || strlen(path) <= root_length || !path[1])
			break;
		*slash = '\0';
	}
	return least;
}

bool cgroup_mount(char *mounts, int version, char **ret_root, char **ret_point)
{
	char *rest = NULL;
	for (char *line = strtok_r(mounts, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (parse_mount(line, &words_of[version], ret_root, ret_point))
			return true;
	return false;
}

static uint64_t headroom_of(char *path, int version)
{
	_cleanup_(free_pointer) char *mounts = read_text("/proc/self/mountinfo");
	char *root, *point;
	return mounts && cgroup_mount(mounts, version, &root, &point)
		       ? least_headroom(point, root, path, &words_of[version])
		       : UINT64_MAX;
}

uint64_t cgroup_shared_headroom(pid_t pid)
{
	char path[32];
	(void)snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	_cleanup_(free_pointer) char *ours = read_text("/proc/self/cgroup");
	_cleanup_(free_pointer) char *theirs = read_text(path);
	int version = 0, other = 0;
	char *a = ours ? cgroup_memory_path(ours, &version) : NULL;
	char *b = theirs ? cgroup_memory_path(theirs, &other) : NULL;
	if (!a || !b || version != other)
		return UINT64_MAX;
	a[cgroup_common_length(a, b)] = '\0';
	return headroom_of(a, version);
}
