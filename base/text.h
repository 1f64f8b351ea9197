/*
 * text: a growing line of characters, and the one place where foreign text is
 * made safe for a terminal or a file.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct text {
	char *data; /* NUL-terminated; NULL while empty */
	size_t length;
	size_t room;
	bool failed; /* memory ran out: what was added since is missing */
};

#define TEXT_EMPTY ((struct text){NULL, 0, 0, false})

/* Each adds at the end. Nothing fails at once: look at `failed` when it matters. */
void text_add(struct text *t, const char *string);
void text_add_bytes(struct text *t, const char *data, size_t size);
void text_add_char(struct text *t, char c, size_t times);
void text_addf(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_addv(struct text *t, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

/*
 * Adds foreign text as valid UTF-8 that moves no cursor: control characters
 * (C0, DEL, C1), a backslash that would start an escape, and every byte that is not well-formed
 * UTF-8 become \xNN.
 */
void text_add_escaped(struct text *t, const char *data, size_t size);

/* What was gathered; "" when nothing was. Borrowed: valid until the next change. */
const char *text_string(const struct text *t);

/* Hands the string on (never NULL but when memory is out); the text is empty afterwards. */
char *text_take(struct text *t);

/* Takes back what was added since it was `length` long. */
void text_shorten(struct text *t, size_t length);

/* Empties, keeping the room. */
void text_clear(struct text *t);

/* Frees; the text is empty and usable afterwards. */
void text_fini(struct text *t);

/* Length in bytes of the well-formed UTF-8 sequence at the start of data; 0 where there is none. */
size_t text_utf8_length(const char *data, size_t size);

#endif
