/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fifth step of RFC 9293 3.10.7.4: what an acknowledgement frees, what it says about the window
 * and about loss, and the states that it ends. Thread: worker.
 */
#include "dataplane/tcp/tcp_impl.h"

/* A window probe is out and @s answers: its byte was taken, or is taken back when there is room for
 * more than it. */
static void end_probing(struct worker *w, struct tcp_conn *c, bool taken)
{
	if (!taken) {
		if (c->snd_wnd == 0)
			return;
		tcp_recovery_clear(&c->busy->rec, &w->tcp->segments);
		c->snd_nxt = c->snd_una;
	}
	c->busy->progress_at = tcp_now(w);
	c->flags &= ~(uint32_t)TCP_CONN_PROBING;
	c->rexmit_at = 0;
}

/* Everything before @ack is acknowledged. */
static inline void release(struct worker *w, struct tcp_conn *c, uint32_t ack)
{
	uint32_t bytes = ack - c->snd_una;
	bool fin = (c->flags & TCP_CONN_FIN_SENT) && ack == c->snd_nxt;

	tcp_send_queue_release(&c->busy->send, &w->tcp->blocks, bytes - fin);
	c->snd_una = ack;
	c->busy->progress_at = tcp_now(w);
	c->busy->n_timeouts = 0;
	c->flags |= TCP_CONN_ACKED;
	if (UNLIKELY(c->busy->dup_acks != 0)) {
		uint32_t segments = bytes / c->mss_bytes;

		/* RFC 6582 3.2 step 5: partial deflation. */
		if (c->busy->rec.in_recovery && segments < c->busy->dup_acks)
			c->busy->dup_acks -= (uint8_t)segments;
		else
			c->busy->dup_acks = 0;
	}
	if (UNLIKELY(c->flags & TCP_CONN_MTU_PROBE))
		tcp_path_acked(w, c, ack);
	if (UNLIKELY((c->flags & TCP_CONN_REDUCED) && tcp_seq_le(c->busy->recover, ack)))
		c->flags &= ~(uint32_t)TCP_CONN_REDUCED;
}

/* Our FIN is acknowledged. False: @c is gone. */
static bool fin_acknowledged(struct worker *w, struct tcp_conn *c)
{
	switch ((enum tcp_state)c->state) {
	case TCP_FIN_WAIT_1:
		tcp_state_set(w, c, TCP_FIN_WAIT_2);
		tcp_timer_keep(w, c);
		return true;
	case TCP_CLOSING:
		tcp_state_set(w, c, TCP_TIME_WAIT);
		tcp_service_add(w, c);
		return true;
	case TCP_LAST_ACK:
		if (UNLIKELY(c->busy->recv.bytes != 0)) {
			tcp_service_add(w, c);
			return true;
		}
		tcp_conn_end(w, c, TCP_END_CLOSED);
		return false;
	case TCP_CLOSED:
	case TCP_SYN_SENT:
	case TCP_SYN_RECEIVED:
	case TCP_ESTABLISHED:
	case TCP_FIN_WAIT_2:
	case TCP_CLOSE_WAIT:
	case TCP_TIME_WAIT:
		return true;
	}
	return true;
}

/* The age of the time stamp that @s echoes, 0: not known. */
static inline uint32_t echo_age_us(
	const struct worker *w, const struct tcp_conn *c, const struct tcp_seg *s)
{
	uint32_t age_ms;

	if (!s->options.has_ts || s->options.ts_ecr == 0)
		return 0;
	age_ms = tcp_ts_now(w, c->ts_offset) - s->options.ts_ecr;
	return age_ms < TCP_RTO_MAX_US / 1000 ? age_ms * 1000 : 0;
}

/* A duplicate acknowledgement (RFC 5681 2): data is out and nothing else is said. */
static bool is_duplicate(const struct tcp_conn *c, const struct tcp_seg *s, uint32_t wnd_before)
{
	return s->ack == c->snd_una && c->snd_una != c->snd_nxt && s->bytes == 0 &&
	       !(s->flags & RTE_TCP_FIN_FLAG) && c->snd_wnd == wnd_before;
}

/* Whether @s is the bare duplicate by which a peer that does not report duplicates says that a tail
 * loss probe was one (RFC 8985 7.4.2). */
static bool answers_probe(const struct tcp_conn *c, const struct tcp_seg *s, uint32_t wnd_before)
{
	return s->bytes == 0 && ((c->flags & TCP_CONN_TAIL_PROBED) || c->busy->rec.probing) &&
	       !(s->flags & RTE_TCP_FIN_FLAG) && c->snd_wnd == wnd_before;
}

/* Takes in an acknowledgement that says something new about what is out. */
static void take_in(struct worker *w, struct tcp_conn *c, const struct tcp_seg *s)
{
	uint32_t flight = c->snd_nxt - c->snd_una;
	struct tcp_ack ack = {
		.now_ns = w->now_ns,
		.una = s->ack,
		.ts_rtt_us = echo_age_us(w, c, s),
		.options = &s->options,
	};
	struct tcp_acked acked;

	tcp_recovery_on_ack(&c->busy->rec, &w->tcp->segments, &ack, &acked);
	tcp_stats(w)->rtt_samples += acked.rtt_us != 0;
	tcp_stats(w)->rtt_sum_us += acked.rtt_us;
	if (s->ack != c->snd_una)
		release(w, c, s->ack);
	tcp_loss_on_acked(w, c, &acked, flight);
}

bool tcp_ack_arrives(struct worker *w, struct tcp_conn *c, struct tcp_seg *s)
{
	uint32_t wnd_before = c->snd_wnd, una_before = c->snd_una;

	if (UNLIKELY(tcp_seq_lt(c->snd_nxt, s->ack) ||
		     tcp_seq_lt(s->ack, c->snd_una - c->snd_wnd_max))) {
		/* Not yet sent, or too old to be true (RFC 5961 5.2). */
		tcp_output_challenge(w, c);
		return tcp_seg_end(s, DROP_tcp_bad_ack);
	}
	if (UNLIKELY(tcp_seq_lt(s->ack, c->snd_una)))
		return true;
	tcp_window_heed(c, s);
	if (s->ack != c->snd_una || ((s->options.n_sacks != 0 || answers_probe(c, s, wnd_before)) &&
					    tcp_busy_take(w->tcp, c))) {
		if (is_duplicate(c, s, wnd_before))
			tcp_stats(w)->duplicate_acks++;
		take_in(w, c, s);
	} else if (UNLIKELY(is_duplicate(c, s, wnd_before))) {
		tcp_stats(w)->duplicate_acks++;
		if (!c->busy->rec.has_sack && !(c->flags & TCP_CONN_PROBING))
			tcp_loss_on_dup_ack(w, c);
	}
	if (UNLIKELY(c->flags & TCP_CONN_PROBING))
		end_probing(w, c, c->snd_una != una_before);
	if (LIKELY(tcp_is_busy(c))) {
		/* An application that has closed does not wait for one (RFC 6429 3). */
		if (UNLIKELY(c->snd_wnd == 0 && !(c->flags & TCP_CONN_FIN_WANTED)))
			c->busy->progress_at = tcp_now(w);
		else if (LIKELY(c->snd_wnd != 0))
			c->busy->n_probes = 0;
		if (UNLIKELY((s->flags & RTE_TCP_ECE_FLAG) && (c->flags & TCP_CONN_ECN) &&
			     una_before != c->snd_nxt))
			tcp_loss_on_ecn(w, c);
	}
	if (UNLIKELY((c->flags & TCP_CONN_FIN_SENT) && c->snd_una == c->snd_nxt) &&
		!fin_acknowledged(w, c))
		return false;
	/* Nothing is out and nothing waits: no need to look after it for that. */
	if (LIKELY(c->busy->send.bytes == 0 && c->busy->rec.n_segments == 0 &&
		    !(c->flags & (TCP_CONN_FIN_WANTED | TCP_CONN_WANT_WRITE)))) {
		c->rexmit_at = 0;
		c->flags &= ~(uint32_t)(TCP_CONN_ACKED | TCP_CONN_SENT);
		/* What comes with it needs one again. */
		if (s->bytes == 0 && !(s->flags & RTE_TCP_FIN_FLAG))
			tcp_busy_settle(w->tcp, c);
	} else {
		tcp_service_add(w, c);
	}
	return true;
}
