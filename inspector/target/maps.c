/*
 * maps: one line, one region. Numbers are read by hand, bounded by the line's end,
 * because the text may be megabytes and any path may hold anything.
 */
#include "inspector/target/maps.h"

#include "base/cleanup.h"

#include <sys/sysmacros.h>

struct cursor {
	const char *at, *end; /* of one line */
};

static int digit_value(char c, unsigned base)
{
	int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
	return value < (int)base ? value : -1;
}

/* A number and the character behind it, which must be `stop` or, for ' ', the line's end. */
static bool take_number(struct cursor *c, unsigned base, char stop, uint64_t *ret)
{
	uint64_t value = 0;
	const char *start = c->at;
	for (; c->at < c->end && digit_value(*c->at, base) >= 0; c->at++) {
		uint64_t digit = (uint64_t)digit_value(*c->at, base);
		if (__builtin_mul_overflow(value, base, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			return false;
	}
	if (c->at == start)
		return false;
	if (c->at == c->end ? stop != ' ' : *c->at++ != stop)
		return false;
	*ret = value;
	return true;
}

static bool take_permissions(struct cursor *c, struct region *ret)
{
	if (c->end - c->at < 5 || c->at[4] != ' ')
		return false;
	ret->readable = c->at[0] == 'r';
	ret->writable = c->at[1] == 'w';
	ret->executable = c->at[2] == 'x';
	ret->shared = c->at[3] == 's';
	c->at += 5;
	return true;
}

static bool take_range(struct cursor *c, struct region *ret)
{
	uint64_t start, end;
	if (!take_number(c, 16, '-', &start) || !take_number(c, 16, ' ', &end) || end <= start)
		return false;
	ret->start = raddr_at(start);
	ret->size = end - start;
	return true;
}

static bool take_line(struct cursor *c, struct region *ret)
{
	uint64_t major, minor;
	if (!take_range(c, ret) || !take_permissions(c, ret) ||
	    !take_number(c, 16, ' ', &ret->file_offset) || !take_number(c, 16, ':', &major) ||
	    !take_number(c, 16, ' ', &minor) || !take_number(c, 10, ' ', &ret->inode))
		return false;
	ret->device = makedev((unsigned)major, (unsigned)minor);
	while (c->at < c->end && *c->at == ' ')
		c->at++;
	return true;
}

/* The rest of the line, \012 made newlines; NULL: out of memory. */
static char *label_copy(const struct cursor *c)
{
	char *label = malloc((size_t)(c->end - c->at) + 1);
	if (!label)
		return NULL;
	size_t length = 0;
	for (const char *from = c->at; from < c->end; length++) {
		bool newline = c->end - from >= 4 && memcmp(from, "\\012", 4) == 0;
		label[length] = newline ? '\n' : *from;
		from += newline ? 4 : 1;
	}
	label[length] = '\0';
	return label;
}

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/*
 * Memory that is shared or has an inode is a file's, whatever its name: what is absent there is not
 * zero, but whatever the file or the shared memory holds.
 */
static enum region_kind region_kind_of(const struct region *region)
{
	const char *label = region->label;
	if (region->inode || region->shared)
		return REGION_FILE;
	if (!label || starts_with(label, "[anon:"))
		return REGION_ANON;
	if (strcmp(label, "[heap]") == 0)
		return REGION_HEAP;
	if (starts_with(label, "[stack"))
		return REGION_STACK;
	return label[0] == '[' ? REGION_SPECIAL : REGION_FILE;
}

void maps_strip_deleted(struct region *region)
{
	static const char suffix[] = " (deleted)";
	size_t length = strlen(region->label), tail = sizeof(suffix) - 1;
	if (length <= tail || strcmp(region->label + length - tail, suffix) != 0)
		return;
	region->label[length - tail] = '\0';
	region->deleted = true;
}

static struct error *add_region(struct space *space, const struct region *parsed,
				const struct cursor *rest)
{
	struct region *region = vec_push(&space->regions);
	if (!region)
		return error_out_of_memory();
	*region = *parsed;
	if (rest->at < rest->end) {
		region->label = label_copy(rest);
		if (!region->label)
			return error_out_of_memory();
		maps_strip_deleted(region);
	}
	region->kind = region_kind_of(region);
	if (region->readable)
		space->mapped_size = size_add(space->mapped_size, region->size);
	return NULL;
}

static struct cursor line_at(const char *at, const char *end)
{
	const char *newline = memchr(at, '\n', (size_t)(end - at));
	return (struct cursor){at, newline ? newline : end};
}

struct error *maps_parse(const char *text, size_t size, struct space *ret)
{
	space_clear_regions(ret);
	raddr above = RADDR_NULL;
	const char *end = text + size;
	for (const char *at = text; at < end;) {
		struct cursor line = line_at(at, end);
		at = line.end + 1;
		struct region region = {0};
		/* The kernel writes in pieces: a mapping that moved meanwhile may come twice. */
		if (!take_line(&line, &region) || region.start.value < above.value)
			continue;
		struct error *err = add_region(ret, &region, &line);
		if (err)
			return err;
		above = raddr_plus(region.start, region.size);
	}
	return NULL;
}

bool maps_cover(const char *text, size_t length, raddr at, uint64_t size)
{
	const char *end = text + length;
	raddr covered = at, last = raddr_plus(at, size);
	for (const char *from = text; from < end && covered.value < last.value;) {
		struct cursor line = line_at(from, end);
		from = line.end + 1;
		struct region region = {0};
		if (take_range(&line, &region) && raddr_in(covered, region.start, region.size))
			covered = raddr_plus(region.start, region.size);
	}
	return covered.value >= last.value;
}
