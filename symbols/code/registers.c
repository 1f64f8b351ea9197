/*
 * registers: moves and additions keep what is known, everything else forgets what it
 * may have written.
 *
 *	mov  r, [address]     what lies there: the sink says
 *	lea  r, address       base + index * scale + displacement, if that is known
 *	add  r, constant      the same origin, so much further on
 *	xor  r, r             0
 *	imul r, …             UNKNOWN
 *
 * Stores are not followed: what is read back is what the memory is known as.
 */
#include "symbols/code/registers.h"

#include <stddef.h>

/* ---- values -------------------------------------------------------------------------- */

static struct code_value add(struct code_value a, struct code_value b)
{
	if (a.kind == CODE_CONSTANT && b.kind == CODE_CONSTANT)
		return code_value_constant(a.number + b.number);
	if (a.kind == CODE_CONSTANT) {
		b.offset += b.kind == CODE_UNKNOWN ? 0 : a.number;
		return b;
	}
	if (b.kind != CODE_CONSTANT)
		return a.kind == CODE_STACK && b.kind != CODE_STACK ? a : CODE_VALUE_UNKNOWN;
	a.offset += a.kind == CODE_UNKNOWN ? 0 : b.number;
	return a;
}

static struct code_value scaled(struct code_value v, unsigned scale)
{
	return v.kind == CODE_CONSTANT ? code_value_constant(v.number * scale) : CODE_VALUE_UNKNOWN;
}

/* The low half, zero-extended. A value loaded with 4 bytes is that already. */
static struct code_value cut_to_32(struct code_value v)
{
	if (v.kind == CODE_CONSTANT)
		return code_value_constant((uint32_t)v.number);
	return v.width > 0 && v.width <= 4 && v.offset == 0 ? v : CODE_VALUE_UNKNOWN;
}

static struct code_value register_of(const struct registers *s, uint8_t number)
{
	return number < REGISTERS ? s->values[number] : CODE_VALUE_UNKNOWN;
}

static void set_register(struct registers *s, uint8_t number, struct code_value v)
{
	if (number < REGISTERS && number != RSP)
		s->values[number] = v;
}

/* ---- memory -------------------------------------------------------------------------- */

static struct code_value address_of(const struct registers *s, const struct instruction *i,
				    uint64_t next)
{
	if (i->elsewhere)
		return CODE_VALUE_UNKNOWN;
	struct code_value v =
		code_value_constant((uint64_t)i->displacement + (i->relative ? next : 0));
	if (i->base != REGISTER_NONE)
		v = add(register_of(s, i->base), v);
	if (i->index != REGISTER_NONE)
		v = add(v, scaled(register_of(s, i->index), i->scale));
	return v;
}

static unsigned width_of(const struct instruction *i)
{
	return i->wide ? 8 : i->narrow ? 2 : 4;
}

/* The r/m operand, read with `width` bytes. */
static struct code_value operand(const struct registers_sink *sink, const struct registers *s,
				 const struct instruction *i, uint64_t next, unsigned width)
{
	if (i->rm == REGISTER_NONE)
		return sink->load(sink->context, address_of(s, i, next), width);
	struct code_value v = register_of(s, i->rm);
	return width == 8 ? v : width == 4 ? cut_to_32(v) : CODE_VALUE_UNKNOWN;
}

/* ---- what instructions do ------------------------------------------------------------ */

static void forget(struct registers *s, uint8_t number)
{
	set_register(s, number, CODE_VALUE_UNKNOWN);
}

/* What an instruction on bytes writes: numbers 4 to 7 may also mean the second byte of 0 to 3. */
static void forget_byte(struct registers *s, uint8_t number)
{
	forget(s, number);
	if (number >= RSP && number <= RDI)
		forget(s, (uint8_t)(number - RSP));
}

/* The result of an operation of this width into a register. */
static void put_result(struct registers *s, uint8_t number, struct code_value v, unsigned width)
{
	if (width == 1)
		forget_byte(s, number);
	else
		set_register(s, number, v);
}

void registers_forget_scratch(struct registers *s)
{
	static const uint8_t scratch[] = {RAX, RCX, RDX, RSI, RDI, R8, R9, R10, R11};
	for (size_t i = 0; i < sizeof(scratch); i++)
		forget(s, scratch[i]);
}

/* The eight operations of the opcodes 00 to 3f and 80 to 83. */
enum operation { OP_ADD, OP_OR, OP_ADC, OP_SBB, OP_AND, OP_SUB, OP_XOR, OP_CMP };

static struct code_value compute(enum operation op, struct code_value a, struct code_value b,
				 unsigned width)
{
	struct code_value result = CODE_VALUE_UNKNOWN;
	if (op == OP_ADD)
		result = add(a, b);
	else if (op == OP_SUB && b.kind == CODE_CONSTANT)
		result = add(a, code_value_constant(-b.number));
	return width == 8 ? result : width == 4 ? cut_to_32(result) : CODE_VALUE_UNKNOWN;
}

static void compare(const struct registers_sink *sink, unsigned width, struct code_value a,
		    struct code_value b)
{
	if (width == 8)
		sink->compare(sink->context, a, b);
}

/* op r/m, r · op r, r/m · op rax, imm: opcodes 00 to 3d. */
static void do_arithmetic(const struct registers_sink *sink, struct registers *s,
			  const struct instruction *i, uint64_t next)
{
	enum operation op = i->opcode >> 3;
	unsigned form = i->opcode & 7, width = form & 1 ? width_of(i) : 1;
	if (form >= 4) {
		struct code_value a = width >= 4 ? s->values[RAX] : CODE_VALUE_UNKNOWN;
		struct code_value b = code_value_constant((uint64_t)i->immediate);
		if (op == OP_CMP)
			compare(sink, width, a, b);
		else
			put_result(s, RAX, compute(op, a, b, width), width);
		return;
	}
	bool to_register = form & 2, itself = i->rm == i->reg;
	struct code_value rm = operand(sink, s, i, next, width);
	struct code_value reg = register_of(s, i->reg);
	uint8_t target = to_register ? i->reg : i->rm;
	if (op == OP_CMP)
		compare(sink, width, to_register ? reg : rm, to_register ? rm : reg);
	else if ((op == OP_XOR || op == OP_SUB) && itself && width >= 4)
		set_register(s, target, code_value_constant(0));
	else
		put_result(s, target,
			   compute(op, to_register ? reg : rm, to_register ? rm : reg, width),
			   width);
}

/* op r/m, imm: opcodes 80, 81 and 83. */
static void do_immediate(const struct registers_sink *sink, struct registers *s,
			 const struct instruction *i, uint64_t next)
{
	enum operation op = i->reg & 7;
	unsigned width = i->opcode == 0x80 ? 1 : width_of(i);
	struct code_value a = operand(sink, s, i, next, width);
	struct code_value b = code_value_constant((uint64_t)i->immediate);
	if (op == OP_CMP)
		compare(sink, width, a, b);
	else
		put_result(s, i->rm, compute(op, a, b, width), width);
}

/* Shifts by an immediate (c0, c1) or by one (d0, d1): only to the left, only of constants. */
static void do_shift(struct registers *s, const struct instruction *i)
{
	uint64_t by = i->opcode & 0x10 ? 1 : (uint64_t)i->immediate & 63;
	struct code_value v = register_of(s, i->rm);
	bool known = (i->reg & 7) == 4 && v.kind == CODE_CONSTANT && (i->opcode & 1) && i->wide;
	put_result(s, i->rm, known ? code_value_constant(v.number << by) : CODE_VALUE_UNKNOWN,
		   i->opcode & 1 ? 8 : 1);
}

/* inc, dec (ff /0, /1); push (ff /6). The rest of ff ends a way and never comes here. */
static void do_group_5(const struct registers_sink *sink, struct registers *s,
		       const struct instruction *i, uint64_t next)
{
	unsigned what = i->reg & 7, width = width_of(i);
	struct code_value v = operand(sink, s, i, next, width);
	if (what < 2)
		set_register(s, i->rm,
			     compute(what ? OP_SUB : OP_ADD, v, code_value_constant(1), width));
}

static void do_move(const struct registers_sink *sink, struct registers *s,
		    const struct instruction *i, uint64_t next)
{
	unsigned width = width_of(i);
	switch (i->opcode) {
	case 0x89: /* r/m, r */
		if (i->rm != REGISTER_NONE)
			set_register(s, i->rm,
				     width == 8   ? register_of(s, i->reg)
				     : width == 4 ? cut_to_32(register_of(s, i->reg))
						  : CODE_VALUE_UNKNOWN);
		break;
	case 0x8b: /* r, r/m */
		set_register(s, i->reg, operand(sink, s, i, next, width));
		break;
	case 0x63: { /* movsxd */
		struct code_value v = operand(sink, s, i, next, 4);
		bool is_constant = v.kind == CODE_CONSTANT;
		set_register(s, i->reg,
			     is_constant ? code_value_constant((uint64_t)(int64_t)(int32_t)v.number)
					 : v);
		break;
	}
	case 0x8d: /* lea */
		if (i->rm == REGISTER_NONE)
			set_register(s, i->reg,
				     width == 8 ? address_of(s, i, next)
						: cut_to_32(address_of(s, i, next)));
		break;
	case 0xc7: /* r/m, imm */
		set_register(s, i->rm,
			     width < 4 ? CODE_VALUE_UNKNOWN
				       : code_value_constant((uint64_t)i->immediate));
		break;
	default: /* b8 to bf: r, imm */
		set_register(s, i->rm,
			     width == 8   ? code_value_constant((uint64_t)i->immediate)
			     : width == 4 ? code_value_constant((uint32_t)i->immediate)
					  : CODE_VALUE_UNKNOWN);
		break;
	}
}

/* String instructions move their pointers and count down. */
static void do_string(struct registers *s)
{
	forget(s, RCX);
	forget(s, RSI);
	forget(s, RDI);
	forget(s, RAX);
}

/* Group 3: test (/0, /1), not, neg, and the four that multiply and divide in rax and rdx. */
static void do_group_3(const struct registers_sink *sink, struct registers *s,
		       const struct instruction *i, uint64_t next)
{
	unsigned what = i->reg & 7;
	(void)operand(sink, s, i, next, i->opcode == 0xf6 ? 1 : width_of(i));
	if (what == 2 || what == 3)
		forget_byte(s, i->rm);
	if (what < 4)
		return;
	forget(s, RAX);
	forget(s, RDX);
}

/* What is left of the one-byte opcodes: whatever it may have written is forgotten. */
static void do_rest(struct registers *s, const struct instruction *i)
{
	uint8_t op = i->opcode;
	if (op == 0x68 || op == 0x6a || op == 0x90 || op == 0xa8 || op == 0xa9 || op >= 0xf4)
		return;
	if (op == 0x69 || op == 0x6b) { /* imul */
		forget(s, i->reg);
		return;
	}
	if (i->has_modrm && op != 0x88 && op != 0xc6)
		forget_byte(s, i->reg);
	if ((op & 0xf8) != 0xd8) /* the floating-point unit's memory is no register */
		forget_byte(s, i->rm);
	if (!i->has_modrm && (op & 0xf8) != 0x58) { /* all but pop */
		forget(s, RAX);
		forget(s, RDX);
		forget(s, op == 0xc9 ? RBP : REGISTER_NONE);
	}
}

static void do_one_byte(const struct registers_sink *sink, struct registers *s,
			const struct instruction *i, uint64_t next)
{
	uint8_t op = i->opcode;
	if (op < 0x40)
		do_arithmetic(sink, s, i, next);
	else if (op >= 0x50 && op <= 0x57)
		return; /* push */
	else if (op == 0x89 || op == 0x8b || op == 0x63 || op == 0x8d || op == 0xc7 ||
		 (op >= 0xb8 && op <= 0xbf))
		do_move(sink, s, i, next);
	else if (op == 0x80 || op == 0x81 || op == 0x83)
		do_immediate(sink, s, i, next);
	else if (op == 0x84 || op == 0x85) /* test */
		(void)operand(sink, s, i, next, op == 0x84 ? 1 : width_of(i));
	else if (op == 0xc0 || op == 0xc1 || op == 0xd0 || op == 0xd1)
		do_shift(s, i);
	else if (op == 0xf6 || op == 0xf7)
		do_group_3(sink, s, i, next);
	else if (op == 0xff)
		do_group_5(sink, s, i, next);
	else if ((op >= 0xa4 && op <= 0xa7) || (op >= 0xaa && op <= 0xaf))
		do_string(s);
	else
		do_rest(s, i);
}

/* Of the opcodes behind 0f: whether the instruction leaves the general registers alone. */
static bool is_for_vectors(uint8_t op)
{
	return (op >= 0x10 && op <= 0x1f) || (op >= 0x28 && op <= 0x2b) || op == 0x2e ||
	       op == 0x2f || (op >= 0x51 && op <= 0x7f && op != 0x7e) || op == 0xc2 || op == 0xc6 ||
	       (op >= 0xd0 && op != 0xd7);
}

/* Of the same: whether its ModRM names no register to write but r/m: setcc, and groups that extend
 * the opcode. */
static bool is_group(uint8_t op)
{
	return (op & 0xf0) == 0x90 || op == 0xba || op == 0xae || op == 0x00 || op == 0x01;
}

/* Of the same: whether it only reads its r/m operand: cmov, imul, movzx, movsx, bit counts and
 * what moves from a vector register. */
static bool is_into_register(uint8_t op)
{
	return (op & 0xf0) == 0x40 || op == 0xaf || (op & 0xf6) == 0xb6 || op == 0xb8 ||
	       op == 0xbc || op == 0xbd || op == 0x2c || op == 0x2d || op == 0x50 || op == 0xd7;
}

static void do_other(const struct registers_sink *sink, struct registers *s,
		     const struct instruction *i, uint64_t next)
{
	bool is_plain = i->map == 1 && !i->is_vector;
	bool reads = is_plain && is_into_register(i->opcode);
	if (is_plain && is_for_vectors(i->opcode))
		return;
	if (reads && (i->opcode & 0xf6) == 0xb6)
		(void)operand(sink, s, i, next, i->opcode & 1 ? 2 : 1);
	else if (reads && i->opcode < 0xb0 && i->opcode >= 0x40 && i->opcode != 0x50)
		(void)operand(sink, s, i, next, width_of(i));
	if (i->has_modrm && !(is_plain && is_group(i->opcode)))
		forget(s, i->reg);
	if (reads)
		return;
	forget_byte(s, i->rm);
	if (i->is_vector)
		forget(s, i->vvvv);
	if (is_plain && (i->opcode & 0xf0) == 0x90) /* setcc writes nothing else */
		return;
	forget(s, RAX); /* cmpxchg, cpuid, pcmpestri and the like */
	forget(s, RBX);
	forget(s, RCX);
	forget(s, RDX);
}

void registers_step(struct registers *r, const struct instruction *i, uint64_t next,
		    const struct registers_sink *sink)
{
	if (i->map == 0)
		do_one_byte(sink, r, i, next);
	else
		do_other(sink, r, i, next);
}
