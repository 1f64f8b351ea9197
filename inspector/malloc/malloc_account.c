/* malloc_account: names and an end. */
#include "inspector/malloc/malloc_account.h"

const char *malloc_implementation_name(enum malloc_implementation i)
{
	static const char *const names[] = {"unknown",  "glibc",    "jemalloc",
					    "tcmalloc", "mimalloc", "musl"};
	return names[i];
}

void malloc_arena_fini(struct malloc_arena *arena)
{
	for (size_t i = 0; i < arena->threads.count; i++)
		free(arena->threads.items[i]);
	vec_fini(&arena->threads);
	free(arena->damage);
	arena->damage = NULL;
}

void malloc_account_fini(struct malloc_account *account)
{
	for (size_t i = 0; i < account->arenas.count; i++)
		malloc_arena_fini(&account->arenas.items[i]);
	vec_fini(&account->arenas);
	vec_fini(&account->settings.ineffective);
	free(account->library);
	*account = (struct malloc_account){0};
}
