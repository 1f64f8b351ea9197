/*
 * layout_text: a text of one line per fact.
 *
 *	arenascope layout 1 89abcdef01234567	the schema, and a fingerprint of layout.def
 *	build 1ae5ffee…				the build-id once more
 *	python 3.11.2 030b02f0 0 0		version, hex, debug build, free-threaded
 *	debug-file /usr/lib/debug/…		or nothing
 *	sources dwarf symtab			of structs and of addresses; in files only
 *	unverified				no build of this version is known; in files only
 *	entry ARENA_ADDRESS 0 8 1 8 dwarf	offset, width, count, stride; the source in files only
 *	sum 0123456789abcdef			of all above: against damage, not malice
 */
#include "symbols/layout_text.h"

#include <stdio.h>
#include <string.h>

#define SCHEMA    1
#define FNV_START UINT64_C(0xcbf29ce484222325)

static uint64_t fnv(uint64_t h, const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		h = (h ^ (uint8_t)data[i]) * UINT64_C(0x100000001b3);
	return h;
}

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

static bool find_source(const char *name, enum provenance *ret)
{
	for (unsigned p = PROVENANCE_SCANNED; p <= PROVENANCE_DWARF; p++) {
		if (strcmp(provenance_name(p), name) == 0) {
			*ret = p;
			return true;
		}
	}
	return false;
}

static bool parse_entry(const char *line, enum layout_text_use use, struct layout *layout)
{
	char name[64], source[32] = "cache";
	struct layout_entry e = {.provenance = PROVENANCE_CACHE};
	int n = sscanf(line, "entry %63s %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %31s",
		       name, &e.offset, &e.width, &e.count, &e.stride, source);
	if (n != (use == LAYOUT_TEXT_CACHE ? 5 : 6) || !find_source(source, &e.provenance))
		return false;
	unsigned id = find_entry(name);
	if (id == LAYOUT_COUNT) /* a later program's question */
		return use == LAYOUT_TEXT_FILE;
	layout->entries[id] = e;
	return true;
}

static bool parse_sources(const char *line, struct python_build *build)
{
	char layout[32], roots[32];
	return sscanf(line, "sources %31s %31s", layout, roots) == 2 &&
	       (find_source(layout, &build->layout_source) || !strcmp(layout, "absent")) &&
	       (find_source(roots, &build->roots_source) || !strcmp(roots, "absent"));
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

static bool parse_line(const char *line, enum layout_text_use use, struct python_build *build)
{
	static const char debug_file[] = "debug-file ";
	if (!strncmp(line, "entry ", 6))
		return parse_entry(line, use, &build->layout);
	if (use == LAYOUT_TEXT_FILE && !strncmp(line, "sources ", 8))
		return parse_sources(line, build);
	if (use == LAYOUT_TEXT_FILE && !strcmp(line, "unverified"))
		return build->unverified = true;
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

static bool is_head(const char *line, enum layout_text_use use)
{
	char head[64];
	int n = snprintf(head, sizeof(head), "arenascope layout %d ", SCHEMA);
	if (use == LAYOUT_TEXT_FILE)
		return line && strncmp(line, head, (size_t)n) == 0;
	snprintf(head, sizeof(head), "arenascope layout %d %016" PRIx64, SCHEMA, fingerprint());
	return line && strcmp(line, head) == 0;
}

static bool is_of(const char *line, const struct build_id *id)
{
	char hex[2 * BUILD_ID_MAX + 1], build_line[sizeof(hex) + 8];
	build_id_hex(id, hex);
	snprintf(build_line, sizeof(build_line), "build %s", hex);
	return line && strcmp(line, build_line) == 0;
}

const char *layout_text_read(char *data, size_t size, const struct build_id *id,
			     enum layout_text_use use, struct python_build *ret)
{
	data[size] = '\0';
	if (size == 0 || memchr(data, '\0', size) || !is_whole(data, size))
		return "ignored: damaged";
	if (!is_head(next_line(&data), use))
		return "ignored: made by another version of arenascope";
	if (!is_of(next_line(&data), id))
		return "ignored: of another build";
	char *line = next_line(&data);
	if (!line || !parse_python(line, ret))
		return "ignored: malformed";
	while ((line = next_line(&data)))
		if (!parse_line(line, use, ret))
			return "ignored: malformed";
	struct error *err = layout_check(&ret->layout);
	error_free(err);
	return err ? "ignored: impossible values" : NULL;
}

/* ---- writing ------------------------------------------------------------------------- */

static void write_entry(const struct layout_entry *e, const char *name, enum layout_text_use use,
			struct text *t)
{
	if (e->provenance == PROVENANCE_ABSENT)
		return;
	text_addf(t, "entry %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, name, e->offset,
		  e->width, e->count, e->stride);
	if (use == LAYOUT_TEXT_FILE)
		text_addf(t, " %s", provenance_name(e->provenance));
	text_add(t, "\n");
}

void layout_text_write(const struct python_build *build, const struct build_id *id,
		       enum layout_text_use use, struct text *to)
{
	char hex[2 * BUILD_ID_MAX + 1];
	build_id_hex(id, hex);
	text_addf(to, "arenascope layout %d %016" PRIx64 "\nbuild %s\n", SCHEMA, fingerprint(),
		  hex);
	text_addf(to, "python %s %08" PRIx32 " %d %d\n", *build->version ? build->version : "?",
		  build->version_hex, build->debug_build, build->free_threaded);
	bool odd = build->debug_file && strchr(build->debug_file, '\n');
	if (build->debug_file && !(odd && use == LAYOUT_TEXT_FILE))
		text_addf(to, "debug-file %s\n", build->debug_file);
	if (use == LAYOUT_TEXT_FILE)
		text_addf(to, "sources %s %s\n%s", provenance_name(build->layout_source),
			  provenance_name(build->roots_source),
			  build->unverified ? "unverified\n" : "");
	for (unsigned entry = 0; entry < LAYOUT_COUNT; entry++)
		write_entry(&build->layout.entries[entry], layout_name(entry), use, to);
	text_addf(to, "sum %016" PRIx64 "\n", fnv(FNV_START, text_string(to), to->length));
}
