/*
 * layout_code: each question is a function to walk and a pattern of what is met:
 *
 *	PyInterpreterState_Head         returns a variable            ─▶ that is the list's head
 *	PyInterpreterState_GetID        returns a member of its argument
 *	_PyObject_DebugMallocStats      calls f("# arenas highwater mark", variable)
 *	_PyFloat_DebugMallocStats       calls f("free PyFloatObject", variable or member, sizeof)
 *
 * What a label stands beside is sure whatever the compiler did to the rest. Answers are
 * gathered as a set: two different ones are none.
 */
#include "symbols/bare/layout_code.h"

#include "base/size.h"
#include "symbols/bare/layout_code_allocator.h"
#include "symbols/code/code.h"

#include <string.h>

#define VERSION_3_7   0x03070000u
#define VERSION_3_9   0x03090000u
#define VERSION_3_10  0x030a0000u
#define VERSION_3_11  0x030b0000u
#define VERSION_3_12  0x030c0000u
#define LABEL_MAX     40
#define MEMBER_MAX    (16 * MIB)
#define TUPLE_LISTS   20 /* PyTuple_MAXSAVESIZE, 2.7 to 3.12 */
#define TSTATE_INTERP 16 /* offsetof(PyThreadState, interp), 3.8 to 3.12 */

/* A set that remembers one number, and whether there was another. */
struct answer {
	bool given, twice;
	uint64_t number;
};

static void answer_add(struct answer *a, uint64_t number)
{
	a->twice |= a->given && a->number != number;
	a->number = number;
	a->given = true;
}

static bool answer_only(const struct answer *a)
{
	return a->given && !a->twice;
}

struct finder {
	const struct layout_code_request *request;
	struct code_reader reader;
	struct layout *layout;
};

/* ---- the table ----------------------------------------------------------------------- */

static void put(struct finder *f, enum layout_entry_id id, uint64_t offset, uint64_t width,
		uint64_t count)
{
	if (!layout_has(f->layout, id))
		f->layout->entries[id] =
			(struct layout_entry){offset, width, count, width, PROVENANCE_SCANNED};
}

static bool is_writable(const struct finder *f, uint64_t vaddr, uint64_t size)
{
	const struct elf_segment *s = elf_source_segment(f->request->source, vaddr, size);
	return s && s->writable;
}

/* Distance of an address from _PyRuntime; false: it lies elsewhere. */
static bool in_runtime(const struct finder *f, uint64_t vaddr, uint64_t *ret)
{
	const struct layout_entry *runtime = &f->layout->entries[LAYOUT_RUNTIME];
	if (runtime->provenance == PROVENANCE_ABSENT || vaddr < runtime->offset ||
	    runtime->width < 8 || vaddr - runtime->offset > runtime->width - 8)
		return false;
	*ret = vaddr - runtime->offset;
	return true;
}

/* A variable of its own, outside _PyRuntime. */
static void put_variable(struct finder *f, enum layout_entry_id id, const struct answer *a,
			 uint64_t width)
{
	uint64_t ignored;
	if (answer_only(a) && is_writable(f, a->number, width) &&
	    !in_runtime(f, a->number, &ignored))
		put(f, id, a->number, width, 1);
}

static void put_member(struct finder *f, enum layout_entry_id id, const struct answer *a,
		       uint64_t width)
{
	if (answer_only(a) && a->number < MEMBER_MAX)
		put(f, id, a->number, width, 1);
}

static bool walk(const struct finder *f, const char *name, code_visit_fn *visit, void *context)
{
	uint64_t vaddr, size;
	return elf_source_symbol(f->request->source, name, &vaddr, &size) &&
	       code_walk(&f->reader, vaddr, size, visit, context);
}

static bool is_plain_variable(const struct code_value *v, unsigned width)
{
	return v->kind == CODE_VARIABLE && v->width == width && v->offset == 0;
}

/* ---- interpreters -------------------------------------------------------------------- */

struct returned {
	struct answer variable; /* of 8 bytes */
	struct answer member;   /* of the first argument, the same */
	struct answer followed; /* 8 bytes of the first argument, looked at on the way */
};

static void note_returned(void *context, const struct code_event *event)
{
	struct returned *r = context;
	const struct code_value *v = &event->values[0];
	if (event->nested)
		return;
	if (event->kind == CODE_LOAD && v->kind == CODE_ARGUMENT && event->values[1].number == 8)
		answer_add(&r->followed, v->offset);
	if (event->kind != CODE_RETURN)
		return;
	if (is_plain_variable(v, 8))
		answer_add(&r->variable, v->number);
	if (v->kind == CODE_MEMBER && v->base == CODE_ARGUMENT && v->width == 8 && v->offset == 0)
		answer_add(&r->member, v->number);
}

/* What a getter returns is a member of _PyRuntime or, up to 3.6, a variable of its own. */
static void find_root(struct finder *f, const char *getter, enum layout_entry_id member,
		      enum layout_entry_id variable)
{
	struct returned r = {0};
	uint64_t offset;
	if (!walk(f, getter, note_returned, &r) || !answer_only(&r.variable))
		return;
	if (in_runtime(f, r.variable.number, &offset))
		put(f, member, offset, 8, 1);
	else if (variable != LAYOUT_COUNT && f->request->version_hex < VERSION_3_7)
		put_variable(f, variable, &r.variable, 8);
}

static void find_interpreters(struct finder *f)
{
	struct returned next = {0}, id = {0}, flags = {0};
	find_root(f, "PyInterpreterState_Head", LAYOUT_RUNTIME_INTERPRETERS_HEAD,
		  LAYOUT_INTERP_HEAD);
	find_root(f, "PyInterpreterState_Main", LAYOUT_RUNTIME_INTERPRETERS_MAIN, LAYOUT_COUNT);
	if (walk(f, "PyInterpreterState_Next", note_returned, &next))
		put_member(f, LAYOUT_INTERP_NEXT, &next.member, 8);
	if (walk(f, "PyInterpreterState_GetID", note_returned, &id))
		put_member(f, LAYOUT_INTERP_ID, &id.member, 8);
	if (walk(f, "_PyInterpreterState_HasFeature", note_returned, &flags))
		put_member(f, LAYOUT_INTERP_FEATURE_FLAGS, &flags.followed, 8);
}

/* ---- statics of the allocator, up to 3.11 -------------------------------------------- */

struct label {
	const char *text;
	enum layout_entry_id id;
	unsigned width;
};

static const struct label labels[] = {
	{"# times object malloc called", LAYOUT_STATIC_SERIALNO, 8},
	{"# arenas allocated total", LAYOUT_STATIC_NTIMES_ALLOCATED, 8},
	{"# arenas highwater mark", LAYOUT_STATIC_NARENAS_HIGHWATER, 8},
	{"# arena map mid nodes", LAYOUT_STATIC_ARENA_MAP_MID_COUNT, 4},
	{"# arena map bot nodes", LAYOUT_STATIC_ARENA_MAP_BOT_COUNT, 4},
};

struct statics {
	const struct finder *finder;
	struct answer arenas;   /* of 8 bytes, and what it holds is followed */
	struct answer words;    /* of 4 bytes */
	struct answer returned; /* of 8 bytes */
	struct answer labelled[ARRAY_SIZE(labels)];
};

/* Whether a constant points to this text, with its end, among the constants. */
static bool is_text(const struct finder *f, const struct code_value *v, const char *text)
{
	char found[LABEL_MAX];
	size_t size = strlen(text) + 1;
	const struct elf_segment *s =
		v->kind == CODE_CONSTANT && size <= sizeof(found)
			? elf_source_segment(f->request->source, v->number, size)
			: NULL;
	return s && !s->writable && elf_source_read(f->request->source, v->number, found, size) &&
	       !memcmp(found, text, size);
}

/* printone(out, label, value): the value stands behind the label, whatever stands before. */
static void note_label(struct statics *s, const struct code_event *event)
{
	for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
		for (unsigned j = 0; j + 1 < CODE_ARGUMENTS; j++)
			if (is_plain_variable(&event->values[j + 1], labels[i].width) &&
			    is_text(s->finder, &event->values[j], labels[i].text))
				answer_add(&s->labelled[i], event->values[j + 1].number);
}

static void note_statics(void *context, const struct code_event *event)
{
	struct statics *s = context;
	const struct code_value *v = &event->values[0];
	if (event->nested)
		return;
	if (event->kind == CODE_CALL)
		note_label(s, event);
	if (event->kind == CODE_RETURN && is_plain_variable(v, 8))
		answer_add(&s->returned, v->number);
	if (event->kind != CODE_LOAD)
		return;
	if (v->kind == CODE_VARIABLE && v->width == 8)
		answer_add(&s->arenas, v->number);
	if (v->kind == CODE_CONSTANT && event->values[1].number == 4 &&
	    is_writable(s->finder, v->number, 4))
		answer_add(&s->words, v->number);
}

/* Both functions go through the arenas; where both tell, they must tell the same. */
static struct answer both(const struct answer *a, const struct answer *b)
{
	if (!answer_only(a) || !answer_only(b))
		return answer_only(a) ? *a : *b;
	struct answer sum = *a;
	answer_add(&sum, b->number);
	return sum;
}

static void put_arenas(struct finder *f, const struct statics *blocks, const struct statics *stats)
{
	struct answer arenas = both(&blocks->arenas, &stats->arenas);
	struct answer words = both(&blocks->words, &stats->words);
	put_variable(f, LAYOUT_STATIC_ARENAS, &arenas, 8);
	put_variable(f, LAYOUT_STATIC_MAXARENAS, &words, 4);
}

static void find_statics(struct finder *f)
{
	struct statics blocks = {.finder = f}, stats = {.finder = f};
	uint32_t version = f->request->version_hex;
	if (version == 0 || version >= VERSION_3_12)
		return;
	(void)walk(f, "_Py_GetAllocatedBlocks", note_statics, &blocks);
	(void)walk(f, "_PyObject_DebugMallocStats", note_statics, &stats);
	put_arenas(f, &blocks, &stats);
	if (version < VERSION_3_9)
		put_variable(f, LAYOUT_STATIC_ALLOCATED_BLOCKS, &blocks.returned, 8);
	else if (!blocks.arenas.given || blocks.arenas.number != blocks.returned.number)
		put_variable(f, LAYOUT_STATIC_RAW_ALLOCATED_BLOCKS, &blocks.returned, 8);
	for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
		put_variable(f, labels[i].id, &stats.labelled[i], labels[i].width);
}

/* ---- free lists, 3.4 to 3.12 ---------------------------------------------------------- */

struct kind {
	const char *function, *label;
	enum layout_entry_id variable, member, size;
};

#define NOTHING LAYOUT_COUNT

static const struct kind kinds[] = {
	{"_PyCFunction_DebugMallocStats", "free PyCFunctionObject",
	 LAYOUT_FREELIST_STATIC_CFUNCTION, NOTHING, LAYOUT_SIZEOF_CFUNCTION},
	{"_PyDict_DebugMallocStats", "free PyDictObject", LAYOUT_FREELIST_STATIC_DICT,
	 LAYOUT_FREELIST_DICT, LAYOUT_SIZEOF_DICT},
	{"_PyFloat_DebugMallocStats", "free PyFloatObject", LAYOUT_FREELIST_STATIC_FLOAT,
	 LAYOUT_FREELIST_FLOAT, LAYOUT_SIZEOF_FLOAT},
	{"_PyFrame_DebugMallocStats", "free PyFrameObject", LAYOUT_FREELIST_STATIC_FRAME,
	 LAYOUT_FREELIST_FRAME, LAYOUT_SIZEOF_FRAME},
	{"_PyList_DebugMallocStats", "free PyListObject", LAYOUT_FREELIST_STATIC_LIST,
	 LAYOUT_FREELIST_LIST, LAYOUT_SIZEOF_LIST},
	{"_PyMethod_DebugMallocStats", "free PyMethodObject", LAYOUT_FREELIST_STATIC_METHOD,
	 NOTHING, LAYOUT_SIZEOF_METHOD},
};

struct lengths {
	const struct finder *finder;
	const char *label;      /* NULL: the label is made at run time */
	struct answer variable; /* the first that was met, without a label */
	struct answer member;   /* the same, of the interpreter */
	struct answer size;
};

/* A member of the interpreter, which the thread state points to. */
static bool is_of_interpreter(const struct code_value *v)
{
	return v->kind == CODE_MEMBER && v->width == 4 && v->offset == 0 &&
	       v->base == CODE_MEMBER && v->base_number == TSTATE_INTERP;
}

static void note_length(struct lengths *l, const struct code_value *v)
{
	bool first_only = !l->label && (l->variable.given || l->member.given);
	if (first_only)
		return;
	if (is_plain_variable(v, 4))
		answer_add(&l->variable, v->number);
	if (is_of_interpreter(v))
		answer_add(&l->member, v->number);
}

/* _PyDebugAllocatorStats(out, label, length, size of one) */
static void note_lengths(void *context, const struct code_event *event)
{
	struct lengths *l = context;
	if (event->kind != CODE_CALL || event->nested)
		return;
	if (!l->label) {
		note_length(l, &event->values[CODE_THIRD]);
		return;
	}
	for (unsigned j = 0; j + 1 < CODE_ARGUMENTS; j++) {
		if (!is_text(l->finder, &event->values[j], l->label))
			continue;
		note_length(l, &event->values[j + 1]);
		if (j + 2 < CODE_ARGUMENTS && event->values[j + 2].kind == CODE_CONSTANT)
			answer_add(&l->size, event->values[j + 2].number);
	}
}

static void find_list(struct finder *f, const struct kind *kind)
{
	struct lengths l = {.finder = f, .label = kind->label};
	bool is_static = f->request->version_hex < VERSION_3_10;
	if (!walk(f, kind->function, note_lengths, &l))
		return;
	if (is_static)
		put_variable(f, kind->variable, &l.variable, 4);
	else if (kind->member != NOTHING)
		put_member(f, kind->member, &l.member, 4);
	if (answer_only(&l.size) && l.size.number >= 16 && l.size.number <= 4096)
		put(f, kind->size, 0, l.size.number, 1);
}

/* The lists of tuples lie side by side, and the first that is printed is that of length 1: up to
 * 3.10 one for length 0 stands before it. */
static void find_tuples(struct finder *f)
{
	struct lengths l = {.finder = f};
	bool is_static = f->request->version_hex < VERSION_3_10;
	uint64_t skipped = f->request->version_hex < VERSION_3_11 ? 4 : 0;
	if (!walk(f, "_PyTuple_DebugMallocStats", note_lengths, &l))
		return;
	const struct answer *a = is_static ? &l.variable : &l.member;
	const struct answer *other = is_static ? &l.member : &l.variable;
	if (!answer_only(a) || other->given || a->number < skipped)
		return;
	uint64_t start = a->number - skipped, ignored;
	if (!is_static && start < MEMBER_MAX)
		put(f, LAYOUT_FREELIST_TUPLE, start, 4, TUPLE_LISTS);
	else if (is_static && is_writable(f, start, 4 * TUPLE_LISTS) &&
		 !in_runtime(f, start, &ignored))
		put(f, LAYOUT_FREELIST_STATIC_TUPLE, start, 4 * TUPLE_LISTS, 1);
}

/* ---- the same, in 2.7, which prints none: from the functions that empty them ------------ */

static const struct {
	const char *function;
	enum layout_entry_id variable;
} emptiers[] = {
	{"PyCFunction_ClearFreeList", LAYOUT_FREELIST_STATIC_CFUNCTION},
	{"PyMethod_ClearFreeList", LAYOUT_FREELIST_STATIC_METHOD},
	{"PyFrame_ClearFreeList", LAYOUT_FREELIST_STATIC_FRAME},
	{"PyDict_Fini", LAYOUT_FREELIST_STATIC_DICT},
	{"PyList_Fini", LAYOUT_FREELIST_STATIC_LIST},
};

struct words {
	const struct finder *finder;
	struct answer first,
		last; /* variables of 4 bytes: the first one read, the one furthest on */
	struct answer only;
};

static void note_words(void *context, const struct code_event *event)
{
	struct words *w = context;
	const struct code_value *v = &event->values[0];
	if (event->kind != CODE_LOAD || event->nested || v->kind != CODE_CONSTANT ||
	    event->values[1].number != 4 || !is_writable(w->finder, v->number, 4))
		return;
	answer_add(&w->only, v->number);
	if (!w->first.given)
		answer_add(&w->first, v->number);
	w->last.number = size_max(w->last.number, v->number);
}

static void find_emptied(struct finder *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(emptiers); i++) {
		struct words w = {.finder = f};
		if (walk(f, emptiers[i].function, note_words, &w))
			put_variable(f, emptiers[i].variable, &w.only, 4);
	}
	struct words w = {.finder = f};
	if (!walk(f, "PyTuple_ClearFreeList", note_words, &w) || !w.first.given)
		return;
	uint64_t start = w.first.number - 4; /* it begins with those of length 1 */
	if (w.last.number - start < 4 * TUPLE_LISTS && is_writable(f, start, 4 * TUPLE_LISTS))
		put(f, LAYOUT_FREELIST_STATIC_TUPLE, start, 4 * TUPLE_LISTS, 1);
}

static void find_free_lists(struct finder *f)
{
	uint32_t version = f->request->version_hex;
	if (version >> 16 == 0x0207)
		find_emptied(f);
	if (version == 0 || version >= VERSION_3_12 + 0x10000u)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		find_list(f, &kinds[i]);
	find_tuples(f);
}

/* -------------------------------------------------------------------------------------- */

void layout_code_fill(const struct layout_code_request *request, struct layout *layout)
{
	struct finder f = {.request = request, .layout = layout};
	code_reader_init(&f.reader, request->source);
	find_interpreters(&f);
	find_statics(&f);
	find_free_lists(&f);
	layout_code_fill_allocator(request, &f.reader, layout);
	code_reader_fini(&f.reader);
}
