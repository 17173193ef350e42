/* SPDX-License-Identifier: BSD-3-Clause */
/* Long commands, piece by piece. Thread: worker. */
#include <errno.h>
#include <string.h>

#include "dataplane/kv/kv_exec.h"
#include "dataplane/kv/kv_long.h"
#include "dataplane/kv/kv_output.h"
#include "dataplane/kv/kv_route.h"
#include "dataplane/kv/kv_worker.h"

struct kv_long {
	struct worker_task task;
	struct wheel_timer timer; /* of wake_ms */
	bool asleep;              /* until kv_long_wake */
	bool woken;               /* ... which came before it slept */
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

void kv_long_finish(struct kv_call *call)
{
	while (call->unfinished) {
		call->unfinished = false;
		call->command->fn(call);
	}
}

/* Puts the next piece into the run queue, or a timer before it, or waits for kv_long_wake. */
static void schedule(struct kv_long *l)
{
	struct worker *w = l->call.w;
	uint64_t now_ms = worker_wall_ms(w);

	if (l->call.wake_ms == UINT64_MAX && !l->woken)
		l->asleep = true;
	else if (l->call.wake_ms > now_ms && !l->woken)
		wheel_add(w->wheel, &l->timer,
			w->now_ns + (l->call.wake_ms - now_ms) * NSEC_PER_MSEC);
	else
		worker_task_add(w, &l->task);
}

static void on_timer(void *ctx, struct wheel_timer *t)
{
	schedule(CONTAINER_OF(t, struct kv_long, timer));
}

/* One piece. A client that does not read its replies wakes it when it does. */
static bool run(struct worker *w, struct worker_task *t)
{
	struct kv_long *l = CONTAINER_OF(t, struct kv_long, task);
	struct kv_client *c = l->call.client;

	if (l->call.cancel) {
		if (!l->is_over && cancel(&l->call))
			return true;
		kv_memory_free(w, l);
		return false;
	}
	if (kv_route_is_held(w))
		return true;
	if (kv_output_is_long(c))
		return false;
	kv_output_begin(w, c);
	l->woken = false;
	l->call.unfinished = false;
	l->call.wake_ms = 0;
	l->call.now_ms = worker_wall_ms(w);
	w->kv->cycles = w->ops->cycles(w);
	kv_exec_call(&l->call);
	kv_output_end(w, c);
	if (l->call.unfinished) {
		schedule(l);
	} else {
		c->lengthy = NULL;
		kv_memory_free(w, l);
		kv_client_go_on(w, c, KV_WAIT_LONG);
	}
	kv_client_see_ended(w);
	return false;
}

int kv_long_start(const struct kv_call *call)
{
	uint64_t bytes = sizeof(struct kv_long) + call->argc * sizeof(struct resp_arg);
	struct kv_long *l;
	uint8_t *p;

	for (uint32_t i = 0; i < call->argc; i++)
		bytes += call->argv[i].len;
	l = kv_memory_alloc(call->w, bytes);
	if (!l) {
		struct kv_call copy = *call;

		while (cancel(&copy))
			;
		return -ENOMEM;
	}
	/* What the first piece waits for may have happened before there was anything to wake. */
	*l = (struct kv_long){.task.run = run, .timer.fn = on_timer, .call = *call};
	l->woken = call->wake_ms == UINT64_MAX;
	p = (uint8_t *)&l->argv[call->argc];
	for (uint32_t i = 0; i < call->argc; i++) {
		memcpy(p, call->argv[i].bytes, call->argv[i].len);
		l->argv[i] = (struct resp_arg){.bytes = p, .len = call->argv[i].len};
		p += call->argv[i].len;
	}
	l->call.argv = l->argv;
	l->call.key = NULL;
	call->client->lengthy = l;
	call->client->waits |= KV_WAIT_LONG;
	schedule(l);
	return 0;
}

void kv_long_cancel(struct worker *w, struct kv_client *c)
{
	struct kv_long *l = c->lengthy;

	if (!l)
		return;
	c->lengthy = NULL;
	wheel_del(w->wheel, &l->timer);
	l->is_over = !cancel(&l->call);
	/* The run queue cannot be searched: the task frees it. */
	if (l->is_over && !l->task.queued)
		kv_memory_free(w, l);
	else
		worker_task_add(w, &l->task);
}

void kv_long_wake(struct worker *w, struct kv_client *c)
{
	struct kv_long *l = c->lengthy;

	if (!l)
		return;
	l->woken = true;
	if (!l->asleep && !wheel_pending(&l->timer))
		return;
	l->asleep = false;
	wheel_del(w->wheel, &l->timer);
	worker_task_add(w, &l->task);
}

void kv_long_go_on(struct worker *w, struct kv_client *c)
{
	if (!c->lengthy->asleep && !wheel_pending(&c->lengthy->timer))
		worker_task_add(w, &c->lengthy->task);
}
