/* SPDX-License-Identifier: BSD-3-Clause */
/* A search for the place of a fault, for those that keep one. Private to task. Thread: worker. */
#ifndef DATAPLANE_TASK_TASK_EXPLAIN_IMPL_H
#define DATAPLANE_TASK_TASK_EXPLAIN_IMPL_H

#include "dataplane/task/task.h"
#include "lib/task/task_interp.h"

struct task_explain {
	const struct task_exec *exec;
	struct task_host host;
	struct task_run run;
	int32_t code;
	uint32_t decided_at; /* the instruction that decided the result last */
	uint32_t emit_at;    /* that emitted last */
	uint32_t fault_at;   /* whose helper refused */
	struct task_frame frame;
};

#endif
