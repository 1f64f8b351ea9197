/*
 * environment: /proc/PID/environ is a row of strings; what the program made of it later is not seen there.
 */
#include "inspector/target/process/environment.h"

#include "base/cleanup.h"
#include "inspector/target/process/process.h"
#include "inspector/target/process/procfs.h"

#include <sched.h>
#include <string.h>

#define ENVIRON_MAX (8 * MIB)

bool environment_heeds(const char *text)
{
	return strncmp(text, "MALLOC_", 7) == 0 || strncmp(text, "GLIBC_TUNABLES=", 15) == 0;
}

struct error *environment_add(struct environment *environment, const char *text, size_t length)
{
	char *copy = strndup(text, length);
	char **place = copy ? vec_push(&environment->list) : NULL;
	if (!place) {
		free(copy);
		return error_out_of_memory();
	}
	*place = copy;
	return NULL;
}

static struct error *take_all(const char *text, size_t size, struct environment *ret)
{
	for (size_t at = 0; at < size;) {
		size_t length = strnlen(text + at, size - at);
		struct error *err = environment_heeds(text + at)
					    ? environment_add(ret, text + at, length)
					    : NULL;
		if (err)
			return err;
		at += length + 1;
	}
	return NULL;
}

struct error *environment_read(const struct origin *origin, struct environment *ret)
{
	const struct process *process = origin_process(origin);
	_cleanup_(free_pointer) char *text = NULL;
	size_t size = 0;
	cpu_set_t set;
	if (!process)
		return NULL;
	if (sched_getaffinity(process_pid(process), sizeof(set), &set) == 0)
		ret->n_processors = (uint64_t)CPU_COUNT(&set);
	struct error *err = procfs_read(process_dir(process), "environ", ENVIRON_MAX, &text, &size);
	if (err) {
		error_free(err);
		return NULL;
	}
	ret->known = true;
	return take_all(text, size, ret);
}

void environment_fini(struct environment *environment)
{
	for (size_t i = 0; i < environment->list.count; i++)
		free(environment->list.items[i]);
	vec_fini(&environment->list);
}

const char *environment_value(const struct environment *environment, size_t i, const char *name)
{
	size_t length = strlen(name);
	const char *text = environment->list.items[i];
	return strncmp(text, name, length) == 0 && text[length] == '=' ? text + length + 1 : NULL;
}
