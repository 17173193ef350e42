/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The seventh and the eighth step of RFC 9293 3.10.7.4: the segment's data, in order or not, and
 * the peer's FIN. Thread: worker.
 */
#include "dataplane/tcp/tcp_impl.h"

void tcp_text_duplicate(struct tcp_worker *t, struct tcp_conn *c, uint32_t start, uint32_t end)
{
	c->flags |= TCP_CONN_ACK_NOW;
	if (!(c->flags & TCP_CONN_SACK) || (!tcp_is_busy(c) && !tcp_busy_is_spare(t)) ||
		!tcp_busy_take(t, c))
		return;
	c->flags |= TCP_CONN_DSACK;
	c->busy->dsack = (struct tcp_range){start, end};
}

unsigned tcp_text_sacks(const struct tcp_conn *c, struct tcp_range *out)
{
	struct tcp_range gaps[TCP_SACK_BLOCKS_MAX];
	unsigned n = 0, n_gaps = tcp_recv_queue_sacks(&c->busy->recv, gaps);

	if (c->flags & TCP_CONN_DSACK)
		out[n++] = c->busy->dsack;
	for (unsigned i = 0; i < n_gaps && n < TCP_SAY_SACKS_MAX; i++)
		out[n++] = gaps[i];
	return n;
}

/* Whether data is still taken in this state. */
static inline bool takes_data(const struct tcp_conn *c)
{
	return c->state == TCP_ESTABLISHED || c->state == TCP_FIN_WAIT_1 ||
	       c->state == TCP_FIN_WAIT_2;
}

/* Cuts what lies outside the window off the segment. False: nothing is left. */
static bool trim(struct tcp_worker *t, struct tcp_conn *c, struct tcp_seg *s)
{
	if (tcp_seq_lt(s->seq, c->rcv_nxt)) {
		uint32_t old = c->rcv_nxt - s->seq;

		tcp_text_duplicate(t, c, s->seq, s->seq + MIN_OF(old, s->bytes));
		if (old >= s->bytes)
			return false;
		s->payload_at = (uint16_t)(s->payload_at + old);
		s->seq += old;
		s->bytes -= old;
	}
	if (tcp_seq_lt(c->rcv_adv, s->seq + s->bytes)) {
		int32_t left = (int32_t)(c->rcv_adv - s->seq);

		c->flags |= TCP_CONN_ACK_NOW;
		s->flags &= (uint8_t)~RTE_TCP_FIN_FLAG;
		if (left <= 0)
			return false;
		s->bytes = (uint32_t)left;
	}
	return true;
}

/* Whether another segment may wait here. */
static bool may_hold(struct tcp_worker *t, struct tcp_conn *c, const struct tcp_seg *s)
{
	/* The one that fills the first gap is let in as long as there is anything left, and who has
	 * nothing here gets the last of it: those who do not read must not shut out the others. */
	if (s->seq == c->rcv_nxt)
		return t->n_held < (c->busy->recv.n_mbufs == 0 ? 3 : 2) * t->n_held_max &&
		       tcp_busy_take(t, c);
	return t->n_held < t->n_held_max && (tcp_is_busy(c) || tcp_busy_is_spare(t)) &&
	       tcp_busy_take(t, c);
}

/* How many segments one connection may have beyond a gap: what few take with long windows is left
 * to all when many do. */
static uint16_t gap_segments_max(const struct tcp_worker *t)
{
	uint32_t left = t->n_held < t->n_held_max ? t->n_held_max - t->n_held : 0;
	uint32_t share = MAX_OF(left / TCP_GAP_SHARE, (uint32_t)TCP_GAP_SEGMENTS_MIN);

	return (uint16_t)MIN_OF(share, (uint32_t)TCP_GAP_SEGMENTS_MAX);
}

/* Gives the segment to the receive queue. */
static void keep(struct worker *w, struct tcp_conn *c, struct tcp_seg *s)
{
	struct tcp_worker *t = w->tcp;
	struct tcp_recv_limits limits = {
		.gap_bytes_max = c->rcv_limit,
		.gap_segments_max = gap_segments_max(t),
		.segments_max = TCP_RECV_SEGMENTS_MAX,
	};
	uint32_t before = (uint32_t)c->busy->recv.n_mbufs + c->busy->recv.n_gap,
		 rcv_nxt = c->rcv_nxt;
	struct tcp_range range = {s->seq, s->seq + s->bytes};
	bool in_order = s->seq == rcv_nxt && c->busy->recv.n_gap == 0, twice = false;
	struct rte_mbuf *m = s->m;

	if (UNLIKELY(!in_order)) {
		tcp_stats(w)->out_of_order += s->seq != rcv_nxt;
		c->flags |= TCP_CONN_ACK_NOW;
		twice = tcp_recv_queue_holds(&c->busy->recv, range);
	}
	m->data_off = (uint16_t)(m->data_off + s->payload_at);
	m->data_len = (uint16_t)s->bytes;
	m->pkt_len = s->bytes;
	s->m = NULL;
	if (LIKELY(tcp_recv_queue_insert(&c->busy->recv, m, s->seq, &c->rcv_nxt, &limits)) || twice)
		w->stats->consumed_pkts++;
	else
		w->stats->drops[DROP_tcp_held_limit]++;
	if (UNLIKELY(twice))
		tcp_text_duplicate(t, c, range.start, range.end);
	t->n_held += (uint32_t)c->busy->recv.n_mbufs + c->busy->recv.n_gap - before;
	tcp_stats(w)->held_mbufs = t->n_held;
	if (LIKELY(c->rcv_nxt != rcv_nxt)) {
		tcp_stats(w)->rx_bytes += c->rcv_nxt - rcv_nxt;
		tcp_readable_add(w, c);
	}
}

void tcp_text_arrives(struct worker *w, struct tcp_conn *c, struct tcp_seg *s)
{
	if (s->bytes == 0)
		return;
	if (UNLIKELY(!takes_data(c))) {
		/* After the peer's FIN there is no data (RFC 9293 3.10.7.4). */
		s->flags &= (uint8_t)~RTE_TCP_FIN_FLAG;
		tcp_busy_settle(w->tcp, c);
		return;
	}
	tcp_service_add(w, c);
	c->rcv_mss_bytes = (uint16_t)MAX_OF((uint32_t)c->rcv_mss_bytes, s->bytes);
	if (c->quick_acks > 0)
		c->quick_acks--;
	if (UNLIKELY(s->seq != c->rcv_nxt || tcp_seq_lt(c->rcv_adv, s->seq + s->bytes)) &&
		!trim(w->tcp, c, s))
		return;
	if (UNLIKELY(!may_hold(w->tcp, c, s))) {
		tcp_stats(w)->limit_held++;
		s->reason = DROP_tcp_held_limit;
		s->flags &= (uint8_t)~RTE_TCP_FIN_FLAG;
		c->flags |= TCP_CONN_ACK_NOW;
		return;
	}
	keep(w, c, s);
}

/* Whether the FIN's turn has come. One beyond a gap is remembered as long as data beyond one is. */
static bool fin_is_next(struct tcp_conn *c, const struct tcp_seg *s)
{
	uint32_t seq = s->seq + s->bytes;

	if (!(s->flags & RTE_TCP_FIN_FLAG))
		return c->busy->fin_seq == c->rcv_nxt;
	if (tcp_seq_lt(c->rcv_nxt, seq) && c->busy->recv.n_gap != 0) {
		c->flags |= TCP_CONN_FIN_BEYOND;
		c->busy->fin_seq = seq;
	}
	return seq == c->rcv_nxt;
}

void tcp_fin_arrives(struct worker *w, struct tcp_conn *c, const struct tcp_seg *s)
{
	if (LIKELY(!(s->flags & RTE_TCP_FIN_FLAG) && !(c->flags & TCP_CONN_FIN_BEYOND)))
		return;
	tcp_service_add(w, c);
	c->flags |= TCP_CONN_ACK_NOW;
	if (!fin_is_next(c, s))
		return;
	c->flags &= ~(uint32_t)TCP_CONN_FIN_BEYOND;
	switch ((enum tcp_state)c->state) {
	case TCP_SYN_RECEIVED:
	case TCP_ESTABLISHED:
		tcp_state_set(w, c, TCP_CLOSE_WAIT);
		break;
	case TCP_FIN_WAIT_1:
		/* Were our FIN acknowledged, the fifth step would have left this state. */
		tcp_state_set(w, c, TCP_CLOSING);
		break;
	case TCP_FIN_WAIT_2:
		tcp_state_set(w, c, TCP_TIME_WAIT);
		break;
	case TCP_CLOSED:
	case TCP_SYN_SENT:
	case TCP_CLOSE_WAIT:
	case TCP_CLOSING:
	case TCP_LAST_ACK:
	case TCP_TIME_WAIT:
		return;
	}
	c->flags |= TCP_CONN_FIN_RECEIVED;
	c->rcv_nxt++;
	c->rcv_adv = tcp_seq_max(c->rcv_adv, c->rcv_nxt);
	tcp_readable_add(w, c);
}
