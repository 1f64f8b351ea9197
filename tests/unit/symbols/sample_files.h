/*
 * sample_files: temporary folders and copies of the samples, for tests that need
 * files at certain places.
 */
#ifndef TESTS_SYMBOLS_SAMPLE_FILES_H
#define TESTS_SYMBOLS_SAMPLE_FILES_H

#include <stddef.h>
#include <stdint.h>

#define SAMPLE_PATH_SIZE 4096

/* A new temporary folder's path. */
void sample_folder(char ret[SAMPLE_PATH_SIZE]);
void sample_remove_folder(const char *folder);

/* Path of a built sample: "plain", "doctored", … */
void sample_path(const char *flavour, char ret[SAMPLE_PATH_SIZE]);

/* The bytes of a file, malloc'd; fails the test when it cannot be read. */
uint8_t *sample_read(const char *path, size_t *ret_size);

/* Writes a file, making the folders on the way. */
void sample_write(const char *path, const void *data, size_t size);
void sample_copy(const char *from, const char *to);

/* Runs a command line; fails the test when it fails. */
void sample_run(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Open descriptors of this process. */
size_t sample_count_descriptors(void);

/* A number from a fixed sequence. */
uint32_t sample_random(uint32_t *state);

#endif
