/*
 * json_value: see json_value.h. Errors are swallowed here on purpose: an object
 * that lost a value is NULL from then on, and only its end is checked.
 */
#include "ui/json/json_value.h"

#include "base/cleanup.h"
#include "ui/text/page.h"

#include <stdio.h>
#include <string.h>

static void drop(json_t **value)
{
	json_decref(*value);
	*value = NULL;
}

void json_value_set(json_t **object, const char *key, json_t *value)
{
	if (!*object)
		json_decref(value);
	else if (json_object_set_new(*object, key, value) != 0)
		drop(object);
}

void json_value_append(json_t **array, json_t *value)
{
	if (!*array)
		json_decref(value);
	else if (json_array_append_new(*array, value) != 0)
		drop(array);
}

json_t *json_value_count(uint64_t count)
{
	return json_integer(count > INT64_MAX ? INT64_MAX : (json_int_t)count);
}

json_t *json_value_maybe(struct maybe figure)
{
	return figure.known ? json_value_count(figure.value) : json_null();
}

json_t *json_value_address(raddr address)
{
	char hex[24];
	snprintf(hex, sizeof(hex), RADDR_FORMAT, address.value);
	return json_string(hex);
}

json_t *json_value_text(const char *string)
{
	_cleanup_(text_fini) struct text safe = TEXT_EMPTY;
	if (!string)
		return json_null();
	text_add_escaped(&safe, string, strlen(string));
	return safe.failed ? NULL : json_string(text_string(&safe));
}

json_t *json_value_quote(const char *string)
{
	_cleanup_(text_fini) struct text safe = TEXT_EMPTY;
	if (!string)
		return json_null();
	page_quote(&safe, string);
	return safe.failed ? NULL : json_string(text_string(&safe));
}

json_t *json_value_time(struct timespec moment)
{
	char stamp[64];
	struct tm utc;
	if (!moment.tv_sec || !gmtime_r(&moment.tv_sec, &utc))
		return json_null();
	size_t length = strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(stamp + length, sizeof(stamp) - length, ".%03uZ",
		 (unsigned)(moment.tv_nsec / 1000000 % 1000));
	return json_string(stamp);
}

static int add_piece(const char *data, size_t size, void *context)
{
	struct text *text = context;
	text_add_bytes(text, data, size);
	return text->failed ? -1 : 0;
}

struct error *json_value_write(struct text *text, json_t *object)
{
	int failed = object ? json_dump_callback(object, add_piece, text, JSON_COMPACT) : -1;
	json_decref(object);
	text_add_char(text, '\n', 1);
	return failed || text->failed ? error_out_of_memory() : NULL;
}
