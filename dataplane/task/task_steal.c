/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Chunks of items on other workers. Who has nothing to do asks the busier one of two others that it
 * picks at random (Mitzenmacher, 2001), and gets half of what waits there, a batch at most. Who has
 * something to do never asks. A worker that found nothing sleeps until somebody says that chunks
 * wait. Thread: worker.
 */
#include "dataplane/task/task_job_impl.h"

/* How many chunks wait on each worker; only it writes, thieves read. */
static struct {
	_Atomic uint64_t n;
} CACHE_ALIGNED waiting[WORKERS_MAX];

static uint64_t waits_at(uint8_t worker)
{
	return atomic_load_explicit(&waiting[worker].n, memory_order_relaxed);
}

void task_waiting_add(struct worker *w, int64_t n)
{
	w->task->n_waiting += (uint64_t)n;
	atomic_store_explicit(&waiting[w->id].n, w->task->n_waiting, memory_order_relaxed);
}

void task_announce(struct worker *w)
{
	if (w->task->n_waiting == 0)
		return;
	for (uint8_t i = 0; i < w->n_workers; i++)
		if (i != w->id)
			task_signal_send(w, TASK_SIGNAL_WORK, i);
}

/* Some other worker. */
static uint8_t pick(struct worker *w)
{
	uint8_t i = (uint8_t)(worker_random(w) % (w->n_workers - 1u));

	return (uint8_t)(i + (i >= w->id));
}

void task_steal(struct worker *w)
{
	struct task_worker *tw = w->task;
	uint8_t victim, other;

	if (tw->is_stealing || tw->n_waiting > 0 || tw->n_stolen > 0 || w->n_workers < 2)
		return;
	victim = pick(w);
	other = pick(w);
	if (waits_at(other) > waits_at(victim))
		victim = other;
	for (uint8_t i = 0; i < w->n_workers && waits_at(victim) == 0; i++)
		if (i != w->id)
			victim = i;
	if (waits_at(victim) == 0)
		return;
	tw->is_stealing = true;
	task_signal_send(w, TASK_SIGNAL_STEAL, victim);
}

/* The oldest job here that has chunks to give. */
static struct task_job *find_job(struct worker *w)
{
	struct task_job *found = NULL;

	for (struct task_job *job = w->task->jobs; job; job = job->next)
		if (task_chunk_waits(job))
			found = job;
	return found;
}

/* Gives half of what waits to worker @thief. */
static void give(struct worker *w, uint8_t thief)
{
	struct task_job *job = find_job(w);
	uint64_t n = MIN_OF((w->task->n_waiting + 1) / 2, (uint64_t)TASK_STEAL_MAX);

	for (uint64_t i = 0; job && i < n; i++) {
		struct task_chunk *c = task_chunk_take(w, job);

		if (!c)
			break;
		c->given_ns = w->now_ns;
		c->next = job->given;
		job->given = c;
		job->n_out++;
		task_letter_send(w, &c->letter, TASK_LETTER_CHUNK, thief);
	}
	task_signal_send(w, TASK_SIGNAL_GIVEN, thief);
}

void task_on_signal(struct worker *w, uint64_t arg)
{
	uint8_t from = (uint8_t)(arg >> 8);

	switch ((enum task_signal)(arg & 0xff)) {
	case TASK_SIGNAL_WORK:
		task_steal(w);
		return;
	case TASK_SIGNAL_STEAL:
		give(w, from);
		return;
	case TASK_SIGNAL_GIVEN:
		w->task->is_stealing = false;
		return;
	case TASK_SIGNALS:
		break;
	}
}

void task_chunk_arrive(struct worker *w, struct task_chunk *c)
{
	struct task_worker *tw = w->task;
	enum worker_class class = c->job->spec.class;

	tw->n_stolen++;
	task_queue_push(&tw->stolen[class], &c->letter);
	if (!tw->thieves[class].unit.parked)
		worker_task_add(w, &tw->thieves[class].unit.task);
}
