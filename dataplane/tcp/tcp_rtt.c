/* SPDX-License-Identifier: BSD-3-Clause */
/* Round-trip times and the timeouts made of them (RFC 6298, RFC 8985 7.2). Thread: worker. */
#include "dataplane/tcp/tcp_recovery_impl.h"

#define MIN_RTT_S 10 /* a path may have become longer: older minima are forgotten */

void tcp_rtt_min(struct tcp_path *path, uint32_t rtt_us, uint64_t now_ns)
{
	uint8_t now_s = (uint8_t)(now_ns / NSEC_PER_SEC);

	if (path->min_rtt_us != 0 && rtt_us > path->min_rtt_us &&
		(uint8_t)(now_s - path->min_rtt_s) < MIN_RTT_S)
		return;
	path->min_rtt_us = rtt_us;
	path->min_rtt_s = now_s;
}

void tcp_recovery_on_rtt(struct tcp_path *path, uint32_t rtt_us, uint64_t now_ns)
{
	uint32_t rtt = MAX_OF(MIN_OF(rtt_us, (uint32_t)TCP_RTO_MAX_US), 1u);
	uint32_t delta = rtt > path->srtt_us ? rtt - path->srtt_us : path->srtt_us - rtt;

	/* Rounded to the nearest, lest small round trips stick where they began. */
	if (path->srtt_us == 0) {
		path->srtt_us = rtt;
		path->rttvar_us = rtt / 2;
	} else {
		path->rttvar_us = (3 * path->rttvar_us + delta + 2) / 4;
		path->srtt_us = MAX_OF((7 * path->srtt_us + rtt + 4) / 8, 1u);
	}
	path->rto_backoff = 0;
	tcp_rtt_min(path, rtt, now_ns);
}

uint64_t tcp_recovery_rto_us(const struct tcp_path *path)
{
	uint64_t rto = TCP_RTO_INITIAL_US;

	/* The least applies to the variance (RFC 6298's G), as hosts do: a steady path just below
	 * it must not time out whenever an acknowledgement is delayed. */
	if (path->srtt_us != 0)
		rto = path->srtt_us +
		      MAX_OF(4 * (uint64_t)path->rttvar_us, (uint64_t)TCP_RTO_MIN_US);
	return MIN_OF(rto << path->rto_backoff, (uint64_t)TCP_RTO_MAX_US);
}

uint64_t tcp_recovery_pto_us(const struct tcp_path *path, bool one_segment)
{
	uint64_t pto = TCP_RTO_INITIAL_US;
	uint64_t rto = tcp_recovery_rto_us(path);

	if (path->srtt_us != 0)
		pto = 2 * (uint64_t)path->srtt_us + (one_segment ? TCP_ACK_DELAY_US : 0);
	return MIN_OF(pto, rto);
}
