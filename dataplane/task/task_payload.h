/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What FUNCTION LOAD is given: a line "#!bpf name=<library>" as of Redis 7, then an object file.
 * Thread: main.
 */
#ifndef DATAPLANE_TASK_TASK_PAYLOAD_H
#define DATAPLANE_TASK_TASK_PAYLOAD_H

#include "dataplane/task/task.h"

struct task_payload {
	char name[TASK_NAME_BYTES_MAX + 1];
	uint32_t object_at; /* where the file begins */
};

/* Reads the line of a payload. 0, or -EINVAL with the sentence as Redis words it. */
int task_payload_parse(
	const void *bytes, uint32_t len, struct task_payload *p, struct base_error *err);

#endif
