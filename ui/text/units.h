/*
 * units: figures as a person reads them. The one place where a number becomes
 * words, so that all screens and tables round alike.
 *
 * All results are ASCII, never longer than UNITS_MAX - 1 characters.
 */
#ifndef UI_UNITS_H
#define UI_UNITS_H

#include "base/error.h"
#include "inspector/heap/pymalloc.h"

#include <stdbool.h>
#include <stdint.h>

#define UNITS_MAX 40

/* Binary units, three significant digits or more: "0", "312 B", "4.00 KiB", "412 KiB", "1.93 GiB". */
void units_bytes(char ret[UNITS_MAX], uint64_t bytes);

/* The same in at most 5 characters for narrow columns: "0", "312B", "4.00K", "412K", "1.93G". */
void units_bytes_short(char ret[UNITS_MAX], uint64_t bytes);

/* With thousands separators, whatever the locale: "1,402". */
void units_count(char ret[UNITS_MAX], uint64_t count);

/* "?" when not known, "-" when the build keeps none, else as units_count. */
void units_maybe(char ret[UNITS_MAX], struct maybe figure);

/* A whole person's span, two units at most: "42 s", "5 min", "19 h", "3 d 2 h". */
void units_duration(char ret[UNITS_MAX], uint64_t seconds);

/* A short span: "0.4 ms", "12 ms", "1.3 s". */
void units_pause(char ret[UNITS_MAX], uint64_t microseconds);

/*
 * part of whole in per cent: "0 %", "0.3 %", "42 %", "100 %". Never says 0 of something and never
 * 100 of less than all: "<0.1 %", "99 %". "-" of nothing.
 */
void units_percent(char ret[UNITS_MAX], uint64_t part, uint64_t whole);

/* --units: bytes as people or scripts want them. */
enum units { UNITS_AUTO, UNITS_BYTES };

/* units_bytes, or with UNITS_BYTES the plain number with separators. */
void units_amount(char ret[UNITS_MAX], enum units units, uint64_t bytes);

/* The same for a sentence, where no heading tells the unit: "8,192 bytes". */
void units_said(char ret[UNITS_MAX], enum units units, uint64_t bytes);

/* ---- the way back: what a person types ------------------------------------------------ */

/* A whole number without sign, space or rest; ERROR_USAGE names `what` and the text. */
struct error *units_parse_count(const char *text, const char *what, uint64_t *ret) MUST_CHECK;

/* "512", "64K", "1.5G", "20MiB", "1 GB" is refused: binary units only, as written above. */
struct error *units_parse_bytes(const char *text, const char *what, uint64_t *ret) MUST_CHECK;

/* A decimal number above 0 and at most `most`; no exponent, no inf or nan. */
struct error *units_parse_positive(const char *text, const char *what, double most,
				   double *ret) MUST_CHECK;

#endif
