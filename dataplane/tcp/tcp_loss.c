/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The congestion window after what acknowledgements and timers said: growth, Proportional Rate
 * Reduction during fast recovery (RFC 6937), timeouts with a suspicion of black holes (RFC 8899 and
 * 4821 in spirit), ECN (RFC 3168 6.1.2). Thread: worker.
 */
#include "dataplane/tcp/tcp_impl.h"

#define BLACK_HOLE_MTU4 576
#define BLACK_HOLE_MTU6 1280

struct tcp_cc_event tcp_loss_event(const struct worker *w, const struct tcp_conn *c,
	uint32_t acked_bytes, uint32_t flight_bytes)
{
	return (struct tcp_cc_event){
		.now_ns = w->now_ns,
		.acked_bytes = acked_bytes,
		.in_flight_bytes = flight_bytes,
		.mss_bytes = c->mss_bytes,
		.srtt_us = c->path.srtt_us,
		.cwnd_limited = c->flags & TCP_CONN_CWND_LIMITED,
	};
}

/* RFC 6937 3: how much may be sent for what was delivered. */
static void reduce_rate(struct tcp_conn *c, uint32_t delivered_bytes)
{
	uint32_t pipe = tcp_flight_bytes(c), ssthresh = c->busy->cc.ssthresh_bytes;
	int64_t count;

	if (c->busy->prr_flight == 0)
		return;
	c->busy->prr_delivered += delivered_bytes;
	if (pipe > ssthresh) {
		uint64_t share =
			(uint64_t)c->busy->prr_delivered * ssthresh + c->busy->prr_flight - 1;

		count = (int64_t)(share / c->busy->prr_flight) - c->busy->prr_out;
	} else {
		int64_t owed = (int64_t)c->busy->prr_delivered - c->busy->prr_out;

		count = MAX_OF(owed, (int64_t)delivered_bytes) + c->mss_bytes;
		count = MIN_OF(count, (int64_t)ssthresh - pipe);
	}
	/* The fast retransmission itself is always allowed. */
	if (c->busy->prr_out == 0)
		count = MAX_OF(count, (int64_t)c->mss_bytes);
	c->busy->cc.cwnd_bytes = pipe + (uint32_t)MAX_OF(count, (int64_t)0);
}

/* The window was reduced, for whatever reason: the next new data says so (RFC 3168 6.1.2). */
static void tell_reduced(struct tcp_conn *c)
{
	if (c->flags & TCP_CONN_ECN)
		c->flags |= TCP_CONN_CWR;
}

static void enter_recovery(struct worker *w, struct tcp_conn *c, uint32_t flight_bytes)
{
	struct tcp_cc_event e = tcp_loss_event(w, c, 0, flight_bytes);

	w->tcp->cc->on_congestion(&c->busy->cc, &e, false);
	tell_reduced(c);
	c->busy->prr_delivered = c->busy->prr_out = 0;
	c->busy->prr_flight = MAX_OF(flight_bytes, 1u);
	tcp_stats(w)->fast_recoveries++;
}

/* Sets the timer for what RACK will hold lost, or ends it. */
static void set_rack(struct worker *w, struct tcp_conn *c, uint64_t timeout_ns)
{
	if (timeout_ns != 0) {
		c->rexmit_kind = TCP_REXMIT_RACK;
		c->rexmit_at = (uint32_t)(timeout_ns >> WHEEL_TICK_SHIFT) + 1;
		c->rexmit_at += c->rexmit_at == 0;
		tcp_timer_arm(w, c, c->rexmit_at);
	} else if (c->rexmit_kind == TCP_REXMIT_RACK) {
		c->rexmit_kind = TCP_REXMIT_RTO;
		c->rexmit_at = 0;
	}
}

void tcp_loss_on_acked(
	struct worker *w, struct tcp_conn *c, const struct tcp_acked *acked, uint32_t flight_bytes)
{
	const struct tcp_cc_algorithm *cc = w->tcp->cc;
	struct tcp_cc_event e = tcp_loss_event(w, c, acked->delivered_bytes, flight_bytes);

	if (UNLIKELY(acked->spurious)) {
		cc->on_undo(&c->busy->cc);
		tcp_stats(w)->undone++;
	}
	if (UNLIKELY(acked->probe_repaired && !c->busy->rec.in_recovery)) {
		/* What was out when it was lost is not known any more (RFC 9438 4.6 permits it). */
		struct tcp_cc_event lost = tcp_loss_event(w, c, 0, c->busy->cc.cwnd_bytes);

		cc->on_congestion(&c->busy->cc, &lost, true);
		tell_reduced(c);
	}
	if (UNLIKELY(acked->recovery_entered))
		enter_recovery(w, c, flight_bytes);
	if (UNLIKELY(c->busy->rec.in_recovery && !c->busy->rec.after_rto))
		reduce_rate(c, acked->delivered_bytes);
	else if (UNLIKELY(acked->recovery_left && !acked->spurious && c->busy->prr_flight != 0))
		c->busy->cc.cwnd_bytes = c->busy->cc.ssthresh_bytes;
	else if (acked->delivered_bytes != 0)
		cc->on_ack(&c->busy->cc, &e);
	if (acked->recovery_left)
		c->busy->prr_flight = 0;
	set_rack(w, c, acked->rack_timeout_ns);
}

/* Several timeouts in a row: perhaps large packets vanish without a word. */
static void suspect_black_hole(struct worker *w, struct tcp_conn *c)
{
	uint32_t mtu = c->key.family == 4 ? BLACK_HOLE_MTU4 : BLACK_HOLE_MTU6;
	uint16_t before = c->mss_bytes;

	tcp_path_set(w, c, mtu);
	c->mss_bytes = MIN_OF(c->mss_bytes, before);
	if (c->mss_bytes < before) {
		tcp_stats(w)->black_holes++;
		tcp_path_wait(w, c);
	}
}

void tcp_loss_on_timeout(struct worker *w, struct tcp_conn *c)
{
	struct tcp_cc_event e = tcp_loss_event(w, c, 0, c->snd_nxt - c->snd_una);

	tcp_stats(w)->timeouts++;
	if (c->busy->n_timeouts < UINT8_MAX)
		c->busy->n_timeouts++;
	c->busy->dup_acks = 0;
	c->busy->prr_flight = 0;
	w->tcp->cc->on_timeout(&c->busy->cc, &e);
	tell_reduced(c);
	if (c->busy->n_timeouts == TCP_BLACK_HOLE_RTOS + 1)
		suspect_black_hole(w, c);
	tcp_recovery_on_rto(&c->busy->rec, &w->tcp->segments, w->now_ns);
	tcp_output_head(w, c);
}

void tcp_loss_on_ecn(struct worker *w, struct tcp_conn *c)
{
	struct tcp_cc_event e = tcp_loss_event(w, c, 0, c->snd_nxt - c->snd_una);

	if ((c->flags & TCP_CONN_REDUCED) || c->busy->rec.in_recovery)
		return;
	w->tcp->cc->on_congestion(&c->busy->cc, &e, true);
	tell_reduced(c);
	c->flags |= TCP_CONN_REDUCED;
	c->busy->recover = c->snd_nxt;
	tcp_stats(w)->ecn_reduced++;
}

void tcp_loss_on_dup_ack(struct worker *w, struct tcp_conn *c)
{
	struct tcp_acked acked = {0};

	/* What was sent again and had arrived makes duplicates too: they mean nothing then, neither
	 * that a segment has left nor that one was lost (RFC 6582 4). */
	if (c->busy->rec.after_rto)
		return;
	if (c->busy->dup_acks < UINT8_MAX)
		c->busy->dup_acks++;
	if (c->busy->rec.in_recovery) {
		acked.delivered_bytes = c->mss_bytes;
	} else {
		if (c->busy->dup_acks < TCP_DUP_THRESHOLD ||
			!tcp_recovery_on_dup_acks(&c->busy->rec, &w->tcp->segments))
			return;
		acked.recovery_entered = true;
	}
	tcp_loss_on_acked(w, c, &acked, c->snd_nxt - c->snd_una);
}
