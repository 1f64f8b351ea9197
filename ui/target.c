/*
 * target: digits, a file, a name, in this order, so that what a script writes
 * never changes its meaning with the processes that happen to run.
 */
#include "ui/target.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "ui/text/units.h"

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

bool target_sniff(const uint8_t *head, size_t size, enum origin_kind *ret)
{
	static const struct {
		const char *magic;
		size_t size;
		enum origin_kind kind;
	} magics[] = {
		{"\x1f\x8b", 2, ORIGIN_CORE},         /* gzip */
		{"\x28\xb5\x2f\xfd", 4, ORIGIN_CORE}, /* zstd */
		{"\x04\x22\x4d\x18", 4, ORIGIN_CORE}, /* lz4 */
		{"ASCOPE\x01\n", 8, ORIGIN_SAVEFILE},
	};
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++) {
		if (size < magics[i].size || memcmp(head, magics[i].magic, magics[i].size) != 0)
			continue;
		*ret = magics[i].kind;
		return true;
	}
	if (size < TARGET_HEAD || memcmp(head, ELFMAG, SELFMAG) != 0 || head[16] != ET_CORE)
		return false;
	*ret = ORIGIN_CORE;
	return true;
}

/* Whether the word is the name of a file that can be looked at; false: it may still be a name. */
static bool find_file(const char *word, struct target *ret)
{
	uint8_t head[TARGET_HEAD];
	struct stat st;
	enum origin_kind kind = ORIGIN_LIVE;
	if (stat(word, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	_cleanup_(close_fd) int fd = open(word, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t n = fd < 0 ? 0 : read(fd, head, sizeof(head));
	if (n <= 0 || !target_sniff(head, (size_t)n, &kind))
		return false;
	*ret = (struct target){.kind = kind, .path = word};
	return true;
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
	struct listing others = {0};
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
	struct stat st;
	text_add_escaped(&safe, word, strnlen(word, strchr(word, '/') ? PATH_MAX : 60));
	bool is_path = strchr(word, '/'), exists = stat(word, &st) == 0;
	if (exists && (is_path || S_ISREG(st.st_mode)))
		return error_remedy(
			error_new(ERROR_BAD_FILE, "%s is neither a core file nor a snapshot",
				  text_string(&safe)),
			"a core is an ELF file, perhaps compressed with gzip, zstd or lz4");
	if (is_path)
		return error_remedy(
			error_rule(error_new(ERROR_USAGE, "there is no file %s that can be read",
					     text_string(&safe)),
				   "unknown_name"),
			"give one that is there, a PID, or a name that arenascope ps lists");
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

static struct error *find_name(const char *word, bool no_cache, pid_t *ret,
			       struct listing *ret_matches)
{
	struct listing listing = {0};
	struct error *err = inspector_list(no_cache, &listing);
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

/* ------------------------------------------------------------------------------------------ */

/* An option that only another kind of target has a use for was meant for that kind. */
static struct error *check_kind(const struct options *o, enum origin_kind kind)
{
	const char *const of_core[] = {o->exe ? "exe" : NULL, o->sysroot ? "sysroot" : NULL,
				       o->tmp ? "tmp" : NULL, o->max_tmp ? "max-tmp" : NULL};
	for (size_t i = 0; i < ARRAY_SIZE(of_core); i++) {
		if (of_core[i] && kind != ORIGIN_CORE)
			return error_new(ERROR_USAGE, "--%s is for core files only", of_core[i]);
	}
	if (o->plan && kind != ORIGIN_LIVE)
		return error_new(ERROR_USAGE, "--plan is about running processes: looking into a "
					      "file touches none");
	return NULL;
}

struct error *target_find(const struct options *options, struct target *ret,
			  struct listing *ret_matches)
{
	const char *word = options->pid ?: options->target;
	struct target target = {.kind = ORIGIN_LIVE};
	struct error *err = NULL;
	if (options->core)
		target = (struct target){.kind = ORIGIN_CORE, .path = options->core};
	else if (options->read)
		target = (struct target){.kind = ORIGIN_SAVEFILE, .path = options->read};
	else if (target_is_pid(word))
		err = target_pid(word, &target.pid);
	else if (!find_file(word, &target))
		err = find_name(word, options->no_cache, &target.pid, ret_matches);
	if (!err)
		err = check_kind(options, target.kind);
	if (!err)
		*ret = target;
	return err;
}
