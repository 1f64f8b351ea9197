/*
 * units: three significant digits, because a fourth is noise in memory that
 * moves while it is read; and never a rounding that turns something into
 * nothing or most into all.
 */
#include "ui/text/units.h"

#include "base/count.h"
#include "base/size.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const unit_names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};

/* The largest unit of which there is at least one once rounded, and how many of it. */
static double in_unit(uint64_t bytes, size_t *ret_unit)
{
	double amount = (double)bytes;
	size_t unit = 0;
	while (amount >= 1023.5 && unit + 1 < ARRAY_SIZE(unit_names)) {
		amount /= 1024;
		unit++;
	}
	*ret_unit = unit;
	return amount;
}

/* Digits behind the point that make three significant ones. */
static int decimals(double amount, size_t unit)
{
	if (unit == 0 || amount >= 99.95)
		return 0;
	return amount >= 9.995 ? 1 : 2;
}

void units_bytes(char ret[UNITS_MAX], uint64_t bytes)
{
	size_t unit;
	double amount = in_unit(bytes, &unit);
	if (bytes == 0)
		snprintf(ret, UNITS_MAX, "0");
	else
		snprintf(ret, UNITS_MAX, "%.*f %s", decimals(amount, unit), amount,
			 unit_names[unit]);
}

void units_bytes_short(char ret[UNITS_MAX], uint64_t bytes)
{
	size_t unit;
	double amount = in_unit(bytes, &unit);
	if (bytes == 0)
		snprintf(ret, UNITS_MAX, "0");
	else
		snprintf(ret, UNITS_MAX, "%.*f%c", decimals(amount, unit), amount,
			 unit_names[unit][0]);
}

void units_count(char ret[UNITS_MAX], uint64_t count)
{
	(void)count_write(ret, count);
}

void units_maybe(char ret[UNITS_MAX], struct maybe figure)
{
	if (figure.known)
		units_count(ret, figure.value);
	else
		snprintf(ret, UNITS_MAX, "%s", figure.absent ? "-" : "?");
}

/* "3 d 2 h", or "12 d" where the smaller unit says nothing any more. */
static void two_units(char ret[UNITS_MAX], uint64_t large, const char *large_name, uint64_t small,
		      const char *small_name)
{
	if (small && large < 10)
		snprintf(ret, UNITS_MAX, "%llu %s %llu %s", (unsigned long long)large, large_name,
			 (unsigned long long)small, small_name);
	else
		snprintf(ret, UNITS_MAX, "%llu %s", (unsigned long long)large, large_name);
}

void units_duration(char ret[UNITS_MAX], uint64_t seconds)
{
	uint64_t minutes = seconds / 60, hours = minutes / 60;
	if (minutes == 0)
		two_units(ret, seconds, "s", 0, "");
	else if (hours == 0)
		two_units(ret, minutes, "min", 0, "");
	else if (hours < 24)
		two_units(ret, hours, "h", minutes % 60, "min");
	else
		two_units(ret, hours / 24, "d", hours % 24, "h");
}

void units_pause(char ret[UNITS_MAX], uint64_t microseconds)
{
	double ms = (double)microseconds / 1000;
	if (microseconds == 0)
		snprintf(ret, UNITS_MAX, "0 ms");
	else if (ms < 0.095)
		snprintf(ret, UNITS_MAX, "%.2f ms", ms);
	else if (ms < 9.95)
		snprintf(ret, UNITS_MAX, "%.1f ms", ms);
	else if (ms < 999.5)
		snprintf(ret, UNITS_MAX, "%.0f ms", ms);
	else
		snprintf(ret, UNITS_MAX, "%.1f s", ms / 1000);
}

void units_percent(char ret[UNITS_MAX], uint64_t part, uint64_t whole)
{
	double share = whole ? 100.0 * (double)part / (double)whole : 0;
	if (whole == 0)
		snprintf(ret, UNITS_MAX, "-");
	else if (part == 0)
		snprintf(ret, UNITS_MAX, "0 %%");
	else if (share < 0.1)
		snprintf(ret, UNITS_MAX, "<0.1 %%");
	else if (share < 0.95)
		snprintf(ret, UNITS_MAX, "%.1f %%", share);
	else if (part < whole && share > 99)
		snprintf(ret, UNITS_MAX, "99 %%");
	else
		snprintf(ret, UNITS_MAX, "%.0f %%", share);
}

void units_amount(char ret[UNITS_MAX], enum units units, uint64_t bytes)
{
	if (units == UNITS_BYTES)
		units_count(ret, bytes);
	else
		units_bytes(ret, bytes);
}

void units_said(char ret[UNITS_MAX], enum units units, uint64_t bytes)
{
	char figure[UNITS_MAX];
	units_amount(figure, units, bytes);
	snprintf(ret, UNITS_MAX, "%.30s%s", figure, units == UNITS_BYTES && bytes ? " bytes" : "");
}

/* ---- the way back -------------------------------------------------------------------- */

static struct error *bad_number(const char *what, const char *text, const char *wanted)
{
	return error_new(ERROR_USAGE, "%s '%.60s' is not %s", what, text, wanted);
}

struct error *units_parse_count(const char *text, const char *what, uint64_t *ret)
{
	uint64_t value = 0;
	for (const char *c = text; *c; c++) {
		if (!isdigit((unsigned char)*c) || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*c - '0'), &value))
			return bad_number(what, text, "a whole number");
	}
	if (!*text)
		return bad_number(what, text, "a whole number");
	*ret = value;
	return NULL;
}

/* Digits with at most one point; NULL where there is no number. Returns what follows it. */
static const char *parse_decimal(const char *text, double *ret)
{
	char digits[32];
	size_t length = strspn(text, "0123456789.");
	const char *point = memchr(text, '.', length);
	bool twice = point && memchr(point + 1, '.', (size_t)(text + length - point - 1));
	if (!isdigit((unsigned char)text[0]) || length >= sizeof(digits) || twice)
		return NULL;
	memcpy(digits, text, length);
	digits[length] = '\0';
	*ret = strtod(digits, NULL);
	return text + length;
}

/* The power of 1024 that a suffix means; false where it means nothing. */
static bool parse_unit(const char *suffix, unsigned *ret)
{
	static const char letters[] = "BKMGT";
	const char *letter = *suffix ? strchr(letters, toupper((unsigned char)*suffix)) : letters;
	if (!letter)
		return false;
	if (*suffix && letter != letters && strcmp(suffix + 1, "iB") != 0 && suffix[1])
		return false;
	if (*suffix && letter == letters && suffix[1])
		return false;
	*ret = (unsigned)(letter - letters);
	return true;
}

struct error *units_parse_bytes(const char *text, const char *what, uint64_t *ret)
{
	static const char wanted[] = "a size such as 65536, 64K, 1.5G or 20MiB";
	double number;
	unsigned power;
	const char *rest = parse_decimal(text, &number);
	if (!rest || !parse_unit(rest, &power))
		return bad_number(what, text, wanted);
	double bytes = number * (double)(UINT64_C(1) << (10 * power));
	if (bytes >= 9.2e18)
		return bad_number(what, text, wanted);
	*ret = (uint64_t)bytes;
	return NULL;
}

struct error *units_parse_positive(const char *text, const char *what, double most, double *ret)
{
	double value;
	const char *rest = parse_decimal(text, &value);
	if (!rest || *rest || value <= 0 || value > most)
		return error_new(ERROR_USAGE, "%s '%.60s' is not a number above 0 and up to %g",
				 what, text, most);
	*ret = value;
	return NULL;
}
