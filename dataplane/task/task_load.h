/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Making a library of a payload, in pieces: its line, its object, a check of each function, then a
 * child that compiles them. All of it takes at most TASK_LOAD_CPU_US of processor time. Thread:
 * main.
 */
#ifndef DATAPLANE_TASK_TASK_LOAD_H
#define DATAPLANE_TASK_TASK_LOAD_H

#include "dataplane/task/task_compile.h"
#include "dataplane/task/task_payload.h"

#define TASK_LOAD_CPU_US 50000

enum task_load_stage {
	TASK_LOAD_READ,
	TASK_LOAD_CHECK,
	TASK_LOAD_COMPILE,
	TASK_LOAD_ENDED,
};

struct task_load {
	enum task_load_stage stage;
	const uint8_t *bytes; /* the caller's, until the first step */
	uint32_t len;
	uint64_t used_ns; /* of this thread's processor time */
	struct task_payload payload;
	struct task_object *object;
	uint32_t n_checked; /* functions */
	struct task_insn *insns;
	uint64_t n_insns;
	uint32_t cost_max[TASK_FUNCTIONS_MAX];
	uint32_t result_bytes[TASK_FUNCTIONS_MAX];
	struct task_compile_input input;
	struct task_compile compile;
	/* the result */
	int status; /* 0, or a negative errno with the sentence */
	struct base_error err;
	struct task_library *library; /* the caller's to publish or to destroy */
};

/* Reads the line of the payload @bytes, which stay as they are until the load has ended. */
void task_load_start(struct task_load *l, const void *bytes, uint32_t len);

/* A piece of it, which waits for the child for at most @wait_ms. True: more is to do. */
bool task_load_step(struct task_load *l, int wait_ms);

/* Frees all but the library, at any time. */
void task_load_end(struct task_load *l);

#endif
