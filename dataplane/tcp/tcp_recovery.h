/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What was sent and not yet acknowledged, one record per segment, and how loss is found in it:
 * selective acknowledgements (RFC 2018, 6675 for the pipe), RACK-TLP (RFC 8985), NewReno's partial
 * acknowledgements for peers without SACK (RFC 6582), round-trip times and RTO (RFC 6298, 7323
 * 4.3). It decides; the engine sends. Thread: worker.
 *
 * A record is outstanding (in the list by time of transmission), lost (in the list of what to send
 * again) or selectively acknowledged (in neither). Neighbours that are selectively acknowledged are
 * made one record, so that the list holds holes, not segments.
 */
#ifndef DATAPLANE_TCP_TCP_RECOVERY_H
#define DATAPLANE_TCP_TCP_RECOVERY_H

#include "dataplane/tcp/tcp_options.h"
#include "lib/base/base.h"

#define TCP_RTO_MIN_US      200000   /* RFC 6298 (2.4) says 1 s; this is what hosts do */
#define TCP_RTO_MAX_US      60000000 /* RFC 6298 (2.5) */
#define TCP_RTO_INITIAL_US  1000000  /* RFC 6298 (2.1) */
#define TCP_RTO_BACKOFF_MAX 15
#define TCP_ACK_DELAY_US    200000 /* RFC 8985 7.2: WCDelAckT */
#define TCP_DUP_THRESHOLD   3      /* RFC 5681 3.2 */
#define TCP_TS_TICK_US      1000   /* of our time stamps (RFC 7323 5.4) */
#define TCP_SEGMENTS_MAX    1024   /* records of one connection: small ones wait to be large ones */
#define TCP_SEGMENTS_SHARE  2      /* ... this part of those free to all, but ... */
#define TCP_SEGMENTS_MIN    3      /* ... so many in any case */
#define TCP_SACK_STEPS_MAX  256    /* records passed per acknowledgement in search of its blocks */

enum tcp_segment_flags {
	TCP_SEGMENT_SACKED = 1,
	TCP_SEGMENT_LOST = 2, /* and not sent again since */
	TCP_SEGMENT_RETRANSMITTED = 4,
	TCP_SEGMENT_FIN = 8, /* its last sequence number is the FIN */
	TCP_SEGMENT_SYN = 16,
};

/* 32 bytes. Ascending by sequence number, without gaps between snd_una and snd_nxt. */
struct tcp_segment {
	uint64_t sent_ns; /* last transmission */
	uint32_t start;
	uint32_t end;
	uint32_t next;      /* index + 1 in the pool, 0: none; by sequence number, a ring */
	uint32_t link_next; /* outstanding or lost: a ring */
	uint32_t link_prev;
	uint8_t flags;
	uint8_t n_sent;    /* saturates */
	uint16_t n_merged; /* segments that this record stands for */
};
_Static_assert(sizeof(struct tcp_segment) == 32, "two records per cache line");

/* Records that nobody uses, per worker. */
struct tcp_segment_pool {
	struct tcp_segment *segments; /* [n_total] */
	uint32_t free;                /* index + 1 */
	uint32_t n_free;
	uint32_t n_total;
	uint32_t n_kept; /* not free to all: the first TCP_SEGMENTS_MIN of each connection */
};

/* Makes @pool of the @n records at @segments, which the caller owns and keeps; none is kept. */
void tcp_segment_pool_init(struct tcp_segment_pool *pool, struct tcp_segment *segments, uint32_t n);

/* What is known of the path to the peer, while nothing is out too; zeroed is nothing. */
struct tcp_path {
	uint32_t srtt_us; /* 0: no sample yet */
	uint32_t rttvar_us;
	uint32_t min_rtt_us;      /* over some seconds; 0: no sample yet */
	uint16_t rto_backoff : 4; /* doublings (RFC 6298 5.5) */
	uint16_t reo_mult : 6;    /* RACK.reo_wnd_mult - 1 */
	uint16_t reo_persist : 5; /* RACK.reo_wnd_persist */
	uint16_t reordering_seen : 1;
	uint8_t min_rtt_s; /* when min_rtt_us was measured, modulo 256 */
	uint8_t pad;
};
_Static_assert(sizeof(struct tcp_path) == 16, "an idle connection is small");

/* While anything is out; empty is zeroed but for @path. The engine sets has_sack and reads the
 * rest. */
struct tcp_recovery {
	struct tcp_path *path;
	uint32_t last;            /* index + 1; its next is the first */
	uint32_t time_first;      /* outstanding, by time of transmission */
	uint32_t lost_first;      /* lost, first to be sent again first */
	uint32_t sack_hint;       /* the furthest record that the search for blocks has passed */
	uint32_t in_flight_bytes; /* RFC 6675 pipe: neither sacked nor lost */
	uint32_t sacked_bytes;
	uint32_t lost_bytes;   /* marked lost and not retransmitted yet */
	uint32_t rack_rtt_us;  /* RFC 8985 RACK.rtt */
	uint64_t rack_sent_ns; /* RACK.xmit_ts; 0: none */
	uint32_t rack_end;     /* RACK.end_seq */
	uint32_t rack_fack;    /* RACK.fack: highest that arrived */
	uint32_t dsack_round;  /* RACK.dsack_round, with in_dsack_round */
	uint32_t probe_end;    /* TLP.end_seq, with probing */
	uint32_t recover_end;  /* RFC 6582 recover, with in_recovery */
	uint16_t n_segments;   /* records */
	uint16_t n_sacked;     /* segments */
	bool has_sack : 1; /* the peer permits SACK: RACK-TLP; otherwise duplicates are counted */
	bool in_recovery : 1; /* from the first loss until recover_end is acknowledged */
	bool after_rto : 1;   /* ... which the retransmission timer found: cwnd grows meanwhile */
	bool has_fack : 1;
	bool in_dsack_round : 1;
	bool probing : 1;             /* a tail loss probe is out */
	bool probe_retransmitted : 1; /* TLP.is_retrans */
	bool undo_open : 1;           /* nothing sent again in this recovery was acknowledged yet */
	uint16_t n_again;             /* sent again in the last recovery, not reported as twice */
	uint32_t recover_start; /* ... which is about what lies between this and recover_end */
};

/* Records that [@start, @end) leaves now for the first time. 0 or -ENOBUFS: send it later, with
 * more, since there are few records left and they are not for one connection alone. */
int tcp_recovery_on_send(struct tcp_recovery *r, struct tcp_segment_pool *pool,
	struct tcp_range range, uint8_t flags, uint64_t now_ns);

/* An acceptable acknowledgement. */
struct tcp_ack {
	uint64_t now_ns;
	uint32_t una;                      /* everything before it arrived */
	uint32_t ts_rtt_us;                /* age of the time stamp that it echoes, 0: none */
	const struct tcp_options *options; /* its SACK blocks */
};

/* What an acknowledgement or RACK's timer changed. One recovery may be left and the next entered at
 * once. */
struct tcp_acked {
	uint32_t acked_bytes;     /* cumulatively, SYN and FIN count one each */
	uint32_t sacked_bytes;    /* newly */
	uint32_t delivered_bytes; /* newly known to have arrived, either way: for struct
				     tcp_cc_event */
	uint32_t lost_bytes;      /* newly marked */
	uint32_t rtt_us;          /* a sample, already taken; 0: none */
	bool dsack;               /* the first block reports a duplicate (RFC 2883) */
	bool retransmission_acked;
	bool recovery_entered;    /* the first loss: tell congestion control */
	bool recovery_left;       /* all that was out when recovery began has arrived */
	bool probe_repaired;      /* a tail loss probe filled a hole: a loss too (RFC 8985 7.4) */
	bool spurious;            /* recovery was not needed (RFC 3522, 3708): undo; it has ended */
	uint64_t rack_timeout_ns; /* when the rest becomes lost unless acknowledged; 0: nothing
				   * waits */
};

/* Everything that @ack says: frees, marks, takes samples. */
void tcp_recovery_on_ack(struct tcp_recovery *r, struct tcp_segment_pool *pool,
	const struct tcp_ack *ack, struct tcp_acked *out);

/* Whether everything up to @una is one record, sent once, all that is out, and nothing is going on:
 * then an acknowledgement of it that has no SACK blocks says nothing else. */
static inline bool tcp_recovery_is_plain(
	const struct tcp_recovery *r, const struct tcp_segment_pool *pool, uint32_t una)
{
	const struct tcp_segment *s;

	if (r->n_segments != 1 || r->in_recovery || r->probing || r->in_dsack_round)
		return false;
	s = &pool->segments[r->last - 1];
	return s->end == una &&
	       !(s->flags & (TCP_SEGMENT_SACKED | TCP_SEGMENT_LOST | TCP_SEGMENT_RETRANSMITTED));
}

/* Such an acknowledgement; the round-trip sample, already taken, in microseconds. */
uint32_t tcp_recovery_on_plain_ack(
	struct tcp_recovery *r, struct tcp_segment_pool *pool, uint64_t now_ns);

/* RACK's reordering timer fired: marks what is late. */
void tcp_recovery_on_rack_timeout(struct tcp_recovery *r, struct tcp_segment_pool *pool,
	uint64_t now_ns, struct tcp_acked *out);

/* The third duplicate acknowledgement from a peer without SACK came: the first segment is lost (RFC
 * 5681 3.2). The next ones follow by partial acknowledgements (RFC 6582 3.2). False: nothing was
 * done, because recovery is on already. */
bool tcp_recovery_on_dup_acks(struct tcp_recovery *r, struct tcp_segment_pool *pool);

/* The retransmission timer fired: the first segment and all that is late are lost (RFC 8985 6.3),
 * without SACK all; a peer that forgot what it had said selectively is believed nothing any more
 * (RFC 2018 8). The timer backs off (RFC 6298 5.5). */
void tcp_recovery_on_rto(struct tcp_recovery *r, struct tcp_segment_pool *pool, uint64_t now_ns);

/* The segment to send again first, NULL: none is lost. It may be larger than what may be sent: see
 * tcp_recovery_split. */
struct tcp_segment *tcp_recovery_next_lost(
	const struct tcp_recovery *r, const struct tcp_segment_pool *pool);

/* The first unacknowledged segment, NULL: none. */
struct tcp_segment *tcp_recovery_first(
	const struct tcp_recovery *r, const struct tcp_segment_pool *pool);

/* The last unacknowledged segment, for tail loss probes; NULL: none. */
struct tcp_segment *tcp_recovery_last(
	const struct tcp_recovery *r, const struct tcp_segment_pool *pool);

/* @s, which is not selectively acknowledged, is being sent again. */
void tcp_recovery_on_retransmit(struct tcp_recovery *r, struct tcp_segment_pool *pool,
	struct tcp_segment *s, uint64_t now_ns);

/* Cuts @s, which is not selectively acknowledged, at @at (inside it) because a smaller segment size
 * is needed. 0 or -ENOBUFS. */
int tcp_recovery_split(
	struct tcp_recovery *r, struct tcp_segment_pool *pool, struct tcp_segment *s, uint32_t at);

/* Makes one record of @s, which is lost, and of those behind it that are lost too, as long as it
 * has at most @payload_bytes. What left in many small segments comes again in few. */
void tcp_recovery_join(struct tcp_recovery *r, struct tcp_segment_pool *pool, struct tcp_segment *s,
	uint32_t payload_bytes);

/* Whether a tail loss probe may be scheduled for what is out (RFC 8985 7.2). */
static inline bool tcp_recovery_may_probe(const struct tcp_recovery *r)
{
	return r->has_sack && r->n_segments > 0 && r->n_sacked == 0 && !r->in_recovery &&
	       !r->probing;
}

/* A tail loss probe left: new data, or the last segment @retransmitted. After the on_send or
 * on_retransmit of it. */
void tcp_recovery_on_probe(
	struct tcp_recovery *r, const struct tcp_segment_pool *pool, bool retransmitted);

/* RTO with backoff applied, in bounds (RFC 6298 2). */
static inline uint64_t tcp_recovery_rto_us(const struct tcp_path *path)
{
	uint64_t rto = TCP_RTO_INITIAL_US;

	/* The least applies to the variance (RFC 6298's G), as hosts do: a steady path just below
	 * it must not time out whenever an acknowledgement is delayed. */
	if (LIKELY(path->srtt_us != 0))
		rto = path->srtt_us +
		      MAX_OF(4 * (uint64_t)path->rttvar_us, (uint64_t)TCP_RTO_MIN_US);
	return MIN_OF(rto << path->rto_backoff, (uint64_t)TCP_RTO_MAX_US);
}

/* How long ago the oldest of what is outstanding was sent; 0: nothing is. */
uint64_t tcp_recovery_age_us(
	const struct tcp_recovery *r, const struct tcp_segment_pool *pool, uint64_t now_ns);

/* Time of the tail loss probe after the last transmission (RFC 8985 7.2), never beyond the RTO.
 * @one_segment: only one is in flight, so the peer may delay its acknowledgement. */
static inline uint64_t tcp_recovery_pto_us(const struct tcp_path *path, bool one_segment)
{
	uint64_t pto = TCP_RTO_INITIAL_US;
	uint64_t rto = tcp_recovery_rto_us(path);

	if (LIKELY(path->srtt_us != 0))
		pto = 2 * (uint64_t)path->srtt_us + (one_segment ? TCP_ACK_DELAY_US : 0);
	return MIN_OF(pto, rto);
}

/* A round-trip sample (RFC 6298 2.2, 2.3); tcp_recovery_on_ack takes its own. */
void tcp_recovery_on_rtt(struct tcp_path *path, uint32_t rtt_us, uint64_t now_ns);

/* The reordering window in microseconds (RFC 8985 6.2 step 4). */
uint32_t tcp_recovery_reo_wnd_us(const struct tcp_recovery *r);

/* Frees all records. What was measured stays. */
void tcp_recovery_clear(struct tcp_recovery *r, struct tcp_segment_pool *pool);

#endif
