/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * WATCH and EXEC over several workers. A key is watched where it lives; EXEC asks each owner when
 * it begins to hold it, so that nothing can change between the answer and the transaction. To
 * forget needs memory for an operation, which is taken when something is watched: it cannot fail.
 * Thread: worker.
 */
#include <errno.h>
#include <string.h>

#include "dataplane/kv/kv_route.h"
#include "dataplane/kv/kv_watch.h"

#define EXEC_FULL                                                                                  \
	"EXECABORT Transaction discarded because of: OOM command not allowed when used memory > "  \
	"'maxmemory'."

/* What an owner answers that EXEC holds, bits of one byte. */
enum { CHANGED = 1, FULL = 2 };

static uint16_t bit_of(const struct worker *w)
{
	return (uint16_t)(1u << w->id);
}

/* Makes @who watch all keys of @c, which lie here; the reply says so. */
static void watch_keys(struct kv_call *c, const struct kv_watch_client *who)
{
	int ret = 0;

	for (uint32_t i = 1; i < c->argc && ret == 0; i++) {
		struct kv_key k;

		kv_key_make(c->w->kv->shard, &k, c->db, c->argv[i].bytes, c->argv[i].len);
		ret = kv_watch_add(c->w, who, &k);
	}
	if (ret == 0)
		kv_reply_ok(c->reply);
	else
		kv_reply_error(c->reply,
			ret == -E2BIG ? "ERR too many watched keys" : "OOM no memory to watch");
}

/* The operation by which @c forgets. False: no memory. */
static bool unwatch_prepare(struct worker *w, struct kv_client *c)
{
	uint64_t bytes = sizeof(struct kv_op) + w->n_workers * sizeof(struct kv_part);

	if (c->unwatch)
		return true;
	c->unwatch = kv_memory_alloc(w, bytes);
	if (!c->unwatch)
		return false;
	memset(c->unwatch, 0, bytes);
	c->unwatch->client_id = c->id;
	c->unwatch->parts = (struct kv_part *)(c->unwatch + 1);
	/* It is over when it has been answered. */
	c->unwatch->state = KV_OP_RELEASING;
	c->unwatch->delivered = true;
	return true;
}

void kv_route_watch(struct kv_call *call)
{
	struct worker *w = call->w;
	struct kv_client *c = call->client;
	struct kv_watch_client who = kv_watch_client_of(w, c);
	uint16_t owners = bit_of(w);
	struct kv_op *op;

	if (w->n_workers > 1)
		owners = kv_route_owners(w, call->command, call->argv, call->argc);
	if (owners == bit_of(w) && !kv_route_is_held(w)) {
		c->watched |= owners;
		watch_keys(call, &who);
		return;
	}
	if (!unwatch_prepare(w, c)) {
		kv_reply_error(call->reply, "OOM no memory to watch");
		return;
	}
	op = kv_op_create(call, owners);
	if (!op)
		return;
	/* Owners must not touch the client itself: it may go before its word arrives. */
	op->watcher = who;
	op->watcher.client = NULL;
	c->watched |= owners;
	kv_op_start(w, op, 0);
}

/* Nothing of what it has watched so far matters to it any more. */
static void forget_watched(struct kv_client *c)
{
	c->unwatch = NULL;
	c->watched = 0;
	c->watch_round++;
	c->flags &= ~(uint32_t)KV_CLIENT_DIRTY_CAS;
}

/* Forgets here, and sends word to the others. */
static void unwatch(struct worker *w, struct kv_client *c, bool last)
{
	struct kv_op *op = c->unwatch;
	uint16_t watched = c->watched;

	forget_watched(c);
	if (watched & bit_of(w))
		kv_watch_end(w, c->id);
	if (!op)
		return;
	/* What a client has said last may be under way still, also to its own worker. */
	if (!last)
		watched &= (uint16_t)~bit_of(w);
	for (uint8_t owner = 0; owner < w->n_workers; owner++)
		if (watched >> owner & 1)
			op->parts[op->n_parts++].owner = owner;
	for (uint32_t i = 0; i < op->n_parts; i++)
		kv_op_issue(w, op, i, KV_PART_UNWATCH);
	if (op->n_parts == 0)
		kv_memory_free(w, op);
}

void kv_route_unwatch(struct worker *w, struct kv_client *c)
{
	unwatch(w, c, false);
}

void kv_route_unwatch_last(struct worker *w, struct kv_client *c)
{
	unwatch(w, c, true);
}

bool kv_route_watched_take(struct worker *w, struct kv_client *c)
{
	bool watched = c->watched != 0;

	kv_memory_free(w, c->unwatch);
	forget_watched(c);
	return watched;
}

void kv_watch_part(struct worker *w, struct kv_part *part)
{
	struct kv_reply *r = kv_route_capture(w, part);

	part->call.w = w;
	part->call.reply = r;
	watch_keys(&part->call, &part->op->watcher);
	kv_reply_flush(r);
	part->spoilt |= r->spoilt;
}

void kv_exec_part(struct worker *w, struct kv_part *part)
{
	part->small[0] = kv_watch_end(w, part->op->client_id) ? CHANGED : 0;
	if (kv_exec_is_full(w))
		part->small[0] |= FULL;
	part->small_len = 1;
}

void kv_op_exec_begin(struct worker *w, struct kv_op *op)
{
	struct kv_reply *r = kv_route_result(w, op);
	uint8_t found = 0;

	for (uint32_t i = 0; i < op->n_parts; i++) {
		found |= op->parts[i].small[0];
		kv_part_forget(w, &op->parts[i]);
	}
	if (!op->multi || !(op->multi->flags & KV_DENYOOM))
		found &= (uint8_t)~FULL;
	if (found & FULL)
		kv_reply_error(r, EXEC_FULL);
	else if (found & CHANGED)
		kv_reply_null_array(r);
	else
		kv_reply_array(r, op->multi ? op->multi->n : 0);
	kv_reply_flush(r);
	if (!found && op->multi)
		op->queued = op->multi->first;
}
