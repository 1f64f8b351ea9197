/*
 * regular_file: a file named by a target, opened without effect on anything else.
 *
 * A path that a target or a core names may lead to a FIFO, a device, or out of its
 * root: so it is first opened without effect (O_PATH), must then be a regular file,
 * and only that very inode is opened to read.
 */
#ifndef INSPECTOR_TARGET_REGULAR_FILE_H
#define INSPECTOR_TARGET_REGULAR_FILE_H

#include <stdint.h>

/* The file at an O_PATH descriptor, opened to read if it is a regular one; else -1. */
int regular_file_reopen(int path_fd);

/* O_PATH descriptor of `path` below the directory `root` (or AT_FDCWD), with openat2()'s `resolve`;
 * -1: there is none. */
int regular_file_find(int root, const char *path, uint64_t resolve);

#endif
