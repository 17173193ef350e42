/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * FCALL and FCALL_RO: one call of a user's function, over an argument or over the record of a key.
 * Functions write nothing, so that both are the same. One call is made at once, unless it may cost
 * much and the turn has no time left; the line where one went wrong is looked for in pieces.
 * Thread: worker.
 */
#include <string.h>

#include "dataplane/kv/kv_data.h"
#include "dataplane/kv/kv_function.h"

#define KEY_ARG 3 /* or the argument, where there is no key */

/* What a call is about. */
struct subject {
	const struct task_program *program;
	struct kv_item *it; /* NULL: the argument */
	struct kv_key key;
	struct task_record record;
};

/* Reads the number of keys; false: refused and answered. The sentences are Redis's. */
static bool count_keys(struct kv_call *c, int64_t *n_keys)
{
	const struct resp_arg *a = &c->argv[2];

	if (!kv_parse_int(a->bytes, a->len, n_keys))
		kv_reply_error(c->reply, "ERR Bad number of keys provided");
	else if (*n_keys > (int64_t)c->argc - KEY_ARG)
		kv_reply_error(c->reply, "ERR Number of keys can't be greater than number of args");
	else if (*n_keys < 0)
		kv_reply_error(c->reply, "ERR Number of keys can't be negative");
	else
		return true;
	return false;
}

static bool refuse_shape(struct kv_call *c, const struct task_program *p, const char *what)
{
	kv_reply_error(c->reply, "ERR %s.%s is a function of section %s, which %s",
		p->library->name, p->function->name, task_kind_name(p->function->kind), what);
	return false;
}

/* Whether the function can be called like that; if not, it is answered. */
static bool has_shape(struct kv_call *c, const struct task_program *p, int64_t n_keys)
{
	uint32_t n_args = c->argc - KEY_ARG - (uint32_t)n_keys;

	switch (p->function->kind) {
	case TASK_MERGE:
		return refuse_shape(c, p,
			"merges what functions of section each have gathered: "
			"see FEACH ... REDUCE");
	case TASK_EACH:
		if (n_keys == 1 && n_args == 0)
			return true;
		return refuse_shape(c, p, "takes one key and no argument: FCALL name 1 key");
	case TASK_MAP:
	case TASK_FILTER:
		break;
	}
	if (n_keys + n_args == 1)
		return true;
	return refuse_shape(c, p,
		"takes one key or one argument: FCALL name 1 key, or FCALL name "
		"0 argument");
}

/* The record of the item, now. */
static void read_record(const struct kv_call *c, struct subject *s)
{
	struct task_record *r = &s->record;
	uint64_t expiry_ms = kv_item_expiry_ms(s->it);

	r->key = kv_item_key(s->it, &r->key_len);
	r->value = kv_item_value(s->it, &r->value_len);
	r->type = kv_item_type(s->it);
	r->flags = s->it->flags & (KV_ITEM_DIRTY | KV_ITEM_EXPIRES);
	r->slot = s->key.slot;
	r->ttl_ms = BRAID_TTL_NONE;
	if (expiry_ms)
		r->ttl_ms = expiry_ms > c->now_ms ? expiry_ms - c->now_ms : 0;
}

/* Makes the call in the frame @x. BRAID_OK, BRAID_DROP or a fault. */
static int32_t run(struct task_exec *x, const struct subject *s)
{
	if (x->frame.kind == TASK_MAP)
		return task_exec_map(x, 0, s->record.value, s->record.value_len);
	if (x->frame.kind == TASK_EACH)
		memset(x->frame.ctx.each.acc, 0, BRAID_ACC_BYTES);
	return task_exec_each(x, 0, &s->record);
}

/* Answers with what a call that ended with @code left in its frame. */
static void answer(struct kv_call *c, const struct task_exec *x, int32_t code)
{
	const struct kv_functions *f = c->w->kv->functions;
	struct kv_reply *r = c->reply;

	switch (x->frame.kind) {
	case TASK_MAP:
		kv_reply_bulk(r, x->frame.ctx.map.result, x->frame.ctx.map.result_len);
		break;
	case TASK_FILTER:
		kv_reply_int(r, code == BRAID_OK);
		break;
	case TASK_EACH:
		kv_reply_array(r, 2);
		kv_reply_bulk(r, x->frame.ctx.each.acc, BRAID_ACC_BYTES);
		kv_reply_array(r, 2 * f->n_emitted);
		kv_reply_raw(r, f->emitted, f->emitted_len);
		break;
	case TASK_MERGE:
		break;
	}
}

/* Finds what the call is about; false: nothing, and answered. */
static bool find(struct kv_call *c, struct subject *s)
{
	const struct resp_arg *a = &c->argv[KEY_ARG];
	int64_t n_keys = 0;

	s->program = kv_function_find(c, 1);
	if (!s->program || !count_keys(c, &n_keys) || !has_shape(c, s->program, n_keys))
		return false;
	s->it = NULL;
	s->record = kv_item_record(a);
	if (n_keys == 0)
		return true;
	s->key = kv_call_key(c, KEY_ARG);
	s->it = kv_shard_find(c->shard, &s->key, KV_FOR_READ);
	if (!s->it) {
		kv_reply_null(c->reply);
		return false;
	}
	read_record(c, s);
	return true;
}

/* Makes the call in a frame of its own: it had to wait, or went wrong, which is looked into. */
static void run_apart(struct kv_call *c, struct kv_apart *a)
{
	struct kv_functions *f = c->w->kv->functions;
	struct subject s = {.it = a->it, .record = kv_item_record(&c->argv[KEY_ARG])};
	int32_t code;

	if (s.it) {
		s.key = kv_call_key(c, KEY_ARG);
		read_record(c, &s);
	}
	f->n_emitted = f->emitted_len = 0;
	code = run(&a->exec, &s);
	if (code < 0) {
		kv_apart_search(a, code);
		c->unfinished = true;
		return;
	}
	answer(c, &a->exec, code);
	kv_apart_end(c);
}

static void go_on(struct kv_call *c, struct kv_apart *a)
{
	struct kv_fault_place place = {
		.program = a->program,
		.key = a->it ? &c->argv[KEY_ARG] : NULL,
		.number = -1,
	};

	if (!a->is_searching) {
		run_apart(c, a);
	} else if (kv_apart_step(a)) {
		c->unfinished = true;
	} else {
		kv_function_fault(c->reply, &place, &a->fault);
		kv_apart_end(c);
	}
}

/* Makes the call at once. False: it is to be made apart. */
static bool run_here(struct kv_call *c, const struct subject *s)
{
	struct task_exec *x = kv_function_frame(c->w->kv->functions, s->program);
	bool costs = s->program->cost_max > KV_INLINE_COST_MAX;
	uint64_t start = 0;
	int32_t code;

	if (UNLIKELY(costs)) {
		if (!kv_function_has_time(c->w))
			return false;
		start = c->w->ops->cycles(c->w);
	}
	code = run(x, s);
	if (UNLIKELY(costs))
		kv_function_spent(c->w, start);
	if (LIKELY(code >= 0))
		answer(c, x, code);
	return code >= 0;
}

void kv_cmd_fcall(struct kv_call *c)
{
	struct kv_apart *a = c->resume;
	struct subject s;

	if (c->cancel) {
		kv_apart_end(c);
	} else if (a) {
		go_on(c, a);
	} else if (find(c, &s) && !run_here(c, &s)) {
		a = kv_apart_create(c, s.program, 0);
		if (!a)
			return;
		a->it = s.it;
		if (a->it)
			kv_shard_pin(c->shard, a->it);
		c->unfinished = true;
	}
}
