/*
 * known_builds: a short list, searched from its start.
 */
#include "inspector/known_builds.h"

#include <string.h>

bool known_builds_find(const struct known_builds *known, const struct build_id *id,
		       struct python_build *ret)
{
	for (size_t i = 0; i < known->list.count; i++) {
		if (!build_id_equal(&known->list.items[i].id, id))
			continue;
		*ret = known->list.items[i].build;
		return true;
	}
	return false;
}

void known_builds_add(struct known_builds *known, const struct build_id *id,
		      const struct python_build *build)
{
	struct known_build *one = id->size ? vec_push(&known->list) : NULL;
	if (!one)
		return;
	one->id = *id;
	one->build = (struct python_build){
		.version_hex = build->version_hex,
		.debug_build = build->debug_build,
		.free_threaded = build->free_threaded,
		.layout = build->layout,
		.layout_source = build->layout_source,
		.roots_source = build->roots_source,
		.used_cache = build->used_cache,
	};
	memcpy(one->build.version, build->version, sizeof(one->build.version));
}

void known_builds_fini(struct known_builds *known)
{
	vec_fini(&known->list);
}
