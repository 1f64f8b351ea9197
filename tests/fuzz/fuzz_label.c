/*
 * label: words of a command line, the last one a secret behind a script's name: no label and no
 * script name may show it, however the words before are bent.
 */
#include "fuzz.h"
#include "inspector/target/process/process.h"

#define WORDS_MAX 300
#define SECRET    "s3cr3t"

static void check(char *const *words, size_t n, const char *comm, size_t size)
{
	char *label = process_label(words, n, comm);
	assert(label && !strstr(label, SECRET) && strlen(label) <= size + 32);
	free(label);
	char *script = process_script(words, n);
	assert(!script || !strstr(script, SECRET));
	free(script);
}

static void check_words(char *string, size_t size)
{
	static char script[] = "app.py", secret[] = "--token=" SECRET;
	char *words[WORDS_MAX + 2];
	size_t n = 0;
	for (size_t at = 0; at < size && n < WORDS_MAX; at += strlen(string + at) + 1)
		words[n++] = string + at;
	words[n] = script;
	words[n + 1] = secret;
	check(words, n + 2, n ? words[n - 1] : NULL, size);
}

static void check_title(const char *string, size_t size)
{
	static const char tail[] = " app.py --token=" SECRET;
	char *title = malloc(size + sizeof(tail));
	assert(title);
	size_t length = strlen(string);
	memcpy(title, string, length);
	memcpy(title + length, tail, sizeof(tail));
	check(&title, 1, "comm", size);
	free(title);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {data, size};
	if (memmem(data, size, "s3", 2))
		return -1;
	char *string = fuzz_string(&f);
	check_title(string, size);
	check_words(string, size);
	free(string);
	return 0;
}
