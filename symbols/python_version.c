/*
 * python_version: from 3.11 a constant says it. Before, the interpreter holds its
 * version only as a string constant, among those of the libraries linked into it
 * ("1.2.13", "2.4.9"). Python's own is the one whose X.Y also stands in the name of
 * the library or of the standard library's folder:
 *
 *	… \0 lib/python3.8 \0 … \0 1.2.11 \0 … \0 3.8.18 \0 …
 *	         ^^^^^^^^^ says 3.8       taken: ^^^^^^
 *
 * The linker may store it as the end of a longer string ("/opt/python/3.8.18"), so
 * that is the second choice. From 3.13 on _PyRuntime opens with its version, too; where
 * nothing is exported it is looked for by its cookie, last.
 */
#include "symbols/python_version.h"

#include "base/cleanup.h"
#include "base/size.h"
#include "symbols/bare/layout_offsets.h"
#include "symbols/bare/runtime_place.h"

#include <stdio.h>
#include <string.h>

#define WINDOW_SIZE    (256 * KIB)
#define WINDOW_OVERLAP 64 /* longer than any version literal and path prefix */
#define SEGMENT_MAX    (256 * MIB)
#define CANDIDATES_MAX 32
#define MINOR_MAX      64

struct source {
	elf_read_fn *read;
	void *context;
	const struct elf_image *image;
};

static bool has_symbol(const struct source *s, const char *name)
{
	uint64_t vaddr, size;
	return elf_image_symbol(s->read, s->context, s->image, name, &vaddr, &size);
}

/* The first `size` bytes of a variable. */
static bool read_symbol(const struct source *s, const char *name, void *buffer, size_t size)
{
	uint64_t vaddr, symbol_size;
	if (!elf_image_symbol(s->read, s->context, s->image, name, &vaddr, &symbol_size) ||
	    symbol_size < size)
		return false;
	struct error *err = s->read(s->context, raddr_at(s->image->bias + vaddr), buffer, size);
	error_free(err);
	return !err;
}

/* ---- from 3.11: a number ------------------------------------------------------------- */

/* PY_VERSION_HEX as text: 0x030f00c1 is 3.15.0rc1. False: no release of Python. */
static bool format_hex(uint32_t hex, char *text, size_t size)
{
	static const char *const levels[16] = {[0xa] = "a", [0xb] = "b", [0xc] = "rc", [0xf] = ""};
	unsigned major = hex >> 24, minor = hex >> 16 & 255, micro = hex >> 8 & 255;
	const char *level = levels[hex >> 4 & 15];
	if (major != 3 || !level)
		return false;
	int n = snprintf(text, size, "%u.%u.%u%s", major, minor, micro, level);
	if (*level)
		snprintf(text + n, size - (size_t)n, "%u", hex & 15);
	return true;
}

static bool from_constant(const struct source *s, struct python_version *ret)
{
	uint64_t value;
	if (!read_symbol(s, "Py_Version", &value, sizeof(value)) || value > UINT32_MAX ||
	    !format_hex((uint32_t)value, ret->text, sizeof(ret->text)))
		return false;
	ret->hex = (uint32_t)value;
	return true;
}

/* ---- up to 3.10: a string ------------------------------------------------------------ */

struct literal {
	char text[32];
	unsigned major, minor, micro;
	bool whole; /* the string is nothing but the version */
};

struct literals {
	struct literal items[CANDIDATES_MAX];
	size_t count;
	uint64_t minors[4]; /* [major]: bit per minor seen in "pythonX.Y" */
};

/* Decimal digits at *at, at most 3; moves past them. */
static bool parse_number(const char **at, const char *end, unsigned *ret)
{
	const char *start = *at;
	unsigned value = 0;
	while (*at < end && *at - start < 3 && **at >= '0' && **at <= '9')
		value = value * 10 + (unsigned)(*(*at)++ - '0');
	*ret = value;
	return *at > start;
}

static bool parse_char(const char **at, const char *end, char c)
{
	if (*at == end || **at != c)
		return false;
	(*at)++;
	return true;
}

/* What may follow X.Y.Z in PY_VERSION: a1, b2, c1, rc1, and a plus sign. */
static bool parse_level(const char **at, const char *end)
{
	unsigned serial;
	bool release_candidate = parse_char(at, end, 'r');
	if (parse_char(at, end, 'c') ||
	    (!release_candidate && (parse_char(at, end, 'a') || parse_char(at, end, 'b'))))
		return parse_number(at, end, &serial) && (parse_char(at, end, '+') || true);
	return !release_candidate && (parse_char(at, end, '+') || true);
}

/* A version that fills at..end. */
static bool parse_literal(const char *at, const char *end, struct literal *ret)
{
	struct literal l = {0};
	const char *start = at;
	if (!parse_number(&at, end, &l.major) || !parse_char(&at, end, '.') ||
	    !parse_number(&at, end, &l.minor) || !parse_char(&at, end, '.') ||
	    !parse_number(&at, end, &l.micro) || !parse_level(&at, end) || at != end)
		return false;
	if (l.major < 2 || l.major > 3 || l.minor >= MINOR_MAX || l.micro > 255 ||
	    (size_t)(at - start) >= sizeof(l.text))
		return false;
	memcpy(l.text, start, (size_t)(at - start));
	*ret = l;
	return true;
}

static void note_minor(struct literals *found, const char *at, const char *end)
{
	unsigned major, minor;
	if (parse_number(&at, end, &major) && parse_char(&at, end, '.') &&
	    parse_number(&at, end, &minor) && major < 4 && minor < MINOR_MAX)
		found->minors[major] |= UINT64_C(1) << minor;
}

static void note_literal(struct literals *found, const struct literal *l)
{
	for (size_t i = 0; i < found->count; i++) {
		if (strcmp(found->items[i].text, l->text) != 0)
			continue;
		found->items[i].whole |= l->whole;
		return;
	}
	if (found->count < CANDIDATES_MAX)
		found->items[found->count++] = *l;
}

static bool is_version_char(char c)
{
	return c && strchr("0123456789.abcr+", c);
}

/* `dot` is the first dot of what may be a version that ends its string. */
static void note_around(struct literals *found, const char *data, const char *dot, const char *end)
{
	const char *start = dot - 1, *stop = dot;
	if (start < data || (*start != '2' && *start != '3') ||
	    (start > data && is_version_char(start[-1])))
		return;
	while (stop < end && is_version_char(*stop))
		stop++;
	struct literal l;
	if (stop == end || *stop || !parse_literal(start, stop, &l))
		return;
	l.whole = start > data && !start[-1];
	note_literal(found, &l);
}

static void scan_window(struct literals *found, const char *data, size_t size)
{
	static const char name[] = "python";
	const char *end = data + size, *at = data;
	while ((at = memmem(at, (size_t)(end - at), name, sizeof(name) - 1))) {
		at += sizeof(name) - 1;
		note_minor(found, at, end);
	}
	for (at = data; at < end && (at = memchr(at, '.', (size_t)(end - at))); at++)
		note_around(found, data, at, end);
}

static struct error *scan_segment(const struct source *s, const struct elf_segment *segment,
				  char *window, struct literals *found)
{
	uint64_t size = size_min(segment->filesz, SEGMENT_MAX);
	for (uint64_t at = 0; at < size; at += WINDOW_SIZE - WINDOW_OVERLAP) {
		size_t n = size_min(WINDOW_SIZE, size - at);
		raddr where = raddr_at(s->image->bias + segment->vaddr + at);
		struct error *err = s->read(s->context, where, window, n);
		if (err)
			return err;
		scan_window(found, window, n);
	}
	return NULL;
}

static bool agrees(const struct literals *found, const struct literal *l)
{
	return found->minors[l->major] >> l->minor & 1;
}

static uint32_t literal_hex(const struct literal *l)
{
	return (l->major << 24) | (l->minor << 16) | (l->micro << 8);
}

/* A final release ends in digits or a plus; before it, the level is unknown to the number. */
static uint32_t literal_level(const struct literal *l)
{
	return strpbrk(l->text, "abc") ? 0 : 0xf0;
}

/* The one version that agrees, of all strings or of the whole ones; NULL: none, or several. */
static const struct literal *only_literal(const struct literals *found, bool whole)
{
	const struct literal *only = NULL;
	for (size_t i = 0; i < found->count; i++) {
		const struct literal *l = &found->items[i];
		if (!agrees(found, l) || (whole && !l->whole))
			continue;
		if (only)
			return NULL;
		only = l;
	}
	return only;
}

static bool choose_literal(const struct literals *found, struct python_version *ret)
{
	const struct literal *chosen = only_literal(found, true);
	if (!chosen)
		chosen = only_literal(found, false);
	if (!chosen)
		return false;
	memcpy(ret->text, chosen->text, sizeof(ret->text));
	ret->hex = literal_hex(chosen) | literal_level(chosen);
	return true;
}

/* Constants lie in segments that are read-only and, with a linker that separates code from data,
 * not executable. */
static struct error *scan_segments(const struct source *s, bool executable, char *window,
				   struct literals *found)
{
	for (size_t i = 0; i < s->image->n_segments; i++) {
		const struct elf_segment *segment = &s->image->segments[i];
		if (segment->writable || segment->executable != executable)
			continue;
		struct error *err = scan_segment(s, segment, window, found);
		if (err)
			return error_as(err, ERROR_SYMBOLS);
	}
	return NULL;
}

static struct error *from_literal(const struct source *s, struct python_version *ret)
{
	_cleanup_(free_pointer) char *window = malloc(WINDOW_SIZE);
	_cleanup_(free_pointer) struct literals *found = calloc(1, sizeof(*found));
	if (!window || !found)
		return error_out_of_memory();
	for (int executable = 0; executable < 2; executable++) {
		struct error *err = scan_segments(s, executable, window, found);
		if (err)
			return err;
		if (choose_literal(found, ret))
			return NULL;
	}
	return error_new(ERROR_SYMBOLS, "the file does not say which Python it is");
}

/* ---- from 3.13: what the runtime says of itself -------------------------------------- */

/* By the exported symbol, or wherever it stands: that is a pass over the writable segments. */
static bool read_offsets(const struct source *s, bool anywhere, struct debug_offsets *ret)
{
	const struct elf_source source = {s->read, s->context, s->image};
	struct runtime_place place;
	if (!anywhere && !elf_source_symbol(&source, "_PyRuntime", &place.vaddr, &place.size))
		return false;
	if (anywhere && !runtime_place_find(&source, -1, &place))
		return false;
	return layout_offsets_read(&source, place.vaddr, place.size, ret);
}

static bool from_offsets(const struct source *s, bool anywhere, struct python_version *ret)
{
	struct debug_offsets told;
	if (!read_offsets(s, anywhere, &told) ||
	    !format_hex(told.version_hex, ret->text, sizeof(ret->text)))
		return false;
	ret->hex = told.version_hex;
	return true;
}

struct error *python_version_read(elf_read_fn *read, void *context, const struct elf_image *image,
				  struct python_version *ret)
{
	struct source s = {read, context, image};
	struct python_version v = {0};
	struct debug_offsets told;
	if (!from_constant(&s, &v) && !from_offsets(&s, false, &v)) {
		_cleanup_(error_fini) struct error *err = from_literal(&s, &v);
		if (err && !from_offsets(&s, true, &v))
			return take(err);
	}
	v.debug_build = has_symbol(&s, "_Py_RefTotal") || has_symbol(&s, "_Py_NegativeRefcount");
	v.free_threaded = v.hex >= 0x030d0000 &&
			  (read_offsets(&s, false, &told) || read_offsets(&s, true, &told)) &&
			  told.free_threaded;
	*ret = v;
	return NULL;
}
