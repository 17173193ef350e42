/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Parts of jobs over records, at home: sent to the owners, fed with room for results, committed.
 * Where nobody reads while it goes on, too many results end the job; else each part waits for room
 * of its share, which what it has been read of gives back, so that the first one in order never
 * waits for a later one. Thread: worker.
 */
#include <errno.h>

#include "dataplane/task/task_job_impl.h"

#define BLOCK_BYTES_FIRST 2048
#define BLOCK_BYTES_MAX   (64u << 10)

int task_parts_create(struct worker *w, struct task_job *job)
{
	job->parts = task_alloc(w, w->n_workers * sizeof(job->parts[0]));
	if (!job->parts)
		return -ENOMEM;
	memset(job->parts, 0, w->n_workers * sizeof(job->parts[0]));
	job->n_parts = w->n_workers;
	if (!job->spec.merge)
		return 0;
	job->accs = task_alloc(w, (uint64_t)job->n_chunks * BRAID_ACC_BYTES);
	return job->accs ? task_merge_init(w, job) : -ENOMEM;
}

static void send_out(struct worker *w, struct task_job *job, struct task_part *part)
{
	part->is_out = true;
	job->n_out++;
	task_letter_send(w, &part->letter, TASK_LETTER_PART, part->worker);
}

void task_parts_start(struct worker *w, struct task_job *job)
{
	for (uint8_t k = 0; k < job->n_parts; k++) {
		job->parts[k].job = job;
		job->parts[k].worker = k;
		send_out(w, job, &job->parts[k]);
	}
}

void task_parts_free(struct worker *w, struct task_job *job)
{
	for (uint8_t k = 0; k < job->n_parts; k++) {
		struct task_block *b = job->parts[k].first;

		while (b) {
			struct task_block *next = b->next;

			task_free(w, b);
			b = next;
		}
	}
	task_free(w, job->parts);
}

/* What a part may hold where results are read as they come. */
static uint64_t share(const struct task_job *job)
{
	return job->bytes_max / job->n_parts;
}

/* The size of the next block of @part. */
static uint32_t next_size(const struct task_job *job, const struct task_part *part)
{
	uint64_t size = part->block_bytes == 0 ? BLOCK_BYTES_FIRST : 4ULL * part->block_bytes;

	size = MIN_OF(size, (uint64_t)BLOCK_BYTES_MAX);
	if (job->is_streaming)
		size = MIN_OF(size, MAX_OF(share(job) / 2, (uint64_t)BLOCK_BYTES_FIRST));
	return (uint32_t)MAX_OF(size, (uint64_t)part->want_bytes);
}

/* Whether a block of @size may be had, now. */
static bool may_have(struct worker *w, struct task_job *job, struct task_part *part, uint32_t size)
{
	if (job->held_bytes + size <= job->bytes_max)
		return true;
	if (!job->is_streaming) {
		task_job_end(w, job, TASK_JOB_FAILED,
			"there are more results than a job may keep: select fewer records, or take "
			"them as they come (STREAM)");
		return false;
	}
	part->is_hungry = part->held_bytes > 0 && part->held_bytes + size > share(job);
	return !part->is_hungry;
}

/* Takes an empty block out of the end of the chain of @part. */
static void forget_block(struct worker *w, struct task_job *job, struct task_part *part)
{
	struct task_slot *s = &job->slots[part->chunk * job->n_parts + part->worker];
	struct task_block *b = part->block, **at = &part->first;

	if (s->block == b)
		s->block = NULL;
	part->last = NULL;
	while (*at != b) {
		part->last = *at;
		at = &part->last->next;
	}
	*at = NULL;
	job->held_bytes -= b->size;
	part->held_bytes -= b->size;
	task_free(w, b);
}

/* Nothing more is put into the block of @part: from now on it can be dropped. */
static void close_block(struct worker *w, struct task_job *job, struct task_part *part)
{
	struct task_block *b = part->block;

	if (!b)
		return;
	part->block_bytes = b->size;
	b->is_closed = true;
	b->last_chunk = part->chunk;
	b->last_n = part->n;
	if (b->len == 0)
		forget_block(w, job, part);
	part->block = NULL;
}

/* Gives @part another block. Whether it may go on. */
static bool feed(struct worker *w, struct task_job *job, struct task_part *part)
{
	struct task_slot *s = &job->slots[part->chunk * job->n_parts + part->worker];
	uint32_t size = next_size(job, part);
	struct task_block *b;

	part->is_hungry = false;
	if (!may_have(w, job, part, size))
		return false;
	b = task_block_create(w, size);
	if (!b) {
		task_job_end(w, job, TASK_JOB_FAILED, "no memory for results");
		return false;
	}
	if (part->last)
		part->last->next = b;
	else
		part->first = b;
	part->last = part->block = b;
	part->want_bytes = 0;
	if (!s->block)
		s->block = b;
	job->held_bytes += size;
	part->held_bytes += size;
	return true;
}

/* Takes over what @part has done. */
static void commit(struct worker *w, struct task_job *job, struct task_part *part)
{
	for (; part->committed < part->chunk; part->committed++) {
		struct task_slot *s = &job->slots[part->committed * job->n_parts + part->worker];

		job->status.results += s->n - s->ready;
		s->ready = s->n;
		s->is_committed = true;
	}
	if (part->chunk < TASK_RECORD_CHUNKS) {
		struct task_slot *s = &job->slots[part->chunk * job->n_parts + part->worker];

		job->status.results += part->n - s->ready;
		s->ready = part->n;
		s->is_committed = part->code != 0;
	}
	if (part->code == 0)
		return;
	job->status.faults++;
	if (task_job_fault(w, job, part->chunk * job->n_parts + part->worker, &part->fault)) {
		job->status.fault_key_len = part->fault_key_len;
		memcpy(job->status.fault_key, part->fault_key, part->fault_key_len);
	}
}

/* How far the job is. */
static void tell(struct task_job *job)
{
	struct task_job_status *s = &job->status;
	uint64_t total = 0, n = 0;

	s->done = s->result_bytes = 0;
	for (uint8_t k = 0; k < job->n_parts; k++) {
		s->done += job->parts[k].seen;
		s->result_bytes += job->parts[k].kept;
		total += job->parts[k].expected;
		n += job->parts[k].expected > 0;
	}
	s->total = MAX_OF(s->done, n > 0 ? total / n * job->n_parts : 0);
	if (n == job->n_parts)
		s->total = MAX_OF(s->done, total);
}

void task_part_back(struct worker *w, struct task_part *part)
{
	struct task_job *job = part->job;

	part->is_out = false;
	job->n_out--;
	job->status.cycles += part->cycles;
	part->seen = part->visited + (part->is_over ? 0 : part->number);
	part->expected = part->total;
	part->kept = part->result_bytes;
	if (job->state == TASK_JOB_RUNNING) {
		commit(w, job, part);
		tell(job);
		task_job_advance(w, job);
		if (part->is_full)
			close_block(w, job, part);
		if (!part->is_over && (!part->is_full || feed(w, job, part)))
			send_out(w, job, part);
	}
	task_job_settle(w, job);
}

void task_parts_feed(struct worker *w, struct task_job *job)
{
	for (uint8_t k = 0; k < job->n_parts && job->state == TASK_JOB_RUNNING; k++)
		if (job->parts[k].is_hungry && feed(w, job, &job->parts[k]))
			send_out(w, job, &job->parts[k]);
}
