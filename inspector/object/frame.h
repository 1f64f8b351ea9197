/*
 * frame: what a running function calls its values, and what it is called itself.
 *
 *	frame   [ code │ globals │ … ][ slot 0 │ slot 1 │ … ][ stack … ]
 *	code      └─▷ names           "self"     "buffer"
 */
#ifndef INSPECTOR_OBJECT_FRAME_H
#define INSPECTOR_OBJECT_FRAME_H

#include "base/text.h"
#include "inspector/object/object.h"

struct frame_view {
	raddr at;   /* of the frame object, up to 3.10; else of the interpreter's frame */
	raddr code; /* its code object */
	raddr globals,
		locals;   /* dicts; null: none. locals: of class bodies and of what is executed */
	raddr slots;      /* where its variables lie */
	uint64_t n_slots; /* variables, cells included */
	uint64_t n_stack; /* words that may follow them: what an expression has at hand */
};

/* The frame at an address. False: no frame is there: what it says is its code is none.
 * Include/frameobject.h, cpython/frameobject.h 2.7 to 3.10 (struct _frame); Include/internal/pycore_frame.h, later
 * pycore_interpframe_structs.h, 3.11 to 3.15 (_PyInterpreterFrame). */
bool frame_view(struct type_table *types, raddr at, struct frame_view *ret);

/* Bytes from one frame to the next on a data stack: of its own struct, variables and stack. 3.11 on; else 0. */
uint64_t frame_size(const struct type_table *types, const struct frame_view *frame);

/* The frame that a generator, coroutine or frame object holds. False: it has ended, or is none. */
bool frame_of(struct type_table *types, const struct object *object, struct frame_view *ret);

/* The variable of a slot: "buffer". False: it has none, or it cannot be read. Foreign. */
bool frame_slot_name(struct type_table *types, const struct frame_view *frame, uint64_t slot,
		     struct text *ret);

/* What is in a slot: null: nothing. Tags of 3.14's references are taken off. */
raddr frame_slot(const struct type_table *types, const struct frame_view *frame, uint64_t slot);

/* Adds what the function is called: "app.Server.run", "<module>" as "app.<module>"; "?" what cannot be read. Foreign. */
void frame_title(struct type_table *types, const struct frame_view *frame, struct text *ret);

/* The same of a code object with its globals, where no frame is at hand. */
void frame_code_title(struct type_table *types, raddr globals, raddr code, struct text *ret);

/* Adds the name of the i-th of a code's `n_free` free variables, those that it has from the functions around it. False: it has not
 * so many, or the name cannot be read. Foreign.
 * Include/code.h, cpython/code.h: co_freevars 2.7 to 3.10; co_localsplusnames 3.11 to 3.15, where they come last. */
bool frame_free_name(struct type_table *types, raddr code, uint64_t i, uint64_t n_free,
		     struct text *ret);

/* Adds a code object's name: qualified from 3.11 on. False: it cannot be read. Foreign. */
bool frame_code_name(struct type_table *types, raddr code, struct text *ret);

#endif
