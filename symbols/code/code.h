/*
 * code: what a function reads, calls, compares and returns, as far as following its
 * instructions tells without running them.
 */
#ifndef SYMBOLS_CODE_CODE_H
#define SYMBOLS_CODE_CODE_H

#include "symbols/code/code_value.h"
#include "symbols/elf/elf_got.h"
#include "symbols/elf/elf_source.h"

/* Order of the integer arguments of a call. */
enum code_argument { CODE_FIRST, CODE_SECOND, CODE_THIRD, CODE_FOURTH, CODE_ARGUMENTS };

enum code_event_kind {
	CODE_CALL, /* a call, or a jump that leaves the function: arguments */
	CODE_LOAD, /* values[0]: the pointer that was followed; values[1]: bytes read, a constant */
	CODE_COMPARE, /* values[0] with values[1], 64 bits wide */
	CODE_RETURN,  /* values[0] */
};

struct code_event {
	enum code_event_kind kind;
	bool nested; /* inside a function that the function calls */
	struct code_value values[CODE_ARGUMENTS];
};

typedef void code_visit_fn(void *context, const struct code_event *event);

struct code_reader {
	struct elf_source source;
	struct elf_got got; /* owned */
};

/* Prepares for walks over the code of one object; borrows what source points to. */
void code_reader_init(struct code_reader *reader, const struct elf_source *source);
void code_reader_fini(struct code_reader *reader);

/*
 * Follows the function of `size` bytes at `vaddr` (0: size unknown) along every branch, a few times
 * through loops, and a little way into the functions it calls, and visits what it meets; the same
 * place may be met more than once. What is seen on a way is what the processor would see on that
 * way; values whose origin is lost are UNKNOWN. Ends within a fixed number of steps on any bytes.
 * False: the code cannot be read, or memory is out.
 */
bool code_walk(const struct code_reader *reader, uint64_t vaddr, uint64_t size,
	       code_visit_fn *visit, void *context);

#endif
