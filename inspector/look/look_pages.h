/*
 * look_pages: what of a verdict only the pages themselves tell: how a worker's differ from its parent's, and what of
 * huge ones is zeros.
 */
#ifndef INSPECTOR_LOOK_PAGES_H
#define INSPECTOR_LOOK_PAGES_H

#include "inspector/subject.h"

/*
 * Fills ret->verdict.fork and .huge, each as far as it can be told; residency: of the whole target, in detail, NULL: then
 * neither. A parent that has executed another program, or ended, is none. ERROR_GONE, ERROR_RESOURCE.
 */
struct error *look_pages(struct subject *subject, const struct residency *residency,
			 struct snapshot *ret) MUST_CHECK;

#endif
