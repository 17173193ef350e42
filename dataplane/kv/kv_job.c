/* SPDX-License-Identifier: BSD-3-Clause */
/* Long commands, piece by piece. Thread: worker. */
#include <errno.h>
#include <string.h>

#include "dataplane/kv/kv_exec.h"
#include "dataplane/kv/kv_job.h"
#include "dataplane/kv/kv_output.h"
#include "dataplane/kv/kv_route.h"
#include "dataplane/kv/kv_worker.h"

struct kv_job {
	struct worker_task task;
	struct wheel_timer timer; /* of wake_ms */
	bool is_over;             /* nothing is left to be given back */
	struct kv_call call;
	struct resp_arg argv[]; /* their bytes follow */
};

/* Gives back a piece of what the command has; true: there is more. */
static bool cancel(struct kv_call *call)
{
	call->cancel = true;
	call->unfinished = false;
	call->command->fn(call);
	return call->unfinished;
}

void kv_job_finish(struct kv_call *call)
{
	while (call->unfinished) {
		call->unfinished = false;
		call->command->fn(call);
	}
}

/* Puts the next piece into the run queue, or a timer before it. */
static void schedule(struct kv_job *job)
{
	struct worker *w = job->call.w;
	uint64_t now_ms = worker_wall_ms(w);

	if (job->call.wake_ms > now_ms)
		wheel_add(w->wheel, &job->timer,
			w->now_ns + (job->call.wake_ms - now_ms) * NSEC_PER_MSEC);
	else
		worker_task_add(w, &job->task);
}

static void on_timer(void *ctx, struct wheel_timer *t)
{
	schedule(CONTAINER_OF(t, struct kv_job, timer));
}

/* One piece. A client that does not read its replies wakes the job when it does. */
static bool run(struct worker *w, struct worker_task *t)
{
	struct kv_job *job = CONTAINER_OF(t, struct kv_job, task);
	struct kv_client *c = job->call.client;

	if (job->call.cancel) {
		if (!job->is_over && cancel(&job->call))
			return true;
		kv_memory_free(w, job);
		return false;
	}
	if (kv_route_is_held(w))
		return true;
	if (kv_output_is_long(c))
		return false;
	kv_output_begin(w, c);
	job->call.unfinished = false;
	job->call.wake_ms = 0;
	job->call.now_ms = worker_wall_ms(w);
	w->kv->cycles = w->ops->cycles(w);
	kv_exec_call(&job->call);
	kv_output_end(w, c);
	if (job->call.unfinished) {
		schedule(job);
	} else {
		c->job = NULL;
		kv_memory_free(w, job);
		kv_client_go_on(w, c, KV_WAIT_JOB);
	}
	kv_client_see_ended(w);
	return false;
}

int kv_job_start(const struct kv_call *call)
{
	uint64_t bytes = sizeof(struct kv_job) + call->argc * sizeof(struct resp_arg);
	struct kv_job *job;
	uint8_t *p;

	for (uint32_t i = 0; i < call->argc; i++)
		bytes += call->argv[i].len;
	job = kv_memory_alloc(call->w, bytes);
	if (!job) {
		struct kv_call copy = *call;

		while (cancel(&copy))
			;
		return -ENOMEM;
	}
	*job = (struct kv_job){.task.run = run, .timer.fn = on_timer, .call = *call};
	p = (uint8_t *)&job->argv[call->argc];
	for (uint32_t i = 0; i < call->argc; i++) {
		memcpy(p, call->argv[i].bytes, call->argv[i].len);
		job->argv[i] = (struct resp_arg){.bytes = p, .len = call->argv[i].len};
		p += call->argv[i].len;
	}
	job->call.argv = job->argv;
	job->call.key = NULL;
	call->client->job = job;
	call->client->waits |= KV_WAIT_JOB;
	schedule(job);
	return 0;
}

void kv_job_cancel(struct worker *w, struct kv_client *c)
{
	struct kv_job *job = c->job;

	if (!job)
		return;
	c->job = NULL;
	wheel_del(w->wheel, &job->timer);
	job->is_over = !cancel(&job->call);
	/* The run queue cannot be searched: the task frees its job. */
	if (job->is_over && !job->task.queued)
		kv_memory_free(w, job);
	else
		worker_task_add(w, &job->task);
}

void kv_job_go_on(struct worker *w, struct kv_client *c)
{
	if (!wheel_pending(&c->job->timer))
		worker_task_add(w, &c->job->task);
}
