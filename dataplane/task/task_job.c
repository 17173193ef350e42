/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Jobs at their home: begun, told how they stand, ended, forgotten. A job is over for whoever asked
 * as soon as its state says so; its memory goes when all that others have of it is back.
 * Thread: worker.
 */
#include <errno.h>
#include <stdio.h>

#include "dataplane/task/task_job_impl.h"

#define ID_WORKER_BITS  8
#define CHUNK_COST      65536 /* instructions that a chunk of items takes at most */
#define CHUNK_ITEMS_MIN 16
#define CHUNK_ITEMS_MAX 512
#define EVENT_NS        NSEC_PER_MSEC
#define SLOTS_PER_PIECE 64
#define RETRY_MS        100 /* where nothing was measured */
#define RETRY_MS_MAX    10000
#define CHUNKS_MAX      (1u << 24)

/* Why @spec cannot be a job, or NULL. */
static const char *mistake(const struct task_spec *spec)
{
	enum task_kind kind = spec->program->function->kind;

	if (!spec->source && kind != TASK_MAP && kind != TASK_FILTER)
		return "items are for functions of section map or filter";
	if (spec->source && kind != TASK_EACH && kind != TASK_FILTER)
		return "records are for functions of section each or filter";
	if (spec->merge && kind != TASK_EACH)
		return "only functions of section each have something to merge";
	if (spec->merge && spec->merge->function->kind != TASK_MERGE)
		return "accumulators are merged by a function of section merge";
	if ((uint64_t)spec->class >= WORKER_CLASSES)
		return "there is no such class";
	if (!spec->source && spec->n_items / CHUNK_ITEMS_MIN >= CHUNKS_MAX)
		return "that is too many items for one job";
	return NULL;
}

/* When the first of the jobs that run here may be over. */
static uint32_t retry_ms(const struct worker *w)
{
	uint64_t least_ns = RETRY_MS * NSEC_PER_MSEC;
	bool is_known = false;

	for (const struct task_job *job = w->task->jobs; job; job = job->next) {
		uint64_t done = job->status.done, total = MAX_OF(job->status.total, done);
		uint64_t spent_ns = w->now_ns - job->status.started_ns;

		uint64_t left_ns;

		if (job->state != TASK_JOB_RUNNING || done == 0)
			continue;
		left_ns = (uint64_t)((__uint128_t)spent_ns * (total - done) / done);
		least_ns = is_known ? MIN_OF(least_ns, left_ns) : left_ns;
		is_known = true;
	}
	return (uint32_t)MIN_OF(least_ns / NSEC_PER_MSEC + 1, (uint64_t)RETRY_MS_MAX);
}

/* Whether there is no place for another job of @client. */
static int check_room(struct worker *w, uint64_t client, uint32_t *retry, struct base_error *err)
{
	const struct task_settings *settings = task_settings();
	uint32_t n = 0;

	for (const struct task_job *job = w->task->jobs; job; job = job->next)
		n += job->spec.client == client;
	if (w->task->n_jobs < settings->jobs_max && n < settings->jobs_per_client)
		return 0;
	*retry = retry_ms(w);
	if (n >= settings->jobs_per_client)
		return base_error_set(err, EBUSY,
			"%u jobs of this client are under way here; try again in %u ms", n, *retry);
	return base_error_set(err, EBUSY, "%u jobs are under way here; try again in %u ms",
		w->task->n_jobs, *retry);
}

uint8_t task_job_worker(uint64_t id)
{
	uint64_t worker = id & ((1u << ID_WORKER_BITS) - 1);

	return (uint8_t)MIN_OF(worker, (uint64_t)WORKERS_MAX);
}

/* Items per chunk: the results of a job must not depend on who runs it. */
static uint32_t items_per_chunk(const struct task_program *p)
{
	uint32_t n = CHUNK_COST / MAX_OF(p->cost_max, 1u);

	return MIN_OF(MAX_OF(n, (uint32_t)CHUNK_ITEMS_MIN), (uint32_t)CHUNK_ITEMS_MAX);
}

static bool job_task(struct worker *w, struct worker_task *t);

/* Frees all of a job but its place among the others. */
static void release(struct worker *w, struct task_job *job)
{
	task_chunks_free(w, job);
	task_parts_free(w, job);
	worker_task_remove(w, &job->task);
	for (uint32_t i = 0; job->n_parts == 0 && job->slots && i < job->n_chunks; i++)
		task_free(w, job->slots[i].block);
	task_free(w, job->slots);
	task_free(w, job->accs);
	task_free(w, job->merger);
	task_free(w, job->reader);
	task_free(w, job);
}

/* What depends on whether it works on items or on records. */
static int prepare(struct worker *w, struct task_job *job)
{
	const struct task_spec *spec = &job->spec;

	job->items_per_chunk = items_per_chunk(spec->program);
	if (spec->source)
		job->n_chunks = TASK_RECORD_CHUNKS * w->n_workers;
	else
		job->n_chunks = (uint32_t)((spec->n_items + job->items_per_chunk - 1) /
					   job->items_per_chunk);
	job->status.total = spec->n_items;
	atomic_store_explicit(&job->limit, job->n_chunks, memory_order_relaxed);
	job->fault_at = UINT32_MAX;
	job->slots = task_alloc(w, MAX_OF(job->n_chunks, 1u) * sizeof(job->slots[0]));
	if (!job->slots)
		return -ENOMEM;
	memset(job->slots, 0, job->n_chunks * sizeof(job->slots[0]));
	job->reader = task_alloc(w, sizeof(*job->reader));
	if (!job->reader)
		return -ENOMEM;
	*job->reader = (struct task_reader){.block = NULL};
	return spec->source ? task_parts_create(w, job) : 0;
}

/* A job of @spec, or NULL: no memory. */
static struct task_job *job_create(struct worker *w, const struct task_spec *spec)
{
	struct task_job *job = task_alloc(w, sizeof(*job));

	if (!job)
		return NULL;
	memset(job, 0, sizeof(*job));
	job->spec = *spec;
	job->home = w->id;
	job->bytes_max =
		spec->result_bytes_max ? spec->result_bytes_max : task_settings()->result_bytes_max;
	job->task.run = job_task;
	job->task.class = (uint8_t)spec->class;
	job->status.kind = spec->program->function->kind;
	job->status.started_ns = w->now_ns;
	job->told_ns = w->now_ns;
	task_runner_init(&job->runner, false, spec->class);
	if (prepare(w, job) == 0)
		return job;
	release(w, job);
	return NULL;
}

/* Lets the job begin. */
static void start(struct worker *w, struct task_job *job)
{
	struct task_worker *tw = w->task;

	job->id = ++tw->last_id << ID_WORKER_BITS | w->id;
	job->next = tw->jobs;
	tw->jobs = job;
	tw->n_jobs++;
	tw->n_running++;
	task_program_hold(job->spec.program);
	if (job->spec.merge)
		task_program_hold(job->spec.merge);
	task_tick_arm(w);
	if (job->n_parts > 0) {
		task_parts_start(w, job);
		return;
	}
	job->end_chunk = job->n_chunks;
	task_waiting_add(w, job->n_chunks);
	if (job->n_chunks > 1)
		task_announce(w);
	worker_task_add(w, &job->runner.unit.task);
	if (job->n_chunks == 0)
		task_job_advance(w, job);
}

int task_job_submit(struct worker *w, const struct task_spec *spec, struct task_job **job,
	uint32_t *retry, struct base_error *err)
{
	const char *wrong = mistake(spec);
	int ret;

	*retry = 0;
	if (wrong)
		return base_error_set(err, EINVAL, "%s", wrong);
	ret = check_room(w, spec->client, retry, err);
	if (ret < 0)
		return ret;
	*job = job_create(w, spec);
	if (!*job)
		return base_error_set(err, ENOMEM, "no memory for another job");
	start(w, *job);
	return 0;
}

/* No chunk from @limit on is wanted any more. */
static void lower_limit(struct worker *w, struct task_job *job, uint32_t limit)
{
	uint32_t end = MAX_OF(limit, job->next_chunk);

	atomic_store_explicit(&job->limit, limit, memory_order_relaxed);
	if (job->end_chunk <= end)
		return;
	task_waiting_add(w, -(int64_t)(job->end_chunk - end));
	job->end_chunk = end;
}

bool task_job_fault(
	struct worker *w, struct task_job *job, uint32_t at, const struct task_fault *fault)
{
	if (at >= job->fault_at)
		return false;
	job->fault_at = at;
	job->status.fault = *fault;
	if (job->n_parts > 0 || job->spec.stop_at_fault) {
		job->is_faulty = true;
		if (!task_job_is_past(job, at))
			lower_limit(w, job, at + 1);
	}
	return true;
}

void task_job_end(
	struct worker *w, struct task_job *job, enum task_job_state state, const char *error)
{
	if (job->state != TASK_JOB_RUNNING)
		return;
	job->state = state;
	job->status.ended_ns = w->now_ns;
	base_strlcpy(job->status.error, error ? error : "", sizeof(job->status.error));
	lower_limit(w, job, 0);
	w->task->n_running--;
	task_chunks_free(w, job);
	job->has_news = job->is_urgent = true;
	worker_task_add(w, &job->task);
}

void task_job_advance(struct worker *w, struct task_job *job)
{
	job->has_news = true;
	worker_task_add(w, &job->task);
}

/* Goes over what has been committed, in order. True: there is more. */
static bool advance(struct worker *w, struct task_job *job)
{
	uint32_t limit = atomic_load_explicit(&job->limit, memory_order_relaxed);
	uint64_t start = w->ops->cycles(w);

	for (uint32_t n = 0; n < SLOTS_PER_PIECE; n++) {
		const struct task_slot *s = &job->slots[job->n_done];
		enum task_merge merge = TASK_MERGE_DONE;

		if (job->n_done >= limit) {
			task_job_end(
				w, job, job->is_faulty ? TASK_JOB_FAILED : TASK_JOB_DONE, NULL);
			return false;
		}
		if (!s->is_committed)
			return false;
		if (job->merger && s->has_acc)
			merge = task_merge_slot(job, job->n_done);
		if (merge == TASK_MERGE_MORE)
			return true;
		job->n_done++;
		if (merge == TASK_MERGE_FAILED) {
			job->status.fault = job->merger->fault;
			job->status.fault_key_len = 0;
			job->status.faults++;
			task_job_end(w, job, TASK_JOB_FAILED, NULL);
			return false;
		}
		if (job->merger && w->ops->cycles(w) - start >= w->task->piece_cycles)
			return true;
	}
	return true;
}

/* Goes on at home, and tells what is new; the job may be gone afterwards. */
static bool job_task(struct worker *w, struct worker_task *t)
{
	struct task_job *job = CONTAINER_OF(t, struct task_job, task);

	if (job->state == TASK_JOB_RUNNING && advance(w, job))
		return true;
	if (!job->has_news || job->is_freed || !job->spec.on_event ||
		(!job->is_urgent && w->now_ns - job->told_ns < EVENT_NS))
		return false;
	job->has_news = job->is_urgent = false;
	job->told_ns = w->now_ns;
	job->spec.on_event(w, job, job->spec.ctx);
	return false;
}

void task_job_cancel(struct worker *w, struct task_job *job)
{
	task_job_end(w, job, TASK_JOB_CANCELLED, NULL);
}

void task_job_settle(struct worker *w, struct task_job *job)
{
	void (*freed)(struct worker * worker, void *ctx) = job->freed;
	void *ctx = job->freed_ctx;
	struct task_job **at = &w->task->jobs;

	if (!job->is_freed || job->n_out > 0)
		return;
	while (*at != job)
		at = &(*at)->next;
	*at = job->next;
	w->task->n_jobs--;
	task_program_release(job->spec.program);
	if (job->spec.merge)
		task_program_release(job->spec.merge);
	release(w, job);
	if (freed)
		freed(w, ctx);
}

void task_job_free(struct worker *w, struct task_job *job,
	void (*freed)(struct worker *w, void *ctx), void *ctx)
{
	task_job_end(w, job, TASK_JOB_CANCELLED, NULL);
	job->is_freed = true;
	job->freed = freed;
	job->freed_ctx = ctx;
	task_job_settle(w, job);
}

void task_job_status(const struct task_job *job, struct task_job_status *s)
{
	*s = job->status;
	s->id = job->id;
	s->state = job->state;
}

const struct task_spec *task_job_spec(const struct task_job *job)
{
	return &job->spec;
}

void task_jobs_tick(struct worker *w)
{
	bool waits = false;

	for (struct task_job *job = w->task->jobs; job; job = job->next) {
		if (job->state != TASK_JOB_RUNNING)
			continue;
		if (job->spec.deadline_ns != 0 && w->now_ns >= job->spec.deadline_ns)
			task_job_end(w, job, TASK_JOB_CANCELLED, "the deadline has passed");
		else if (job->n_parts == 0)
			task_chunks_tick(w, job);
		if (job->has_news)
			worker_task_add(w, &job->task);
		waits |= task_chunk_waits(job);
	}
	if (waits)
		task_announce(w);
}
