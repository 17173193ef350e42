/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a worker has for jobs beside the jobs: memory, its tick, and the cycles that each client may
 * use. Thread: worker.
 */
#include "dataplane/task/task_job_impl.h"

/* What a client that was quiet may use at once. */
#define QUOTA_SAVED_MS 10

static const struct task_memory *memory;

void task_memory_set(const struct task_memory *m)
{
	memory = m;
}

void *task_alloc(struct worker *w, uint64_t bytes)
{
	uint8_t *p = memory->alloc(w, bytes + CACHE_LINE_BYTES + sizeof(p)), *at;

	if (!p)
		return NULL;
	at = p + sizeof(p) + CACHE_LINE_BYTES - 1;
	at -= (uintptr_t)at & (CACHE_LINE_BYTES - 1);
	memcpy(at - sizeof(p), &p, sizeof(p));
	return at;
}

void task_free(struct worker *w, void *p)
{
	void *start;

	if (!p)
		return;
	memcpy(&start, (uint8_t *)p - sizeof(start), sizeof(start));
	memory->free(w, start);
}

/* The client's bucket, filled up to now. One that is full belongs to whoever comes. */
static struct task_bucket *find_bucket(struct worker *w, uint64_t client)
{
	struct task_worker *tw = w->task;
	struct task_bucket *b =
		&tw->buckets[client * 0x9e3779b97f4a7c15ULL >> 32 & (TASK_QUOTA_BUCKETS - 1)];
	uint64_t per_ms = tw->cycles_per_ms * task_settings()->quota_percent / 100;
	uint64_t us = MIN_OF((w->now_ns - b->filled_ns) / NSEC_PER_USEC, NSEC_PER_SEC);
	int64_t full = (int64_t)(per_ms * QUOTA_SAVED_MS);

	b->cycles = MIN_OF(b->cycles + (int64_t)(us * per_ms / 1000), full);
	b->filled_ns += us == NSEC_PER_SEC ? w->now_ns - b->filled_ns : us * NSEC_PER_USEC;
	if (b->client != client && b->cycles == full)
		b->client = client;
	return b;
}

bool task_quota_has(struct worker *w, uint64_t client)
{
	return task_settings()->quota_percent >= 100 || find_bucket(w, client)->cycles > 0;
}

void task_quota_charge(struct worker *w, uint64_t client, uint64_t cycles)
{
	if (task_settings()->quota_percent < 100)
		find_bucket(w, client)->cycles -= (int64_t)cycles;
}

void task_park(struct worker *w, struct task_unit *u)
{
	u->parked = true;
	u->next = w->task->parked;
	w->task->parked = u;
	task_tick_arm(w);
}

void task_unit_stop(struct worker *w, struct task_unit *u)
{
	struct task_unit **at = &w->task->parked;

	worker_task_remove(w, &u->task);
	if (!u->parked)
		return;
	while (*at != u)
		at = &(*at)->next;
	*at = u->next;
	u->parked = false;
}

void task_tick_arm(struct worker *w)
{
	if (!wheel_pending(&w->task->tick))
		wheel_add(w->wheel, &w->task->tick, w->now_ns + TASK_TICK_NS);
}

static void on_tick(void *ctx, struct wheel_timer *t)
{
	struct worker *w = ctx;
	struct task_worker *tw = w->task;

	while (tw->parked) {
		struct task_unit *u = tw->parked;

		tw->parked = u->next;
		u->parked = false;
		worker_task_add(w, &u->task);
	}
	task_jobs_tick(w);
	if (tw->n_running > 0)
		task_tick_arm(w);
}

void task_worker_start(struct worker *w, struct task_worker *tw)
{
	w->task = tw;
	w->quantum_fixed_ns = task_settings()->quantum_ns;
	tw->tick.fn = on_tick;
	tw->piece_cycles = (uint32_t)(((uint64_t)TASK_PIECE_NS << 32) / w->ns_per_cycle_q32);
	tw->cycles_per_ms = (NSEC_PER_MSEC << 32) / w->ns_per_cycle_q32;
	task_mail_init(tw);
	for (unsigned c = 0; c < WORKER_CLASSES; c++)
		task_runner_init(&tw->thieves[c], true, (enum worker_class)c);
}
