/* The sample's allocator: only its statics and types matter. */
#include "python.h"

#define USED __attribute__((used))

extern const unsigned long Py_Version;
const unsigned long Py_Version = SAMPLE_VERSION;

#ifdef SAMPLE_THREADED
/* A free-threaded pydebug build: the runtime opens with a description of itself, as 3.15 has it. */
struct sample_description {
	char cookie[8];
	uint64_t numbers[110]; /* from offset 8 on */
};
#define AT(offset) [(offset) / 8 - 1]
extern struct sample_description _PyRuntime;
extern long _Py_RefTotal;
struct sample_description _PyRuntime = {
	{'x', 'd', 'e', 'b', 'u', 'g', 'p', 'y'},
	{
		AT(8) = SAMPLE_VERSION,
		AT(16) = 1,
		AT(24) = sizeof(struct sample_description), /* runtime: size, interpreters.head */
		AT(40) = 88,
		AT(48) = 4096, /* interpreter: size, id, next */
		AT(56) = 24,
		AT(64) = 16,
		AT(176) = 888, /* thread state: size, next, interp, thread ids, datastack_chunk */
		AT(192) = 8,
		AT(200) = 16,
		AT(240) = 176,
		AT(248) = 184,
		AT(256) = 256,
		AT(544) = 32, /* tuple: size, ob_item */
		AT(552) = 24,
		AT(568) = 40, /* list, dict, float: size */
		AT(624) = 48,
		AT(648) = 24,
	},
};
long _Py_RefTotal = 0;
#else
extern _PyRuntimeState _PyRuntime;
_PyRuntimeState _PyRuntime = {1, {0, 0, 0}};
#endif

static USED struct pool_header *usedpools[2 * 33] = {0};
static USED struct arena_object *arenas = 0;
static USED unsigned int maxarenas = 0;
static USED arena_map_mid_t *arena_map_root[4] = {0};
static USED debug_alloc_api_t debug_api = {'o', {0, 0}};

static USED __attribute__((noinline)) void *_PyObject_Malloc(void *ctx, size_t size)
{
	return size ? ctx : 0;
}

void *sample_dict(void);
void *sample_tuple(void);

int main(void)
{
	return _PyObject_Malloc(sample_dict(), 0) != 0 || sample_tuple() == 0;
}
