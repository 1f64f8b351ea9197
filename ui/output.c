/*
 * output: write() and never stdio, since a stream that fails at exit has nobody
 * to tell.
 *
 *	report.json            the old answer, whole
 *	.report.json.Xq3a9f    the new one, growing; 0600
 *	         └─ fsync, rename ─→ report.json
 *
 * SIGINT and SIGTERM wait while the second file exists, so that it is not left behind.
 */
#include "ui/output.h"

#include "base/cleanup.h"
#include "base/size.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void add_host(struct text *name)
{
	char host[HOST_NAME_MAX + 1] = "";
	if (gethostname(host, sizeof(host) - 1) != 0 || !host[0])
		strcpy(host, "localhost");
	for (char *c = host; *c; c++)
		*c = *c == '/' ? '_' : *c;
	text_add(name, host);
}

static void add_time(struct text *name, time_t now)
{
	char stamp[32] = "";
	struct tm utc;
	if (gmtime_r(&now, &utc))
		(void)strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &utc);
	text_add(name, stamp);
}

/* What the letter behind a % means; false where it means nothing. */
static bool add_field(struct text *name, char letter, pid_t pid, time_t now)
{
	if (letter == 'p' && pid > 0)
		text_addf(name, "%d", (int)pid);
	else if (letter == 'h')
		add_host(name);
	else if (letter == 't')
		add_time(name, now);
	else if (letter == '%')
		text_add(name, "%");
	else
		return false;
	return true;
}

struct error *output_name(const char *pattern, pid_t pid, time_t now, char **ret)
{
	_cleanup_(text_fini) struct text name = TEXT_EMPTY;
	if (!*pattern)
		return error_new(ERROR_USAGE, "the name of the output file is empty");
	for (const char *c = pattern; *c; c++) {
		if (*c != '%') {
			text_add_char(&name, *c, 1);
			continue;
		}
		if (!add_field(&name, c[1], pid, now))
			return error_remedy(error_new(ERROR_USAGE,
						      "'%%%.1s' in the output name %.200s has no "
						      "meaning here",
						      c + 1, pattern),
					    "%%p is the target's pid, %%h the host, %%t the time, "
					    "%%%% a per cent sign");
		c++;
	}
	char *string = name.failed ? NULL : text_take(&name);
	if (!string)
		return error_out_of_memory();
	*ret = string;
	return NULL;
}

struct error *output_write(int fd, const char *name, const char *data, size_t size)
{
	while (size) {
		ssize_t n = write(fd, data, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_errno(ERROR_RESOURCE, n < 0 ? errno : EIO, "writing %s", name);
		data += n;
		size -= (size_t)n;
	}
	return NULL;
}

/* ---- files ----------------------------------------------------------------------------- */

/* What lies in memory as files do is made like other files. */
static bool is_written_directly(const char *path)
{
	struct stat st;
	bool special = strncmp(path, "/dev/", 5) == 0 || strncmp(path, "/proc/", 6) == 0;
	if (special && strncmp(path, "/dev/shm/", 9) != 0)
		return true;
	return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

/* The name of the file that is to be replaced: behind a symbolic link, where there is one. */
static char *real_name(const char *path)
{
	char *real = realpath(path, NULL);
	return real ? real : strdup(path);
}

static bool is_ours_to_write(const char *path)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return false;
	return (st.st_uid == geteuid() && (st.st_mode & S_IWUSR)) || (st.st_mode & S_IWOTH);
}

bool output_needs_override(const char *pattern, pid_t pid)
{
	_cleanup_(free_pointer) char *name = NULL;
	struct error *err = output_name(pattern, pid, time(NULL), &name);
	error_free(err);
	if (err || strcmp(name, "-") == 0)
		return false;
	if (is_written_directly(name))
		return !is_ours_to_write(name);
	_cleanup_(free_pointer) char *real = real_name(name);
	return !real || !is_ours_to_write(dirname(real));
}

/* "folder/.name.XXXXXX" beside path, created. */
static struct error *open_beside(const char *path, char **ret_name, int *ret)
{
	_cleanup_(free_pointer) char *copy = strdup(path);
	_cleanup_(free_pointer) char *base_copy = strdup(path);
	_cleanup_(free_pointer) char *name = NULL;
	if (!copy || !base_copy ||
	    asprintf(&name, "%s/.%.200s.XXXXXX", dirname(copy), basename(base_copy)) < 0) {
		name = NULL;
		return error_out_of_memory();
	}
	int fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		return error_errno(ERROR_RESOURCE, errno, "creating a file beside %s", path);
	*ret_name = take(name);
	*ret = fd;
	return NULL;
}

/* But for those that are ignored, as nohup asks and a shell in the background: blocked they would wait all the same. */
static void signals_of_ending(sigset_t *ret)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction now;
	(void)sigemptyset(ret);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		if (sigaction(ends[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			(void)sigaddset(ret, ends[i]);
	}
}

static struct error *open_output(const char *path, struct output *output)
{
	if (is_written_directly(path)) {
		output->path = strdup(path);
		output->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		if (output->fd < 0)
			return error_errno(ERROR_RESOURCE, errno, "opening %s", path);
		return output->path ? NULL : error_out_of_memory();
	}
	output->path = real_name(path);
	if (!output->path)
		return error_out_of_memory();
	return open_beside(output->path, &output->beside, &output->fd);
}

struct error *output_open(const char *path, struct output *ret)
{
	struct output output = {.fd = -1};
	sigset_t ends;
	signals_of_ending(&ends);
	(void)sigprocmask(SIG_BLOCK, &ends, &output.before);
	struct error *err = open_output(path, &output);
	if (err) {
		output_close(&output);
		return err;
	}
	*ret = output;
	return NULL;
}

bool output_interrupted(void)
{
	sigset_t ends, waiting;
	signals_of_ending(&ends);
	return sigpending(&waiting) == 0 && sigandset(&ends, &ends, &waiting) == 0 &&
	       !sigisemptyset(&ends);
}

static struct error *finish_file(struct output *output)
{
	if (!output->beside)
		return close(take_fd(&output->fd)) == 0 || errno == EINVAL
			       ? NULL
			       : error_errno(ERROR_RESOURCE, errno, "writing %s", output->path);
	if (fsync(output->fd) != 0 && errno != EINVAL && errno != EROFS)
		return error_errno(ERROR_RESOURCE, errno, "writing %s", output->path);
	if (close(take_fd(&output->fd)) != 0)
		return error_errno(ERROR_RESOURCE, errno, "writing %s", output->path);
	/* Told to end while it was written: the signal that waits says the rest. */
	if (output_interrupted())
		return error_new(ERROR_RESOURCE, "interrupted while writing %s", output->path);
	if (rename(output->beside, output->path) != 0)
		return error_errno(ERROR_RESOURCE, errno, "writing %s", output->path);
	free(output->beside);
	output->beside = NULL;
	return NULL;
}

struct error *output_finish(struct output *output)
{
	struct error *err = finish_file(output);
	output_close(output);
	return err;
}

void output_close(struct output *output)
{
	if (output->beside)
		(void)unlink(output->beside);
	close_fd(&output->fd);
	free(output->path);
	free(output->beside);
	(void)sigprocmask(SIG_SETMASK, &output->before, NULL);
	*output = (struct output){.fd = -1, .before = output->before};
}

struct error *output_file(const char *path, const char *data, size_t size)
{
	struct output output;
	struct error *err = output_open(path, &output);
	if (err)
		return err;
	err = output_write(output.fd, path, data, size);
	if (!err)
		return output_finish(&output);
	output_close(&output);
	return err;
}

struct error *output_text(const char *path, const struct text *text)
{
	if (text->failed)
		return error_out_of_memory();
	if (!path || strcmp(path, "-") == 0)
		return output_write(STDOUT_FILENO, "standard output", text_string(text),
				    text->length);
	return output_file(path, text_string(text), text->length);
}

struct error *output_guard_standard(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		/* The lowest free number is this one: those below are open by now. */
		if (open("/dev/null", O_RDONLY) < 0)
			return error_errno(ERROR_RESOURCE, errno, "opening /dev/null");
	}
	return NULL;
}
