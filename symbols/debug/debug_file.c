/*
 * debug_file: a list of places, and one gate through which every candidate goes.
 *
 *	place ── open below its root ── ELF? ── same build? ── DWARF in it? ── dwz's part found? ── used
 *	           no such file          no      refused        none            refused
 *
 * What stands in a path never counts, not even .build-id/…: links go stale.
 */
#include "symbols/debug/debug_file.h"

#include "base/cleanup.h"
#include "symbols/debug/rooted.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DEBUG_ROOT "/usr/lib/debug"
#define PATH_SIZE  4096

/* One candidate: where, how it is told, and whether the debuglink's CRC may vouch for it. */
struct candidate {
	int root;
	const char *how; /* "debug file by build-id" */
	char path[PATH_SIZE];
	bool by_crc;
	uint32_t crc;
};

static __attribute__((format(printf, 2, 3))) bool set_path(struct candidate *c, const char *format,
							   ...)
{
	va_list args;
	va_start(args, format);
	int n = vsnprintf(c->path, sizeof(c->path), format, args);
	va_end(args);
	return n > 0 && (size_t)n < sizeof(c->path);
}

static void tell(const struct debug_search *s, const struct candidate *c, bool used,
		 const char *result)
{
	char what[PATH_SIZE + 128];
	snprintf(what, sizeof(what), "%s%s: %s", c->how,
		 c->root == ROOTED_HOST ? "" : " in the target's root", c->path);
	report_trial(s->report, used, what, result);
}

static void tell_error(const struct debug_search *s, const struct candidate *c, struct error *err)
{
	tell(s, c, false, err->cause);
	error_free(err);
}

/* ---- the gate ------------------------------------------------------------------------ */

static struct elf_file *open_candidate(const struct debug_search *s, const struct candidate *c)
{
	int fd = rooted_open(c->root, c->path);
	if (fd < 0) {
		const char *why = fd == -ENOENT || fd == -ENOTDIR ? "no such file"
				  : fd == -EFBIG                  ? "refused: too large"
				  : fd == -EINVAL                 ? "refused: not a regular file"
								  : strerrordesc_np(-fd);
		tell(s, c, false, why ? why : "cannot be opened");
		return NULL;
	}
	report_file(s->report, c->path);
	struct elf_file *file = NULL;
	struct error *err = elf_file_open(fd, c->path, &file);
	if (err)
		tell_error(s, c, err);
	return file;
}

/* Refuses another build's file, and tells whose it is. */
static bool is_same_build(const struct debug_search *s, const struct candidate *c,
			  const struct elf_file *file)
{
	uint32_t crc;
	if (s->id.size == 0) {
		bool same = c->by_crc && elf_file_crc(file, &crc) && crc == c->crc;
		if (!same)
			tell(s, c, false,
			     c->by_crc ? "refused: its CRC is not the debuglink's"
				       : "refused: no build-id says that it fits");
		return same;
	}
	if (build_id_equal(&s->id, &file->build_id))
		return true;
	char hex[2 * BUILD_ID_MAX + 1], result[sizeof(hex) + 64];
	build_id_hex(&file->build_id, hex);
	snprintf(result, sizeof(result), "refused: another build (build-id %s)",
		 *hex ? hex : "none");
	tell(s, c, false, result);
	return false;
}

static bool set_build_id_path(struct candidate *c, const char *folder, const struct build_id *id)
{
	char hex[2 * BUILD_ID_MAX + 1];
	build_id_hex(id, hex);
	return id->size > 1 && set_path(c, "%s/%.2s/%s.debug", folder, hex, hex + 2);
}

/* Whether this candidate is the alt file of that build-id; opened if so. */
static struct elf_file *try_alt(const struct debug_search *s, const struct candidate *c,
				const struct build_id *id)
{
	struct debug_search alt = {s->request, s->report, NULL, *id};
	_cleanup_(elf_file_closep) struct elf_file *file = open_candidate(&alt, c);
	if (!file || !is_same_build(&alt, c, file))
		return NULL;
	tell(&alt, c, true, "used");
	return take(file);
}

/* The file that dwz -m moved common parts to. Its name may be relative to the debug file. */
static struct elf_file *find_alt(const struct debug_search *s, const struct elf_file *file,
				 const char *name, const struct build_id *id)
{
	struct candidate c = {.how = "dwz's common file"};
	const int roots[] = {s->request->target_root, ROOTED_HOST};
	const char *slash = strrchr(file->path, '/');
	int folder = slash && *name != '/' ? (int)(slash + 1 - file->path) : 0;
	for (size_t i = 0; i < 2; i++) {
		struct elf_file *alt = NULL;
		c.root = roots[i];
		if (i == 0 && c.root < 0)
			continue;
		if (set_path(&c, "%.*s%s", folder, file->path, name))
			alt = try_alt(s, &c, id);
		if (!alt && set_build_id_path(&c, DEBUG_ROOT "/.build-id", id))
			alt = try_alt(s, &c, id);
		if (alt)
			return alt;
	}
	return NULL;
}

/* Whether the file has DWARF that can be read whole. Takes the alt file along. */
static bool has_whole_dwarf(const struct debug_search *s, const struct candidate *c,
			    const struct elf_file *file, struct elf_file **ret_alt)
{
	if (!elf_file_has_dwarf(file)) {
		tell(s, c, false, "no debug information in it");
		return false;
	}
	struct build_id id = {.size = 0};
	const char *name = elf_file_altlink(file, &id);
	if (!name)
		return true;
	*ret_alt = find_alt(s, file, name, &id);
	if (*ret_alt)
		return true;
	char hex[2 * BUILD_ID_MAX + 1], result[sizeof(hex) + 128];
	build_id_hex(&id, hex);
	snprintf(result, sizeof(result),
		 "refused: it needs dwz's common file (build-id %s), which was not found", hex);
	tell(s, c, false, result);
	report_failure(s->report, result + strlen("refused: "));
	return false;
}

static bool try(const struct debug_search *s, const struct candidate *c, struct debug_found *ret)
{
	_cleanup_(elf_file_closep) struct elf_file *file = open_candidate(s, c);
	if (!file || !is_same_build(s, c, file) || !has_whole_dwarf(s, c, file, &ret->alt))
		return false;
	tell(s, c, true, "used");
	report_debug_file(s->report, c->path);
	ret->file = take(file);
	return true;
}

/* ---- the places ---------------------------------------------------------------------- */

static bool try_main(const struct debug_search *s, struct debug_found *ret)
{
	struct candidate c = {.root = ROOTED_HOST, .how = "the module's own file"};
	if (!s->main || !set_path(&c, "%s", s->main->path) ||
	    !has_whole_dwarf(s, &c, s->main, &ret->alt))
		return false;
	tell(s, &c, true, "used");
	ret->file = s->main;
	return true;
}

static bool try_by_build_id(const struct debug_search *s, struct debug_found *ret)
{
	struct candidate c = {.how = "debug file by build-id"};
	if (!set_build_id_path(&c, DEBUG_ROOT "/.build-id", &s->id))
		return false;
	c.root = s->request->target_root;
	if (c.root >= 0 && try(s, &c, ret))
		return true;
	c.root = ROOTED_HOST;
	return try(s, &c, ret);
}

static bool try_debuglink_below(const struct debug_search *s, struct candidate *c, const char *name,
				struct debug_found *ret)
{
	const char *path = s->request->path;
	const char *slash = strrchr(path, '/');
	int n = slash ? (int)(slash - path) : 0;
	return (set_path(c, "%.*s/%s", n, path, name) && try(s, c, ret)) ||
	       (set_path(c, "%.*s/.debug/%s", n, path, name) && try(s, c, ret)) ||
	       (set_path(c, DEBUG_ROOT "%.*s/%s", n, path, name) && try(s, c, ret));
}

static bool try_by_debuglink(const struct debug_search *s, struct debug_found *ret)
{
	struct candidate c = {.how = "debug file by debuglink", .by_crc = true};
	const char *name = s->main ? elf_file_debuglink(s->main, &c.crc) : NULL;
	if (!name || !s->request->path || *s->request->path != '/')
		return false;
	c.root = s->request->target_root;
	if (c.root >= 0 && try_debuglink_below(s, &c, name, ret))
		return true;
	c.root = ROOTED_HOST;
	return try_debuglink_below(s, &c, name, ret);
}

static bool try_debuginfod_cache(const struct debug_search *s, struct debug_found *ret)
{
	struct candidate c = {.root = ROOTED_HOST, .how = "debuginfod's cache"};
	char hex[2 * BUILD_ID_MAX + 1];
	build_id_hex(&s->id, hex);
	return s->request->debuginfo_cache && s->id.size > 0 &&
	       set_path(&c, "%s/%s/debuginfo", s->request->debuginfo_cache, hex) && try(s, &c, ret);
}

/* --symbols DIR: laid out as /usr/lib/debug is, or just a folder with the file in it. */
static bool try_folder(const struct debug_search *s, struct candidate *c, struct debug_found *ret)
{
	const char *folder = s->request->symbols;
	char by_id[PATH_SIZE];
	uint32_t crc;
	snprintf(by_id, sizeof(by_id), "%s/.build-id", folder);
	if ((set_build_id_path(c, by_id, &s->id) && try(s, c, ret)) ||
	    (set_build_id_path(c, folder, &s->id) && try(s, c, ret)))
		return true;
	const char *link = s->main ? elf_file_debuglink(s->main, &crc) : NULL;
	c->by_crc = link != NULL;
	c->crc = link ? crc : 0;
	if (link && set_path(c, "%s/%s", folder, link) && try(s, c, ret))
		return true;
	const char *path = s->request->path ? s->request->path : "";
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	return *base && ((set_path(c, "%s/%s.debug", folder, base) && try(s, c, ret)) ||
			 (set_path(c, "%s/%s", folder, base) && try(s, c, ret)));
}

static bool try_given(const struct debug_search *s, struct debug_found *ret)
{
	struct candidate c = {.root = ROOTED_HOST, .how = "--symbols"};
	struct stat st;
	const char *given = s->request->symbols;
	if (!given)
		return false;
	if (!stat(given, &st) && S_ISDIR(st.st_mode))
		return try_folder(s, &c, ret);
	c.by_crc = s->main && elf_file_debuglink(s->main, &c.crc);
	return set_path(&c, "%s", given) && try(s, &c, ret);
}

bool debug_file_find(const struct debug_search *search, struct debug_found *ret)
{
	struct debug_found found = {NULL, NULL};
	if (!try_given(search, &found) && !try_main(search, &found) &&
	    !try_by_build_id(search, &found) && !try_by_debuglink(search, &found) &&
	    !try_debuginfod_cache(search, &found))
		return false;
	*ret = found;
	return true;
}

void debug_found_fini(const struct debug_search *search, struct debug_found *found)
{
	if (found->file != search->main)
		elf_file_close(found->file);
	elf_file_close(found->alt);
	*found = (struct debug_found){NULL, NULL};
}
