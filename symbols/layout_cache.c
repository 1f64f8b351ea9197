/*
 * layout_cache: a file a build, of layout_text's lines.
 *
 * Their sum is against damage. Malice is kept out by who may write: folder and file
 * must be ours alone.
 */
#include "symbols/layout_cache.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "symbols/layout_text.h"
#include "symbols/report.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define SCHEMA   1
#define FILE_MAX 65536

struct cache_place {
	int folder; /* descriptor */
	char name[2 * BUILD_ID_MAX + 32];
};

/* ---- the place ----------------------------------------------------------------------- */

static bool is_private(int fd, mode_t type)
{
	struct stat st;
	return !fstat(fd, &st) && (st.st_mode & S_IFMT) == type && st.st_uid == geteuid() &&
	       !(st.st_mode & (S_IWGRP | S_IWOTH));
}

static const char *place_open(const char *folder, const struct build_id *id,
			      struct cache_place *ret)
{
	char hex[2 * BUILD_ID_MAX + 1];
	build_id_hex(id, hex);
	snprintf(ret->name, sizeof(ret->name), "%s.v%d", hex, SCHEMA);
	ret->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ret->folder < 0)
		return strerrordesc_np(errno);
	if (is_private(ret->folder, S_IFDIR))
		return NULL;
	close(take_fd(&ret->folder));
	return "the folder is not ours alone";
}

static void tell(struct python_build *build, bool used, const char *verb, const char *folder,
		 const char *name, const char *result)
{
	struct text what = TEXT_EMPTY;
	text_addf(&what, "%s: %s/%s", verb, folder, name);
	python_build_add_trial(build, used, text_string(&what), result);
	text_fini(&what);
}

/* ---- reading ------------------------------------------------------------------------- */

static ssize_t read_file(int fd, char *data, size_t room)
{
	size_t size = 0;
	while (size < room) {
		ssize_t n = read(fd, data + size, room - size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		size += (size_t)n;
	}
	return (ssize_t)size;
}

static const char *load(const struct cache_place *place, const struct build_id *id,
			struct python_build *build)
{
	_cleanup_(close_fd) int fd =
		openat(place->folder, place->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? "no table yet" : strerrordesc_np(errno);
	if (!is_private(fd, S_IFREG))
		return "ignored: not a file of ours alone";
	_cleanup_(free_pointer) char *data = malloc(FILE_MAX + 1);
	ssize_t size = data ? read_file(fd, data, FILE_MAX + 1) : -1;
	if (size < 0)
		return "ignored: unreadable";
	if (size == 0 || size > FILE_MAX)
		return size ? "ignored: too large" : "ignored: damaged";
	return layout_text_read(data, (size_t)size, id, LAYOUT_TEXT_CACHE, build);
}

bool layout_cache_load(const char *folder, const struct build_id *id, struct python_build *build)
{
	struct cache_place place = {.folder = -1};
	struct python_build found = {.trials = VEC_EMPTY};
	const char *why = place_open(folder, id, &place);
	if (!why)
		why = load(&place, id, &found);
	close_fd(&place.folder);
	tell(build, !why, "table kept from before", folder, place.name, why ? why : "used");
	if (why) {
		free(found.debug_file);
		return false;
	}
	memcpy(build->version, found.version, sizeof(build->version));
	build->version_hex = found.version_hex;
	build->debug_build = found.debug_build;
	build->free_threaded = found.free_threaded;
	build->layout = found.layout;
	build->debug_file = found.debug_file;
	return true;
}

/* ---- writing ------------------------------------------------------------------------- */

static bool write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, data, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data += n;
		size -= (size_t)n;
	}
	return true;
}

/* NULL: written; else why not. */
static const char *store(const struct cache_place *place, const struct text *t)
{
	char temporary[sizeof(place->name) + 32];
	snprintf(temporary, sizeof(temporary), ".%s.%d", place->name, (int)getpid());
	(void)unlinkat(place->folder, temporary, 0);
	_cleanup_(close_fd) int fd =
		openat(place->folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return strerrordesc_np(errno);
	errno = EIO;
	if (!write_all(fd, t->data, t->length) ||
	    renameat(place->folder, temporary, place->folder, place->name)) {
		const char *why = strerrordesc_np(errno);
		(void)unlinkat(place->folder, temporary, 0);
		return why;
	}
	return NULL;
}

/* A user's ~/.cache may not be there yet: that one is made as well (XDG: mode 0700). */
static const char *make_folder(const char *folder)
{
	if (mkdir(folder, 0700) == 0 || errno == EEXIST)
		return NULL;
	char parent[PATH_MAX];
	const char *slash = strrchr(folder, '/');
	if (errno != ENOENT || !slash || slash == folder ||
	    (size_t)(slash - folder) >= sizeof(parent))
		return strerrordesc_np(errno);
	memcpy(parent, folder, (size_t)(slash - folder));
	parent[slash - folder] = '\0';
	if (mkdir(parent, 0700) != 0 || mkdir(folder, 0700) != 0)
		return strerrordesc_np(errno);
	return NULL;
}

void layout_cache_store(const char *folder, const struct build_id *id, struct python_build *build)
{
	struct cache_place place = {.folder = -1};
	struct text t = TEXT_EMPTY;
	const char *why = make_folder(folder);
	if (!why)
		why = place_open(folder, id, &place);
	layout_text_write(build, id, LAYOUT_TEXT_CACHE, &t);
	bool odd_name = build->debug_file && strchr(build->debug_file, '\n');
	if (!why && (t.failed || odd_name))
		why = odd_name ? "the debug file's name has a line break" : "out of memory";
	if (!why)
		why = store(&place, &t);
	close_fd(&place.folder);
	text_fini(&t);
	if (why)
		tell(build, false, "keeping the table", folder, "", why);
}
