/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * MSET and MSETNX over several workers: all pairs are set or none. The owners, which are held, say
 * first whether they have room for theirs. Thread: worker.
 */
#include "dataplane/kv/kv_data.h"
#include "dataplane/kv/kv_route.h"

#define NO_ROOM "OOM command not allowed when used memory > 'maxmemory'."

/* What PAIRS answers, bits of one byte. */
enum { FULL = 1, EXISTS = 2 };

/* Whether one of the keys is there. */
static bool exists(struct kv_call *c)
{
	for (uint32_t i = 1; i < c->argc; i += 2) {
		struct kv_key k;

		kv_key_make(c->shard, &k, c->db, c->argv[i].bytes, c->argv[i].len);
		if (kv_shard_find(c->shard, &k, 0))
			return true;
	}
	return false;
}

void kv_pairs_part(struct worker *w, struct kv_part *part)
{
	struct kv_call *c = &part->call;

	c->w = w;
	c->shard = w->kv->shard;
	part->small[0] = 0;
	if (c->command->fn == kv_cmd_msetnx && exists(c))
		part->small[0] |= EXISTS;
	if (kv_exec_is_full(w) || !kv_data_pairs_fit(c))
		part->small[0] |= FULL;
	part->small_len = 1;
}

/* Sends the shares to all owners. */
static void issue(struct worker *w, struct kv_op *op, enum kv_part_kind kind)
{
	for (uint32_t i = 0; i < op->n_parts; i++)
		if (op->parts[i].call.argc > 0)
			kv_op_issue(w, op, i, kind);
}

/* What all owners say together. */
static uint8_t gather(struct worker *w, struct kv_op *op)
{
	uint8_t found = 0;

	for (uint32_t i = 0; i < op->n_parts; i++) {
		if (op->parts[i].call.argc > 0)
			found |= op->parts[i].small[0];
		kv_part_forget(w, &op->parts[i]);
	}
	return found;
}

bool kv_op_phase_pairs(struct worker *w, struct kv_op *op)
{
	struct kv_reply *r;
	uint8_t found;

	switch (op->phase++) {
	case 0:
		if (!kv_op_split(w, op))
			return true;
		issue(w, op, KV_PART_PAIRS);
		return false;
	case 1:
		found = gather(w, op);
		if (!found) {
			issue(w, op, KV_PART_CALL);
			return false;
		}
		r = kv_route_result(w, op);
		if (found & EXISTS)
			kv_reply_int(r, 0);
		else
			kv_reply_error(r, NO_ROOM);
		kv_reply_flush(r);
		return true;
	}
	for (uint32_t i = 0; i < op->n_parts; i++)
		op->spoilt |= op->parts[i].spoilt;
	kv_join(w, op);
	return true;
}
