/* SPDX-License-Identifier: BSD-3-Clause */
/* Operations from the client's side: which there are, in which order they answer. Thread: worker.
 */
#include <string.h>

#include "dataplane/kv/kv_job.h"
#include "dataplane/kv/kv_output.h"
#include "dataplane/kv/kv_route.h"
#include "dataplane/kv/kv_watch.h"
#include "lib/hash/crc16.h"

uint8_t kv_route_owner(const struct worker *w, const struct resp_arg *key)
{
	struct kv_key k;

	kv_key_make(w->kv->shard, &k, 0, key->bytes, key->len);
	return kv_slot_owner(k.slot, w->n_workers);
}

uint16_t kv_route_owners(const struct worker *w, const struct kv_command *command,
	const struct resp_arg *argv, uint32_t argc)
{
	struct kv_command_keys keys = kv_command_keys(command, argv, argc);
	uint16_t owners = 0;

	/* Keys without their values (MSET): one of the owners says what is wrong with them. */
	if (keys.n > 0 && (argc - keys.first) % keys.step != 0)
		keys.n = 1;
	for (uint32_t i = 0; i < keys.n; i++)
		owners |= (uint16_t)(1u << kv_route_owner(w, &argv[keys.first + i * keys.step]));
	return owners;
}

/* The workers that take part in a command. */
static uint16_t participants(const struct worker *w, const struct kv_command *command,
	const struct resp_arg *argv, uint32_t argc)
{
	uint64_t cursor;
	uint8_t at;

	switch ((enum kv_where)command->where) {
	case KV_AT_CLIENT:
		return 0;
	case KV_AT_KEY:
	case KV_SPLIT:
	case KV_TOGETHER:
		return kv_route_owners(w, command, argv, argc);
	case KV_AT_JOB:
		if (!kv_job_id(&argv[2], &cursor) || task_job_worker(cursor) >= w->n_workers)
			return 0;
		return (uint16_t)(1u << task_job_worker(cursor));
	case KV_EVERYWHERE:
		break;
	}
	if (command->fn == kv_cmd_scan && argc > 1) {
		at = 0;
		if (kv_scan_cursor(&argv[1], &cursor))
			at = (uint8_t)MIN_OF(cursor >> KV_CURSOR_BITS, w->n_workers - 1ULL);
		return (uint16_t)(1u << at);
	}
	return (uint16_t)((1u << w->n_workers) - 1);
}

/* Memory for an operation with @n_parts parts and copies of the arguments. */
static struct kv_op *op_alloc(const struct kv_call *call, uint32_t n_parts)
{
	uint64_t bytes = 0;
	struct resp_arg *argv;
	struct kv_op *op;
	uint8_t *p;

	for (uint32_t i = 0; i < call->argc; i++)
		bytes += call->argv[i].len;
	op = kv_memory_alloc_evicting(call->w, sizeof(*op) + n_parts * sizeof(struct kv_part) +
						       call->argc * sizeof(*argv) + bytes);
	if (!op)
		return NULL;
	*op = (struct kv_op){.n_parts = n_parts, .argc = call->argc};
	op->parts = (struct kv_part *)(op + 1);
	argv = (struct resp_arg *)(op->parts + n_parts);
	p = (uint8_t *)(argv + call->argc);
	for (uint32_t i = 0; i < call->argc; i++) {
		memcpy(p, call->argv[i].bytes, call->argv[i].len);
		argv[i] = (struct resp_arg){.bytes = p, .len = call->argv[i].len};
		p += call->argv[i].len;
	}
	op->argv = argv;
	memset(op->parts, 0, n_parts * sizeof(struct kv_part));
	return op;
}

struct kv_op *kv_op_create(struct kv_call *call, uint16_t owners)
{
	struct kv_client *c = call->client;
	struct kv_op *op = op_alloc(call, (uint32_t)__builtin_popcount(owners));
	uint32_t i = 0;

	if (!op && call->command->where != KV_AT_CLIENT && kv_client_wait_room(call->w, c))
		return NULL;
	if (!op) {
		call->w->kv->stats.closed_memory++;
		kv_client_kill(call->w, c);
		return NULL;
	}
	for (uint8_t owner = 0; owner < call->w->n_workers; owner++)
		if (owners >> owner & 1)
			op->parts[i++].owner = owner;
	op->client = c;
	op->client_id = c->id;
	op->command = call->command;
	op->db = call->db;
	op->version = c->version;
	op->mute = call->reply->mute;
	op->now_ms = call->now_ms;
	op->state = KV_OP_RUNNING;
	if (c->ops_first)
		c->ops_first->last->next = op;
	else
		c->ops_first = op;
	c->ops_first->last = op;
	c->n_ops++;
	/* What was said before leaves before what others say. */
	kv_reply_flush(call->reply);
	return op;
}

void kv_op_start(struct worker *w, struct kv_op *op, uint16_t need)
{
	op->need = need;
	op->state = KV_OP_HOLDING;
	op->client->waits |= KV_WAIT_ORDER;
	kv_op_advance(w, op);
}

/* Whether the command must wait until those under way are done: it has no keys that would order it
 * behind them. */
static bool has_to_wait(struct kv_call *call, uint16_t owners)
{
	struct kv_client *c = call->client;

	if (!c->ops_first)
		return false;
	if (owners != 0 && !(owners & (owners - 1)) && c->n_ops < KV_OPS_PER_CLIENT_MAX)
		return false;
	c->waits |= KV_WAIT_ORDER;
	return true;
}

bool kv_route_command(struct kv_call *call, enum kv_exec_result *result)
{
	struct worker *w = call->w;
	struct kv_worker *kv = w->kv;
	uint16_t me = (uint16_t)(1u << w->id);
	uint16_t owners;
	struct kv_op *op;

	if (call->key && call->command->where == KV_AT_KEY)
		owners = (uint16_t)(1u << kv_slot_owner(call->key->slot, w->n_workers));
	else
		owners = participants(w, call->command, call->argv, call->argc);
	*result = KV_EXEC_DONE;
	if (has_to_wait(call, owners)) {
		*result = KV_EXEC_WAIT;
		return true;
	}
	if (owners == 0 || (owners == me && !call->client->ops_first && !kv->route->holder)) {
		kv->stats.local += owners != 0;
		return false;
	}
	if (owners == me)
		kv->stats.local++;
	else
		kv->stats.forwarded++;
	op = kv_op_create(call, owners);
	if (!op) {
		*result = call->client->waits & KV_WAIT_ROOM ? KV_EXEC_WAIT : KV_EXEC_DONE;
		return true;
	}
	if (op->n_parts > 1) {
		bool atomic =
			call->command->where != KV_EVERYWHERE || (call->command->flags & KV_WRITE);

		op->chained = call->command->fn == kv_cmd_keys;
		kv_op_start(w, op, atomic ? owners : 0);
		return true;
	}
	op->direct = op->chained = true;
	kv_op_call(op, 0, op->argv, op->argc);
	kv_op_issue(w, op, 0, KV_PART_CALL);
	return true;
}

/* Owners of all that a transaction touches. */
static uint16_t multi_owners(const struct worker *w, const struct kv_multi *m)
{
	uint16_t owners = 0;

	for (const struct kv_queued *q = m->first; q; q = q->next)
		owners |= participants(w, q->command, q->argv, q->argc);
	return owners;
}

/* One command of a transaction whose keys are all here. */
static void run_queued(struct kv_call *exec, const struct kv_queued *q)
{
	struct kv_call call = *exec;

	call.command = q->command;
	call.argv = q->argv;
	call.argc = q->argc;
	call.key = NULL;
	call.db = call.client->db;
	call.atomic = true;
	if ((q->command->flags & KV_DENYOOM) && kv_exec_is_full(call.w))
		kv_reply_error(
			call.reply, "OOM command not allowed when used memory > 'maxmemory'.");
	else
		kv_exec_call(&call);
}

/* All keys are here, and nobody holds them. */
static void run_here(struct kv_call *call, const struct kv_multi *m)
{
	struct kv_client *c = call->client;

	if (kv_route_watched_take(call->w, c) && kv_watch_end(call->w, c->id)) {
		kv_reply_null_array(call->reply);
		return;
	}
	kv_reply_array(call->reply, m ? m->n : 0);
	kv_shard_begin(call->shard);
	for (const struct kv_queued *q = m ? m->first : NULL; q; q = q->next)
		run_queued(call, q);
	kv_shard_end(call->shard);
}

void kv_route_multi(struct kv_call *call, struct kv_multi *m)
{
	struct worker *w = call->w;
	uint16_t me = (uint16_t)(1u << w->id);
	uint16_t owners = me | call->client->watched;
	struct kv_op *op;

	if (w->n_workers > 1 && m)
		owners |= multi_owners(w, m);
	if (owners == me && !kv_route_is_held(w)) {
		run_here(call, m);
		kv_multi_free(w, m);
		return;
	}
	op = kv_op_create(call, owners);
	if (!op) {
		kv_multi_free(w, m);
		return;
	}
	op->is_exec = true;
	op->multi = m;
	kv_route_watched_take(w, call->client);
	kv_op_start(w, op, owners);
}

void kv_op_free(struct worker *w, struct kv_op *op)
{
	if (kv_chain_start(w, op))
		return;
	for (uint32_t i = 0; i < op->n_parts; i++)
		kv_part_forget(w, &op->parts[i]);
	kv_multi_free(w, op->multi);
	kv_memory_free(w, op->result);
	kv_memory_free(w, op->moved);
	kv_memory_free(w, op->split);
	kv_memory_free(w, op);
}

static void deliver(struct worker *w, struct kv_client *c, struct kv_op *op)
{
	struct kv_reply *r = &w->kv->reply;
	uint32_t len;

	if (op->spoilt) {
		w->kv->stats.closed_memory++;
		kv_client_kill(w, c);
		return;
	}
	if (op->mute || op->long_state == KV_LONG_OVER)
		return;
	if (op->result)
		kv_reply_raw(r, op->result->bytes, op->result->len);
	for (uint32_t i = 0; op->chained && i < op->n_parts; i++) {
		const uint8_t *p = kv_part_bytes(&op->parts[i], &len);

		kv_reply_raw(r, p + op->parts[i].skip, len - op->parts[i].skip);
	}
}

void kv_op_deliver(struct worker *w, struct kv_client *c)
{
	struct kv_op *op;

	kv_output_begin(w, c);
	w->kv->reply.mute = false;
	while ((op = c->ops_first) != NULL && op->done && !kv_chain_start(w, op)) {
		deliver(w, c, op);
		c->ops_first = op->next;
		c->n_ops--;
		if (c->ops_first)
			c->ops_first->last = op->last;
		op->delivered = true;
		op->client = NULL;
		if (op->state == KV_OP_ENDED)
			kv_op_free(w, op);
	}
	kv_output_end(w, c);
	if (!c->ops_first) {
		kv_client_go_on(w, c, KV_WAIT_ORDER);
		if (c->flags & KV_CLIENT_CLOSING)
			kv_client_see(w, c);
	}
	kv_client_see_ended(w);
}

/* The reply of @op is whole. */
static void complete(struct worker *w, struct kv_op *op)
{
	struct kv_client *c = op->client;

	op->done = true;
	if (c && c->ops_first == op)
		kv_op_deliver(w, c);
	if (c)
		return;
	op->delivered = true;
	if (op->state == KV_OP_ENDED)
		kv_op_free(w, op);
}

/* Holds the next owner; false: all are held. */
static bool hold_next(struct worker *w, struct kv_op *op)
{
	uint16_t missing = op->need & (uint16_t)~op->held;
	uint8_t owner;

	if (missing == 0)
		return false;
	owner = (uint8_t)__builtin_ctz(missing);
	op->held |= (uint16_t)(1u << owner);
	kv_op_issue(w, op, kv_op_part_of(op, owner), KV_PART_HOLD);
	return true;
}

static void release_all(struct worker *w, struct kv_op *op)
{
	for (uint32_t i = 0; i < op->n_parts; i++) {
		/* A direct reply still lies in its part. */
		if (!(op->held >> op->parts[i].owner & 1))
			continue;
		kv_part_forget(w, &op->parts[i]);
		kv_op_issue(w, op, i, KV_PART_RELEASE);
	}
	op->held = 0;
}

/* Runs commands until one has to wait for its parts. True: all are over. */
static bool run(struct worker *w, struct kv_op *op)
{
	for (;;) {
		if (op->is_exec) {
			if (!op->queued)
				return true;
			op->command = op->queued->command;
			op->argv = op->queued->argv;
			op->argc = op->queued->argc;
		}
		if (!kv_op_phase(w, op))
			return false;
		op->phase = 0;
		for (uint32_t i = 0; i < op->n_parts && !op->chained; i++)
			kv_part_forget(w, &op->parts[i]);
		if (!op->is_exec)
			return true;
		op->queued = op->queued->next;
	}
}

void kv_op_advance(struct worker *w, struct kv_op *op)
{
	if (op->state == KV_OP_HOLDING && !hold_next(w, op)) {
		op->state = KV_OP_RUNNING;
		if (op->is_exec)
			kv_op_exec_begin(w, op);
	}
	if (op->state == KV_OP_RUNNING) {
		if (!op->direct && !run(w, op))
			return;
		op->spoilt |= op->direct && op->parts[0].spoilt;
		op->state = KV_OP_RELEASING;
		release_all(w, op);
		if (op->n_out == 0)
			op->state = KV_OP_ENDED;
		complete(w, op);
	} else if (op->state == KV_OP_RELEASING) {
		op->state = KV_OP_ENDED;
		if (op->delivered)
			kv_op_free(w, op);
	}
}

void kv_route_forget(struct worker *w, struct kv_client *c)
{
	struct kv_op *next;

	for (struct kv_op *op = c->ops_first; op; op = next) {
		next = op->next;
		op->client = NULL;
		if (op->done) {
			op->delivered = true;
			if (op->state == KV_OP_ENDED)
				kv_op_free(w, op);
		}
	}
	c->ops_first = NULL;
	c->n_ops = 0;
}
