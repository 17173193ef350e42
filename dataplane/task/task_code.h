/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The answer of braid-jit (task_jit_message.h), read as something that may hold anything, and its
 * code in pages of their own. Thread: main.
 */
#ifndef DATAPLANE_TASK_TASK_CODE_H
#define DATAPLANE_TASK_TASK_CODE_H

#include "dataplane/task/task_jit_message.h"
#include "dataplane/task/task_library.h"

#define TASK_CODE_BYTES_MAX (8u << 20) /* of all functions of a library */

/* What was answered. */
struct task_answer {
	uint32_t n_codes; /* functions that have been compiled */
	struct {
		uint32_t at; /* in the answer */
		uint32_t bytes;
	} codes[TASK_FUNCTIONS_MAX];
	/* The one behind those was refused; 0: it was not, and if there are too few the child has
	 * not come further. */
	int32_t status;
	uint32_t pc;
	char text[TASK_JIT_TEXT_MAX];
};

/* Reads what has come of an answer about @n_functions. 0, or -EBADMSG: it is none. */
int task_answer_parse(
	const uint8_t *bytes, size_t len, uint32_t n_functions, struct task_answer *a);

/* Copies the code of all functions of @a, which is in @bytes, to pages that are then made
 * executable. 0 or a negative errno. */
int task_code_create(const uint8_t *bytes, const struct task_answer *a, struct task_code *code);

/* Unmaps the pages. Nobody may run in them any more. */
void task_code_destroy(struct task_code *code);

#endif
