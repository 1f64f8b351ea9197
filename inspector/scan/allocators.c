/*
 * allocators: what cannot be named can still be told apart.
 *
 *	        ctx malloc calloc realloc free      a PyMemAllocatorEx: 40 bytes, code of the module
 *	'r' …   raw                                 what each domain had when the hooks were put before
 *	'm' …   mem                                 it; never put: what it is compiled with
 *	'o' …   obj
 *
 *	mem = obj, not raw	pymalloc serves both
 *	obj = raw		malloc serves all
 *	all three differ	mimalloc, which has functions of its own for each (3.13 on)
 *	ctx = the record of 'o'	the debug hooks stand here
 */
#include "inspector/scan/allocators.h"

#include "base/cleanup.h"

#define EX_SIZE     40
#define RECORD_SIZE 48
#define EX_AT       8 /* in a record */
#define NEAR        512
#define HOOKS_MAX   8
#define FUNCTIONS   4

struct ex {
	uint64_t ctx, function[FUNCTIONS];
};

struct find {
	struct space *space;
	const struct elf_image *image;
	const struct data_segments *data;
	struct allocators *ret;
	struct ex raw, mem, obj; /* as the hooks' records have them */
};

/* ---- records ------------------------------------------------------------------------------- */

static bool is_code(const struct elf_image *image, uint64_t address)
{
	for (size_t i = 0; i < image->n_segments; i++) {
		const struct elf_segment *s = &image->segments[i];
		if (s->executable && address - (image->bias + s->vaddr) < s->memsz)
			return true;
	}
	return false;
}

static bool get_ex(const struct find *f, raddr at, struct ex *ret)
{
	const uint8_t *bytes = data_segments_bytes(f->data, at, EX_SIZE);
	if (bytes)
		memcpy(ret, bytes, EX_SIZE);
	return bytes;
}

/* Four functions of the module itself, none twice. */
static bool is_own(const struct find *f, const struct ex *ex)
{
	for (size_t i = 0; i < FUNCTIONS; i++) {
		if (!is_code(f->image, ex->function[i]))
			return false;
		for (size_t k = 0; k < i; k++) {
			if (ex->function[i] == ex->function[k])
				return false;
		}
	}
	return true;
}

static bool same_functions(const struct ex *a, const struct ex *b)
{
	return memcmp(a->function, b->function, sizeof(a->function)) == 0;
}

static bool is_record(const struct find *f, raddr at, char id, struct ex *ret)
{
	uint64_t word;
	const struct region *region = space_region(f->space, at);
	return data_segments_word(f->data, at, &word) && word == (uint64_t)id && region &&
	       region->writable && /* _PyRuntime's initial values, to be copied there, are not */
	       get_ex(f, raddr_plus(at, EX_AT), ret) && is_own(f, ret);
}

/* The three records in a row. */
static void find_records(struct find *f)
{
	for (size_t i = 0; i < f->data->count; i++) {
		const struct data_segment *s = &f->data->items[i];
		for (uint64_t offset = 0; offset + 8 <= s->size; offset += 8) {
			struct ex raw, mem, obj;
			raddr at = raddr_plus(s->start, offset);
			if (data_segment_word(s, offset) != 'r' || !is_record(f, at, 'r', &raw) ||
			    !is_record(f, raddr_plus(at, RECORD_SIZE), 'm', &mem) ||
			    !is_record(f, raddr_plus(at, 2 * RECORD_SIZE), 'o', &obj))
				continue;
			if (f->ret->n_found++ > 0)
				continue;
			f->ret->debug = at;
			f->raw = raw;
			f->mem = mem;
			f->obj = obj;
		}
	}
}

/* ---- the object domain ------------------------------------------------------------------------ */

static bool is_known(const struct find *f, const struct ex *ex)
{
	return ex->ctx == 0 && (same_functions(ex, &f->raw) || same_functions(ex, &f->mem) ||
				same_functions(ex, &f->obj));
}

static bool is_hooks_record(const struct find *f, uint64_t ctx)
{
	return ctx >= f->ret->debug.value &&
	       ctx - f->ret->debug.value < UINT64_C(3) * RECORD_SIZE &&
	       (ctx - f->ret->debug.value) % RECORD_SIZE == 0;
}

/* A domain's record: through its hooks, as far as they are the module's, it leads to functions that the
 * hooks' records know, or to the hooks. *ret: the last of that chain. */
static bool is_domain(const struct find *f, raddr at, struct ex *ret)
{
	for (int i = 0; i < HOOKS_MAX && get_ex(f, at, ret) && is_own(f, ret); i++) {
		if (is_known(f, ret) || is_hooks_record(f, ret->ctx))
			return true;
		at = raddr_at(ret->ctx);
	}
	return false;
}

static bool serves_raw(const struct find *f, const struct ex *ex)
{
	return ex->ctx == f->ret->debug.value || (ex->ctx == 0 && same_functions(ex, &f->raw));
}

/* Whether all are functions, of the module or of a hook's. */
static bool are_code(const struct find *f, const struct ex *ex)
{
	for (size_t i = 0; i < FUNCTIONS; i++) {
		const struct region *region = space_region(f->space, raddr_at(ex->function[i]));
		if (!region || !region->executable)
			return false;
	}
	return true;
}

/* 3.12 on: raw, mem, obj right before the hooks' records. */
static bool take_joined(struct find *f)
{
	for (uint64_t i = 1; i <= 3; i++) {
		struct ex ex;
		if (!get_ex(f, raddr_minus(f->ret->debug, i * EX_SIZE), &ex) || !are_code(f, &ex))
			return false;
	}
	f->ret->joined = true;
	f->ret->object = raddr_minus(f->ret->debug, EX_SIZE);
	return true;
}

/*
 * Up to 3.11: three variables near by, raw at one end, mem in the middle. Where raw serves all, they are
 * alike.
 */
static void take_scattered(struct find *f)
{
	raddr found[4];
	struct ex ends[4];
	unsigned n = 0;
	uint64_t from = raddr_minus(f->ret->debug, NEAR).value;
	for (uint64_t at = from; at < f->ret->debug.value + NEAR && n < ARRAY_SIZE(found);) {
		bool inside = raddr_in(raddr_at(at), f->ret->debug, UINT64_C(3) * RECORD_SIZE);
		bool domain = !inside && is_domain(f, raddr_at(at), &ends[n]);
		if (domain)
			found[n++] = raddr_at(at);
		at += domain ? EX_SIZE : 8;
	}
	if (n != 3)
		return;
	if (serves_raw(f, &ends[2]))
		f->ret->object = found[0];
	else if (serves_raw(f, &ends[0]))
		f->ret->object = found[2];
}

/* ---- functions --------------------------------------------------------------------------------- */

/* What the compiled-in or hooked domains say. */
static void name_functions(struct find *f, const struct ex *mem, const struct ex *obj)
{
	if (mem->ctx || obj->ctx || !is_own(f, mem) || !is_own(f, obj) ||
	    same_functions(obj, &f->raw) || same_functions(mem, &f->raw))
		return;
	if (same_functions(mem, obj))
		f->ret->pymalloc = raddr_at(obj->function[0]);
	else if (f->ret->joined)
		f->ret->mimalloc = raddr_at(obj->function[0]);
}

/* The chain from the object domain: where a link's context is the record of 'o', it is the hooks'. */
static struct error *find_hooks(struct find *f)
{
	uint64_t record = f->ret->debug.value + 2 * RECORD_SIZE;
	raddr at = f->ret->object;
	for (int i = 0; i < HOOKS_MAX && !raddr_is_null(at); i++) {
		struct ex ex;
		struct error *err = space_read(f->space, at, &ex, sizeof(ex));
		if (err)
			return error_catch(&err, ERROR_FAULT) ? NULL : err;
		if (ex.ctx == record) {
			f->ret->debug_malloc = raddr_at(ex.function[0]);
			return NULL;
		}
		at = raddr_at(ex.ctx);
	}
	return NULL;
}

/*
 * struct _pymem_allocators ends with the arenas' allocator, {ctx, alloc, free}, from 3.13 on behind a
 * pair of ints; what follows it in _PyRuntime is {int dump_debug_stats, Py_ssize_t interpreter_leaks}.
 */
static void find_leaks(struct find *f)
{
	for (uint64_t gap = 0; gap <= 8; gap += 8) {
		raddr arena = raddr_plus(f->ret->debug, UINT64_C(3) * RECORD_SIZE + gap);
		uint64_t ctx, alloc, release, leaks;
		uint32_t dump;
		if (!data_segments_word(f->data, arena, &ctx) || ctx != 0 ||
		    !data_segments_word(f->data, raddr_plus(arena, 8), &alloc) ||
		    !data_segments_word(f->data, raddr_plus(arena, 16), &release) ||
		    !data_segments_int(f->data, raddr_plus(arena, 24), &dump) ||
		    !data_segments_word(f->data, raddr_plus(arena, 32), &leaks))
			continue;
		bool flag = dump == UINT32_MAX || dump <= 1;
		if (is_code(f->image, alloc) && is_code(f->image, release) && alloc != release &&
		    flag && leaks >> 40 == 0)
			f->ret->leaks = raddr_plus(arena, 32);
	}
}

struct error *allocators_find(struct space *space, const struct elf_image *image,
			      const struct data_segments *data, struct allocators *ret)
{
	struct allocators found = {.n_found = 0};
	struct find f = {.space = space, .image = image, .data = data, .ret = &found};
	struct ex mem, obj;
	find_records(&f);
	if (found.n_found != 1) {
		*ret = (struct allocators){.n_found = found.n_found};
		return NULL;
	}
	if (take_joined(&f))
		find_leaks(&f);
	else
		take_scattered(&f);
	if (!f.raw.ctx)
		found.raw = raddr_at(f.raw.function[0]);
	name_functions(&f, &f.mem, &f.obj);
	if (found.joined && get_ex(&f, raddr_minus(found.debug, 2 * EX_SIZE), &mem) &&
	    get_ex(&f, raddr_minus(found.debug, EX_SIZE), &obj) && raddr_is_null(found.mimalloc) &&
	    obj.function[0] != found.pymalloc.value)
		name_functions(&f, &mem, &obj);
	struct error *err = find_hooks(&f);
	if (!err)
		*ret = found;
	return err;
}
