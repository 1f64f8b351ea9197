/*
 * verbs: each with one example a person can type, and what its answer looks like,
 * because an example is read first and often alone.
 */
#include "ui/verbs.h"

#include "base/size.h"

#include <string.h>

static const struct verb_words words[VERB_COUNT] = {
	[VERB_PS] =
		{
			.name = "ps",
			.args = "",
			.summary = "which CPython processes run here, and can they be looked at",
			.about =
				"List the CPython processes of this machine, those in containers "
				"included: version, build, allocator, memory in RAM, and whether they "
				"can be looked at, or which rule forbids it.",
			.example =
				"Example: which Python process is the biggest?\n\n"
				"  $ arenascope ps --sort rss --limit 1\n"
				"   PID USER VERSION BUILD   ALLOCATOR      RSS ARENAS ATTACH COMMAND\n"
				"  4127 app  3.12.1  release pymalloc  1.93 GiB  1,659 yes    celery\n",
			.sort = "pid rss arenas user version command",
		},
	[VERB_TOP] =
		{
			.name = "top",
			.args = "TARGET",
			.summary = "watch one process live, full screen",
			.about =
				"Watch the memory of one process live: RSS over time and by cause, its "
				"container, what is live and what is kept, malloc's arenas, the map of "
				"pymalloc's, down to single blocks. The process is never stopped. With "
				"--json one object is printed for each look.",
			.example =
				"Example: watch process 4127, a look every half second\n\n"
				"  $ arenascope top 4127 --interval 0.5\n\n"
				"Keys: Tab and 1-9 change the screen, Enter looks inside, / searches an "
				"address, m marks a baseline, q leaves, ? tells the rest.\n",
			.sort = "",
			.takes_target = true,
		},
	[VERB_DUMP] =
		{
			.name = "dump",
			.args = "TARGET",
			.summary = "one report: where the memory is and why it is not given back",
			.about =
				"Print one report of a process: its RSS by cause (see ledger), what of "
				"pymalloc is live or kept, the size classes, the arenas by use, their "
				"map. Reads live, checks itself, and stops the process for 20 ms at "
				"most, only if some figure would otherwise not settle.",
			.example =
				"Example: why does process 4127 not give its memory back?\n\n"
				"  $ arenascope dump 4127\n"
				"  1.31 GiB is free inside pymalloc but cannot go back: 1,402 of 1,659\n"
				"  arenas are less than 5 % used, each is kept by a few live blocks.\n",
			.sort = "size pools live free",
			.takes_target = true,
		},
	[VERB_WHY] =
		{
			.name = "why",
			.args = "TARGET",
			.summary = "why memory is not given back, who holds it, what would help",
			.about =
				"Tell why a process does not give memory back: the causes with their "
				"bytes, who holds what keeps it, what would bring how much back, and "
				"what it is not. The first answer comes within a second, from the "
				"ledger; then every block is looked into, and everything is followed "
				"back to the global, the class or the frame that holds it. Ctrl-C "
				"keeps what is printed. --since FILE compares with a snapshot made "
				"earlier: one look cannot tell whether something grows.",
			.example =
				"Example: who keeps the memory of process 4127?\n\n"
				"  $ arenascope why 4127\n"
				"  WHY   1.31 GiB: 1,402 of 1,659 pymalloc arenas are only 4 % used. ...\n"
				"  WHO   1,322 app.Session keep 1,264 arenas, 1.23 GiB\n"
				"            app.CACHE (module global) > dict > app.Session\n"
				"  GAIN  without them 1.23 GiB goes back by itself\n\n"
				"The first cause, for a script:\n\n"
				"  $ arenascope why 4127 --json | jq -r '.why.causes[0].cause'\n",
			.sort = "",
			.takes_target = true,
		},
	[VERB_LEDGER] =
		{
			.name = "ledger",
			.alias = "rss",
			.args = "TARGET",
			.summary = "every byte in RAM by cause, and what would give it back",
			.about =
				"Tell every byte that a process has in RAM by its cause: live "
				"objects, memory that Python or malloc keeps although it is free, "
				"files, shared memory, stacks, and what cannot be explained; and for "
				"each what gives it back. The lines add up to what was seen in RAM, "
				"to the byte. `rss` is the same verb.",
			.example =
				"Example: what are the 3.6 GiB of process 4127?\n\n"
				"  $ arenascope ledger 4127\n"
				"  Of 3.58 GiB in RAM 2.24 GiB (63 %) is free but kept: 2.02 GiB\n"
				"  malloc_trim(0) would give back now; 225 MiB is malloc's and no call\n"
				"  gives it back.\n\n"
				"Only what cannot be explained, for a script:\n\n"
				"  $ arenascope ledger 4127 --json | jq .ledger.unexplained_bytes\n",
			.sort = "size key",
			.takes_target = true,
		},
	[VERB_TYPES] =
		{
			.name = "types",
			.alias = "histo",
			.args = "TARGET",
			.summary = "what is in there: objects by type, with what they own",
			.about =
				"Count everything that is in the heap of a process by type: how many, "
				"their bytes, their bytes with the buffers that only they own (a "
				"list's items, a dict's keys), and how many arenas they touch. Every "
				"allocated block is looked at, whether the garbage collector knows of "
				"it or not. `histo` is the same verb.",
			.example = "Example: which types touch the most arenas of process 4127?\n\n"
				   "  $ arenascope types 4127 --sort arenas --limit 5\n\n"
				   "What has grown since a snapshot was made?\n\n"
				   "  $ arenascope types 4127 --since monday.asnap\n",
			.sort = "total count bytes arenas type",
			.takes_target = true,
		},
	[VERB_OBJECT] =
		{
			.name = "object",
			.args = "TARGET ADDRESS",
			.summary = "one object: what it is, who points at it, what keeps it",
			.about =
				"Tell of one object, by its address as id() or repr() print it or any "
				"address inside its block: type, size, references, where it lies, who "
				"points at it, and the chain from there back to what holds it.",
			.example = "Example: who holds the object at 0x7f3a1c04b2d0?\n\n"
				   "  $ arenascope object 4127 0x7f3a1c04b2d0\n",
			.sort = "",
			.takes_target = true,
			.second = "ADDRESS",
		},
	[VERB_MALLOC] =
		{
			.name = "malloc",
			.args = "TARGET",
			.summary = "glibc's malloc by arena, and what malloc_trim would give",
			.about =
				"Tell what glibc's malloc holds in a process, arena by arena: in use, "
				"cached by threads, free, and how much of it malloc_trim(0) would "
				"give back now; which threads use which arena, the thresholds in "
				"force, and the MALLOC_ variables that came too late. Every chunk is "
				"walked, and the sums are checked against malloc's own. Another "
				"allocator is named.",
			.example = "Example: would malloc_trim(0) help process 4127?\n\n"
				   "  $ arenascope malloc 4127\n"
				   "  malloc_trim(0) would give back 2.02 GiB now.\n\n"
				   "The five arenas with the most free memory:\n\n"
				   "  $ arenascope malloc 4127 --sort free --limit 5\n",
			.sort = "arena system free trim top",
			.takes_target = true,
		},
	[VERB_STATS] =
		{
			.name = "stats",
			.args = "TARGET",
			.summary = "what sys._debugmallocstats() prints in that process",
			.about =
				"Print what sys._debugmallocstats() would write in that process at this "
				"moment, byte for byte. Stops the process once, for milliseconds, so "
				"that the figures are of one instant; --no-pause reads it running.",
			.example = "Example: how many bytes are in use in process 4127?\n\n"
				   "  $ arenascope stats 4127 | grep 'allocated blocks'\n"
				   "  # bytes in allocated blocks        =          290,404,112\n",
			.sort = "",
			.takes_target = true,
		},
	[VERB_MAP] =
		{
			.name = "map",
			.args = "TARGET",
			.summary = "the occupancy picture: every arena, every pool",
			.about =
				"Draw every arena as a row and every pool of it as a cell: how much of "
				"it is in use. A row with a single mark in it is memory that one live "
				"block keeps from going back.",
			.example = "Example: the ten emptiest arenas of process 4127\n\n"
				   "  $ arenascope map 4127 --sort used --limit 10\n",
			.sort = "address used",
			.takes_target = true,
		},
	[VERB_DIFF] =
		{
			.name = "diff",
			.args = "A B",
			.summary = "what grew between two snapshots, cores or processes",
			.about =
				"Tell what grew from A to B, two targets of any kind: types, what "
				"roots hold, size classes, the ledger's lines, arenas. With --fail-on "
				"KEY:AMOUNT the exit status is 1 if that grew by more: rss, live "
				"(bytes of live objects), blocks, arenas.",
			.example =
				"Example: what did process 4127 gain since Monday?\n\n"
				"  $ arenascope diff monday.asnap 4127\n\n"
				"For a test of yours: fail if live memory grew by more than 20 MiB\n\n"
				"  $ arenascope diff before.asnap after.asnap --fail-on live:20M\n",
			.sort = "",
			.takes_target = true,
			.second = "B",
		},
	[VERB_SNAPSHOT] =
		{
			.name = "snapshot",
			.args = "TARGET -o FILE",
			.summary = "save a process, to ask all of this later or elsewhere",
			.about =
				"Save what is needed to answer every other verb about a process later, "
				"on any machine, without the process and its files. Its memory is read "
				"live; only what must be of one moment is copied under a stop, as dump "
				"does. The contents of objects (strings, bytes, numbers, the command "
				"line) are blanked unless --contents is given; addresses, sizes, "
				"counts and types are kept.",
			.example =
				"Example: save process 4127, and look into it on another machine\n\n"
				"  $ arenascope snapshot 4127 --output app.%p.%t.asnap\n"
				"  $ scp app.4127.*.asnap desk: && ssh desk\n"
				"  $ arenascope dump app.4127.20261122T140203Z.asnap\n",
			.sort = "",
			.takes_target = true,
		},
	[VERB_DOCTOR] =
		{
			.name = "doctor",
			.args = "TARGET",
			.summary = "what was found, how, and what is missing",
			.about =
				"Tell what was found of a process and its interpreter, how, what was "
				"assumed, what is missing and how to get it. With --plan the process is "
				"not touched: only what a look would do is listed.",
			.example =
				"Example: may I look at process 4127, and would it be stopped?\n\n"
				"  $ arenascope doctor --plan 4127\n\n"
				"What does this core hold, and which files does it need?\n\n"
				"  $ arenascope doctor core.4127.zst\n",
			.sort = "",
			.takes_target = true,
		},
};

static const char *const reserved[] = {
	"record",
	"check",
	"metrics",
	"tree",
};

const struct verb_words *verb_words(enum verb verb)
{
	return &words[verb];
}

static bool find_exactly(const char *word, enum verb *ret)
{
	for (size_t i = 0; i < VERB_COUNT; i++) {
		const char *alias = words[i].alias;
		if (strcmp(words[i].name, word) == 0 || (alias && strcmp(alias, word) == 0)) {
			*ret = (enum verb)i;
			return true;
		}
	}
	return false;
}

bool verb_find(const char *word, bool prefixes, enum verb *ret)
{
	size_t length = strlen(word), n = 0;
	enum verb found = VERB_PS;
	if (find_exactly(word, ret))
		return true;
	for (size_t i = 0; prefixes && length && i < VERB_COUNT; i++) {
		if (strncmp(words[i].name, word, length) == 0) {
			found = (enum verb)i;
			n++;
		}
	}
	if (n == 1)
		*ret = found;
	return n == 1;
}

bool verb_is_reserved(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++) {
		if (strcmp(reserved[i], word) == 0)
			return true;
	}
	return false;
}

const char *verb_list(void)
{
	return "ps, top, dump, why, ledger, types, object, malloc, stats, map, diff, snapshot, "
	       "doctor";
}
