/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Chunks of items at home: made, given out, committed. Each attempt writes to a buffer of its own
 * that is as large as its results can be; what is committed is as large as they are. The first
 * attempt that comes back counts; a buffer is used again only after its attempt is back.
 * Thread: worker.
 */
#include "dataplane/task/task_job_impl.h"

#define AGAIN_NS         (50 * NSEC_PER_MSEC) /* until another attempt is made at home */
#define SHRINK_BYTES_MIN 2048                 /* smaller buffers stay as they are */

/* Bytes that the results of @n items may take. */
static uint32_t room_for(const struct task_job *job, uint32_t n)
{
	uint32_t each = job->status.kind == TASK_MAP ? TASK_ITEM_BYTES_MAX : 3 * sizeof(uint32_t);

	return n * each + TASK_BLOCK_SLACK;
}

/* How many items chunk @index has. */
static uint32_t items_in(const struct task_job *job, uint32_t index)
{
	uint64_t first = (uint64_t)index * job->items_per_chunk;

	return (uint32_t)MIN_OF((uint64_t)job->items_per_chunk, job->spec.n_items - first);
}

static void chunk_free(struct worker *w, struct task_chunk *c)
{
	task_free(w, c->block);
	task_free(w, c);
}

/* Another attempt at chunk @index, or NULL: no memory. */
static struct task_chunk *chunk_create(struct worker *w, struct task_job *job, uint32_t index)
{
	struct task_chunk *c = job->free;
	uint32_t room = room_for(job, MIN_OF(job->spec.n_items, (uint64_t)job->items_per_chunk));
	struct task_block *block;

	if (c)
		job->free = c->next;
	else if (!(c = task_alloc(w, sizeof(*c))))
		return NULL;
	else
		c->block = NULL;
	block = c->block ? c->block : task_block_create(w, room);
	if (!block) {
		task_free(w, c);
		return NULL;
	}
	block->len = 0;
	memset(c, 0, sizeof(*c));
	c->job = job;
	c->block = block;
	c->job_id = job->id;
	c->index = index;
	c->epoch = TASK_EPOCH;
	c->attempt = job->slots[index].attempts++;
	c->first = (uint64_t)index * job->items_per_chunk;
	c->n = items_in(job, index);
	return c;
}

/* Whether results have to be read before there may be more. */
static bool is_full(const struct task_job *job)
{
	return job->is_streaming && job->held_bytes >= job->bytes_max;
}

bool task_chunk_waits(const struct task_job *job)
{
	return job->next_chunk < job->end_chunk && !is_full(job);
}

struct task_chunk *task_chunk_take(struct worker *w, struct task_job *job)
{
	struct task_chunk *c;

	if (!task_chunk_waits(job))
		return NULL;
	c = chunk_create(w, job, job->next_chunk);
	if (!c) {
		if (job->n_out == 0 && !job->runner.chunk)
			task_job_end(w, job, TASK_JOB_FAILED, "no memory for results");
		return NULL;
	}
	job->next_chunk++;
	task_waiting_add(w, -1);
	return c;
}

struct task_chunk *task_chunk_next(struct worker *w, struct task_job *job)
{
	struct task_chunk *c = job->again;

	if (!c)
		return task_chunk_take(w, job);
	job->again = c->next;
	return c;
}

/* Keeps the buffer for another attempt. */
static void recycle(struct worker *w, struct task_job *job, struct task_chunk *c)
{
	if (job->state != TASK_JOB_RUNNING || (!c->block && !task_chunk_waits(job))) {
		chunk_free(w, c);
		return;
	}
	c->next = job->free;
	job->free = c;
}

/* Takes the results out of the chunk, in a block of their size if that is much less. */
static struct task_block *take_results(struct worker *w, struct task_chunk *c)
{
	struct task_block *b = c->block, *exact = NULL;

	if (b->size > SHRINK_BYTES_MIN && b->len < b->size / 4 * 3)
		exact = task_block_create(w, MAX_OF(b->len, 1u));
	if (exact) {
		memcpy(exact->bytes, b->bytes, b->len);
		exact->len = b->len;
		return exact;
	}
	c->block = NULL;
	return b;
}

static void commit(struct worker *w, struct task_job *job, struct task_chunk *c)
{
	struct task_slot *s = &job->slots[c->index];

	s->block = take_results(w, c);
	s->n = s->ready = c->done;
	s->is_committed = true;
	job->held_bytes += s->block->size;
	job->status.done += c->done;
	job->status.results += c->done;
	job->status.result_bytes += s->block->len;
	job->status.faults += c->n_faults;
	job->status.stolen += c->runner != job->home;
	if (c->n_faults > 0)
		task_job_fault(w, job, c->index, &c->fault);
	if (job->held_bytes > job->bytes_max && !job->is_streaming)
		task_job_end(w, job, TASK_JOB_FAILED,
			"there are more results than a job may keep: submit fewer items at once");
	else
		task_job_advance(w, job);
}

/* Takes @c out of those that are away, if it was. */
static void take_back(struct task_job *job, struct task_chunk *c)
{
	struct task_chunk **at = &job->given;

	while (*at && *at != c)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = c->next;
	job->n_out--;
}

void task_chunk_back(struct worker *w, struct task_chunk *c)
{
	struct task_job *job = c->job;
	bool is_mine = c->job_id == job->id && c->epoch == TASK_EPOCH;

	take_back(job, c);
	job->status.cycles += c->cycles;
	BRAID_ASSERT(is_mine && c->attempt < job->slots[c->index].attempts);
	if (job->slots[c->index].is_committed)
		job->status.late++;
	else if (job->state == TASK_JOB_RUNNING && c->is_complete &&
		 !task_job_is_past(job, c->index))
		commit(w, job, c);
	recycle(w, job, c);
	if (job->state == TASK_JOB_RUNNING && task_chunk_waits(job) && !job->runner.unit.parked)
		worker_task_add(w, &job->runner.unit.task);
	task_job_settle(w, job);
}

void task_chunks_tick(struct worker *w, struct task_job *job)
{
	if (job->next_chunk < job->end_chunk || job->again || job->runner.chunk)
		return;
	for (struct task_chunk *c = job->given; c; c = c->next) {
		struct task_chunk *again;

		if (c->is_again || w->now_ns - c->given_ns < AGAIN_NS ||
			job->slots[c->index].is_committed || task_job_is_past(job, c->index))
			continue;
		again = chunk_create(w, job, c->index);
		if (!again)
			return;
		c->is_again = true;
		job->status.again++;
		again->next = job->again;
		job->again = again;
		worker_task_add(w, &job->runner.unit.task);
	}
}

/* Frees a list of chunks that are here. */
static void free_all(struct worker *w, struct task_chunk **list)
{
	while (*list) {
		struct task_chunk *c = *list;

		*list = c->next;
		chunk_free(w, c);
	}
}

void task_chunks_free(struct worker *w, struct task_job *job)
{
	task_unit_stop(w, &job->runner.unit);
	if (job->runner.chunk)
		chunk_free(w, job->runner.chunk);
	job->runner.chunk = NULL;
	free_all(w, &job->again);
	free_all(w, &job->free);
}
