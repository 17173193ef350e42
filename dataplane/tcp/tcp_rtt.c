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
