/*
 * process: three anchors hold one process.
 *
 *	pidfd		says that it ended, and can never mean another one
 *	start time	says that /proc/PID, opened later, is the same one
 *	pagemap		opened once, belongs to one memory: reads nothing after an exec
 */
#include "inspector/target/process/process.h"

#include "base/cleanup.h"
#include "inspector/target/maps.h"
#include "inspector/target/process/permission.h"
#include "inspector/target/process/procfs.h"
#include "inspector/target/reading/live.h"
#include "inspector/target/reading/remote.h"
#include "inspector/target/residency/pagemap.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/syscall.h>

struct process {
	pid_t pid;
	int pidfd, dir, root;
	uint64_t start_ticks;
	struct pagemap *pagemap;
};

void process_close(struct process *process)
{
	if (!process)
		return;
	close_fd(&process->pidfd);
	close_fd(&process->dir);
	close_fd(&process->root);
	pagemap_close(process->pagemap);
	free(process);
}

static struct error *no_such(pid_t pid)
{
	return error_new(ERROR_GONE, "there is no process %d", pid);
}

/* ---- opening ---------------------------------------------------------------------------- */

static struct error *open_anchors(struct process *process)
{
	char path[32];
	process->pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0);
	/* A sandbox may deny it (or the pid be a thread's): then the start time alone must do. */
	if (process->pidfd < 0 && errno == ESRCH)
		return no_such(process->pid);
	(void)snprintf(path, sizeof(path), "/proc/%d", process->pid);
	process->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (process->dir < 0)
		return errno == ENOENT || errno == ESRCH
			       ? no_such(process->pid)
			       : error_errno(ERROR_RESOURCE, errno, "opening %s", path);
	return NULL;
}

static struct error *check_state(struct process *process)
{
	struct procfs_stat stat;
	struct error *err = procfs_stat(process->dir, &stat);
	if (err)
		return error_catch(&err, ERROR_GONE) ? no_such(process->pid) : err;
	process->start_ticks = stat.start_ticks;
	if (stat.flags & PROCFS_KERNEL_THREAD)
		return error_new(ERROR_GONE,
				 "process %d is a kernel thread: it has no memory of its own",
				 process->pid);
	if (stat.state != 'Z' && stat.state != 'X')
		return NULL;
	if (stat.n_threads > 1)
		return error_remedy(
			error_new(ERROR_GONE,
				  "the main thread of process %d has ended, only others still run",
				  process->pid),
			"give the number of one that runs instead: ls /proc/%d/task", process->pid);
	return error_new(ERROR_GONE,
			 "process %d has ended, its parent has not asked for its status yet",
			 process->pid);
}

/* Without its pagemap we cannot keep off what is swapped out: so there must be nothing. */
static struct error *check_blindness(const struct process *process)
{
	struct facts facts = FACTS_EMPTY;
	if (!pagemap_tells_nothing(process->pagemap))
		return NULL;
	struct error *err = process_facts(process, &facts);
	uint64_t swap = facts.swap;
	unsigned uid = facts.uid;
	facts_fini(&facts);
	if (err || swap == 0)
		return err;
	err = error_new(ERROR_PERMISSION,
			"parts of process %d are swapped out, and which, only its owner may ask: a "
			"look would bring them back",
			process->pid);
	return error_rule(error_remedy(err,
				       "run as user %u, with sudo, or with "
				       "CAP_DAC_READ_SEARCH beside CAP_SYS_PTRACE",
				       uid),
			  "pagemap");
}

static struct error *explain(const struct process *process, enum permission_wish wish,
			     struct error *err)
{
	return error_catch(&err, ERROR_PERMISSION)
		       ? permission_refused(process->pid, process->dir, wish)
		       : err;
}

/* Opens what needs permission; what is refused is explained. */
static struct error *open_mappings(struct process *process)
{
	struct error *err = pagemap_open(process->dir, &process->pagemap);
	if (err)
		return explain(process, PERMISSION_LOOK, err);
	process->root = openat(process->dir, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return NULL;
}

static struct error *check_memory(struct process *process)
{
	struct remote remote;
	struct error *err = remote_open(process->pid, process->dir, &remote);
	if (err)
		return explain(process, PERMISSION_READ, err);
	remote_close(&remote);
	return check_blindness(process);
}

static struct error *open_as(pid_t pid, bool memory, struct process **ret)
{
	_cleanup_(process_closep) struct process *process = calloc(1, sizeof(*process));
	if (!process)
		return error_out_of_memory();
	*process = (struct process){.pid = pid, .pidfd = -1, .dir = -1, .root = -1};
	if (pid <= 0)
		return no_such(pid);
	struct error *err = open_anchors(process);
	err = err ?: check_state(process);
	err = err ?: open_mappings(process);
	if (!err && memory)
		err = check_memory(process);
	if (!err && getauxval(AT_SECURE))
		err = permission_of_user(pid, process->dir);
	err = err ?: process_check(process);
	if (err)
		return err;
	*ret = take(process);
	return NULL;
}

struct error *process_open(pid_t pid, struct process **ret)
{
	return open_as(pid, true, ret);
}

struct error *process_open_mappings(pid_t pid, struct process **ret)
{
	return open_as(pid, false, ret);
}

/* ---- still the same? ---------------------------------------------------------------------- */

bool process_alive(const struct process *process)
{
	struct pollfd wait = {.fd = process->pidfd, .events = POLLIN};
	if (process->pidfd >= 0)
		return poll(&wait, 1, 0) <= 0; /* below 0: a signal of ours, which tells nothing */
	struct procfs_stat stat;
	struct error *err = procfs_stat(process->dir, &stat);
	bool same = !err && stat.start_ticks == process->start_ticks && stat.state != 'Z' &&
		    stat.state != 'X';
	error_free(err);
	return same;
}

/* Whose memory went before it did; one that executes another program goes on. */
static bool is_dying(const struct process *process)
{
	struct procfs_stat stat = {0};
	struct error *err = procfs_stat(process->dir, &stat);
	bool dying = err || (stat.flags & PROCFS_EXITING);
	error_free(err);
	return dying;
}

struct error *process_check(const struct process *process)
{
	struct procfs_stat stat = {0};
	struct error *err = process_alive(process) ? procfs_stat(process->dir, &stat) : NULL;
	if (err && !error_catch(&err, ERROR_GONE))
		return err;
	if (!process_alive(process) || stat.start_ticks != process->start_ticks)
		return error_new(ERROR_GONE, "process %d has ended", process->pid);
	if (pagemap_alive(process->pagemap))
		return NULL;
	return error_new(ERROR_GONE, "process %d has %s", process->pid,
			 is_dying(process) ? "ended" : "executed another program");
}

pid_t process_pid(const struct process *process)
{
	return process->pid;
}

int process_dir(const struct process *process)
{
	return process->dir;
}

int process_root(const struct process *process)
{
	return process->root;
}

/* ---- its memory ---------------------------------------------------------------------------- */

struct error *process_regions(const struct process *process, struct space *space)
{
	_cleanup_(free_pointer) char *text = NULL;
	size_t size;
	struct error *err = procfs_read(process->dir, "maps", MAPS_SIZE_MAX, &text, &size);
	if (err)
		return err;
	if (size == 0)
		return error_new(ERROR_GONE, "process %d has no memory any more", process->pid);
	return maps_parse(text, size, space);
}

struct error *process_refresh(struct process *process, struct space *space)
{
	struct error *err = process_regions(process, space);
	return err ? err : live_map(space);
}

bool process_tells_residency(const struct process *process)
{
	return !pagemap_tells_nothing(process->pagemap);
}

struct error *process_residency(const struct process *process, raddr start, uint64_t size,
				struct residency *ret)
{
	return pagemap_residency(process->pagemap, start, size, ret);
}

struct error *process_space(struct process *process, struct space *ret)
{
	_cleanup_(space_fini) struct space space = SPACE_EMPTY;
	struct error *err = live_open(process->pid, process->dir, &space);
	if (!err)
		err = process_refresh(process, &space);
	if (!err) /* the live source opened its own descriptors: of the same process? */
		err = process_check(process);
	if (err)
		return err;
	*ret = space;
	space = (struct space)SPACE_EMPTY;
	return NULL;
}

/* ---- as an origin -------------------------------------------------------------------------- */

static struct error *give_space(void *source, struct space *ret)
{
	return process_space(source, ret);
}

static struct error *give_facts(void *source, struct facts *ret)
{
	return process_facts(source, ret);
}

static struct error *give_file(void *source, const struct region *region, origin_accept_fn *accept,
			       void *context, int *ret)
{
	return process_open_file(source, region, accept, context, ret);
}

static struct error *give_threads(void *source, struct space *space, struct threads *ret)
{
	return process_threads(source, space, ret);
}

static struct error *give_account(void *source, bool with_smaps, struct account *ret)
{
	return process_account(source, with_smaps, ret);
}

static int give_root(void *source)
{
	return process_root(source);
}

static void give_up(void *source)
{
	process_close(source);
}

struct error *process_origin(pid_t pid, struct origin *ret)
{
	static const struct origin_ops ops = {
		.space = give_space,
		.facts = give_facts,
		.open_file = give_file,
		.threads = give_threads,
		.account = give_account,
		.root = give_root,
		.close = give_up,
	};
	struct process *process = NULL;
	struct error *err = process_open(pid, &process);
	if (err)
		return err;
	*ret = (struct origin){ORIGIN_LIVE, &ops, process};
	return NULL;
}
