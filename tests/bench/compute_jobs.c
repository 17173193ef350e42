/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Jobs of compute_bench: submitted, as the store's commands do it, on the server's worker, by a
 * task of its own; their results are read and checked behind the time that counts. Thread: the
 * server's worker, unless said otherwise.
 */
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_pause.h>

#include "dataplane/task/task.h"
#include "tests/bench/compute_bench.h"

#define NAP_MS       2
#define RUN_MAX_S    60.0
#define RESULT_BYTES (1ULL << 30)
#define ITEM_BYTES   8

static struct {
	struct resp_arg *items;
	uint64_t *numbers;
	/* The main thread gives @job and waits for it to be NULL again. */
	struct compute_job *_Atomic job;
	_Atomic bool stands; /* the clients' worker is to stand still */
	struct worker_task task;
	uint64_t began;
	bool is_begun;
} jobs;

void compute_jobs_make_items(uint32_t n)
{
	jobs.items = malloc(n * sizeof(*jobs.items));
	jobs.numbers = malloc(n * sizeof(*jobs.numbers));
	if (!jobs.items || !jobs.numbers)
		store_rig_fail("no memory for the items");
	for (uint32_t i = 0; i < n; i++) {
		jobs.numbers[i] = i;
		jobs.items[i] = (struct resp_arg){
			.bytes = (const uint8_t *)&jobs.numbers[i],
			.len = ITEM_BYTES,
		};
	}
}

/* Whether each item has become twice what it was. */
static void check(const struct task_job *job, uint32_t n)
{
	struct task_result r;
	uint64_t at = 0, number, i = 0;

	while (task_job_result(job, &at, &r)) {
		if (r.fault || r.number != i || r.value_len != sizeof(number))
			store_rig_fail("a result is a fault, or out of order");
		memcpy(&number, r.value, sizeof(number));
		if (number != 2 * jobs.numbers[i])
			store_rig_fail("a result is wrong");
		i++;
	}
	if (i != n)
		store_rig_fail("there are not as many results as items");
}

static void on_freed(struct worker *w, void *ctx)
{
	jobs.is_begun = false;
	atomic_store(&jobs.stands, false);
	atomic_store(&jobs.job, NULL);
}

static void on_event(struct worker *w, struct task_job *job, void *ctx)
{
	struct compute_job *asked = ctx;
	struct task_job_status status;

	task_job_status(job, &status);
	if (status.state == TASK_JOB_RUNNING)
		return;
	asked->cycles = rte_rdtsc() - jobs.began;
	asked->used_cycles = status.cycles;
	asked->stolen = status.stolen;
	if (status.state != TASK_JOB_DONE)
		store_rig_fail(status.error[0] ? status.error : status.fault.text);
	check(job, asked->n_items);
	task_job_free(w, job, on_freed, NULL);
}

static bool submit(struct worker *w, struct worker_task *t)
{
	struct compute_job *asked = atomic_load(&jobs.job);
	struct base_error err;
	struct task_job *job;
	struct task_spec spec = {
		.program =
			task_program_find(asked->program, (uint32_t)strlen(asked->program), &err),
		.items = jobs.items,
		.n_items = asked->n_items,
		.class = WORKER_BATCH,
		.result_bytes_max = RESULT_BYTES,
		.on_event = on_event,
		.ctx = asked,
	};
	uint32_t retry_ms;

	if (!spec.program)
		store_rig_fail(err.text);
	jobs.began = rte_rdtsc();
	if (task_job_submit(w, &spec, &job, &retry_ms, &err) < 0)
		store_rig_fail(err.text);
	return false;
}

void compute_jobs_on_turn(struct worker *w)
{
	if (w->id == STORE_RIG_CLIENTS) {
		while (atomic_load_explicit(&jobs.stands, memory_order_relaxed))
			rte_pause();
		return;
	}
	if (jobs.is_begun || !atomic_load_explicit(&jobs.job, memory_order_relaxed))
		return;
	jobs.is_begun = true;
	jobs.task.run = submit;
	worker_task_add(w, &jobs.task);
}

void compute_jobs_run(struct compute_job *job)
{
	double deadline = store_rig_now_s() + RUN_MAX_S;

	atomic_store(&jobs.stands, job->alone);
	atomic_store(&jobs.job, job);
	while (atomic_load(&jobs.job)) {
		store_rig_pass(0, NAP_MS);
		if (store_rig_now_s() > deadline)
			store_rig_fail("a job does not end");
	}
}
