/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A segment for a connection that has seen the peer's SYN: the eight steps of RFC 9293 3.10.7.4,
 * with RFC 7323's tests of time stamps and RFC 5961's against blind attacks. Thread: worker.
 */
#include "dataplane/tcp/tcp_impl.h"

/* RFC 7323 5.3 R1: whether the time stamp is older than one that is not too old itself. */
static inline bool is_old(const struct worker *w, const struct tcp_conn *c, const struct tcp_seg *s)
{
	uint32_t age = tcp_now(w) - c->ts_recent_at;

	return tcp_seq_lt(s->options.ts_val, c->ts_recent) &&
	       ((uint64_t)age << WHEEL_TICK_SHIFT) / NSEC_PER_MSEC < TCP_PAWS_MS;
}

/* Before the first step. False: the segment ends. */
static inline bool check_time_stamp(struct worker *w, struct tcp_conn *c, struct tcp_seg *s)
{
	if (!(c->flags & TCP_CONN_TS) || (s->flags & RTE_TCP_RST_FLAG))
		return true;
	if (UNLIKELY(!s->options.has_ts))
		return tcp_seg_end(s, DROP_tcp_no_timestamp);
	if (UNLIKELY(is_old(w, c, s))) {
		tcp_stats(w)->paws_drops++;
		if (s->bytes == 0 && !(s->flags & RTE_TCP_FIN_FLAG)) {
			/* As in check_sequence: two such ends would never stop. */
			tcp_output_challenge(w, c);
		} else {
			c->flags |= TCP_CONN_ACK_NOW;
			tcp_service_add(w, c);
		}
		return tcp_seg_end(s, DROP_tcp_paws);
	}
	return true;
}

/* RFC 7323 4.3 (2), 5.5: what will be echoed; the last one when it was too old to compare. */
static inline void note_time_stamp(struct worker *w, struct tcp_conn *c, const struct tcp_seg *s)
{
	if ((c->flags & TCP_CONN_TS) && s->options.has_ts && tcp_seq_le(s->seq, c->ack_sent) &&
		LIKELY(!is_old(w, c, s))) {
		c->ts_recent = s->options.ts_val;
		c->ts_recent_at = tcp_now(w);
	}
}

/* Table 6 of RFC 9293 3.4: whether any of the segment lies in the window. */
static bool is_in_window(const struct tcp_conn *c, const struct tcp_seg *s)
{
	uint32_t wnd = c->rcv_adv - c->rcv_nxt;
	uint32_t length =
		s->bytes + !!(s->flags & RTE_TCP_SYN_FLAG) + !!(s->flags & RTE_TCP_FIN_FLAG);

	if (wnd == 0)
		return s->seq == c->rcv_nxt;
	if (s->seq - c->rcv_nxt < wnd)
		return true;
	return length != 0 && s->seq + length - 1 - c->rcv_nxt < wnd;
}

/* The SYN or SYN-ACK of a half-open connection once more: ours was lost, or both opened at once. */
static bool take_syn_again(struct worker *w, struct tcp_conn *c, struct tcp_seg *s)
{
	if (c->state != TCP_SYN_RECEIVED || s->seq != c->rcv_nxt - 1 ||
		!(s->flags & RTE_TCP_SYN_FLAG) || (s->flags & RTE_TCP_RST_FLAG))
		return false;
	if (s->flags & RTE_TCP_ACK_FLAG) {
		s->seq++;
		s->flags &= (uint8_t)~RTE_TCP_SYN_FLAG;
		return false;
	}
	tcp_output_syn(w, c);
	return true;
}

/* First, check sequence number. */
static inline bool check_sequence(struct worker *w, struct tcp_conn *c, struct tcp_seg *s)
{
	if (LIKELY(s->seq == c->rcv_nxt && s->bytes <= c->rcv_adv - c->rcv_nxt))
		return true;
	if (UNLIKELY(take_syn_again(w, c, s)))
		return false;
	if (is_in_window(c, s))
		return true;
	if (s->flags & RTE_TCP_RST_FLAG)
		return tcp_seg_end(s, DROP_tcp_bad_reset);
	/* Two ends that answer each other's bare ACKs would never stop. */
	if (s->bytes == 0 && !(s->flags & RTE_TCP_FIN_FLAG)) {
		tcp_output_challenge(w, c);
		return tcp_seg_end(s, s->flags & RTE_TCP_SYN_FLAG ? DROP_tcp_syn_challenged
								  : DROP_tcp_out_of_window);
	}
	c->flags |= TCP_CONN_ACK_NOW;
	if (tcp_seq_le(s->seq + s->bytes, c->rcv_nxt) && s->bytes != 0)
		tcp_text_duplicate(w->tcp, c, s->seq, s->seq + s->bytes);
	tcp_service_add(w, c);
	return tcp_seg_end(s, DROP_tcp_out_of_window);
}

/* Second, check the RST bit. */
static inline bool check_reset(struct worker *w, struct tcp_conn *c, struct tcp_seg *s)
{
	if (LIKELY(!(s->flags & RTE_TCP_RST_FLAG)))
		return true;
	/* RFC 1337 3: our late ACK met a peer that knows nothing of the connection any more. */
	if (UNLIKELY(c->state == TCP_TIME_WAIT))
		return tcp_seg_end(s, DROP_tcp_bad_reset);
	if (s->seq != c->rcv_nxt) {
		tcp_output_challenge(w, c);
		return tcp_seg_end(s, DROP_tcp_bad_reset);
	}
	tcp_stats(w)->rx_resets++;
	tcp_conn_end(w, c, c->state == TCP_SYN_RECEIVED ? TCP_END_REFUSED : TCP_END_RESET);
	return false;
}

/* Fourth, check the SYN bit (RFC 5961 4.2). The third step is about security compartments. */
static inline bool check_syn(struct worker *w, struct tcp_conn *c, struct tcp_seg *s)
{
	if (LIKELY(!(s->flags & RTE_TCP_SYN_FLAG)))
		return true;
	tcp_output_challenge(w, c);
	return tcp_seg_end(s, DROP_tcp_syn_challenged);
}

/* Fifth, in SYN-RECEIVED: the handshake ends. */
static bool end_handshake(struct worker *w, struct tcp_conn *c, struct tcp_seg *s)
{
	struct tcp_ack ack = {.now_ns = w->now_ns, .una = s->ack, .options = &s->options};
	struct tcp_acked acked;

	if (s->ack != c->snd_nxt) {
		tcp_stats(w)->tx_resets++;
		tcp_emit_bare(
			w, s, &(struct tcp_bare){.seq = s->ack, .flags = RTE_TCP_RST_FLAG}, NULL);
		return tcp_seg_end(s, DROP_tcp_bad_ack);
	}
	ack.options = &(struct tcp_options){0};
	/* One that a cookie has made has nothing out. */
	if (tcp_is_busy(c))
		tcp_recovery_on_ack(&c->busy->rec, &w->tcp->segments, &ack, &acked);
	c->snd_una = s->ack;
	/* Not scaled in a SYN-ACK, when both have opened (RFC 7323 2.2). */
	c->snd_wnd = s->tcp->tcp_flags & RTE_TCP_SYN_FLAG ? s->wnd : s->wnd << c->snd_wscale;
	c->snd_wl1 = s->seq;
	c->snd_wl2 = s->ack;
	return tcp_open_established(w, c);
}

/* Fifth, check the ACK field. */
static inline bool check_ack(struct worker *w, struct tcp_conn *c, struct tcp_seg *s)
{
	if (UNLIKELY(!(s->flags & RTE_TCP_ACK_FLAG)))
		return tcp_seg_end(s, DROP_tcp_no_ack);
	if (UNLIKELY(c->state == TCP_SYN_RECEIVED)) {
		if (!end_handshake(w, c, s))
			return false;
		tcp_service_add(w, c);
		return true;
	}
	return tcp_ack_arrives(w, c, s);
}

/* RFC 3168 6.1.3: marks are echoed until the peer says that it has heeded them. */
static void note_congestion(struct worker *w, struct tcp_conn *c, const struct tcp_seg *s)
{
	if (s->flags & RTE_TCP_CWR_FLAG)
		c->flags &= ~(uint32_t)TCP_CONN_ECE;
	if (s->ecn == TCP_CE) {
		tcp_stats(w)->rx_marked++;
		c->flags |= TCP_CONN_ECE;
		if (s->bytes != 0)
			c->flags |= TCP_CONN_ACK_NOW;
	}
}

void tcp_steps_arrives(struct worker *w, struct tcp_conn *c, struct tcp_seg *s)
{
	if (!check_time_stamp(w, c, s) || !check_sequence(w, c, s))
		return;
	/* What anybody could have sent is no sign of life. */
	c->received_at = tcp_now(w);
	if (!check_reset(w, c, s) || !check_syn(w, c, s))
		return;
	note_time_stamp(w, c, s);
	if (!check_ack(w, c, s))
		return;
	if (UNLIKELY(c->flags & TCP_CONN_ECN))
		note_congestion(w, c, s);
	/* Sixth, the URG bit is ignored. */
	tcp_text_arrives(w, c, s);
	tcp_fin_arrives(w, c, s);
}
