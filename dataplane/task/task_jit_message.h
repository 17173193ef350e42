/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the dataplane and braid-jit say to each other. The request lies in a file in memory, which
 * is the child's standard input; the answer comes through a pipe: for each function in turn a
 * record with its code, and behind a record that refuses one nothing more. Both are of one build,
 * on one machine, so structures travel as they are. Thread: any.
 */
#ifndef DATAPLANE_TASK_TASK_JIT_MESSAGE_H
#define DATAPLANE_TASK_TASK_JIT_MESSAGE_H

#include "dataplane/task/task_jit.h"

#define TASK_JIT_REQUEST_MAGIC 0x7172696au
#define TASK_JIT_RECORD_MAGIC  0x6172696au
#define TASK_JIT_FUNCTIONS_MAX 64
#define TASK_JIT_TEXT_MAX      160
#define TASK_JIT_NO_PC         UINT32_MAX

/* Followed by the instructions of all functions, of each in both versions. */
struct task_jit_request {
	uint32_t magic;
	uint32_t cpu_us; /* that all of it may take, its start included */
	struct task_jit_world world;
	uint32_t n_functions;
	uint32_t reserved;
	struct {
		uint32_t n_insns;
		uint32_t n_masked; /* of a second version, for the case that the first is refused */
		uint32_t ctx_bytes;
		uint32_t reserved;
	} functions[TASK_JIT_FUNCTIONS_MAX];
};

/* Followed by @bytes of code; or, when status is not 0, of text. */
struct task_jit_record {
	uint32_t magic;
	int32_t status; /* 0, or as task_jit_compile */
	uint32_t bytes;
	uint32_t pc; /* the instruction that the verifier refuses, or TASK_JIT_NO_PC */
};

#endif
