/*
 * look_environ: the C library's own variable, then the array that it points to.
 *
 *	environ ─▷ [ ▪ ][ ▪ ][ ▪ ][ 0 ]        setenv(3) moves the array to the heap, and makes strings there
 *	             │    └▷ "PATH=…"
 *	             └▷ "MALLOC_ARENA_MAX=2"
 *
 * A program that refers to the variable has it among its own data (a copy relocation), and then the C library uses that one;
 * so the program is asked first.
 */
#include "inspector/look/look_environ.h"

#include "base/cleanup.h"
#include "inspector/malloc/glibc_settings.h"

#include <string.h>

#define VARIABLES_MAX 4096
#define TEXT_MAX      256
#define PREFIX        8

struct search {
	struct subject *subject;
	const struct residency *residency;
	struct environment found;
};

/* Only what is there: nothing is brought back from swap. */
static bool read_bytes(const struct search *s, raddr at, void *bytes, size_t size)
{
	if (s->residency && !residency_present(s->residency, at, size))
		return false;
	struct error *err = space_read(&s->subject->space, at, bytes, size);
	error_free(err);
	return !err;
}

static struct error *read_image(void *context, raddr at, void *buffer, size_t size)
{
	return space_read(context, at, buffer, size);
}

/* ---- the variable -------------------------------------------------------------------------------------- */

static const struct region *find_file(const struct space *space, const char *path)
{
	for (size_t i = 0; path && i < space->regions.count; i++) {
		const struct region *r = &space->regions.items[i];
		if (r->kind == REGION_FILE && r->file_offset == 0 && r->label &&
		    strcmp(r->label, path) == 0)
			return r;
	}
	return NULL;
}

/* Where a file's `environ` is; false: it has none. */
static bool find_variable(struct search *s, const char *path, raddr *ret)
{
	static const char *const names[] = {"environ", "__environ"};
	struct space *space = &s->subject->space;
	const struct region *region = find_file(space, path);
	struct elf_image image;
	uint64_t vaddr, size;
	if (!region)
		return false;
	error_free(module_back(&s->subject->origin, space, region));
	struct error *err = elf_image_read(read_image, space, region->start, &image);
	error_free(err);
	for (size_t i = 0; !err && i < ARRAY_SIZE(names); i++) {
		if (!elf_image_symbol(read_image, space, &image, names[i], &vaddr, &size))
			continue;
		*ret = raddr_at(image.bias + vaddr);
		return true;
	}
	return false;
}

/* ---- the array -------------------------------------------------------------------------------------------- */

static bool is_wanted(const char *text)
{
	return strncmp(text, "MALLOC_", 7) == 0;
}

static struct error *add_text(struct search *s, raddr at)
{
	char text[TEXT_MAX + 1] = "";
	const struct region *region = space_region(&s->subject->space, at);
	uint64_t left = region ? raddr_distance(at, raddr_plus(region->start, region->size)) : 0;
	if (left < PREFIX || !read_bytes(s, at, text, PREFIX) || !is_wanted(text))
		return NULL;
	if (!read_bytes(s, at, text, size_min(left, TEXT_MAX)))
		return NULL;
	char **place = vec_push(&s->found.list);
	return place && (*place = strdup(text)) ? NULL : error_out_of_memory();
}

static struct error *read_array(struct search *s, raddr at)
{
	struct error *err = NULL;
	for (size_t i = 0; i < VARIABLES_MAX && !err; i++) {
		uint64_t word;
		if (!read_bytes(s, raddr_plus(at, i * 8), &word, sizeof(word)) || !word)
			break;
		err = add_text(s, raddr_at(word));
	}
	return err;
}

struct error *look_environ(struct subject *subject, const struct residency *residency,
			   struct snapshot *ret)
{
	struct search s = {.subject = subject, .residency = residency};
	struct malloc_account *account = &ret->malloc;
	raddr variable;
	uint64_t array;
	if (account->implementation != MALLOC_GLIBC || !account->has_settings)
		return NULL;
	if (!find_variable(&s, ret->target.exe, &variable) &&
	    !find_variable(&s, account->library, &variable))
		return NULL;
	if (!read_bytes(&s, variable, &array, sizeof(array)) || !array)
		return NULL;
	struct error *err = read_array(&s, raddr_at(array));
	err = err ?: glibc_settings_compare(&s.found, &account->settings);
	environment_fini(&s.found);
	return err;
}
