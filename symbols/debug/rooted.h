/*
 * rooted: files named by a path of the target's, or found by a name that came out
 * of a foreign file.
 */
#ifndef SYMBOLS_DEBUG_ROOTED_H
#define SYMBOLS_DEBUG_ROOTED_H

#include <stdbool.h>
#include <stdint.h>

#define ROOTED_HOST     (-1)
#define ROOTED_SIZE_MAX (UINT64_C(2) << 30) /* no debug file is larger */

/*
 * Opens a regular file of at most ROOTED_SIZE_MAX bytes for reading. Below `root`, a directory
 * descriptor, every symbolic link and ".." is resolved inside it; ROOTED_HOST: an ordinary open.
 * Never blocks on a FIFO, never opens a device for good. Returns the descriptor, the caller's, or
 * -errno (-EFBIG: too large, -EINVAL: no regular file).
 */
int rooted_open(int root, const char *path);

/* Whether only root or we ourselves could have written the file. */
bool rooted_is_ours(int fd);

#endif
