/*
 * registers: the sixteen general registers on one way through a function, and what
 * an instruction does to them.
 */
#ifndef SYMBOLS_CODE_REGISTERS_H
#define SYMBOLS_CODE_REGISTERS_H

#include "symbols/code/code_value.h"
#include "symbols/code/instruction.h"

enum register_number { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, REGISTERS = 16 };

struct registers {
	struct code_value values[REGISTERS];
};

/* Who is asked what lies in memory, and told what is compared. */
struct registers_sink {
	struct code_value (*load)(void *context, struct code_value pointer, unsigned width);
	void (*compare)(void *context, struct code_value a, struct code_value b);
	void *context;
};

/* Carries out an instruction that is no jump, call or return; `next` is the address behind it.
 * What it writes and is not understood becomes UNKNOWN; the stack pointer stays STACK. */
void registers_step(struct registers *r, const struct instruction *i, uint64_t next,
		    const struct registers_sink *sink);

/* After a call: what the ABI lets a function change becomes UNKNOWN. */
void registers_forget_scratch(struct registers *r);

#endif
