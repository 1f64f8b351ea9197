/*
 * holders: what is told of holders, and how it is given back.
 */
#include "inspector/holders/holders.h"

#include <stdlib.h>

const char *holder_kind_name(enum holder_kind kind)
{
	switch (kind) {
	case HOLDER_MODULE_GLOBAL:
		return "module_global";
	case HOLDER_FRAME_LOCAL:
		return "frame_local";
	case HOLDER_CLASS_ATTRIBUTE:
		return "class_attribute";
	case HOLDER_STATIC:
		return "static";
	case HOLDER_THREAD:
		return "thread";
	case HOLDER_UNKNOWN:
		break;
	}
	return "unknown";
}

void holder_chain_fini(struct holder_chain *chain)
{
	for (size_t i = 0; i < chain->links.count; i++)
		free(chain->links.items[i]);
	vec_fini(&chain->links);
}

void holder_referrers_fini(struct holder_referrers *referrers)
{
	for (size_t i = 0; i < referrers->list.count; i++) {
		free(referrers->list.items[i].type);
		free(referrers->list.items[i].how);
	}
	vec_fini(&referrers->list);
}

static void root_fini(struct holder_root *root)
{
	free(root->name);
	free(root->many);
	free(root->container);
	for (size_t i = 0; i < root->types.count; i++)
		free(root->types.items[i].type);
	for (size_t i = 0; i < root->chains.count; i++)
		holder_chain_fini(&root->chains.items[i]);
	vec_fini(&root->types);
	vec_fini(&root->chains);
}

void holders_fini(struct holders *h)
{
	for (size_t i = 0; i < h->roots.count; i++)
		root_fini(&h->roots.items[i]);
	for (size_t i = 0; i < h->garbage_types.count; i++)
		free(h->garbage_types.items[i].type);
	for (size_t i = 0; i < h->frozen_types.count; i++)
		free(h->frozen_types.items[i].type);
	for (size_t i = 0; i < h->leaked_types.count; i++)
		free(h->leaked_types.items[i].type);
	vec_fini(&h->roots);
	vec_fini(&h->garbage_types);
	vec_fini(&h->frozen_types);
	vec_fini(&h->leaked_types);
	vec_fini(&h->lost_sizes);
	free(h->garbage.type);
	free(h->frozen.type);
	free(h->leaked.type);
	free(h->lost_library);
	*h = (struct holders){0};
}
