/*
 * save: pages first, what they must agree with last.
 *
 *	time ──▷   [look]  [pages ………………………………]  [look: stop?]  [residency, regions, facts]
 *	file       header   MEMORY                  OVERLAY         RESIDENCY, REGIONS, FACTS,
 *	                                                                 BUILD, VARIABLES
 *
 * Later readings lie over earlier ones, so the headers that a look copied under its stop
 * win over those in pages read before.
 */
#include "inspector/save/save.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "inspector/look/budget.h"
#include "inspector/look/footprint.h"
#include "inspector/malloc/glibc_environ.h"
#include "inspector/save/save_heap.h"
#include "inspector/save/save_log.h"
#include "inspector/save/save_pages.h"
#include "inspector/save/save_variables.h"
#include "inspector/target/process/process.h"
#include "inspector/target/savefile/savefile_place.h"
#include "inspector/target/savefile/savefile_sections.h"
#include "inspector/target/savefile/savefile_writer.h"
#include "symbols/layout_text.h"

#include <string.h>

#define OWN_MEMORY (16 * MIB) /* of the writer, of windows, of types: beside a look's own */
#define HEAP_MAX   (64 * MIB) /* of malloc's, kept once in memory and once in the log */

struct saving {
	const struct save_source *source;
	const struct inspector_save *to;
	struct savefile_writer *writer;
	struct save_log log;
	struct save_objects objects;
	struct save_heap heap;
	struct pymalloc_saved_arenas arenas;
	struct save_estimate estimate;
	struct footprint footprint;
	enum space_moment moment;
	bool at_work;
	struct inspector_saved result;
};

static void saving_fini(struct saving *s)
{
	savefile_writer_free(s->writer);
	save_log_fini(&s->log);
	save_objects_fini(&s->objects);
	save_heap_fini(&s->heap);
	pymalloc_saved_fini(&s->arenas);
	footprint_fini(&s->footprint);
	snapshot_free(s->result.snapshot);
}

/* ---- is there room? ------------------------------------------------------------------- */

static struct error *no_room(uint64_t needs, uint64_t has, const char *what, const char *remedy)
{
	return error_remedy(error_new(ERROR_RESOURCE,
				      "the snapshot needs about %" PRIu64 " MiB, %s has %" PRIu64
				      " MiB left",
				      needs / MIB + 1, what, has / MIB),
			    "%s", remedy);
}

static struct error *check_room(const struct saving *s)
{
	const struct inspector_request *request = s->source->request;
	struct savefile_place place = savefile_place_of(s->to->fd);
	uint64_t file = s->estimate.file, budget = budget_of(request);
	if (budget < OWN_MEMORY)
		return no_room(
			OWN_MEMORY, budget, "our memory budget",
			"give more with --max-memory, or save it from outside its container");
	if (place.room != UINT64_MAX && file > place.room)
		return no_room(file, place.room, "the disk",
			       "give a place with more room to --output");
	if (place.in_memory && size_add(file, OWN_MEMORY) > budget)
		return no_room(size_add(file, OWN_MEMORY), budget,
			       "the place lies in memory, and our budget",
			       "give a place on a disk to --output, or more with --max-memory");
	return NULL;
}

/* ---- the looks ------------------------------------------------------------------------ */

static struct error *collect_arenas(struct saving *s)
{
	struct look *look = s->source->look;
	s->arenas.list.count = 0;
	for (size_t i = 0; i < look->runtime.interpreters.count; i++) {
		if (!look->runtime.interpreters.items[i].has_heap)
			continue;
		struct error *err = pymalloc_saved_add(look->copies.items[i], &s->arenas);
		if (err)
			return err;
	}
	return NULL;
}

static struct error *look_first(struct saving *s)
{
	struct error *err =
		s->source->take_look(s->source->context, LOOK_NO_PAUSE, NULL, &s->result.snapshot);
	return err ?: collect_arenas(s);
}

static void join_moments(enum space_moment *to, enum space_moment one)
{
	*to = *to == SPACE_MANY || one == SPACE_MANY ? SPACE_MANY
	      : *to == SPACE_UNKNOWN                 ? one
	      : one == *to                           ? one
						     : SPACE_MANY;
}

/* The tables as they must be, and whether all that was copied is of one moment. */
static struct error *log_tables(struct saving *s)
{
	struct look *look = s->source->look;
	bool first = true;
	for (size_t i = 0; i < look->runtime.interpreters.count; i++) {
		if (!look->runtime.interpreters.items[i].has_heap)
			continue;
		const struct pymalloc_copy *copy = look->copies.items[i];
		_cleanup_(free_pointer) uint8_t *table = NULL;
		raddr start;
		size_t size;
		struct error *err = pymalloc_saved_table(copy, &start, &table, &size);
		if (err)
			return err;
		enum space_moment moment = pymalloc_saved_moment(copy);
		save_log_add(&s->log, start, table, size, moment == SPACE_ONE);
		if (first)
			s->moment = moment;
		else
			join_moments(&s->moment, moment);
		first = false;
	}
	return NULL;
}

/* Of a blanked environment what malloc heeds is kept: numbers, and what leads to them. */
static struct error *hear_environment(struct saving *s, const struct space_tap *tap)
{
	_cleanup_(glibc_place_fini) struct glibc_place place = GLIBC_PLACE_EMPTY;
	_cleanup_(environment_fini) struct environment environment = ENVIRONMENT_EMPTY;
	struct subject *subject = s->source->subject;
	struct error *err = glibc_place_find(&subject->origin, &subject->space, &place);
	if (err)
		return err;
	subject->space.tap = tap;
	err = glibc_environ_read(&subject->space, &place, &environment);
	subject->space.tap = NULL;
	return err;
}

static struct error *look_again(struct saving *s)
{
	const struct save_source *source = s->source;
	const struct space_tap tap = {save_log_hear, &s->log};
	bool exact = source->request->mode == LOOK_EXACT;
	snapshot_free(take(s->result.snapshot));
	struct error *err = exact ? footprint_take(&source->subject->origin,
						   &source->subject->space, false, &s->footprint)
				  : NULL;
	err = err ?: hear_environment(s, &tap);
	if (err)
		return err;
	source->subject->space.tap = &tap;
	err = source->take_look(source->context, source->request->mode,
				exact ? &s->footprint : NULL, &s->result.snapshot);
	source->subject->space.tap = NULL;
	err = err ?: log_tables(s);
	err = err ?: collect_arenas(s);
	if (!err && s->result.snapshot->pause.mode == PAUSE_PARTIAL)
		save_log_distrust(&s->log, &s->arenas);
	return err;
}

/* ---- pages ---------------------------------------------------------------------------- */

static void free_redactor(struct redactor **redactor)
{
	redactor_free(*redactor);
}

static struct error *make_redactor(struct saving *s, struct redactor **ret)
{
	struct subject *subject = s->source->subject;
	const struct redactor_request request = {
		.space = &subject->space,
		.layout = &subject->build.layout,
		.image = &subject->module.image,
		.arenas = &s->arenas,
		.mimalloc = s->source->look->mimalloc
				    ? mimalloc_copy_image(s->source->look->mimalloc)
				    : NULL,
		.log = &s->log,
		.version_hex = subject->build.version_hex,
		.debug_hooks = s->result.snapshot->target.debug_hooks,
		.free_threaded = subject->build.free_threaded,
	};
	return redactor_new(&request, ret);
}

/* What the pages have of a heap at work would be of many moments. */
static struct error *log_heap(struct saving *s)
{
	_cleanup_(free_redactor) struct redactor *redactor = NULL;
	bool read = false;
	struct error *err = save_heap_moved(&s->heap, &s->at_work);
	if (err || !s->at_work)
		return err;
	uint64_t max_size = size_min(HEAP_MAX, budget_of(s->source->request) / 8);
	err = save_heap_read(&s->heap, max_size, &read);
	if (err || !read)
		return err;
	err = s->to->contents ? NULL : make_redactor(s, &redactor);
	err = err ?: save_heap_log(&s->heap, redactor, &s->log);
	return err || !redactor ? err : redactor_log_names(redactor);
}

static bool tell_progress(void *context, uint64_t done)
{
	const struct saving *s = context;
	return !s->to->progress ||
	       s->to->progress(s->to->context, done, s->estimate.memory, s->estimate.file);
}

static struct error *write_pages(struct saving *s)
{
	_cleanup_(free_redactor) struct redactor *redactor = NULL;
	struct error *err = s->to->contents ? NULL : make_redactor(s, &redactor);
	if (err)
		return err;
	const struct save_pages_request request = {
		.space = &s->source->subject->space,
		.objects = &s->objects,
		.writer = s->writer,
		.redactor = redactor,
		.progress = tell_progress,
		.context = s,
	};
	err = save_pages_write(&request, &s->result.memory_size);
	return err || !redactor ? err : redactor_log_names(redactor);
}

/* ---- the rest ------------------------------------------------------------------------- */

static void free_buffer(struct savefile_buffer *buffer)
{
	free(buffer->items);
}

static struct error *write_buffer(struct saving *s, enum savefile_kind kind, bool filled,
				  const struct savefile_buffer *buffer)
{
	if (!filled)
		return error_out_of_memory();
	return savefile_writer_add_bytes(s->writer, kind, buffer->items, buffer->count);
}

static struct error *write_residency(struct saving *s)
{
	_cleanup_(free_buffer) struct savefile_buffer buffer = {0};
	_cleanup_(residency_fini) struct residency residency = RESIDENCY_EMPTY;
	bool filled = save_heap_residency(&s->heap, &s->footprint.residency, &residency) &&
		      savefile_put_residency(&residency, &buffer);
	return write_buffer(s, SAVEFILE_RESIDENCY, filled, &buffer);
}

static struct error *write_regions(struct saving *s)
{
	_cleanup_(free_buffer) struct savefile_buffer buffer = {0};
	bool filled = savefile_put_regions(&s->source->subject->space, &buffer);
	return write_buffer(s, SAVEFILE_REGIONS, filled, &buffer);
}

static struct error *write_facts(struct saving *s)
{
	_cleanup_(free_buffer) struct savefile_buffer buffer = {0};
	struct savefile_facts facts = {
		.facts = FACTS_EMPTY, .account = s->footprint.account, .moment = s->moment};
	struct error *err = origin_facts(&s->source->subject->origin, &facts.facts);
	struct subject *subject = s->source->subject;
	err = err ?: origin_threads(&subject->origin, &subject->space, &facts.facts.threads);
	if (err) {
		facts_fini(&facts.facts);
		return err;
	}
	facts.facts.label = process_label(facts.facts.cmdline.items, facts.facts.cmdline.count,
					  facts.facts.comm);
	facts.facts.at_work = s->at_work;
	facts.facts.taken_at = s->result.snapshot->target.taken_at;
	facts.facts.system_memory = s->result.snapshot->target.system_memory;
	bool filled = savefile_put_facts(&facts, s->to->contents, &buffer);
	facts_fini(&facts.facts);
	return write_buffer(s, SAVEFILE_FACTS, filled, &buffer);
}

static struct error *write_build(struct saving *s)
{
	_cleanup_(text_fini) struct text text = TEXT_EMPTY;
	const struct subject *subject = s->source->subject;
	layout_text_write(&subject->build, &subject->module.image.build_id, LAYOUT_TEXT_FILE,
			  &text);
	if (text.failed)
		return error_out_of_memory();
	return savefile_writer_add_bytes(s->writer, SAVEFILE_BUILD, text_string(&text),
					 text.length);
}

/* As it is now; what only a stop could tell, as it was under the stop. */
static struct error *take_last_footprint(struct saving *s)
{
	struct subject *subject = s->source->subject;
	_cleanup_(footprint_fini) struct footprint stopped = s->footprint;
	s->footprint = FOOTPRINT_EMPTY;
	struct error *err = footprint_take(&subject->origin, &subject->space, false, &s->footprint);
	if (!err)
		footprint_inherit(&stopped, &s->footprint);
	return err;
}

static struct error *write_rest(struct saving *s)
{
	struct subject *subject = s->source->subject;
	struct error *err = take_last_footprint(s);
	err = err ?: write_residency(s);
	err = err ?: write_regions(s);
	err = err ?: write_facts(s);
	err = err ?: write_build(s);
	err = err
		      ?: save_variables_write(&subject->origin, &subject->space, &s->objects,
					      s->writer);
	return err ?: savefile_writer_end(s->writer);
}

/* ---- all of it ------------------------------------------------------------------------ */

static struct error *prepare(struct saving *s)
{
	struct subject *subject = s->source->subject;
	struct error *err = save_log_init(&s->source->look->stopped, &s->log);
	err = err ?: look_first(s);
	err = err ?: save_heap_watch(&subject->origin, &subject->space, &s->heap);
	err = err ?: save_objects_find(&subject->origin, &subject->space, &s->objects);
	err = err
		      ?: savefile_writer_new(s->to->fd, s->to->contents ? 0 : SAVEFILE_REDACTED,
					     s->to->tool, &s->writer);
	err = err ?: save_pages_estimate(&subject->space, &s->objects, s->writer, &s->estimate);
	return err ?: check_room(s);
}

struct error *save_write(const struct save_source *source, const struct inspector_save *to,
			 struct inspector_saved *ret)
{
	_cleanup_(saving_fini) struct saving s = {
		.source = source, .to = to, .heap = SAVE_HEAP_EMPTY};
	if (!origin_process(&source->subject->origin))
		return error_new(ERROR_USAGE, "a snapshot is made of a running process");
	struct error *err = prepare(&s);
	if (!err && !tell_progress(&s, 0))
		err = error_new(ERROR_RESOURCE, "the snapshot was broken off");
	err = err ?: write_pages(&s);
	err = err ?: look_again(&s);
	err = err ?: log_heap(&s);
	err = err ?: save_log_write(&s.log, &s.arenas, s.writer);
	err = err ?: write_rest(&s);
	if (err)
		return err;
	s.result.file_size = savefile_writer_size(s.writer);
	s.result.estimate = s.estimate.file;
	*ret = s.result;
	s.result.snapshot = NULL;
	return NULL;
}
