/*
 * show_roots: the roots of a process, for tests that ask a real one.
 *
 *	show-roots PID [SEED]
 *
 * A line for each: phase, kind, address, size, from where, the label of what is there, name. "-": as the root before it. Escaped. With a seed
 * what is copied of the target's memory is damaged (damaged.h), and the answers are any.
 */
#include "../object/damaged.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "inspector/holders/roots.h"
#include "inspector/look/look.h"
#include "inspector/target/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct shown {
	struct subject subject;
	struct look look;
	struct snapshot *snapshot;
	struct ground *ground;
	struct census census;
	struct roots roots;
	struct damaged damaged;
};

static struct error *walk(struct shown *s)
{
	for (size_t i = 0; i < s->look.runtime.interpreters.count; i++) {
		const struct runtime_interpreter *from = &s->look.runtime.interpreters.items[i];
		struct snapshot_interpreter *to = vec_push(&s->snapshot->interpreters);
		if (!to)
			return error_out_of_memory();
		struct error *err = NULL;
		if (s->look.mimalloc)
			err = mimalloc_walk(s->look.mimalloc, i, &to->mimalloc,
					    &s->snapshot->doubts);
		if (!err && from->has_heap)
			err = pymalloc_walk(s->look.copies.items[i], &s->subject.build.layout,
					    &from->roots, &to->pymalloc, &s->snapshot->doubts);
		if (err)
			return err;
	}
	return NULL;
}

static struct error *find(pid_t pid, uint64_t seed, struct shown *s)
{
	const struct inspector_request request = {
		.pid = pid, .mode = LOOK_SETTLE, .parts = LOOK_MALLOC | LOOK_CENSUS | LOOK_FRAMES};
	struct error *err = subject_open(&request, &s->subject);
	s->snapshot = snapshot_new();
	if (err)
		return err;
	s->snapshot->target.version_hex = s->subject.build.version_hex;
	s->snapshot->target.free_threaded = s->subject.build.free_threaded;
	s->snapshot->target.pid = pid;
	err = look_copy(&s->look, &request, &s->subject, s->snapshot);
	err = err ?: walk(s);
	if (seed) {
		damaged_begin(&s->damaged, &s->subject.space, seed, 1024);
		s->subject.origin.kind = ORIGIN_CORE; /* which is never looked at anew */
	}
	const struct ground_request ground = {.space = &s->subject.space,
					      .subject = &s->subject,
					      .look = &s->look,
					      .snapshot = s->snapshot,
					      .max_memory = UINT64_C(1) << 30};
	err = err ?: ground_make(&ground, &s->ground, &s->census, &s->snapshot->doubts);
	const struct roots_request roots = {
		.ground = s->ground, .look = &s->look, .subject = &s->subject};
	uint64_t since = clock_ns();
	err = err ?: roots_find(&roots, &s->roots, &s->snapshot->doubts);
	(void)fprintf(stderr, "%" PRIu64 " us\n", (clock_ns() - since) / 1000);
	return err;
}

static void show_root(const struct shown *s, const struct root *r)
{
	_cleanup_(text_fini) struct text name = TEXT_EMPTY, label = TEXT_EMPTY, line = TEXT_EMPTY;
	struct plot_place place;
	if (plot_find(&s->ground->plot, r->at.value, &place))
		ground_label_name(s->ground, labels_of(&s->ground->labels, place.block), &label);
	else
		text_add(&label, "-");
	text_add_escaped(&line, text_string(&label), label.length);
	text_add_escaped(&name, r->name ?: "-", strlen(r->name ?: "-"));
	(void)printf("%d\t%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%s\t%s\n", r->phase,
		     holder_kind_name(r->kind), r->at.value, r->size, r->from.value,
		     text_string(&line), text_string(&name));
}

int main(int argc, char **argv)
{
	struct shown s = {.ground = NULL};
	struct error *err =
		find(argc > 1 ? atoi(argv[1]) : 0, argc > 2 ? strtoull(argv[2], NULL, 10) : 0, &s);
	int status = err != NULL;
	if (err)
		(void)fprintf(stderr, "%s\n", err->cause);
	error_free(err);
	for (size_t i = 0; i < s.roots.list.count; i++)
		show_root(&s, &s.roots.list.items[i]);
	roots_fini(&s.roots);
	census_fini(&s.census);
	ground_free(s.ground);
	damaged_end(&s.damaged);
	look_fini(&s.look);
	subject_fini(&s.subject);
	snapshot_free(s.snapshot);
	return status;
}
