/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a connection says next: lost segments, new data as far as both windows allow (RFC 9293
 * 3.8.6.2.1, RFC 5681; no Nagle), FIN, and an ACK when nothing else carries it (RFC 9293 3.8.6.3).
 * Thread: worker.
 */
#include "dataplane/tcp/tcp_impl.h"

#define ECT0             2   /* IP header of data that may be marked (RFC 3168 5) */
#define SACK_BYTES       8   /* of a block */
#define SACK_HEAD_BYTES  4   /* padded kind and length */
#define IDLE_TICKS_MIN   180 /* no RTO is shorter */
#define SERVICE_AGAIN_NS (20 * NSEC_PER_MSEC) /* when buffers ran out */

/* What every segment says. */
static inline uint8_t flags_of(const struct tcp_conn *c)
{
	return c->flags & TCP_CONN_ECE ? RTE_TCP_ACK_FLAG | RTE_TCP_ECE_FLAG : RTE_TCP_ACK_FLAG;
}

/* Payload of a full segment now. */
static inline uint32_t segment_bytes(const struct tcp_conn *c)
{
	uint32_t blocks = c->busy->recv.n_ranges + !!(c->flags & TCP_CONN_DSACK);

	if (LIKELY(blocks == 0) || !(c->flags & TCP_CONN_SACK))
		return c->mss_bytes;
	blocks = MIN_OF(blocks, (uint32_t)TCP_SAY_SACKS_MAX);
	return c->mss_bytes - SACK_HEAD_BYTES - blocks * SACK_BYTES;
}

/* Bytes of the peer's window that are not used up. */
static inline uint32_t window_left(const struct tcp_conn *c)
{
	int32_t left = (int32_t)(c->snd_una + c->snd_wnd - c->snd_nxt);

	return left > 0 ? (uint32_t)left : 0;
}

static void send_ack(struct worker *w, struct tcp_conn *c)
{
	tcp_emit(w, c, &(struct tcp_say){.seq = c->snd_nxt, .flags = flags_of(c)});
}

/* Sends @s, whose payload fits a segment, once more. */
static bool retransmit(struct worker *w, struct tcp_conn *c, struct tcp_segment *s)
{
	uint32_t bytes = s->end - s->start;
	bool fin = s->flags & TCP_SEGMENT_FIN;
	struct tcp_say say = {
		.seq = s->start,
		.offset = s->start - c->snd_una,
		.bytes = bytes - fin,
		.flags = flags_of(c) | (fin ? RTE_TCP_FIN_FLAG : 0) |
			 (bytes > fin ? RTE_TCP_PSH_FLAG : 0),
	};

	if (!tcp_emit(w, c, &say))
		return false;
	tcp_recovery_on_retransmit(&c->busy->rec, &w->tcp->segments, s, w->now_ns);
	c->busy->prr_out += bytes;
	c->retransmitted++;
	c->flags |= TCP_CONN_SENT;
	c->sent_at = tcp_now(w);
	tcp_stats(w)->retransmitted++;
	return true;
}

/* Cuts @s to what fits a segment of @mss. False: no record is left. */
static bool cut(struct worker *w, struct tcp_conn *c, struct tcp_segment *s, uint32_t mss)
{
	if (LIKELY(s->end - s->start - !!(s->flags & TCP_SEGMENT_FIN) <= mss))
		return true;
	/* The path does not carry more than before. */
	if ((c->flags & TCP_CONN_MTU_PROBE) && s->end == c->busy->mtu_probe_end)
		tcp_path_wait(w, c);
	return tcp_recovery_split(&c->busy->rec, &w->tcp->segments, s, s->start + mss) == 0;
}

/* Sends what is lost, as far as the congestion window allows. True: the lanes are full. */
static bool send_lost(struct worker *w, struct tcp_conn *c)
{
	struct tcp_segment_pool *pool = &w->tcp->segments;
	uint32_t mss = segment_bytes(c);
	struct tcp_segment *s;

	while ((s = tcp_recovery_next_lost(&c->busy->rec, pool)) != NULL) {
		uint32_t flight = tcp_flight_bytes(c), cwnd = c->busy->cc.cwnd_bytes, bytes;

		if (!tcp_lanes_have_room(w))
			return true;
		tcp_recovery_join(&c->busy->rec, pool, s, MIN_OF(mss, cwnd - MIN_OF(flight, cwnd)));
		bytes = MIN_OF(s->end - s->start, mss);
		if (flight != 0 && flight + bytes > cwnd) {
			/* After a timeout it must grow again (RFC 5681 3.1). */
			c->flags |= TCP_CONN_CWND_LIMITED;
			break;
		}
		if (!cut(w, c, s, mss) || !retransmit(w, c, s))
			break;
	}
	return false;
}

/* The FIN leaves: the state that follows (RFC 9293 3.10.4). */
static void fin_sent(struct worker *w, struct tcp_conn *c)
{
	c->flags |= TCP_CONN_FIN_SENT;
	c->snd_nxt++;
	if (c->state == TCP_CLOSE_WAIT)
		tcp_state_set(w, c, TCP_LAST_ACK);
	else
		tcp_state_set(w, c, TCP_FIN_WAIT_1);
}

/* Sends the next @bytes of new data, and FIN behind them if @fin; @last: nothing else waits. False:
 * no record is left. */
static __rte_always_inline bool send_one(
	struct worker *w, struct tcp_conn *c, uint32_t bytes, bool fin, bool last)
{
	struct tcp_worker *t = w->tcp;
	struct tcp_range range = {c->snd_nxt, c->snd_nxt + bytes + fin};
	struct tcp_say say = {
		.seq = c->snd_nxt,
		.offset = c->snd_nxt - c->snd_una,
		.bytes = bytes,
		.flags = flags_of(c),
	};

	if (UNLIKELY(tcp_recovery_on_send(&c->busy->rec, &t->segments, range,
			     fin ? TCP_SEGMENT_FIN : 0, w->now_ns) < 0)) {
		tcp_stats(w)->limit_send++;
		return false;
	}
	if (last && bytes)
		say.flags |= RTE_TCP_PSH_FLAG;
	/* A window probe may not be marked, and is not what tells of a reduction (RFC 3168 6.1.6).
	 */
	if (UNLIKELY((c->flags & (TCP_CONN_ECN | TCP_CONN_PROBING)) == TCP_CONN_ECN) && bytes) {
		say.ecn = ECT0;
		say.flags |= c->flags & TCP_CONN_CWR ? RTE_TCP_CWR_FLAG : 0;
		c->flags &= ~(uint32_t)TCP_CONN_CWR;
	}
	/* When nothing was out, the peer has nothing to acknowledge until now. */
	if (c->snd_nxt == c->snd_una)
		c->busy->progress_at = tcp_now(w);
	c->snd_nxt += bytes;
	if (fin) {
		say.flags |= RTE_TCP_FIN_FLAG;
		fin_sent(w, c);
	}
	/* Without a buffer it counts as sent and lost. */
	tcp_emit(w, c, &say);
	c->busy->prr_out += bytes;
	c->flags |= TCP_CONN_SENT;
	c->sent_at = tcp_now(w);
	return true;
}

static bool send_segment(struct worker *w, struct tcp_conn *c, uint32_t bytes, bool fin)
{
	return send_one(w, c, bytes, fin, bytes == tcp_unsent_bytes(c));
}

/* RFC 5681 4.1: after a pause the window starts small again. */
static void restart_after_idle(struct worker *w, struct tcp_conn *c)
{
	uint32_t idle = tcp_now(w) - c->sent_at;

	if (LIKELY(idle < IDLE_TICKS_MIN) || c->sent_at == 0 || c->busy->rec.n_segments != 0)
		return;
	if ((uint64_t)idle * (WHEEL_TICK_NS / NSEC_PER_USEC) > tcp_recovery_rto_us(&c->path))
		w->tcp->cc->on_idle(&c->busy->cc, c->mss_bytes);
}

/* Silly window avoidance (RFC 9293 3.8.6.2.1): whether @bytes of @unsent are worth a segment. */
static inline bool is_worth_it(
	const struct tcp_conn *c, uint32_t bytes, uint32_t unsent, uint32_t mss)
{
	return bytes == mss || bytes == unsent || bytes >= c->snd_wnd_max / 2;
}

/* Looks after @c again when there may be memory: no acknowledgement will come to do it. After the
 * ACK of this turn, which ends its own timer. */
static void again_soon(struct worker *w, struct tcp_conn *c)
{
	c->flags &= ~(uint32_t)TCP_CONN_AGAIN;
	c->ack_at = tcp_at(w, SERVICE_AGAIN_NS);
	tcp_timer_arm(w, c, c->ack_at);
}

/* Tries a segment as large as the way out carries, when the path MTU was lowered long ago (RFC 1191
 * 6.3): one, which is sent again in pieces if it is lost (RFC 4821 7.4). How many bytes. */
static uint32_t try_larger(struct worker *w, struct tcp_conn *c, uint32_t unsent)
{
	uint32_t mss;

	if ((c->flags & TCP_CONN_MTU_PROBE) || (int32_t)(tcp_now(w) - c->mtu_at) < 0)
		return 0;
	mss = tcp_path_mss(w, c, tcp_path_mtu(w, &c->key, c->iface));
	if (mss <= c->mss_bytes) {
		c->mtu_at = 0;
		return 0;
	}
	if (c->busy->rec.in_recovery || segment_bytes(c) != c->mss_bytes || unsent < mss ||
		window_left(c) < mss || tcp_flight_bytes(c) + mss > c->busy->cc.cwnd_bytes ||
		!tcp_lanes_have_room(w) || !send_segment(w, c, mss, false))
		return 0;
	c->flags |= TCP_CONN_MTU_PROBE;
	c->busy->mtu_probe_end = c->snd_nxt;
	return mss;
}

/* Sends new data and FIN as far as both windows allow. True: the lanes are full. */
static bool send_new(struct worker *w, struct tcp_conn *c)
{
	uint32_t mss = segment_bytes(c), unsent = tcp_unsent_bytes(c);
	bool fin = (c->flags & (TCP_CONN_FIN_WANTED | TCP_CONN_FIN_SENT)) == TCP_CONN_FIN_WANTED;

	if (unsent == 0 && !fin)
		return false;
	if (UNLIKELY(!tcp_busy_take(w->tcp, c))) {
		tcp_stats(w)->limit_send++;
		c->flags |= TCP_CONN_AGAIN;
		return false;
	}
	restart_after_idle(w, c);
	c->flags &= ~(uint32_t)TCP_CONN_CWND_LIMITED;
	if (UNLIKELY(c->mtu_at != 0))
		unsent -= try_larger(w, c, unsent);
	while (unsent != 0 || fin) {
		uint32_t bytes = MIN_OF(MIN_OF(unsent, mss), window_left(c));
		uint32_t flight = tcp_flight_bytes(c);
		/* A FIN does not wait for the window: repeating it asks for one, too. */
		bool with_fin = fin && bytes == unsent;

		if (!with_fin && (bytes == 0 || !is_worth_it(c, bytes, unsent, mss)))
			break;
		if (flight != 0 && flight + bytes > c->busy->cc.cwnd_bytes) {
			c->flags |= TCP_CONN_CWND_LIMITED;
			break;
		}
		if (UNLIKELY(!tcp_lanes_have_room(w)))
			return true;
		if (UNLIKELY(!send_segment(w, c, bytes, with_fin))) {
			if (c->busy->rec.n_segments == 0)
				c->flags |= TCP_CONN_AGAIN;
			break;
		}
		unsent -= bytes;
		fin = fin && !with_fin;
	}
	return false;
}

/* Whether all that waits to be sent fits one segment and the peer's window, and nothing is out: the
 * congestion window is no question then. */
static inline bool is_reply(const struct tcp_conn *c)
{
	const struct tcp_busy *b = c->busy;

	return c->state == TCP_ESTABLISHED && b->send.bytes != 0 && c->snd_nxt == c->snd_una &&
	       b->send.bytes <= MIN_OF((uint32_t)c->mss_bytes, c->snd_wnd) &&
	       b->rec.n_segments == 0 && b->recv.n_ranges == 0 && c->mtu_at == 0 &&
	       !(c->flags & (TCP_CONN_FIN_WANTED | TCP_CONN_DSACK | TCP_CONN_PROBING));
}

/* What send_new comes to for such a one. The lanes have room for one packet whenever a connection
 * is looked after. */
static inline void send_reply(struct worker *w, struct tcp_conn *c)
{
	restart_after_idle(w, c);
	c->flags &= ~(uint32_t)TCP_CONN_CWND_LIMITED;
	if (UNLIKELY(!send_one(w, c, c->busy->send.bytes, false, true)))
		c->flags |= TCP_CONN_AGAIN;
}

/* Acknowledges what came, now or a little later (RFC 9293 3.8.6.3, RFC 5681 4.2). */
static inline void acknowledge(struct worker *w, struct tcp_conn *c)
{
	if (c->flags & TCP_CONN_ACK_NOW) {
		send_ack(w, c);
		return;
	}
	if (LIKELY(c->rcv_nxt == c->ack_sent))
		return;
	if (c->quick_acks > 0 || c->rcv_nxt - c->ack_sent >= tcp_ack_bytes(c)) {
		send_ack(w, c);
	} else if (c->ack_at == 0) {
		c->ack_at = tcp_at(w, TCP_DELACK_MS * NSEC_PER_MSEC);
		tcp_timer_arm(w, c, c->ack_at);
	}
}

bool tcp_output(struct worker *w, struct tcp_conn *c)
{
	struct tcp_burst *burst = &w->tcp->burst;
	bool full = false;

	if (UNLIKELY(tcp_syn_is_out(c))) {
		if (c->state == TCP_SYN_RECEIVED && (c->flags & TCP_CONN_ACK_NOW))
			send_ack(w, c);
		return false;
	}
	burst->conn = c;
	burst->way_known = false;
	if (LIKELY(is_reply(c))) {
		send_reply(w, c);
	} else if (!(c->flags & TCP_CONN_PROBING)) {
		if (UNLIKELY(c->busy->rec.lost_first != 0))
			full = send_lost(w, c);
		/* New data waits while old is lost (RFC 6675 5 (C)). */
		if (!full && c->busy->rec.lost_first == 0)
			full = send_new(w, c);
	}
	if (UNLIKELY(burst->head != NULL))
		tcp_burst_end(w);
	burst->conn = NULL;
	acknowledge(w, c);
	if (UNLIKELY((c->flags & TCP_CONN_AGAIN) ||
		     ((c->flags & TCP_CONN_WANT_WRITE) && c->busy->send.bytes == 0)))
		again_soon(w, c);
	tcp_timer_rexmit(w, c);
	return full;
}

void tcp_output_tail(struct worker *w, struct tcp_conn *c)
{
	struct tcp_segment_pool *pool = &w->tcp->segments;
	uint32_t mss = segment_bytes(c);
	uint32_t bytes = MIN_OF(MIN_OF(tcp_unsent_bytes(c), mss), window_left(c));
	struct tcp_segment *last;

	/* RFC 8985 7.3: new data if there is any, else the last segment. */
	if (bytes != 0 && send_segment(w, c, bytes, false)) {
		tcp_recovery_on_probe(&c->busy->rec, pool, false);
		return;
	}
	last = tcp_recovery_last(&c->busy->rec, pool);
	if (!last || (last->flags & (TCP_SEGMENT_SACKED | TCP_SEGMENT_SYN)))
		return;
	if (last->end - last->start - !!(last->flags & TCP_SEGMENT_FIN) > mss) {
		if ((c->flags & TCP_CONN_MTU_PROBE) && last->end == c->busy->mtu_probe_end)
			tcp_path_wait(w, c);
		if (tcp_recovery_split(&c->busy->rec, pool, last, last->end - mss) < 0)
			return;
		last = tcp_recovery_last(&c->busy->rec, pool);
	}
	if (retransmit(w, c, last))
		tcp_recovery_on_probe(&c->busy->rec, pool, true);
}

void tcp_output_head(struct worker *w, struct tcp_conn *c)
{
	struct tcp_segment_pool *pool = &w->tcp->segments;
	struct tcp_segment *s = tcp_recovery_next_lost(&c->busy->rec, pool);
	uint32_t mss = segment_bytes(c);

	if (!s)
		return;
	tcp_recovery_join(&c->busy->rec, pool, s, mss);
	if (cut(w, c, s, mss))
		retransmit(w, c, s);
}

void tcp_output_window_probe(struct worker *w, struct tcp_conn *c)
{
	struct tcp_segment_pool *pool = &w->tcp->segments;
	uint32_t unsent = tcp_unsent_bytes(c), left = window_left(c);

	if (c->busy->n_probes < TCP_RTO_BACKOFF_MAX)
		c->busy->n_probes++;
	tcp_stats(w)->window_probes++;
	if (c->flags & TCP_CONN_PROBING) {
		struct tcp_segment *s = tcp_recovery_first(&c->busy->rec, pool);

		if (s)
			retransmit(w, c, s);
		return;
	}
	if (unsent == 0)
		return;
	/* The little that fits, else one byte more than that (RFC 9293 3.8.6.1). */
	if (left == 0)
		c->flags |= TCP_CONN_PROBING;
	if (!send_segment(w, c, MIN_OF(MIN_OF(MAX_OF(left, 1u), unsent), segment_bytes(c)), false))
		c->flags &= ~(uint32_t)TCP_CONN_PROBING;
}

void tcp_output_keepalive(struct worker *w, struct tcp_conn *c)
{
	tcp_stats(w)->keepalive_probes++;
	tcp_emit(w, c, &(struct tcp_say){.seq = c->snd_nxt - 1, .flags = flags_of(c)});
}

void tcp_output_syn(struct worker *w, struct tcp_conn *c)
{
	struct tcp_segment_pool *pool = &w->tcp->segments;
	bool passive = c->state == TCP_SYN_RECEIVED;
	uint32_t allowed = passive ? c->flags : TCP_CONN_WSCALE | TCP_CONN_SACK | TCP_CONN_TS;
	struct tcp_options o = tcp_open_offer(w, c->own_mss_bytes, allowed);
	uint8_t flags = RTE_TCP_SYN_FLAG | (passive ? RTE_TCP_ACK_FLAG : 0);
	struct tcp_segment *s;

	o.ts_val = tcp_ts_now(w, c->ts_offset);
	o.ts_ecr = passive ? c->ts_recent : 0;
	/* RFC 3168 6.1.1: not again, in case that is why there was no answer. */
	if (c->busy->n_timeouts == 0 && !passive)
		flags |= RTE_TCP_ECE_FLAG | RTE_TCP_CWR_FLAG;
	else if (c->busy->n_timeouts <= 1 && passive && (c->flags & TCP_CONN_ECN))
		flags |= RTE_TCP_ECE_FLAG;
	if (c->snd_nxt == c->snd_una) {
		struct tcp_range range = {c->snd_una, c->snd_una + 1};

		c->snd_nxt++;
		c->busy->progress_at = tcp_now(w);
		/* Without a record it is only not measured. */
		if (tcp_recovery_on_send(&c->busy->rec, pool, range, TCP_SEGMENT_SYN, w->now_ns) <
			0)
			tcp_stats(w)->limit_send++;
	} else {
		s = tcp_recovery_first(&c->busy->rec, pool);
		if (s)
			tcp_recovery_on_retransmit(&c->busy->rec, pool, s, w->now_ns);
		tcp_stats(w)->retransmitted++;
		c->retransmitted++;
	}
	tcp_emit_syn(w, c, flags, &o);
	c->rexmit_kind = TCP_REXMIT_RTO;
	c->rexmit_at = tcp_at(w, tcp_recovery_rto_us(&c->path) * NSEC_PER_USEC);
	tcp_timer_arm(w, c, c->rexmit_at);
}

void tcp_output_challenge(struct worker *w, struct tcp_conn *c)
{
	uint32_t now = tcp_now(w);

	/* RFC 5961 7, but no limit that others can watch (CVE-2016-5696). */
	if (c->challenge_at == 0 || (int32_t)(now - c->challenge_at) >= 0) {
		uint64_t ms = TCP_CHALLENGE_MS + worker_random(w) % TCP_CHALLENGE_MS;

		c->challenge_at = tcp_at(w, ms * NSEC_PER_MSEC);
		c->n_challenges = 0;
	}
	if (c->n_challenges >= TCP_CHALLENGES) {
		tcp_stats(w)->challenge_acks_limited++;
		return;
	}
	c->n_challenges++;
	tcp_stats(w)->challenge_acks++;
	send_ack(w, c);
}

void tcp_output_reset(struct worker *w, struct tcp_conn *c)
{
	tcp_stats(w)->tx_resets++;
	tcp_emit(w, c,
		&(struct tcp_say){.seq = c->snd_nxt, .flags = RTE_TCP_RST_FLAG | RTE_TCP_ACK_FLAG});
}
