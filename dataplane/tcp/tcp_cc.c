/* SPDX-License-Identifier: BSD-3-Clause */
/* What all congestion control algorithms have in common. Thread: worker. */
#include "dataplane/tcp/tcp_cc.h"

#define IW_BYTES 14600 /* RFC 6928 2 */

void tcp_cc_init(struct tcp_cc *cc, uint32_t mss_bytes)
{
	uint32_t most = MAX_OF(2 * mss_bytes, (uint32_t)IW_BYTES);

	*cc = (struct tcp_cc){
		.cwnd_bytes = MIN_OF(TCP_CC_INITIAL_SEGMENTS * mss_bytes, most),
		.ssthresh_bytes = UINT32_MAX,
	};
}

uint32_t tcp_cc_slow_start(struct tcp_cc *cc, const struct tcp_cc_event *e)
{
	uint32_t step = MIN_OF(e->acked_bytes, TCP_CC_BURST_SEGMENTS * e->mss_bytes);
	uint32_t room = cc->ssthresh_bytes - cc->cwnd_bytes;
	uint32_t used = MIN_OF(step, room);

	cc->cwnd_bytes = MIN_OF(cc->cwnd_bytes + used, (uint32_t)TCP_CC_CWND_MAX_BYTES);
	return step - used;
}

void tcp_cc_remember(struct tcp_cc *cc)
{
	cc->prior_cwnd_bytes = cc->cwnd_bytes;
	cc->prior_ssthresh_bytes = cc->ssthresh_bytes;
	cc->prior_w_max_bytes = cc->w_max_bytes;
}

bool tcp_cc_restore(struct tcp_cc *cc)
{
	if (cc->prior_cwnd_bytes == 0)
		return false;
	cc->cwnd_bytes = MAX_OF(cc->cwnd_bytes, cc->prior_cwnd_bytes);
	cc->ssthresh_bytes = MAX_OF(cc->ssthresh_bytes, cc->prior_ssthresh_bytes);
	cc->w_max_bytes = cc->prior_w_max_bytes;
	cc->acked_bytes = 0;
	cc->prior_cwnd_bytes = 0;
	return true;
}

void tcp_cc_restart(struct tcp_cc *cc, uint32_t mss_bytes)
{
	struct tcp_cc fresh;

	tcp_cc_init(&fresh, mss_bytes);
	cc->cwnd_bytes = MIN_OF(cc->cwnd_bytes, fresh.cwnd_bytes);
	cc->acked_bytes = 0;
}
