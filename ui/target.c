/*
 * target: digits, a file, a name, in this order, so that what a script writes
 * never changes its meaning with the processes that happen to run.
 */
#include "ui/target.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "ui/units.h"

#include <ctype.h>
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool target_is_pid(const char *word)
{
	return *word && word[strspn(word, "0123456789")] == '\0';
}

struct error *target_pid(const char *word, pid_t *ret)
{
	uint64_t pid = 0;
	struct error *err = units_parse_count(word, "the PID", &pid);
	error_free(err);
	if (!err && pid == 0)
		return error_new(ERROR_USAGE, "0 is no PID");
	if (err || pid > INT_MAX)
		return error_new(ERROR_GONE, "there is no process %.30s", word);
	*ret = (pid_t)pid;
	return NULL;
}

/* ---- files ----------------------------------------------------------------------------- */

static bool is_core(const uint8_t *head, size_t size)
{
	static const uint8_t compressed[][4] = {
		{0x28, 0xb5, 0x2f, 0xfd}, /* zstd */
		{0x04, 0x22, 0x4d, 0x18}, /* lz4 */
	};
	if (size >= 2 && head[0] == 0x1f && head[1] == 0x8b) /* gzip */
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(compressed); i++) {
		if (size >= 4 && memcmp(head, compressed[i], 4) == 0)
			return true;
	}
	return size >= 18 && memcmp(head, ELFMAG, SELFMAG) == 0 && head[16] == ET_CORE;
}

/* ERROR_UNSUPPORTED when the word is a core file's name; NULL: it may still be a name. */
static struct error *refuse_core(const char *word)
{
	uint8_t head[18];
	struct stat st;
	if (stat(word, &st) != 0 || !S_ISREG(st.st_mode))
		return NULL;
	_cleanup_(close_fd) int fd = open(word, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n = fd < 0 ? 0 : read(fd, head, sizeof(head));
	if (n <= 0 || !is_core(head, (size_t)n))
		return NULL;
	return error_remedy(error_new(ERROR_UNSUPPORTED,
				      "%.200s is a core file, and core files are not read yet",
				      word),
			    "give the PID or the name of a running process");
}

/* ---- names ----------------------------------------------------------------------------- */

static bool has_name(const struct listing_entry *entry, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(entry->names); i++) {
		if (entry->names[i] && strcmp(entry->names[i], name) == 0)
			return true;
	}
	return false;
}

static void swap_entries(struct listing_entry *a, struct listing_entry *b)
{
	struct listing_entry other = *a;
	*a = *b;
	*b = other;
}

void target_filter(struct listing *listing, const char *name)
{
	struct listing others = {.n_unseen = listing->n_unseen};
	size_t kept = 0;
	for (size_t i = 0; i < listing->entries.count; i++) {
		if (has_name(&listing->entries.items[i], name))
			swap_entries(&listing->entries.items[kept++], &listing->entries.items[i]);
	}
	/* The tail is freed as a listing of its own; the array itself stays. */
	for (size_t i = kept; i < listing->entries.count; i++) {
		struct listing_entry *moved = vec_push(&others.entries);
		if (!moved)
			break;
		*moved = listing->entries.items[i];
	}
	listing->entries.count = kept;
	listing_fini(&others);
}

static struct error *none_of_that_name(const char *word)
{
	_cleanup_(text_fini) struct text safe = TEXT_EMPTY;
	text_add_escaped(&safe, word, strnlen(word, 60));
	if (strchr(word, '/') && access(word, F_OK) == 0)
		return error_remedy(error_new(ERROR_BAD_FILE,
					      "%s is neither a core file nor a snapshot",
					      text_string(&safe)),
				    "give the PID or the name of a running process");
	return error_remedy(
		error_rule(error_new(ERROR_USAGE, "no CPython process is called '%s'",
				     text_string(&safe)),
			   "unknown_name"),
		"arenascope ps lists them; names are those of the program, or of the script or "
		"module it runs");
}

static struct error *several(const char *word, const struct listing *matches)
{
	_cleanup_(text_fini) struct text pids = TEXT_EMPTY;
	for (size_t i = 0; i < matches->entries.count && i < 20; i++)
		text_addf(&pids, "%s%d", i ? ", " : "", (int)matches->entries.items[i].pid);
	if (matches->entries.count > 20)
		text_add(&pids, ", ...");
	return error_remedy(
		error_rule(error_new(ERROR_USAGE, "%zu CPython processes are called %.60s: %s",
				     matches->entries.count, word, text_string(&pids)),
			   "ambiguous_name"),
		"give the PID of one");
}

struct error *target_find(const char *word, bool no_cache, pid_t *ret, struct listing *ret_matches)
{
	if (target_is_pid(word))
		return target_pid(word, ret);
	struct error *err = refuse_core(word);
	if (err)
		return err;
	struct listing listing = {0};
	err = inspector_list(no_cache, &listing);
	if (err)
		return err;
	target_filter(&listing, word);
	if (listing.entries.count > 1) {
		*ret_matches = listing;
		return several(word, &listing);
	}
	bool found = listing.entries.count == 1;
	if (found)
		*ret = listing.entries.items[0].pid;
	listing_fini(&listing);
	return found ? NULL : none_of_that_name(word);
}
