/*
 * layout_code_allocator: variables that are compared with functions.
 *
 *	3.6 to 3.12   _PyObject.malloc == _PyMem_DebugMalloc  ?  debug.obj.alloc.malloc == _PyObject_Malloc
 *	                                                      :  _PyObject.malloc == _PyObject_Malloc
 *	3.13 on       debug hooks on ? debug.obj.alloc.malloc : _PyObject.malloc, each compared with
 *	              _PyObject_MiMalloc and with _PyObject_Malloc
 *
 * debug.obj.alloc starts as pymalloc wherever that is compiled in (but in free-threaded
 * builds: as mimalloc, so that these are left alone), debug.raw.alloc, two structs before
 * it, as malloc. Sources: Objects/obmalloc.c and pycore_runtime_init.h,
 * 3.6 to 3.15.
 */
#include "symbols/bare/layout_code_allocator.h"

#include "base/size.h"

#define VERSION_3_7    0x03070000u
#define VERSION_3_12   0x030c0000u
#define VERSION_3_13   0x030d0000u
#define VERSION_UNREAD 0x03100000u /* what its variables start with nobody has looked up */
#define MALLOC_OFFSET  8           /* of malloc in PyMemAllocatorEx */
#define DEBUG_API_SIZE 48          /* sizeof(debug_alloc_api_t), 3.7 on */
#define FUNCTIONS_MAX  2
#define ALLOCATOR_EX   40 /* sizeof(PyMemAllocatorEx) */

/* What was compared: bit v of function f's mask is set for variable v. */
struct compared {
	const struct elf_source *source;
	uint64_t variables[FUNCTIONS_MAX], functions[FUNCTIONS_MAX];
	unsigned masks[FUNCTIONS_MAX];
	size_t n_variables, n_functions;
	bool too_many;
};

/* The index of a number in a list of at most two, added if it is new. */
static size_t index_of(struct compared *c, uint64_t *list, size_t *count, uint64_t number)
{
	for (size_t i = 0; i < *count; i++)
		if (list[i] == number)
			return i;
	if (*count == FUNCTIONS_MAX) {
		c->too_many = true;
		return 0;
	}
	list[*count] = number;
	return (*count)++;
}

static bool is_code(const struct compared *c, uint64_t vaddr)
{
	const struct elf_segment *s = elf_source_segment(c->source, vaddr, 1);
	return s && s->executable;
}

static void note_compared(void *context, const struct code_event *event)
{
	struct compared *c = context;
	if (event->kind != CODE_COMPARE)
		return;
	for (unsigned i = 0; i < 2; i++) {
		const struct code_value *v = &event->values[i], *function = &event->values[!i];
		if (v->kind != CODE_VARIABLE || v->width != 8 || v->offset != 0 ||
		    function->kind != CODE_CONSTANT || !is_code(c, function->number))
			continue;
		size_t variable = index_of(c, c->variables, &c->n_variables, v->number);
		size_t at = index_of(c, c->functions, &c->n_functions, function->number);
		c->masks[at] |= 1U << variable;
	}
}

/* ---- conclusions --------------------------------------------------------------------- */

struct conclusion {
	uint64_t object_malloc;             /* address of _PyObject.malloc */
	uint64_t debug_malloc;              /* address of debug.obj.alloc.malloc; 0 none */
	uint64_t pymalloc, debug, mimalloc; /* functions; 0 unknown */
};

/* Whether a variable is known to start with another function than this. */
static bool starts_otherwise(const struct layout_code_request *request, uint64_t variable,
			     uint64_t function)
{
	uint64_t start;
	return request->is_file && elf_got_initial(request->source, variable, &start) &&
	       start != function;
}

/* One function is compared with both variables, the other with the first only. */
static bool conclude_3_6(const struct layout_code_request *request, const struct compared *c,
			 struct conclusion *ret)
{
	if (c->n_variables != 2 || c->n_functions != 2)
		return false;
	size_t pymalloc = c->masks[0] == 3 ? 0 : 1;
	unsigned other = c->masks[!pymalloc];
	if (c->masks[pymalloc] != 3 || (other != 1 && other != 2))
		return false;
	const struct conclusion found = {
		.object_malloc = c->variables[other - 1],
		.debug_malloc = c->variables[2 - other],
		.pymalloc = c->functions[pymalloc],
		.debug = c->functions[!pymalloc],
	};
	if (starts_otherwise(request, found.debug_malloc, found.pymalloc))
		return false;
	*ret = found;
	return true;
}

/* Two variables of one struct: _PyObject ends the standard allocators, and two debug allocators
 * stand between. */
static bool conclude_3_13(const struct layout_code_request *request, const struct compared *c,
			  struct conclusion *ret)
{
	const uint64_t distance = ALLOCATOR_EX + 2 * DEBUG_API_SIZE + 8;
	if (c->n_variables != 2 || c->n_functions == 0 || c->n_functions > 2)
		return false;
	uint64_t low = size_min(c->variables[0], c->variables[1]);
	uint64_t high = size_max(c->variables[0], c->variables[1]), start;
	if (high - low != distance || !request->is_file ||
	    !elf_got_initial(request->source, high, &start))
		return false;
	struct conclusion found = {.object_malloc = low, .debug_malloc = high};
	for (size_t i = 0; i < c->n_functions; i++) {
		if (c->masks[i] != 3)
			return false;
		if (c->functions[i] == start)
			found.pymalloc = start;
		else
			found.mimalloc = c->functions[i];
	}
	*ret = found;
	return found.pymalloc != 0;
}

static void put(struct layout *layout, enum layout_entry_id id, uint64_t offset, uint64_t width)
{
	if (!layout_has(layout, id) && offset != 0)
		layout->entries[id] =
			(struct layout_entry){offset, width, 1, width, PROVENANCE_SCANNED};
}

/* The struct PyMemAllocatorEx whose `malloc` stands at this address: from 3.12 on in _PyRuntime. */
static void put_allocator(struct layout *layout, uint32_t version_hex, uint64_t malloc_at)
{
	const struct layout_entry *runtime = &layout->entries[LAYOUT_RUNTIME];
	uint64_t at = malloc_at - MALLOC_OFFSET;
	if (runtime->provenance != PROVENANCE_ABSENT && at > runtime->offset &&
	    runtime->width >= ALLOCATOR_EX && at - runtime->offset <= runtime->width - ALLOCATOR_EX)
		put(layout, LAYOUT_RUNTIME_ALLOCATORS_OBJ, at - runtime->offset, ALLOCATOR_EX);
	else if (version_hex < VERSION_3_12)
		put(layout, LAYOUT_STATIC_ALLOCATOR_OBJ, at, ALLOCATOR_EX);
}

/* What debug.raw.alloc.malloc starts with: malloc's function. And _PyObject.malloc: in a pydebug
 * build the debug hook's, if it is not pymalloc. */
static void put_started(const struct layout_code_request *request, const struct compared *c,
			const struct conclusion *found, struct layout *layout)
{
	uint64_t raw, object;
	if (!request->is_file || found->debug_malloc < 2 * DEBUG_API_SIZE)
		return;
	if (elf_got_initial(request->source, found->debug_malloc - 2 * DEBUG_API_SIZE, &raw) &&
	    is_code(c, raw) && raw != found->pymalloc && raw != found->debug &&
	    raw != found->mimalloc)
		put(layout, LAYOUT_RAW_MALLOC, raw, 0);
	if (!found->debug && elf_got_initial(request->source, found->object_malloc, &object) &&
	    is_code(c, object) && object != found->pymalloc && object != found->mimalloc)
		put(layout, LAYOUT_DEBUG_MALLOC, object, 0);
}

void layout_code_fill_allocator(const struct layout_code_request *request,
				const struct code_reader *reader, struct layout *layout)
{
	struct compared c = {.source = request->source};
	struct conclusion found;
	uint64_t vaddr, size;
	const char *function = request->version_hex < VERSION_3_7 ? "_PyMem_PymallocEnabled"
								  : "_PyObject_DebugMallocStats";
	if (request->version_hex == 0 || request->version_hex >= VERSION_UNREAD ||
	    request->free_threaded ||
	    !elf_source_symbol(request->source, function, &vaddr, &size) ||
	    !code_walk(reader, vaddr, size, note_compared, &c) || c.too_many)
		return;
	bool concluded = request->version_hex < VERSION_3_13 ? conclude_3_6(request, &c, &found)
							     : conclude_3_13(request, &c, &found);
	if (!concluded)
		return;
	put_allocator(layout, request->version_hex, found.object_malloc);
	put(layout, LAYOUT_PYMALLOC_MALLOC, found.pymalloc, 0);
	put(layout, LAYOUT_DEBUG_MALLOC, found.debug, 0);
	put(layout, LAYOUT_MIMALLOC_MALLOC, found.mimalloc, 0);
	put_started(request, &c, &found, layout);
}
