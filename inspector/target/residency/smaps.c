/*
 * smaps: line by line, and read in pieces that are shorter than what is told of one mapping.
 *
 *	7f01a2000000-7f01a2021000 rw-p …     ◂─ a mapping's head
 *	Rss:                 132 kB          ◂─ its figures
 *	…
 *
 * A read fills its buffer with whole mappings' texts while there is room, all under one lock
 * (seq_read_iter() in fs/seq_file.c, m_start() in fs/proc/task_mmu.c, Linux 5.10 to 6.18). One that
 * asks for less than the shortest of them gets one, and the next read its rest. Of a process that stands still
 * it may be as many as fit.
 */
#include "inspector/target/residency/smaps.h"

#include "base/cleanup.h"
#include "base/size.h"
#include "inspector/target/clock.h"
#include "inspector/target/process/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define READ_SIZE       256
#define READ_SIZE_STILL 4096
#define BURST_NS        150000
#define REST_NS         50000

/* ---- the text ------------------------------------------------------------------------- */

static void tell(struct smaps_parser *p)
{
	if (p->has_mapping && !p->enough)
		p->enough = !p->hear(p->context, &p->mapping);
	p->has_mapping = false;
}

static bool take_head(struct smaps_parser *p)
{
	uint64_t start, end;
	if (sscanf(p->line, "%" SCNx64 "-%" SCNx64 " ", &start, &end) != 2 || end <= start)
		return false;
	tell(p);
	p->mapping = (struct smaps_mapping){.start = raddr_at(start), .size = end - start};
	p->has_mapping = true;
	return true;
}

static void take_line(struct smaps_parser *p)
{
	struct smaps_mapping *m = &p->mapping;
	const struct {
		const char *key;
		uint64_t *to;
	} figures[] = {
		{"Rss:", &m->rss},
		{"Pss:", &m->pss},
		{"LazyFree:", &m->lazy_free},
		{"Swap:", &m->swap},
	};
	p->line[p->length] = '\0';
	p->length = 0;
	/* Figures begin with a capital letter, heads with a digit of an address. */
	if (p->line[0] < 'A' || p->line[0] > 'Z') {
		(void)take_head(p);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(figures); i++) {
		size_t length = strlen(figures[i].key);
		uint64_t kib;
		if (strncmp(p->line, figures[i].key, length) == 0 &&
		    sscanf(p->line + length, " %" SCNu64 " kB", &kib) == 1)
			*figures[i].to = size_multiply(kib, KIB);
	}
}

void smaps_parse(struct smaps_parser *p, const char *text, size_t size)
{
	for (size_t i = 0; i < size && !p->enough; i++) {
		if (text[i] == '\n')
			take_line(p);
		else if (p->length < sizeof(p->line) - 1)
			p->line[p->length++] = text[i];
	}
}

void smaps_parse_end(struct smaps_parser *p)
{
	if (p->length)
		take_line(p);
	tell(p);
}

/* ---- the file ------------------------------------------------------------------------- */

static void rest_after(uint64_t *busy_ns, uint64_t since)
{
	*busy_ns += clock_ns() - since;
	if (*busy_ns < BURST_NS)
		return;
	*busy_ns = 0;
	clock_sleep(REST_NS);
}

struct error *smaps_read(int proc, bool stands_still, smaps_hear_fn *hear, void *context)
{
	char text[READ_SIZE_STILL];
	size_t size = stands_still ? sizeof(text) : READ_SIZE;
	struct smaps_parser parser = {.hear = hear, .context = context};
	uint64_t busy_ns = 0;
	_cleanup_(close_fd) int fd = openat(proc, "smaps", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return procfs_error(errno, "smaps");
	while (!parser.enough) {
		uint64_t since = clock_ns();
		ssize_t got = read(fd, text, size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return procfs_error(errno, "smaps");
		if (got == 0)
			break;
		smaps_parse(&parser, text, (size_t)got);
		if (!stands_still)
			rest_after(&busy_ns, since);
	}
	smaps_parse_end(&parser);
	return NULL;
}
