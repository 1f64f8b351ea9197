/*
 * why_words: a verdict in sentences that can be pasted into an incident channel. For the report, JSON and the
 * dashboard alike.
 *
 * Paragraphs without line breaks; they hold foreign text, escaped already.
 */
#ifndef UI_WHY_WORDS_H
#define UI_WHY_WORDS_H

#include "base/text.h"
#include "inspector/snapshot.h"
#include "ui/text/units.h"

struct why_words {
	const struct snapshot *snapshot; /* borrowed */
	enum units units;
	bool ascii;        /* 7-bit characters only */
	const char *since; /* what the person calls the earlier look; NULL: nothing */
};

/* What the cause is: "1.31 GiB: 1,402 of 1,659 pymalloc arenas are only 4 % used. …" */
void why_cause(struct text *to, const struct why_words *w, const struct cause *cause);

/* Who has a part in it: "1,322 app.Session keep 1,264 arenas, 1.23 GiB"; nothing where nobody does. Then their chain:
 * "app.CACHE (module global) > dict > app.Session"; nothing where none is known. */
void why_who(struct text *to, const struct why_words *w, const struct cause *cause);
void why_chain(struct text *to, const struct why_words *w, const struct cause *cause);

/* What following the advice gives back. */
void why_gain(struct text *to, const struct why_words *w, const struct cause *cause);

/* "app.CACHE (module global)", as chains begin. Escaped. */
void why_root(struct text *to, const struct why_words *w, const char *name, enum holder_kind kind);

/* " since before.asnap (12 s ago)": of the look that the verdict was compared with. */
void why_since(struct text *to, const struct why_words *w);

/* Foreign text, made safe. */
void why_escape(struct text *to, const struct why_words *w, const char *string);

/* A theory that was ruled out, with its figure. */
void why_not(struct text *to, const struct why_words *w, const struct ruled_out *theory);

/* The one sentence of a verdict: its first cause and who has a part in it. Nothing where there is no verdict. */
void why_sentence(struct text *to, const struct why_words *w);

/* Of a figure that proves a cause by name; not known where it has none. */
struct maybe why_evidence(const struct cause *cause, const char *name);

/* Whether malloc_trim(0) gives what a cause of malloc's promises: not where that is the free ends of threads' arenas. */
bool why_trims(const struct cause *cause);

/* Whether what a cause of pymalloc's promises comes only with gc.collect(): dead objects in free lists, or garbage, lie there, too. */
bool why_collects(const struct cause *cause);

/* The root that has a part in a cause; NULL: none has. */
const struct holder_root *why_holder(const struct why_words *w, const struct cause *cause);

/* An amount, a count, a share, as the sentences have them. */
void why_add_bytes(struct text *to, const struct why_words *w, uint64_t bytes);
void why_add_count(struct text *to, uint64_t count);
void why_add_share(struct text *to, uint64_t part, uint64_t whole);

#endif
