/*
 * code: the input is the code of a module, with a little data behind; the exported names all lead
 * into it. The walk ends within its steps, and what it finds makes a possible table.
 */
#include "symbols/code/code.h"

#include "base/size.h"
#include "fuzz.h"
#include "symbols/bare/layout_code.h"
#include "symbols/code/instruction.h"

#include <elf.h>

#define CODE       UINT64_C(0x10000)
#define DATA       UINT64_C(0x400000)
#define DATA_SIZE  UINT64_C(0x1000)
#define EVENTS_MAX 4000000

/* A dynamic table of its own: every question is answered by one symbol of the input's choice. */
struct module {
	const uint8_t *code;
	size_t size;
	uint64_t entry, function_size; /* where the symbol lies, and what it says of its size */
	size_t n_reads;
};

enum { DYNAMIC = 0x800, HASH = 0xa00, SYMBOLS = 0xb00, STRINGS = 0xc00 };

static const char *const names[] = {
	"PyInterpreterState_Head",    "PyInterpreterState_GetID",  "_Py_GetAllocatedBlocks",
	"_PyObject_DebugMallocStats", "_PyFloat_DebugMallocStats", "_PyTuple_DebugMallocStats",
	"_PyMem_PymallocEnabled",     "PyTuple_ClearFreeList",
};

/* The last page of the data holds the table: one hash bucket, one symbol. */
static void put_table(const struct module *m, const char *name, uint8_t page[DATA_SIZE])
{
	const Elf64_Dyn dynamic[] = {
		{DT_HASH, {DATA + HASH}},
		{DT_SYMTAB, {DATA + SYMBOLS}},
		{DT_STRTAB, {DATA + STRINGS}},
		{DT_STRSZ, {64}},
		{DT_RELA, {DATA}},
		{DT_RELASZ, {512}},
		{DT_NULL, {0}},
	};
	const uint32_t hash[] = {1, 2, 1, 0, 0};
	const Elf64_Sym symbols[] = {
		{0},
		{.st_name = 1,
		 .st_info = STT_FUNC,
		 .st_shndx = 1,
		 .st_value = m->entry,
		 .st_size = m->function_size},
	};
	memcpy(page + DYNAMIC, dynamic, sizeof(dynamic));
	memcpy(page + HASH, hash, sizeof(hash));
	memcpy(page + SYMBOLS, symbols, sizeof(symbols));
	memcpy(page + STRINGS + 1, name, strlen(name) + 1);
}

struct input {
	struct module module;
	uint8_t data[DATA_SIZE];
};

static struct error *read_module(void *context, raddr at, void *buffer, size_t size)
{
	struct input *in = context;
	const struct module *m = &in->module;
	assert(++in->module.n_reads < 1000000);
	if (at.value >= DATA && at.value - DATA <= DATA_SIZE &&
	    size <= DATA_SIZE - (at.value - DATA)) {
		memcpy(buffer, in->data + (at.value - DATA), size);
		return NULL;
	}
	if (at.value < CODE || at.value - CODE > m->size || size > m->size - (at.value - CODE))
		return error_new(ERROR_FAULT, "nothing there");
	if (size)
		memcpy(buffer, m->code + (at.value - CODE), size);
	return NULL;
}

static void count(void *context, const struct code_event *event)
{
	size_t *n = context;
	assert(++*n < EVENTS_MAX && event->kind <= CODE_RETURN);
}

static void check_lengths(const struct fuzz *f)
{
	struct instruction i;
	for (size_t at = 0; at < f->size; at++)
		if (instruction_decode(f->data + at, f->size - at, &i))
			assert(i.length > 0 && i.length <= INSTRUCTION_SIZE_MAX &&
			       i.length <= f->size - at);
}

static void check_table(const struct elf_source *s, uint32_t version)
{
	const struct layout_code_request request = {s, true, version, false};
	struct layout layout = {0};
	layout.entries[LAYOUT_RUNTIME] =
		(struct layout_entry){DATA + 256, 512, 1, 512, PROVENANCE_DYNSYM};
	layout_code_fill(&request, &layout);
	for (unsigned id = 0; id < LAYOUT_COUNT; id++) {
		const struct layout_entry *e = &layout.entries[id];
		bool is_variable = layout_kind(id) == LAYOUT_KIND_OBJECT &&
				   e->provenance == PROVENANCE_SCANNED;
		assert(!is_variable || elf_source_segment(s, e->offset, e->width));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t versions[] = {0x020712f0, 0x03060ff0, 0x030812f0, 0x030a0df0,
					    0x030b02f0, 0x030c01f0, 0x030e0af0, 0};
	struct fuzz f = {data, size};
	static struct input in;
	uint64_t choice = fuzz_number(&f, 1), entry = fuzz_number(&f, 2);
	size_t n = 0;
	memset(in.data, 0, sizeof(in.data));
	memcpy(in.data, f.data, size_min(f.size, 1024));
	in.module = (struct module){
		.code = f.data,
		.size = f.size,
		.entry = CODE + (f.size ? entry % f.size : 0),
		.function_size = choice & 0x40 ? f.size : 0,
	};
	put_table(&in.module, names[choice % ARRAY_SIZE(names)], in.data);
	const struct elf_image image = {
		.n_segments = 2,
		.segments = {{.vaddr = CODE, .memsz = f.size, .filesz = f.size, .executable = true},
			     {.vaddr = DATA,
			      .memsz = DATA_SIZE,
			      .filesz = DATA_SIZE,
			      .writable = true}},
		.dynamic_vaddr = DATA + DYNAMIC,
		.dynamic_size = 256,
	};
	const struct elf_source s = {read_module, &in, &image};
	struct code_reader reader;
	check_lengths(&f);
	code_reader_init(&reader, &s);
	(void)code_walk(&reader, in.module.entry, choice & 0x80 ? f.size / 2 : 0, count, &n);
	code_reader_fini(&reader);
	check_table(&s, versions[choice >> 3 & 7]);
	return 0;
}
