/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * FMAP: a map or filter over the items of one command. A few are worked on at once, and the results
 * go from the frame to the reply; where one goes wrong the line is looked for in pieces. More items
 * are a job. Thread: worker.
 */
#include "dataplane/kv/kv_compute.h"
#include "dataplane/kv/kv_data.h"
#include "dataplane/kv/kv_function.h"
#include "lib/task/task_check.h"

#define FIRST_ITEM     2
#define PIECE_COST     2048 /* instructions; about a microsecond */
#define ITEM_COST      64   /* of what is around a call */
#define BYTES_PER_COST 16
#define BY_JOB         2 /* in sum */

/* What a filter thought of an item. */
enum verdict { KEPT, DROPPED, WRONG };

static enum verdict verdict_of(int32_t code)
{
	if (code < 0)
		return WRONG;
	return code == BRAID_DROP ? DROPPED : KEPT;
}

static const struct resp_arg *item(const struct kv_call *c, uint32_t i)
{
	return &c->argv[FIRST_ITEM + i];
}

static int32_t filter(struct task_exec *x, uint32_t i, const struct resp_arg *value)
{
	struct task_record record = kv_item_record(value);

	return task_exec_each(x, i, &record);
}

bool kv_fmap_are_items(struct kv_call *c, uint32_t first, uint32_t n)
{
	if (UNLIKELY(n > KV_FMAP_ITEMS_MAX)) {
		kv_reply_error(c->reply,
			"ERR FMAP takes at most %d items at once (KV_FMAP_ITEMS_MAX), these are "
			"%u: send them in several commands",
			KV_FMAP_ITEMS_MAX, n);
		return false;
	}
	for (uint32_t i = 0; i < n; i++) {
		if (LIKELY(c->argv[first + i].len <= KV_FMAP_ITEM_BYTES_MAX))
			continue;
		kv_reply_error(c->reply,
			"ERR item %u has %u bytes, FMAP takes at most %u (KV_FMAP_ITEM_BYTES_MAX)",
			i, c->argv[first + i].len, KV_FMAP_ITEM_BYTES_MAX);
		return false;
	}
	return true;
}

static void refuse_kind(struct kv_call *c, const struct task_program *p)
{
	kv_reply_error(c->reply,
		"ERR %s.%s is a function of section %s, FMAP takes those of map and filter%s",
		p->library->name, p->function->name, task_kind_name(p->function->kind),
		p->function->kind == TASK_EACH ? ": records are visited by FEACH" : "");
}

/* --- a few items --- */

/* Answers until an item goes wrong; which one, or @n. */
static uint32_t map_inline(struct kv_call *c, struct task_exec *x, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct resp_arg *a = item(c, i);

		if (UNLIKELY(task_exec_map(x, i, a->bytes, a->len) < 0))
			return i;
		kv_reply_bulk(c->reply, x->frame.ctx.map.result, x->frame.ctx.map.result_len);
	}
	return n;
}

/* Answers unless an item goes wrong. */
static bool filter_inline(struct kv_call *c, struct task_exec *x, uint32_t n)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++) {
		int32_t code = filter(x, i, item(c, i));

		if (UNLIKELY(code < 0))
			return false;
		kept |= (uint32_t)(code == BRAID_OK) << i;
	}
	kv_reply_array(c->reply, (uint32_t)__builtin_popcount(kept));
	for (; kept; kept &= kept - 1) {
		const struct resp_arg *a = item(c, (uint32_t)__builtin_ctz(kept));

		kv_reply_bulk(c->reply, a->bytes, a->len);
	}
	return true;
}

/* --- in pieces --- */

/* What an item costs at most, in instructions. */
static uint64_t item_cost(const struct task_program *p, const struct resp_arg *a)
{
	return p->cost_max + ITEM_COST + a->len / BYTES_PER_COST;
}

/* Lets a filter look at some items; then says how many it will answer. at is the next one, sum 1
 * when all have been looked at. */
static void judge_piece(struct kv_call *c, struct kv_apart *a, uint32_t n)
{
	uint64_t cost = 0;

	for (; c->at < n && cost < PIECE_COST; c->at++) {
		const struct resp_arg *value = item(c, (uint32_t)c->at);
		enum verdict v = verdict_of(filter(&a->exec, (uint32_t)c->at, value));

		a->verdicts[c->at] = (uint8_t)v;
		a->n_answers += v != DROPPED;
		cost += item_cost(a->program, value);
	}
	if (c->at < n)
		return;
	kv_reply_array(c->reply, a->n_answers);
	c->at = 0;
	c->sum = 1;
}

/* Answers with one item. False: it went wrong, and the line is to be looked for. */
static bool answer_item(struct kv_call *c, struct kv_apart *a)
{
	const struct resp_arg *value = item(c, (uint32_t)c->at);
	struct task_exec *x = &a->exec;
	int32_t code = BRAID_OK;

	if (x->frame.kind == TASK_MAP)
		code = task_exec_map(x, c->at, value->bytes, value->len);
	else if (a->verdicts[c->at] == WRONG)
		code = filter(x, (uint32_t)c->at, value);
	if (code < 0)
		kv_apart_search(a, code);
	else if (x->frame.kind == TASK_MAP)
		kv_reply_bulk(c->reply, x->frame.ctx.map.result, x->frame.ctx.map.result_len);
	else if (a->verdicts[c->at] == KEPT)
		kv_reply_bulk(c->reply, value->bytes, value->len);
	else if (a->verdicts[c->at] == WRONG)
		kv_reply_error(c->reply,
			"FAULT item %lu: %s.%s: it goes wrong or not as the scratch window is",
			(unsigned long)c->at, a->program->library->name,
			a->program->function->name);
	return code >= 0;
}

/* A piece of the search; the fault is the item's answer. */
static void search_piece(struct kv_call *c, struct kv_apart *a)
{
	struct kv_fault_place place = {.program = a->program, .number = (int64_t)c->at};

	if (kv_apart_step(a))
		return;
	kv_function_fault(c->reply, &place, &a->fault);
	c->at++;
}

static void answer_piece(struct kv_call *c, struct kv_apart *a, uint32_t n)
{
	for (uint64_t cost = 0; c->at < n && cost < PIECE_COST; c->at++) {
		if (!answer_item(c, a))
			return;
		cost += item_cost(a->program, item(c, (uint32_t)c->at));
	}
}

/* A piece of a call with a frame of its own. */
static void piece(struct kv_call *c)
{
	struct kv_apart *a = c->resume;
	uint32_t n = c->argc - FIRST_ITEM;

	if (a->is_searching)
		search_piece(c, a);
	else if (a->exec.frame.kind == TASK_FILTER && c->sum == 0)
		judge_piece(c, a, n);
	else
		answer_piece(c, a, n);
	c->unfinished = c->at < n;
	if (!c->unfinished)
		kv_apart_end(c);
}

/* Goes on from item @at in pieces. False: no memory, and answered. */
static bool go_on(struct kv_call *c, const struct task_program *p, uint32_t at)
{
	uint32_t n = c->argc - FIRST_ITEM;

	if (!kv_apart_create(c, p, p->function->kind == TASK_FILTER ? n : 0))
		return false;
	c->at = at;
	c->unfinished = true;
	return true;
}

/* More items than are worked on at once: a job. */
static void many(struct kv_call *c, const struct task_program *p)
{
	c->sum = BY_JOB;
	kv_compute_call(c, &(struct task_spec){.program = p,
				   .items = item(c, 0),
				   .n_items = c->argc - FIRST_ITEM,
				   .class = WORKER_NORMAL});
}

static void few(struct kv_call *c, const struct task_program *p)
{
	struct task_exec *x = kv_function_frame(c->w->kv->functions, p);
	uint32_t n = c->argc - FIRST_ITEM, at = 0;

	if (p->function->kind == TASK_MAP) {
		kv_reply_array(c->reply, n);
		at = map_inline(c, x, n);
		if (LIKELY(at == n))
			return;
	} else if (LIKELY(filter_inline(c, x, n))) {
		return;
	}
	/* Who has no memory gets the same sentence for each item that is left. */
	if (!go_on(c, p, at))
		for (at++; p->function->kind == TASK_MAP && at < n; at++)
			kv_reply_error(c->reply, KV_OOM_ERROR);
}

/* A few items that may cost much: what they do is counted. */
static void few_timed(struct kv_call *c, const struct task_program *p)
{
	struct worker *w = c->w;
	uint64_t start = w->ops->cycles(w);

	few(c, p);
	kv_function_spent(w, start);
}

void kv_cmd_fmap(struct kv_call *c)
{
	uint32_t n = c->argc - FIRST_ITEM;
	const struct task_program *p;
	uint64_t cost;

	if (UNLIKELY(c->sum == BY_JOB)) {
		kv_compute_call(c, NULL);
		return;
	}
	if (UNLIKELY(c->cancel)) {
		kv_apart_end(c);
		return;
	}
	if (UNLIKELY(c->resume != NULL)) {
		piece(c);
		return;
	}
	p = kv_function_find(c, 1);
	if (UNLIKELY(!p) || UNLIKELY(!kv_fmap_are_items(c, FIRST_ITEM, n)))
		return;
	cost = n <= KV_FMAP_INLINE_MAX ? (uint64_t)p->cost_max * n : UINT64_MAX;
	if (UNLIKELY(p->function->kind != TASK_MAP && p->function->kind != TASK_FILTER))
		refuse_kind(c, p);
	else if (LIKELY(cost <= KV_INLINE_COST_MAX))
		few(c, p);
	else if (cost <= TASK_COST_MAX && kv_function_has_time(c->w))
		few_timed(c, p);
	else
		many(c, p);
}
