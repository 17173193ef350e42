/* SPDX-License-Identifier: BSD-3-Clause */
/* Invariants of the TCP endpoint. Thread: any. */
#include "tests/sim/tcp_check.h"

#include <stdarg.h>
#include <stdio.h>

#include "dataplane/tcp/tcp_impl.h"

static char sentence[256];

static const char *say(const char *fmt, ...) PRINTF_LIKE(1, 2);

static const char *say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, args);
	va_end(args);
	return sentence;
}

/* What all connections have together. */
struct sums {
	uint32_t conns;
	uint32_t half_open;
	uint32_t held;
	uint32_t segments;
	uint32_t blocks;
	uint32_t busy;
	uint32_t states[TCP_TIME_WAIT + 1];
};

static uint32_t count_blocks(const struct tcp_conn *c)
{
	const struct tcp_block *b = c->busy->send.last;
	uint32_t n = 0;

	if (!b)
		return 0;
	do {
		n++;
		b = b->next;
	} while (b != c->busy->send.last);
	return n;
}

/* Records are without gaps from SND.UNA to SND.NXT, and their sums are right. */
static const char *check_records(const struct tcp_worker *t, const struct tcp_conn *c, uint32_t i)
{
	uint32_t at = c->snd_una, flight = 0, sacked = 0, lost = 0, number;

	if (c->busy->rec.n_segments == 0)
		return c->busy->rec.in_flight_bytes + c->busy->rec.sacked_bytes +
					       c->busy->rec.lost_bytes ==
				       0
			       ? NULL
			       : say("connection %u: bytes are out without a record", i);
	number = t->segments.segments[c->busy->rec.last - 1].next;
	for (unsigned n = 0; n < c->busy->rec.n_segments; n++) {
		const struct tcp_segment *s = &t->segments.segments[number - 1];

		if (s->start != at && n != 0)
			return say(
				"connection %u: a gap in the records at +%u", i, at - c->snd_una);
		if (n == 0 && (tcp_seq_lt(at, s->start) || !tcp_seq_lt(at, s->end)))
			return say("connection %u: the first record is not at SND.UNA", i);
		if (s->flags & TCP_SEGMENT_SACKED)
			sacked += s->end - s->start;
		else if (s->flags & TCP_SEGMENT_LOST)
			lost += s->end - s->start;
		else
			flight += s->end - s->start;
		at = s->end;
		number = s->next;
	}
	if (at != c->snd_nxt)
		return say(
			"connection %u: records end %d before SND.NXT", i, (int)(c->snd_nxt - at));
	if (flight != c->busy->rec.in_flight_bytes || sacked != c->busy->rec.sacked_bytes ||
		lost != c->busy->rec.lost_bytes)
		return say("connection %u: flight %u/%u sacked %u/%u lost %u/%u", i, flight,
			c->busy->rec.in_flight_bytes, sacked, c->busy->rec.sacked_bytes, lost,
			c->busy->rec.lost_bytes);
	return NULL;
}

/* A deadline that is set is no earlier than what the wheel will fire. */
static const char *check_deadline(
	const struct tcp_conn *c, uint32_t i, uint32_t at, const char *name)
{
	uint32_t armed = (uint32_t)(c->timer.expiry_ns >> WHEEL_TICK_SHIFT);

	if (at == 0)
		return NULL;
	if (!wheel_pending(&c->timer))
		return say("connection %u: %s is set without a timer", i, name);
	if ((int32_t)(armed - at) > 0)
		return say("connection %u: the timer fires after %s", i, name);
	return NULL;
}

static const char *check_timers(const struct tcp_conn *c, uint32_t i)
{
	const char *wrong = check_deadline(c, i, c->rexmit_at, "rexmit_at");

	wrong = wrong ? wrong : check_deadline(c, i, c->ack_at, "ack_at");
	wrong = wrong ? wrong : check_deadline(c, i, c->keep_at, "keep_at");
	if (wrong || (c->flags & TCP_CONN_IN_SERVICE))
		return wrong;
	/* Whoever waits for the peer asks again some day. */
	if (c->snd_una != c->snd_nxt && c->rexmit_at == 0)
		return say("connection %u (%s): %u bytes are out without a deadline", i,
			tcp_state_name(c->state), c->snd_nxt - c->snd_una);
	if (!tcp_syn_is_out(c) && tcp_unsent_bytes(c) != 0 && c->rexmit_at == 0 && c->ack_at == 0)
		return say("connection %u (%s): %u bytes wait without a deadline", i,
			tcp_state_name(c->state), tcp_unsent_bytes(c));
	return NULL;
}

static const char *check_numbers(const struct tcp_worker *t, const struct tcp_conn *c, uint32_t i)
{
	uint32_t out = c->snd_nxt - c->snd_una;
	uint32_t fin = (c->flags & TCP_CONN_FIN_SENT) && out != 0;

	if (tcp_seq_lt(c->snd_nxt, c->snd_una))
		return say("connection %u: SND.NXT before SND.UNA", i);
	if (!tcp_syn_is_out(c) && out - fin > c->busy->send.bytes)
		return say("connection %u: %u bytes are out, %u are kept", i, out,
			c->busy->send.bytes);
	if (c->busy->send.bytes > t->limits.conn_send_bytes)
		return say("connection %u: send buffer of %u bytes", i, c->busy->send.bytes);
	if (c->state != TCP_SYN_SENT && tcp_seq_lt(c->rcv_adv, c->rcv_nxt))
		return say("connection %u: RCV.NXT beyond the window", i);
	if (c->busy->recv.bytes > 2 * t->limits.conn_recv_bytes ||
		c->busy->recv.gap_bytes > 2 * t->limits.conn_recv_bytes)
		return say("connection %u: %u + %u bytes wait to be read", i, c->busy->recv.bytes,
			c->busy->recv.gap_bytes);
	if (c->busy->recv.n_mbufs > TCP_RECV_SEGMENTS_MAX + 1 ||
		c->busy->recv.n_gap > TCP_GAP_SEGMENTS_MAX + 1)
		return say("connection %u: %u + %u segments wait to be read", i,
			c->busy->recv.n_mbufs, c->busy->recv.n_gap);
	if (c->state >= TCP_ESTABLISHED && tcp_cwnd_bytes(c) == 0 && c->busy->rec.n_segments == 0)
		return say("connection %u: no congestion window", i);
	if (tcp_is_busy(c) && c->snd_una == c->snd_nxt && c->busy->send.bytes == 0 &&
		c->busy->recv.n_mbufs + c->busy->recv.n_gap == 0 &&
		!(c->flags & (TCP_CONN_IN_SERVICE | TCP_CONN_DSACK)))
		return say("connection %u is busy with nothing", i);
	if (c->mss_bytes != 0 && c->mss_bytes < TCP_MSS_MIN)
		return say("connection %u: segments of %u bytes", i, c->mss_bytes);
	return NULL;
}

static const char *check_sums(const struct worker *w, const struct sums *sums)
{
	const struct tcp_worker *t = w->tcp;

	if (sums->conns != t->n_conns)
		return say("%u connections, %u are counted", sums->conns, t->n_conns);
	if (sums->half_open != t->n_half_open || t->n_half_open != w->stats->tcp.half_open)
		return say("%u half-open, %u are counted", sums->half_open, t->n_half_open);
	if (sums->held != t->n_held || t->n_held != w->stats->tcp.held_mbufs)
		return say("%u buffers wait, %u are counted", sums->held, t->n_held);
	if (sums->segments != t->segments.n_total - t->segments.n_free)
		return say("%u records are used, %u are gone", sums->segments,
			t->segments.n_total - t->segments.n_free);
	if (sums->blocks != t->blocks.n_total - t->blocks.n_free)
		return say("%u blocks are used, %u are gone", sums->blocks,
			t->blocks.n_total - t->blocks.n_free);
	if (sums->busy != t->n_busy - t->n_busy_free)
		return say("%u connections are busy, %u are counted", sums->busy,
			t->n_busy - t->n_busy_free);
	for (unsigned s = TCP_SYN_SENT; s <= TCP_TIME_WAIT; s++)
		if (sums->states[s] != w->stats->tcp.conns[s])
			return say("%u connections are %s, the gauge says %llu", sums->states[s],
				tcp_state_name((uint8_t)s),
				(unsigned long long)w->stats->tcp.conns[s]);
	return NULL;
}

const char *tcp_check(const struct worker *w)
{
	const struct tcp_worker *t = w->tcp;
	struct sums sums = {0};

	for (uint32_t i = 0; i < t->limits.conns; i++) {
		const struct tcp_conn *c = &t->conns[i];
		const char *wrong;

		if (c->state == TCP_CLOSED)
			continue;
		sums.conns++;
		sums.states[c->state]++;
		sums.half_open += !!(c->flags & TCP_CONN_HALF_OPEN);
		sums.held += (uint32_t)c->busy->recv.n_mbufs + c->busy->recv.n_gap;
		sums.segments += c->busy->rec.n_segments;
		sums.blocks += count_blocks(c);
		sums.busy += tcp_is_busy(c);
		wrong = check_numbers(t, c, i);
		wrong = wrong ? wrong : check_records(t, c, i);
		wrong = wrong ? wrong : check_timers(c, i);
		if (wrong)
			return wrong;
	}
	return check_sums(w, &sums);
}

const char *tcp_check_idle(const struct worker *w)
{
	const char *wrong = tcp_check(w);

	if (wrong)
		return wrong;
	if (w->tcp->n_conns != 0)
		return say("%u connections are left", w->tcp->n_conns);
	if (wheel_next_ns(w->wheel) != WHEEL_NEVER_NS)
		return say("a timer is left");
	return NULL;
}
