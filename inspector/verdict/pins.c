/*
 * pins: what is told of pins, and how it is given back.
 */
#include "inspector/verdict/pins.h"

#include <stdlib.h>

static void pin_fini(struct pin *pin)
{
	free(pin->type);
	for (size_t i = 0; i < pin->holders.count; i++)
		holder_chain_fini(&pin->holders.items[i]);
	vec_fini(&pin->holders);
}

static void pin_root_fini(struct pin_root *root)
{
	free(root->name);
	free(root->type);
	for (size_t i = 0; i < root->links.count; i++)
		free(root->links.items[i]);
	vec_fini(&root->links);
}

void pins_fini(struct pins *p)
{
	for (size_t i = 0; i < p->types.count; i++)
		pin_fini(&p->types.items[i]);
	for (size_t i = 0; i < p->roots.count; i++)
		pin_root_fini(&p->roots.items[i]);
	vec_fini(&p->types);
	vec_fini(&p->roots);
	vec_fini(&p->curve);
	for (size_t i = 0; i < p->tops.count; i++) {
		free(p->tops.items[i].type);
		holder_chain_fini(&p->tops.items[i].chain);
	}
	vec_fini(&p->tops);
	*p = (struct pins){0};
}
