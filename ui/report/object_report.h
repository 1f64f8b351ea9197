/*
 * object_report: one object as text.
 */
#ifndef UI_OBJECT_REPORT_H
#define UI_OBJECT_REPORT_H

#include "inspector/inspector.h"
#include "ui/text/page.h"

/* An address as a person types it: "0x7f3a1c04b2d0" as repr() prints it, digits as id() does, or hexadecimal digits
 * with a letter among them. ERROR_USAGE. */
struct error *object_address(const char *word, raddr *ret) MUST_CHECK;

struct object_request {
	uint64_t limit; /* referrers; 0: 20 */
	bool contents;  /* show the command line's arguments */
};

/* Appends the whole report. */
void object_report_write(struct page *page, const struct snapshot *snapshot,
			 const struct inspector_object *object,
			 const struct object_request *request);

#endif
