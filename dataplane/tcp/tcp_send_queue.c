/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The send buffer of a connection: a ring of blocks, of which only the first may begin late and
 * only the last end early, so that offsets are found by counting. Thread: worker.
 */
#include <string.h>

#include "dataplane/tcp/tcp_queue.h"

void tcp_block_pool_init(struct tcp_block_pool *pool, struct tcp_block *blocks, uint32_t n)
{
	*pool = (struct tcp_block_pool){.n_free = n, .n_total = n};
	for (uint32_t i = n; i-- > 0;) {
		blocks[i].next = pool->free;
		pool->free = &blocks[i];
	}
}

static struct tcp_block *block_take(struct tcp_block_pool *pool)
{
	struct tcp_block *b = pool->free;

	if (!b)
		return NULL;
	pool->free = b->next;
	pool->n_free--;
	b->start = b->end = 0;
	return b;
}

static void block_give(struct tcp_block_pool *pool, struct tcp_block *b)
{
	b->next = pool->free;
	pool->free = b;
	pool->n_free++;
}

/* The last block if it has room, or a new one behind it; NULL: none left. */
static struct tcp_block *block_with_room(struct tcp_send_queue *q, struct tcp_block_pool *pool)
{
	struct tcp_block *b = q->last;

	if (b && b->end < TCP_BLOCK_PAYLOAD_BYTES)
		return b;
	b = block_take(pool);
	if (!b)
		return NULL;
	if (q->last) {
		b->next = q->last->next;
		q->last->next = b;
	} else {
		b->next = b;
	}
	q->last = b;
	return b;
}

uint32_t tcp_send_queue_append(
	struct tcp_send_queue *q, struct tcp_block_pool *pool, const void *p, uint32_t bytes)
{
	const uint8_t *from = p;
	uint32_t left = MIN_OF(bytes, UINT32_MAX - q->bytes);

	if (LIKELY(left != 0 && left <= tcp_send_queue_near_room(q))) {
		struct tcp_block *b = block_with_room(q, pool);

		if (UNLIKELY(!b))
			return 0;
		memcpy(b->bytes + b->end, from, left);
		b->end = (uint16_t)(b->end + left);
		q->bytes += left;
		return left;
	}
	while (left > 0) {
		struct tcp_block *b = block_with_room(q, pool);
		uint32_t n;

		if (!b)
			break;
		n = MIN_OF(left, (uint32_t)TCP_BLOCK_PAYLOAD_BYTES - b->end);
		memcpy(b->bytes + b->end, from, n);
		b->end = (uint16_t)(b->end + n);
		q->bytes += n;
		from += n;
		left -= n;
	}
	return (uint32_t)(from - (const uint8_t *)p);
}

uint64_t tcp_send_queue_room(const struct tcp_send_queue *q, const struct tcp_block_pool *pool)
{
	uint64_t room = (uint64_t)pool->n_free * TCP_BLOCK_PAYLOAD_BYTES;

	return q->last ? room + TCP_BLOCK_PAYLOAD_BYTES - q->last->end : room;
}

/* Copies as tcp_send_queue_copy does, from block *@at on, whose first byte is at *@at_bytes; leaves
 * the last block there. */
static void copy_from(
	struct tcp_block **at, uint32_t *at_bytes, uint32_t offset, uint8_t *to, uint32_t bytes)
{
	for (;;) {
		struct tcp_block *b = *at;
		uint32_t size = b->end - b->start;
		uint32_t in = offset - *at_bytes;

		if (in < size) {
			uint32_t n = MIN_OF(bytes, size - in);

			memcpy(to, b->bytes + b->start + in, n);
			to += n;
			offset += n;
			bytes -= n;
		}
		if (bytes == 0)
			return;
		*at = b->next;
		*at_bytes += size;
	}
}

void tcp_send_queue_copy(struct tcp_send_queue *q, uint32_t offset, void *dst, uint32_t bytes)
{
	const uint8_t *from = tcp_send_queue_at(q, offset);

	BRAID_ASSERT(bytes <= q->bytes && offset <= q->bytes - bytes);
	if (bytes == 0)
		return;
	if (from) {
		memcpy(dst, from, bytes);
		return;
	}
	if (LIKELY(q->cursor && offset >= q->cursor_bytes)) {
		copy_from(&q->cursor, &q->cursor_bytes, offset, dst, bytes);
		return;
	}
	if (!q->again || offset < q->again_bytes) {
		q->again = q->last->next;
		q->again_bytes = 0;
	}
	copy_from(&q->again, &q->again_bytes, offset, dst, bytes);
	if (!q->cursor) {
		q->cursor = q->again;
		q->cursor_bytes = q->again_bytes;
	}
}

/* Takes the first block, which is used up, out of the ring. */
static void first_give(struct tcp_send_queue *q, struct tcp_block_pool *pool)
{
	struct tcp_block *b = q->last->next;

	if (q->cursor == b)
		q->cursor = NULL;
	if (q->again == b)
		q->again = NULL;
	if (b == q->last)
		q->last = NULL;
	else
		q->last->next = b->next;
	block_give(pool, b);
}

/* The offset of @block, which was @offset, when @bytes were released: the first block's first byte
 * is 0 whatever was released of it. */
static uint32_t released_offset(const struct tcp_send_queue *q, const struct tcp_block *block,
	uint32_t offset, uint32_t bytes)
{
	return block && block != q->last->next ? offset - bytes : 0;
}

void tcp_send_queue_release(struct tcp_send_queue *q, struct tcp_block_pool *pool, uint32_t bytes)
{
	struct tcp_block *last = q->last;
	uint32_t left = bytes;

	BRAID_ASSERT(bytes <= q->bytes);
	if (LIKELY(bytes == q->bytes && last && last->next == last)) {
		*q = (struct tcp_send_queue){0};
		block_give(pool, last);
		return;
	}
	while (left > 0) {
		struct tcp_block *b = q->last->next;
		uint32_t n = MIN_OF(left, (uint32_t)(b->end - b->start));

		b->start = (uint16_t)(b->start + n);
		left -= n;
		if (b->start == b->end)
			first_give(q, pool);
	}
	q->bytes -= bytes;
	q->cursor_bytes = released_offset(q, q->cursor, q->cursor_bytes, bytes);
	q->again_bytes = released_offset(q, q->again, q->again_bytes, bytes);
}

void tcp_send_queue_clear(struct tcp_send_queue *q, struct tcp_block_pool *pool)
{
	tcp_send_queue_release(q, pool, q->bytes);
}
