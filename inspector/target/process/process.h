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
#include "inspector/target/account.h"
#include "inspector/target/facts.h"
#include "inspector/target/origin.h"
#include "inspector/target/space.h"
#include "inspector/target/threads.h"
#include "symbols/elf/elf_image.h"

#include <sys/types.h>
#include <time.h>

struct process;

/*
 * Pins the process and finds out whether we may read it. ERROR_GONE: none, a zombie, a kernel
 * thread. ERROR_PERMISSION: with the rule that was met (permission.h) and the remedy.
 */
struct error *process_open(pid_t pid, struct process **ret) MUST_CHECK;
void process_close(struct process *process); /* takes NULL */

static inline void process_closep(struct process **process)
{
	process_close(*process);
}

/* The same for one whose mappings alone are asked for: its memory need not be readable. */
struct error *process_open_mappings(pid_t pid, struct process **ret) MUST_CHECK;

/* Its regions alone, in place of space's. ERROR_GONE, ERROR_RESOURCE. */
struct error *process_regions(const struct process *process, struct space *space) MUST_CHECK;

/* Whether its pagemap may be read; then adds what is resident in the range to *ret, as
 * space_residency. */
bool process_tells_residency(const struct process *process);
struct error *process_residency(const struct process *process, raddr start, uint64_t size,
				struct residency *ret) MUST_CHECK;

/* The same as the origin of a target, which then owns it. */
struct error *process_origin(pid_t pid, struct origin *ret) MUST_CHECK;

/* Whether it still runs and is the same one. */
bool process_alive(const struct process *process);

/* NULL while it lives and runs the program it was opened on, else ERROR_GONE: for after a look, and
 * after a failed read. */
struct error *process_check(const struct process *process) MUST_CHECK;

/* Of the pinned process. */
pid_t process_pid(const struct process *process);
int process_dir(const struct process *process); /* descriptor of /proc/PID; borrowed */
int process_root(
	const struct process *process); /* descriptor of its root directory, or -1; borrowed */

/* Who traces it now, 0 for nobody. */
pid_t process_tracer(const struct process *process);

/* What procfs tells of it now. ERROR_GONE; what the kernel hides stays 0 or NULL. */
struct error *process_facts(const struct process *process, struct facts *ret) MUST_CHECK;

/* Its threads, read now; space: its memory, to prove thread pointers by. The caller's to
 * threads_fini(), also on failure. ERROR_GONE. */
struct error *process_threads(const struct process *process, struct space *space,
			      struct threads *ret) MUST_CHECK;

/* What the kernel counts of its memory and of its cgroup's now. with_smaps: smaps, too, which holds its
 * mmap lock (smaps.h). The caller's to account_fini(). ERROR_GONE. */
struct error *process_account(const struct process *process, bool with_smaps,
			      struct account *ret) MUST_CHECK;

/*
 * Adds to an account what only smaps tells, of a process that we have stopped: nobody waits for its lock then. What is
 * not read after limit_us stays unknown; but the kernel does not break off within a mapping, so the caller sees to it
 * that there is time (smaps.h). ERROR_GONE, ERROR_RESOURCE.
 */
struct error *process_account_still(const struct process *process, uint64_t limit_us,
				    struct account *account) MUST_CHECK;

/* The same of a process that we may not read: what procfs tells everybody. */
struct error *process_facts_of(pid_t pid, struct facts *ret) MUST_CHECK;

/*
 * "python3.11 app.py", "gunicorn", "python3 -m ingest": base name and script or module, never any
 * other argument; of a title that the program gave itself ("gunicorn: master [app]") what stands
 * before anything that looks like an argument. For /proc/PID/cmdline as given. malloc'd, foreign and
 * unescaped; NULL: out of memory.
 */
char *process_label(char *const *cmdline, size_t n, const char *comm);

/* The script's base name or the module's name, "app.py", "ingest"; malloc'd. NULL: there is none,
 * as with -c, in a title, or when the program is not called python. */
char *process_script(char *const *cmdline, size_t n);

/* Its regions, with a live source (live.h) below. The process must outlive the space. */
struct error *process_space(struct process *process, struct space *ret) MUST_CHECK;

/* Reads the regions anew into an existing live space: arenas come and go. */
struct error *process_refresh(struct process *process, struct space *space) MUST_CHECK;

/*
 * Opens the file behind a mapped region: map_files, exe (for the main program), root + path, path;
 * regular files only, and nothing else is even opened. Each candidate is handed to `accept`, named
 * for a person ("/proc/7/root/usr/bin/x"; foreign text), which compares build-ids. *ret is the
 * accepted descriptor, read-only and the caller's, or -1 when there was none.
 */
struct error *process_open_file(struct process *process, const struct region *region,
				origin_accept_fn *accept, void *context, int *ret) MUST_CHECK;

/* All pids of the machine that are processes with mappings, ascending. */
struct error *process_pids(pid_t **ret, size_t *ret_n) MUST_CHECK;

/* Bytes: MemTotal, MemAvailable of the machine; 0 when not readable. */
void process_machine_memory(uint64_t *ret_total, uint64_t *ret_available);

#endif
