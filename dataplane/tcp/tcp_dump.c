/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections as `show conns` tells of them. Thread: worker. */
#include "dataplane/tcp/tcp_impl.h"

#define SCAN_MAX 512 /* places looked at per call, each a cache miss */

_Static_assert(API_CONN_STATES == STATS_TCP_STATES_MAX &&
		       API_CONN_ESTABLISHED == (unsigned)TCP_ESTABLISHED &&
		       API_CONN_LAST_ACK == (unsigned)TCP_LAST_ACK &&
		       API_CONN_TIME_WAIT == (unsigned)TCP_TIME_WAIT,
	"every state is told and counted");

const char *tcp_state_name(uint8_t state)
{
	return api_conn_state_name(state);
}

static struct tcp_info info_of(const struct worker *w, const struct tcp_conn *c)
{
	struct tcp_info info = {
		.id = c->id,
		.state = c->state,
		.tag = c->tag,
		.mss_bytes = c->mss_bytes,
		.rtt_us = c->path.srtt_us,
		.rto_us = (uint32_t)tcp_recovery_rto_us(&c->path),
		.cwnd_bytes = tcp_cwnd_bytes(c),
		.snd_wnd_bytes = c->snd_wnd,
		.rcv_wnd_bytes = c->rcv_adv - c->rcv_nxt,
		.unacked_bytes = c->busy->send.bytes,
		.readable_bytes = c->busy->recv.bytes,
		.retransmitted = c->retransmitted,
		.age_s = (uint32_t)(((uint64_t)(tcp_now(w) - c->opened_at) << WHEEL_TICK_SHIFT) /
				    NSEC_PER_SEC),
	};

	tcp_ends_of(c, &info.ends);
	return info;
}

unsigned tcp_dump(struct worker *w, uint32_t *cursor, struct tcp_info *out, unsigned max)
{
	struct tcp_worker *t = w->tcp;
	uint32_t i = *cursor, end;
	unsigned n = 0;

	if (!t || i >= t->limits.conns) {
		*cursor = UINT32_MAX;
		return 0;
	}
	end = MIN_OF(t->limits.conns, i + SCAN_MAX);
	for (; i < end && n < max; i++)
		if (t->conns[i].state != TCP_CLOSED)
			out[n++] = info_of(w, &t->conns[i]);
	*cursor = i < t->limits.conns ? i : UINT32_MAX;
	return n;
}

bool tcp_find(const struct worker *w, const struct tcp_ends *ends, struct tcp_info *out)
{
	const struct tcp_worker *t = w->tcp;
	struct tcp_key k = {
		.family = ends->local.family,
		.local_port_be = ends->local_port_be,
		.remote_port_be = ends->remote_port_be,
	};
	const struct tcp_conn *c;

	memcpy(k.local, ends->local.bytes, sizeof(k.local));
	memcpy(k.remote, ends->remote.bytes, sizeof(k.remote));
	c = t ? tcp_conn_find(t, &k, tcp_key_hash(&k, t->hash_secret)) : NULL;
	if (!c)
		return false;
	*out = info_of(w, c);
	return true;
}
