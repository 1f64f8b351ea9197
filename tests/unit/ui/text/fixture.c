/*
 * fixture: the report's parser knows only numbers and their labels, so that a
 * comparison with what stats prints tests every column and blank.
 *
 * The heap is drawn in pools:
 *
 *	arena 0 … n_full - 1    ████████████████▒▒▒▒····   in use
 *	the others              ░·······················   one pool with one block
 */
#include "fixture.h"

#include "base/cleanup.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* ---- golden texts ---------------------------------------------------------------------- */

static char *golden_path(const char *name)
{
	char *path;
	assert_true(asprintf(&path, "%s/%s", GOLDEN_DIR, name) > 0);
	return path;
}

char *fixture_golden(const char *name)
{
	_cleanup_(free_pointer) char *path = golden_path(name);
	struct text text = TEXT_EMPTY;
	char piece[4096];
	FILE *file = fopen(path, "r");
	if (!file)
		return strdup("");
	for (size_t n; (n = fread(piece, 1, sizeof(piece), file)) > 0;)
		text_add_bytes(&text, piece, n);
	fclose(file);
	return text_take(&text);
}

static void update(const char *name, const char *text)
{
	_cleanup_(free_pointer) char *path = golden_path(name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

void fixture_same(const char *name, const char *text, const char *golden)
{
	size_t line = 1, at = 0, start = 0;
	for (; text[at] && text[at] == golden[at]; at++) {
		if (text[at] == '\n') {
			line++;
			start = at + 1;
		}
	}
	if (text[at] == golden[at])
		return;
	print_error("%s:%zu:\nis  %.*s\nnot %.*s\n", name, line, (int)strcspn(text + start, "\n"),
		    text + start, (int)strcspn(golden + start, "\n"), golden + start);
	fail();
}

void fixture_compare(const char *name, const char *text)
{
	if (getenv("ARENASCOPE_UPDATE_GOLDEN"))
		update(name, text);
	_cleanup_(free_pointer) char *golden = fixture_golden(name);
	fixture_same(name, text, golden);
}

/* ---- an interpreter's report read back ------------------------------------------------- */

/* The number behind '=' without its commas. */
static uint64_t figure_of(const char *line)
{
	uint64_t value = 0;
	const char *equals = strchr(line, '=');
	for (const char *c = equals; equals && *c && *c != '\n'; c++) {
		if (*c >= '0' && *c <= '9')
			value = value * 10 + (uint64_t)(*c - '0');
	}
	return value;
}

static bool starts(const char *line, const char *label)
{
	return strncmp(line, label, strlen(label)) == 0;
}

static void read_class(const char *line, struct pymalloc *p)
{
	uint64_t i, size, pools, used, available;
	if (sscanf(line, " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &i, &size,
		   &pools, &used, &available) == 5 &&
	    i < PYMALLOC_CLASSES_MAX)
		p->classes[i] = (struct pymalloc_class){size, pools, used, available};
}

static void read_counter(const char *line, struct snapshot *s, struct pymalloc *p)
{
	const struct {
		const char *label;
		struct maybe *figure;
	} counters[] = {
		{"# times object malloc called", &s->serialno},
		{"# arenas allocated total", &p->arenas_allocated_total},
		{"# arenas highwater mark", &p->arenas_highwater},
		{"# arena map mid nodes", &p->arena_map_mids},
		{"# arena map bot nodes", &p->arena_map_bots},
	};
	for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
		if (starts(line, counters[i].label))
			*counters[i].figure = maybe_known(figure_of(line));
	}
}

static void read_bytes(const char *line, struct pymalloc *p)
{
	const struct {
		const char *label;
		uint64_t *figure;
	} figures[] = {
		{"# bytes in allocated blocks", &p->allocated_bytes},
		{"# bytes in available blocks", &p->available_bytes},
		{"# bytes lost to pool headers", &p->pool_headers_bytes},
		{"# bytes lost to quantization", &p->quantization_bytes},
		{"# bytes lost to arena alignment", &p->arena_alignment_bytes},
		{"# bytes lost to arena map root", &p->arena_map_root_size},
		{"# bytes lost to arena map mid", &p->arena_map_mid_size},
		{"# bytes lost to arena map bot", &p->arena_map_bot_size},
	};
	for (size_t i = 0; i < ARRAY_SIZE(figures); i++) {
		if (starts(line, figures[i].label))
			*figures[i].figure = figure_of(line);
	}
	/* The report has sums of all nodes. */
	if (starts(line, "# bytes lost to arena map mid") && p->arena_map_mids.value)
		p->arena_map_mid_size /= p->arena_map_mids.value;
	if (starts(line, "# bytes lost to arena map bot") && p->arena_map_bots.value)
		p->arena_map_bot_size /= p->arena_map_bots.value;
	p->has_arena_map |= starts(line, "arena map counts");
}

static void read_products(const char *line, struct pymalloc *p)
{
	uint64_t n, size;
	if (sscanf(line, "%" SCNu64 " arenas * %" SCNu64, &n, &size) == 2) {
		p->arena_size = size;
		while (p->arenas.count < n)
			assert_non_null(vec_push(&p->arenas));
	}
	if (sscanf(line, "%" SCNu64 " unused pools * %" SCNu64, &n, &size) == 2) {
		p->unused_pools = n;
		p->pool_size = size;
		p->unused_pools_bytes = n * size;
	}
}

/* cmocka's assertions do not tell an optimizing compiler that they end the test. */
static struct snapshot_free_list *push_free_list(struct snapshot_interpreter *one)
{
	struct snapshot_free_list *list = vec_push(&one->free_lists);
	if (!list)
		abort();
	return list;
}

static void read_free_list(const char *line, struct snapshot_interpreter *interpreter)
{
	uint64_t n, size;
	char type[64], each[8] = "";
	if (sscanf(line, " %" SCNu64 " %63[^*\n]* %" SCNu64 " bytes %7s", &n, type, &size, each) !=
		    4 ||
	    strcmp(each, "each") != 0)
		return;
	struct snapshot_free_list *list = push_free_list(interpreter);
	/* "free PyDictObjects ": the space and the plural are the writer's. */
	snprintf(list->type, sizeof(list->type), "%.*s", (int)strlen(type) - 2, type);
	list->count = maybe_known(n);
	list->size = size;
}

static void read_line(const char *line, struct snapshot *s, struct snapshot_interpreter *one)
{
	struct pymalloc *p = &one->pymalloc;
	if (*line == '\n')
		return;
	if (sscanf(line, "Small block threshold = %" SCNu64 ", in %" SCNu64, &p->threshold,
		   &p->n_classes) == 2)
		p->used = true;
	read_class(line, p);
	read_counter(line, s, p);
	read_bytes(line, p);
	read_products(line, p);
	read_free_list(line, one);
	p->total_bytes = p->arenas.count * p->arena_size;
}

struct snapshot *fixture_from_stats(const char *report)
{
	struct snapshot *s = snapshot_new();
	assert_non_null(s);
	struct snapshot_interpreter *one = vec_push(&s->interpreters);
	assert_non_null(one);
	one->readable = true;
	s->serialno.absent = true;
	for (const char *line = report; *line; line += strcspn(line, "\n") + 1)
		read_line(line, s, one);
	s->target.shows_stats = one->pymalloc.used;
	return s;
}

/* ---- a heap ---------------------------------------------------------------------------- */

#define N_POOLS   64
#define POOL_SIZE (16 * KIB)
#define ARENA     (1 * MIB)
#define CLASS     3 /* blocks of 64 bytes */
#define BLOCK     64
#define CAPACITY  ((POOL_SIZE - 48) / BLOCK)

static void set_pool(struct pymalloc *p, uint32_t i, bool full_arena)
{
	struct pymalloc_pool *pool = vec_push(&p->pools);
	assert_non_null(pool);
	*pool = (struct pymalloc_pool){.state = i < 48 ? POOL_EMPTY : POOL_VIRGIN};
	if (full_arena && i < 48)
		*pool = (struct pymalloc_pool){CAPACITY, CAPACITY, CLASS, POOL_FULL};
	else if (full_arena && i < 60)
		*pool = (struct pymalloc_pool){CAPACITY / 10, CAPACITY, CLASS, POOL_PARTIAL};
	else if (i == 0)
		*pool = (struct pymalloc_pool){1, CAPACITY, CLASS, POOL_PARTIAL};
}

static void add_arena(struct pymalloc *p, size_t index, bool full)
{
	struct pymalloc_arena *a = vec_push(&p->arenas);
	assert_non_null(a);
	a->address = raddr_at(UINT64_C(0x7f3a1c000000) + index * ARENA);
	a->first_pool = a->address;
	a->index = (uint32_t)index;
	a->n_pools = N_POOLS;
	a->n_carved = full ? 60 : 48;
	a->pools_at = (uint32_t)p->pools.count;
	a->settled = true;
	for (uint32_t i = 0; i < N_POOLS; i++) {
		set_pool(p, i, full);
		const struct pymalloc_pool *pool = &p->pools.items[a->pools_at + i];
		a->used_blocks += pool->used;
		a->n_free += pool->capacity == 0;
		p->classes[CLASS].pools += pool->capacity != 0;
		p->classes[CLASS].free_blocks += pool->capacity - pool->used;
	}
	a->used_bytes = a->used_blocks * BLOCK;
	a->resident = a->n_carved * POOL_SIZE;
	p->classes[CLASS].used_blocks += a->used_blocks;
	p->unused_pools += a->n_free;
}

static void sum_heap(struct pymalloc *p)
{
	struct pymalloc_class *c = &p->classes[CLASS];
	p->used_blocks = c->used_blocks;
	p->allocated_bytes = c->used_blocks * BLOCK;
	p->available_bytes = c->free_blocks * BLOCK;
	p->unused_pools_bytes = p->unused_pools * POOL_SIZE;
	p->pool_headers_bytes = c->pools * 48;
	p->quantization_bytes = c->pools * ((POOL_SIZE - 48) % BLOCK);
	p->total_bytes = p->arenas.count * ARENA;
}

static void set_target(struct snapshot_target *t)
{
	t->pid = 4127;
	t->comm = strdup("celery");
	t->command = strdup("celery ForkPool\033[2JWorker-3");
	t->exe = strdup("/usr/bin/python3.12");
	t->module = strdup("/usr/lib/libpython3.12.so.1.0");
	strcpy(t->version, "3.12.1");
	t->version_hex = 0x030c01f0;
	t->allocator = ALLOCATOR_PYMALLOC;
	t->shows_stats = true;
	t->started_at.tv_sec = 1795000000;
	t->taken_at = (struct timespec){1795000000 + 19 * 3600 + 42 * 60, 123456789};
	t->n_threads = 24;
	char **argument = (char **)vec_push(&t->cmdline);
	assert_non_null(argument);
	*argument = strdup("celery\xff");
}

static void add_free_list(struct snapshot_interpreter *one, const char *type, const char *name,
			  struct maybe count, uint64_t size)
{
	struct snapshot_free_list *list = push_free_list(one);
	strcpy(list->type, type);
	strcpy(list->name, name);
	list->count = count;
	list->size = size;
}

struct snapshot *fixture_heap(size_t n_arenas, size_t n_full, uint64_t elsewhere)
{
	struct snapshot *s = snapshot_new();
	assert_non_null(s);
	struct snapshot_interpreter *one = vec_push(&s->interpreters);
	assert_non_null(one);
	one->readable = true;
	struct pymalloc *p = &one->pymalloc;
	*p = (struct pymalloc){.used = n_arenas > 0,
			       .alignment = 16,
			       .threshold = 512,
			       .n_classes = 32,
			       .pool_size = POOL_SIZE,
			       .arena_size = ARENA,
			       .pool_overhead = 48,
			       .has_residency = true};
	for (size_t i = 0; i < p->n_classes; i++)
		p->classes[i].size = (i + 1) * 16;
	for (size_t i = 0; i < n_arenas; i++)
		add_arena(p, i, i < n_full);
	sum_heap(p);
	p->arenas_highwater = maybe_known(n_arenas + 12);
	p->arenas_allocated_total = maybe_known(n_arenas * 3);
	add_free_list(one, "free PyDictObject", "dict", maybe_known(80), 48);
	add_free_list(one, "free 1-sized PyTupleObject", "tuple[1]", (struct maybe){0}, 32);
	set_target(&s->target);
	for (size_t i = 0; i < n_arenas; i++)
		s->target.rss += p->arenas.items[i].resident;
	s->target.rss += elsewhere;
	s->target.peak_rss = s->target.rss * 2;
	s->allocated_blocks = maybe_known(p->used_blocks + 1000);
	s->serialno.absent = true;
	s->symbols = (struct snapshot_symbols){PROVENANCE_DWARF, PROVENANCE_SYMTAB,
					       strdup("/usr/lib/debug/.build-id/ab/cdef.debug")};
	s->elapsed_us = 215000;
	return s;
}

struct style fixture_style(bool ascii)
{
	return (struct style){.ascii = ascii, .width = 80};
}

struct listing fixture_listing(void)
{
	struct listing l = {0};
	struct listing_entry *one = vec_push(&l.entries);
	assert_non_null(one);
	*one = (struct listing_entry){.pid = 4127,
				      .uid = 4294967290,
				      .command = strdup("celery worker"),
				      .version = "3.12.1",
				      .allocator = ALLOCATOR_PYMALLOC,
				      .rss = 2072000000,
				      .arenas = maybe_known(1659)};
	struct listing_entry *other = vec_push(&l.entries);
	assert_non_null(other);
	*other = (struct listing_entry){
		.pid = 521, .uid = 4294967291, .rss = 12 * MIB, .command = strdup("bad\nname")};
	other->names[0] = strdup("bad");
	other->refused = error_rule(error_new(ERROR_PERMISSION, "not yours"), "other_user");
	return l;
}
