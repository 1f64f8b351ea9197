/* The sample's allocator: only its statics and types matter. */
#include "python.h"

#define USED __attribute__((used))

extern const unsigned long Py_Version;
const unsigned long Py_Version = SAMPLE_VERSION;

#ifdef SAMPLE_THREADED
/* A free-threaded pydebug build: the runtime opens with a description of itself. */
struct sample_description {
	char cookie[8];
	uint64_t version, free_threaded;
};
extern struct sample_description _PyRuntime;
extern long _Py_RefTotal;
struct sample_description _PyRuntime = {{'x', 'd', 'e', 'b', 'u', 'g', 'p', 'y'}, 0, 1};
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
