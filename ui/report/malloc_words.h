/*
 * malloc_words: malloc's figures by column, and the sentence that they prove. For the report and the
 * dashboard alike.
 */
#ifndef UI_MALLOC_WORDS_H
#define UI_MALLOC_WORDS_H

#include "base/text.h"
#include "inspector/malloc/malloc_account.h"
#include "ui/text/units.h"

/* Columns of an arena's bytes, in their order. */
enum malloc_column {
	MALLOC_SYSTEM,
	MALLOC_IN_USE,
	MALLOC_CACHED, /* tcache and fastbins: freed, and ready for the next request of that size */
	MALLOC_FREE,
	MALLOC_FREE_RESIDENT,
	MALLOC_TRIMMABLE,
	MALLOC_STUCK,
	MALLOC_TOP,
	MALLOC_COLUMNS
};

/* The column's title, at most 6 characters. Static. */
const char *malloc_words_title(enum malloc_column column);

/* An arena's figure; not known where residency is not. */
struct maybe malloc_words_figure(const struct malloc_arena *arena, enum malloc_column column);

/* The sum over all arenas; not known where one of them is not. */
struct maybe malloc_words_sum(const struct malloc_account *account, enum malloc_column column);

/* "celery, python3 (8)": who uses an arena, foreign text not escaped; "no thread". */
void malloc_words_threads(struct text *text, const struct malloc_arena *arena);

/* "main", "#3": an arena by its place in the ring; "#3!": its walk is not proved. */
void malloc_words_label(char ret[UNITS_MAX], const struct malloc_account *account, size_t i);

/* Arenas whose chunks make up what they should. */
size_t malloc_words_n_proved(const struct malloc_account *account);

/* Arenas that serve no thread any more. */
size_t malloc_words_n_deserted(const struct malloc_account *account);

/* The sentence that the figures prove, without line break; may hold foreign text, not escaped. */
void malloc_words_sentence(struct text *text, const struct malloc_account *account,
			   enum units units);

/* Whether the thresholds move, and what it means that they have. Static. */
const char *malloc_words_threshold(const struct malloc_settings *settings);

#endif
