/*
 * objects: mappings of one file belong together; its program headers say how far its variables go.
 *
 *	file       [ r ][ x ][ r ][ r relro ][ rw ]
 *	memory     [ r ][ x ][ r ][ r relro ][ rw ][ anonymous ········ ]
 *	segment                   └── p_filesz ───┘└ .bss ┘ p_memsz       what is behind is another's
 */
#include "inspector/ledger/objects.h"

#include "base/size.h"
#include "inspector/ledger/mapping.h"

#define PAGE UINT64_C(4096)

/* ---- which files ----------------------------------------------------------------------- */

static bool is_same_file(const struct region *r, uint64_t device, uint64_t inode)
{
	return r->kind == REGION_FILE && r->device == device && r->inode == inode;
}

const struct object *objects_of(const struct objects *objects, const struct region *region)
{
	for (size_t i = 0; i < objects->list.count && region->kind == REGION_FILE; i++) {
		const struct object *o = &objects->list.items[i];
		if (is_same_file(region, o->device, o->inode))
			return o;
	}
	return NULL;
}

static struct error *find_files(const struct space *space, struct objects *ret)
{
	for (size_t i = 0; i < space->regions.count; i++) {
		const struct region *r = &space->regions.items[i];
		bool of_object = r->kind == REGION_FILE && r->executable && r->label &&
				 !mapping_is_shared_memory(r) && !mapping_is_device(r);
		if (!of_object || objects_of(ret, r))
			continue;
		struct object *object = vec_push(&ret->list);
		if (!object)
			return error_out_of_memory();
		*object = (struct object){r->device, r->inode, r->label};
	}
	return NULL;
}

/* ---- their variables --------------------------------------------------------------------- */

static struct error *read_space(void *context, raddr at, void *buffer, size_t size)
{
	return space_read(context, at, buffer, size);
}

/* The mapping of the file's start that region i belongs to, or NULL. */
static const struct region *head_of(const struct space *space, size_t i)
{
	const struct region *r = &space->regions.items[i];
	for (size_t k = i + 1; k-- > 0;) {
		const struct region *head = &space->regions.items[k];
		if (is_same_file(head, r->device, r->inode) && head->file_offset == 0)
			return head;
	}
	return NULL;
}

/* Where the variables end that begin in region i: the segment's end, else that of what follows. */
static raddr data_end(struct space *space, size_t i, raddr most)
{
	const struct region *r = &space->regions.items[i], *head = head_of(space, i);
	struct elf_image image;
	struct error *err = head ? elf_image_read(read_space, space, head->start, &image) : NULL;
	bool known = head && !err;
	error_free(err);
	for (size_t k = 0; known && k < image.n_segments; k++) {
		const struct elf_segment *s = &image.segments[k];
		uint64_t start = (image.bias + s->vaddr) & ~(PAGE - 1);
		uint64_t end = size_align_up(image.bias + s->vaddr + s->memsz, PAGE);
		if (s->writable && r->start.value >= start && r->start.value < end)
			return raddr_at(
				size_min(size_max(end, r->start.value + r->size), most.value));
	}
	return most;
}

static bool follows(const struct space *space, size_t i)
{
	const struct region *r = &space->regions.items[i], *next = r + 1;
	return i + 1 < space->regions.count && next->kind == REGION_ANON && next->writable &&
	       raddr_equal(next->start, raddr_plus(r->start, r->size));
}

static struct error *add_data(struct objects *ret, size_t object, raddr start, uint64_t size)
{
	struct object_data *data = vec_push(&ret->data);
	if (!data)
		return error_out_of_memory();
	*data = (struct object_data){object, start, size};
	return NULL;
}

static struct error *find_data(struct space *space, size_t i, struct objects *ret,
			       struct extents *extents)
{
	const struct region *r = &space->regions.items[i], *next = r + 1;
	const struct object *object = objects_of(ret, r);
	if (!object || !r->writable || r->shared)
		return NULL;
	size_t index = (size_t)(object - ret->list.items);
	struct error *err = add_data(ret, index, r->start, r->size);
	if (err || !follows(space, i))
		return err;
	raddr end = data_end(space, i, raddr_plus(next->start, next->size));
	uint64_t size = raddr_distance(next->start, end);
	if (!size)
		return NULL;
	err = add_data(ret, index, next->start, size);
	return err ?: extents_add(extents, next->start, size, LEAF_ANON_BSS, object->path);
}

/* First, so that it wins over the .bss that is part of it. */
static struct error *add_runtime(const struct space *space, const struct elf_image *image,
				 struct extents *extents)
{
	for (size_t i = 0; image && i < image->n_segments; i++) {
		const struct elf_segment *s = &image->segments[i];
		raddr start = raddr_align_down(raddr_at(image->bias + s->vaddr), PAGE);
		raddr end = raddr_align_up(raddr_at(image->bias + s->vaddr + s->memsz), PAGE);
		const struct region *r = space_region(space, start);
		if (!s->writable || !r)
			continue;
		struct error *err = extents_add(extents, start, raddr_distance(start, end),
						LEAF_PYTHON_STATIC, r->label);
		if (err)
			return err;
	}
	return NULL;
}

struct error *objects_find(struct space *space, const struct elf_image *runtime,
			   struct objects *ret, struct extents *extents)
{
	struct error *err = find_files(space, ret);
	err = err ?: add_runtime(space, runtime, extents);
	for (size_t i = 0; i < space->regions.count && !err; i++)
		err = find_data(space, i, ret, extents);
	return err;
}

void objects_fini(struct objects *objects)
{
	vec_fini(&objects->list);
	vec_fini(&objects->data);
}
