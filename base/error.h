/*
 * error: why a question could not be answered.
 *
 * Fallible functions return `struct error *`, NULL is success; outputs come last
 * and stay untouched on failure. The kind decides the exit status, the cause says
 * what happened (outermost context first), the remedy says what the person can
 * do. The caller owns an error: hand it on or error_free() it.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdbool.h>

/* The value is the documented exit status (interface.md), but for the last. */
enum error_kind {
	ERROR_USAGE = 2,        /* the request itself is wrong or ambiguous */
	ERROR_PERMISSION = 3,   /* some rule forbids looking; `rule` names it */
	ERROR_GONE = 4,         /* no such process, zombie, or it ended meanwhile */
	ERROR_UNSUPPORTED = 5,  /* not CPython, or a kind that cannot be read */
	ERROR_SYMBOLS = 6,      /* symbols or layout not resolvable */
	ERROR_INCONSISTENT = 7, /* what the target says of itself contradicts itself */
	ERROR_BAD_FILE = 8,     /* an input file from which no answer is possible */
	ERROR_RESOURCE = 9,     /* our own memory, disk, output or terminal */
	ERROR_BUG = 70,         /* a state that our own code must not reach */
	ERROR_FAULT = 256,      /* target memory that cannot be read; never an exit status:
	                          who asked turns it into a doubt or another kind */
};

struct error {
	enum error_kind kind;
	char *cause;      /* one line, no full stop */
	char *remedy;     /* one line, or NULL */
	const char *rule; /* static snake_case word for JSON ("yama_ptrace_scope"), or NULL */
};

#define MUST_CHECK __attribute__((warn_unused_result))

/* A new error; never NULL (when memory is out, a static ERROR_RESOURCE that free ignores). */
struct error *error_new(enum error_kind kind, const char *format, ...)
	__attribute__((format(printf, 2, 3), returns_nonnull)) MUST_CHECK;

/* The same from errno's value: "<format>: <strerror>". */
struct error *error_errno(enum error_kind kind, int number, const char *format, ...)
	__attribute__((format(printf, 3, 4), returns_nonnull)) MUST_CHECK;

/* Out of memory: needs none. */
struct error *error_out_of_memory(void) __attribute__((returns_nonnull)) MUST_CHECK;

/* Puts "<format>: " before the cause; for use where an error crosses a room. Returns err. */
struct error *error_context(struct error *err, const char *format, ...)
	__attribute__((format(printf, 2, 3))) MUST_CHECK;

/* Sets (replaces) the remedy. Returns err. */
struct error *error_remedy(struct error *err, const char *format, ...)
	__attribute__((format(printf, 2, 3))) MUST_CHECK;

/* Sets the rule, a string with static lifetime. Returns err. */
struct error *error_rule(struct error *err, const char *rule) MUST_CHECK;

/* Sets the kind, where a caller knows better what the failure means. Returns err. */
struct error *error_as(struct error *err, enum error_kind kind) MUST_CHECK;

/* Frees; takes NULL. */
void error_free(struct error *err);

/* Guard: _cleanup_(error_fini) struct error *err = NULL; */
static inline void error_fini(struct error **err)
{
	error_free(*err);
}

/* Whether err is of this kind, and if so frees it: for failures that a caller expects. */
bool error_catch(struct error **err, enum error_kind kind);

#endif
