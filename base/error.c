/*
 * error: built with vasprintf; when even that fails, a static error stands in,
 * so that reporting a failure cannot fail.
 */
#include "base/error.h"

#include "base/cleanup.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static char no_memory_cause[] = "out of memory";
static struct error no_memory = {.kind = ERROR_RESOURCE, .cause = no_memory_cause};

struct error *error_out_of_memory(void)
{
	return &no_memory;
}

static bool is_static(const struct error *err)
{
	return err == &no_memory;
}

static struct error *error_from(enum error_kind kind, char *cause)
{
	struct error *err = cause ? calloc(1, sizeof(*err)) : NULL;
	if (!err) {
		free(cause);
		return &no_memory;
	}
	err->kind = kind;
	err->cause = cause;
	return err;
}

__attribute__((format(printf, 1, 0))) static char *format_line(const char *format, va_list args)
{
	char *line = NULL;
	return vasprintf(&line, format, args) < 0 ? NULL : line;
}

struct error *error_new(enum error_kind kind, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char *cause = format_line(format, args);
	va_end(args);
	return error_from(kind, cause);
}

struct error *error_errno(enum error_kind kind, int number, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	_cleanup_(free_pointer) char *what = format_line(format, args);
	va_end(args);
	char *cause = NULL;
	if (!what ||
	    asprintf(&cause, "%s: %s", what, strerrordesc_np(number) ?: "unknown error") < 0)
		return &no_memory;
	return error_from(kind, cause);
}

struct error *error_context(struct error *err, const char *format, ...)
{
	if (!err || is_static(err))
		return err;
	va_list args;
	va_start(args, format);
	_cleanup_(free_pointer) char *where = format_line(format, args);
	va_end(args);
	char *cause = NULL;
	if (!where || asprintf(&cause, "%s: %s", where, err->cause) < 0)
		return err;
	free(err->cause);
	err->cause = cause;
	return err;
}

struct error *error_remedy(struct error *err, const char *format, ...)
{
	if (!err || is_static(err))
		return err;
	va_list args;
	va_start(args, format);
	char *remedy = format_line(format, args);
	va_end(args);
	if (remedy) {
		free(err->remedy);
		err->remedy = remedy;
	}
	return err;
}

struct error *error_rule(struct error *err, const char *rule)
{
	if (err && !is_static(err))
		err->rule = rule;
	return err;
}

struct error *error_as(struct error *err, enum error_kind kind)
{
	if (err && !is_static(err))
		err->kind = kind;
	return err;
}

void error_free(struct error *err)
{
	if (!err || is_static(err))
		return;
	free(err->cause);
	free(err->remedy);
	free(err);
}

bool error_catch(struct error **err, enum error_kind kind)
{
	if (!*err || (*err)->kind != kind)
		return false;
	error_free(*err);
	*err = NULL;
	return true;
}
