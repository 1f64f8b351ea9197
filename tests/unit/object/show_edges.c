/*
 * show_edges: how objects of a process refer to each other, for tests that ask a real one.
 *
 *	show-edges PID [SEED] < questions
 *
 * A question is a line "edge FROM TO", "edge! FROM TO" (with contents), "text AT", "text! AT"; the answer a line: kind, index,
 * name; or what is said of the object. Escaped. With a seed the target's memory is damaged (damaged.h), and the answers are any.
 */
#include "base/cleanup.h"
#include "base/text.h"
#include "damaged.h"
#include "inspector/object/edge.h"
#include "inspector/subject.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct asked {
	struct subject subject;
	struct burst *burst;
	struct shapes shapes;
	struct type_table types;
	struct damaged damaged;
};

static const char *kind_name(enum edge_kind kind)
{
	static const char *const names[] = {"unknown", "attribute", "global", "key",  "as_key",
					    "index",   "element",   "local",  "cell", "type"};
	return names[kind];
}

static void show_escaped(const char *string)
{
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	text_add_escaped(&line, string, strlen(string));
	(void)printf("%s\n", text_string(&line));
}

static void show_edge(struct asked *a, raddr from, raddr to, bool contents)
{
	struct object object;
	struct edge edge;
	if (!object_at(&a->types, from, &object)) {
		(void)printf("no object\n");
		return;
	}
	edge_find(&a->types, &object, to, contents, &edge);
	(void)printf("%s %" PRIu64 " ", kind_name(edge.kind), edge.index);
	show_escaped(edge.name ?: "-");
	edge_fini(&edge);
}

static void show_text(struct asked *a, raddr at, bool contents)
{
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	struct object object;
	if (object_at(&a->types, at, &object))
		object_preview(&a->types, &object, contents, &line);
	show_escaped(text_string(&line));
}

static void answer(struct asked *a)
{
	char line[256], word[16];
	uint64_t from, to = 0;
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "%15s %" SCNu64 " %" SCNu64, word, &from, &to) < 2)
			continue;
		bool contents = strchr(word, '!');
		if (word[0] == 'e')
			show_edge(a, raddr_at(from), raddr_at(to), contents);
		else
			show_text(a, raddr_at(from), contents);
	}
}

static struct error *open_all(pid_t pid, uint64_t seed, struct asked *a)
{
	const struct inspector_request request = {.pid = pid, .mode = LOOK_NO_PAUSE};
	bool unverified;
	struct error *err = subject_open(&request, &a->subject);
	if (err)
		return err;
	if (seed)
		damaged_begin(&a->damaged, &a->subject.space, seed, 256);
	const struct burst_request wanted = {.space = &a->subject.space,
					     .max_memory = UINT64_C(16) << 20};
	const struct python_build *build = &a->subject.build;
	err = burst_take(&wanted, &a->burst);
	err = err
		      ?: shapes_fill(&build->layout, build->version_hex, build->free_threaded,
				     false, &a->shapes, &unverified);
	return err ?: type_table_init(&a->types, a->burst, &a->shapes, &a->subject.space);
}

int main(int argc, char **argv)
{
	struct asked a = {0};
	struct error *err = open_all(argc > 1 ? atoi(argv[1]) : 0,
				     argc > 2 ? strtoull(argv[2], NULL, 10) : 0, &a);
	if (err) {
		(void)fprintf(stderr, "%s\n", err->cause);
		error_free(err);
		return 1;
	}
	answer(&a);
	type_table_fini(&a.types);
	burst_free(a.burst);
	damaged_end(&a.damaged);
	subject_fini(&a.subject);
	return 0;
}
