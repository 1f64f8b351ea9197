/*
 * type_sums: one table for all rows: which entries are not zero is noted, so that emptying it costs what filling it did.
 */
#include "inspector/holders/type_sums.h"

#include "base/cleanup.h"

struct error *type_sums_init(const struct ground *ground, struct type_sums *ret)
{
	struct type_sums sums = {.n_types = ground->types.types.count};
	sums.of_type = calloc(sums.n_types + 1, sizeof(*sums.of_type));
	if (!sums.of_type)
		return error_out_of_memory();
	*ret = sums;
	return NULL;
}

void type_sums_fini(struct type_sums *sums)
{
	free(take(sums->of_type));
	vec_fini(&sums->met);
}

const char *type_sums_name(const struct ground *ground, uint32_t type)
{
	if (type >= ground->types.types.count)
		return "native memory";
	const char *name = type_table_get(&ground->types, type)->name;
	return name ? name : "?";
}

void type_sums_add(struct type_sums *sums, uint32_t type, uint64_t count, uint64_t bytes)
{
	size_t i = type < sums->n_types ? type : sums->n_types;
	struct type_sum *sum = &sums->of_type[i];
	if (!count && !bytes)
		return;
	if (!sum->count && !sum->bytes) {
		uint32_t *met = vec_push(&sums->met);
		if (!met) {
			sums->failed = true;
			return;
		}
		*met = (uint32_t)i;
	}
	sum->count += count;
	sum->bytes += bytes;
}

struct order {
	const struct type_sums *sums;
	const struct ground *ground;
	uint64_t most; /* objects of one type */
};

#define FEW \
	8 /* of a class there is one object for so many of the most frequent type, at least: else it is a bystander */

/* Classes of which there are many, other types that hold something, leaves. */
static int rank_of(const struct order *order, uint32_t i)
{
	if (!order->sums->leaves_last)
		return 0;
	if (i >= order->ground->types.types.count)
		return 2;
	const struct type *type = type_table_get(&order->ground->types, i);
	bool many = order->sums->of_type[i].count >= order->most / FEW;
	return type->leaf ? 2 : type->heap && many ? 0 : 1;
}

/* What is no type comes last. */
static raddr address_of(const struct ground *ground, uint32_t i)
{
	return i < ground->types.types.count ? type_table_get(&ground->types, i)->at
					     : raddr_at(UINT64_MAX);
}

static int compare(const void *a, const void *b, void *context)
{
	const struct order *order = context;
	const struct type_sums *sums = order->sums;
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
	int left_rank = rank_of(order, left), right_rank = rank_of(order, right);
	if (left_rank != right_rank)
		return left_rank < right_rank ? -1 : 1;
	uint64_t left_bytes = sums->of_type[left].bytes, right_bytes = sums->of_type[right].bytes;
	if (left_bytes != right_bytes)
		return left_bytes < right_bytes ? 1 : -1;
	/* Not by index: in what order types were found is a matter of luck. */
	return raddr_compare(address_of(order->ground, left), address_of(order->ground, right));
}

static struct error *name_row(const struct type_sums *sums, const struct ground *ground, uint32_t i,
			      struct holder_type *ret)
{
	char *name = strdup(type_sums_name(ground, i));
	if (!name)
		return error_out_of_memory();
	*ret = (struct holder_type){name, sums->of_type[i].count, sums->of_type[i].bytes};
	return NULL;
}

static void free_rows(struct holder_type *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(rows[i].type);
	free(rows);
}

static struct error *make_rows(const struct type_sums *sums, const struct ground *ground, size_t n,
			       struct holder_type **ret)
{
	struct holder_type *rows = calloc(n + 1, sizeof(*rows));
	struct error *err = rows ? NULL : error_out_of_memory();
	for (size_t i = 0; i < n && !err; i++)
		err = name_row(sums, ground, sums->met.items[i], &rows[i]);
	if (!err)
		*ret = rows;
	else if (rows)
		free_rows(rows, n);
	return err;
}

static struct error *sum_all(const struct type_sums *sums, const struct ground *ground,
			     struct holder_type *ret)
{
	struct holder_type all = {0};
	uint32_t frequent = 0;
	for (size_t i = 0; i < sums->met.count; i++) {
		uint32_t type = sums->met.items[i];
		all.count += sums->of_type[type].count;
		all.bytes += sums->of_type[type].bytes;
		if (!i || (!sums->leaves_last &&
			   sums->of_type[type].count > sums->of_type[frequent].count))
			frequent = type;
	}
	all.type = sums->met.count ? strdup(type_sums_name(ground, frequent)) : NULL;
	if (sums->met.count && !all.type)
		return error_out_of_memory();
	*ret = all;
	return NULL;
}

static void empty(struct type_sums *sums)
{
	for (size_t i = 0; i < sums->met.count; i++)
		sums->of_type[sums->met.items[i]] = (struct type_sum){0};
	sums->met.count = 0;
}

struct error *type_sums_take(struct type_sums *sums, const struct ground *ground, size_t max,
			     struct holder_type *ret_all, struct holder_type **ret_rows,
			     size_t *ret_n)
{
	struct holder_type all = {0}, *rows = NULL;
	if (sums->failed)
		return error_out_of_memory();
	struct order order = {sums, ground, 0};
	for (size_t i = 0; i < sums->met.count; i++)
		order.most = size_max(order.most, sums->of_type[sums->met.items[i]].count);
	if (sums->met.count)
		qsort_r(sums->met.items, sums->met.count, sizeof(*sums->met.items), compare,
			&order);
	size_t n = size_min(max, sums->met.count);
	struct error *err = ret_all ? sum_all(sums, ground, &all) : NULL;
	err = err ?: make_rows(sums, ground, n, &rows);
	if (err) {
		free(all.type);
		return err;
	}
	empty(sums);
	if (ret_all)
		*ret_all = all;
	*ret_rows = rows;
	*ret_n = n;
	return NULL;
}
