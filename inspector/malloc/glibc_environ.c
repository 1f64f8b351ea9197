/*
 * glibc_environ: a program has one list of variables, and libc's table of addresses says where it begins.
 *
 *	.dynsym __environ ─▷ GLOB_DAT slot ─▷ environ ─▷ [ · │ · │ … │ NULL ] ─▷ "MALLOC_ARENA_MAX=2"
 *	      of libc           of libc        of libc, or of a program that copied the variable into its own data
 *
 * setenv() and putenv() replace the list by one from malloc, and leave the one on the first stack as it was
 * (stdlib/setenv.c, posix/environ.c, glibc 2.26 to 2.43).
 */
#include "inspector/malloc/glibc_environ.h"

#include "base/cleanup.h"
#include "symbols/elf/elf_got.h"

#include <string.h>

#define VARIABLES_MAX 65536
#define KEPT_MAX      64
#define TEXT_MAX      256 /* of a variable that is kept */
#define PREFIX        7   /* of its name: what tells that it may be */
#define NUMBER_MAX    18
#define BLOCK         128
#define PAGE          4096

struct reader {
	struct space *space;
	uint64_t page; /* that was last asked for, and whether it is in memory */
	bool present;
};

static struct error *read_memory(void *context, raddr at, void *buffer, size_t size)
{
	return space_read(context, at, buffer, size);
}

/* The region that the library begins in. */
static const struct region *find_library(const struct space *space, const char *library)
{
	for (size_t i = 0; i < space->regions.count; i++) {
		const struct region *region = &space->regions.items[i];
		if (region->kind == REGION_FILE && region->file_offset == 0 && region->label &&
		    strcmp(region->label, library) == 0)
			return region;
	}
	return NULL;
}

/* Where the variable is that libc itself uses, by the one slot that leads to it; without one it is libc's. */
static bool find_variable(const struct elf_source *libc, raddr *ret)
{
	_cleanup_(elf_got_fini) struct elf_got got = ELF_GOT_EMPTY;
	uint64_t own, size, place;
	if (!elf_source_symbol(libc, "__environ", &own, &size) || size != sizeof(uint64_t))
		return false;
	place = libc->image->bias + own;
	elf_got_read(libc, &got);
	for (size_t i = 0; i < got.slots.count; i++)
		if (got.slots.items[i].target == own &&
		    !elf_source_word(libc, got.slots.items[i].vaddr, &place))
			return false;
	*ret = raddr_at(place);
	return true;
}

/* Whether the page of an address may be read without bringing it back from swap. */
static bool is_present(struct reader *r, raddr at)
{
	_cleanup_(residency_fini) struct residency residency = RESIDENCY_EMPTY;
	uint64_t page = at.value / PAGE * PAGE;
	if (!space_has_residency(r->space) || page == r->page)
		return !space_has_residency(r->space) || r->present;
	struct error *err = space_residency(r->space, raddr_at(page), PAGE, &residency);
	r->page = page;
	r->present = !err && residency_present(&residency, raddr_at(page), PAGE);
	error_free(err);
	return r->present;
}

/* The first of `size` bytes that lie on one page; 0: none can be read. */
static size_t read_some(struct reader *r, raddr at, void *buffer, size_t size)
{
	size_t here = (size_t)size_min(size, PAGE - at.value % PAGE);
	struct error *err = is_present(r, at) ? space_read_unheard(r->space, at, buffer, here)
					      : error_new(ERROR_FAULT, "not in memory");
	error_free(err);
	return err ? 0 : here;
}

/* *ret: the first of its pointers. */
static bool find_list(struct reader *r, const char *library, raddr *ret)
{
	struct elf_image image;
	const struct region *region = find_library(r->space, library);
	raddr variable;
	uint64_t list = 0;
	if (!region)
		return false;
	struct error *err = elf_image_read(read_memory, r->space, region->start, &image);
	const struct elf_source libc = {read_memory, r->space, &image};
	bool found = !err && find_variable(&libc, &variable) && is_present(r, variable);
	error_free(err);
	if (!found)
		return false;
	err = space_read(r->space, variable, &list, sizeof(list));
	error_free(err);
	*ret = raddr_at(list);
	return !err && list && list % sizeof(list) == 0;
}

/* ---- one variable ----------------------------------------------------------------------- */

/* Up to its NUL; false: it is longer, or cannot be read. */
static bool read_text(struct reader *r, raddr at, char ret[TEXT_MAX])
{
	for (size_t n = 0; n < TEXT_MAX;) {
		size_t here = read_some(r, raddr_plus(at, n), ret + n, TEXT_MAX - n);
		if (!here)
			return false;
		if (memchr(ret + n, 0, here))
			return true;
		n += here;
	}
	return false;
}

/* Whether its name begins as those do that are kept; of others no more is read. */
static bool begins_well(struct reader *r, raddr at)
{
	char name[PREFIX];
	size_t n = read_some(r, at, name, PREFIX);
	if (n && n < PREFIX)
		n += read_some(r, raddr_plus(at, n), name + n, PREFIX - n);
	return n == PREFIX &&
	       (memcmp(name, "MALLOC_", PREFIX) == 0 || memcmp(name, "GLIBC_T", PREFIX) == 0);
}

/* Whether it is some number: then neither name nor value is a secret. */
static bool is_harmless(const char *text)
{
	size_t name = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
	const char *value = text + name + 1;
	size_t length = text[name] == '=' ? strspn(value, "0123456789abcdefABCDEFx") : 0;
	return length && length <= NUMBER_MAX && !value[length];
}

/* Has a snapshot that is being made keep it, and what leads to it. */
static struct error *tell(struct space *space, raddr place, raddr at, size_t size)
{
	char text[TEXT_MAX];
	uint64_t pointer;
	struct error *err = space_read(space, place, &pointer, sizeof(pointer));
	err = err ?: space_read(space, at, text, size);
	if (err && !error_catch(&err, ERROR_FAULT))
		return err;
	return NULL;
}

/* The one that the pointer at `place` is the address of. */
static struct error *take_one(struct reader *r, raddr place, raddr at, struct environment *ret)
{
	char text[TEXT_MAX];
	if (!begins_well(r, at) || !read_text(r, at, text) || !environment_heeds(text))
		return NULL;
	size_t length = strlen(text);
	struct error *err = environment_add(ret, text, length);
	if (err || !is_harmless(text))
		return err;
	return tell(r->space, place, at, length + 1);
}

/* ---- all of them ------------------------------------------------------------------------ */

struct error *glibc_environ_read(struct space *space, const struct glibc_place *place,
				 struct environment *ret)
{
	struct reader r = {.space = space, .page = UINT64_MAX};
	uint64_t block[BLOCK] = {0};
	raddr list;
	if (!place->library || !find_list(&r, place->library, &list))
		return NULL;
	size_t most = ret->list.count + KEPT_MAX, here = 0;
	for (uint64_t n = 0; n < VARIABLES_MAX; n += here) {
		raddr at = raddr_plus(list, n * sizeof(block[0]));
		here = read_some(&r, at, block, sizeof(block)) / sizeof(block[0]);
		for (size_t i = 0; i < here; i++) {
			if (!block[i] || ret->list.count == most)
				return NULL;
			struct error *err = take_one(&r, raddr_plus(at, i * sizeof(block[0])),
						     raddr_at(block[i]), ret);
			if (err)
				return err;
		}
		if (!here)
			break;
	}
	return NULL;
}
