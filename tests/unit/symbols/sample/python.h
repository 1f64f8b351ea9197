/*
 * The shapes that the sample "interpreter" is compiled with and that its tests ask
 * the compiler about: CPython's names, but fields moved and padded as in no release,
 * so that a right answer can only have come from the sample's own debug information.
 */
#ifndef TESTS_SYMBOLS_SAMPLE_PYTHON_H
#define TESTS_SYMBOLS_SAMPLE_PYTHON_H

#include <stddef.h>
#include <stdint.h>

#ifndef SAMPLE_PADDING
#define SAMPLE_PADDING 24
#endif

struct pool_header {
	char padding[SAMPLE_PADDING];
	union {
		unsigned char *_padding;
		unsigned int count;
	} ref;
	unsigned int szidx;
	unsigned int arenaindex;
	struct pool_header *prevpool;
	struct pool_header *nextpool;
	unsigned char *freeblock;
	unsigned int maxnextoffset;
	unsigned int nextoffset;
};

struct arena_object {
	struct arena_object *prevarena;
	struct arena_object *nextarena;
	char padding[SAMPLE_PADDING];
	uintptr_t address;
	struct pool_header *freepools;
	unsigned char *pool_address;
	unsigned int ntotalpools;
	unsigned int nfreepools;
};

typedef struct arena_map_bot {
	struct {
		int tail_hi, tail_lo;
	} arenas[8];
} arena_map_bot_t;

typedef struct arena_map_mid {
	struct arena_map_bot *ptrs[4][2];
} arena_map_mid_t;

typedef struct {
	void *ctx;
	void *(*malloc)(void *ctx, size_t size);
} PyMemAllocatorEx;

typedef struct {
	char api_id;
	PyMemAllocatorEx alloc;
} debug_alloc_api_t;

/* An array of structs, an anonymous union, a member that is a const typedef of a typedef. */
struct sample_freelist {
	void *list;
	long size;
};

typedef int64_t sample_id;
typedef const sample_id sample_const_id;

struct _is {
	union {
		struct {
			int something;
			struct _is *next;
		};
		char room[48];
	};
	sample_const_id id;
	struct {
		struct {
			struct sample_freelist tuples[20];
#ifndef SAMPLE_STATIC_FREELISTS
			struct sample_freelist floats;
#endif
		} freelists;
	} object_state;
};

typedef struct _is PyInterpreterState;

typedef struct pyruntimestate {
	int preinitialized;
	struct sample_interpreters {
		void *mutex;
		PyInterpreterState *head;
		PyInterpreterState *main;
	} interpreters;
} _PyRuntimeState;

typedef struct {
	long ob_refcnt;
	void *ob_type;
	long ob_size;
	void *ob_item[1];
} PyTupleObject;

typedef struct {
	long ob_refcnt;
	void *ob_type;
	long entries[7];
} PyDictObject;

#endif
