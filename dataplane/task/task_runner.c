/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Running chunks of items, a piece at a time, on any worker. Pieces grow and shrink to take about
 * as long as they should. An item whose call ended in a fault is run again by the interpreter,
 * which finds its line of C. Thread: worker.
 */
#include "dataplane/task/task_job_impl.h"

#define ITEMS_PER_PIECE_MAX 4096

static uint8_t *put_word(uint8_t *out, uint32_t n)
{
	memcpy(out, &n, sizeof(n));
	return out + sizeof(n);
}

/* Appends a result. Moves are as long as stores of programs usually are, so that they find them in
 * the store buffer. */
static inline uint8_t *put_result(uint8_t *out, const uint8_t *result, uint32_t len)
{
	out = put_word(out, len);
	for (uint32_t at = 0; at < len; at += 8)
		memcpy(out + at, result + at, 8);
	return out + len;
}

/* Maps items from c->done to before @end. The code of the fault that ended it, or BRAID_OK. */
static int32_t run_maps(struct task_runner *r, struct task_chunk *c, uint32_t end)
{
	const struct resp_arg *items = c->job->spec.items + c->first;
	uint8_t *out = c->block->bytes + c->block->len;
	int32_t code = BRAID_OK;
	uint32_t i;

	for (i = c->done; i < end; i++) {
		code = task_exec_item(&r->exec, c->first + i, items[i].bytes, items[i].len);
		if (UNLIKELY(code != BRAID_OK))
			break;
		out = put_result(
			out, r->exec.frame.ctx.map.result, r->exec.frame.ctx.map.result_len);
	}
	c->done = i;
	c->block->len = (uint32_t)(out - c->block->bytes);
	return code;
}

/* The item as a record. */
static struct task_record record_of(const struct resp_arg *item)
{
	return (struct task_record){
		.value = item->bytes, .value_len = item->len, .ttl_ms = BRAID_TTL_NONE};
}

static int32_t run_filters(struct task_runner *r, struct task_chunk *c, uint32_t end)
{
	const struct resp_arg *items = c->job->spec.items + c->first;
	uint8_t *out = c->block->bytes + c->block->len;
	int32_t code = BRAID_OK;
	uint32_t i;

	for (i = c->done; i < end; i++) {
		struct task_record record = record_of(&items[i]);

		code = task_exec_record(&r->exec, c->first + i, &record);
		if (UNLIKELY(code < 0))
			break;
		out = put_word(out, code == BRAID_DROP ? TASK_ITEM_DROPPED : TASK_ITEM_SAME);
	}
	c->done = i;
	c->block->len = (uint32_t)(out - c->block->bytes);
	return code;
}

/* Begins to look for the place of the fault @code of item c->done. */
static void explain_start(struct task_runner *r, struct task_chunk *c, int32_t code)
{
	const struct resp_arg *item = &c->job->spec.items[c->first + c->done];
	struct task_record record = record_of(item);

	if (r->exec.frame.kind == TASK_MAP)
		task_exec_load_item(&r->exec, c->first + c->done, item->bytes, item->len);
	else
		task_exec_load_record(&r->exec, c->first + c->done, &record);
	task_explain_init(&r->explain, &r->exec, code);
	r->explaining = true;
}

/* Goes on looking. True: the chunk has more. */
static bool explain_step(struct task_runner *r, struct task_chunk *c)
{
	uint8_t *out = c->block->bytes + c->block->len;

	if (task_explain_step(&r->explain, &r->fault))
		return true;
	r->explaining = false;
	r->fault.number = c->first + c->done;
	out = put_word(out, TASK_ITEM_FAULT);
	out = put_word(out, (uint32_t)r->fault.code);
	out = put_word(out, r->fault.line);
	c->block->len = (uint32_t)(out - c->block->bytes);
	c->done++;
	if (c->n_faults++ == 0)
		c->fault = r->fault;
	return c->done < c->n && !c->job->spec.stop_at_fault;
}

/* Makes the next piece take as long as it should, after one of @n items took @cycles. */
static void calibrate(struct worker *w, struct task_runner *r, uint32_t n, uint64_t cycles)
{
	uint32_t wanted = w->task->piece_cycles;

	if (cycles > wanted + wanted / 2)
		r->items_per_piece = MAX_OF((uint32_t)((uint64_t)n * wanted / cycles), 1u);
	else if (cycles < wanted / 2 && n == r->items_per_piece)
		r->items_per_piece = MIN_OF(2 * n, (uint32_t)ITEMS_PER_PIECE_MAX);
}

/* As many items as a piece has, or time. The code of the fault that ended it, or what is none. */
static int32_t run_items(struct worker *w, struct task_runner *r, uint64_t start)
{
	struct task_chunk *c = r->chunk;
	uint32_t look = task_calls_per_look(r->exec.program);
	uint32_t end = MIN_OF(c->done + r->items_per_piece, c->n);
	int32_t code;

	do {
		uint32_t next = MIN_OF(c->done + look, end);

		code = r->exec.frame.kind == TASK_MAP ? run_maps(r, c, next)
						      : run_filters(r, c, next);
	} while (code >= 0 && c->done < end && w->ops->cycles(w) - start < w->task->piece_cycles);
	return code;
}

/* A piece of the chunk. True: it has more. */
static bool run_piece(struct worker *w, struct task_runner *r)
{
	struct task_chunk *c = r->chunk;
	uint64_t start = w->ops->cycles(w), cycles;
	uint32_t from = c->done;
	bool more = true;
	int32_t code;

	if (r->explaining) {
		more = explain_step(r, c);
		from = c->done;
	} else {
		code = run_items(w, r, start);
		if (code < 0)
			explain_start(r, c, code);
		else
			more = c->done < c->n;
	}
	c->is_complete = !more;
	cycles = w->ops->cycles(w) - start;
	c->cycles += cycles;
	if (c->done != from)
		calibrate(w, r, c->done - from, cycles);
	task_quota_charge(w, c->job->spec.client, cycles);
	return more;
}

/* Begins @c. */
static void begin(struct worker *w, struct task_runner *r, struct task_chunk *c)
{
	const struct task_program *p = c->job->spec.program;

	c->runner = w->id;
	r->chunk = c;
	r->explaining = false;
	if (r->exec.program != p)
		r->items_per_piece =
			MIN_OF(w->task->piece_cycles / (p->cost_max + TASK_CALL_CYCLES) + 1,
				(uint32_t)ITEMS_PER_PIECE_MAX);
	task_exec_init(&r->exec, p, NULL, NULL);
}

/* What a turn of a runner came to. */
enum turn {
	TURN_MORE,
	TURN_WAITS,
	TURN_OVER,
};

static enum turn run_turn(struct worker *w, struct task_runner *r)
{
	if (task_job_is_past(r->chunk->job, r->chunk->index))
		return TURN_OVER;
	if (!task_quota_has(w, r->chunk->job->spec.client)) {
		task_park(w, &r->unit);
		return TURN_WAITS;
	}
	return run_piece(w, r) ? TURN_MORE : TURN_OVER;
}

/* Stolen chunks. */
static bool thief_run(struct worker *w, struct worker_task *t)
{
	struct task_runner *r = (struct task_runner *)t;
	struct task_worker *tw = w->task;
	struct task_queue *q = &tw->stolen[t->class];
	struct task_chunk *c = r->chunk;
	enum turn turn;

	if (!c) {
		c = CONTAINER_OF(task_queue_pop(q), struct task_chunk, letter);
		begin(w, r, c);
	}
	turn = run_turn(w, r);
	if (turn != TURN_OVER)
		return turn == TURN_MORE;
	r->chunk = NULL;
	task_letter_send(w, &c->letter, TASK_LETTER_CHUNK_DONE, c->job->home);
	if (--tw->n_stolen == 0)
		task_steal(w);
	return q->first != NULL;
}

/* The job's own, at home. */
static bool home_run(struct worker *w, struct worker_task *t)
{
	struct task_runner *r = (struct task_runner *)t;
	struct task_job *job = (struct task_job *)r;
	struct task_chunk *c = r->chunk;
	enum turn turn;

	if (!c) {
		c = task_chunk_next(w, job);
		if (!c) {
			task_steal(w);
			return false;
		}
		begin(w, r, c);
	}
	turn = run_turn(w, r);
	if (turn != TURN_OVER)
		return turn == TURN_MORE;
	r->chunk = NULL;
	task_chunk_back(w, c);
	return true;
}

void task_runner_init(struct task_runner *r, bool is_thief, enum worker_class class)
{
	r->unit.task.run = is_thief ? thief_run : home_run;
	r->unit.task.class = (uint8_t) class;
}
