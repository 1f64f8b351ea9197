/*
 * core_account: a core is a copy that somebody made: how, of whom, and what of it did
 * not arrive.
 */
#include "inspector/core_account.h"

#include "base/cleanup.h"
#include "base/count.h"
#include "base/text.h"
#include "inspector/target/core/core_file.h"

#include <inttypes.h>
#include <string.h>

static const char no_private[] =
	"the core leaves out private memory (coredump_filter without bit 0)";

static const char *safe(struct text *buffer, const char *foreign)
{
	text_clear(buffer);
	text_add_escaped(buffer, foreign ?: "?", strlen(foreign ?: "?"));
	return text_string(buffer);
}

/* ---- what is missing ---------------------------------------------------------------------- */

static bool is_cut(const struct core_summary *s)
{
	return s->size < s->whole_size || s->n_cut_headers || s->damage;
}

/* Where program headers are cut off, what they said is not known. */
static bool lacks_private(const struct core_summary *s)
{
	return !s->has_private && !s->n_cut_headers;
}

static void describe_cut(const struct core_summary *s, struct text *ret)
{
	text_addf(ret, "the core is cut off: it has %s of at least %s bytes", COUNT(s->size),
		  COUNT(size_max(s->size, s->whole_size)));
	if (s->damage)
		text_addf(ret, " (the %s file: %s)", s->packing, s->damage);
	if (s->lost_size)
		text_addf(ret, "; %s bytes of memory are missing", COUNT(s->lost_size));
	if (s->n_cut_headers)
		text_addf(ret, "; %s of %s program headers are missing", COUNT(s->n_cut_headers),
			  COUNT(s->n_headers));
	if (s->notes_cut)
		text_add(ret, "; so are notes");
}

static void describe_refused(const struct core_summary *s, struct text *ret)
{
	text_addf(ret,
		  "%s segments, notes or mappings of the core make no sense or overlap "
		  "others and are left out",
		  COUNT(s->n_refused));
}

void core_account_doubts(const struct origin *origin, struct doubts *doubts)
{
	const struct core_summary *s = core_summary(origin);
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	if (!s)
		return;
	if (is_cut(s)) {
		describe_cut(s, &line);
		doubts_add(doubts, DOUBT_INPUT_PARTIAL, DOUBT_PARTIAL, 1, "%s", text_string(&line));
	}
	if (s->n_refused) {
		text_clear(&line);
		describe_refused(s, &line);
		doubts_add(doubts, DOUBT_INPUT_PARTIAL, DOUBT_PARTIAL, s->n_refused, "%s",
			   text_string(&line));
	}
	if (lacks_private(s))
		doubts_add(doubts, DOUBT_INPUT_PARTIAL, DOUBT_PARTIAL, 1, "%s", no_private);
	doubts_add(doubts, DOUBT_RESIDENCY, DOUBT_NOTE, 1,
		   "a core does not tell what of its memory was in RAM");
}

/* ---- doctor ------------------------------------------------------------------------------- */

static void tell_kind(const struct core_summary *s, struct findings *f)
{
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	text_addf(&line, "a core as %s, %s bytes",
		  s->by_gdb ? "gdb's gcore writes it (notes last)"
			    : "the kernel writes it (notes first)",
		  COUNT(s->size));
	if (*s->packing)
		text_addf(&line, ", unpacked from %s bytes of %s", COUNT(s->packed_size),
			  s->packing);
	findings_add(f, "core", FINDING_OK, "%s", text_string(&line));
	if (!is_cut(s))
		return;
	text_clear(&line);
	describe_cut(s, &line);
	findings_add(f, "core", FINDING_MISSING, "%s", text_string(&line));
}

static void tell_segments(const struct core_summary *s, struct findings *f)
{
	findings_add(f, "segments", FINDING_OK,
		     "%s: %s whole, %s with their first part only, %s without contents",
		     COUNT(s->n_full + s->n_partial + s->n_empty), COUNT(s->n_full),
		     COUNT(s->n_partial), COUNT(s->n_empty));
	if (lacks_private(s))
		findings_add(f, "segments", FINDING_MISSING, "%s", no_private);
	if (s->has_files && !s->n_objects)
		findings_add(f, "segments", FINDING_MISSING,
			     "the first pages of mapped files, with their build-ids, were left out "
			     "(coredump_filter's bit 4)");
	if (!s->n_refused)
		return;
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	describe_refused(s, &line);
	findings_add(f, "segments", FINDING_MISSING, "%s", text_string(&line));
}

static void tell_notes(const struct core_summary *s, uint64_t n_threads, struct findings *f)
{
	bool all = s->has_info && s->has_files && s->has_auxv && n_threads;
	findings_add(f, "notes", all ? FINDING_OK : FINDING_MISSING,
		     "process %s, mapped files %s, auxiliary vector %s, %s thread%s",
		     s->has_info ? "found" : "missing", s->has_files ? "found" : "missing",
		     s->has_auxv ? "found" : "missing", COUNT(n_threads),
		     n_threads == 1 ? "" : "s");
}

static void tell_process(const struct core_summary *s, const struct facts *facts,
			 struct findings *f)
{
	_cleanup_(text_fini) struct text comm = TEXT_EMPTY;
	_cleanup_(text_fini) struct text exe = TEXT_EMPTY;
	const char *name = facts->signal ? sigabbrev_np(facts->signal) : NULL;
	if (!s->has_info)
		return;
	findings_add(f, "process", FINDING_OK, "pid %d (%s), uid %u, %s%s%s", (int)facts->pid,
		     safe(&comm, facts->comm), (unsigned)facts->uid, safe(&exe, facts->exe),
		     name ? ", ended by SIG" : "", name ?: "");
}

static void tell_context(const struct core_context *context, struct findings *f)
{
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	const struct {
		const char *label, *value;
	} parts[] = {{"pid", context->pid},
		     {"comm", context->comm},
		     {"exe", context->exe},
		     {"signal", context->signal},
		     {"host", context->host}};
	if (!context->present)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (!parts[i].value)
			continue;
		text_addf(&line, "%s%s ", line.length ? ", " : "", parts[i].label);
		text_add_escaped(&line, parts[i].value, strlen(parts[i].value));
	}
	findings_add(f, "systemd", FINDING_OK, "its coredump attributes say: %s (told, not used)",
		     text_string(&line));
}

static void tell_by_hand(const struct core_summary *s, struct findings *f)
{
	if (s->by_hand == CORE_BY_HAND_USED)
		findings_add(f, "file", FINDING_NOTE,
			     "the file given with --exe is taken on trust: the core lacks its "
			     "build-id");
	else if (s->by_hand == CORE_BY_HAND_UNFIT)
		findings_add(f, "file", FINDING_MISSING,
			     "the file given with --exe is refused: its segments do not lie as the "
			     "core's mappings do");
}

struct error *core_account_tell(const struct origin *origin, struct findings *f)
{
	const struct core_summary *s = core_summary(origin);
	_cleanup_(facts_fini) struct facts facts = FACTS_EMPTY;
	struct error *err = s ? origin_facts(origin, &facts) : NULL;
	if (!s || err)
		return err;
	f->pid = facts.pid;
	tell_kind(s, f);
	tell_segments(s, f);
	tell_notes(s, facts.n_threads, f);
	tell_process(s, &facts, f);
	tell_context(s->context, f);
	tell_by_hand(s, f);
	return NULL;
}

/* ---- why no interpreter was found --------------------------------------------------------- */

static struct error *no_headers(const struct core_summary *s)
{
	if (s->by_hand == CORE_BY_HAND_UNFIT)
		return error_new(ERROR_SYMBOLS,
				 "the file given with --exe is of another build: its "
				 "segments do not lie as the core's mappings do");
	return error_remedy(
		error_new(ERROR_SYMBOLS,
			  "the core does not say which builds its files are of: their first pages "
			  "were left out (coredump_filter without bit 4)"),
		"name the file that holds the interpreter, the program or its libpython, with "
		"--exe FILE");
}

static struct error *no_files(const struct module *module)
{
	_cleanup_(text_fini) struct text example = TEXT_EMPTY;
	return error_remedy(
		error_new(ERROR_SYMBOLS,
			  "no interpreter could be seen: the core lacks the symbols of %zu mapped "
			  "file%s, and no file of the same build was found for %s",
			  module->n_unseen, module->n_unseen == 1 ? "" : "s",
			  safe(&example, module->unseen)),
		"--exe FILE names the program or its libpython, --sysroot DIR a copy of the file "
		"system they lay in");
}

struct error *core_account_explain(const struct origin *origin, const struct module *module,
				   struct error *err)
{
	const struct core_summary *s = core_summary(origin);
	if (!s || !err || err->kind != ERROR_UNSUPPORTED || !module->n_unseen)
		return err;
	error_free(err);
	return s->n_objects ? no_files(module) : no_headers(s);
}

struct error *core_account_blame(const struct origin *origin, struct error *err)
{
	const struct core_summary *s = core_summary(origin);
	_cleanup_(text_fini) struct text cut = TEXT_EMPTY;
	if (!s || !err || err->kind == ERROR_RESOURCE || err->kind == ERROR_BAD_FILE)
		return err;
	bool lacks = err->kind == ERROR_FAULT || err->kind == ERROR_INCONSISTENT;
	if (is_cut(s)) {
		describe_cut(s, &cut);
		return error_as(error_context(err, "%s", text_string(&cut)), ERROR_BAD_FILE);
	}
	if (lacks && lacks_private(s))
		err = error_context(err, "%s", no_private);
	return lacks ? error_as(err, ERROR_BAD_FILE) : err;
}
