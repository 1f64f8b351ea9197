/*
 * question: one verb with its options, on its way to an answer. What all ways have in common.
 */
#ifndef UI_QUESTION_H
#define UI_QUESTION_H

#include "inspector/inspector.h"
#include "ui/ask/ask.h"
#include "ui/json/json.h"
#include "ui/target.h"
#include "ui/text/page.h"

struct question {
	const struct options *options;
	const struct style *style;
	struct timespec start;
	struct answer *answer;
	struct target target;
	bool more, traces; /* of several targets: as in inspector_request */
};

/* Since the program began. */
uint64_t question_elapsed_ms(const struct question *q);

/* What JSON is told of the question; the page that its text is laid out on. */
struct json_request question_json(const struct question *q);
struct page question_page(const struct question *q);

/* Fills q->target; several matches of a name are noted. As target_find. */
struct error *question_find_target(struct question *q) MUST_CHECK;

/* What is asked of the inspector about q->target. */
struct inspector_request question_request(const struct question *q);

/* Opens what the question is about, found before. As inspector_open. */
struct error *question_open(const struct question *q, struct inspector **ret) MUST_CHECK;

/*
 * The same question about another target: `word` as it would stand on the command line. options: the caller's
 * storage for what differs, which *ret borrows. As target_find.
 */
struct error *question_about(const struct question *q, const char *word, struct options *options,
			     struct question *ret) MUST_CHECK;

/* Adds doubts to the notes for standard error; quiet leaves out those that are only notes. */
void question_note_doubts(struct text *notes, const struct doubts *doubts, bool quiet);

/* Adds what the answer itself does not tell of a look. */
void question_note_look(const struct question *q, const struct snapshot *s);

/* The ways that stand in files of their own: types, object, why, diff. */
struct error *ask_types(struct question *q) MUST_CHECK;
struct error *ask_object(struct question *q) MUST_CHECK;
struct error *ask_why(struct question *q) MUST_CHECK;
struct error *ask_diff(struct question *q) MUST_CHECK;

#endif
