/*
 * Tests of symbols/code: how long instructions are, by what objdump says of real
 * interpreters; what is known of registers, on functions written here; and bytes that
 * nobody compiled.
 */
#include "symbols/code/code.h"

#include "base/cleanup.h"
#include "base/size.h"
#include "discovery.h"
#include "sample_files.h"
#include "symbols/code/instruction.h"
#include "symbols/elf/file_image.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* ---- lengths ------------------------------------------------------------------------- */

/* Instructions of one file that objdump knows: "  401000:\tf3 0f 1e fa          \tendbr64". */
static size_t assert_lengths(FILE *listing)
{
	char line[512];
	size_t n = 0;
	while (fgets(line, sizeof(line), listing)) {
		char *bytes = strchr(line, '\t'), *text = bytes ? strchr(bytes + 1, '\t') : NULL;
		uint8_t code[INSTRUCTION_SIZE_MAX];
		size_t size = 0;
		struct instruction i;
		if (!text || strstr(text, "(bad)") || strstr(text, "rex.") ||
		    strstr(text, "data16"))
			continue;
		for (char *at = bytes + 1; at < text && size < sizeof(code); at += 3) {
			unsigned byte;
			if (*at == ' ' || sscanf(at, "%2x", &byte) != 1)
				break;
			code[size++] = (uint8_t)byte;
		}
		if (!instruction_decode(code, size, &i) || i.length != size)
			fail_msg("%s", line);
		n++;
	}
	return n;
}

static void test_lengths_are_those_of_objdump(void **state)
{
	(void)state;
	struct interpreters all;
	interpreters_discover(&all);
	size_t n = 0;
	for (size_t i = 0; i < all.list.count; i += 4) {
		char command[8192];
		snprintf(command, sizeof(command),
			 "objdump -d -w --no-addresses -j .text '%s' 2>/dev/null | head -n 100000",
			 all.list.items[i].path);
		FILE *listing = popen(command, "r");
		assert_non_null(listing);
		n += assert_lengths(listing);
		pclose(listing);
	}
	interpreters_fini(&all);
	print_message("%zu instructions\n", n);
	if (n == 0)
		skip();
}

static void test_what_is_no_instruction(void **state)
{
	(void)state;
	static const uint8_t invalid[] = {0x06, 0x27, 0x60, 0x9a, 0xd6, 0xea};
	struct instruction i;
	for (size_t j = 0; j < sizeof(invalid); j++) {
		const uint8_t code[16] = {invalid[j]};
		assert_false(instruction_decode(code, sizeof(code), &i));
	}
	const uint8_t cut[] = {0x48, 0x8b, 0x05, 1, 2, 3};
	for (size_t size = 0; size <= sizeof(cut); size++)
		assert_false(instruction_decode(cut, size, &i));
	uint8_t prefixes[32];
	memset(prefixes, 0x66, sizeof(prefixes));
	assert_false(instruction_decode(prefixes, sizeof(prefixes), &i));
}

static void test_operands(void **state)
{
	(void)state;
	/* mov edx, [r14 + r15 * 4 + 0x26e8] */
	const uint8_t indexed[] = {0x43, 0x8b, 0x94, 0xbe, 0xe8, 0x26, 0, 0};
	/* cmp qword [rip - 2], 0x746850 */
	const uint8_t relative[] = {0x48, 0x81, 0x3d, 0xfe, 0xff, 0xff, 0xff, 0x50, 0x68, 0x74, 0};
	struct instruction i;
	assert_true(instruction_decode(indexed, sizeof(indexed), &i));
	assert_int_equal(i.reg, 2);
	assert_int_equal(i.base, 14);
	assert_int_equal(i.index, 15);
	assert_int_equal(i.scale, 4);
	assert_int_equal(i.displacement, 0x26e8);
	assert_int_equal(i.rm, REGISTER_NONE);
	assert_false(i.wide || i.relative);
	assert_true(instruction_decode(relative, sizeof(relative), &i));
	assert_true(i.wide && i.relative);
	assert_int_equal(i.displacement, -2);
	assert_int_equal(i.immediate, 0x746850);
}

/* ---- walks --------------------------------------------------------------------------- */

#define CODE 0x1000
#define DATA 0x5000

/* An object of two segments: code, and data of zeros. */
struct object {
	const uint8_t *code;
	size_t size;
};

static struct error *read_object(void *context, raddr at, void *buffer, size_t size)
{
	const struct object *o = context;
	memset(buffer, 0, size);
	if (at.value >= DATA)
		return NULL;
	if (at.value < CODE || at.value - CODE > o->size || size > o->size - (at.value - CODE))
		return error_new(ERROR_FAULT, "nothing there");
	memcpy(buffer, o->code + (at.value - CODE), size);
	return NULL;
}

#define EVENTS_MAX 64

struct record {
	struct code_event events[EVENTS_MAX];
	size_t n;
};

static void note(void *context, const struct code_event *event)
{
	struct record *r = context;
	if (r->n < EVENTS_MAX)
		r->events[r->n++] = *event;
}

/* Walks a function of function_size bytes, with more code behind it. */
static bool walk_part(const uint8_t *code, size_t size, size_t function_size, struct record *ret)
{
	struct object object = {code, size};
	const struct elf_image image = {
		.n_segments = 2,
		.segments = {{.vaddr = CODE, .memsz = size, .filesz = size, .executable = true},
			     {.vaddr = DATA, .memsz = 0x1000, .filesz = 0x1000, .writable = true}},
	};
	const struct elf_source source = {read_object, &object, &image};
	struct code_reader reader;
	code_reader_init(&reader, &source);
	memset(ret, 0, sizeof(*ret));
	bool walked = code_walk(&reader, CODE, function_size, note, ret);
	code_reader_fini(&reader);
	return walked;
}

static bool walk(const uint8_t *code, size_t size, struct record *ret)
{
	return walk_part(code, size, size, ret);
}

/* The nth event of a kind, or NULL. */
static const struct code_event *event_of(const struct record *r, enum code_event_kind kind,
					 size_t n)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->events[i].kind == kind && n-- == 0)
			return &r->events[i];
	return NULL;
}

static void test_a_call_with_a_label(void **state)
{
	(void)state;
	static const uint8_t code[] = {
		0x8b, 0x15, 0xfa, 0x3f, 0,    0,    /* mov edx, [rip + 0x3ffa]: 5000 */
		0xb9, 0x18, 0,    0,    0,          /* mov ecx, 0x18 */
		0x48, 0x8d, 0x35, 0x0e, 0x40, 0, 0, /* lea rsi, [rip + 0x400e]: 5020 */
		0xe9, 0xe9, 0x2f, 0,    0,          /* jmp 4000: another function */
	};
	struct record r;
	assert_true(walk(code, sizeof(code), &r));
	const struct code_event *call = event_of(&r, CODE_CALL, 0);
	assert_non_null(call);
	assert_int_equal(call->values[CODE_FIRST].kind, CODE_ARGUMENT);
	assert_int_equal(call->values[CODE_SECOND].kind, CODE_CONSTANT);
	assert_int_equal(call->values[CODE_SECOND].number, 0x5020);
	assert_int_equal(call->values[CODE_THIRD].kind, CODE_VARIABLE);
	assert_int_equal(call->values[CODE_THIRD].number, 0x5000);
	assert_int_equal(call->values[CODE_THIRD].width, 4);
	assert_int_equal(call->values[CODE_FOURTH].number, 0x18);
	assert_null(event_of(&r, CODE_CALL, 1));
}

static void test_members_and_ways(void **state)
{
	(void)state;
	static const uint8_t code[] = {
		0x48, 0x85, 0xff,       /* test rdi, rdi */
		0x74, 0x09,             /* je +9 */
		0x48, 0x8b, 0x47, 0x10, /* mov rax, [rdi + 16] */
		0x48, 0x83, 0xc0, 0x08, /* add rax, 8 */
		0xc3,                   /* ret */
		0x31, 0xc0,             /* xor eax, eax */
		0x48, 0xff, 0xc0,       /* inc rax */
		0xc3,                   /* ret */
	};
	struct record r;
	assert_true(walk(code, sizeof(code), &r));
	const struct code_event *first = event_of(&r, CODE_RETURN, 0);
	const struct code_event *second = event_of(&r, CODE_RETURN, 1);
	assert_true(first && second && !event_of(&r, CODE_RETURN, 2));
	assert_int_equal(first->values[0].kind, CODE_MEMBER);
	assert_int_equal(first->values[0].base, CODE_ARGUMENT);
	assert_int_equal(first->values[0].number, 16);
	assert_int_equal(first->values[0].offset, 8);
	assert_int_equal(second->values[0].kind, CODE_CONSTANT);
	assert_int_equal(second->values[0].number, 1);
}

static void test_what_a_helper_returns(void **state)
{
	(void)state;
	static const uint8_t code[] = {
		0xe8, 0x03, 0,    0,    0,          /* call 1008 */
		0x8b, 0x00,                         /* mov eax, [rax] */
		0xc3,                               /* ret */
		0x48, 0x8b, 0x05, 0xf1, 0x3f, 0, 0, /* mov rax, [rip + 0x3ff1]: 5000 */
		0x48, 0x83, 0xc0, 0x20,             /* add rax, 32 */
		0xc3,                               /* ret */
	};
	struct record r;
	assert_true(walk(code, sizeof(code), &r));
	const struct code_event *result = NULL;
	for (size_t i = 0; i < r.n; i++)
		if (r.events[i].kind == CODE_RETURN && !r.events[i].nested)
			result = &r.events[i];
	assert_non_null(result);
	assert_int_equal(result->values[0].kind, CODE_MEMBER);
	assert_int_equal(result->values[0].number, 32);
	assert_int_equal(result->values[0].width, 4);
	assert_int_equal(result->values[0].base, CODE_VARIABLE);
	assert_int_equal(result->values[0].base_number, 0x5000);
}

/* A call that does not return may be a function's last instruction: the next function is not its. */
static void test_running_on(void **state)
{
	(void)state;
	static const uint8_t code[] = {
		0x74, 0x05,                /* je +5: over the end, as to a part torn off */
		0xe8, 0,    0,    0, 0x40, /* call away */
		0x31, 0xc0, 0xc3,          /* xor eax, eax; ret */
	};
	struct record r;
	assert_true(walk_part(code + 2, sizeof(code) - 2, 5, &r));
	assert_null(event_of(&r, CODE_RETURN, 0));
	assert_true(walk_part(code, sizeof(code), 7, &r));
	assert_non_null(event_of(&r, CODE_RETURN, 0));
}

/* What is overwritten by something that is not understood is not known any more. */
static void test_what_is_forgotten(void **state)
{
	(void)state;
	static const uint8_t code[] = {
		0xb8, 0x05, 0,    0, 0,    /* mov eax, 5 */
		0xba, 0x07, 0,    0, 0,    /* mov edx, 7 */
		0xf7, 0xe1,                /* mul ecx: rdx, rax */
		0x0f, 0x94, 0xc1,          /* sete cl */
		0xbe, 0x09, 0,    0, 0,    /* mov esi, 9 */
		0x0f, 0xb6, 0xf1,          /* movzx esi, cl */
		0xe8, 0,    0,    0, 0x40, /* call away */
	};
	struct record r;
	assert_true(walk(code, sizeof(code), &r));
	const struct code_event *call = event_of(&r, CODE_CALL, 0);
	assert_non_null(call);
	assert_int_equal(call->values[CODE_SECOND].kind, CODE_UNKNOWN);
	assert_int_equal(call->values[CODE_THIRD].kind, CODE_UNKNOWN);
}

static void test_the_second_byte_of_a_register(void **state)
{
	(void)state;
	static const uint8_t code[] = {
		0xba, 0x07, 0,    0, 0,    /* mov edx, 7 */
		0xb9, 0x08, 0,    0, 0,    /* mov ecx, 8 */
		0x80, 0xce, 0x10,          /* or dh, 0x10 */
		0x8a, 0x2f,                /* mov ch, [rdi] */
		0xe8, 0,    0,    0, 0x40, /* call away */
	};
	struct record r;
	assert_true(walk(code, sizeof(code), &r));
	const struct code_event *call = event_of(&r, CODE_CALL, 0);
	assert_non_null(call);
	assert_int_equal(call->values[CODE_THIRD].kind, CODE_UNKNOWN);
	assert_int_equal(call->values[CODE_FOURTH].kind, CODE_UNKNOWN);
	assert_int_equal(call->values[CODE_FIRST].kind, CODE_ARGUMENT);
}

static void test_code_that_never_ends(void **state)
{
	(void)state;
	static const uint8_t self[] = {0xeb, 0xfe};
	static const uint8_t recursion[] = {0xe8, 0xfb, 0xff, 0xff, 0xff, 0xc3};
	static const uint8_t branches[] = {0x74, 0x00, 0x75, 0xfc, 0xeb, 0xfa};
	struct record r;
	assert_true(walk(self, sizeof(self), &r));
	assert_true(walk(recursion, sizeof(recursion), &r));
	assert_true(walk(branches, sizeof(branches), &r));
	uint8_t random[4096];
	uint32_t seed = 5;
	for (unsigned round = 0; round < 300; round++) {
		for (size_t i = 0; i < sizeof(random); i++)
			random[i] = (uint8_t)sample_random(&seed);
		(void)walk(random, sizeof(random), &r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths_are_those_of_objdump),
		cmocka_unit_test(test_what_is_no_instruction),
		cmocka_unit_test(test_operands),
		cmocka_unit_test(test_a_call_with_a_label),
		cmocka_unit_test(test_members_and_ways),
		cmocka_unit_test(test_what_a_helper_returns),
		cmocka_unit_test(test_running_on),
		cmocka_unit_test(test_what_is_forgotten),
		cmocka_unit_test(test_the_second_byte_of_a_register),
		cmocka_unit_test(test_code_that_never_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
