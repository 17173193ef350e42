/* SPDX-License-Identifier: BSD-3-Clause */
/* What a worker has for jobs. Thread: main. */
#include "dataplane/task/task.h"

int task_worker_init(struct worker *w, struct base_error *err)
{
	return 0;
}

void task_worker_fini(struct worker *w)
{
	w->task = NULL;
}
