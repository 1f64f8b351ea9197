/*
 * show_holders: who holds what in a target, for tests that ask a real process, and for measuring.
 *
 *	show_holders [--core|--read] [--exact] [--contents] [--census] [--max-memory=BYTES] [--object=ADDRESS]… PID|FILE
 *
 * Sums as "key=value"; "root KIND BYTES COUNT NAME", "type BYTES COUNT NAME" and "chain BYTES COUNT LINK > LINK" below each root;
 * "garbage", "frozen", "leaked", "lost" rows; "object …" for each that was asked for. Foreign text comes escaped.
 */
#include "base/cleanup.h"
#include "base/text.h"
#include "inspector/holders/graph.h"
#include "inspector/inspector.h"

#include <stdio.h>
#include <string.h>

#define OBJECTS_MAX 64

struct asked {
	struct inspector_request request;
	const char *target;
	uint64_t objects[OBJECTS_MAX];
	size_t n;
};

static void show_text(const char *text)
{
	_cleanup_(text_fini) struct text escaped = TEXT_EMPTY;
	text_add_escaped(&escaped, text ? text : "?", strlen(text ? text : "?"));
	(void)printf("%s", text_string(&escaped));
}

static void show_types(const char *what, const struct holder_type *types, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		(void)printf("%s %" PRIu64 " %" PRIu64 " ", what, types[i].bytes, types[i].count);
		show_text(types[i].type);
		(void)printf("\n");
	}
}

static void show_chain(const char *what, const struct holder_chain *chain)
{
	(void)printf("%s %" PRIu64 " %" PRIu64 " ", what, chain->bytes, chain->count);
	for (size_t i = 0; i < chain->links.count; i++) {
		(void)printf("%s", i ? " > " : "");
		show_text(chain->links.items[i]);
	}
	(void)printf("\n");
}

static void show_roots(const struct holders *h)
{
	for (size_t i = 0; i < h->roots.count; i++) {
		const struct holder_root *root = &h->roots.items[i];
		(void)printf("root %s %" PRIu64 " %" PRIu64 " ", holder_kind_name(root->kind),
			     root->bytes, root->count);
		show_text(root->name);
		(void)printf("\n");
		show_types("type", root->types.items, root->types.count);
		for (size_t k = 0; k < root->chains.count; k++)
			show_chain("chain", &root->chains.items[k]);
	}
}

static void show_rest(const struct holders *h)
{
	(void)printf("complete=%d\nreached_bytes=%" PRIu64 "\nreached_count=%" PRIu64
		     "\ngarbage_bytes=%" PRIu64 "\ngarbage_count=%" PRIu64 "\nfrozen_bytes=%" PRIu64
		     "\nfrozen_count=%" PRIu64 "\nleaked_bytes=%" PRIu64 "\nleaked_count=%" PRIu64
		     "\nunreached_bytes=%" PRIu64 "\nunreached_count=%" PRIu64
		     "\nlost_bytes=%" PRIu64 "\nlost_count=%" PRIu64 "\nnative_bytes=%" PRIu64
		     "\nnative_count=%" PRIu64 "\nimmortal_count=%" PRIu64
		     "\nimmortal_bytes=%" PRIu64 "\ninterned_count=%" PRIu64
		     "\ninterned_bytes=%" PRIu64 "\ngc_enabled=%s\n",
		     h->complete, h->reached_bytes, h->reached_count, h->garbage.bytes,
		     h->garbage.count, h->frozen.bytes, h->frozen.count, h->leaked.bytes,
		     h->leaked.count, h->unreached_bytes, h->unreached_count, h->lost_bytes,
		     h->lost_count, h->native_bytes, h->native_count, h->immortal_count,
		     h->immortal_bytes, h->interned_count, h->interned_bytes,
		     !h->gc_enabled.known  ? "unknown"
		     : h->gc_enabled.value ? "1"
					   : "0");
	(void)printf("lost_library=");
	show_text(h->lost_library ? h->lost_library : "");
	(void)printf("\n");
	show_types("garbage", h->garbage_types.items, h->garbage_types.count);
	show_types("frozen", h->frozen_types.items, h->frozen_types.count);
	show_types("leaked", h->leaked_types.items, h->leaked_types.count);
	for (size_t i = 0; i < h->lost_sizes.count; i++)
		(void)printf("lost %" PRIu64 " %" PRIu64 "\n", h->lost_sizes.items[i].size,
			     h->lost_sizes.items[i].count);
}

static void show_object(const struct inspector_object *o)
{
	(void)printf("object " RADDR_FORMAT " found=%d dead=%d immortal=%d size=%" PRIu64
		     " with_buffers=%" PRIu64 " refcount=%" PRIu64 " references=%" PRIu64
		     "\nobject.type ",
		     o->at.value, o->found, o->dead, o->immortal, o->size, o->with_buffers,
		     o->refcount, o->found_references.value);
	show_text(o->type);
	(void)printf("\nobject.preview ");
	show_text(o->preview);
	(void)printf("\nobject.where ");
	show_text(o->where);
	(void)printf("\n");
	show_chain("object.chain", &o->chain);
	for (size_t i = 0; i < o->referrers.list.count; i++) {
		const struct holder_referrer *row = &o->referrers.list.items[i];
		(void)printf("object.referrer " RADDR_FORMAT " ", row->at.value);
		show_text(row->type);
		(void)printf(" ");
		show_text(row->how ? row->how : "");
		(void)printf("\n");
	}
}

/* How all are held that are on its path. */
static struct error *show_path(const struct graph *graph, raddr at)
{
	_cleanup_(holder_chain_fini) struct holder_chain chain = {.count = 0};
	uint32_t node = graph_node_at(graph, at);
	if (node == PLOT_NONE || ties_path(&graph->ties, node) == GRAPH_PATH_NONE)
		return NULL;
	struct error *err = graph_path_chain(graph, ties_path(&graph->ties, node), &chain);
	if (!err)
		show_chain("object.path", &chain);
	return err;
}

static struct error *show_objects(struct inspector *inspector, const struct asked *asked)
{
	for (size_t i = 0; i < asked->n; i++) {
		struct inspector_object object;
		struct error *err =
			inspector_object(inspector, raddr_at(asked->objects[i]), &object);
		if (err)
			return err;
		show_object(&object);
		inspector_object_fini(&object);
		err = show_path(inspector_graph(inspector), raddr_at(asked->objects[i]));
		if (err)
			return err;
	}
	return NULL;
}

static struct error *look(const struct asked *asked)
{
	_cleanup_(inspector_closep) struct inspector *inspector = NULL;
	_cleanup_(snapshot_fini) struct snapshot *snapshot = NULL;
	struct error *err = inspector_open(&asked->request, &inspector);
	err = err ?: inspector_look(inspector, &snapshot);
	if (err)
		return err;
	show_roots(&snapshot->holders);
	show_rest(&snapshot->holders);
	(void)printf("elapsed_us=%" PRIu64 "\n", snapshot->elapsed_us);
	for (size_t i = 0; i < snapshot->doubts.list.count; i++)
		(void)printf("doubt %s %s\n", doubt_kind_name(snapshot->doubts.list.items[i].kind),
			     snapshot->doubts.list.items[i].detail ?: "");
	return show_objects(inspector, asked);
}

static void read_argument(struct asked *asked, const char *argument)
{
	struct inspector_request *request = &asked->request;
	if (strcmp(argument, "--core") == 0)
		request->kind = ORIGIN_CORE;
	else if (strcmp(argument, "--read") == 0)
		request->kind = ORIGIN_SAVEFILE;
	else if (strcmp(argument, "--exact") == 0)
		request->mode = LOOK_EXACT;
	else if (strcmp(argument, "--contents") == 0)
		request->contents = true;
	else if (strcmp(argument, "--census") == 0)
		request->parts = LOOK_MALLOC | LOOK_CENSUS;
	else if (strncmp(argument, "--max-memory=", 13) == 0)
		request->max_memory = strtoull(argument + 13, NULL, 10);
	else if (strncmp(argument, "--object=", 9) == 0 && asked->n < OBJECTS_MAX)
		asked->objects[asked->n++] = strtoull(argument + 9, NULL, 0);
	else
		asked->target = argument;
}

int main(int argc, char **argv)
{
	struct asked asked = {.request = {.parts = LOOK_MALLOC | LOOK_CENSUS | LOOK_HOLDERS,
					  .mode = LOOK_SETTLE}};
	for (int i = 1; i < argc; i++)
		read_argument(&asked, argv[i]);
	if (!asked.target)
		return 2;
	if (asked.request.kind == ORIGIN_LIVE)
		asked.request.pid = atoi(asked.target);
	else
		asked.request.path = asked.target;
	struct error *err = look(&asked);
	if (err)
		(void)fprintf(stderr, "%s\n", err->cause);
	int status = err ? 1 : 0;
	error_free(err);
	return status;
}
