/*
 * candidates: a runtime that was initialised has made its types ready.
 *
 *	PyType_Type   refcnt | ob_type ─┐ itself | size | tp_name … tp_flags: READY?
 *	              ▲                 │
 *	              └─────────────────┘
 */
#include "inspector/candidates.h"

#include "base/text.h"

#include <stdio.h>

#define TYPE_OF_TYPE 8
#define TYPE_FLAGS   168
#define OBJECT_EXTRA 16 /* two words more before ob_type, in some builds */
#define FLAGS_READY  (UINT64_C(1) << 12)
#define LISTED_MAX   16

enum runtime_use candidate_use(elf_read_fn *read, void *context, const struct elf_image *image)
{
	uint64_t vaddr, size, words[(TYPE_FLAGS + OBJECT_EXTRA) / 8 + 1];
	if (!elf_image_symbol(read, context, image, "PyType_Type", &vaddr, &size))
		return RUNTIME_USE_UNKNOWN;
	uint64_t at = image->bias + vaddr; /* modulo 2^64: elf_image.h */
	struct error *err = read(context, raddr_at(at), words, sizeof(words));
	error_free(err);
	for (size_t extra = 0; !err && extra <= OBJECT_EXTRA; extra += OBJECT_EXTRA) {
		if (words[(TYPE_OF_TYPE + extra) / 8] != at)
			continue;
		return words[(TYPE_FLAGS + extra) / 8] & FLAGS_READY ? RUNTIME_INITIALISED
								     : RUNTIME_IDLE;
	}
	return RUNTIME_USE_UNKNOWN;
}

/* ---- choosing ------------------------------------------------------------------------------- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static bool is_wanted(const struct candidates *candidates, size_t i, const char *wanted)
{
	char number[24];
	const char *path = candidates->list.items[i].path;
	(void)snprintf(number, sizeof(number), "%zu", i + 1);
	return strcmp(number, wanted) == 0 || strcmp(path, wanted) == 0 ||
	       strcmp(base_name(path), wanted) == 0;
}

static struct error *not_one(const struct candidates *candidates, const char *wanted, size_t found)
{
	struct text list = TEXT_EMPTY;
	for (size_t i = 0; i < candidates->list.count && i < LISTED_MAX; i++) {
		const char *path = candidates->list.items[i].path;
		text_addf(&list, "%s%zu ", i ? ", " : "", i + 1);
		text_add_escaped(&list, path, strlen(path));
	}
	struct error *err =
		error_new(ERROR_USAGE, "--module '%.200s' is %s of its Python runtimes: %s", wanted,
			  found ? "more than one" : "none", text_string(&list));
	text_fini(&list);
	return error_rule(error_remedy(err, "give the number or the whole path of one"),
			  "no_such_module");
}

static struct error *choose_wanted(const struct candidates *candidates, const char *wanted,
				   size_t *ret)
{
	size_t found = 0, index = 0;
	for (size_t i = candidates->list.count; i-- > 0;) {
		if (!is_wanted(candidates, i, wanted))
			continue;
		found++;
		index = i;
	}
	if (found != 1)
		return not_one(candidates, wanted, found);
	*ret = index;
	return NULL;
}

struct error *candidates_choose(const struct candidates *candidates, const char *wanted,
				size_t *ret)
{
	if (wanted)
		return choose_wanted(candidates, wanted, ret);
	size_t best = 0;
	for (size_t i = 1; i < candidates->list.count; i++) {
		if (candidates->list.items[i].use > candidates->list.items[best].use)
			best = i;
	}
	*ret = best;
	return NULL;
}

size_t candidates_rivals(const struct candidates *candidates, size_t chosen)
{
	size_t n = 0;
	enum runtime_use use = candidates->list.items[chosen].use;
	for (size_t i = 0; i < candidates->list.count; i++)
		n += i != chosen && candidates->list.items[i].use >= use;
	return n;
}

void candidates_fini(struct candidates *candidates)
{
	for (size_t i = 0; i < candidates->list.count; i++)
		free(candidates->list.items[i].path);
	vec_fini(&candidates->list);
}
