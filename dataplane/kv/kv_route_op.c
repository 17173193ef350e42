/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an operation does, phase by phase: each issues parts, and the next one runs when all of them
 * have been answered. Thread: worker.
 */
#include <string.h>

#include "dataplane/kv/kv_data.h"
#include "dataplane/kv/kv_route.h"

void kv_op_issue(struct worker *w, struct kv_op *op, uint32_t i, enum kv_part_kind kind)
{
	struct kv_part *part = &op->parts[i];

	part->op = op;
	part->kind = (uint8_t)kind;
	part->from = w->id;
	part->reply_len = part->skip = 0;
	op->n_out++;
	kv_route_send(w, &part->letter, MAIL_kv_request, part->owner);
}

void kv_op_call(struct kv_op *op, uint32_t i, const struct resp_arg *argv, uint32_t argc)
{
	op->parts[i].call = (struct kv_call){
		.client_id = op->client_id,
		.command = op->command,
		.argv = argv,
		.argc = argc,
		.db = op->db,
		.now_ms = op->now_ms,
		.atomic = op->multi != NULL,
	};
}

uint32_t kv_op_part_of(const struct kv_op *op, uint8_t owner)
{
	uint32_t i = 0;

	while (op->parts[i].owner != owner)
		i++;
	return i;
}

static bool take_result(struct kv_reply *r, const void *p, uint32_t n)
{
	struct kv_op *op = r->ctx;
	bool kept = kv_answer_add(r->w, &op->result, p, n);

	op->spoilt |= !kept;
	return kept;
}

static const struct kv_reply_sink result_sink = {.bytes = take_result};

struct kv_reply *kv_route_result(struct worker *w, struct kv_op *op)
{
	struct kv_reply *r = &w->kv->route->reply;

	r->len = 0;
	r->version = op->version;
	r->mute = false;
	r->spoilt = false;
	r->sink = &result_sink;
	r->ctx = op;
	return r;
}

/* Adds what part @i was answered, up to @len bytes of it, to the result. */
static void copy_answer(struct worker *w, struct kv_op *op, uint32_t i, uint32_t len)
{
	uint32_t all;
	const uint8_t *p = kv_part_bytes(&op->parts[i], &all);

	op->spoilt |= op->parts[i].spoilt;
	kv_reply_raw(kv_route_result(w, op), p, MIN_OF(len, all));
	kv_reply_flush(&w->kv->route->reply);
}

/* Of one owner. */
static bool phase_single(struct worker *w, struct kv_op *op, uint8_t owner)
{
	uint32_t i = kv_op_part_of(op, owner);

	if (op->phase++ > 0) {
		copy_answer(w, op, i, UINT32_MAX);
		return true;
	}
	kv_op_call(op, i, op->argv, op->argc);
	kv_op_issue(w, op, i, KV_PART_CALL);
	return false;
}

/* A command without keys, or none this time, in a transaction: here, for its client, as long as
 * that is there. */
static bool phase_client(struct worker *w, struct kv_op *op)
{
	struct kv_call call = {
		.w = w,
		.shard = w->kv->shard,
		.client = op->client,
		.reply = kv_route_result(w, op),
		.command = op->command,
		.argv = op->argv,
		.argc = op->argc,
		.db = op->db,
		.now_ms = op->now_ms,
		.atomic = true,
	};

	/* Where the rest of the transaction goes does not depend on it. */
	if (!op->client) {
		if (op->command->fn == kv_cmd_select)
			kv_select_db(&op->argv[1], &op->db);
		return true;
	}
	w->kv->cycles = w->ops->cycles(w);
	kv_exec_call(&call);
	kv_reply_flush(call.reply);
	op->db = op->client->db;
	op->version = op->client->version;
	return true;
}

bool kv_op_split(struct worker *w, struct kv_op *op)
{
	uint32_t head = (uint32_t)op->command->first_key, step = (uint32_t)op->command->key_step;
	struct resp_arg *next;

	kv_memory_free(w, op->split);
	op->split = kv_memory_alloc(
		w, ((uint64_t)op->argc + (uint64_t)op->n_parts * head) * sizeof(*next));
	if (!op->split) {
		op->spoilt = true;
		return false;
	}
	next = op->split;
	for (uint32_t k = 0; k < op->n_parts; k++) {
		struct resp_arg *first = next;

		memcpy(next, op->argv, head * sizeof(*next));
		next += head;
		for (uint32_t i = head; i < op->argc; i += step) {
			uint32_t n = MIN_OF(step, op->argc - i);

			if (kv_route_owner(w, &op->argv[i]) != op->parts[k].owner)
				continue;
			memcpy(next, &op->argv[i], n * sizeof(*next));
			next += n;
		}
		if (next - first > head)
			kv_op_call(op, k, first, (uint32_t)(next - first));
		else
			op->parts[k].call.argc = 0;
	}
	return true;
}

/* Each owner does its share. */
static bool phase_shares(struct worker *w, struct kv_op *op, bool everywhere)
{
	enum kv_part_kind kind = op->command->fn == kv_cmd_watch ? KV_PART_WATCH : KV_PART_CALL;

	if (op->phase++ > 0) {
		for (uint32_t i = 0; i < op->n_parts; i++)
			op->spoilt |= op->parts[i].spoilt;
		kv_join(w, op);
		return true;
	}
	for (uint32_t i = 0; everywhere && i < op->n_parts; i++)
		kv_op_call(op, i, op->argv, op->argc);
	if (!everywhere && !kv_op_split(w, op))
		return true;
	for (uint32_t i = 0; i < op->n_parts; i++)
		if (op->parts[i].call.argc > 0)
			kv_op_issue(w, op, i, kind);
	return false;
}

/* Collects the keys that parts fetched. */
static void gather(struct worker *w, struct kv_op *op, uint32_t home)
{
	kv_memory_free(w, op->moved);
	op->moved = NULL;
	for (uint32_t i = 0; i < op->n_parts; i++) {
		uint32_t len;
		const uint8_t *p = kv_part_bytes(&op->parts[i], &len);

		if (i == home)
			continue;
		op->spoilt |= op->parts[i].spoilt || !kv_answer_add(w, &op->moved, p, len);
		kv_part_forget(w, &op->parts[i]);
	}
}

/* Issues @kind to all owners of keys of the command but @home. */
static void issue_others(struct worker *w, struct kv_op *op, uint32_t home, enum kv_part_kind kind)
{
	uint16_t owners = kv_route_owners(w, op->command, op->argv, op->argc);

	for (uint32_t i = 0; i < op->n_parts; i++)
		if (i != home && (owners >> op->parts[i].owner & 1)) {
			kv_op_call(op, i, op->argv, op->argc);
			kv_op_issue(w, op, i, kind);
		}
}

/* The key at whose owner the command runs: the one that it writes, so that a lack of room is found
 * before anything has been done. */
static const struct resp_arg *home_key(const struct kv_op *op)
{
	void (*fn)(struct kv_call * c) = op->command->fn;

	if (fn == kv_cmd_rename || fn == kv_cmd_renamenx || fn == kv_cmd_copy)
		return &op->argv[2];
	return &op->argv[kv_command_keys(op->command, op->argv, op->argc).first];
}

/*
 * Needs all its keys in one place: the others' are fetched, the command runs there, and those that
 * it has changed are brought back.
 */
static bool phase_together(struct worker *w, struct kv_op *op)
{
	uint32_t home = kv_op_part_of(op, kv_route_owner(w, home_key(op)));
	struct kv_part *at = &op->parts[home];
	uint32_t len;

	switch (op->phase++) {
	case 0:
		issue_others(w, op, home, KV_PART_FETCH);
		return false;
	case 1:
		gather(w, op, home);
		if (op->spoilt) {
			/* No memory for a visit; nothing has been done yet. */
			op->spoilt = false;
			kv_reply_error(kv_route_result(w, op), KV_OOM_ERROR);
			kv_reply_flush(&w->kv->route->reply);
			return true;
		}
		kv_op_call(op, home, op->argv, op->argc);
		at->input = op->moved ? op->moved->bytes : NULL;
		at->input_len = op->moved ? op->moved->len : 0;
		kv_op_issue(w, op, home, KV_PART_HOME);
		return false;
	case 2:
		copy_answer(w, op, home, at->reply_len);
		if (op->spoilt || (op->command->flags & KV_READONLY))
			return true;
		for (uint32_t i = 0; i < op->n_parts; i++) {
			op->parts[i].input = kv_part_bytes(at, &len) + at->reply_len;
			op->parts[i].input_len = len - at->reply_len;
		}
		issue_others(w, op, home, KV_PART_APPLY);
		return false;
	}
	for (uint32_t i = 0; i < op->n_parts; i++)
		op->spoilt |= op->parts[i].spoilt;
	return true;
}

bool kv_op_phase(struct worker *w, struct kv_op *op)
{
	const struct kv_command *command = op->command;
	uint64_t cursor = 0;
	uint16_t owners;

	if (command->fn == kv_cmd_watch)
		return phase_shares(w, op, false);
	if (command->where == KV_AT_CLIENT)
		return phase_client(w, op);
	if (command->fn == kv_cmd_scan) {
		if (!kv_scan_cursor(&op->argv[1], &cursor))
			cursor = 0;
		return phase_single(
			w, op, (uint8_t)MIN_OF(cursor >> KV_CURSOR_BITS, w->n_workers - 1ULL));
	}
	if (command->where == KV_EVERYWHERE)
		return phase_shares(w, op, true);
	owners = kv_route_owners(w, command, op->argv, op->argc);
	if (owners == 0)
		return phase_client(w, op);
	if ((owners & (owners - 1)) == 0)
		return phase_single(w, op, (uint8_t)__builtin_ctz(owners));
	if (command->fn == kv_cmd_mset || command->fn == kv_cmd_msetnx)
		return kv_op_phase_pairs(w, op);
	return command->where == KV_SPLIT ? phase_shares(w, op, false) : phase_together(w, op);
}
