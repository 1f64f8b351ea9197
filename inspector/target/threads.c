/* threads: a list. */
#include "inspector/target/threads.h"

bool threads_copy(const struct threads *from, struct threads *to)
{
	for (size_t i = 0; i < from->list.count; i++) {
		struct thread *thread = vec_push(&to->list);
		if (!thread)
			return false;
		*thread = from->list.items[i];
	}
	return true;
}

void threads_fini(struct threads *threads)
{
	vec_fini(&threads->list);
}
