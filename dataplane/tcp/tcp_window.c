/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The receive window: never moved back, never opened in small steps (RFC 9293 3.8.6.2.2), and grown
 * while the application keeps up with a window per round trip. Thread: worker.
 */
#include "dataplane/tcp/tcp_impl.h"

#define GROW_TICKS_MIN 1 /* round trips are not measured more finely */

/* Doubles the limit when a window was consumed within a round trip: the peer is held up by it. */
static void grow(struct worker *w, struct tcp_conn *c, uint32_t bytes)
{
	uint32_t max = w->tcp->limits.conn_recv_bytes, now = tcp_now(w);
	uint32_t rtt_ticks = c->path.srtt_us >> 10;

	c->grow_bytes += bytes;
	if (now - c->grow_at <= MAX_OF(rtt_ticks, GROW_TICKS_MIN)) {
		if (c->grow_bytes < c->rcv_limit)
			return;
		c->rcv_limit = c->rcv_limit < max / 2 ? c->rcv_limit * 2 : max;
	}
	c->grow_bytes = 0;
	c->grow_at = now;
}

void tcp_window_consumed(struct worker *w, struct tcp_conn *c, uint32_t bytes)
{
	if (UNLIKELY(c->rcv_limit < w->tcp->limits.conn_recv_bytes))
		grow(w, c, bytes);
	if (LIKELY(c->rcv_adv - c->rcv_nxt >= c->rcv_limit / 2))
		return;
	/* Two full segments, or half of all: the peer may be waiting for it. */
	if (tcp_window_opening_bytes(c) >= MIN_OF(c->rcv_limit / 2, 2u * c->mss_bytes)) {
		c->flags |= TCP_CONN_ACK_NOW;
		tcp_service_add(w, c);
	}
}
