/*
 * look_malloc: the part of a look that is about the C library's allocator: when its steps
 * (malloc/malloc_look.h) are taken, and what is stopped for them.
 */
#ifndef INSPECTOR_LOOK_MALLOC_H
#define INSPECTOR_LOOK_MALLOC_H

#include "inspector/look/look_scene.h"

/* Finds it, where the request asks for it; else the look has none. ERROR_GONE, ERROR_RESOURCE. */
struct error *look_malloc_begin(struct scene *scene) MUST_CHECK;

/* For one stop that covers everything: before, during and after it. *ret_all stays what it is, or becomes
 * false when not everything was copied. */
struct error *look_malloc_prepare(struct scene *scene) MUST_CHECK;
struct error *look_malloc_copy(struct scene *scene, bool *ret_all) MUST_CHECK;
struct error *look_malloc_thawed(struct scene *scene) MUST_CHECK;

/* Whether after such a stop some figures still disagree. */
bool look_malloc_agrees(const struct scene *scene);

/* What no stop gave, live; then, if may_stop, one arena after the other under a stop as short as that takes. */
struct error *look_malloc_settle(struct scene *scene, bool may_stop) MUST_CHECK;

/* Moves what was found into snapshot and look, where an account was asked for. Where a census was, where arenas and their
 * large chunks are stays in look.malloc. */
struct error *look_malloc_finish(struct scene *scene) MUST_CHECK;

#endif
