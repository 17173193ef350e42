/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Congestion control behind one const table per algorithm: NewReno (RFC 5681, 6582) and CUBIC (RFC
 * 9438). The engine says what happened, the algorithm sets cwnd and ssthresh. Bytes throughout.
 * Pure but for the state given. Thread: worker.
 */
#ifndef DATAPLANE_TCP_TCP_CC_H
#define DATAPLANE_TCP_TCP_CC_H

#include "lib/base/base.h"

#define TCP_CC_INITIAL_SEGMENTS 10 /* RFC 6928 */
#define TCP_CC_BURST_SEGMENTS   8  /* per ACK in slow start, without pacing (RFC 9406 4.3: L) */
#define TCP_CC_CWND_MAX_BYTES   (1u << 30) /* the largest window of RFC 7323 2.3 */

/* Part of every connection: 40 bytes. */
struct tcp_cc {
	uint32_t cwnd_bytes;
	uint32_t ssthresh_bytes; /* UINT32_MAX: never lost anything */
	uint32_t acked_bytes;    /* fraction of the next increase (RFC 3465) */
	/* CUBIC only. */
	uint32_t w_max_bytes;
	uint32_t w_est_bytes; /* what Reno would have */
	uint32_t k_ms;        /* time until w_max is reached again */
	uint32_t epoch_ms;    /* start of this congestion avoidance; 0: not yet */
	/* Before the last decrease, to undo it. */
	uint32_t prior_cwnd_bytes;
	uint32_t prior_ssthresh_bytes;
	uint32_t prior_w_max_bytes;
};
_Static_assert(sizeof(struct tcp_cc) == 40, "part of every connection");

/* What an acknowledgement or a loss is told with. */
struct tcp_cc_event {
	uint64_t now_ns;
	uint32_t acked_bytes;     /* newly acknowledged or selectively acknowledged */
	uint32_t in_flight_bytes; /* sent and not acknowledged before this event: FlightSize */
	uint32_t mss_bytes;
	uint32_t srtt_us;
	bool cwnd_limited; /* the window was used up (RFC 7661: otherwise it does not grow) */
};

struct tcp_cc_algorithm {
	const char *name;
	/* New data was acknowledged outside of recovery, or after the retransmission timer's. */
	void (*on_ack)(struct tcp_cc *cc, const struct tcp_cc_event *e);
	/* Entering recovery for loss, or once per window for an ECN echo (RFC 3168 6.1.2; CUBIC's
	 * beta for both). Sets ssthresh; cwnd too when @ecn: during recovery it is the engine's,
	 * which ends with cwnd = ssthresh (RFC 6675 5, 6582 3.2). */
	void (*on_congestion)(struct tcp_cc *cc, const struct tcp_cc_event *e, bool ecn);
	/* The retransmission timer fired: cwnd becomes one segment; ssthresh is set the first time
	 * only (RFC 5681 3.1 (4)). */
	void (*on_timeout)(struct tcp_cc *cc, const struct tcp_cc_event *e);
	/* The connection was idle for longer than an RTO (RFC 5681 4.1). */
	void (*on_idle)(struct tcp_cc *cc, uint32_t mss_bytes);
	/* The loss was spurious: back to what was before (RFC 5681 end of 3.2, Eifel response). */
	void (*on_undo)(struct tcp_cc *cc);
};

extern const struct tcp_cc_algorithm tcp_cc_newreno;
extern const struct tcp_cc_algorithm tcp_cc_cubic;

/* The initial window of RFC 6928 for segments of @mss_bytes. */
void tcp_cc_init(struct tcp_cc *cc, uint32_t mss_bytes);

/* What on_ack comes to while the window is not used up: it does not grow (RFC 7661), and the time
 * does not count for CUBIC (RFC 9438 5.8): its curve goes on from where it is. */
static inline void tcp_cc_not_limited(struct tcp_cc *cc)
{
	cc->epoch_ms = 0;
}

/* For algorithms: slow start up to ssthresh (RFC 5681 3.1, RFC 3465 2.2). Acknowledged bytes that
 * are left for congestion avoidance. */
uint32_t tcp_cc_slow_start(struct tcp_cc *cc, const struct tcp_cc_event *e);

/* For algorithms: notes the windows before a decrease. */
void tcp_cc_remember(struct tcp_cc *cc);

/* For algorithms: back to what was noted, once, and never downwards. Whether there was anything. */
bool tcp_cc_restore(struct tcp_cc *cc);

/* For algorithms: the restart window of RFC 5681 4.1. */
void tcp_cc_restart(struct tcp_cc *cc, uint32_t mss_bytes);

/* The integer cube root, rounded down. */
uint32_t tcp_cubic_root(uint64_t x);

/* K of RFC 9438 (2): how long from @cwnd_bytes to @w_max_bytes. */
uint32_t tcp_cubic_k_ms(uint32_t w_max_bytes, uint32_t cwnd_bytes, uint32_t mss_bytes);

/* W_cubic of RFC 9438 (1) at @t_ms after the epoch began. */
uint32_t tcp_cubic_window_bytes(const struct tcp_cc *cc, uint64_t t_ms, uint32_t mss_bytes);

#endif
