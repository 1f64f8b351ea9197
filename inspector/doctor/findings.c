/*
 * findings: lines for `doctor`, in the order in which things were found.
 */
#include "inspector/inspector.h"

#include <stdarg.h>
#include <stdio.h>

void findings_add(struct findings *f, const char *topic, enum finding_kind kind, const char *format,
		  ...)
{
	struct finding *finding = vec_push(&f->list);
	if (!finding)
		return;
	va_list args;
	va_start(args, format);
	if (vasprintf(&finding->text, format, args) < 0)
		finding->text = NULL;
	va_end(args);
	finding->topic = topic;
	finding->kind = kind;
}

void findings_fini(struct findings *f)
{
	for (size_t i = 0; i < f->list.count; i++)
		free(f->list.items[i].text);
	vec_fini(&f->list);
}
