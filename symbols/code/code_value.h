/*
 * code_value: what is known of where the number in a register came from.
 */
#ifndef SYMBOLS_CODE_CODE_VALUE_H
#define SYMBOLS_CODE_CODE_VALUE_H

#include <stdint.h>

enum code_value_kind {
	CODE_UNKNOWN,
	CODE_CONSTANT, /* `number` */
	CODE_STACK,    /* somewhere on the stack */
	CODE_ARGUMENT, /* the function's first argument */
	CODE_VARIABLE, /* what the variable at `number`, a link-time address, holds */
	CODE_MEMBER,   /* what stands `number` bytes behind another pointer */
};

struct code_value {
	enum code_value_kind kind;
	enum code_value_kind base; /* MEMBER: what its pointer was, and the number of that */
	uint8_t width;             /* VARIABLE, MEMBER: bytes that were loaded */
	uint64_t number;
	uint64_t base_number;
	uint64_t offset; /* added to it since, modulo 2^64 */
};

#define CODE_VALUE_UNKNOWN ((struct code_value){.kind = CODE_UNKNOWN})

static inline struct code_value code_value_constant(uint64_t number)
{
	return (struct code_value){.kind = CODE_CONSTANT, .number = number};
}

#endif
