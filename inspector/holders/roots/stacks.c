/*
 * stacks: of the threads' C code, and their thread-local variables behind it.
 *
 *	[ free ··· │ stack ◂── grows          │ thread-local │ struct pthread ]
 *	           ▲ stack pointer                           ▲ thread pointer
 *	           └────────────── told ─────────────────────┴─ one page more ──┘
 *
 * The main thread's stack is the kernel's and ends with its mapping; its thread-local variables lie elsewhere. Where a
 * thread runs, its stack pointer is not known: then all of the mapping is told, stale words too.
 */
#include "base/cleanup.h"
#include "inspector/holders/roots/gather.h"
#include "inspector/look/look.h"

#define PAGE    UINT64_C(4096)
#define TLS_MAX (64 * KIB)

static struct error *add_range(struct gather *g, const struct thread *t, const char *what,
			       raddr start, raddr end)
{
	_cleanup_(text_fini) struct text name = TEXT_EMPTY;
	start = raddr_align_up(start, 8);
	if (raddr_distance(start, end) < 8)
		return NULL;
	text_add(&name, what);
	if (t->tid)
		text_addf(&name, " of thread %d", t->tid);
	if (t->name[0])
		text_addf(&name, " (%s)", t->name);
	if (name.failed)
		return error_out_of_memory();
	return gather_add(g,
			  (struct root){.phase = ROOT_STACK,
					.kind = HOLDER_THREAD,
					.at = start,
					.size = raddr_distance(start, end),
					.from = start},
			  text_string(&name));
}

static raddr end_of(const struct region *r)
{
	return raddr_plus(r->start, r->size);
}

/* The same, but no more than a page behind the thread pointer: struct pthread has less. */
static raddr end_at(const struct region *r, raddr pointer)
{
	raddr last = raddr_plus(raddr_align_up(pointer, PAGE), PAGE);
	return !raddr_is_null(pointer) && raddr_compare(last, end_of(r)) < 0 ? last : end_of(r);
}

/* The kernel's stack, and thread-local variables, in memory that the loader allocated. */
static struct error *add_main(struct gather *g, const struct thread *t)
{
	const struct space *space = g->request->ground->space;
	struct error *err = NULL;
	for (size_t i = 0; i < space->regions.count && !err; i++) {
		const struct region *r = &space->regions.items[i];
		if (r->kind != REGION_STACK)
			continue;
		bool inside = raddr_in(t->stack, r->start, r->size);
		err = add_range(g, t, "C stack", inside ? t->stack : r->start, end_of(r));
	}
	const struct region *local = space_region(space, t->pointer);
	if (err || !local || !local->readable)
		return err;
	raddr start = raddr_align_down(raddr_minus(t->pointer, TLS_MAX), PAGE);
	start = raddr_compare(start, local->start) < 0 ? local->start : start;
	return add_range(g, t, "thread-local variables", start, end_at(local, t->pointer));
}

static struct error *add_thread(struct gather *g, const struct thread *t)
{
	const struct space *space = g->request->ground->space;
	raddr inside = raddr_is_null(t->pointer) ? t->stack : t->pointer;
	const struct region *r = raddr_is_null(inside) ? NULL : space_region(space, inside);
	if (!r || !r->readable)
		return NULL;
	raddr end = end_at(r, t->pointer);
	bool known = raddr_in(t->stack, r->start, raddr_distance(r->start, end));
	return add_range(g, t, "C stack", known ? t->stack : r->start, end);
}

/* Nobody tells of threads, as in a file that lacks them: the kernel's stack is there all the same. */
static struct error *add_alone(struct gather *g)
{
	static const struct thread nobody = {0};
	return g->threads.list.count ? NULL : add_main(g, &nobody);
}

struct error *gather_stacks(struct gather *g)
{
	_cleanup_(facts_fini) struct facts facts = FACTS_EMPTY;
	struct error *err = origin_facts(&g->request->subject->origin, &facts);
	for (size_t i = 0; i < g->threads.list.count && !err; i++) {
		const struct thread *t = &g->threads.list.items[i];
		err = t->tid == facts.pid ? add_main(g, t) : add_thread(g, t);
	}
	return err ?: add_alone(g);
}
