/*
 * look_study: each step needs the one before it, and a step that cannot be done ends the row, not the look.
 */
#include "inspector/look/look_study.h"

#include "base/cleanup.h"
#include "inspector/look/budget.h"
#include "inspector/look/look_hold.h"
#include "inspector/verdict/pins/pins_make.h"

bool look_study_asked(const struct inspector_request *request)
{
	return request->parts & (LOOK_CENSUS | LOOK_HOLDERS);
}

void look_study_drop(struct look_study *study)
{
	graph_free(take(study->graph));
	ground_free(take(study->ground));
}

struct step {
	struct look_study *study;
	const struct inspector_request *request;
	struct subject *subject;
	struct look *look;
	struct snapshot *ret;
};

/* What the walk after the census will take. */
static uint64_t what_holders_take(const struct step *s)
{
	uint64_t blocks = 0;
	if (!(s->request->parts & LOOK_HOLDERS))
		return 0;
	for (size_t i = 0; i < s->ret->interpreters.count; i++) {
		const struct pymalloc *p = &s->ret->interpreters.items[i].pymalloc;
		for (uint64_t k = 0; k < p->n_classes && k < PYMALLOC_CLASSES_MAX; k++)
			blocks += p->classes[k].used_blocks + p->classes[k].free_blocks;
	}
	/* Chunks are not counted yet; an eighth more for them. */
	return graph_memory(blocks + blocks / 8);
}

static struct error *take_census(const struct step *s)
{
	struct look_hold hold;
	const struct ground_request request = {
		.space = &s->subject->space,
		.subject = s->subject,
		.look = s->look,
		.snapshot = s->ret,
		.hold = look_hold(s->look, s->request, s->subject, s->ret, &hold),
		.max_memory = budget_of(s->request),
		.after = what_holders_take(s),
		.contents = s->request->contents,
		.progress = s->request->progress,
		.context = s->request->progress_context,
	};
	return ground_make(&request, &s->study->ground, &s->ret->census, &s->ret->doubts);
}

/* What was found out just now about free memory has the copy taken off already; what was said has not. */
static uint64_t what_is_left(const struct step *s)
{
	uint64_t taken = ground_memory(s->study->ground);
	return s->request->max_memory ? size_max(size_subtract(s->request->max_memory, taken), 1)
				      : budget_of(s->request);
}

static struct error *take_holders(const struct step *s)
{
	look_drop_copies(s->look); /* the plot is made */
	const struct graph_request request = {
		.ground = s->study->ground,
		.look = s->look,
		.subject = s->subject,
		.contents = s->request->contents,
		.max_memory = what_is_left(s),
		.progress = s->request->progress,
		.context = s->request->progress_context,
	};
	struct error *err = graph_make(&request, &s->study->graph, &s->ret->doubts);
	if (err && err->kind == ERROR_RESOURCE) {
		doubts_add(&s->ret->doubts, DOUBT_HOLDERS_PARTIAL, DOUBT_PARTIAL, 1, "%s",
			   err->cause);
		error_free(err);
		return NULL;
	}
	return err ?: graph_report(s->study->graph, &s->ret->holders);
}

static struct error *take_pins(const struct step *s)
{
	const struct pins_request request = {
		.ground = s->study->ground,
		.graph = s->study->graph,
		.malloc = &s->ret->malloc,
		.residency = s->look->residency,
		.contents = s->request->contents,
	};
	return pins_make(&request, s->study->graph ? &s->ret->holders : NULL, &s->ret->pins);
}

struct error *look_study_take(struct look_study *study, const struct inspector_request *request,
			      struct subject *subject, struct look *look, struct snapshot *ret)
{
	const struct step step = {study, request, subject, look, ret};
	if (!look_study_asked(request))
		return NULL;
	struct error *err = take_census(&step);
	if (err || !study->ground || !(request->parts & LOOK_HOLDERS))
		return err;
	err = take_holders(&step);
	return err ?: take_pins(&step);
}
