/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bytes of a connection in both directions. Sending: a list of fixed blocks from the worker's
 * pool that holds what is not acknowledged; segments are copied out of it, so a retransmission
 * never shares a buffer with a device. Receiving: the mbufs that came in order, and the ones that
 * did not (RFC 9293 3.10.7.4 seventh, RFC 2018 3), bounded in bytes and in segments. Thread:
 * worker.
 */
#ifndef DATAPLANE_TCP_TCP_QUEUE_H
#define DATAPLANE_TCP_TCP_QUEUE_H

#include <rte_mbuf.h>

#include "dataplane/tcp/tcp_options.h"
#include "lib/base/base.h"

#define TCP_BLOCK_BYTES         2048 /* with its header */
#define TCP_BLOCK_PAYLOAD_BYTES 2032

/* A piece of a send buffer. */
struct tcp_block {
	struct tcp_block *next;
	uint16_t start; /* first byte in use */
	uint16_t end;
	uint32_t pad;
	uint8_t bytes[TCP_BLOCK_PAYLOAD_BYTES];
};
_Static_assert(sizeof(struct tcp_block) == TCP_BLOCK_BYTES, "a block has the size it says");

/* Blocks that nobody uses, per worker. */
struct tcp_block_pool {
	struct tcp_block *free;
	uint32_t n_free;
	uint32_t n_total;
};

/* Makes @pool of the @n blocks at @blocks, which the caller owns and keeps. */
void tcp_block_pool_init(struct tcp_block_pool *pool, struct tcp_block *blocks, uint32_t n);

/* A send buffer; zeroed is empty. All blocks but the first and the last are full. */
struct tcp_send_queue {
	struct tcp_block *last;   /* its next is the first: a ring */
	struct tcp_block *cursor; /* where the furthest copy ended, so that the next begins there */
	struct tcp_block *again;  /* ... and one of what lies before it: sent again */
	uint32_t bytes;
	uint32_t cursor_bytes; /* offset of the cursor's first byte in use from the queue's start */
	uint32_t again_bytes;
};
_Static_assert(sizeof(struct tcp_send_queue) == 40, "an empty connection is small");

/* Appends up to @bytes of @p while blocks last; how many. */
uint32_t tcp_send_queue_append(
	struct tcp_send_queue *q, struct tcp_block_pool *pool, const void *p, uint32_t bytes);

/* How many more bytes an append would take before blocks run out. */
uint64_t tcp_send_queue_room(const struct tcp_send_queue *q, const struct tcp_block_pool *pool);

/* Copies @bytes from @offset (from the queue's start) to @dst; they are there. Copies that follow
 * each other cost nothing to find, of new data and of what is sent again meanwhile. */
void tcp_send_queue_copy(struct tcp_send_queue *q, uint32_t offset, void *dst, uint32_t bytes);

/* The byte at @offset if all of the queue lies together, as a reply does, else NULL. It stays there
 * until it is released. */
static inline const uint8_t *tcp_send_queue_at(const struct tcp_send_queue *q, uint32_t offset)
{
	const struct tcp_block *b = q->last;

	return b && b->next == b ? b->bytes + b->start + offset : NULL;
}

/* Room in the last block, or in the first one that is taken. */
static inline uint32_t tcp_send_queue_near_room(const struct tcp_send_queue *q)
{
	return TCP_BLOCK_PAYLOAD_BYTES - (q->last ? q->last->end : 0u);
}

/* Drops the first @bytes, which were acknowledged. */
void tcp_send_queue_release(struct tcp_send_queue *q, struct tcp_block_pool *pool, uint32_t bytes);

/* Gives all blocks back. */
void tcp_send_queue_clear(struct tcp_send_queue *q, struct tcp_block_pool *pool);

/* A receive queue; zeroed is empty. Each mbuf's payload starts at its data pointer; its sequence
 * number and its links take the places of tx_offload and of the stages' notes (struct pkt). */
struct tcp_recv_queue {
	struct rte_mbuf *last; /* in order; its next is the first: a ring */
	struct rte_mbuf *gap;  /* head of the last range beyond a gap; NULL: no gap */
	uint32_t bytes;        /* in order */
	uint32_t gap_bytes;
	uint16_t n_mbufs;  /* in order */
	uint16_t n_gap;    /* mbufs beyond a gap */
	uint16_t n_ranges; /* ... and the ranges without gaps that they make */
	uint16_t arrivals; /* counts what comes beyond the gap: the newest range is told first */
};
_Static_assert(sizeof(struct tcp_recv_queue) == 32, "an empty connection is small");

/* Small payloads are copied behind the ones before where there is room, so that mbufs are counted:
 * a peer that sends single bytes pins at most so many buffers. */
#define TCP_RECV_MERGE_BYTES_MAX 512

/* Ranges beyond a gap at most: the work per segment. A run behind one hole is one range, however
 * long; segments that would make one more are dropped. */
#define TCP_RECV_RANGES_MAX 64

struct tcp_recv_limits {
	uint32_t gap_bytes_max;
	uint16_t gap_segments_max; /* mbufs beyond a gap */
	uint16_t segments_max; /* mbufs in order that are not consumed; those of a gap that closes
				* come on top, once */
};

/*
 * Takes @m (whose stage notes are lost) with payload [@seq, @seq + pkt_len), which lies inside the
 * window; it may overlap what is there. *@rcv_nxt moves over what is now in order. The mbuf is
 * kept, merged, or freed (useless duplicate, beyond the limits). True if any of its bytes were new
 * and kept. What is beyond a gap is never given up again (no reneging, RFC 2018 8).
 */
bool tcp_recv_queue_insert(struct tcp_recv_queue *q, struct rte_mbuf *m, uint32_t seq,
	uint32_t *rcv_nxt, const struct tcp_recv_limits *limits);

/* The same for @m of one segment that is not empty and begins at *@rcv_nxt, when nothing else is
 * here. */
void tcp_recv_queue_start(struct tcp_recv_queue *q, struct rte_mbuf *m, uint32_t *rcv_nxt);

/* Whether all of @range is here beyond the gap already: a duplicate to report (RFC 2883). */
bool tcp_recv_queue_holds(const struct tcp_recv_queue *q, struct tcp_range range);

/* The ranges beyond the gap for SACK, most recent first (RFC 2018 4); how many, at most
 * TCP_SACK_BLOCKS_MAX. */
unsigned tcp_recv_queue_sacks(const struct tcp_recv_queue *q, struct tcp_range *out);

/* The first bytes in order that lie together; 0: none. */
uint32_t tcp_recv_queue_peek(const struct tcp_recv_queue *q, const uint8_t **p);

/* Drops the first @bytes in order; they are there. */
void tcp_recv_queue_consume(struct tcp_recv_queue *q, uint32_t bytes);

/* Frees everything. */
void tcp_recv_queue_clear(struct tcp_recv_queue *q);

#endif
