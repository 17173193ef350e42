/* SPDX-License-Identifier: BSD-3-Clause */
/* Payloads made of the objects of tests/unit/task_programs, and libraries of them. One thread. */
#ifndef TESTS_UNIT_TASK_LOADED_H
#define TESTS_UNIT_TASK_LOADED_H

#include <string.h>

#include "dataplane/task/task_load.h"
#include "tests/unit/task_file.h"

/* A payload "#!bpf name=@name" with the object of that file; free its bytes. */
static inline struct task_file task_payload_make(const char *object, const char *name)
{
	struct task_file file = task_file_read(object), payload;
	char line[256];
	int n = snprintf(line, sizeof(line), "#!bpf name=%s\n", name);

	payload.len = (size_t)n + file.len;
	payload.bytes = malloc(payload.len);
	BRAID_ASSERT(payload.bytes != NULL);
	memcpy(payload.bytes, line, (size_t)n);
	memcpy(payload.bytes + n, file.bytes, file.len);
	free(file.bytes);
	return payload;
}

/* Loads a payload, waiting as long as it takes. The library, or NULL and the sentence. */
static inline struct task_library *task_load_now(
	const void *bytes, size_t len, struct base_error *err)
{
	static struct task_load load;

	task_load_start(&load, bytes, (uint32_t)len);
	while (task_load_step(&load, 100))
		;
	*err = load.err;
	task_load_end(&load);
	return load.library;
}

/* Children as they are unless a test says otherwise. */
static inline void task_setup(void)
{
	struct base_error err;
	struct task_compile_setup setup;

	task_compile_setup_default(&setup);
	setup.wall_ns = 60 * NSEC_PER_SEC;
	task_compile_setup_set(&setup);
	BRAID_ASSERT(task_libraries_init(&err) == 0);
}

#endif
