/*
 * counters: how many blocks are allocated in all. Each version counts otherwise:
 *
 *	3.4 to 3.8    one variable counts every block
 *	3.9 to 3.11   raw_allocated_blocks (served by malloc) + used blocks of all pools
 *	3.12 on       that of every interpreter with pools of its own, + what interpreters that
 *	              ended have leaked + what the runtime's last end has leaked
 *	mimalloc      without the GIL all blocks of every interpreter; with it those of the
 *	              calling thread, here taken for the main one
 *
 * Sources: _Py_GetGlobalAllocatedBlocks and _PyInterpreterState_GetAllocatedBlocks in
 * Objects/obmalloc.c, 3.4 to 3.15.
 */
#include "inspector/python/runtime.h"

static struct error *read_counter(struct space *space, const struct layout *layout, raddr at,
				  enum layout_entry_id id, bool expected, struct maybe *ret)
{
	uint64_t value;
	*ret = (struct maybe){.absent = !expected};
	if (!layout_has(layout, id))
		return NULL;
	struct error *err = space_read(space, raddr_at(at.value + layout_offset(layout, id)),
				       &value, sizeof(value));
	if (err && !error_catch(&err, ERROR_FAULT))
		return err;
	*ret = (struct maybe){0};
	if (!err)
		*ret = maybe_known(value);
	return NULL;
}

struct error *runtime_counters_read(struct space *space, const struct layout *layout, uint64_t bias,
				    uint32_t version_hex, struct runtime_counters *ret,
				    struct doubts *doubts)
{
	struct runtime_counters c = {.version_hex = version_hex};
	raddr module = raddr_at(bias), runtime = RADDR_NULL;
	bool is_old = version_hex >= 0x03040000u && version_hex < 0x03090000u;
	bool is_new = version_hex >= 0x030c0000u;
	bool numbers_calls = version_hex >= 0x03060000u && version_hex < 0x03080000u;
	if (layout_has(layout, LAYOUT_RUNTIME))
		runtime = raddr_at(bias + layout_offset(layout, LAYOUT_RUNTIME));
	struct error *err = read_counter(space, layout, module, LAYOUT_STATIC_ALLOCATED_BLOCKS,
					 is_old, &c.allocated_blocks);
	if (!err)
		err = read_counter(space, layout, runtime, LAYOUT_RUNTIME_INTERPRETER_LEAKS, is_new,
				   &c.interpreter_leaks);
	if (!err)
		err = read_counter(space, layout, module, LAYOUT_LAST_FINAL_LEAKS, false,
				   &c.final_leaks);
	if (!err)
		err = read_counter(space, layout, module, LAYOUT_STATIC_SERIALNO, numbers_calls,
				   &c.serialno);
	if (err)
		return err;
	if (is_new && !layout_has(layout, LAYOUT_LAST_FINAL_LEAKS))
		doubts_add(doubts, DOUBT_EARLIER_RUN, DOUBT_NOTE, 1,
			   "last_final_leaks could not be found: taken for 0");
	const struct maybe *needed = is_old ? &c.allocated_blocks : &c.interpreter_leaks;
	if (!needed->known && !needed->absent)
		doubts_add(doubts, DOUBT_COUNTER_UNKNOWN, DOUBT_PARTIAL, 1,
			   "the interpreter's count of blocks could not be found");
	*ret = c;
	return NULL;
}

/* Whether every pool of it was read; else a sum over them is no count. */
static bool is_whole(const struct pymalloc *p)
{
	for (size_t i = 0; i < p->pools.count; i++) {
		if (p->pools.items[i].state == POOL_UNREAD)
			return false;
	}
	return true;
}

/* The blocks of all allocators; false where one is not wholly known. */
static bool sum_blocks(const struct snapshot *s, uint64_t *ret)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < s->interpreters.count; i++) {
		const struct snapshot_interpreter *interpreter = &s->interpreters.items[i];
		if (interpreter->shares_main)
			continue;
		const struct pymalloc *p = &interpreter->pymalloc;
		if (!interpreter->readable || !p->raw_allocated_blocks.known || !is_whole(p))
			return false;
		sum += p->used_blocks + p->raw_allocated_blocks.value; /* a Py_ssize_t: may wrap */
	}
	*ret = sum;
	return s->interpreters.count > 0;
}

/* With the GIL only the main interpreter can be told: each interpreter adds the calling thread's blocks. */
static bool sum_mimalloc(const struct snapshot *s, uint64_t *ret)
{
	uint64_t sum = 0, all = 0, n_own = 0, n_heaps = 0, n_main = 0;
	bool threaded = s->target.free_threaded;
	for (size_t i = 0; i < s->interpreters.count; i++) {
		const struct mimalloc *m = &s->interpreters.items[i].mimalloc;
		n_own += !s->interpreters.items[i].shares_main;
		for (size_t h = 0; h < m->heaps.count; h++) {
			const struct mimalloc_heap *heap = &m->heaps.items[h];
			bool is_main = s->target.pid && heap->thread == s->target.pid;
			all += heap->used_blocks;
			sum += is_main ? heap->used_blocks : 0;
			n_main += is_main;
			n_heaps++;
		}
	}
	if (n_heaps == 1) /* whose thread may be unknown */
		n_main = 1, sum = all;
	*ret = threaded ? all : sum;
	return n_heaps > 0 && (threaded || (n_own == 1 && n_main == 1));
}

struct error *runtime_block_counters(const struct runtime_counters *counters,
				     struct snapshot *snapshot)
{
	const struct snapshot_target *target = &snapshot->target;
	uint64_t sum;
	snapshot->serialno = (struct maybe){.absent = true};
	if (target->debug_hooks && !counters->serialno.absent) /* only hooks count calls */
		snapshot->serialno = counters->serialno;
	snapshot->allocated_blocks = (struct maybe){.absent = counters->version_hex < 0x03040000u};
	if (counters->version_hex < 0x03090000u) {
		if (!snapshot->allocated_blocks.absent)
			snapshot->allocated_blocks = counters->allocated_blocks;
		return NULL;
	}
	/* Where the allocator is not told, and pymalloc has nothing, it may be mimalloc: 3.13 on. */
	bool untold =
		target->allocator == ALLOCATOR_UNKNOWN && counters->version_hex >= 0x030d0000u;
	bool other = target->free_threaded || target->allocator == ALLOCATOR_MIMALLOC || untold;
	bool leaks_known = counters->interpreter_leaks.known || counters->interpreter_leaks.absent;
	bool told =
		leaks_known && (other ? sum_mimalloc(snapshot, &sum) : sum_blocks(snapshot, &sum));
	if (!told)
		return NULL;
	snapshot->allocated_blocks =
		maybe_known(sum + counters->interpreter_leaks.value + counters->final_leaks.value);
	return NULL;
}
