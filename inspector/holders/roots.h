/*
 * roots: from where memory is held, each with a name that its program's author knows.
 *
 * Where several hold the same, the one told first is charged: the order is part of the answer.
 */
#ifndef INSPECTOR_HOLDERS_ROOTS_H
#define INSPECTOR_HOLDERS_ROOTS_H

#include "inspector/census/ground.h"
#include "inspector/holders/holders.h"

enum root_phase {
	ROOT_NAMED,  /* module globals, class attributes, locals of frames */
	ROOT_STATIC, /* static data of mapped files, thread and interpreter states, modules, types */
	ROOT_STACK,  /* C stacks */
};

struct root {
	enum root_phase phase;
	enum holder_kind kind;
	char *name; /* "app.CACHE", "main() data", "libfoo.so: cache"; owned, foreign; NULL: as the root before it */
	raddr at; /* size 0: the object or block that is held. Else memory each of whose words may hold one */
	uint64_t size; /* bytes of that memory */
	raddr from; /* the namespace that holds it: a module's dict, a class, a frame; null: none */
};

struct roots {
	VEC(struct root) list; /* by phase, most telling first */
	VEC(raddr)
	told; /* where memory starts each word of which that holds something is a root: what else is in it does not hold */
};

struct roots_request {
	struct ground *ground;
	const struct look *look;
	struct subject *subject;
	bool contents;
};

/* ERROR_RESOURCE, ERROR_GONE. What cannot be read is left out, with a doubt. */
struct error *roots_find(const struct roots_request *request, struct roots *ret,
			 struct doubts *doubts) MUST_CHECK;
void roots_fini(struct roots *roots);

#endif
