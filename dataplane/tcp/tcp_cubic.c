/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CUBIC (RFC 9438) in integers: bytes for segments, milliseconds for seconds. C is 0.4 and beta 0.7
 * (RFC 9438 4.1, 4.6). Thread: worker.
 */
#include "dataplane/tcp/tcp_cc.h"

#define BETA_NUM 7 /* beta is 7 / 10 */
#define BETA_DEN 10
/* (1 + beta) / 2 of fast convergence (RFC 9438 4.7). */
#define FAST_NUM 17
#define FAST_DEN 20
/* 3 (1 - beta) / (1 + beta) of the Reno-friendly region (RFC 9438 4.3). */
#define ALPHA_NUM 9
#define ALPHA_DEN 17
/* The curve is not followed further than this, which is 1 GB of large segments beyond its middle
 * and keeps the cube within 64 bits. */
#define AWAY_MS_MAX (1 << 17)
/* The window is looked at anew when this part of it was acknowledged, so that a step of a large
 * one is not lost in rounding. */
#define STEPS_PER_WINDOW 32

uint32_t tcp_cubic_root(uint64_t x)
{
	uint64_t root = 0;

	/* One bit at a time; the root of 2^64 - 1 has 22. */
	for (int bit = 21; bit >= 0; bit--) {
		uint64_t next = root | 1ULL << bit;

		if (next * next * next <= x && next <= 2642245)
			root = next;
	}
	return (uint32_t)root;
}

uint32_t tcp_cubic_k_ms(uint32_t w_max_bytes, uint32_t cwnd_bytes, uint32_t mss_bytes)
{
	uint64_t below = w_max_bytes > cwnd_bytes ? w_max_bytes - cwnd_bytes : 0;

	/* RFC 9438 (2): cube root of segments / C, in seconds; 10^9 under the root makes it ms. */
	return tcp_cubic_root(below * (NSEC_PER_SEC * 10 / 4) / mss_bytes);
}

uint32_t tcp_cubic_window_bytes(const struct tcp_cc *cc, uint64_t t_ms, uint32_t mss_bytes)
{
	bool before = t_ms < cc->k_ms;
	uint64_t away_ms = before ? cc->k_ms - t_ms : t_ms - cc->k_ms;
	uint64_t away_bytes;

	away_ms = MIN_OF(away_ms, (uint64_t)AWAY_MS_MAX);
	/* RFC 9438 (1): C (t - K)^3 segments; 0.4 / 10^9 in two steps. */
	away_bytes = away_ms * away_ms * away_ms * 4 / 10000 * mss_bytes / 1000000;
	if (before)
		return cc->w_max_bytes > away_bytes ? cc->w_max_bytes - (uint32_t)away_bytes : 0;
	return (uint32_t)MIN_OF(cc->w_max_bytes + away_bytes, (uint64_t)TCP_CC_CWND_MAX_BYTES);
}

/* Milliseconds since start, never 0. */
static uint32_t clock_ms(const struct tcp_cc_event *e)
{
	uint32_t ms = (uint32_t)(e->now_ns / NSEC_PER_MSEC);

	return ms != 0 ? ms : 1;
}

static void epoch_start(struct tcp_cc *cc, const struct tcp_cc_event *e)
{
	cc->epoch_ms = clock_ms(e);
	cc->w_max_bytes = MAX_OF(cc->w_max_bytes, cc->cwnd_bytes);
	cc->k_ms = tcp_cubic_k_ms(cc->w_max_bytes, cc->cwnd_bytes, e->mss_bytes);
	cc->w_est_bytes = cc->cwnd_bytes;
	cc->acked_bytes = 0;
}

/* RFC 9438 (4): what Reno would have; like Reno itself from the window before the loss on. */
static void estimate_reno(struct tcp_cc *cc, uint32_t acked, uint32_t mss_bytes)
{
	bool caught_up = cc->w_est_bytes >= cc->prior_cwnd_bytes;
	uint64_t num = (uint64_t)acked * mss_bytes * (caught_up ? 1 : ALPHA_NUM);
	uint64_t den = (uint64_t)cc->cwnd_bytes * (caught_up ? 1 : ALPHA_DEN);
	uint64_t w_est = cc->w_est_bytes + (num + den / 2) / den;

	cc->w_est_bytes = (uint32_t)MIN_OF(w_est, (uint64_t)TCP_CC_CWND_MAX_BYTES);
}

static void cubic_avoid(struct tcp_cc *cc, const struct tcp_cc_event *e, uint32_t acked)
{
	uint32_t cwnd = cc->cwnd_bytes;
	uint64_t t_ms, target, grow;

	if (cc->epoch_ms == 0)
		epoch_start(cc, e);
	cc->acked_bytes += acked;
	if (cc->acked_bytes < cwnd / STEPS_PER_WINDOW)
		return;
	acked = MIN_OF(cc->acked_bytes, cwnd);
	cc->acked_bytes = 0;
	estimate_reno(cc, acked, e->mss_bytes);
	t_ms = clock_ms(e) - cc->epoch_ms;
	target = tcp_cubic_window_bytes(cc, t_ms, e->mss_bytes);
	if (target < cc->w_est_bytes) {
		cc->cwnd_bytes = MAX_OF(cwnd, cc->w_est_bytes);
		return;
	}
	/* RFC 9438 4.2: where the curve is one round trip later, at most half as much again. */
	target = tcp_cubic_window_bytes(cc, t_ms + e->srtt_us / 1000, e->mss_bytes);
	target = MIN_OF(target, cwnd + (uint64_t)cwnd / 2);
	if (target <= cwnd)
		return;
	grow = ((target - cwnd) * acked + cwnd / 2) / cwnd;
	cc->cwnd_bytes = (uint32_t)MIN_OF(cwnd + grow, (uint64_t)TCP_CC_CWND_MAX_BYTES);
}

static void cubic_on_ack(struct tcp_cc *cc, const struct tcp_cc_event *e)
{
	uint32_t acked = e->acked_bytes;

	if (!e->cwnd_limited) {
		tcp_cc_not_limited(cc);
		return;
	}
	if (cc->cwnd_bytes < cc->ssthresh_bytes)
		acked = tcp_cc_slow_start(cc, e);
	if (cc->cwnd_bytes >= cc->ssthresh_bytes && acked > 0)
		cubic_avoid(cc, e, acked);
}

/* RFC 9438 4.6 and 4.7. */
static void decrease(struct tcp_cc *cc, const struct tcp_cc_event *e, uint32_t least_bytes)
{
	uint32_t cwnd = cc->cwnd_bytes;
	uint32_t flight = MIN_OF(e->in_flight_bytes, cwnd);

	tcp_cc_remember(cc);
	cc->w_max_bytes =
		cwnd < cc->w_max_bytes ? (uint32_t)((uint64_t)cwnd * FAST_NUM / FAST_DEN) : cwnd;
	cc->ssthresh_bytes = (uint32_t)((uint64_t)flight * BETA_NUM / BETA_DEN);
	cc->ssthresh_bytes = MAX_OF(cc->ssthresh_bytes, least_bytes);
	cc->epoch_ms = 0;
	cc->acked_bytes = 0;
}

static void cubic_on_congestion(struct tcp_cc *cc, const struct tcp_cc_event *e, bool ecn)
{
	decrease(cc, e, ecn ? e->mss_bytes : 2 * e->mss_bytes);
	if (ecn)
		cc->cwnd_bytes = MIN_OF(cc->cwnd_bytes, cc->ssthresh_bytes);
}

static void cubic_on_timeout(struct tcp_cc *cc, const struct tcp_cc_event *e)
{
	if (cc->cwnd_bytes > e->mss_bytes)
		decrease(cc, e, 2 * e->mss_bytes);
	/* RFC 9438 4.8: the next curve has its middle where it begins. */
	cc->w_max_bytes = 0;
	cc->cwnd_bytes = e->mss_bytes;
	cc->epoch_ms = 0;
	cc->acked_bytes = 0;
}

static void cubic_on_idle(struct tcp_cc *cc, uint32_t mss_bytes)
{
	tcp_cc_restart(cc, mss_bytes);
	cc->epoch_ms = 0;
}

/* RFC 9438 4.9: a new epoch towards the old maximum continues the curve where it was left. */
static void cubic_on_undo(struct tcp_cc *cc)
{
	if (tcp_cc_restore(cc))
		cc->epoch_ms = 0;
}

const struct tcp_cc_algorithm tcp_cc_cubic = {
	.name = "cubic",
	.on_ack = cubic_on_ack,
	.on_congestion = cubic_on_congestion,
	.on_timeout = cubic_on_timeout,
	.on_idle = cubic_on_idle,
	.on_undo = cubic_on_undo,
};
