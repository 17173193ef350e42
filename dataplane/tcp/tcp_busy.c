/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The part of a connection that only a busy one has: queues, records of what is in flight, loss
 * recovery. The last one given back is the next one taken, so that few cache lines serve many
 * connections that are idle most of the time. Thread: worker.
 */
#include "dataplane/tcp/tcp_impl.h"

const struct tcp_busy tcp_busy_none;

bool tcp_busy_add(struct tcp_worker *t, struct tcp_conn *c)
{
	struct tcp_busy *b = t->busy_free;

	if (UNLIKELY(!b))
		return false;
	t->busy_free = b->next;
	t->n_busy_free--;
	*b = (struct tcp_busy){
		.rec = {.path = &c->path, .has_sack = c->flags & TCP_CONN_SACK},
		.cc = {.cwnd_bytes = c->cwnd_bytes,
			.ssthresh_bytes = c->ssthresh_bytes,
			.w_max_bytes = c->w_max_bytes},
		.progress_at = tcp_now(t->w),
	};
	c->busy = b;
	if (UNLIKELY(c->flags & TCP_CONN_TAIL_PROBED)) {
		b->rec.probing = b->rec.probe_retransmitted = true;
		b->rec.probe_end = c->snd_una;
		c->flags &= ~(uint32_t)TCP_CONN_TAIL_PROBED;
	}
	return true;
}

void tcp_busy_del(struct tcp_worker *t, struct tcp_conn *c)
{
	struct tcp_busy *b = c->busy;

	if (!tcp_is_busy(c))
		return;
	if (UNLIKELY(b->recv.last || b->recv.gap)) {
		t->n_held -= (uint32_t)b->recv.n_mbufs + b->recv.n_gap;
		t->w->stats->tcp.held_mbufs = t->n_held;
		tcp_recv_queue_clear(&b->recv);
	}
	if (UNLIKELY(b->send.last != NULL))
		tcp_send_queue_clear(&b->send, &t->blocks);
	/* Whether the probe was needed is told by the next acknowledgement (RFC 8985 7.4.2). */
	if (UNLIKELY(
		    b->rec.probing && b->rec.probe_retransmitted && b->rec.probe_end == c->snd_una))
		c->flags |= TCP_CONN_TAIL_PROBED;
	if (UNLIKELY(b->rec.n_segments != 0))
		tcp_recovery_clear(&b->rec, &t->segments);
	c->cwnd_bytes = b->cc.cwnd_bytes;
	c->ssthresh_bytes = b->cc.ssthresh_bytes;
	c->w_max_bytes = b->cc.w_max_bytes;
	c->rexmit_at = 0;
	c->flags &= ~(uint32_t)(TCP_CONN_SENT | TCP_CONN_ACKED | TCP_CONN_REDUCED |
				TCP_CONN_FIN_BEYOND | TCP_CONN_MTU_PROBE);
	c->busy = (struct tcp_busy *)&tcp_busy_none;
	b->next = t->busy_free;
	t->busy_free = b;
	t->n_busy_free++;
}
