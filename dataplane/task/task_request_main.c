/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The main thread's side of requests: they wait in order, one is worked on by a task of the main
 * thread's worker, which waits for a child no longer than its loop waits for packets. Thread: main.
 */
#include <stdatomic.h>

#include "dataplane/core/mailbox.h"
#include "dataplane/task/task_change.h"
#include "dataplane/task/task_request.h"

#define WAIT_MS          1
#define RECLAIM_EVERY_NS (100 * NSEC_PER_MSEC)

static bool run(struct worker *w, struct worker_task *t);
static void on_reclaim(void *worker, struct wheel_timer *t);

static struct {
	struct task_request *waiting[TASK_REQUESTS_MAX]; /* a ring */
	uint32_t first;
	uint32_t n;
	bool is_changing;              /* the first */
	struct task_request *answered; /* its worker's ring is full */
	struct task_changing changing;
	struct worker_task task;
	struct wheel_timer timer;
} state = {.task = {.run = run}, .timer = {.fn = on_reclaim}};

void task_on_request(struct worker *w, uint64_t arg)
{
	BRAID_ASSERT(state.n < TASK_REQUESTS_MAX);
	state.waiting[(state.first + state.n++) % TASK_REQUESTS_MAX] =
		(struct task_request *)(uintptr_t)arg;
	worker_task_add(w, &state.task);
}

/* Libraries that jobs hold are looked at again. */
static void on_reclaim(void *worker, struct wheel_timer *t)
{
	struct worker *w = worker;

	if (task_libraries_reclaim() > 0)
		wheel_add(w->wheel, t, w->now_ns + RECLAIM_EVERY_NS);
}

/* False: the ring to its worker is full. */
static bool answer(struct worker *w, struct task_request *r)
{
	state.answered = r;
	if (mailbox_send(w, r->from, MAIL_task_done, (uint64_t)(uintptr_t)r) < 0)
		return false;
	state.answered = NULL;
	return true;
}

/* A piece of the change under way; true: there is more to do. */
static bool run(struct worker *w, struct worker_task *t)
{
	struct task_request *r = state.answered;

	if (r)
		return !answer(w, r) || state.n > 0;
	if (state.n == 0)
		return false;
	r = state.waiting[state.first];
	if (!state.is_changing)
		task_change_start(&state.changing, r);
	state.is_changing = true;
	if (task_change_step(&state.changing, r, WAIT_MS))
		return true;
	state.is_changing = false;
	state.first = (state.first + 1) % TASK_REQUESTS_MAX;
	state.n--;
	atomic_fetch_sub_explicit(&task_requests_n, 1, memory_order_relaxed);
	wheel_add(w->wheel, &state.timer, w->now_ns + RECLAIM_EVERY_NS);
	return !answer(w, r) || state.n > 0;
}

void task_requests_fini(void)
{
	if (state.is_changing)
		task_change_end(&state.changing);
	if (workers[0])
		wheel_del(workers[workers[0]->main_id]->wheel, &state.timer);
	state.is_changing = false;
	state.answered = NULL;
	state.task.queued = false;
	state.first = state.n = 0;
	atomic_store(&task_requests_n, 0);
}
