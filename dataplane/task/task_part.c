/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Jobs over records, on the workers that own them. Each owner has a part, which walks its records a
 * piece at a time, range after range. A piece that finds no room for what it emits is undone, the
 * part asks its home for room, and does it again; one that meets a fault is undone and done again
 * up to the record, so that the context is as it was before the call. Nothing that a program does
 * is seen before its piece is over. Thread: worker.
 */
#include "dataplane/task/task_job_impl.h"

#define REPORT_NS            (500 * NSEC_PER_USEC) /* the home hears at least so often */
#define RECORDS_PER_WALK_MAX 1024
#define NEVER                UINT64_MAX

/* Appends a pair for the home. False: there is no room. */
static bool emit_pair(
	void *arg, const uint8_t *key, uint32_t key_len, const uint8_t *value, uint32_t value_len)
{
	struct task_part *part = arg;
	struct task_block *b = part->block;
	struct task_pair pair = {.key_len = key_len, .value_len = value_len};
	uint64_t bytes = (sizeof(pair) + (uint64_t)key_len + value_len + 7) & ~7ULL;
	uint8_t *out;

	if (UNLIKELY(!b || bytes > b->size - b->len)) {
		part->is_full = true;
		part->want_bytes = (uint32_t)MIN_OF(bytes, (uint64_t)UINT32_MAX);
		return false;
	}
	out = b->bytes + b->len;
	memcpy(out, &pair, sizeof(pair));
	memcpy(out + sizeof(pair), key, key_len);
	memcpy(out + sizeof(pair) + key_len, value, value_len);
	b->len += (uint32_t)bytes;
	part->result_bytes += key_len + value_len;
	part->n++;
	return true;
}

bool task_part_record(struct worker *w, struct task_part *part, const struct task_record *r)
{
	struct task_exec *x = &part->exec;
	int32_t code;

	if (UNLIKELY(part->number == part->stop_at)) {
		task_exec_load_record(x, part->number, r);
		part->has_stopped = true;
		return false;
	}
	code = task_exec_record(x, part->number, r);
	if (x->frame.kind == TASK_FILTER && code == BRAID_OK)
		emit_pair(part, r->key, r->key_len, r->key, 0);
	if (UNLIKELY(part->is_full))
		return false;
	if (UNLIKELY(code < 0)) {
		part->code = code;
		return false;
	}
	part->number++;
	return true;
}

const void *task_part_select(const struct task_part *part)
{
	return part->job->spec.select;
}

static uint32_t slot_of(const struct task_part *part, uint32_t chunk)
{
	return chunk * part->job->n_parts + part->worker;
}

static void mark_set(struct task_part *part)
{
	struct task_mark *m = &part->mark;

	m->at = part->at;
	m->number = part->number;
	m->len = part->block ? part->block->len : 0;
	m->n = part->n;
	m->result_bytes = part->result_bytes;
	if (part->exec.frame.kind == TASK_EACH)
		memcpy(m->acc, part->exec.frame.ctx.each.acc, BRAID_ACC_BYTES);
}

/* Makes undone what was done since mark_set. */
static void mark_restore(struct task_part *part)
{
	const struct task_mark *m = &part->mark;

	part->at = m->at;
	part->number = m->number;
	if (part->block)
		part->block->len = m->len;
	part->n = m->n;
	part->result_bytes = m->result_bytes;
	part->is_full = false;
	part->code = 0;
	if (part->exec.frame.kind == TASK_EACH)
		memcpy(part->exec.frame.ctx.each.acc, m->acc, BRAID_ACC_BYTES);
}

static bool walk_some(struct worker *w, struct task_part *part, uint32_t n)
{
	return part->job->spec.source->walk(w, part, part->chunk, &part->at, n);
}

/* Walks as far as a piece goes, or its time. How many walks that were; *@more: the chunk has more.
 */
static uint32_t walk_piece(struct worker *w, struct task_part *part, uint64_t start, bool *more)
{
	uint32_t look = task_calls_per_look(part->exec.program), left = part->records_per_walk;
	uint32_t walks = 0;

	do {
		uint32_t n = MIN_OF(left, look);

		*more = walk_some(w, part, n);
		walks++;
		left -= n;
	} while (*more && left > 0 && !part->is_full && part->code == 0 &&
		 w->ops->cycles(w) - start < w->task->piece_cycles);
	return walks;
}

/* A chunk begins. */
static void begin_chunk(struct task_part *part)
{
	struct task_slot *s = &part->job->slots[slot_of(part, part->chunk)];

	s->block = part->block;
	s->skip = part->block ? part->block->len : 0;
	part->at = 0;
	part->number = 0;
	part->n = 0;
	memset(part->exec.frame.ctx.each.acc, 0, BRAID_ACC_BYTES);
}

/* The chunk is over: leaves what came out of it where the home finds it. */
static void end_chunk(struct task_part *part)
{
	uint32_t at = slot_of(part, part->chunk);
	struct task_job *job = part->job;
	struct task_slot *s = &job->slots[at];

	s->n = part->n;
	s->has_acc = part->number > 0;
	if (job->accs)
		memcpy(job->accs + (size_t)at * BRAID_ACC_BYTES, part->exec.frame.ctx.each.acc,
			BRAID_ACC_BYTES);
	part->visited += part->number;
	part->chunk++;
	if (part->chunk == TASK_RECORD_CHUNKS)
		part->is_over = true;
	else
		begin_chunk(part);
}

/* Looks for the place of the fault of this piece of @walks, which is done again up to the record.
 */
static void explain_start(struct worker *w, struct task_part *part, uint32_t walks)
{
	uint32_t look = task_calls_per_look(part->exec.program);
	int32_t code = part->code;

	part->stop_at = part->number;
	mark_restore(part);
	while (walks-- > 0 && !part->has_stopped)
		walk_some(w, part, look);
	part->stop_at = NEVER;
	part->code = code;
	part->fault = (struct task_fault){.code = code, .number = part->number};
	if (!part->has_stopped) { /* the source showed other records */
		part->is_over = true;
		return;
	}
	part->fault_key_len = MIN_OF(part->exec.frame.ctx.each.key_len, (uint32_t)BRAID_KEY_BYTES);
	memcpy(part->fault_key, part->exec.frame.ctx.each.key, part->fault_key_len);
	task_explain_init(&part->explain, &part->exec, code);
	part->explaining = true;
	/* The record itself may be gone in the next turn, its windows not. There are no loops, so
	 * this ends soon. */
	while (part->exec.value_len > BRAID_VALUE_BYTES && part->explaining)
		part->explaining = task_explain_step(&part->explain, &part->fault);
	part->is_over = !part->explaining;
}

static void explain_step(struct task_part *part)
{
	part->explaining = task_explain_step(&part->explain, &part->fault);
	part->is_over = !part->explaining;
}

/* A piece found no room: the next one will be smaller, or the room larger. */
static void give_up_piece(struct task_part *part)
{
	uint32_t size = part->block ? part->block->size : 0;

	mark_restore(part);
	part->is_full = true;
	if (part->block && part->block->len > 0)
		return;
	if (part->records_per_walk == 1)
		part->want_bytes =
			MAX_OF(part->want_bytes, size > UINT32_MAX / 2 ? UINT32_MAX : 2 * size);
	part->records_per_walk = MAX_OF(part->records_per_walk / 4, 1u);
}

/* Makes the next walk take as long as it should. */
static void calibrate(struct worker *w, struct task_part *part, uint64_t cycles)
{
	uint32_t wanted = w->task->piece_cycles, n = part->records_per_walk;

	if (cycles > wanted + wanted / 2)
		part->records_per_walk = MAX_OF((uint32_t)((uint64_t)n * wanted / cycles), 1u);
	else if (cycles < wanted / 2)
		part->records_per_walk = MIN_OF(2 * n, (uint32_t)RECORDS_PER_WALK_MAX);
}

static void run_piece(struct worker *w, struct task_part *part)
{
	uint64_t start = w->ops->cycles(w), cycles;
	bool more, is_whole = false;
	uint32_t walks;

	if (part->explaining) {
		explain_step(part);
	} else {
		mark_set(part);
		walks = walk_piece(w, part, start, &more);
		if (part->is_full)
			give_up_piece(part);
		else if (part->code != 0)
			explain_start(w, part, walks);
		else if (!more)
			end_chunk(part);
		else
			is_whole = true;
	}
	cycles = w->ops->cycles(w) - start;
	part->cycles += cycles;
	if (is_whole)
		calibrate(w, part, cycles);
	task_quota_charge(w, part->job->spec.client, cycles);
}

static void send_back(struct worker *w, struct task_part *part)
{
	task_letter_send(w, &part->letter, TASK_LETTER_PART_BACK, part->job->home);
}

static bool part_run(struct worker *w, struct worker_task *t)
{
	struct task_part *part = CONTAINER_OF(t, struct task_part, unit.task);

	if (task_job_is_past(part->job, slot_of(part, part->chunk))) {
		part->explaining = false;
		part->is_over = true;
		part->code = 0;
	} else if (!task_quota_has(w, part->job->spec.client)) {
		task_park(w, &part->unit);
		return false;
	} else {
		run_piece(w, part);
	}
	if (part->explaining ||
		(!part->is_full && !part->is_over && w->now_ns - part->sent_ns < REPORT_NS))
		return true;
	send_back(w, part);
	return false;
}

void task_part_arrive(struct worker *w, struct task_part *part)
{
	const struct task_source *source = part->job->spec.source;

	part->sent_ns = w->now_ns;
	part->cycles = 0;
	part->is_full = false;
	if (!part->is_begun) {
		part->is_begun = true;
		part->unit.task.run = part_run;
		part->unit.task.class = (uint8_t)part->job->spec.class;
		part->records_per_walk = 16;
		part->stop_at = NEVER;
		task_exec_init(&part->exec, part->job->spec.program, emit_pair, part);
		part->total = source->count(w, part->job);
		begin_chunk(part);
	}
	worker_task_add(w, &part->unit.task);
}
