/*
 * layout_cache: a text of one line per fact.
 *
 *	arenascope layout 1 89abcdef01234567	the schema, and a fingerprint of layout.def
 *	build 1ae5ffee…				the build-id once more
 *	python 3.11.2 030b02f0 0 0		version, hex, debug build, free-threaded
 *	debug-file /usr/lib/debug/…		or nothing
 *	entry ARENA_ADDRESS 0 8 1 8		offset, width, count, stride
 *	sum 0123456789abcdef			of all above: against damage, not malice
 *
 * Malice is kept out by who may write: folder and file must be ours alone.
 */
#include "symbols/layout_cache.h"

#include "base/cleanup.h"
#include "base/text.h"
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

static uint64_t fnv(uint64_t h, const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		h = (h ^ (uint8_t)data[i]) * UINT64_C(0x100000001b3);
	return h;
}

#define FNV_START UINT64_C(0xcbf29ce484222325)

/* Of every entry's name, type and path: a table made for other questions is no answer. */
static uint64_t fingerprint(void)
{
	uint64_t h = FNV_START;
	for (unsigned id = 0; id < LAYOUT_COUNT; id++) {
		h = fnv(h, layout_name(id), strlen(layout_name(id)) + 1);
		h = fnv(h, layout_type(id), strlen(layout_type(id)) + 1);
		h = fnv(h, layout_path(id), strlen(layout_path(id)) + 1);
	}
	return h;
}

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

/* The next line of *at, NUL-terminated in place; NULL at the end. */
static char *next_line(char **at)
{
	char *line = *at, *end = strchr(line, '\n');
	if (!end)
		return NULL;
	*end = '\0';
	*at = end + 1;
	return line;
}

static unsigned find_entry(const char *name)
{
	for (unsigned id = 0; id < LAYOUT_COUNT; id++)
		if (!strcmp(layout_name(id), name))
			return id;
	return LAYOUT_COUNT;
}

static bool parse_entry(const char *line, struct layout *layout)
{
	char name[64];
	struct layout_entry e = {.provenance = PROVENANCE_CACHE};
	if (sscanf(line, "entry %63s %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, name, &e.offset,
		   &e.width, &e.count, &e.stride) != 5)
		return false;
	unsigned id = find_entry(name);
	if (id == LAYOUT_COUNT)
		return false;
	layout->entries[id] = e;
	return true;
}

static bool parse_python(const char *line, struct python_build *build)
{
	int debug, threaded;
	if (sscanf(line, "python %31s %" SCNx32 " %d %d", build->version, &build->version_hex,
		   &debug, &threaded) != 4)
		return false;
	build->debug_build = debug != 0;
	build->free_threaded = threaded != 0;
	return true;
}

static bool parse_line(const char *line, struct python_build *build)
{
	static const char debug_file[] = "debug-file ";
	if (!strncmp(line, "entry ", 6))
		return parse_entry(line, &build->layout);
	if (strncmp(line, debug_file, strlen(debug_file)) != 0)
		return false;
	free(build->debug_file);
	build->debug_file = strdup(line + strlen(debug_file));
	return build->debug_file != NULL;
}

/* The last line is the sum of all before. */
static bool is_whole(char *data, size_t size)
{
	char *sum = memrchr(data, '\n', size > 0 ? size - 1 : 0);
	uint64_t value;
	if (!sum || data[size - 1] != '\n' || sscanf(sum + 1, "sum %16" SCNx64, &value) != 1)
		return false;
	sum[1] = '\0';
	return value == fnv(FNV_START, data, (size_t)(sum + 1 - data));
}

/* NULL: taken; else why not. */
static const char *parse(char *data, size_t size, const struct build_id *id,
			 struct python_build *build)
{
	char hex[2 * BUILD_ID_MAX + 1], build_line[sizeof(hex) + 8], head[64];
	if (memchr(data, '\0', size) || !is_whole(data, size))
		return "ignored: damaged";
	build_id_hex(id, hex);
	snprintf(build_line, sizeof(build_line), "build %s", hex);
	snprintf(head, sizeof(head), "arenascope layout %d %016" PRIx64, SCHEMA, fingerprint());
	char *line = next_line(&data);
	if (!line || strcmp(line, head) != 0)
		return "ignored: made by another version of arenascope";
	line = next_line(&data);
	if (!line || strcmp(line, build_line) != 0)
		return "ignored: of another build";
	line = next_line(&data);
	if (!line || !parse_python(line, build))
		return "ignored: malformed";
	while ((line = next_line(&data)))
		if (!parse_line(line, build))
			return "ignored: malformed";
	struct error *err = layout_check(&build->layout);
	error_free(err);
	return err ? "ignored: impossible values" : NULL;
}

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
	data[size] = '\0';
	return parse(data, (size_t)size, id, build);
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

static void format(struct text *t, const struct build_id *id, const struct python_build *build)
{
	char hex[2 * BUILD_ID_MAX + 1];
	build_id_hex(id, hex);
	text_addf(t, "arenascope layout %d %016" PRIx64 "\nbuild %s\n", SCHEMA, fingerprint(), hex);
	text_addf(t, "python %s %08" PRIx32 " %d %d\n", *build->version ? build->version : "?",
		  build->version_hex, build->debug_build, build->free_threaded);
	if (build->debug_file)
		text_addf(t, "debug-file %s\n", build->debug_file);
	for (unsigned id_ = 0; id_ < LAYOUT_COUNT; id_++) {
		const struct layout_entry *e = &build->layout.entries[id_];
		if (e->provenance != PROVENANCE_ABSENT)
			text_addf(t, "entry %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
				  layout_name(id_), e->offset, e->width, e->count, e->stride);
	}
	text_addf(t, "sum %016" PRIx64 "\n", fnv(FNV_START, text_string(t), t->length));
}

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
	format(&t, id, build);
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
