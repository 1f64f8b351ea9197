/*
 * rows: sorted by name, so that each knows the first of its own; then by that.
 *
 *	main() a │ run() b │ run() a │ run() b		as they came
 *	main() a │ run() b   run() b │ run() a		as they are told
 */
#include "inspector/holders/roots/rows.h"

#include <string.h>

struct error *rows_add(struct rows *rows, struct root root, const char *name)
{
	if (name || !rows->names.count) {
		char *copy = strdup(name ?: "?");
		char **place = copy ? vec_push(&rows->names) : NULL;
		if (!place) {
			free(copy);
			return error_out_of_memory();
		}
		*place = copy;
	}
	struct row *row = vec_push(&rows->list);
	if (!row)
		return error_out_of_memory();
	*row = (struct row){root, rows->names.count - 1, 0, rows->list.count - 1};
	return NULL;
}

static const char *name_of(const struct rows *rows, const struct row *row)
{
	return rows->names.items[row->name];
}

static int by_name(const void *a, const void *b, void *context)
{
	const struct row *x = a, *y = b;
	int order = strcmp(name_of(context, x), name_of(context, y));
	return order ? order : (x->number > y->number) - (x->number < y->number);
}

static int by_group(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	if (x->group != y->group)
		return x->group > y->group ? 1 : -1;
	return (x->number > y->number) - (x->number < y->number);
}

static void group(struct rows *rows)
{
	struct row *list = rows->list.items;
	size_t n = rows->list.count;
	if (!n)
		return;
	qsort_r(list, n, sizeof(*list), by_name, rows);
	for (size_t i = 0; i < n; i++) {
		bool same =
			i > 0 && strcmp(name_of(rows, &list[i - 1]), name_of(rows, &list[i])) == 0;
		list[i].group = same ? list[i - 1].group : list[i].number;
	}
	qsort(list, n, sizeof(*list), by_group);
}

struct error *rows_tell(struct rows *rows, struct gather *g)
{
	struct error *err = NULL;
	group(rows);
	for (size_t i = 0; i < rows->list.count && !err; i++) {
		const struct row *row = &rows->list.items[i];
		bool first = i == 0 || row->group != row[-1].group;
		err = gather_add(g, row->root, first ? name_of(rows, row) : NULL);
	}
	return err;
}

void rows_fini(struct rows *rows)
{
	for (size_t i = 0; i < rows->names.count; i++)
		free(rows->names.items[i]);
	vec_fini(&rows->names);
	vec_fini(&rows->list);
}
