/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * NewReno's windows (RFC 5681 3.1, 3.2; RFC 6582); bytes are counted as they are acknowledged (RFC
 * 3465). Thread: worker.
 */
#include "dataplane/tcp/tcp_cc.h"

static void newreno_on_ack(struct tcp_cc *cc, const struct tcp_cc_event *e)
{
	uint32_t acked = e->acked_bytes;

	if (!e->cwnd_limited)
		return;
	if (cc->cwnd_bytes < cc->ssthresh_bytes)
		acked = tcp_cc_slow_start(cc, e);
	if (cc->cwnd_bytes < cc->ssthresh_bytes)
		return;
	/* RFC 3465 2.1: a segment more for each window that was acknowledged. */
	cc->acked_bytes += acked;
	if (cc->acked_bytes >= cc->cwnd_bytes) {
		cc->acked_bytes -= cc->cwnd_bytes;
		cc->acked_bytes = MIN_OF(cc->acked_bytes, cc->cwnd_bytes);
		cc->cwnd_bytes =
			MIN_OF(cc->cwnd_bytes + e->mss_bytes, (uint32_t)TCP_CC_CWND_MAX_BYTES);
	}
}

/* RFC 5681 (4). */
static uint32_t half(const struct tcp_cc_event *e)
{
	return MAX_OF(e->in_flight_bytes / 2, 2 * e->mss_bytes);
}

static void newreno_on_congestion(struct tcp_cc *cc, const struct tcp_cc_event *e, bool ecn)
{
	tcp_cc_remember(cc);
	cc->ssthresh_bytes = half(e);
	cc->acked_bytes = 0;
	if (ecn)
		cc->cwnd_bytes = MIN_OF(cc->cwnd_bytes, cc->ssthresh_bytes);
}

static void newreno_on_timeout(struct tcp_cc *cc, const struct tcp_cc_event *e)
{
	if (cc->cwnd_bytes > e->mss_bytes) {
		tcp_cc_remember(cc);
		cc->ssthresh_bytes = half(e);
	}
	cc->cwnd_bytes = e->mss_bytes;
	cc->acked_bytes = 0;
}

static void newreno_on_undo(struct tcp_cc *cc)
{
	tcp_cc_restore(cc);
}

const struct tcp_cc_algorithm tcp_cc_newreno = {
	.name = "newreno",
	.on_ack = newreno_on_ack,
	.on_congestion = newreno_on_congestion,
	.on_timeout = newreno_on_timeout,
	.on_idle = tcp_cc_restart,
	.on_undo = newreno_on_undo,
};
