/*
 * discovery: glob patterns, since folders are laid out by convention.
 */
#include "discovery.h"

#include "base/cleanup.h"
#include "symbols/elf/file_image.h"

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>

static bool is_known(const struct interpreters *found, const char *path)
{
	for (size_t i = 0; i < found->list.count; i++)
		if (!strcmp(found->list.items[i].path, path))
			return true;
	return false;
}

static void add_file(struct interpreters *found, const char *path, const char *root)
{
	char *real = realpath(path, NULL);
	if (!real || is_known(found, real)) {
		free(real);
		return;
	}
	struct interpreter *one = vec_push(&found->list);
	one->path = real;
	one->root = root ? strdup(root) : NULL;
}

/* Whether the file itself defines the runtime (a shared build's small program does not). */
static bool defines_python(const struct interpreter *interpreter)
{
	struct file_image file;
	_cleanup_(close_fd) int fd = open(interpreter->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	struct error *err = file_image_read(fd, &file);
	bool defines = !err && elf_image_defines_python(file_image_bytes, &file, &file.image);
	error_free(err);
	return defines;
}

static void add_pattern(struct interpreters *found, const char *folder, const char *pattern,
			const char *root)
{
	char whole[4096];
	glob_t matches;
	snprintf(whole, sizeof(whole), "%s/%s", folder, pattern);
	if (glob(whole, 0, NULL, &matches))
		return;
	for (size_t i = 0; i < matches.gl_pathc; i++) {
		struct interpreter one = {matches.gl_pathv[i], NULL};
		if (defines_python(&one))
			add_file(found, matches.gl_pathv[i], root);
	}
	globfree(&matches);
}

static void add_prefix(struct interpreters *found, const char *prefix, const char *root)
{
	static const char *const patterns[] = {
		"bin/python[23].[0-9]", "bin/python3.[0-9][0-9]", "bin/python3.[0-9][0-9][dt]",
		"lib/libpython[23].*.so.1.0", "lib/*/libpython[23].*.so.1.0"};
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
		add_pattern(found, prefix, patterns[i], root);
}

static void add_path(struct interpreters *found)
{
	_cleanup_(free_pointer) char *path = strdup(getenv("PATH") ? getenv("PATH") : "");
	char *rest = path, *folder;
	while ((folder = strsep(&rest, ":"))) {
		char prefix[4096];
		size_t length = strlen(folder);
		if (length < 4 || strcmp(folder + length - 4, "/bin") != 0)
			continue;
		snprintf(prefix, sizeof(prefix), "%.*s", (int)(length - 4), folder);
		add_prefix(found, *prefix ? prefix : "/", NULL);
	}
}

static void add_pyenv(struct interpreters *found)
{
	char line[4096], pattern[5000];
	FILE *command = popen("pyenv root 2>/dev/null", "r");
	char *root = command ? fgets(line, sizeof(line), command) : NULL;
	if (command)
		pclose(command);
	if (!root)
		return;
	line[strcspn(line, "\n")] = '\0';
	glob_t versions;
	snprintf(pattern, sizeof(pattern), "%s/versions/*", line);
	if (glob(pattern, 0, NULL, &versions))
		return;
	for (size_t i = 0; i < versions.gl_pathc; i++)
		add_prefix(found, versions.gl_pathv[i], NULL);
	globfree(&versions);
}

static void add_roots(struct interpreters *found)
{
	char folder[2048], pattern[4096], prefix[4096];
	const char *given = getenv("ARENASCOPE_INTERPRETERS"), *cache = getenv("XDG_CACHE_HOME");
	if (given)
		snprintf(folder, sizeof(folder), "%s", given);
	else if (cache)
		snprintf(folder, sizeof(folder), "%s/arenascope/interpreters", cache);
	else
		snprintf(folder, sizeof(folder), "%s/.cache/arenascope/interpreters",
			 getenv("HOME") ? getenv("HOME") : "");
	glob_t roots;
	snprintf(pattern, sizeof(pattern), "%s/*/usr", folder);
	if (glob(pattern, 0, NULL, &roots))
		return;
	for (size_t i = 0; i < roots.gl_pathc; i++) {
		snprintf(prefix, sizeof(prefix), "%s", roots.gl_pathv[i]);
		prefix[strlen(prefix) - 4] = '\0';
		add_prefix(found, roots.gl_pathv[i], prefix);
	}
	globfree(&roots);
}

void interpreters_discover(struct interpreters *ret)
{
	*ret = (struct interpreters){.list = VEC_EMPTY};
	add_path(ret);
	add_pyenv(ret);
	add_roots(ret);
}

void interpreters_fini(struct interpreters *interpreters)
{
	for (size_t i = 0; i < interpreters->list.count; i++) {
		free(interpreters->list.items[i].path);
		free(interpreters->list.items[i].root);
	}
	vec_fini(&interpreters->list);
}
