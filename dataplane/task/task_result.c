/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading results, in the order of chunks. A place is a chunk and the number of a result in it, so
 * that any number is one, or none; where the last reading ended is remembered. Thread: worker.
 */
#include "dataplane/task/task_job_impl.h"

#define AT_SHIFT 32 /* of the chunk */

struct task_block *task_block_create(struct worker *w, uint32_t size)
{
	struct task_block *b = task_alloc(w, sizeof(*b) + size);

	if (b)
		*b = (struct task_block){.size = size};
	return b;
}

static uint32_t chunk_of(uint64_t at)
{
	return (uint32_t)(at >> AT_SHIFT);
}

static uint64_t place(uint32_t chunk, uint32_t number)
{
	return (uint64_t)chunk << AT_SHIFT | number;
}

/* Bytes of the pair at @p. */
static uint32_t pair_bytes(const uint8_t *p)
{
	struct task_pair pair;

	memcpy(&pair, p, sizeof(pair));
	return (uint32_t)(sizeof(pair) + pair.key_len + pair.value_len + 7) & ~7u;
}

/* Bytes of the item's result at @p. */
static uint32_t item_bytes(const uint8_t *p)
{
	uint32_t word;

	memcpy(&word, p, sizeof(word));
	if (word & TASK_ITEM_FAULT)
		return 3 * sizeof(word);
	return (uint32_t)sizeof(word) + (word & TASK_ITEM_LENGTH);
}

/* Goes to the block in which the next result is. */
static void reader_settle(struct task_reader *r, bool is_records)
{
	while (is_records && r->block->is_closed && r->offset == r->block->len) {
		r->block = r->block->next;
		r->offset = 0;
	}
}

/* Puts the reader at @at: a result that is there. */
static void reader_seek(const struct task_job *job, uint64_t at)
{
	struct task_reader *r = job->reader;
	const struct task_slot *s = &job->slots[chunk_of(at)];
	bool is_records = job->n_parts > 0;

	if (r->block && r->at == at) {
		reader_settle(r, is_records);
		return;
	}
	r->at = at;
	r->block = s->block;
	r->offset = s->skip;
	for (uint32_t i = s->dropped; i < (uint32_t)at; i++) {
		reader_settle(r, is_records);
		r->offset += is_records ? pair_bytes(r->block->bytes + r->offset)
					: item_bytes(r->block->bytes + r->offset);
	}
	reader_settle(r, is_records);
}

static void read_pair(const struct task_reader *reader, struct task_result *r)
{
	const uint8_t *p = reader->block->bytes + reader->offset;
	struct task_pair pair;

	memcpy(&pair, p, sizeof(pair));
	*r = (struct task_result){
		.key = p + sizeof(pair),
		.key_len = pair.key_len,
		.value = p + sizeof(pair) + pair.key_len,
		.value_len = pair.value_len,
	};
}

static void read_item(const struct task_job *job, uint64_t number, struct task_result *r)
{
	const uint8_t *p = job->reader->block->bytes + job->reader->offset;
	const struct resp_arg *item = &job->spec.items[number];
	uint32_t words[3];

	*r = (struct task_result){.number = number};
	memcpy(words, p, sizeof(words[0]));
	r->value = p + sizeof(words[0]);
	r->value_len = words[0] & TASK_ITEM_LENGTH;
	if (words[0] & TASK_ITEM_FAULT) {
		memcpy(words, p, sizeof(words));
		r->fault = (int32_t)words[1];
		r->line = words[2];
	} else if (words[0] & TASK_ITEM_SAME) {
		r->value = item->bytes;
		r->value_len = item->len;
	}
	r->dropped = (words[0] & TASK_ITEM_DROPPED) != 0;
}

/* Chunks before this one may be read: those that are done, and the next one as far as it is. */
static uint32_t readable_end(const struct task_job *job)
{
	bool goes_on = job->state == TASK_JOB_RUNNING && !task_job_is_past(job, job->n_done);

	return MIN_OF(job->n_done + goes_on, job->n_chunks);
}

/* Moves *@at on to the first result that may be read. False: there is none. */
static bool find_next(const struct task_job *job, uint64_t *at)
{
	uint32_t chunk = chunk_of(*at), number = (uint32_t)*at, end = readable_end(job);

	if (chunk < job->first_kept) {
		chunk = job->first_kept;
		number = 0;
	}
	for (; chunk < end; chunk++, number = 0) {
		const struct task_slot *s = &job->slots[chunk];

		number = MAX_OF(number, s->dropped);
		*at = place(chunk, number);
		if (number < s->ready)
			return true;
		if (chunk >= job->n_done)
			break;
	}
	return false;
}

bool task_job_result(const struct task_job *job, uint64_t *at, struct task_result *r)
{
	struct task_reader *reader = job->reader;

	if (!find_next(job, at))
		return false;
	reader_seek(job, *at);
	if (job->n_parts > 0) {
		read_pair(reader, r);
		reader->offset += pair_bytes(reader->block->bytes + reader->offset);
	} else {
		read_item(job, (uint64_t)chunk_of(*at) * job->items_per_chunk + (uint32_t)*at, r);
		reader->offset += item_bytes(reader->block->bytes + reader->offset);
	}
	reader->at = ++*at;
	return true;
}

/* Drops whole chunks before chunk @end. */
static void drop_items(struct worker *w, struct task_job *job, uint32_t end)
{
	for (uint32_t i = job->first_kept; i < end; i++) {
		struct task_slot *s = &job->slots[i];

		job->held_bytes -= s->block ? s->block->size : 0;
		task_free(w, s->block);
		s->block = NULL;
		s->dropped = s->ready;
	}
	job->first_kept = MAX_OF(job->first_kept, end);
}

/* Drops the blocks of @part all of whose results are before @at. */
static void drop_pairs(struct worker *w, struct task_job *job, struct task_part *part, uint64_t at)
{
	while (part->first && part->first->is_closed) {
		struct task_block *b = part->first;
		uint32_t last = b->last_chunk * job->n_parts + part->worker;
		struct task_slot *s = &job->slots[last];

		if (place(last, b->last_n) > at)
			return;
		s->dropped = b->last_n;
		s->block = b->next;
		s->skip = 0;
		part->first = b->next;
		if (part->last == b)
			part->last = NULL;
		part->held_bytes -= b->size;
		job->held_bytes -= b->size;
		task_free(w, b);
	}
}

void task_job_results_drop(struct worker *w, struct task_job *job, uint64_t at)
{
	uint32_t chunk = MIN_OF(chunk_of(at), MIN_OF(job->n_done, job->n_chunks));

	job->is_streaming = true;
	job->reader->block = NULL;
	if (job->n_parts == 0) {
		drop_items(w, job, chunk);
		if (job->state == TASK_JOB_RUNNING && task_chunk_waits(job) &&
			!job->runner.unit.parked)
			worker_task_add(w, &job->runner.unit.task);
		return;
	}
	at = MIN_OF(at, place(chunk, UINT32_MAX));
	for (uint32_t k = 0; k < job->n_parts; k++)
		drop_pairs(w, job, &job->parts[k], at);
	task_parts_feed(w, job);
}

const uint8_t *task_job_acc(const struct task_job *job)
{
	if (job->state != TASK_JOB_DONE || !job->merger)
		return NULL;
	return job->merger->exec.frame.ctx.merge.acc;
}
