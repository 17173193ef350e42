/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Header prediction (RFC 7323 5.6): nearly every segment is the next one in order, acknowledges all
 * that is out or nothing new, and says nothing else. For such a one the steps of RFC 9293 3.10.7.4
 * come to these few. Thread: worker.
 */
#include "dataplane/tcp/tcp_impl.h"

/* Connections that have something else going on take the general way. */
#define BUSY_WITH_MORE                                                                             \
	(TCP_CONN_REDUCED | TCP_CONN_FIN_WANTED | TCP_CONN_FIN_SENT | TCP_CONN_FIN_RECEIVED |      \
		TCP_CONN_FIN_BEYOND | TCP_CONN_WANT_WRITE | TCP_CONN_MTU_PROBE |                   \
		TCP_CONN_PROBING | TCP_CONN_TAIL_PROBED | TCP_CONN_CWND_LIMITED)

/* Whether @s is in order, fits, and what its header says is what is expected. */
static inline bool is_next(const struct tcp_conn *c, const struct tcp_seg *s)
{
	const struct tcp_options *o = &s->options;

	return c->state == TCP_ESTABLISHED && s->seq == c->rcv_nxt &&
	       (s->flags | RTE_TCP_PSH_FLAG) == (RTE_TCP_PSH_FLAG | RTE_TCP_ACK_FLAG) &&
	       !(c->flags & BUSY_WITH_MORE) && s->bytes != 0 &&
	       s->bytes <= c->rcv_adv - c->rcv_nxt && s->wnd != 0 && c->snd_wnd != 0 &&
	       o->n_sacks == 0 && s->ecn != TCP_CE &&
	       (!(c->flags & TCP_CONN_TS) || (o->has_ts && tcp_seq_le(c->ts_recent, o->ts_val)));
}

/* Whether the acknowledgement of @s is of nothing new, or of all that is out in one record. */
static inline bool is_plain(
	const struct tcp_worker *t, const struct tcp_conn *c, const struct tcp_seg *s)
{
	return s->ack == c->snd_una ||
	       (s->ack == c->snd_nxt && tcp_recovery_is_plain(&c->busy->rec, &t->segments, s->ack));
}

/* Whether the data of @s will be all that is unread. */
static inline bool is_first(
	const struct tcp_worker *t, const struct tcp_conn *c, const struct tcp_seg *s)
{
	return !c->busy->recv.last && !c->busy->recv.gap && s->m->nb_segs == 1 &&
	       t->n_held < 2 * t->n_held_max;
}

/* All that is out is acknowledged. */
static inline void take_ack(struct worker *w, struct tcp_conn *c, uint32_t ack)
{
	struct tcp_worker *t = w->tcp;
	struct tcp_busy *b = c->busy;

	tcp_stats(w)->rtt_samples++;
	tcp_stats(w)->rtt_sum_us += tcp_recovery_on_plain_ack(&b->rec, &t->segments, w->now_ns);
	tcp_send_queue_release(&b->send, &t->blocks, ack - c->snd_una);
	c->snd_una = ack;
	b->progress_at = tcp_now(w);
	b->n_timeouts = 0;
	b->dup_acks = 0;
	tcp_cc_not_limited(&b->cc);
	if (c->rexmit_kind == TCP_REXMIT_RACK) {
		c->rexmit_kind = TCP_REXMIT_RTO;
		c->rexmit_at = 0;
	}
	c->flags |= TCP_CONN_ACKED;
}

/* The data is given to the application. */
static inline void take_text(struct worker *w, struct tcp_conn *c, struct tcp_seg *s)
{
	struct tcp_worker *t = w->tcp;
	struct rte_mbuf *m = s->m;

	c->rcv_mss_bytes = (uint16_t)MAX_OF((uint32_t)c->rcv_mss_bytes, s->bytes);
	c->quick_acks = (uint8_t)(c->quick_acks - (c->quick_acks != 0));
	m->data_off = (uint16_t)(m->data_off + s->payload_at);
	m->data_len = (uint16_t)s->bytes;
	m->pkt_len = s->bytes;
	s->m = NULL;
	tcp_recv_queue_start(&c->busy->recv, m, &c->rcv_nxt);
	w->stats->consumed_pkts++;
	tcp_stats(w)->held_mbufs = ++t->n_held;
	tcp_stats(w)->rx_bytes += s->bytes;
	tcp_readable_note(t, c);
}

bool tcp_predict_arrives(struct worker *w, struct tcp_conn *c, struct tcp_seg *s)
{
	struct tcp_worker *t = w->tcp;

	if (UNLIKELY(!is_next(c, s) || !is_plain(t, c, s) || !is_first(t, c, s) ||
		     !tcp_busy_take(t, c)))
		return false;
	c->received_at = tcp_now(w);
	if ((c->flags & TCP_CONN_TS) && tcp_seq_le(s->seq, c->ack_sent)) {
		c->ts_recent = s->options.ts_val;
		c->ts_recent_at = tcp_now(w);
	}
	tcp_window_heed(c, s);
	c->busy->n_probes = 0;
	if (LIKELY(s->ack != c->snd_una))
		take_ack(w, c, s->ack);
	if (LIKELY(c->busy->send.bytes == 0 && c->busy->rec.n_segments == 0)) {
		c->rexmit_at = 0;
		c->flags &= ~(uint32_t)(TCP_CONN_ACKED | TCP_CONN_SENT);
	}
	tcp_service_note(t, c);
	take_text(w, c, s);
	return true;
}
