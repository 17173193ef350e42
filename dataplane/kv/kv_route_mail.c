/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Parts on their way and at their owner. Letters that find no place in a ring wait in order; those
 * to this worker itself are served in a loop, so that nothing calls itself. Thread: worker.
 */
#include <string.h>

#include "dataplane/kv/kv_long.h"
#include "dataplane/kv/kv_route.h"
#include "dataplane/kv/kv_watch.h"

#define ANSWER_BYTES 4096 /* of the first piece of a longer answer */

static void push(struct kv_letter **first, struct kv_letter **last, struct kv_letter *l)
{
	l->next = NULL;
	if (*first)
		(*last)->next = l;
	else
		*first = l;
	*last = l;
}

static struct kv_letter *pop(struct kv_letter **first)
{
	struct kv_letter *l = *first;

	*first = l->next;
	return l;
}

static bool post(struct worker *w, struct kv_letter *l)
{
	return mailbox_send(w, l->to, (enum mail)l->mail, (uint64_t)(uintptr_t)l) == 0;
}

void kv_route_send(struct worker *w, struct kv_letter *l, enum mail mail, uint8_t to)
{
	struct kv_route *r = w->kv->route;

	l->mail = (uint8_t)mail;
	l->to = to;
	if (to == w->id) {
		push(&r->self_first, &r->self_last, l);
		worker_task_add(w, &r->mail_task);
	} else if (r->out_first[to] || !post(w, l)) {
		push(&r->out_first[to], &r->out_last[to], l);
		worker_task_add(w, &r->mail_task);
	}
}

/* Takes the letters of full rings and of this worker further. */
static bool mail_task(struct worker *w, struct worker_task *t)
{
	struct kv_route *r = CONTAINER_OF(t, struct kv_route, mail_task);
	bool left = false;

	for (unsigned i = 0; i < w->n_workers; i++) {
		while (r->out_first[i]) {
			struct kv_letter *l = r->out_first[i], *next = l->next;

			/* Once sent it is the receiver's. */
			if (!post(w, l))
				break;
			r->out_first[i] = next;
		}
		left |= r->out_first[i] != NULL;
	}
	kv_route_pump(w);
	return left;
}

void kv_route_mail_init(struct kv_route *r)
{
	r->mail_task.run = mail_task;
}

const uint8_t *kv_part_bytes(const struct kv_part *part, uint32_t *len)
{
	*len = part->answer ? part->answer->len : part->small_len;
	return part->answer ? part->answer->bytes : part->small;
}

void kv_part_forget(struct worker *w, struct kv_part *part)
{
	part->small_len = 0;
	while (kv_chain_pop(w, part))
		;
}

bool kv_answer_add(struct worker *w, struct kv_answer **a, const void *p, uint32_t n)
{
	struct kv_answer *old = *a, *new = old;
	uint64_t len = (old ? old->len : 0) + (uint64_t)n;

	if (!old || len > old->size) {
		uint64_t size = MAX_OF(len, old ? (uint64_t)old->size * 2 : ANSWER_BYTES);

		if (size > UINT32_MAX)
			return false;
		new = kv_memory_alloc(w, sizeof(*new) + size);
		if (!new)
			return false;
		*new = (struct kv_answer){.size = (uint32_t)size};
		if (old) {
			new->len = old->len;
			memcpy(new->bytes, old->bytes, old->len);
			kv_memory_free(w, old);
		}
		*a = new;
	}
	memcpy(new->bytes + new->len, p, n);
	new->len += n;
	return true;
}

static bool add(struct worker *w, struct kv_part *part, const void *p, uint32_t n)
{
	return part->op->chained ? kv_chain_add(w, &part->answer, p, n)
				 : kv_answer_add(w, &part->answer, p, n);
}

static bool take_bytes(struct kv_reply *r, const void *p, uint32_t n)
{
	struct kv_part *part = r->ctx;

	if (!part->answer && part->small_len + n <= sizeof(part->small)) {
		memcpy(part->small + part->small_len, p, n);
		part->small_len += n;
		return true;
	}
	if (!part->answer && part->small_len > 0 && !add(r->w, part, part->small, part->small_len))
		return false;
	return add(r->w, part, p, n);
}

static const struct kv_reply_sink part_sink = {.bytes = take_bytes};

struct kv_reply *kv_route_capture(struct worker *w, struct kv_part *part)
{
	struct kv_reply *r = &w->kv->route->reply;

	r->len = 0;
	r->version = part->op->version;
	r->mute = false;
	r->spoilt = false;
	r->sink = &part_sink;
	r->ctx = part;
	return r;
}

static void answer(struct worker *w, struct kv_part *part)
{
	kv_route_send(w, &part->letter, MAIL_kv_answer, part->from);
}

/* A piece of the command; true: there is more. */
static bool call_piece(struct worker *w, struct kv_part *part)
{
	struct kv_reply *r = kv_route_capture(w, part);
	struct kv_call *call = &part->call;

	call->reply = r;
	call->unfinished = false;
	call->wake_ms = 0;
	w->kv->cycles = w->ops->cycles(w);
	if ((call->command->flags & KV_DENYOOM) && kv_exec_is_full(w))
		kv_reply_error(r, "OOM command not allowed when used memory > 'maxmemory'.");
	else
		kv_exec_call(call);
	kv_reply_flush(r);
	part->spoilt |= r->spoilt;
	return call->unfinished;
}

/* Whether the unfinished command of @part waits for kv_part_wake. */
static bool is_asleep(const struct kv_part *part)
{
	return part->call.wake_ms == UINT64_MAX;
}

static void receive(struct worker *w, struct kv_part *part);

/* Takes @part out of the long commands; what came behind it. */
static struct kv_letter *end_running(struct kv_route *r, struct kv_part *part)
{
	struct kv_part **link = &r->running;

	while (*link != part)
		link = &(*link)->next_running;
	*link = part->next_running;
	return part->behind_first;
}

static bool call_task(struct worker *w, struct worker_task *t)
{
	struct kv_part *part = CONTAINER_OF(t, struct kv_part, task);
	const struct kv_op *holder = w->kv->route->holder;
	struct kv_letter *behind;

	if (holder && holder != part->op)
		return true;
	if (call_piece(w, part))
		return !is_asleep(part);
	behind = end_running(w->kv->route, part);
	answer(w, part);
	while (behind)
		receive(w, (struct kv_part *)pop(&behind));
	kv_route_pump(w);
	return false;
}

static void call(struct worker *w, struct kv_part *part)
{
	struct kv_route *r = w->kv->route;

	part->call.w = w;
	part->call.shard = w->kv->shard;
	w->kv->stats.served += part->from != w->id;
	if (!call_piece(w, part)) {
		answer(w, part);
		return;
	}
	part->task = (struct worker_task){.run = call_task};
	part->behind_first = NULL;
	part->next_running = r->running;
	r->running = part;
	if (!is_asleep(part))
		worker_task_add(w, &part->task);
}

void kv_part_wake(struct worker *w, struct kv_part *part)
{
	worker_task_add(w, &part->task);
}

/* Does what @part asks for. */
static void act(struct worker *w, struct kv_part *part)
{
	struct kv_route *r = w->kv->route;

	part->spoilt = false;
	switch ((enum kv_part_kind)part->kind) {
	case KV_PART_CALL:
		call(w, part);
		return;
	case KV_PART_HOLD:
		r->holder = part->op;
		if (part->op->is_exec)
			kv_exec_part(w, part);
		/* What it does here is one effect. */
		kv_shard_begin(w->kv->shard);
		break;
	case KV_PART_RELEASE:
		r->holder = NULL;
		kv_shard_end(w->kv->shard);
		break;
	case KV_PART_FETCH:
		kv_move_fetch(w, part);
		break;
	case KV_PART_HOME:
		kv_move_home(w, part);
		break;
	case KV_PART_APPLY:
		kv_move_apply(w, part);
		break;
	case KV_PART_PAIRS:
		kv_pairs_part(w, part);
		break;
	case KV_PART_WATCH:
		kv_watch_part(w, part);
		break;
	case KV_PART_UNWATCH:
		kv_watch_end(w, part->op->client_id);
		break;
	}
	answer(w, part);
}

/* The long command behind which the client's next one has to wait; NULL: there is none. */
static struct kv_part *before(const struct kv_route *r, const struct kv_part *part)
{
	struct kv_part *p = r->running;

	while (p && p->op->client_id != part->op->client_id)
		p = p->next_running;
	return p;
}

/* Does what @part asks for when it is its turn, and else keeps it. */
static void serve(struct worker *w, struct kv_part *part)
{
	struct kv_route *r = w->kv->route;
	struct kv_part *running;

	if (r->holder && r->holder != part->op)
		push(&r->deferred_first, &r->deferred_last, &part->letter);
	else if (UNLIKELY(r->running != NULL) && (running = before(r, part)) != NULL)
		push(&running->behind_first, &running->behind_last, &part->letter);
	else
		act(w, part);
}

/* A part arrives at its owner. */
static void receive(struct worker *w, struct kv_part *part)
{
	struct kv_route *r = w->kv->route;

	serve(w, part);
	while (!r->holder && r->deferred_first)
		serve(w, (struct kv_part *)pop(&r->deferred_first));
}

/* A part is back. */
static void come_back(struct worker *w, struct kv_part *part)
{
	struct kv_op *op = part->op;

	if (--op->n_out == 0)
		kv_op_advance(w, op);
}

void kv_route_pump(struct worker *w)
{
	struct kv_route *r = w->kv->route;

	while (r->self_first) {
		struct kv_letter *l = pop(&r->self_first);

		if (l->mail == MAIL_kv_request)
			receive(w, (struct kv_part *)l);
		else
			come_back(w, (struct kv_part *)l);
	}
}

void kv_on_request(struct worker *w, uint64_t arg)
{
	receive(w, (struct kv_part *)(uintptr_t)arg);
	kv_route_pump(w);
}

void kv_on_answer(struct worker *w, uint64_t arg)
{
	come_back(w, (struct kv_part *)(uintptr_t)arg);
	kv_route_pump(w);
}

void kv_on_return(struct worker *w, uint64_t arg)
{
	kv_memory_free(w, (void *)(uintptr_t)arg);
}
