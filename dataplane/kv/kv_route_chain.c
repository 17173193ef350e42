/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Long answers. Those that only travel on to the client lie in chains of blocks, which are never
 * copied together; the client is sent a block per piece, and waits in between until it has read.
 * Thread: worker.
 */
#include <string.h>

#include "dataplane/kv/kv_output.h"
#include "dataplane/kv/kv_route.h"

#define FIRST_BYTES      4096u /* most answers are not long */
#define BLOCK_BYTES      (16u << 10)
#define BLOCKS_PER_PIECE 8 /* that are only given back */

/* A new block for @n bytes or the first of them at the end of the chain; false: no memory. */
static bool grow(struct worker *w, struct kv_answer **a, uint32_t n)
{
	uint32_t size = !*a && n <= FIRST_BYTES - sizeof(**a) ? FIRST_BYTES : BLOCK_BYTES;
	struct kv_answer *block = kv_memory_alloc(w, size);

	if (!block)
		return false;
	*block = (struct kv_answer){.size = size - (uint32_t)sizeof(*block)};
	if (*a)
		(*a)->last->more = block;
	else
		*a = block;
	(*a)->last = block;
	return true;
}

bool kv_chain_add(struct worker *w, struct kv_answer **a, const uint8_t *p, uint32_t n)
{
	while (n > 0) {
		struct kv_answer *block = *a ? (*a)->last : NULL;
		uint32_t some;

		if (!block || block->len == block->size) {
			if (!grow(w, a, n))
				return false;
			continue;
		}
		some = MIN_OF(n, block->size - block->len);
		memcpy(block->bytes + block->len, p, some);
		block->len += some;
		p += some;
		n -= some;
	}
	return true;
}

bool kv_chain_pop(struct worker *w, struct kv_part *part)
{
	struct kv_answer *a = part->answer;

	if (!a)
		return false;
	part->answer = a->more;
	if (a->more)
		a->more->last = a->last;
	if (part->owner == w->id)
		kv_memory_free(w, a);
	else
		kv_route_send(w, &a->letter, MAIL_kv_return, part->owner);
	return part->answer != NULL;
}

/* Whether the answer of some part is longer than one block. */
static bool is_long(const struct kv_op *op)
{
	for (uint32_t i = 0; i < op->n_parts; i++)
		if (op->parts[i].answer && op->parts[i].answer->more)
			return true;
	return false;
}

/* Gives the client the next block of @op; false: that was the last. */
static bool send_block(struct worker *w, struct kv_op *op)
{
	struct kv_part *part = &op->parts[op->sent_parts];
	uint32_t len;
	const uint8_t *p = kv_part_bytes(part, &len);

	if (!op->mute)
		kv_reply_raw(&w->kv->reply, p + part->skip, len - part->skip);
	part->skip = 0;
	part->small_len = 0;
	if (!kv_chain_pop(w, part))
		op->sent_parts++;
	return op->sent_parts < op->n_parts;
}

/* Gives blocks back that nobody waits for; false: these were the last. */
static bool forget_blocks(struct worker *w, struct kv_op *op)
{
	for (unsigned i = 0; i < BLOCKS_PER_PIECE && op->sent_parts < op->n_parts; i++)
		if (!kv_chain_pop(w, &op->parts[op->sent_parts]))
			op->sent_parts++;
	return op->sent_parts < op->n_parts;
}

static bool chain_task(struct worker *w, struct worker_task *t)
{
	struct kv_op *op = CONTAINER_OF(t, struct kv_op, task);
	struct kv_client *c = op->client;
	bool more;

	if (!c) {
		if (forget_blocks(w, op))
			return true;
		op->long_state = KV_LONG_OVER;
		kv_op_free(w, op);
		return false;
	}
	if (kv_output_is_long(c))
		return false;
	kv_output_begin(w, c);
	w->kv->reply.mute = false;
	more = send_block(w, op);
	kv_output_end(w, c);
	if (!more) {
		op->long_state = KV_LONG_OVER;
		kv_op_deliver(w, c);
	}
	kv_client_see_ended(w);
	return more;
}

bool kv_chain_start(struct worker *w, struct kv_op *op)
{
	if (op->long_state == KV_LONG_NONE) {
		if (!op->chained || (op->client && op->spoilt) || !is_long(op))
			return false;
		op->task.run = chain_task;
		op->long_state = KV_LONG_UNDER_WAY;
		if (op->client && op->result && !op->mute)
			kv_reply_raw(&w->kv->reply, op->result->bytes, op->result->len);
	}
	if (op->long_state == KV_LONG_OVER)
		return false;
	worker_task_add(w, &op->task);
	return true;
}

void kv_chain_go_on(struct worker *w, struct kv_client *c)
{
	if (c->ops_first && c->ops_first->long_state == KV_LONG_UNDER_WAY)
		worker_task_add(w, &c->ops_first->task);
}
