/*
 * ledger_words: what a ledger's figures mean for "why is my memory not given back", in words for a
 * person who has never heard of trim; and the container's line.
 */
#ifndef UI_LEDGER_WORDS_H
#define UI_LEDGER_WORDS_H

#include "base/text.h"
#include "inspector/snapshot.h"
#include "ui/report/ledger_split.h"
#include "ui/text/units.h"

/* What a leaf is and what gives it back, one sentence. Static. */
const char *ledger_words_leaf(enum leaf leaf);

/* What gives it back in at most 26 columns. Static. */
const char *ledger_words_returns(enum leaf leaf);

/* "free, and not given back": what a group is. Static. */
const char *ledger_words_group(enum leaf_group group);

/*
 * The sentence that the figures prove, without line break: how much of it is kept and what would
 * give that back; where little is kept, what the most of it is; where much of it is unknown, so. False: nothing can be said, since it
 * was not looked at.
 */
bool ledger_words_sentence(struct text *text, const struct ledger *ledger, enum units units);

/* "3.61 GiB of 4.00 GiB in use, 400 MiB before the OOM kill, …"; false: it lives in no container, or
 * nothing is known of it. */
bool ledger_words_purse(struct text *text, const struct purse *purse, enum units units);

#endif
