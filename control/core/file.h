/* SPDX-License-Identifier: BSD-3-Clause */
/* Whole files, read and replaced so that nobody ever sees half of one. Any thread. */
#ifndef CONTROL_CORE_FILE_H
#define CONTROL_CORE_FILE_H

#include "lib/base/base.h"

#define FILE_MAX_BYTES (64ull << 20)

/* The contents of @path, terminated, its length in *@len; the caller frees. NULL with a sentence.
 */
char *file_read(const char *path, size_t *len, struct base_error *err);

/*
 * Replaces @path by @head followed by @body, through a new file that is forced to the disk and then
 * renamed: after a crash there is the old or the new one. 0 or a negative errno with a sentence.
 */
int file_replace(const char *path, const char *head, const char *body, size_t body_len,
	struct base_error *err);

/* Renames @from to @to in the directory @dir and forces the directory to the disk. As above. */
int file_rename(const char *dir, const char *from, const char *to, struct base_error *err);

#endif
