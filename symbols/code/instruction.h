/*
 * instruction: one machine instruction of x86-64 taken apart: how long it is, and
 * what it works on. Not a disassembler: what it does is left to who asks.
 */
#ifndef SYMBOLS_CODE_INSTRUCTION_H
#define SYMBOLS_CODE_INSTRUCTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INSTRUCTION_SIZE_MAX 15
#define REGISTER_NONE        0xff

struct instruction {
	uint8_t length; /* bytes, 1 to INSTRUCTION_SIZE_MAX */
	uint8_t map;    /* 0: one-byte opcodes, 1: 0f, 2: 0f 38, 3: 0f 3a */
	uint8_t opcode;
	bool is_vector; /* VEX or EVEX encoded */
	bool wide;      /* REX.W: 64-bit operands */
	bool narrow;    /* 66: 16-bit operands */
	bool elsewhere; /* its memory operand lies in a segment of its own (fs, gs) */

	bool has_modrm;
	uint8_t reg;  /* the register operand, or an extension of the opcode: & 7 */
	uint8_t rm;   /* the other register operand; REGISTER_NONE: it is memory */
	uint8_t vvvv; /* third register operand of a vector instruction */

	/* The memory operand: base + index * scale + displacement. */
	uint8_t base, index; /* registers or REGISTER_NONE */
	uint8_t scale;
	bool relative; /* base is the address of the next instruction */
	int64_t displacement;

	int64_t immediate; /* sign-extended; of a jump or call, its distance from the next one */
};

/* Decodes the instruction at the start of code. False: none that 64-bit programs have, or not all
 * of it is there. Takes any bytes. */
bool instruction_decode(const uint8_t *code, size_t size, struct instruction *ret);

#endif
