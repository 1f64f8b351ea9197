/*
 * data: variables of programs and libraries, named by file and place.
 *
 *	file       [ … ][ rw ]
 *	memory     [ … ][ rw ][ anonymous: .bss ]
 *	             0x4a10 ─▷ Session		_foo.so: cache, where its symbols name that place
 *						_foo.so+0x4a10, where not: as nm and objdump number it
 *
 * Static types lie there, too: what they hold is told by their names. A file is opened for its symbols when the first
 * of its words leads somewhere.
 */
#include "base/cleanup.h"
#include "inspector/holders/roots/gather.h"
#include "inspector/look/look.h"
#include "inspector/object/word.h"
#include "symbols/elf/elf_variables.h"

#include <string.h>

#define PAGE          UINT64_C(4096)
#define NAME_SIZE_MAX 200
#define READ_MAX      (256 * MIB) /* of variables, all files together */
#define HEX_3_10      0x030a0000

struct range {
	uint64_t start, end;
};

struct data {
	struct gather *g;
	VEC(struct range) known; /* static types and interpreters, ascending: told already */
	uint64_t left;           /* bytes that may still be read */
	/* The file at hand. */
	const char *file;          /* its name without folders; foreign */
	const struct region *head; /* that maps its start */
	struct elf_image image;
	struct elf_variables variables;
	bool asked;       /* for its symbols */
	const char *last; /* the symbol that the last root is named by */
	size_t next;      /* in known */
};

/* ---- what is told by another name -------------------------------------------------------- */

static struct error *add_known(struct data *d, raddr at, uint64_t size)
{
	struct range *range = size ? vec_push(&d->known) : NULL;
	if (!range)
		return size ? error_out_of_memory() : NULL;
	*range = (struct range){at.value, raddr_plus(at, size).value};
	return NULL;
}

static struct error *add_type(struct data *d, const struct type *type)
{
	_cleanup_(text_fini) struct text name = TEXT_EMPTY;
	uint64_t size = d->g->types->shapes->type.size;
	text_addf(&name, "class %s", type->name ? type->name : "?");
	if (name.failed)
		return error_out_of_memory();
	struct error *err = gather_add(d->g,
				       (struct root){.phase = ROOT_STATIC,
						     .kind = HOLDER_STATIC,
						     .at = type->at,
						     .size = size,
						     .from = type->at},
				       text_string(&name));
	return err ?: add_known(d, type->at, size);
}

static int by_start(const void *a, const void *b)
{
	const struct range *x = a, *y = b;
	return (x->start > y->start) - (x->start < y->start);
}

static struct error *find_known(struct data *d)
{
	const struct look *look = d->g->request->look;
	uint64_t size = layout_width(&d->g->request->subject->build.layout, LAYOUT_INTERP_SIZE);
	struct error *err = NULL;
	for (uint32_t i = 0; i < d->g->types->types.count && !err; i++) {
		const struct type type = *gather_type(d->g, i);
		if (!type.heap)
			err = add_type(d, &type);
	}
	for (size_t i = 0; i < look->runtime.interpreters.count && !err; i++)
		err = add_known(d, look->runtime.interpreters.items[i].address, size);
	if (!err && d->known.count)
		qsort(d->known.items, d->known.count, sizeof(*d->known.items), by_start);
	return err;
}

/* Addresses are asked for in ascending order within one mapping. */
static bool is_known(struct data *d, uint64_t at)
{
	while (d->next < d->known.count && d->known.items[d->next].end <= at)
		d->next++;
	return d->next < d->known.count && d->known.items[d->next].start <= at;
}

/* ---- a file's words ---------------------------------------------------------------------- */

static struct error *ask_symbols(struct data *d)
{
	if (d->asked)
		return NULL;
	d->asked = true;
	return module_variables(&d->g->request->subject->origin, d->head, &d->image, &d->variables);
}

/* Up to 3.9 the interpreter has among its own variables what it has in its state later on. */
static bool has_free_lists(const struct data *d)
{
	return d->image.bias == d->g->request->subject->module.image.bias &&
	       d->g->types->shapes->version_hex < HEX_3_10;
}

/* In a free list are dead objects, and keys of dicts whose count is 0: what lives is an old word behind its end. */
static bool is_left_over(const struct data *d, enum gather_what what, uint64_t word,
			 const char *symbol, size_t length)
{
	static const char name[] = "free_list";
	if (!has_free_lists(d) || !symbol || !memmem(symbol, length, name, sizeof(name) - 1))
		return false;
	return what == GATHER_OBJECT ||
	       (what == GATHER_BUFFER && word_at(d->g->types, raddr_at(word), 0));
}

static struct error *add_named(struct data *d, uint64_t at, uint64_t word, const char *name)
{
	return gather_add(d->g,
			  (struct root){.phase = ROOT_STATIC,
					.kind = HOLDER_STATIC,
					.at = raddr_at(word),
					.from = raddr_at(at)},
			  name);
}

static struct error *add_word(struct data *d, uint64_t at, uint64_t word)
{
	_cleanup_(text_fini) struct text name = TEXT_EMPTY;
	uint64_t vaddr = at - d->image.bias;
	uint32_t type = TYPE_NONE;
	size_t length = 0;
	enum gather_what what = gather_target(d->g, word, &type);
	if (what == GATHER_NOTHING || is_known(d, at))
		return NULL;
	if (what == GATHER_OBJECT && type_table_get(d->g->types, type)->kind == TYPE_DICT &&
	    gather_is_interned(d->g, raddr_at(word))) {
		d->last = NULL;
		text_addf(&name, "%s: interned strings", d->file);
		return name.failed ? error_out_of_memory()
				   : add_named(d, at, word, text_string(&name));
	}
	struct error *err = ask_symbols(d);
	if (err)
		return err;
	const char *symbol = elf_variables_find(&d->variables, vaddr, &length);
	if (is_left_over(d, what, word, symbol, length))
		return NULL;
	if (symbol && symbol == d->last)
		return add_named(d, at, word, NULL);
	d->last = symbol;
	if (symbol)
		text_addf(&name, "%s: %.*s", d->file, (int)size_min(length, NAME_SIZE_MAX), symbol);
	else
		text_addf(&name, "%s+0x%" PRIx64, d->file, vaddr);
	if (name.failed)
		return error_out_of_memory();
	return add_named(d, at, word, text_string(&name));
}

static struct error *add_words(struct data *d, raddr start, uint64_t size)
{
	struct burst *burst = d->g->request->ground->burst;
	struct error *err = NULL;
	d->next = 0;
	size = size_min(size, d->left);
	d->left -= size;
	for (uint64_t done = 0; done < size && !err; done += PAGE) {
		raddr page = raddr_plus(start, done);
		uint64_t words[PAGE / 8];
		const uint8_t *bytes = burst_bytes(burst, page, PAGE);
		if (!bytes)
			continue;
		memcpy(words, bytes, PAGE); /* a window is gone with the next look at memory */
		for (size_t i = 0; i < PAGE / 8 && !err; i++) {
			if (words[i] >= PAGE)
				err = add_word(d, page.value + i * 8, words[i]);
		}
	}
	return err;
}

/* ---- which files ------------------------------------------------------------------------- */

static struct error *read_burst(void *context, raddr at, void *buffer, size_t size)
{
	const uint8_t *bytes = burst_bytes(context, at, size);
	if (!bytes)
		return error_new(ERROR_FAULT, "nothing can be read at " RADDR_FORMAT, at.value);
	memcpy(buffer, bytes, size);
	return NULL;
}

/* The first mapping of the file that region i belongs to, which begins with its head. */
static const struct region *head_of(const struct space *space, size_t i)
{
	const struct region *r = &space->regions.items[i];
	for (size_t k = i + 1; k-- > 0;) {
		const struct region *head = &space->regions.items[k];
		if (head->kind == REGION_FILE && head->device == r->device &&
		    head->inode == r->inode && head->file_offset == 0)
			return head;
	}
	return NULL;
}

/* Where the segment that begins in region r ends; the region's own end where the file does not tell. */
static raddr segment_end(const struct elf_image *image, const struct region *r)
{
	for (size_t k = 0; k < image->n_segments; k++) {
		const struct elf_segment *s = &image->segments[k];
		uint64_t start = (image->bias + s->vaddr) & ~(PAGE - 1);
		uint64_t end = size_align_up(image->bias + s->vaddr + s->memsz, PAGE);
		if (s->writable && r->start.value >= start && r->start.value < end)
			return raddr_at(size_max(end, r->start.value + r->size));
	}
	return raddr_plus(r->start, r->size);
}

/* Of region r, and of the zeroed variables behind it. */
static struct error *add_variables(struct data *d, const struct region *r)
{
	raddr end = segment_end(&d->image, r), next = raddr_plus(r->start, r->size);
	const struct region *bss = space_region(d->g->request->ground->space, next);
	struct error *err = add_words(d, r->start, r->size);
	if (err || !bss || bss->kind != REGION_ANON || !bss->writable)
		return err;
	raddr bss_end = raddr_plus(bss->start, bss->size);
	return add_words(d, next,
			 size_min(raddr_distance(next, end), raddr_distance(next, bss_end)));
}

/* Makes the file of region i the one at hand, unless it is. False: it is none with variables. */
static bool take_file(struct data *d, size_t i)
{
	const struct space *space = d->g->request->ground->space;
	const struct region *r = &space->regions.items[i], *head;
	if (r->kind != REGION_FILE || !r->writable || r->shared || !r->label)
		return false;
	head = head_of(space, i);
	if (!head || head == d->head)
		return head;
	struct error *err =
		elf_image_read(read_burst, d->g->request->ground->burst, head->start, &d->image);
	bool is_object = !err;
	error_free(err); /* a file that is mapped for what is in it */
	elf_variables_fini(&d->variables);
	const char *slash = strrchr(r->label, '/');
	d->file = slash ? slash + 1 : r->label;
	d->head = is_object ? head : NULL;
	d->asked = false;
	d->last = NULL;
	return is_object;
}

static void data_fini(struct data *d)
{
	vec_fini(&d->known);
	elf_variables_fini(&d->variables);
}

struct error *gather_data(struct gather *g)
{
	const struct space *space = g->request->ground->space;
	_cleanup_(data_fini) struct data d = {
		.g = g, .known = VEC_EMPTY, .left = READ_MAX, .variables = ELF_VARIABLES_EMPTY};
	struct error *err = find_known(&d);
	for (size_t i = 0; i < space->regions.count && !err; i++) {
		if (take_file(&d, i))
			err = add_variables(&d, &space->regions.items[i]);
	}
	return err;
}
