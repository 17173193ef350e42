/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes and ends what a worker's part of the store has for jobs. Thread: main. */
#include <errno.h>
#include <stdlib.h>

#include "dataplane/kv/kv_job.h"
#include "dataplane/kv/kv_memory.h"
#include "dataplane/kv/kv_worker.h"

static const struct task_memory memory = {.alloc = kv_memory_alloc, .free = kv_memory_free};

int kv_jobs_init(struct worker *w)
{
	w->kv->jobs = calloc(1, sizeof(*w->kv->jobs));
	task_memory_set(&memory);
	return w->kv->jobs ? 0 : -ENOMEM;
}

void kv_jobs_fini(struct worker *w)
{
	for (struct kv_job *j = w->kv->jobs ? w->kv->jobs->first : NULL; j; j = j->next)
		wheel_del(w->wheel, &j->timer);
	free(w->kv->jobs);
	w->kv->jobs = NULL;
}
