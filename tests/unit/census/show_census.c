/*
 * show_census: what the census of a target makes of each block, for tests that ask a real process.
 *
 *	show_census [--core|--read] [--exact] [--contents] [--tables] [--max-memory=BYTES] PID|FILE [OUT]
 *
 * OUT gets a line for each block in use of the small-object allocator, and each object elsewhere: "0xADDRESS size kind
 * label". Of an object, living or dead, the address is what id() gives, else that of the block. free: dead, in a free list. Labels
 * come escaped. Sums go to standard output as "key=value", doubts as "doubt kind text"; with --tables its rows, too, fields
 * parted by tabs.
 */
#include "base/cleanup.h"
#include "base/text.h"
#include "inspector/census/ground.h"
#include "inspector/inspector.h"

#include <stdio.h>
#include <string.h>

static const char *const kinds[] = {
	[LABEL_FREE] = "none",       [LABEL_UNEXPLAINED] = "unexplained",
	[LABEL_OBJECT] = "object",   [LABEL_BUFFER] = "buffer",
	[LABEL_GENERIC] = "generic", [LABEL_FREE_LISTED] = "free",
};

static void show_line(FILE *out, const struct ground *ground, uint64_t at, uint64_t size,
		      const struct label *label)
{
	_cleanup_(text_fini) struct text name = TEXT_EMPTY, escaped = TEXT_EMPTY;
	ground_label_name(ground, label, &name);
	text_add_escaped(&escaped, text_string(&name), name.length);
	(void)fprintf(out, "0x%" PRIx64 " %" PRIu64 " %s %s\n", at, size, kinds[label->kind],
		      text_string(&escaped));
}

static void show_block(FILE *out, struct ground *ground, uint32_t block)
{
	struct plot_place place;
	struct object object;
	const struct label *label = labels_of(&ground->labels, block);
	plot_place(&ground->plot, block, &place);
	bool found = ground_object(ground, block, &object);
	show_line(out, ground, found ? object.at.value : place.start, place.size, label);
}

static void show_blocks(FILE *out, struct ground *ground)
{
	for (uint32_t b = 0; b < ground->plot.n_blocks; b++) {
		bool large = b >= ground->plot.n_run_blocks;
		bool object = labels_of(&ground->labels, b)->kind == LABEL_OBJECT;
		if (large ? object : plot_is_used(&ground->plot, b))
			show_block(out, ground, b);
	}
	for (size_t i = 0; i < ground->outside.list.count; i++) {
		const struct outside_object *object = &ground->outside.list.items[i];
		show_line(out, ground, object->at, object->size,
			  &ground->labels.list.items[object->label]);
	}
}

static void show_sums(const struct snapshot *s)
{
	const struct census *c = &s->census;
	(void)printf("filled=%d\nblocks=%" PRIu64 "\nobjects=%" PRIu64 "\nbuffers=%" PRIu64
		     "\nfree_listed=%" PRIu64 "\nunexplained=%" PRIu64 "\nblocks_bytes=%" PRIu64
		     "\nunexplained_bytes=%" PRIu64 "\nlarge_objects=%" PRIu64
		     "\nlarge_bytes=%" PRIu64 "\narenas=%" PRIu64 "\nstreamed=%d\ncopied=%" PRIu64
		     "\nread_again=%" PRIu64 "\nburst_us=%" PRIu64 "\nelapsed_us=%" PRIu64 "\n",
		     c->filled, c->blocks, c->objects, c->buffers, c->free_listed, c->unexplained,
		     c->blocks_bytes, c->unexplained_bytes, c->large_objects, c->large_bytes,
		     c->arenas, c->streamed, c->copied, c->read_again, c->burst_us, s->elapsed_us);
	for (size_t i = 0; i < s->doubts.list.count; i++)
		(void)printf("doubt %s %s\n", doubt_kind_name(s->doubts.list.items[i].kind),
			     s->doubts.list.items[i].detail ?: "");
}

/* Foreign text, escaped, and no tab in it. */
static void show_text(const char *text)
{
	_cleanup_(text_fini) struct text escaped = TEXT_EMPTY;
	text_add_escaped(&escaped, text ?: "?", strlen(text ?: "?"));
	(void)printf("\t%s", text_string(&escaped));
}

static void show_rows(const struct census *c)
{
	for (size_t i = 0; i < c->types.count; i++) {
		const struct census_row *row = &c->types.items[i];
		(void)printf("type");
		show_text(row->name);
		(void)printf("\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64
			     "\t%" PRIu64 "\n",
			     row->count, row->bytes, row->buffer_count, row->buffer_bytes,
			     row->arenas, row->dead);
	}
	for (size_t i = 0; i < c->buffer_kinds.count; i++)
		(void)printf("buffers\t%s\t%" PRIu64 "\t%" PRIu64 "\n",
			     c->buffer_kinds.items[i].kind, c->buffer_kinds.items[i].count,
			     c->buffer_kinds.items[i].bytes);
}

static void show_tables(const struct census *c)
{
	for (size_t i = 0; i < c->signatures.count; i++) {
		const struct census_signature *s = &c->signatures.items[i];
		(void)printf("signature\t%d\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64, s->attributes,
			     s->n_keys, s->count, s->bytes);
		for (size_t k = 0; k < s->keys.count; k++)
			show_text(s->keys.items[k]);
		(void)printf("\n");
	}
	for (size_t i = 0; i < c->arrays.count; i++) {
		const struct census_array *a = &c->arrays.items[i];
		(void)printf("array\t%s", a->type);
		show_text(a->dtype);
		(void)printf("\t%" PRIu64 "\t%" PRIu64, a->count, a->data_bytes);
		for (uint32_t k = 0; k < a->n_shape; k++)
			(void)printf("\t%" PRIu64, a->shape[k]);
		(void)printf("\n");
	}
}

static void show_strings(const char *what, const struct census_string *strings, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		(void)printf("%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64, what, strings[i].length,
			     strings[i].count, strings[i].bytes);
		show_text(strings[i].text);
		(void)printf("\n");
	}
}

static void show_all(const struct census *c)
{
	show_rows(c);
	show_tables(c);
	show_strings("duplicate", c->duplicates.items, c->duplicates.count);
	show_strings("largest", c->largest.items, c->largest.count);
}

static struct error *look(const struct inspector_request *request, FILE *out, bool tables)
{
	_cleanup_(inspector_closep) struct inspector *inspector = NULL;
	_cleanup_(snapshot_fini) struct snapshot *snapshot = NULL;
	struct error *err = inspector_open(request, &inspector);
	err = err ?: inspector_look(inspector, &snapshot);
	if (err)
		return err;
	struct ground *ground = inspector_ground(inspector);
	if (ground && out)
		show_blocks(out, ground);
	show_sums(snapshot);
	if (tables)
		show_all(&snapshot->census);
	return NULL;
}

int main(int argc, char **argv)
{
	struct inspector_request request = {.parts = LOOK_CENSUS, .mode = LOOK_SETTLE};
	const char *target = NULL, *path = NULL;
	bool tables = false;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--core") == 0)
			request.kind = ORIGIN_CORE;
		else if (strcmp(argv[i], "--read") == 0)
			request.kind = ORIGIN_SAVEFILE;
		else if (strcmp(argv[i], "--exact") == 0)
			request.mode = LOOK_EXACT;
		else if (strcmp(argv[i], "--contents") == 0)
			request.contents = true;
		else if (strcmp(argv[i], "--tables") == 0)
			tables = true;
		else if (strncmp(argv[i], "--max-memory=", 13) == 0)
			request.max_memory = strtoull(argv[i] + 13, NULL, 10);
		else if (!target)
			target = argv[i];
		else
			path = argv[i];
	}
	request.pid = target && request.kind == ORIGIN_LIVE ? atoi(target) : 0;
	request.path = request.kind == ORIGIN_LIVE ? NULL : target;
	FILE *out = path ? fopen(path, "we") : NULL;
	if (!target || (path && !out))
		return 2;
	struct error *err = look(&request, out, tables);
	if (err)
		(void)fprintf(stderr, "%s\n", err->cause);
	int status = err ? 1 : 0;
	error_free(err);
	return !out || fclose(out) == 0 ? status : 1;
}
