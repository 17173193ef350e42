/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes and ends what a worker has for jobs. Thread: main. */
#include <errno.h>
#include <stdlib.h>

#include "dataplane/task/task_job_impl.h"

int task_worker_init(struct worker *w, struct base_error *err)
{
	struct task_worker *tw;
	size_t bytes = (sizeof(*tw) + CACHE_LINE_BYTES - 1) & ~(size_t)(CACHE_LINE_BYTES - 1);

	if (w->id == w->main_id)
		return 0;
	tw = aligned_alloc(CACHE_LINE_BYTES, bytes);
	if (!tw)
		return base_error_set(err, ENOMEM, "no memory for jobs");
	memset(tw, 0, bytes);
	task_worker_start(w, tw);
	return 0;
}

void task_worker_fini(struct worker *w)
{
	struct task_worker *tw = w->task;

	if (!tw)
		return;
	wheel_del(w->wheel, &tw->tick);
	worker_task_remove(w, &tw->mail_task);
	for (unsigned c = 0; c < WORKER_CLASSES; c++)
		worker_task_remove(w, &tw->thieves[c].unit.task);
	w->task = NULL;
	free(tw);
}
