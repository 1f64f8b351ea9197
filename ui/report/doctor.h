/*
 * doctor: findings, one a line, the missing ones with what helps.
 */
#ifndef UI_DOCTOR_H
#define UI_DOCTOR_H

#include "inspector/inspector.h"
#include "ui/text/page.h"

/* Appends the findings as a table. */
void doctor_write(struct page *page, const struct findings *findings);

/* "ok", "note", "missing". Static string. */
const char *doctor_kind_name(enum finding_kind kind);

#endif
