/*
 * save: an estimate before the first byte, a share of it while it goes on, and at the end
 * what it came to.
 */
#include "ui/save.h"

#include "base/cleanup.h"
#include "ui/output.h"
#include "ui/report/caveat.h"
#include "ui/text/page.h"
#include "ui/text/units.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SHOW_AFTER 1.0 /* seconds */
#define SHOW_EVERY 0.2

void saved_fini(struct saved *saved)
{
	free(saved->path);
	snapshot_free(saved->result.snapshot);
	*saved = (struct saved){0};
}

/* ---- progress ------------------------------------------------------------------------- */

struct watch {
	const struct options *options;
	const char *name; /* of the file */
	struct timespec start;
	double shown; /* seconds since start; 0: not yet */
	bool terminal;
};

static void say(const char *line, size_t length)
{
	error_free(output_write(STDERR_FILENO, "standard error", line, length));
}

static double seconds_since(struct timespec start)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9;
}

static void say_estimate(const struct watch *w, uint64_t total, uint64_t file)
{
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	char of_memory[UNITS_MAX], of_file[UNITS_MAX];
	units_said(of_memory, w->options->units, total);
	units_said(of_file, w->options->units, file);
	text_addf(&line, "arenascope: about %s of memory, which will be about %s in ", of_memory,
		  of_file);
	page_quote(&line, w->name);
	text_add(&line, "\n");
	say(text_string(&line), line.length);
}

static void show(struct watch *w, uint64_t done, uint64_t total)
{
	char line[160], share[UNITS_MAX], all[UNITS_MAX];
	double now = seconds_since(w->start);
	if (!w->terminal || now < SHOW_AFTER || now < w->shown + SHOW_EVERY)
		return;
	w->shown = now;
	units_percent(share, size_min(done, total), total);
	units_bytes(all, total);
	int n = snprintf(line, sizeof(line), "\r\033[Karenascope: snapshot, %s of %s", share, all);
	say(line, (size_t)n);
}

static bool on_progress(void *context, uint64_t done, uint64_t total, uint64_t file)
{
	struct watch *w = context;
	if (done == 0 && !w->options->quiet)
		say_estimate(w, total, file);
	show(w, done, total);
	return !output_interrupted();
}

static void wipe(const struct watch *w)
{
	static const char line[] = "\r\033[K";
	if (w->shown > 0)
		say(line, sizeof(line) - 1);
}

/* ---- the file ------------------------------------------------------------------------- */

static struct error *save_to(struct inspector *inspector, struct watch *w, int fd,
			     struct inspector_saved *ret)
{
	const struct options *o = w->options;
	const struct inspector_save to = {
		.fd = fd,
		.contents = o->contents,
		.tool = ARENASCOPE_VERSION,
		.progress = on_progress,
		.context = w,
	};
	w->terminal = !o->quiet && isatty(STDERR_FILENO);
	(void)clock_gettime(CLOCK_MONOTONIC, &w->start);
	struct error *err = inspector_save(inspector, &to, ret);
	wipe(w);
	return err;
}

static struct error *save_to_stdout(struct inspector *inspector, const struct options *o,
				    struct inspector_saved *ret)
{
	struct watch w = {.options = o, .name = "standard output"};
	if (o->json)
		return error_new(ERROR_USAGE, "standard output cannot hold both the snapshot and "
					      "JSON");
	if (isatty(STDOUT_FILENO))
		return error_new(ERROR_USAGE, "a snapshot is nothing for a terminal");
	return save_to(inspector, &w, STDOUT_FILENO, ret);
}

struct error *save_process(struct inspector *inspector, const struct options *options, pid_t pid,
			   struct saved *ret)
{
	_cleanup_(saved_fini) struct saved saved = {0};
	struct output output;
	struct error *err = NULL;
	if (strcmp(options->output, "-") == 0) {
		err = save_to_stdout(inspector, options, &saved.result);
	} else {
		err = output_name(options->output, pid, time(NULL), &saved.path);
		err = err ?: output_open(saved.path, &output);
		if (err)
			return err;
		struct watch w = {.options = options, .name = saved.path};
		err = save_to(inspector, &w, output.fd, &saved.result);
		if (!err)
			err = output_finish(&output);
		else
			output_close(&output);
	}
	if (err)
		return err;
	*ret = saved;
	saved.path = NULL;
	saved.result.snapshot = NULL;
	return NULL;
}

void save_note(struct text *notes, const struct saved *saved, const struct options *options,
	       uint64_t elapsed_ms)
{
	char file[UNITS_MAX], memory[UNITS_MAX], pause[CAVEAT_PAUSE_MAX];
	if (options->quiet)
		return;
	units_said(file, options->units, saved->result.file_size);
	units_said(memory, options->units, saved->result.memory_size);
	caveat_pause(pause, &saved->result.snapshot->pause);
	text_add(notes, "arenascope: ");
	page_quote(notes, saved->path ?: "standard output");
	text_addf(notes, ": %s for %s of memory, in %.1f s, process %s, contents %s\n", file,
		  memory, (double)elapsed_ms / 1000, pause,
		  options->contents ? "saved: keep it as you keep the process's secrets"
				    : "blanked (--contents saves them, too)");
}
