/*
 * plot_probe: one look at a Python process, a core or a snapshot file, its burst and its plot, as lines of key=value,
 * for the integration tests: what the plot counts beside what the look does.
 *
 *	plot_probe PID|FILE [MAX_MEMORY_MIB [TIMES]]
 */
#include "base/cleanup.h"
#include "inspector/census/copy/burst_wanted.h"
#include "inspector/census/plotting/plot_make.h"
#include "inspector/look/look.h"
#include "inspector/target/clock.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static void show(const char *name, uint64_t value)
{
	printf("%s=%" PRIu64 "\n", name, value);
}

static struct error *walk(const struct subject *s, const struct look *look, struct snapshot *ret)
{
	for (size_t i = 0; i < look->runtime.interpreters.count; i++) {
		const struct runtime_interpreter *from = &look->runtime.interpreters.items[i];
		struct snapshot_interpreter *to = vec_push(&ret->interpreters);
		if (!to)
			return error_out_of_memory();
		struct error *err = look->mimalloc ? mimalloc_walk(look->mimalloc, i, &to->mimalloc,
								   &ret->doubts)
						   : NULL;
		if (!err && from->has_heap)
			err = pymalloc_walk(look->copies.items[i], &s->build.layout, &from->roots,
					    &to->pymalloc, &ret->doubts);
		if (err)
			return err;
	}
	return NULL;
}

/* ---- what must hold of any plot -------------------------------------------------------------- */

static void fail(const char *what, uint64_t at)
{
	printf("wrong=%s 0x%" PRIx64 "\n", what, at);
}

static void check_block(const struct plot *p, uint32_t block)
{
	struct plot_place place, found;
	plot_place(p, block, &place);
	if (place.block != block)
		fail("place", place.start);
	const uint64_t inside[] = {0, place.size / 2, place.size - 1};
	for (size_t i = 0; i < ARRAY_SIZE(inside); i++) {
		bool is = plot_find(p, place.start + inside[i], &found);
		if (is != plot_is_used(p, block))
			fail(is ? "found" : "not found", place.start + inside[i]);
		else if (is && memcmp(&found, &place, sizeof(found)) != 0)
			fail("found elsewhere", place.start + inside[i]);
	}
}

static void check(const struct plot *p)
{
	uint64_t used = 0, chunk_bytes = 0, sum = 0, since = clock_ns();
	for (uint32_t i = 0; i < p->n_run_blocks; i++)
		used += plot_is_used(p, i);
	uint32_t step = p->n_blocks / 3000000 + 1;
	for (uint32_t i = 0; i < p->n_blocks; i += step)
		check_block(p, i);
	for (size_t i = 0; i < p->chunks.count; i++)
		chunk_bytes += p->chunks.items[i].size;
	for (size_t i = 0; i < p->arenas.count; i++)
		sum += p->arenas.items[i].used_blocks;
	show("bits", used);
	show("arena_sum", sum);
	show("chunk_bytes", chunk_bytes);
	show("check_us", (clock_ns() - since) / 1000);
}

/* Every word of the copy, as a holder scan asks: how long it takes. */
static void sweep(const struct burst *burst, const struct plot *p)
{
	uint64_t n = 0, found = 0, since = clock_ns(), size;
	raddr start, at = RADDR_NULL;
	while (burst_above(burst, at, &start, &size)) {
		uint64_t left;
		const uint8_t *bytes = burst_stretch(burst, start, &left);
		for (uint64_t i = 0; i < size; i += 8, n++) {
			struct plot_place place;
			uint64_t word;
			memcpy(&word, bytes + i, sizeof(word));
			found += plot_find(p, word, &place);
		}
		at = raddr_plus(start, size);
	}
	show("sweep_words", n);
	show("sweep_found", found);
	show("sweep_us", (clock_ns() - since) / 1000);
}

static void show_plot(const struct plot *p)
{
	show("plot.arenas", p->arenas.count);
	show("plot.runs", p->runs.count);
	show("plot.chunks", p->chunks.count);
	show("plot.blocks", p->n_blocks);
	show("plot.used", p->n_used);
	show("plot.used_bytes", p->used_bytes);
	show("plot.damaged", p->n_damaged);
}

static struct error *plot(struct subject *s, const struct look *look,
			  const struct snapshot *snapshot, uint64_t max_memory)
{
	_cleanup_(burst_wanted_fini) struct burst_wanted wanted = {.size = 0};
	_cleanup_(burst_freep) struct burst *burst = NULL;
	const struct burst_wanted_request request = {&s->space, &s->origin, look, NULL, 0};
	uint64_t since = clock_ns();
	struct error *err = burst_wanted_find(&request, &wanted);
	if (err)
		return err;
	show("wanted_us", (clock_ns() - since) / 1000);
	show("wanted", wanted.size);
	const struct burst_request all = {
		.space = &s->space,
		.wanted = wanted.list.items,
		.n_wanted = wanted.list.count,
		.max_memory = max_memory,
	};
	since = clock_ns();
	err = burst_take(&all, &burst);
	if (err)
		return err;
	show("burst_us", (clock_ns() - since) / 1000);
	show("burst_copy_us", burst_took(burst));
	show("burst_whole", burst_whole(burst));
	show("burst_copied", burst_copied(burst));
	struct plot p;
	const struct plot_request draw = {burst, look, s, snapshot};
	since = clock_ns();
	err = plot_make(&draw, &p);
	if (err)
		return err;
	show("plot_us", (clock_ns() - since) / 1000);
	show_plot(&p);
	check(&p);
	sweep(burst, &p);
	show("windowed", burst_windowed(burst));
	plot_fini(&p);
	return NULL;
}

static void show_walk(const struct snapshot *s)
{
	uint64_t used = 0, bytes = 0;
	for (size_t i = 0; i < s->interpreters.count; i++) {
		used += s->interpreters.items[i].pymalloc.used_blocks +
			s->interpreters.items[i].mimalloc.used_blocks;
		bytes += s->interpreters.items[i].pymalloc.allocated_bytes +
			 s->interpreters.items[i].mimalloc.used_bytes;
	}
	show("walk.used", used);
	show("walk.used_bytes", bytes);
	show("walk.damaged", s->doubts.list.count);
}

static bool is_saved(const char *name)
{
	char magic[4] = {0};
	FILE *file = fopen(name, "rbe");
	bool read = file && fread(magic, 1, sizeof(magic), file) == sizeof(magic);
	if (file)
		(void)fclose(file);
	return read && memcmp(magic, "ASCO", sizeof(magic)) == 0;
}

static struct error *probe(const char *name, uint64_t max_memory, int times)
{
	_cleanup_(subject_fini) struct subject subject = {0};
	_cleanup_(look_fini) struct look look = {0};
	pid_t pid = strspn(name, "0123456789") == strlen(name) ? (pid_t)strtol(name, NULL, 10) : 0;
	const struct inspector_request request = {
		.kind = pid              ? ORIGIN_LIVE
			: is_saved(name) ? ORIGIN_SAVEFILE
					 : ORIGIN_CORE,
		.pid = pid,
		.path = pid ? NULL : name,
		.mode = LOOK_NO_PAUSE,
		.parts = LOOK_CENSUS,
	};
	struct error *err = inspector_enter();
	err = err ?: subject_open(&request, &subject);
	for (int i = 0; i < times && !err; i++) {
		_cleanup_(snapshot_fini) struct snapshot *snapshot = snapshot_new();
		uint64_t since = clock_ns();
		err = origin_refresh(&subject.origin, &subject.space);
		err = err ?: look_copy(&look, &request, &subject, snapshot);
		err = err ?: walk(&subject, &look, snapshot);
		if (err)
			break;
		show("look_us", (clock_ns() - since) / 1000);
		show_walk(snapshot);
		err = plot(&subject, &look, snapshot, max_memory);
	}
	return err;
}

int main(int argc, char **argv)
{
	uint64_t mib = argc > 2 ? strtoull(argv[2], NULL, 10) : 8192;
	int times = argc > 3 ? (int)strtol(argv[3], NULL, 10) : 1;
	struct error *err = argc > 1 ? probe(argv[1], mib * MIB, times) : NULL;
	struct rusage usage;
	if (err)
		(void)fprintf(stderr, "plot_probe: %s\n", err->cause);
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		show("peak_rss", (uint64_t)usage.ru_maxrss * KIB);
	int code = err ? (int)err->kind : argc > 1 ? 0 : 2;
	error_free(err);
	return code;
}
