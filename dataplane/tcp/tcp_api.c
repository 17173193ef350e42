/* SPDX-License-Identifier: BSD-3-Clause */
/* What applications do with their connections (RFC 9293 3.9.1). Thread: worker. */
#include "dataplane/tcp/tcp_impl.h"

uint32_t tcp_peek(struct tcp_conn *c, const uint8_t **p)
{
	return tcp_recv_queue_peek(&c->busy->recv, p);
}

uint32_t tcp_readable_bytes(const struct tcp_conn *c)
{
	return c->busy->recv.bytes;
}

void tcp_consume(struct worker *w, struct tcp_conn *c, uint32_t bytes)
{
	uint32_t before = c->busy->recv.n_mbufs;

	if (bytes == 0 || c->state == TCP_CLOSED)
		return;
	BRAID_ASSERT(bytes <= c->busy->recv.bytes);
	tcp_recv_queue_consume(&c->busy->recv, bytes);
	w->tcp->n_held -= before - c->busy->recv.n_mbufs;
	tcp_stats(w)->held_mbufs = w->tcp->n_held;
	/* Perhaps it only waited for this to end. */
	if (UNLIKELY((c->flags & TCP_CONN_FIN_RECEIVED) && c->busy->recv.bytes == 0))
		tcp_service_add(w, c);
	tcp_window_consumed(w, c, bytes);
	tcp_busy_settle(w->tcp, c);
}

void tcp_expect_more(struct worker *w, struct tcp_conn *c)
{
	uint32_t bytes = c->rcv_nxt - c->ack_sent;
	uint32_t full = MAX_OF(c->rcv_mss_bytes, TCP_MSS_DEFAULT4);

	/* Full segments wait for nothing; two of them are acknowledged anyway. */
	if (c->state == TCP_CLOSED || bytes % full == 0)
		return;
	c->flags |= TCP_CONN_ACK_NOW;
	tcp_service_add(w, c);
}

bool tcp_at_eof(const struct tcp_conn *c)
{
	return (c->flags & TCP_CONN_FIN_RECEIVED) && c->busy->recv.bytes == 0;
}

/* How many bytes more the send buffer of @c may take: half of what is free to all is for one, so
 * that those who read nothing leave some to the others, however many they are; but one block in any
 * case. */
static uint32_t send_limit(const struct tcp_worker *t, const struct tcp_conn *c)
{
	const struct tcp_send_queue *q = &c->busy->send;
	uint32_t free = t->blocks.n_free - MIN_OF(t->blocks.n_free, t->n_blocks_kept);
	uint64_t share = (uint64_t)free / TCP_BLOCKS_SHARE * TCP_BLOCK_PAYLOAD_BYTES;
	uint64_t first = tcp_send_queue_near_room(q);
	uint32_t most = t->limits.conn_send_bytes;

	share = MAX_OF(share > q->bytes ? share - q->bytes : 0, first);
	return most > q->bytes ? (uint32_t)MIN_OF(share, (uint64_t)most - q->bytes) : 0;
}

/* How many of @bytes fit that limit. */
static inline uint32_t limited(const struct tcp_worker *t, const struct tcp_conn *c, uint32_t bytes)
{
	const struct tcp_send_queue *q = &c->busy->send;

	if (LIKELY(bytes <= tcp_send_queue_near_room(q) &&
		    (uint64_t)q->bytes + bytes <= t->limits.conn_send_bytes))
		return bytes;
	return MIN_OF(bytes, send_limit(t, c));
}

uint32_t tcp_send_room(const struct worker *w, const struct tcp_conn *c)
{
	const struct tcp_worker *t = w->tcp;
	uint64_t room;

	if (c->state == TCP_CLOSED || (c->flags & TCP_CONN_FIN_WANTED) ||
		(!tcp_is_busy(c) && !t->busy_free))
		return 0;
	room = tcp_send_queue_room(&c->busy->send, &t->blocks);
	return (uint32_t)MIN_OF(room, (uint64_t)send_limit(t, c));
}

uint32_t tcp_send(struct worker *w, struct tcp_conn *c, const void *p, uint32_t bytes)
{
	struct tcp_worker *t = w->tcp;
	uint32_t taken = 0;

	if (UNLIKELY(c->state == TCP_CLOSED || (c->flags & TCP_CONN_FIN_WANTED)))
		return 0;
	if (LIKELY(tcp_busy_take(t, c)))
		taken = tcp_send_queue_append(&c->busy->send, &t->blocks, p, limited(t, c, bytes));
	if (UNLIKELY(taken < bytes)) {
		c->flags |= TCP_CONN_WANT_WRITE;
		if (c->busy->send.bytes < t->limits.conn_send_bytes)
			tcp_stats(w)->limit_send++;
	}
	tcp_service_add(w, c);
	return taken;
}

uint32_t tcp_unacked_bytes(const struct tcp_conn *c)
{
	return c->busy->send.bytes;
}

void tcp_close(struct worker *w, struct tcp_conn *c)
{
	if (c->state == TCP_CLOSED || (c->flags & TCP_CONN_FIN_WANTED))
		return;
	c->flags |= TCP_CONN_FIN_WANTED;
	c->flags &= ~(uint32_t)TCP_CONN_WANT_WRITE;
	tcp_service_add(w, c);
}

void tcp_abort(struct worker *w, struct tcp_conn *c)
{
	if (c->state == TCP_CLOSED)
		return;
	/* RFC 9293 3.10.5: not in SYN-SENT; the peer knows nothing of it. */
	if (c->state != TCP_SYN_SENT && c->state != TCP_TIME_WAIT)
		tcp_output_reset(w, c);
	tcp_conn_end(w, c, TCP_END_ABORTED);
}

void tcp_set_user(struct tcp_conn *c, void *user)
{
	c->user = user;
}

void *tcp_user(const struct tcp_conn *c)
{
	return c->user;
}

uint8_t tcp_tag(const struct tcp_conn *c)
{
	return c->tag;
}

uint64_t tcp_id(const struct worker *w, const struct tcp_conn *c)
{
	return c->id;
}

static struct ip_addr address_of(uint8_t family, const uint8_t bytes[16])
{
	struct ip_addr a = {.family = family, .prefix_len = (uint8_t)ip_addr_bits(family)};

	memcpy(a.bytes, bytes, sizeof(a.bytes));
	return a;
}

void tcp_ends_of(const struct tcp_conn *c, struct tcp_ends *ends)
{
	*ends = (struct tcp_ends){
		.local = address_of(c->key.family, c->key.local),
		.remote = address_of(c->key.family, c->key.remote),
		.local_port_be = c->key.local_port_be,
		.remote_port_be = c->key.remote_port_be,
	};
}

void tcp_keepalive_set(struct worker *w, struct tcp_conn *c, uint32_t idle_s)
{
	if (c->state == TCP_CLOSED)
		return;
	c->keep_s = (uint16_t)MIN_OF(idle_s, (uint32_t)UINT16_MAX);
	c->n_keepalives = 0;
	tcp_timer_keep(w, c);
}
