/*
 * census: what a census holds, and gives back.
 */
#include "inspector/census/census.h"

#include <stdlib.h>

static void signature_fini(struct census_signature *signature)
{
	for (size_t i = 0; i < signature->keys.count; i++)
		free(signature->keys.items[i]);
	vec_fini(&signature->keys);
}

void census_fini(struct census *c)
{
	for (size_t i = 0; i < c->types.count; i++)
		free(c->types.items[i].name);
	for (size_t i = 0; i < c->signatures.count; i++)
		signature_fini(&c->signatures.items[i]);
	for (size_t i = 0; i < c->arrays.count; i++) {
		free(c->arrays.items[i].type);
		free(c->arrays.items[i].dtype);
	}
	for (size_t i = 0; i < c->duplicates.count; i++)
		free(c->duplicates.items[i].text);
	for (size_t i = 0; i < c->largest.count; i++)
		free(c->largest.items[i].text);
	vec_fini(&c->types);
	vec_fini(&c->buffer_kinds);
	vec_fini(&c->signatures);
	vec_fini(&c->arrays);
	vec_fini(&c->duplicates);
	vec_fini(&c->largest);
	*c = (struct census){0};
}
