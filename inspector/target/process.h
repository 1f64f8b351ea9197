/*
 * process: one running process, pinned.
 *
 * A pid may be given to another process at any moment; pidfd and start time say
 * whether it is still the one that was opened. Everything that procfs says of it
 * comes through here.
 */
#ifndef INSPECTOR_TARGET_PROCESS_H
#define INSPECTOR_TARGET_PROCESS_H

#include "base/error.h"
#include "inspector/target/space.h"
#include "symbols/elf_image.h"

#include <sys/types.h>
#include <time.h>

struct process;

/*
 * Pins the process and finds out whether we may read it. ERROR_GONE: none, a zombie, a kernel
 * thread. ERROR_PERMISSION: with the rule that was met (facts/attach.md §2) and the remedy.
 */
struct error *process_open(pid_t pid, struct process **ret) MUST_CHECK;
void process_close(struct process *process); /* takes NULL */

/* Whether it still runs and is the same one. */
bool process_alive(const struct process *process);

/* NULL while it lives, else ERROR_GONE. For after a failed read. */
struct error *process_check(const struct process *process) MUST_CHECK;

pid_t process_pid(const struct process *process);
int process_pidfd(const struct process *process); /* borrowed */
int process_root(
	const struct process *process); /* descriptor of its root directory, or -1; borrowed */

/* Who traces it now, 0 for nobody. */
pid_t process_tracer(const struct process *process);

/* What procfs tells of it now; strings are owned by the caller, foreign and unescaped. */
struct process_facts {
	uid_t uid;
	char state; /* R S D T t Z … */
	char *comm;
	char *exe; /* NULL: not readable */
	VEC(char *) cmdline;
	struct timespec started_at; /* real time */
	uint64_t n_threads;
	uint64_t rss, peak_rss, swap, page_tables; /* bytes */
};

struct error *process_facts(const struct process *process, struct process_facts *ret) MUST_CHECK;
void process_facts_fini(struct process_facts *facts);

/* "python3.11 app.py", "gunicorn", "python3 -m ingest": base name and script or module, never any
 * other argument. For /proc/PID/cmdline as given. malloc'd. */
char *process_label(char *const *cmdline, size_t n, const char *comm);

/* Its regions, with a live source (live.h) below. The process must outlive the space. */
struct error *process_space(struct process *process, struct space *ret) MUST_CHECK;

/* Reads the regions anew into an existing live space: arenas come and go. */
struct error *process_refresh(struct process *process, struct space *space) MUST_CHECK;

/*
 * Opens the file behind a mapped region: map_files, exe (for the main program), root + path, path;
 * regular files only; each candidate is handed to `accept`, which compares build-ids. -1 in
 * *ret when none is accepted. `tried` gets one line for each candidate.
 */
typedef bool process_accept_fn(void *context, int fd, const char *candidate);
struct error *process_open_file(struct process *process, const struct region *region,
				process_accept_fn *accept, void *context, int *ret) MUST_CHECK;

/* All pids of the machine that are processes with mappings, ascending. */
struct error *process_pids(pid_t **ret, size_t *ret_n) MUST_CHECK;

/* Bytes: MemTotal, MemAvailable of the machine; 0 when not readable. */
void process_machine_memory(uint64_t *ret_total, uint64_t *ret_available);

#endif
