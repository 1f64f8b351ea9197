/*
 * locals: what running functions hold in variables, and what their expressions have at hand.
 *
 *	3.11 on    thread ─▷ chunk [ head │ frame main │ frame run │ … ]		one behind the other
 *	up to 3.10 thread ─▷ frame object run ─f_back▷ frame object main
 *
 * A greenlet that waits has what a thread has. Frames of generators that wait lie in the generator, and need no root. Variables are named early, the rest (what an
 * expression has taken hold of: a list that a comprehension fills) comes before the stacks of C: a word there may be stale.
 */
#include "base/cleanup.h"
#include "inspector/holders/roots/rows.h"
#include "inspector/look/look.h"
#include "inspector/object/frame.h"
#include "inspector/object/word.h"

#define HEX_3     0x03000000
#define HEX_3_11  0x030b0000

#define NO_THREAD SIZE_MAX

struct stack {
	VEC(struct frame_view) frames; /* those that were called first come first */
	bool cut;                      /* something else stood where a frame must be */
};

static void stack_fini(struct stack *stack)
{
	vec_fini(&stack->frames);
}

static struct error *push(struct stack *stack, const struct frame_view *frame)
{
	struct frame_view *place = vec_push(&stack->frames);
	if (!place)
		return error_out_of_memory();
	*place = *frame;
	return NULL;
}

static struct error *read_chunk(struct gather *g, const struct frames_chunk *chunk,
				struct stack *ret)
{
	/* Of a thread's first chunk the first word is passed over (push_chunk() in Python/pystate.c). */
	bool first = word_at(g->types, chunk->start, 0) == 0;
	raddr at = raddr_plus(chunk->start, FRAMES_CHUNK_HEADER + (first ? 8 : 0));
	struct frame_view frame;
	struct error *err = NULL;
	while (!err && raddr_compare(at, chunk->used_end) < 0 && gather_spend(g) &&
	       frame_view(g->types, at, &frame)) {
		err = push(ret, &frame);
		at = raddr_plus(at, frame_size(g->types, &frame));
	}
	ret->cut |= !raddr_equal(at, chunk->used_end);
	return err;
}

/* Chunks come newest first. */
static struct error *read_chunks(struct gather *g, const struct frames *frames, size_t first,
				 size_t count, struct stack *ret)
{
	struct error *err = NULL;
	for (size_t i = count; i-- > 0 && !err;) {
		const struct frames_chunk *chunk = &frames->chunks.items[first + i];
		if (!chunk->cached)
			err = read_chunk(g, chunk, ret);
	}
	return err;
}

static void reverse(struct stack *stack)
{
	for (size_t i = 0, k = stack->frames.count; i + 1 < k; i++) {
		struct frame_view frame = stack->frames.items[i];
		stack->frames.items[i] = stack->frames.items[--k];
		stack->frames.items[k] = frame;
	}
}

static struct error *read_list(struct gather *g, raddr top, struct stack *ret)
{
	raddr at = top;
	struct frame_view frame;
	struct object object;
	struct error *err = NULL;
	while (!err && !raddr_is_null(at) && gather_spend(g) && object_at(g->types, at, &object) &&
	       type_table_get(g->types, object.type)->kind == TYPE_FRAME &&
	       frame_view(g->types, at, &frame)) {
		err = push(ret, &frame);
		at = word_pointer(g->types, at, g->types->shapes->frame.previous);
	}
	ret->cut |= !raddr_is_null(at);
	reverse(ret);
	return err;
}

/* Include/pystate.h, later cpython/pystate.h: `frame` follows next and interp in 2.7, prev, next and interp in 3.6 to 3.10. */
static raddr top_of(const struct gather *g, raddr state)
{
	return word_pointer(g->types, state, g->types->shapes->version_hex < HEX_3 ? 16 : 24);
}

/* What is done with every frame. */
struct pass {
	struct gather *g;
	/* thread: index of the thread's state; NO_THREAD: a greenlet's that waits */
	struct error *(*take_frame)(struct pass *, const struct frame_view *, size_t thread);
	struct rows rows;
	uint64_t n_cut; /* greenlets whose frames were not followed to the end */
};

static void pass_fini(struct pass *pass)
{
	rows_fini(&pass->rows);
}

static struct error *take_stack(struct pass *pass, const struct stack *stack, size_t thread)
{
	struct error *err = NULL;
	for (size_t i = 0; i < stack->frames.count && !err; i++)
		err = pass->take_frame(pass, &stack->frames.items[i], thread);
	return err;
}

static struct error *each_thread(struct pass *pass, bool lists)
{
	struct gather *g = pass->g;
	const struct frames *frames = &g->request->look->frames;
	struct error *err = NULL;
	for (size_t i = 0; i < frames->threads.count && !err; i++) {
		_cleanup_(stack_fini) struct stack stack = {.cut = false};
		const struct frames_thread *t = &frames->threads.items[i];
		err = lists ? read_list(g, top_of(g, t->state), &stack)
			    : read_chunks(g, frames, t->first, t->count, &stack);
		err = err ?: take_stack(pass, &stack, i);
	}
	return err;
}

static struct error *each_greenlet(struct pass *pass, bool lists)
{
	struct gather *g = pass->g;
	struct error *err = NULL;
	for (size_t i = 0; i < g->greenlets.count && !err; i++) {
		_cleanup_(stack_fini) struct stack stack = {.cut = false};
		const struct gather_greenlet *from = &g->greenlets.items[i];
		err = lists ? read_list(g, from->frame, &stack)
			    : read_chunks(g, &g->put_aside, from->first, from->count, &stack);
		err = err ?: take_stack(pass, &stack, NO_THREAD);
		pass->n_cut += stack.cut;
	}
	return err;
}

static struct error *each_frame(struct pass *pass)
{
	bool lists = pass->g->types->shapes->version_hex < HEX_3_11;
	struct error *err = each_thread(pass, lists);
	err = err ?: each_greenlet(pass, lists);
	return err ?: rows_tell(&pass->rows, pass->g);
}

/* ---- variables --------------------------------------------------------------------------- */

static struct error *add_local(struct pass *pass, const struct frame_view *frame, uint64_t slot,
			       struct text *name, size_t title)
{
	struct gather *g = pass->g;
	raddr value = frame_slot(g->types, frame, slot);
	if (raddr_is_null(value) || !gather_spend(g))
		return NULL;
	name->length = title;
	if (!frame_slot_name(g->types, frame, slot, name))
		text_add(name, "?");
	if (name->failed)
		return error_out_of_memory();
	return rows_add(&pass->rows,
			(struct root){.phase = ROOT_NAMED,
				      .kind = HOLDER_FRAME_LOCAL,
				      .at = value,
				      .from = frame->at},
			text_string(name));
}

static struct error *add_variables(struct pass *pass, const struct frame_view *frame, size_t thread)
{
	struct gather *g = pass->g;
	_cleanup_(text_fini) struct text name = TEXT_EMPTY;
	struct error *err = NULL;
	(void)thread;
	frame_title(g->types, frame, &name);
	text_add(&name, "() ");
	size_t title = name.length;
	for (uint64_t i = 0; i < frame->n_slots && !err; i++)
		err = add_local(pass, frame, i, &name, title);
	if (err || raddr_is_null(frame->locals) || raddr_equal(frame->locals, frame->globals))
		return err;
	name.length = title;
	text_add(&name, "locals()");
	if (name.failed)
		return error_out_of_memory();
	return rows_add(&pass->rows,
			(struct root){.phase = ROOT_NAMED,
				      .kind = HOLDER_FRAME_LOCAL,
				      .at = frame->locals,
				      .from = frame->at},
			text_string(&name));
}

struct error *gather_locals(struct gather *g)
{
	_cleanup_(pass_fini) struct pass pass = {.g = g, .take_frame = add_variables};
	struct error *err = each_frame(&pass);
	g->n_cut += pass.n_cut;
	return err;
}

/* ---- the rest ---------------------------------------------------------------------------- */

static struct error *add_rest(struct pass *pass, const struct frame_view *frame, size_t thread)
{
	struct gather *g = pass->g;
	_cleanup_(text_fini) struct text name = TEXT_EMPTY;
	struct root root = {.phase = ROOT_STACK,
			    .kind = HOLDER_FRAME_LOCAL,
			    .at = frame->at,
			    .from = frame->at};
	text_add(&name, "frame of ");
	frame_title(g->types, frame, &name);
	text_add(&name, "() in ");
	if (thread == NO_THREAD)
		text_add(&name, "greenlets that wait");
	else
		gather_thread_name(g, thread, &name);
	if (name.failed)
		return error_out_of_memory();
	if (g->types->shapes->version_hex >= HEX_3_11) /* its own words: function, code, dicts */
		root.size = g->types->shapes->frame.locals;
	struct error *err = rows_add(&pass->rows, root, text_string(&name));
	root.size = 0;
	for (uint64_t i = 0; i < frame->n_stack && !err && gather_spend(g); i++) {
		root.at = frame_slot(g->types, frame, frame->n_slots + i);
		if (!raddr_is_null(root.at))
			err = rows_add(&pass->rows, root, NULL);
	}
	return err;
}

struct error *gather_frames(struct gather *g)
{
	_cleanup_(pass_fini) struct pass pass = {.g = g, .take_frame = add_rest};
	return each_frame(&pass);
}
