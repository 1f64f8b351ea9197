/*
 * savefile_variables: one object behind the other.
 *
 *	┃ start │ bytes ┃ address │ size │ length │ name ┃ address │ … ┃ start │ …
 *	                └───────────── bytes ──────────────────────┘
 */
#include "inspector/target/savefile/savefile_variables.h"

#include "base/bytes.h"
#include "base/cleanup.h"

#include <string.h>

#define OBJECT_SIZE   12 /* where its image starts (8), bytes of its variables (4) */
#define VARIABLE_SIZE 20 /* link-time address (8), bytes (8), length of its name (4) */
#define NAME_MAX_SIZE 200

/* ---- writing -------------------------------------------------------------------------- */

static bool is_writable(const struct elf_image *image, uint64_t vaddr)
{
	for (size_t i = 0; i < image->n_segments; i++) {
		const struct elf_segment *s = &image->segments[i];
		if (s->writable && vaddr >= s->vaddr && vaddr - s->vaddr < s->memsz)
			return true;
	}
	return false;
}

static bool put_variable(struct savefile_buffer *to, const struct elf_variable *v, const char *name)
{
	size_t length = strnlen(name, NAME_MAX_SIZE);
	return savefile_put_number(to, v->vaddr, 8) && savefile_put_number(to, v->size, 8) &&
	       savefile_put_number(to, length, 4) && savefile_put_bytes(to, name, length);
}

bool savefile_put_variables(const struct elf_image *image, const struct elf_variables *variables,
			    struct savefile_buffer *to)
{
	const size_t object = to->count, first = object + OBJECT_SIZE;
	bool ok = savefile_put_number(to, image->start.value, 8) && savefile_put_number(to, 0, 4);
	for (size_t i = 0; ok && i < variables->list.count; i++) {
		const struct elf_variable *v = &variables->list.items[i];
		if (is_writable(image, v->vaddr))
			ok = put_variable(to, v, variables->names + v->name);
	}
	if (ok && to->count > first)
		(void)bytes_put(to->items, to->count, object + 8, 4, to->count - first);
	else
		to->count = object;
	return ok;
}

/* ---- reading -------------------------------------------------------------------------- */

static struct error *damaged(void)
{
	return error_new(ERROR_BAD_FILE, "the snapshot is damaged: its names of variables");
}

static struct error *get_object(struct bytes *b, size_t at, size_t end, struct elf_variables *v)
{
	v->names = malloc(end - at); /* of each variable less is kept than is stored */
	if (!v->names)
		return error_out_of_memory();
	for (uint64_t above = 0; at < end;) {
		uint64_t vaddr = bytes_u64(b, at), size = bytes_u64(b, at + 8);
		uint32_t length = bytes_u32(b, at + 16);
		if (end - at < VARIABLE_SIZE || length > end - at - VARIABLE_SIZE || vaddr < above)
			return damaged();
		struct elf_variable *variable = vec_push(&v->list);
		if (!variable)
			return error_out_of_memory();
		*variable = (struct elf_variable){vaddr, size, (uint32_t)v->names_size};
		memcpy(v->names + v->names_size, b->data + at + VARIABLE_SIZE, length);
		v->names_size += length;
		v->names[v->names_size++] = '\0';
		at += VARIABLE_SIZE + length;
		above = vaddr;
	}
	return NULL;
}

struct error *savefile_get_variables(const void *data, size_t size, raddr start,
				     struct elf_variables *ret)
{
	_cleanup_(elf_variables_fini) struct elf_variables v = ELF_VARIABLES_EMPTY;
	struct bytes b = bytes_of(data, size);
	struct error *err = NULL;
	for (size_t at = 0; at < size && !err && !v.names;) {
		raddr image = bytes_raddr(&b, at);
		uint32_t length = bytes_u32(&b, at + 8);
		at += OBJECT_SIZE;
		if (b.overrun || !length || length > size - at)
			return damaged();
		if (image.value == start.value)
			err = get_object(&b, at, at + length, &v);
		at += length;
	}
	if (err)
		return err;
	*ret = v;
	v = ELF_VARIABLES_EMPTY;
	return NULL;
}
