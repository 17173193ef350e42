/* SPDX-License-Identifier: BSD-3-Clause */
/* Objects that the build made of tests/unit/task_programs. One thread. */
#ifndef TESTS_UNIT_TASK_FILE_H
#define TESTS_UNIT_TASK_FILE_H

#include <stdio.h>
#include <stdlib.h>

#include "lib/task/task_elf.h"

struct task_file {
	uint8_t *bytes; /* by malloc, no byte more than the file has */
	size_t len;
};

static inline struct task_file task_file_read(const char *name)
{
	char path[512];
	struct task_file file = {.len = 0};
	FILE *stream;

	snprintf(path, sizeof(path), "%s/%s.bpf", TASK_OBJECTS, name);
	stream = fopen(path, "rb");
	BRAID_ASSERT(stream != NULL);
	fseek(stream, 0, SEEK_END);
	file.len = (size_t)ftell(stream);
	rewind(stream);
	file.bytes = malloc(file.len);
	BRAID_ASSERT(file.bytes != NULL);
	BRAID_ASSERT(fread(file.bytes, 1, file.len, stream) == file.len);
	fclose(stream);
	return file;
}

#endif
