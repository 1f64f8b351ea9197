/*
 * place: a namespace is the file that /proc/PID/ns leads to; two are one if the links
 * say the same.
 */
#include "inspector/target/place.h"

#include "base/cleanup.h"
#include "base/size.h"
#include "inspector/target/process/procfs.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* The text of a link, or NULL. */
static char *read_link(int dir, const char *name)
{
	char text[PATH_MAX];
	ssize_t length = readlinkat(dir, name, text, sizeof(text));
	return length > 0 && (size_t)length < sizeof(text) ? strndup(text, (size_t)length) : NULL;
}

static bool differs(int dir, const char *name)
{
	char own[64];
	(void)snprintf(own, sizeof(own), "/proc/self/%s", name);
	_cleanup_(free_pointer) char *ours = read_link(AT_FDCWD, own);
	_cleanup_(free_pointer) char *theirs = read_link(dir, name);
	return ours && theirs && strcmp(ours, theirs) != 0;
}

/* "NSpid:	4711	12	1": its number in each namespace, its own last. */
static pid_t inner_pid(const char *status)
{
	static const char key[] = "\nNSpid:";
	const char *line = strstr(status, key);
	pid_t pid = 0;
	char *end;
	for (const char *at = line ? line + sizeof(key) - 1 : ""; *at && *at != '\n'; at = end) {
		long value = strtol(at, &end, 10);
		if (end == at)
			break;
		pid = value > 0 && value <= INT_MAX ? (pid_t)value : pid;
	}
	return pid;
}

struct error *place_read(int dir, struct place *ret)
{
	_cleanup_(free_pointer) char *status = NULL;
	size_t size;
	struct error *err = procfs_read(dir, "status", 64 * KIB, &status, &size);
	if (err)
		return err;
	*ret = (struct place){
		.inner_pid = inner_pid(status),
		.other_pids = differs(dir, "ns/pid"),
		.other_mounts = differs(dir, "ns/mnt"),
		.other_users = differs(dir, "ns/user"),
		.root = read_link(dir, "root"),
	};
	return NULL;
}

void place_fini(struct place *place)
{
	free(place->root);
	*place = PLACE_EMPTY;
}
