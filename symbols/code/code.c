/*
 * code: sixteen registers, each with what is known of where its value came from,
 * carried along the ways through the function.
 *
 *	mov  rax, [rip + …]      rax: VARIABLE 359960        LOAD
 *	lea  rsi, [rip + …]      rsi: CONSTANT 248978
 *	mov  edx, [rax + 0x98]   edx: MEMBER 98 of it        LOAD
 *	call …                   CALL(?, CONSTANT 248978, MEMBER 98)
 *
 * A branch puts its target into a queue with the registers as they are then. Ways are
 * followed first in, first out, so that the short ones are seen before loops have
 * washed out what was known; each place is passed a few times at most.
 */
#include "symbols/code/code.h"

#include "base/cleanup.h"
#include "symbols/code/registers.h"

#define STEPS_MAX    30000 /* instructions in all */
#define NESTED_STEPS 128   /* in one call, with all that is called there */
#define DEPTH_MAX    4
#define PASSES_MAX   4
#define PLACES_ROOM  8192 /* powers of two */
#define NESTED_ROOM  256
#define WAYS_MAX     512
#define WINDOW       512

struct way {
	uint64_t at;
	struct registers state;
};

struct place {
	uint64_t at;
	unsigned passes; /* 0: free */
};

struct window {
	uint64_t vaddr;
	size_t size;
	uint8_t bytes[WINDOW];
};

/* What all functions of one walk share. */
struct walk {
	const struct code_reader *reader;
	code_visit_fn *visit;
	void *context;
	struct window window;
	unsigned steps;
};

/* One function. */
struct walker {
	struct walk *walk;
	unsigned depth;
	uint64_t start, end; /* end 0: unknown */
	unsigned steps_left;
	VEC(struct way) ways;
	size_t next_way;
	struct place *places; /* hashed by address, `room` of them: a power of two */
	size_t room, n_places;
	struct code_value result; /* the first known one that was returned */
};

/* ---- what is met --------------------------------------------------------------------- */

static void tell(struct walker *w, enum code_event_kind kind, struct code_value a,
		 struct code_value b)
{
	struct code_event event = {.kind = kind, .nested = w->depth > 0, .values = {a, b}};
	w->walk->visit(w->walk->context, &event);
}

/* What is read behind a pointer. */
static struct code_value load(void *context, struct code_value pointer, unsigned width)
{
	struct walker *w = context;
	const struct code_reader *reader = w->walk->reader;
	uint64_t target;
	tell(w, CODE_LOAD, pointer, code_value_constant(width));
	if (pointer.kind == CODE_STACK)
		return CODE_VALUE_UNKNOWN;
	if (pointer.kind == CODE_CONSTANT) {
		if (width == 8 && elf_got_find(&reader->got, pointer.number, &target))
			return code_value_constant(target);
		if (!elf_source_segment(&reader->source, pointer.number, width))
			return CODE_VALUE_UNKNOWN;
		return (struct code_value){
			.kind = CODE_VARIABLE, .width = (uint8_t)width, .number = pointer.number};
	}
	return (struct code_value){
		.kind = CODE_MEMBER,
		.base = pointer.kind,
		.width = (uint8_t)width,
		.number = pointer.offset,
		.base_number = pointer.number,
	};
}

static void compare(void *context, struct code_value a, struct code_value b)
{
	tell(context, CODE_COMPARE, a, b);
}

/* ---- ways ---------------------------------------------------------------------------- */

/* Counts one more passage through `at`; false: it was passed often enough. */
static bool pass(struct walker *w, uint64_t at)
{
	size_t slot = (size_t)(at * UINT64_C(0x9e3779b97f4a7c15) >> 32) % w->room;
	while (w->places[slot].passes && w->places[slot].at != at)
		slot = (slot + 1) % w->room;
	struct place *place = &w->places[slot];
	if (!place->passes && ++w->n_places > w->room / 2)
		return false;
	place->at = at;
	return place->passes++ < PASSES_MAX;
}

static void put_way(struct walker *w, uint64_t at, const struct registers *s)
{
	struct way *way = w->ways.count < WAYS_MAX ? vec_push(&w->ways) : NULL;
	if (way) {
		way->at = at;
		way->state = *s;
	}
}

static bool is_inside(const struct walker *w, uint64_t at)
{
	return w->end == 0 || (at >= w->start && at < w->end);
}

static bool fetch(struct walk *walk, uint64_t at, struct instruction *ret)
{
	struct window *window = &walk->window;
	const struct elf_segment *segment = elf_source_segment(&walk->reader->source, at, 1);
	if (!segment || !segment->executable || at - segment->vaddr >= segment->filesz)
		return false;
	uint64_t left = segment->filesz - (at - segment->vaddr);
	if (at < window->vaddr || at - window->vaddr >= window->size ||
	    window->size - (at - window->vaddr) < size_min(left, INSTRUCTION_SIZE_MAX)) {
		window->vaddr = at;
		window->size = size_min(left, sizeof(window->bytes));
		if (!elf_source_read(&walk->reader->source, at, window->bytes, window->size)) {
			window->size = 0;
			return false;
		}
	}
	size_t from = (size_t)(at - window->vaddr);
	return instruction_decode(window->bytes + from, window->size - from, ret);
}

static void follow(struct walker *w);

static void tell_call(struct walker *w, const struct registers *s)
{
	struct code_event event = {
		.kind = CODE_CALL,
		.nested = w->depth > 0,
		.values = {s->values[RDI], s->values[RSI], s->values[RDX], s->values[RCX]},
	};
	w->walk->visit(w->walk->context, &event);
}

/* What a called function returns when called like this, as far as a short look tells. */
static struct code_value call(struct walker *w, uint64_t target, const struct registers *s)
{
	struct walker inner = {
		.walk = w->walk,
		.depth = w->depth + 1,
		.start = target,
		.steps_left = w->depth ? w->steps_left : NESTED_STEPS,
		.room = NESTED_ROOM,
	};
	unsigned allowed = inner.steps_left;
	if (inner.depth > DEPTH_MAX)
		return CODE_VALUE_UNKNOWN;
	inner.places = calloc(inner.room, sizeof(*inner.places));
	if (inner.places) {
		put_way(&inner, target, s);
		follow(&inner);
	}
	w->steps_left -= w->depth ? allowed - inner.steps_left : 0;
	free(inner.places);
	vec_fini(&inner.ways);
	return inner.result;
}

static void do_call(struct walker *w, struct registers *s, bool is_direct, uint64_t target)
{
	tell_call(w, s);
	struct code_value result = is_direct ? call(w, target, s) : CODE_VALUE_UNKNOWN;
	registers_forget_scratch(s);
	s->values[RAX] = result;
}

/* Of a called function the first known result counts: some way leads there. */
static void do_return(struct walker *w, const struct registers *s)
{
	tell(w, CODE_RETURN, s->values[RAX], CODE_VALUE_UNKNOWN);
	if (w->result.kind == CODE_UNKNOWN)
		w->result = s->values[RAX];
}

static void do_jump(struct walker *w, const struct registers *s, uint64_t target)
{
	if (!is_inside(w, target))
		tell_call(w, s);
	put_way(w, target, s);
}

/* Control flow. True: the way goes on with the next instruction. */
static bool do_control(struct walker *w, struct registers *s, const struct instruction *i,
		       uint64_t next, bool *ret_is_control)
{
	uint8_t op = i->opcode;
	unsigned what = i->reg & 7;
	uint64_t target = next + (uint64_t)i->immediate;
	*ret_is_control = true;
	if (i->map == 0 && op == 0xe8) {
		do_call(w, s, true, target);
		return true;
	}
	if (i->map == 0 && op == 0xff && (what == 2 || what == 3)) {
		do_call(w, s, false, 0);
		return true;
	}
	if (i->map == 0 && (op == 0xe9 || op == 0xeb)) {
		do_jump(w, s, target);
		return false;
	}
	if (i->map == 0 && op == 0xff && (what == 4 || what == 5)) {
		tell_call(w, s);
		return false;
	}
	if (i->map == 0 && (op & 0xfc) == 0xe0) /* loop counts in rcx */
		s->values[RCX] = CODE_VALUE_UNKNOWN;
	if ((i->map == 0 && ((op & 0xf0) == 0x70 || (op & 0xfc) == 0xe0)) ||
	    (i->map == 1 && (op & 0xf0) == 0x80 && !i->is_vector)) {
		put_way(w, target, s);
		return true;
	}
	if (i->map == 0 && (op == 0xc3 || op == 0xc2)) {
		do_return(w, s);
		return false;
	}
	bool ends = (i->map == 0 &&
		     (op == 0xcc || op == 0xf4 || op == 0xcb || op == 0xca || op == 0xcf)) ||
		    (i->map == 1 && (op == 0x0b || op == 0x05 || op == 0xff) && !i->is_vector);
	*ret_is_control = ends;
	return !ends;
}

/* Follows one way until it ends, leaves the function by running on, or was passed before. */
static void follow_way(struct walker *w, struct way *way)
{
	uint64_t at = way->at;
	const struct registers_sink sink = {load, compare, w};
	bool inside = is_inside(w, at), goes_on = true;
	while (goes_on && w->steps_left > 0 && w->walk->steps < STEPS_MAX && pass(w, at)) {
		struct instruction i;
		bool is_control;
		if (!fetch(w->walk, at, &i))
			return;
		w->steps_left--;
		w->walk->steps++;
		uint64_t next = at + i.length;
		goes_on = do_control(w, &way->state, &i, next, &is_control);
		if (!is_control)
			registers_step(&way->state, &i, next, &sink);
		at = next;
		if (inside && !is_inside(w, at))
			return;
	}
}

static void follow(struct walker *w)
{
	while (w->next_way < w->ways.count && w->steps_left > 0 &&
	       (w->depth == 0 || w->result.kind == CODE_UNKNOWN)) {
		struct way way = w->ways.items[w->next_way++];
		follow_way(w, &way);
	}
}

/* ---- the door ------------------------------------------------------------------------ */

void code_reader_init(struct code_reader *reader, const struct elf_source *source)
{
	reader->source = *source;
	elf_got_read(source, &reader->got);
}

void code_reader_fini(struct code_reader *reader)
{
	elf_got_fini(&reader->got);
}

bool code_walk(const struct code_reader *reader, uint64_t vaddr, uint64_t size,
	       code_visit_fn *visit, void *context)
{
	struct walk walk = {.reader = reader, .visit = visit, .context = context};
	struct walker w = {
		.walk = &walk,
		.start = vaddr,
		.end = size > 0 ? size_add(vaddr, size) : 0,
		.steps_left = STEPS_MAX,
		.room = PLACES_ROOM,
	};
	struct registers state = {.values[RDI] = {.kind = CODE_ARGUMENT},
				  .values[RSP] = {.kind = CODE_STACK}};
	struct instruction first;
	if (!fetch(&walk, vaddr, &first))
		return false;
	w.places = calloc(w.room, sizeof(*w.places));
	put_way(&w, vaddr, &state);
	bool ready = w.places && w.ways.count == 1;
	if (ready)
		follow(&w);
	free(w.places);
	vec_fini(&w.ways);
	return ready;
}
