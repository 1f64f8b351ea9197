/*
 * report: a row of messages.
 *
 *	{kind u32, size u32} payload      strings end in NUL, one after the other
 */
#include "symbols/report.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#define STRING_MAX 4096
#define TRIALS_MAX 256

enum message_kind {
	MESSAGE_FILE = 1,
	MESSAGE_TRIAL,
	MESSAGE_TRIAL_USED,
	MESSAGE_ENTRY,
	MESSAGE_DEBUG_FILE,
	MESSAGE_FOREIGN,
	MESSAGE_FAILURE,
	MESSAGE_NO_ROOM,
	MESSAGE_END,
};

struct message_head {
	uint32_t kind, size;
};

struct message_entry {
	uint32_t id, provenance;
	uint64_t offset, width, count, stride;
};

/* ---- the child's side ---------------------------------------------------------------- */

static void send_all(int out, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = write(out, data, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		data += n;
		size -= (size_t)n;
	}
}

static void send(const struct report *r, enum message_kind kind, const void *payload, size_t size)
{
	char buffer[sizeof(struct message_head) + 2 * STRING_MAX];
	struct message_head head = {(uint32_t)kind, (uint32_t)size};
	memcpy(buffer, &head, sizeof(head));
	if (size > 0)
		memcpy(buffer + sizeof(head), payload, size);
	send_all(r->out, buffer, sizeof(head) + size);
}

static size_t put_string(char *buffer, const char *string)
{
	size_t length = strnlen(string, STRING_MAX - 1);
	memcpy(buffer, string, length);
	buffer[length] = '\0';
	return length + 1;
}

static void send_strings(const struct report *r, enum message_kind kind, const char *a,
			 const char *b)
{
	char buffer[2 * STRING_MAX];
	size_t size = put_string(buffer, a);
	if (b)
		size += put_string(buffer + size, b);
	send(r, kind, buffer, size);
}

void report_file(const struct report *r, const char *path)
{
	send_strings(r, MESSAGE_FILE, path, NULL);
}

void report_trial(const struct report *r, bool used, const char *what, const char *result)
{
	send_strings(r, used ? MESSAGE_TRIAL_USED : MESSAGE_TRIAL, what, result);
}

void report_entry(const struct report *r, enum layout_entry_id id, const struct layout_entry *e)
{
	struct message_entry m = {
		(uint32_t)id, (uint32_t)e->provenance, e->offset, e->width, e->count, e->stride};
	send(r, MESSAGE_ENTRY, &m, sizeof(m));
}

void report_debug_file(const struct report *r, const char *path)
{
	send_strings(r, MESSAGE_DEBUG_FILE, path, NULL);
}

void report_foreign(const struct report *r)
{
	send(r, MESSAGE_FOREIGN, NULL, 0);
}

void report_failure(const struct report *r, const char *cause)
{
	send_strings(r, MESSAGE_FAILURE, cause, NULL);
}

void report_no_room(const struct report *r, const char *cause)
{
	send_strings(r, MESSAGE_NO_ROOM, cause, NULL);
}

void report_end(const struct report *r)
{
	send(r, MESSAGE_END, NULL, 0);
}

/* ---- the parent's side --------------------------------------------------------------- */

static char *escaped(const char *string)
{
	struct text t = TEXT_EMPTY;
	text_add_escaped(&t, string, strlen(string));
	return text_take(&t);
}

void python_build_add_trial(struct python_build *build, bool used, const char *what,
			    const char *result)
{
	if (build->trials.count >= TRIALS_MAX)
		return;
	struct python_build_trial *trial = vec_push(&build->trials);
	if (!trial)
		return;
	trial->what = escaped(what);
	trial->result = escaped(result);
	trial->used = used;
	if (!trial->what || !trial->result) {
		free(trial->what);
		free(trial->result);
		build->trials.count--;
	}
}

/* The string at *at of the payload, and *at behind it; NULL: it has no end. */
static const char *take_string(const char *payload, size_t size, size_t *at)
{
	const char *string = payload + *at;
	const char *end = *at < size ? memchr(string, '\0', size - *at) : NULL;
	if (!end || end - string >= STRING_MAX)
		return NULL;
	*at += (size_t)(end + 1 - string);
	return string;
}

static bool take_trial(bool used, const char *payload, size_t size, struct python_build *build)
{
	size_t at = 0;
	const char *what = take_string(payload, size, &at);
	const char *result = what ? take_string(payload, size, &at) : NULL;
	if (!result)
		return false;
	python_build_add_trial(build, used, what, result);
	return true;
}

static bool take_entry(const char *payload, size_t size, struct python_build *build)
{
	struct message_entry m;
	if (size != sizeof(m))
		return false;
	memcpy(&m, payload, sizeof(m));
	if (m.id >= LAYOUT_COUNT ||
	    (m.provenance != PROVENANCE_DWARF && m.provenance != PROVENANCE_SYMTAB &&
	     m.provenance != PROVENANCE_DYNSYM))
		return false;
	build->layout.entries[m.id] = (struct layout_entry){m.offset, m.width, m.count, m.stride,
							    (enum provenance)m.provenance};
	return true;
}

static bool take_text(const char *payload, size_t size, bool escape, char **slot)
{
	size_t at = 0;
	const char *string = take_string(payload, size, &at);
	char *copy = !string ? NULL : escape ? escaped(string) : strdup(string);
	if (!copy)
		return false;
	free(*slot);
	*slot = copy;
	return true;
}

static bool take_message(uint32_t kind, const char *payload, size_t size,
			 struct python_build *build, struct report_summary *s)
{
	switch (kind) {
	case MESSAGE_FILE:
		return take_text(payload, size, true, &s->reading);
	case MESSAGE_TRIAL:
	case MESSAGE_TRIAL_USED:
		return take_trial(kind == MESSAGE_TRIAL_USED, payload, size, build);
	case MESSAGE_ENTRY:
		return take_entry(payload, size, build);
	case MESSAGE_DEBUG_FILE:
		return take_text(payload, size, false, &build->debug_file);
	case MESSAGE_FOREIGN:
		return s->foreign = true;
	case MESSAGE_FAILURE:
		return take_text(payload, size, true, &s->failure);
	case MESSAGE_NO_ROOM:
		return take_text(payload, size, true, &s->no_room);
	case MESSAGE_END:
		return s->ended = true;
	default:
		return false;
	}
}

struct error *report_take(const void *data, size_t size, struct python_build *build,
			  struct report_summary *ret)
{
	struct report_summary s = {0};
	struct message_head head;
	size_t at = 0;
	bool good = true;
	while (good && !s.ended && size - at >= sizeof(head)) {
		memcpy(&head, (const char *)data + at, sizeof(head));
		at += sizeof(head);
		if (head.size > size - at)
			break;
		good = take_message(head.kind, (const char *)data + at, head.size, build, &s);
		at += head.size;
	}
	if (!good) {
		report_summary_fini(&s);
		return error_new(ERROR_SYMBOLS, "the reader of debug information sent nonsense");
	}
	*ret = s;
	return NULL;
}

void report_summary_fini(struct report_summary *s)
{
	free(s->reading);
	free(s->failure);
	free(s->no_room);
	*s = (struct report_summary){0};
}
