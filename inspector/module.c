/*
 * module: walks the mapped files once.
 *
 *	maps	exe ── ld.so ── libpython3.12.so ── libc …
 *	         │                 │
 *	         └ undefined       └ .dynsym defines _PyRuntime: this one
 *
 * Only a region that maps a file's start can begin an object; its dynamic symbols
 * are read from memory, so a deleted or replaced file is no obstacle.
 */
#include "inspector/module.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OBJECTS_MAX 65536 /* Linux allows no more mappings (vm.max_map_count) unless told to */

/* Reads memory, and remembers whether something was not there to be read. */
struct memory {
	struct space *space;
	bool fault;
};

static struct error *read_memory(void *context, raddr at, void *buffer, size_t size)
{
	struct memory *memory = context;
	struct error *err = space_read(memory->space, at, buffer, size);
	memory->fault |= err && err->kind == ERROR_FAULT;
	return err;
}

static bool begins_object(const struct region *region)
{
	return region->kind == REGION_FILE && region->file_offset == 0 && region->readable &&
	       region->label;
}

/* All regions of a file may take their non-resident pages from it. */
static struct error *back_regions(struct space *space, const struct region *first, int fd)
{
	for (size_t i = 0; i < space->regions.count; i++) {
		const struct region *region = &space->regions.items[i];
		if (region->kind != REGION_FILE || region->inode != first->inode ||
		    region->device != first->device)
			continue;
		struct error *err = space_back(space, region, fd);
		if (err)
			return err;
	}
	return NULL;
}

/*
 * The file that the kernel itself says is mapped there. Some file systems (btrfs) have one device
 * number for maps and another for stat; a link in map_files is never wrong.
 */
static bool accept_inode(void *context, int fd, const char *candidate)
{
	const struct region *region = context;
	struct stat status;
	if (fstat(fd, &status) != 0 || status.st_ino != region->inode)
		return false;
	return status.st_dev == region->device || strstr(candidate, "/map_files/");
}

static struct error *read_file(void *context, raddr at, void *buffer, size_t size)
{
	ssize_t n = pread(*(int *)context, buffer, size, (off_t)at.value);
	if (n == (ssize_t)size)
		return NULL;
	return error_new(ERROR_FAULT, "file ends at " RADDR_FORMAT, at.value);
}

/*
 * The file as if mapped at 0: its first segment, where the headers and the
 * build-id note lie, then has file offsets as addresses.
 */
static struct error *read_candidate(int fd, struct elf_image *ret)
{
	return elf_image_read(read_file, &fd, RADDR_NULL, ret);
}

/* For what a file tells of its mapped files: names only, so nothing but the build-id counts. */
static bool accept_same_build(void *context, int fd, const char *candidate)
{
	const struct elf_image *mapped = context;
	struct elf_image image = {0};
	(void)candidate;
	struct error *err = read_candidate(fd, &image);
	bool same = !err && build_id_equal(&image.build_id, &mapped->build_id);
	error_free(err);
	return same;
}

struct error *module_open_object(const struct origin *origin, const struct region *region,
				 const struct elf_image *image, int *ret)
{
	struct region key = *region;
	struct elf_image mapped = *image;
	if (origin_process(origin))
		return origin_open_file(origin, region, accept_inode, &key, ret);
	if (mapped.build_id.size)
		return origin_open_file(origin, region, accept_same_build, &mapped, ret);
	*ret = -1; /* nothing to compare with */
	return NULL;
}

struct error *module_variables(const struct origin *origin, const struct region *region,
			       const struct elf_image *image, struct elf_variables *ret)
{
	_cleanup_(close_fd) int fd = -1;
	if (origin->ops->variables)
		return origin->ops->variables(origin->source, image->start, ret);
	struct error *err = module_open_object(origin, region, image, &fd);
	if (err || fd < 0) {
		*ret = ELF_VARIABLES_EMPTY;
		return err;
	}
	return elf_variables_read(fd, ret);
}

/* Lets pages of the region's object that are not resident be taken from its file. */
static struct error *back_object(const struct origin *origin, struct space *space,
				 const struct region *region, const struct elf_image *image,
				 bool *ret_backed)
{
	_cleanup_(close_fd) int fd = -1;
	struct error *err = module_open_object(origin, region, image, &fd);
	if (err || fd < 0)
		return err;
	*ret_backed = true;
	return back_regions(space, region, fd);
}

struct error *module_back(const struct origin *origin, struct space *space,
			  const struct region *region)
{
	bool backed;
	const struct elf_image unread = {0}; /* a process tells its files by inode */
	return back_object(origin, space, region, &unread, &backed);
}

static struct error *read_image(struct space *space, raddr start, struct elf_image *ret,
				bool *ret_python, bool *ret_fault)
{
	struct memory memory = {.space = space};
	struct error *err = elf_image_read(read_memory, &memory, start, ret);
	*ret_python = !err && elf_image_defines_python(read_memory, &memory, ret);
	*ret_fault = memory.fault;
	if (err && err->kind == ERROR_GONE)
		return err;
	error_free(err);
	return NULL;
}

struct error *module_back_all(const struct origin *origin, struct space *space)
{
	long left = sysconf(_SC_OPEN_MAX) / 2;
	struct error *err = NULL;
	for (size_t i = 0; i < space->regions.count && left > 0 && !err; i++) {
		const struct region *region = &space->regions.items[i];
		struct memory memory = {.space = space};
		struct elf_image image = {0};
		bool backed = false;
		if (!begins_object(region) || region->shared)
			continue;
		err = elf_image_read(read_memory, &memory, region->start, &image);
		if (err && err->kind != ERROR_GONE) {
			error_free(take(err)); /* it is no object */
			continue;
		}
		err = err ?: back_object(origin, space, region, &image, &backed);
		left -= backed;
	}
	return err;
}

/*
 * Whether the object at region defines a runtime. Its symbol table may lie on
 * pages that are not resident and must not be made so: then its file is asked. *ret_fault: nor
 * could that tell.
 */
static struct error *examine(const struct origin *origin, struct space *space,
			     const struct region *region, struct elf_image *ret, bool *ret_python,
			     bool *ret_fault)
{
	bool backed = false;
	struct error *err = read_image(space, region->start, ret, ret_python, ret_fault);
	if (err || *ret_python || !*ret_fault)
		return err;
	err = back_object(origin, space, region, ret, &backed);
	if (err || !backed)
		return err;
	return read_image(space, region->start, ret, ret_python, ret_fault);
}

/* What may be the interpreter, and neither memory nor a file could tell. */
static struct error *note_unseen(struct module *m, const struct region *region)
{
	m->n_unseen++;
	if (m->unseen && (strstr(m->unseen, "python") || !strstr(region->label, "python")))
		return NULL;
	free(m->unseen);
	m->unseen = strdup(region->label);
	return m->unseen ? NULL : error_out_of_memory();
}

/* Keeps every object that defines a runtime. */
static struct error *look_at(const struct origin *origin, struct space *space,
			     const struct region *region, struct strangers *strangers,
			     struct module *m)
{
	struct elf_image image = {0};
	bool python = false, fault = false;
	struct error *err = examine(origin, space, region, &image, &python, &fault);
	if (!err && !python && !fault && origin_process(origin))
		strangers_add(strangers, region); /* a file is looked at once */
	if (!err && !python && fault)
		return note_unseen(m, region);
	if (err || !python)
		return err;
	char *path = strdup(region->label);
	struct candidate *found = path ? vec_push(&m->candidates.list) : NULL;
	if (!found) {
		free(path);
		return error_out_of_memory();
	}
	*found = (struct candidate){image, path, region->deleted, RUNTIME_USE_UNKNOWN};
	return NULL;
}

/* Takes one of the candidates for the module. Only where there are several its use matters. */
static struct error *settle_on(struct space *space, const char *wanted, struct module *m)
{
	struct memory memory = {space, false};
	size_t n = m->candidates.list.count;
	for (size_t i = 0; n > 1 && i < n; i++) {
		struct candidate *one = &m->candidates.list.items[i];
		one->use = candidate_use(read_memory, &memory, &one->image);
	}
	struct error *err = candidates_choose(&m->candidates, wanted, &m->chosen);
	if (err)
		return err;
	const struct candidate *chosen = &m->candidates.list.items[m->chosen];
	m->path = strdup(chosen->path);
	if (!m->path)
		return error_out_of_memory();
	m->image = chosen->image;
	m->deleted = chosen->deleted;
	return NULL;
}

/* ---- which objects there are ------------------------------------------------------- */

struct objects {
	VEC(const struct region *) list;
};

static void objects_fini(struct objects *objects)
{
	vec_fini(&objects->list);
}

static int by_file(const void *a, const void *b)
{
	const struct region *x = *(const struct region *const *)a;
	const struct region *y = *(const struct region *const *)b;
	if (x->inode != y->inode)
		return x->inode < y->inode ? -1 : 1;
	if (x->device != y->device)
		return x->device < y->device ? -1 : 1;
	return raddr_compare(x->start, y->start);
}

static int by_start(const void *a, const void *b)
{
	return raddr_compare((*(const struct region *const *)a)->start,
			     (*(const struct region *const *)b)->start);
}

/* The first region of every object, ascending. One object is mapped piecewise, and its first page
 * sometimes twice: it counts once. */
static struct error *list_objects(const struct space *space, struct objects *ret)
{
	size_t kept = 0;
	for (size_t i = 0; i < space->regions.count; i++) {
		if (!begins_object(&space->regions.items[i]))
			continue;
		const struct region **place = vec_push(&ret->list);
		if (!place)
			return error_out_of_memory();
		*place = &space->regions.items[i];
	}
	const struct region **items = ret->list.items;
	if (ret->list.count < 2)
		return NULL;
	qsort(items, ret->list.count, sizeof(const struct region *), by_file);
	for (size_t i = 0; i < ret->list.count; i++) {
		if (i == 0 || items[i]->inode != items[kept - 1]->inode ||
		    items[i]->device != items[kept - 1]->device)
			items[kept++] = items[i];
	}
	ret->list.count = kept;
	qsort(items, kept, sizeof(const struct region *), by_start);
	return NULL;
}

/* Fills image and path. */
static struct error *locate(const struct origin *origin, struct space *space,
			    struct strangers *strangers, const char *wanted, struct module *ret)
{
	*ret = (struct module){.file = -1};
	_cleanup_(objects_fini) struct objects objects = {VEC_EMPTY};
	struct error *err = list_objects(space, &objects);
	for (size_t i = 0; !err && i < objects.list.count && i < OBJECTS_MAX; i++) {
		if (!strangers_have(strangers, objects.list.items[i]))
			err = look_at(origin, space, objects.list.items[i], strangers, ret);
	}
	if (err)
		return err;
	if (ret->candidates.list.count)
		return settle_on(space, wanted, ret);
	err = error_new(ERROR_UNSUPPORTED, "not a CPython process: no mapped object "
					   "defines the Python runtime");
	return error_remedy(err, "arenascope ps lists the CPython processes of this machine");
}

/* ---- its file ---------------------------------------------------------------------- */

struct opening {
	struct module *module;
	bool is_process;
};

static void note_trial(struct module *m, const char *path, bool used, const char *result)
{
	struct module_trial *trial = vec_push(&m->trials);
	if (!trial)
		return;
	trial->path = strdup(path);
	trial->result = strdup(result);
	trial->used = used;
}

/* Without a build-id to compare: a process's own file is right, a file somewhere may be any. */
static bool accept_unverified(struct opening *o, const char *candidate)
{
	bool trusted = o->is_process || o->module->by_hand;
	note_trial(o->module, candidate, trusted,
		   trusted ? "used, unverified: the object has no build-id"
			   : "refused: the object has no build-id to compare");
	return trusted;
}

static bool accept_build(void *context, int fd, const char *candidate)
{
	struct opening *o = context;
	struct module *m = o->module;
	struct elf_image image = {0};
	struct error *err = read_candidate(fd, &image);
	if (err) {
		note_trial(m, candidate, false, err->cause);
		error_free(err);
		return false;
	}
	if (m->image.build_id.size == 0)
		return accept_unverified(o, candidate);
	if (build_id_equal(&image.build_id, &m->image.build_id) && m->by_hand) {
		note_trial(m, candidate, true, "used, unverified: the core lacks its build-id");
		return true;
	}
	if (build_id_equal(&image.build_id, &m->image.build_id)) {
		m->verified = true;
		note_trial(m, candidate, true, "used, its build-id is the one in memory");
		return true;
	}
	char hex[2 * BUILD_ID_MAX + 1];
	build_id_hex(&image.build_id, hex);
	_cleanup_(text_fini) struct text result = TEXT_EMPTY;
	text_addf(&result, "refused, it is of another build (build-id %s)", *hex ? hex : "missing");
	note_trial(m, candidate, false, text_string(&result));
	return false;
}

/* Opens the located module's file. Not finding one is no error: file stays -1. */
static struct error *open_file(const struct origin *origin, struct space *space,
			       struct module *module)
{
	const struct region *region = space_region(space, module->image.start);
	if (!region)
		return error_new(ERROR_GONE, "%s was unmapped meanwhile", module->path);
	struct opening opening = {module, origin_process(origin)};
	module->by_hand = region->unverified;
	struct error *err = origin_open_file(origin, region, accept_build, &opening, &module->file);
	if (err || module->file < 0)
		return err;
	return back_regions(space, region, module->file);
}

struct error *module_find(const struct origin *origin, struct space *space,
			  struct strangers *strangers, const char *wanted, struct module *ret)
{
	struct error *err = locate(origin, space, strangers, wanted, ret);
	return err ? err : open_file(origin, space, ret);
}

void module_fini(struct module *module)
{
	free(module->path);
	free(module->unseen);
	close_fd(&module->file);
	module->file = -1;
	for (size_t i = 0; i < module->trials.count; i++) {
		free(module->trials.items[i].path);
		free(module->trials.items[i].result);
	}
	vec_fini(&module->trials);
	candidates_fini(&module->candidates);
	module->path = module->unseen = NULL;
}
