/*
 * rules: made once for each label, so that the walk over blocks looks nothing up.
 *
 * Words that look like references and hold nothing: links of the collector's lists (they are addresses of GC heads, not of
 * objects), what a weak reference refers to and its neighbours in the list of all to the same object, the head of that list
 * in the object (Include/cpython/weakrefobject.h, Objects/weakrefobject.c: 2.7 to 3.15), what instructions have noted beside
 * themselves (Include/internal/pycore_code.h: 3.11 to 3.15), and what lies behind the last item.
 */
#include "inspector/holders/walk/rules.h"

#include "base/cleanup.h"

/* The fields of PyWeakReference behind its head, in words: object, callback, hash, previous, next. */
#define WEAKREF_OBJECT   0
#define WEAKREF_PREVIOUS 3
#define WEAKREF_NEXT     4

/* Py_TPFLAGS_HAVE_GC, Include/object.h: 2.7 to 3.15. */
#define TYPE_FLAG_GC (UINT64_C(1) << 14)

uint64_t rules_gc_head(const struct type *type, const struct shapes *shapes)
{
	if (!(type->flags & TYPE_FLAG_GC) || shapes->free_threaded)
		return 0;
	/* Up to 3.7 nothing but a head stands before an object, and its size is that of the build. */
	return shapes->gc_size ? shapes->gc_size : type->before;
}

static bool is_weak_reference(struct type_table *types, uint32_t index)
{
	/* Newest first; before 3.11 without the module's name. */
	static const char *const names[] = {"weakref.ReferenceType",
					    "weakref.ProxyType",
					    "weakref.CallableProxyType",
					    "weakref",
					    "weakproxy",
					    "weakcallableproxy",
					    NULL};
	return type_table_ancestor(types, index, names) != TYPE_NONE;
}

static void skip(struct rule *rule, uint64_t offset)
{
	for (size_t i = 0; i < ARRAY_SIZE(rule->skip); i++) {
		if (rule->skip[i])
			continue;
		rule->skip[i] = (uint32_t)offset;
		return;
	}
}

static void skip_weak(struct type_table *types, uint32_t index, struct rule *rule)
{
	const struct shapes *shapes = types->shapes;
	const bool is_weak = is_weak_reference(types, index); /* may find types: they move */
	const struct type *type = type_table_get(types, index);
	if (is_weak) {
		uint64_t head = rule->into + shapes->ob_type + 8;
		skip(rule, head + 8 * WEAKREF_OBJECT);
		skip(rule, head + 8 * WEAKREF_PREVIOUS);
		skip(rule, head + 8 * WEAKREF_NEXT);
	} else if (type->weaklistoffset > 0) {
		skip(rule, rule->into + (uint64_t)type->weaklistoffset);
	}
	if (type->managed_weakref)
		skip(rule, rule->into - rules_gc_head(type, types->shapes) - 16);
}

/* Whether all that an object holds stands in what its type says is its size: nothing stands behind, or instructions do. */
static bool has_fixed_size(const struct type *type)
{
	bool ends = !type->itemsize || type->kind == TYPE_CODE;
	return ends && !type->inline_values && type->basicsize >= 16 &&
	       type->basicsize < UINT32_MAX / 2;
}

/* Behind the last item stands what was in that memory before. */
static void count_items(struct rule *rule, uint64_t items, uint64_t item_size)
{
	rule->scan = RULE_ITEMS;
	rule->items = (uint32_t)size_min(rule->into + items, UINT32_MAX / 2);
	rule->item_size = (uint32_t)size_min(item_size, UINT32_MAX / 2);
}

static void rule_of_object(struct type_table *types, uint32_t index, struct rule *ret)
{
	const struct shapes *shapes = types->shapes;
	const struct type *type = type_table_get(types, index);
	uint64_t hooks = shapes->debug_hooks ? shapes->hook_size : 0;
	uint64_t head = rules_gc_head(type, shapes);
	ret->object = true;
	ret->type = index;
	ret->is_type = type->kind == TYPE_TYPE;
	ret->into = (uint32_t)(hooks + type->before);
	ret->scan = RULE_WORDS;
	if (type->leaf && type->kind == TYPE_STR)
		ret->scan = shapes->str.state ? RULE_STR : RULE_WORDS; /* 2.7's unicode */
	else if (type->leaf && type->kind != TYPE_BYTEARRAY)
		ret->scan = RULE_NOTHING;
	else if (type->kind == TYPE_TUPLE && type->exact)
		count_items(ret, shapes->tuple.items, 8);
	else if (type->kind == TYPE_TYPE) /* there is one item more than it says: zeros */
		count_items(ret, type->basicsize + type->itemsize, type->itemsize);
	if (type->before > head && (type->managed_dict || type->managed_weakref)) {
		ret->first = (uint32_t)hooks;
		ret->first_end = (uint32_t)(ret->into - head);
	}
	ret->second = (uint32_t)(ret->into + shapes->ob_type);
	ret->second_end =
		has_fixed_size(type) ? (uint32_t)(ret->into + type->basicsize) : UINT32_MAX;
	skip_weak(types, index, ret);
}

static bool leads_on(enum part_kind part)
{
	return part == PART_DEQUE_BLOCK || part == PART_ODICT_NODE;
}

static bool has_keys(const struct shapes *shapes, enum part_kind part)
{
	return shapes->keys.header && (part == PART_DICT_KEYS || part == PART_CACHED_KEYS);
}

static void rule_of_label(struct type_table *types, const struct label *label, struct rule *ret)
{
	*ret = (struct rule){
		.type = TYPE_NONE,
		.owner = TYPE_NONE,
		.scan = label->kind == LABEL_FREE || label->leaf ? RULE_NOTHING : RULE_WORDS,
		.second_end = UINT32_MAX,
	};
	switch (label->kind) {
	case LABEL_FREE:
		break;
	case LABEL_UNEXPLAINED:
		ret->native = true;
		break;
	case LABEL_OBJECT:
		if (label->type != TYPE_NONE)
			rule_of_object(types, label->type, ret);
		break;
	case LABEL_BUFFER:
		ret->owned = true;
		ret->owner = label->type;
		ret->leads_on = leads_on(label->part);
		if (!label->leaf && label->part == PART_LIST_ITEMS)
			ret->scan = RULE_LIST;
		else if (!label->leaf && has_keys(types->shapes, label->part))
			ret->scan = RULE_KEYS;
		break;
	case LABEL_GENERIC:
		ret->owned = label->type != TYPE_NONE;
		ret->native = !ret->owned;
		break;
	case LABEL_FREE_LISTED:
		if (label->type != TYPE_NONE)
			rule_of_object(types, label->type, ret);
		ret->scan = RULE_NOTHING;
		ret->dead = true;
		break;
	}
}

/* The size that was asked for, the domain, seven bytes of one value (Objects/obmalloc.c, 2.7 to 3.15). */
static bool is_hooked(struct burst *burst, uint64_t start)
{
	uint64_t word;
	if (!burst_word(burst, raddr_at(start + 8), &word) || (word & 0xff) != 'r')
		return false;
	uint64_t fence = word >> 8;
	return fence == UINT64_C(0xfdfdfdfdfdfdfd) || fence == UINT64_C(0xfbfbfbfbfbfbfb);
}

static struct error *find_hooks(const struct ground *ground, struct rules *rules)
{
	const struct plot *plot = &ground->plot;
	if (!ground->shapes.debug_hooks)
		return NULL;
	rules->hooked = calloc(plot->chunks.count / 64 + 1, sizeof(*rules->hooked));
	if (!rules->hooked)
		return error_out_of_memory();
	for (size_t i = 0; i < plot->chunks.count; i++)
		if (plot->chunks.items[i].size > ground->shapes.hook_size &&
		    is_hooked(ground->burst, plot->chunks.items[i].start))
			rules->hooked[i / 64] |= UINT64_C(1) << (i % 64);
	return NULL;
}

struct error *rules_init(const struct ground *ground, struct rules *ret)
{
	struct type_table *types = (struct type_table *)(uintptr_t)&ground->types;
	const struct shapes *shapes = &ground->shapes;
	struct rules rules = {.count = ground->labels.list.count, .tag_mask = UINT64_MAX};
	rules.list = calloc(rules.count ?: 1, sizeof(*rules.list));
	if (!rules.list)
		return error_out_of_memory();
	for (size_t i = 0; i < rules.count; i++)
		rule_of_label(types, &ground->labels.list.items[i], &rules.list[i]);
	/* 3.12: the address of an object's values less one. From 3.14 on, and without the GIL: references on a frame's stack
	 * have flags in their low bits (Include/internal/pycore_stackref.h). */
	if (shapes->values == VALUES_TAGGED)
		rules.tag_add = 1;
	if (shapes->refcount == REFCOUNT_SPLIT || shapes->free_threaded)
		rules.tag_mask = ~UINT64_C(3);
	struct error *err = find_hooks(ground, &rules);
	if (err)
		rules_fini(&rules);
	else
		*ret = rules;
	return err;
}

void rules_fini(struct rules *rules)
{
	free(take(rules->list));
	free(take(rules->hooked));
}
