/*
 * process_facts: what status, stat, cmdline and exe say. All but the numbers is the
 * process's own choice, and taken as such.
 */
#include "base/cleanup.h"
#include "inspector/target/process/process.h"
#include "inspector/target/process/procfs.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#define CMDLINE_SIZE_MAX  (4 * MIB)
#define CMDLINE_WORDS_MAX 65536

pid_t process_tracer(const struct process *process)
{
	_cleanup_(free_pointer) char *text = NULL;
	size_t size;
	uint64_t tracer = 0;
	struct error *err = procfs_read(process_dir(process), "status", 64 * KIB, &text, &size);
	if (!err)
		(void)procfs_number(text, "TracerPid", 10, &tracer);
	error_free(err);
	return (pid_t)tracer;
}

/* Ticks are of 1/100 s, since boot (proc(5)); in real time as the clocks stand now. */
static struct timespec real_time_of(uint64_t ticks)
{
	uint64_t hertz = (uint64_t)sysconf(_SC_CLK_TCK);
	struct timespec real, boot;
	(void)clock_gettime(CLOCK_REALTIME, &real);
	(void)clock_gettime(CLOCK_BOOTTIME, &boot);
	int64_t since_boot =
		(int64_t)(ticks / hertz * 1000000000 + ticks % hertz * 1000000000 / hertz);
	int64_t booted =
		(int64_t)(real.tv_sec - boot.tv_sec) * 1000000000 + real.tv_nsec - boot.tv_nsec;
	int64_t at = booted + since_boot;
	return (struct timespec){at / 1000000000, at % 1000000000};
}

static struct error *read_stat(int dir, struct facts *facts)
{
	struct procfs_stat stat;
	struct error *err = procfs_stat(dir, &stat);
	if (err)
		return err;
	facts->state = stat.state;
	facts->n_threads = stat.n_threads;
	facts->started_at = real_time_of(stat.start_ticks);
	facts->comm = strdup(stat.comm);
	return facts->comm ? NULL : error_out_of_memory();
}

static uint64_t status_bytes(const char *text, const char *key)
{
	uint64_t kib = 0;
	(void)procfs_number(text, key, 10, &kib);
	return size_multiply(kib, KIB);
}

static struct error *read_status(int dir, struct facts *facts)
{
	_cleanup_(free_pointer) char *text = NULL;
	size_t size;
	uint64_t uid = 0, parent = 0;
	struct error *err = procfs_read(dir, "status", 64 * KIB, &text, &size);
	if (err)
		return err;
	(void)procfs_number(text, "Uid", 10, &uid);
	(void)procfs_number(text, "PPid", 10, &parent);
	facts->uid = (uid_t)uid;
	facts->parent = parent <= INT_MAX ? (pid_t)parent : 0;
	facts->rss = status_bytes(text, "VmRSS");
	facts->peak_rss = status_bytes(text, "VmHWM");
	facts->swap = status_bytes(text, "VmSwap");
	facts->page_tables = status_bytes(text, "VmPTE");
	return NULL;
}

/* Words end with NUL, the last one perhaps not; a title may be padded with them. */
static struct error *split_cmdline(const char *data, size_t size, struct facts *facts)
{
	while (size > 0 && data[size - 1] == '\0')
		size--;
	for (size_t at = 0; at < size && facts->cmdline.count < CMDLINE_WORDS_MAX;) {
		char *word = strndup(data + at, size - at);
		char **place = word ? vec_push(&facts->cmdline) : NULL;
		if (!place) {
			free(word);
			return error_out_of_memory();
		}
		*place = word;
		at += strlen(word) + 1;
	}
	return NULL;
}

static struct error *read_cmdline(int dir, struct facts *facts)
{
	_cleanup_(free_pointer) char *data = NULL;
	size_t size;
	struct error *err = procfs_read(dir, "cmdline", CMDLINE_SIZE_MAX, &data, &size);
	if (!err)
		return split_cmdline(data, size, facts);
	/* Longer than any honest one, or refused: then it is unknown. */
	bool harmless = error_catch(&err, ERROR_RESOURCE) || error_catch(&err, ERROR_PERMISSION);
	return harmless ? NULL : err;
}

static void read_exe(int dir, struct facts *facts)
{
	char path[PATH_MAX];
	ssize_t length = readlinkat(dir, "exe", path, sizeof(path));
	if (length > 0 && (size_t)length < sizeof(path))
		facts->exe = strndup(path, (size_t)length);
}

static struct error *read_facts(int dir, struct facts *ret)
{
	_cleanup_(facts_fini) struct facts facts = FACTS_EMPTY;
	struct error *err = read_stat(dir, &facts);
	if (!err)
		err = read_status(dir, &facts);
	if (!err)
		err = read_cmdline(dir, &facts);
	if (err)
		return err;
	read_exe(dir, &facts);
	*ret = facts;
	facts = FACTS_EMPTY;
	return NULL;
}

struct error *process_facts(const struct process *process, struct facts *ret)
{
	struct error *err = read_facts(process_dir(process), ret);
	if (!err)
		ret->pid = process_pid(process);
	return err;
}

struct error *process_facts_of(pid_t pid, struct facts *ret)
{
	char path[32];
	(void)snprintf(path, sizeof(path), "/proc/%d", pid);
	_cleanup_(close_fd) int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return error_new(ERROR_GONE, "there is no process %d", pid);
	struct error *err = read_facts(dir, ret);
	if (!err)
		ret->pid = pid;
	return err;
}

/* ---- the machine ---------------------------------------------------------------------------- */

static void close_directory(DIR **directory)
{
	if (*directory)
		(void)closedir(*directory);
}

/* The number that a name of /proc is; 0: none. */
static pid_t pid_of_name(const char *name)
{
	char *end;
	long pid = isdigit((unsigned char)name[0]) ? strtol(name, &end, 10) : 0;
	return pid > 0 && pid <= INT_MAX && *end == '\0' ? (pid_t)pid : 0;
}

static bool has_memory(int proc, const char *name)
{
	_cleanup_(close_fd) int dir = openat(proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct procfs_stat stat;
	if (dir < 0)
		return false;
	struct error *err = procfs_stat(dir, &stat);
	bool has = !err && !(stat.flags & PROCFS_KERNEL_THREAD) && stat.state != 'Z' &&
		   stat.state != 'X';
	error_free(err);
	return has;
}

static int compare_pids(const void *a, const void *b)
{
	pid_t left = *(const pid_t *)a, right = *(const pid_t *)b;
	return (left > right) - (left < right);
}

struct error *process_pids(pid_t **ret, size_t *ret_n)
{
	VEC(pid_t) pids = VEC_EMPTY;
	_cleanup_(close_directory) DIR *proc = opendir("/proc");
	if (!proc)
		return error_new(ERROR_RESOURCE, "/proc cannot be read");
	for (struct dirent *entry; (entry = readdir(proc));) {
		pid_t pid = pid_of_name(entry->d_name);
		if (!pid || !has_memory(dirfd(proc), entry->d_name))
			continue;
		pid_t *place = vec_push(&pids);
		if (!place) {
			vec_fini(&pids);
			return error_out_of_memory();
		}
		*place = pid;
	}
	if (pids.count > 1)
		qsort(pids.items, pids.count, sizeof(pids.items[0]), compare_pids);
	*ret = pids.items;
	*ret_n = pids.count;
	return NULL;
}

void process_machine_memory(uint64_t *ret_total, uint64_t *ret_available)
{
	_cleanup_(free_pointer) char *text = NULL;
	size_t size;
	*ret_total = *ret_available = 0;
	struct error *err = procfs_read(AT_FDCWD, "/proc/meminfo", 64 * KIB, &text, &size);
	if (!err) {
		*ret_total = status_bytes(text, "MemTotal");
		*ret_available = status_bytes(text, "MemAvailable");
	}
	error_free(err);
}
