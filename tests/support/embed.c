/*
 * embed: a program that is no python, with one or more libpythons inside.
 *
 *	embed [FLAG…] [=]LIBRARY…
 *
 *	=LIBRARY	initialised once all are loaded, and runs $EMBED_CODE; without =, only loaded
 *	--memfd		libraries are copied to an anonymous file and loaded from there
 *	--linked	the library this was linked with is initialised (built with -DLINKED)
 *
 * Each library is a namespace of its own (RTLD_LOCAL). What the code prints comes first;
 * then READY, then it rests in pause(2).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef LINKED
void Py_InitializeEx(int);
int PyRun_SimpleString(const char *);
#endif

static void die(const char *what)
{
	fprintf(stderr, "embed: %s\n", what);
	exit(1);
}

static void *load_copy(const char *path)
{
	char name[64];
	struct stat status;
	int from = open(path, O_RDONLY | O_CLOEXEC), to = memfd_create("library", 0);
	if (from < 0 || to < 0 || fstat(from, &status))
		die(path);
	for (off_t done = 0; done < status.st_size;)
		if (sendfile(to, from, &done, (size_t)(status.st_size - done)) <= 0)
			die("sendfile");
	snprintf(name, sizeof(name), "/proc/self/fd/%d", to);
	void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	close(to);
	return library;
}

static void run(void (*initialize)(int), int (*simple)(const char *))
{
	const char *code = getenv("EMBED_CODE");
	initialize(0);
	if (code && simple(code))
		die("the code failed");
}

static void *load(const char *path, int memfd)
{
	void *library = memfd ? load_copy(path) : dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!library)
		die(dlerror());
	return library;
}

static void use(void *library)
{
	void (*initialize)(int) = (void (*)(int))dlsym(library, "Py_InitializeEx");
	int (*simple)(const char *) = (int (*)(const char *))dlsym(library, "PyRun_SimpleString");
	if (!initialize || !simple)
		die("no Python in it");
	run(initialize, simple);
}

int main(int argc, char **argv)
{
	void *libraries[16] = {0};
	int memfd = 0;
	for (int i = 1; i < argc && i < 16; i++) {
		if (!strcmp(argv[i], "--memfd"))
			memfd = 1;
		else if (strcmp(argv[i], "--linked"))
			libraries[i] = load(argv[i] + (argv[i][0] == '='), memfd);
	}
	for (int i = 1; i < argc && i < 16; i++) {
#ifdef LINKED
		if (!strcmp(argv[i], "--linked"))
			run(Py_InitializeEx, PyRun_SimpleString);
#endif
		if (argv[i][0] == '=')
			use(libraries[i]);
	}
	puts("READY");
	fflush(stdout);
	for (;;)
		pause();
}
