/*
 * show_ledger: the ledger of a target as lines "key=value", for tests that ask a real process.
 *
 *	show-ledger [--core|--read] [--exact] [--twice] [--save=FILE] PID|FILE
 *
 * A leaf's line: resident, swapped, file, huge, shared bytes, bytes mapped, bytes lazily freed. Names come escaped.
 */
#include "base/cleanup.h"
#include "base/text.h"
#include "inspector/inspector.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void show_maybe(const char *key, struct maybe value)
{
	if (value.known)
		(void)printf("%s=%" PRIu64 "\n", key, value.value);
	else
		(void)printf("%s=%s\n", key, value.absent ? "none" : "?");
}

static void show_tally(const struct residency_tally *t, uint64_t size)
{
	(void)printf("%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64,
		     t->present, t->swapped, t->file, t->huge, t->shared, size);
}

static void show_line(enum leaf leaf, const struct ledger_line *line)
{
	(void)printf("%s=", leaf_key(leaf));
	show_tally(&line->tally, line->size);
	if (line->lazy_free.known)
		(void)printf(" %" PRIu64 "\n", line->lazy_free.value);
	else
		(void)printf(" ?\n");
	for (size_t i = 0; i < line->details.count; i++) {
		const struct ledger_detail *d = &line->details.items[i];
		_cleanup_(text_fini) struct text name = TEXT_EMPTY;
		text_add_escaped(&name, d->name, strlen(d->name));
		(void)printf("detail %s ", leaf_key(leaf));
		show_tally(&d->tally, d->size);
		(void)printf(" %s\n", text_string(&name));
	}
}

static void show(const struct snapshot *s)
{
	const struct ledger *l = &s->ledger;
	(void)printf("filled=%d\nhas_residency=%d\nrss=%" PRIu64 "\nswapped=%" PRIu64
		     "\nunexplained=%" PRIu64 "\n",
		     l->filled, l->has_residency, l->rss, l->swapped, l->unexplained);
	show_maybe("rss_kernel", l->rss_kernel);
	show_maybe("peak_rss", l->peak_rss);
	show_maybe("pss", l->pss);
	show_maybe("swap", l->swap);
	show_maybe("lazy_free", l->lazy_free);
	for (size_t i = 0; i < LEAF_COUNT; i++)
		show_line((enum leaf)i, &l->lines[i]);
	(void)printf("purse.version=%d\n", s->purse.version);
	show_maybe("purse.current", s->purse.current);
	show_maybe("purse.limit", s->purse.limit);
	show_maybe("purse.high", s->purse.high);
	show_maybe("purse.peak", s->purse.peak);
	show_maybe("purse.oom_events", s->purse.oom_events);
	show_maybe("purse.headroom", s->purse.headroom);
	show_maybe("purse.share_ppm", s->purse.share_ppm);
	for (size_t i = 0; i < s->doubts.list.count; i++)
		(void)printf("doubt %s %s\n", doubt_kind_name(s->doubts.list.items[i].kind),
			     s->doubts.list.items[i].detail ?: "");
	(void)printf("elapsed_us=%" PRIu64 "\n", s->elapsed_us);
}

struct wishes {
	struct inspector_request request;
	const char *save;
	int looks;
};

static struct wishes wishes_of(int argc, char **argv)
{
	struct wishes w = {.request = {.parts = LOOK_LEDGER, .mode = LOOK_SETTLE}, .looks = 1};
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--core") == 0) {
			w.request.kind = ORIGIN_CORE;
		} else if (strcmp(argv[i], "--read") == 0) {
			w.request.kind = ORIGIN_SAVEFILE;
		} else if (strcmp(argv[i], "--exact") == 0) {
			w.request.mode = LOOK_EXACT;
		} else if (strcmp(argv[i], "--twice") == 0) {
			w.looks = 2;
			w.request.repeating = true;
		} else if (strncmp(argv[i], "--save=", 7) == 0) {
			w.save = argv[i] + 7;
		} else if (w.request.kind == ORIGIN_LIVE) {
			w.request.pid = atoi(argv[i]);
		} else {
			w.request.path = argv[i];
		}
	}
	return w;
}

static struct error *save(struct inspector *inspector, const char *path)
{
	struct inspector_save to = {.tool = "test"};
	struct inspector_saved saved = {0};
	_cleanup_(close_fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	to.fd = fd;
	struct error *err = inspector_save(inspector, &to, &saved);
	snapshot_free(saved.snapshot);
	return err;
}

int main(int argc, char **argv)
{
	struct wishes w = wishes_of(argc, argv);
	_cleanup_(inspector_closep) struct inspector *inspector = NULL;
	_cleanup_(snapshot_fini) struct snapshot *snapshot = NULL;
	struct error *err = inspector_open(&w.request, &inspector);
	for (int i = 0; i < w.looks && !err; i++) {
		snapshot_free(take(snapshot));
		err = inspector_look(inspector, &snapshot);
	}
	if (!err && w.save)
		err = save(inspector, w.save);
	if (err) {
		(void)fprintf(stderr, "%s\n", err->cause);
		error_free(err);
		return 1;
	}
	show(snapshot);
	return 0;
}
