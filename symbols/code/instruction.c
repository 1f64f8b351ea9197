/*
 * instruction: prefixes, opcode, operands, immediate, each of a length that tables
 * tell.
 *
 *	[66 f2 f3 2e …] [REX | VEX | EVEX] [0f [38|3a]] opcode [ModRM [SIB] [disp]] [imm]
 *
 * Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2,
 * chapter 2 and appendix A.
 */
#include "symbols/code/instruction.h"

#include <string.h>

/* What follows an opcode:
 *   m ModRM   b ModRM, imm8   z ModRM, imm32   n nothing   i imm8   I imm32   w imm16
 *   r rel8    R rel32   v register's immediate   o address   e imm16, imm8
 *   f, F group 3: ModRM, and imm8 or imm32 for `test`   p prefix, decoded elsewhere   x none */
static const char one_byte[] = "mmmmiIxx"
			       "mmmmiIxp" /* 00 */
			       "mmmmiIxx"
			       "mmmmiIxx" /* 10 */
			       "mmmmiIpx"
			       "mmmmiIpx" /* 20 */
			       "mmmmiIpx"
			       "mmmmiIpx" /* 30 */
			       "pppppppp"
			       "pppppppp" /* 40 */
			       "nnnnnnnn"
			       "nnnnnnnn" /* 50 */
			       "xxpmpppp"
			       "Izibnnnn" /* 60 */
			       "rrrrrrrr"
			       "rrrrrrrr" /* 70 */
			       "bzxbmmmm"
			       "mmmmmmmm" /* 80 */
			       "nnnnnnnn"
			       "nnxnnnnn" /* 90 */
			       "oooonnnn"
			       "iInnnnnn" /* a0 */
			       "iiiiiiii"
			       "vvvvvvvv" /* b0 */
			       "bbwnppbz"
			       "enwnnixn" /* c0 */
			       "mmmmxxxn"
			       "mmmmmmmm" /* d0 */
			       "rrrriiii"
			       "RRxrnnnn" /* e0 */
			       "pnppnnfF"
			       "nnnnnnmm" /* f0 */;

static const char two_bytes[] = "mmmmxnnn"
				"nnxnxmnx" /* 00 */
				"mmmmmmmm"
				"mmmmmmmm" /* 10 */
				"mmmmxxxx"
				"mmmmmmmm" /* 20 */
				"nnnnnnxn"
				"pxpxxxxx" /* 30 */
				"mmmmmmmm"
				"mmmmmmmm" /* 40 */
				"mmmmmmmm"
				"mmmmmmmm" /* 50 */
				"mmmmmmmm"
				"mmmmmmmm" /* 60 */
				"bbbbmmmn"
				"mmmmmmmm" /* 70 */
				"RRRRRRRR"
				"RRRRRRRR" /* 80 */
				"mmmmmmmm"
				"mmmmmmmm" /* 90 */
				"nnnmbmxx"
				"nnnmbmmm" /* a0 */
				"mmmmmmmm"
				"mmbmmmmm" /* b0 */
				"mmbmbbbm"
				"nnnnnnnn" /* c0 */
				"mmmmmmmm"
				"mmmmmmmm" /* d0 */
				"mmmmmmmm"
				"mmmmmmmm" /* e0 */
				"mmmmmmmm"
				"mmmmmmmm" /* f0 */;

enum rex { REX_B = 1, REX_X = 2, REX_R = 4, REX_W = 8 };

struct cursor {
	const uint8_t *code;
	size_t size; /* at most INSTRUCTION_SIZE_MAX */
	size_t at;
	bool failed; /* some byte was not there */
	uint8_t rex;
};

static uint8_t next(struct cursor *c)
{
	if (c->at == c->size) {
		c->failed = true;
		return 0;
	}
	return c->code[c->at++];
}

/* A little-endian number of `width` bytes, sign-extended. */
static int64_t next_number(struct cursor *c, unsigned width)
{
	uint64_t value = 0;
	for (unsigned i = 0; i < width; i++)
		value |= (uint64_t)next(c) << 8 * i;
	unsigned unused = 64 - 8 * width;
	return width ? (int64_t)(value << unused) >> unused : 0;
}

static uint8_t extend(const struct cursor *c, uint8_t bits, enum rex flag)
{
	return (uint8_t)((bits & 7) | (c->rex & flag ? 8 : 0));
}

/* ---- prefixes and opcode ------------------------------------------------------------- */

/* Prefixes in any order; a REX counts only right before the opcode. Returns the byte behind. */
static uint8_t take_prefixes(struct cursor *c, struct instruction *i)
{
	for (;;) {
		uint8_t byte = next(c);
		switch (byte) {
		case 0x26:
		case 0x2e:
		case 0x36:
		case 0x3e:
		case 0xf0:
		case 0xf2:
		case 0xf3:
			break;
		case 0x64:
		case 0x65:
		case 0x67: /* an address cut to 32 bits: nobody's here */
			i->elsewhere = true;
			break;
		case 0x66:
			i->narrow = true;
			break;
		default:
			if ((byte & 0xf0) != 0x40)
				return byte;
			c->rex = byte & 15;
			byte = next(c);
			c->failed |= (byte & 0xf0) == 0x40 || byte == 0x67;
			return byte;
		}
		if (c->failed)
			return 0;
	}
}

/* VEX (c4: three bytes, c5: two) and EVEX (62: four) say by inverted bits what REX and the escape
 * bytes would. */
static void take_vector(struct cursor *c, uint8_t first, struct instruction *i)
{
	uint8_t second = next(c);
	i->is_vector = true;
	c->rex = 0;
	if (first == 0xc5) {
		c->rex = second & 0x80 ? 0 : REX_R;
		i->vvvv = ~second >> 3 & 15;
		i->map = 1;
	} else {
		uint8_t third = next(c);
		c->rex = (uint8_t)((~second >> 5 & 7) | (third & 0x80 ? REX_W : 0));
		i->vvvv = ~third >> 3 & 15;
		i->map = second & (first == 0x62 ? 7 : 31);
		if (first == 0x62)
			(void)next(c);
	}
	i->opcode = next(c);
}

static void take_opcode(struct cursor *c, struct instruction *i)
{
	uint8_t byte = take_prefixes(c, i);
	if (byte == 0xc4 || byte == 0xc5 || byte == 0x62) {
		take_vector(c, byte, i);
		return;
	}
	if (byte == 0x0f) {
		byte = next(c);
		i->map = byte == 0x38 ? 2 : byte == 0x3a ? 3 : 1;
		if (i->map > 1)
			byte = next(c);
	}
	i->opcode = byte;
}

static char form_of(const struct instruction *i)
{
	switch (i->map) {
	case 0:
		return one_byte[i->opcode];
	case 1:
		return two_bytes[i->opcode];
	case 2:
		return 'm';
	case 3:
		return 'b';
	default:
		return 'x';
	}
}

/* ---- operands ------------------------------------------------------------------------ */

/* SIB: base + index * scale; base 5 without a displacement in ModRM is none, with one of 32 bits. */
static unsigned take_sib(struct cursor *c, unsigned mod, struct instruction *i)
{
	uint8_t sib = next(c);
	uint8_t index = extend(c, sib >> 3, REX_X);
	i->scale = (uint8_t)(1 << (sib >> 6));
	i->index = index == 4 ? REGISTER_NONE : index;
	if ((sib & 7) == 5 && mod == 0)
		return 4;
	i->base = extend(c, sib, REX_B);
	return mod == 1 ? 1 : mod == 2 ? 4 : 0;
}

static void take_modrm(struct cursor *c, struct instruction *i)
{
	uint8_t modrm = next(c);
	unsigned mod = modrm >> 6, size = mod == 1 ? 1 : mod == 2 ? 4 : 0;
	i->has_modrm = true;
	i->reg = extend(c, modrm >> 3, REX_R);
	i->rm = i->base = i->index = REGISTER_NONE;
	if (mod == 3) {
		i->rm = extend(c, modrm, REX_B);
		return;
	}
	if ((modrm & 7) == 4) {
		size = take_sib(c, mod, i);
	} else if ((modrm & 7) == 5 && mod == 0) {
		i->relative = true;
		size = 4;
	} else {
		i->base = extend(c, modrm, REX_B);
	}
	i->displacement = next_number(c, size);
}

/* Bytes of the immediate, of a form that may have ModRM before it. */
static unsigned immediate_size(char form, const struct instruction *i)
{
	unsigned word = i->narrow && !i->wide ? 2 : 4;
	bool is_test = (i->reg & 7) < 2;
	switch (form) {
	case 'b':
	case 'i':
	case 'r':
		return 1;
	case 'w':
		return 2;
	case 'e':
		return 3;
	case 'z':
	case 'I':
		return word;
	case 'R':
		return 4;
	case 'v':
		return i->wide ? 8 : word;
	case 'o':
		return 8;
	case 'f':
		return is_test ? 1 : 0;
	case 'F':
		return is_test ? word : 0;
	default:
		return 0;
	}
}

bool instruction_decode(const uint8_t *code, size_t size, struct instruction *ret)
{
	struct cursor c = {code, size < INSTRUCTION_SIZE_MAX ? size : INSTRUCTION_SIZE_MAX, 0,
			   false, 0};
	struct instruction i = {.base = REGISTER_NONE, .index = REGISTER_NONE, .rm = REGISTER_NONE};
	take_opcode(&c, &i);
	char form = form_of(&i);
	if (c.failed || form == 'x' || form == 'p')
		return false;
	i.wide = c.rex & REX_W;
	if (strchr("mbzfF", form))
		take_modrm(&c, &i);
	else
		i.rm = extend(&c, i.opcode, REX_B); /* push, pop, mov of an immediate */
	i.immediate = next_number(&c, immediate_size(form, &i));
	bool is_xop = i.map == 0 && i.opcode == 0x8f && (i.reg & 7); /* a vector form of its own */
	if (c.failed || is_xop)
		return false;
	i.length = (uint8_t)c.at;
	*ret = i;
	return true;
}
