/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RACK-TLP (RFC 8985): a segment is lost when one sent later has arrived and a reordering window
 * has passed; a probe makes the end of a flight visible. Thread: worker.
 */
#include "dataplane/tcp/tcp_recovery_impl.h"

#define REO_PERSIST  16 /* RFC 8985 6.2: recoveries without DSACK until the window is reset */
#define REO_MULT_MAX 63 /* of the bit field; the smoothed RTT bounds the window before that */

/* RFC 8985 6.2 step 2: which of two was sent later; the end tells within a burst. */
static bool sent_after(uint64_t a_ns, uint32_t a_end, uint64_t b_ns, uint32_t b_end)
{
	return a_ns > b_ns || (a_ns == b_ns && tcp_seq_lt(b_end, a_end));
}

/* Whether the echoed time stamp is older than the retransmission of @s (RFC 3522 3.2): then what
 * arrived is the original. Time stamps may be a tick apart from our time. */
static bool echo_is_older(const struct tcp_segment *s, const struct tcp_ack *ack)
{
	return ack->ts_rtt_us > TCP_TS_TICK_US &&
	       (uint64_t)(ack->ts_rtt_us - TCP_TS_TICK_US) * NSEC_PER_USEC >
		       ack->now_ns - s->sent_ns;
}

void tcp_rack_delivered(
	struct tcp_recovery *r, const struct tcp_segment *s, struct tcp_rack_pass *pass)
{
	uint64_t age_us = (pass->ack->now_ns - s->sent_ns) / NSEC_PER_USEC;
	uint32_t rtt_us = (uint32_t)MAX_OF(MIN_OF(age_us, (uint64_t)TCP_RTO_MAX_US), 1ull);

	if (!r->has_fack || tcp_seq_lt(r->rack_fack, s->end)) {
		r->has_fack = true;
		r->rack_fack = s->end;
	} else if (tcp_seq_lt(s->end, r->rack_fack) && !(s->flags & TCP_SEGMENT_RETRANSMITTED)) {
		r->path->reordering_seen = true;
	}
	if (s->flags & TCP_SEGMENT_RETRANSMITTED) {
		pass->out->retransmission_acked = true;
		if (echo_is_older(s, pass->ack)) {
			pass->original = true;
			return;
		}
		if (rtt_us < r->path->min_rtt_us)
			return;
	} else {
		pass->rtt_us = pass->rtt_us ? pass->rtt_us : rtt_us;
		pass->rtt_min_us = pass->rtt_min_us ? MIN_OF(pass->rtt_min_us, rtt_us) : rtt_us;
	}
	if (sent_after(s->sent_ns, s->end, r->rack_sent_ns, r->rack_end)) {
		r->rack_sent_ns = s->sent_ns;
		r->rack_end = s->end;
		r->rack_rtt_us = rtt_us;
	}
}

void tcp_rack_adapt(struct tcp_recovery *r, uint32_t una, uint32_t snd_nxt, bool dsack)
{
	if (r->in_dsack_round && tcp_seq_le(r->dsack_round, una))
		r->in_dsack_round = false;
	if (!dsack || r->in_dsack_round)
		return;
	r->in_dsack_round = true;
	r->dsack_round = snd_nxt;
	r->path->reo_mult += r->path->reo_mult < REO_MULT_MAX;
	r->path->reo_persist = REO_PERSIST;
}

uint32_t tcp_recovery_reo_wnd_us(const struct tcp_recovery *r)
{
	uint64_t wnd;

	if (!r->path->reordering_seen && (r->in_recovery || r->n_sacked >= TCP_DUP_THRESHOLD))
		return 0;
	wnd = (r->path->reo_mult + 1ull) * r->path->min_rtt_us / 4;
	return (uint32_t)MIN_OF(wnd, (uint64_t)r->path->srtt_us);
}

/* How long after its transmission a segment is late (RFC 8985 6.2 step 5). */
static uint64_t wait_ns(const struct tcp_recovery *r)
{
	return ((uint64_t)r->rack_rtt_us + tcp_recovery_reo_wnd_us(r)) * NSEC_PER_USEC;
}

void tcp_rack_detect(struct tcp_recovery *r, const struct tcp_segment_pool *pool, uint64_t now_ns,
	struct tcp_acked *out)
{
	/* Once for all: that recovery begins below closes the window for the next time. */
	uint64_t wait = wait_ns(r);

	while (r->has_sack && r->time_first) {
		const struct tcp_segment *s = tcp_segment_at(pool, r->time_first);

		if (!sent_after(r->rack_sent_ns, r->rack_end, s->sent_ns, s->end))
			return;
		/* The others were sent later: the first one's time is the next time to look. */
		if (s->sent_ns + wait > now_ns) {
			out->rack_timeout_ns = s->sent_ns + wait;
			return;
		}
		out->lost_bytes += tcp_segment_bytes(s);
		out->recovery_entered |= tcp_recovery_mark_lost(r, pool, r->time_first);
	}
}

void tcp_recovery_on_rack_timeout(struct tcp_recovery *r, struct tcp_segment_pool *pool,
	uint64_t now_ns, struct tcp_acked *out)
{
	*out = (struct tcp_acked){0};
	tcp_rack_detect(r, pool, now_ns, out);
}

/* The peer gave up what it had said selectively: the record is outstanding again. */
static void forget_sack(
	struct tcp_recovery *r, const struct tcp_segment_pool *pool, uint32_t number)
{
	struct tcp_segment *s = tcp_segment_at(pool, number);

	s->flags &= (uint8_t)~TCP_SEGMENT_SACKED;
	s->n_merged = 1;
	r->sacked_bytes -= tcp_segment_bytes(s);
	r->in_flight_bytes += tcp_segment_bytes(s);
	tcp_link_add(pool, &r->time_first, number, 0);
}

void tcp_recovery_on_rto(struct tcp_recovery *r, struct tcp_segment_pool *pool, uint64_t now_ns)
{
	uint32_t number = tcp_recovery_first_number(r, pool);
	bool first = true, reneged, was_open = r->undo_open || !r->in_recovery;
	uint64_t wait = wait_ns(r);

	if (!number)
		return;
	reneged = tcp_segment_at(pool, number)->flags & TCP_SEGMENT_SACKED;
	if (reneged) {
		r->n_sacked = 0;
		r->sack_hint = 0;
	}
	r->path->rto_backoff += r->path->rto_backoff < TCP_RTO_BACKOFF_MAX;
	r->probing = false;
	for (uint16_t n = r->n_segments; n > 0; n--) {
		struct tcp_segment *s = tcp_segment_at(pool, number);

		if (s->flags & TCP_SEGMENT_SACKED && reneged)
			forget_sack(r, pool, number);
		if (!(s->flags & (TCP_SEGMENT_SACKED | TCP_SEGMENT_LOST)) &&
			(first || reneged || !r->has_sack || s->sent_ns + wait <= now_ns))
			tcp_recovery_mark_lost(r, pool, number);
		/* To the end: all of them pass here, so they come out in order. */
		if (s->flags & TCP_SEGMENT_LOST) {
			tcp_link_del(pool, &r->lost_first, number);
			tcp_link_add(pool, &r->lost_first, number, 0);
		}
		first = false;
		number = s->next;
	}
	tcp_recovery_enter(r, pool);
	r->after_rto = true;
	r->undo_open = was_open;
}

void tcp_recovery_on_probe(
	struct tcp_recovery *r, const struct tcp_segment_pool *pool, bool retransmitted)
{
	BRAID_ASSERT(r->last);
	r->probing = true;
	r->probe_retransmitted = retransmitted;
	r->probe_end = tcp_segment_at(pool, r->last)->end;
}

void tcp_rack_probe_acked(struct tcp_recovery *r, const struct tcp_ack *ack, struct tcp_acked *out)
{
	const struct tcp_options *o = ack->options;

	if (!r->probing || tcp_seq_lt(ack->una, r->probe_end))
		return;
	if (!r->probe_retransmitted || (out->dsack && o->sacks[0].end == r->probe_end)) {
		r->probing = false;
	} else if (tcp_seq_lt(r->probe_end, ack->una)) {
		r->probing = false;
		out->probe_repaired = true;
	} else if (out->acked_bytes == 0 && o->n_sacks == 0) {
		/* A duplicate without SACK: both the original and the probe arrived. */
		r->probing = false;
	}
}
