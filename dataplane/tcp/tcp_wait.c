/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TIME-WAIT (RFC 9293 3.10.7.4): acknowledges what comes late, ignores resets (RFC 1337), and lets
 * a SYN reuse the connection's ends when it is certainly newer (RFC 6191). Thread: worker.
 */
#include "dataplane/tcp/tcp_impl.h"

/* Says once more what the connection acknowledged last. */
static void acknowledge(struct worker *w, struct tcp_seg *s, const struct tcp_time_wait *r)
{
	struct tcp_options o = {
		.has_ts = r->expiry_s & TCP_TIME_WAIT_HAS_TS,
		.ts_val = tcp_ts_now(w, r->ts_offset),
		.ts_ecr = r->ts_recent,
	};

	tcp_emit_bare(w, s,
		&(struct tcp_bare){
			.seq = r->snd_nxt,
			.ack = r->rcv_nxt,
			.flags = RTE_TCP_ACK_FLAG,
		},
		&o);
}

bool tcp_wait_arrives(struct worker *w, struct tcp_seg *s, struct tcp_time_wait *r, uint32_t *isn)
{
	if (s->flags & RTE_TCP_RST_FLAG) {
		s->reason = DROP_tcp_bad_reset;
		return true;
	}
	if ((s->flags & (RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG)) == RTE_TCP_SYN_FLAG &&
		tcp_time_wait_reusable(r, s->seq, &s->options)) {
		/* RFC 9293 3.10.7.4: larger than anything the old one sent. */
		*isn = r->snd_nxt + 65536 * 2;
		tcp_time_waits_del(w->tcp->time_waits, r);
		tcp_stats(w)->in_time_wait = tcp_time_waits_count(w->tcp->time_waits);
		tcp_stats(w)->time_waits_reused++;
		return false;
	}
	/* A bare ACK is not answered: two ends in TIME-WAIT would never stop. */
	if (s->bytes == 0 && !(s->flags & (RTE_TCP_SYN_FLAG | RTE_TCP_FIN_FLAG)))
		return true;
	if (s->flags & RTE_TCP_FIN_FLAG)
		tcp_time_waits_restart(r, (uint32_t)(w->now_ns / NSEC_PER_SEC));
	acknowledge(w, s, r);
	if (s->flags & RTE_TCP_SYN_FLAG)
		s->reason = DROP_tcp_syn_challenged;
	return true;
}
