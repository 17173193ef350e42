/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one timer of a connection and its three deadlines: retransmission (RTO, tail loss probe,
 * RACK's reordering timer, window probes: RFC 6298, 8985, 9293 3.8.6.1), delayed ACK, and
 * keepalive or FIN-WAIT-2. Deadlines move with every segment; the wheel is touched only when one
 * comes earlier than what is armed. Thread: worker.
 */
#include "dataplane/tcp/tcp_impl.h"

/* Nanoseconds of the wheel's tick @at, which is near the present. */
static uint64_t tick_ns(const struct worker *w, uint32_t at)
{
	uint64_t now = w->now_ns >> WHEEL_TICK_SHIFT;
	int32_t ahead = (int32_t)(at - (uint32_t)now);

	return (now + (uint64_t)(int64_t)ahead) << WHEEL_TICK_SHIFT;
}

void tcp_timer_arm(struct worker *w, struct tcp_conn *c, uint32_t at)
{
	if (wheel_pending(&c->timer)) {
		uint32_t armed = (uint32_t)(c->timer.expiry_ns >> WHEEL_TICK_SHIFT);

		if (LIKELY((int32_t)(at - armed) >= 0))
			return;
	}
	wheel_add(w->wheel, &c->timer, tick_ns(w, at));
}

/* Sets the retransmission timer to @kind, @us from now. */
static void rexmit_set(struct worker *w, struct tcp_conn *c, enum tcp_rexmit kind, uint64_t us)
{
	c->rexmit_kind = (uint8_t)kind;
	c->rexmit_at = tcp_at(w, us * NSEC_PER_USEC);
	tcp_timer_arm(w, c, c->rexmit_at);
}

/* The time to the next window probe (RFC 9293 3.8.6.1: exponentially longer). */
static uint64_t persist_us(const struct tcp_conn *c)
{
	uint64_t us = tcp_recovery_rto_us(&c->path)
		      << MIN_OF(c->busy->n_probes, TCP_RTO_BACKOFF_MAX);

	return MIN_OF(us, (uint64_t)TCP_RTO_MAX_US);
}

/* The time to a tail loss probe. The RTO, which it does not go beyond, runs since the last
 * acknowledgement or, for all that this knows, since the oldest of what is out was sent: whoever
 * goes on sending must not put both off (RFC 8985 7.2, RFC 6298 5.1). */
static uint64_t probe_us(const struct worker *w, const struct tcp_conn *c, bool acked)
{
	const struct tcp_recovery *r = &c->busy->rec;
	uint64_t pto = tcp_recovery_pto_us(&c->path, r->n_segments == 1), rto, age;

	if (LIKELY(acked || r->n_segments == 1))
		return pto;
	rto = tcp_recovery_rto_us(&c->path);
	age = tcp_recovery_age_us(r, &w->tcp->segments, w->now_ns);
	return MIN_OF(pto, rto - MIN_OF(age, rto));
}

void tcp_timer_rexmit(struct worker *w, struct tcp_conn *c)
{
	uint32_t changes = c->flags & (TCP_CONN_SENT | TCP_CONN_ACKED);
	bool runs = c->rexmit_at != 0;

	c->flags &= ~changes;
	if (c->busy->rec.n_segments == 0 || UNLIKELY(c->flags & TCP_CONN_PROBING)) {
		if (LIKELY(c->busy->rec.n_segments == 0 && tcp_unsent_bytes(c) == 0))
			c->rexmit_at = 0;
		else if (!runs || c->rexmit_kind != TCP_REXMIT_PERSIST || changes)
			rexmit_set(w, c, TCP_REXMIT_PERSIST, persist_us(c));
		return;
	}
	/* RACK's timer stays; so does the RTO unless something was acknowledged (RFC 6298 5.1). */
	if (runs && (changes == 0 || c->rexmit_kind == TCP_REXMIT_RACK))
		return;
	if (tcp_recovery_may_probe(&c->busy->rec)) {
		rexmit_set(w, c, TCP_REXMIT_TLP, probe_us(w, c, changes & TCP_CONN_ACKED));
		return;
	}
	if (runs && c->rexmit_kind == TCP_REXMIT_RTO && !(changes & TCP_CONN_ACKED))
		return;
	rexmit_set(w, c, TCP_REXMIT_RTO, tcp_recovery_rto_us(&c->path));
}

void tcp_timer_keep(struct worker *w, struct tcp_conn *c)
{
	if (c->state == TCP_FIN_WAIT_2) {
		c->keep_at = tcp_at(w, TCP_FIN_WAIT_2_MS * NSEC_PER_MSEC);
		tcp_timer_arm(w, c, c->keep_at);
		return;
	}
	c->keep_at = 0;
	if (c->keep_s == 0)
		return;
	c->keep_at = tcp_at(w, c->keep_s * NSEC_PER_SEC);
	tcp_timer_arm(w, c, c->keep_at);
}

/* Milliseconds since tick @at. */
static uint64_t ms_since(const struct worker *w, uint32_t at)
{
	return ((uint64_t)(tcp_now(w) - at) << WHEEL_TICK_SHIFT) / NSEC_PER_MSEC;
}

/* The SYN or SYN-ACK was not answered. False: @c is gone. */
static bool syn_timeout(struct worker *w, struct tcp_conn *c)
{
	unsigned tries = c->flags & TCP_CONN_PASSIVE ? TCP_SYN_ACK_TRIES : TCP_SYN_TRIES;

	tcp_stats(w)->timeouts++;
	if (++c->busy->n_timeouts >= tries) {
		tcp_conn_end(w, c, TCP_END_TIMEOUT);
		return false;
	}
	tcp_recovery_on_rto(&c->busy->rec, &w->tcp->segments, w->now_ns);
	tcp_output_syn(w, c);
	return true;
}

/* What the retransmission timer was set for. False: @c is gone. */
static bool on_rexmit(struct worker *w, struct tcp_conn *c)
{
	struct tcp_acked acked = {0};
	uint32_t flight = c->snd_nxt - c->snd_una;

	c->rexmit_at = 0;
	if (tcp_syn_is_out(c))
		return syn_timeout(w, c);
	if (!tcp_is_busy(c))
		return true;
	if (c->rexmit_kind != TCP_REXMIT_RACK && c->rexmit_kind != TCP_REXMIT_TLP &&
		ms_since(w, c->busy->progress_at) > TCP_USER_TIMEOUT_MS) {
		/* R2 of RFC 9293 3.8.3; the peer may still be there. */
		tcp_output_reset(w, c);
		tcp_conn_end(w, c, TCP_END_TIMEOUT);
		return false;
	}
	switch ((enum tcp_rexmit)c->rexmit_kind) {
	case TCP_REXMIT_RTO:
		tcp_loss_on_timeout(w, c);
		break;
	case TCP_REXMIT_TLP:
		tcp_stats(w)->tail_probes++;
		tcp_output_tail(w, c);
		if (UNLIKELY(!c->busy->rec.probing))
			rexmit_set(w, c, TCP_REXMIT_RTO, tcp_recovery_rto_us(&c->path));
		break;
	case TCP_REXMIT_RACK:
		tcp_recovery_on_rack_timeout(&c->busy->rec, &w->tcp->segments, w->now_ns, &acked);
		tcp_stats(w)->rack_timeouts += acked.lost_bytes != 0;
		tcp_loss_on_acked(w, c, &acked, flight);
		break;
	case TCP_REXMIT_PERSIST:
		tcp_output_window_probe(w, c);
		break;
	}
	tcp_service_add(w, c);
	return true;
}

/* Silence: keepalive (RFC 9293 3.8.4), or the peer's FIN does not come. False: @c is gone. */
static bool on_keep(struct worker *w, struct tcp_conn *c)
{
	uint64_t idle_ms = ms_since(w, c->received_at);
	uint64_t limit_ms = c->keep_s * 1000ULL;
	uint64_t step_ms = MAX_OF(limit_ms / TCP_KEEPALIVE_PROBES, 1000ULL);

	c->keep_at = 0;
	if (c->state == TCP_FIN_WAIT_2) {
		if (idle_ms >= TCP_FIN_WAIT_2_MS) {
			tcp_output_reset(w, c);
			tcp_conn_end(w, c, TCP_END_TIMEOUT);
			return false;
		}
		c->keep_at = tcp_at(w, (TCP_FIN_WAIT_2_MS - idle_ms) * NSEC_PER_MSEC);
		return true;
	}
	if (c->keep_s == 0)
		return true;
	if (idle_ms < limit_ms) {
		c->n_keepalives = 0;
		c->keep_at = tcp_at(w, (limit_ms - idle_ms) * NSEC_PER_MSEC);
		return true;
	}
	/* What is in flight asks the same question. */
	if (c->busy->rec.n_segments == 0) {
		if (c->n_keepalives >= TCP_KEEPALIVE_PROBES) {
			tcp_output_reset(w, c);
			tcp_conn_end(w, c, TCP_END_TIMEOUT);
			return false;
		}
		c->n_keepalives++;
		tcp_output_keepalive(w, c);
	}
	c->keep_at = tcp_at(w, step_ms * NSEC_PER_MSEC);
	return true;
}

/* The earlier of two deadlines; 0 is none. */
static uint32_t earlier(uint32_t a, uint32_t b)
{
	if (a == 0 || b == 0)
		return a | b;
	return (int32_t)(a - b) < 0 ? a : b;
}

static bool is_due(uint32_t at, uint32_t now)
{
	return at != 0 && (int32_t)(at - now) <= 0;
}

void tcp_timer_fire(void *ctx, struct wheel_timer *timer)
{
	struct worker *w = ctx;
	struct tcp_conn *c = CONTAINER_OF(timer, struct tcp_conn, timer);
	uint32_t now = tcp_now(w), next;

	if (is_due(c->ack_at, now)) {
		c->ack_at = 0;
		if (c->rcv_nxt != c->ack_sent)
			c->flags |= TCP_CONN_ACK_NOW;
		tcp_service_add(w, c);
	}
	if (is_due(c->rexmit_at, now) && !on_rexmit(w, c))
		return;
	if (is_due(c->keep_at, now) && !on_keep(w, c))
		return;
	next = earlier(earlier(c->ack_at, c->rexmit_at), c->keep_at);
	if (next != 0)
		tcp_timer_arm(w, c, next);
}
