/*
 * look_pages: both read a bounded sample, live; what changes meanwhile is a page more or less.
 */
#include "inspector/look/look_pages.h"

#include "base/cleanup.h"
#include "inspector/object/shapes.h"
#include "inspector/verdict/fork_copies.h"
#include "inspector/verdict/huge_zeros.h"

#define FORK_COMPARED_MAX (128 * MIB)
#define HUGE_COMPARED_MAX (64 * MIB)

/* Whether it is still the one that it was when the target was opened: orphans get another. */
static bool has_parent(const struct subject *s)
{
	struct facts facts = FACTS_EMPTY;
	if (!s->parent_pid || !origin_alive(&s->parent))
		return false;
	struct error *err = origin_facts(&s->origin, &facts);
	bool same = !err && facts.parent == s->parent_pid;
	facts_fini(&facts);
	error_free(err);
	return same;
}

/* Its memory; false: it cannot be read, or it is no relative. */
static bool open_parent_space(const struct subject *s, struct space *ret)
{
	struct error *err = origin_space(&s->parent, ret);
	bool usable = !err && space_has_residency(ret) &&
		      fork_copies_related(&s->space, ret, s->module.image.start);
	error_free(err);
	return usable;
}

static struct error *compare_with_parent(struct subject *s, const struct residency *residency,
					 struct snapshot *ret)
{
	_cleanup_(space_fini) struct space parent = SPACE_EMPTY;
	struct shapes shapes = {.ob_type = 8};
	bool unverified;
	if (!has_parent(s) || !open_parent_space(s, &parent))
		return NULL;
	error_free(shapes_fill(&s->build.layout, s->build.version_hex, s->build.free_threaded,
			       ret->target.debug_hooks, &shapes, &unverified));
	const struct fork_copies_request request = {
		.child = &s->space,
		.parent = &parent,
		.residency = residency,
		.parent_pid = s->parent_pid,
		.ob_type = shapes.ob_type,
		.gc_size = shapes.gc_size,
		.max_compared = FORK_COMPARED_MAX,
	};
	return fork_copies_compare(&request, &ret->verdict.fork);
}

struct error *look_pages(struct subject *subject, const struct residency *residency,
			 struct snapshot *ret)
{
	if (!residency)
		return NULL;
	struct error *err = compare_with_parent(subject, residency, ret);
	return err
		       ?: huge_zeros_count(&subject->space, residency, HUGE_COMPARED_MAX,
					   &ret->verdict.huge);
}
