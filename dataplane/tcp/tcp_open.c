/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What both ways of opening a connection have in common: options, first window, the callback (RFC
 * 9293 3.10.7.3, 3.10.7.4; RFC 7323 2.2, 3.2; RFC 3168 6.1.1). Thread: worker.
 */
#include "dataplane/tcp/tcp_impl.h"
#include "dataplane/tcp/tcp_source.h"

uint16_t tcp_open_mss(uint8_t family, uint32_t mtu)
{
	uint32_t mtu_min = family == 4 ? TCP_MTU_MIN4 : TCP_MTU_MIN6;

	return (uint16_t)tcp_mss_of_mtu(family, MAX_OF(mtu, mtu_min));
}

struct tcp_options tcp_open_offer(const struct worker *w, uint16_t mss_bytes, uint32_t flags)
{
	return (struct tcp_options){
		.has_mss = true,
		.mss_bytes = mss_bytes,
		.has_wscale = flags & TCP_CONN_WSCALE,
		.wscale = w->tcp->rcv_wscale,
		.sack_permitted = flags & TCP_CONN_SACK,
		.has_ts = flags & TCP_CONN_TS,
	};
}

void tcp_open_options(struct worker *w, struct tcp_conn *c, const struct tcp_options *o, bool ecn)
{
	uint16_t mss_default = c->key.family == 4 ? TCP_MSS_DEFAULT4 : TCP_MSS_DEFAULT6;
	uint32_t mtu = tcp_path_mtu(w, &c->key, c->iface), agreed = 0;

	agreed |= o->has_wscale ? TCP_CONN_WSCALE : 0;
	agreed |= o->sack_permitted ? TCP_CONN_SACK : 0;
	agreed |= o->has_ts ? TCP_CONN_TS : 0;
	agreed |= ecn ? TCP_CONN_ECN : 0;
	c->flags &= ~(uint32_t)(TCP_CONN_WSCALE | TCP_CONN_SACK | TCP_CONN_TS | TCP_CONN_ECN);
	c->flags |= agreed;
	c->snd_wscale = o->has_wscale ? o->wscale : 0;
	c->rcv_wscale = o->has_wscale ? w->tcp->rcv_wscale : 0;
	c->peer_mss_bytes = o->has_mss ? o->mss_bytes : mss_default;
	if (o->has_ts) {
		c->ts_recent = o->ts_val;
		c->ts_recent_at = tcp_now(w);
	}
	c->own_mss_bytes = tcp_open_mss(c->key.family, mtu);
	tcp_path_set(w, c, mtu);
}

void tcp_open_init(struct worker *w, struct tcp_conn *c)
{
	struct tcp_cc cc;

	tcp_cc_init(&cc, c->mss_bytes);
	/* RFC 5681 3.1: a lost SYN or SYN-ACK speaks against the initial window. */
	if (c->busy->n_timeouts > 1)
		cc.cwnd_bytes = c->mss_bytes;
	c->cwnd_bytes = cc.cwnd_bytes;
	c->ssthresh_bytes = cc.ssthresh_bytes;
	c->w_max_bytes = cc.w_max_bytes;
	if (tcp_is_busy(c)) {
		c->busy->cc = cc;
		c->busy->n_timeouts = 0;
		c->busy->rec.has_sack = c->flags & TCP_CONN_SACK;
		c->busy->progress_at = tcp_now(w);
	}
	c->snd_wnd_max = MAX_OF(c->snd_wnd_max, c->snd_wnd);
	c->grow_bytes = 0;
	c->grow_at = tcp_now(w);
}

/* Counts @c, which a stranger has opened, for its source. Not before: SYNs can be forged, and would
 * use up the share of whom they name. False: it has as many as it may. */
static bool count_source(struct worker *w, struct tcp_conn *c)
{
	struct tcp_worker *t = w->tcp;

	if (!t->sources || !(c->flags & TCP_CONN_PASSIVE))
		return true;
	if (!tcp_sources_add(t->sources, &c->key, t->hash_secret)) {
		tcp_stats(w)->limit_source++;
		return false;
	}
	c->flags |= TCP_CONN_IN_SOURCE;
	return true;
}

bool tcp_open_established(struct worker *w, struct tcp_conn *c)
{
	if (UNLIKELY(!count_source(w, c))) {
		tcp_output_reset(w, c);
		tcp_conn_end(w, c, TCP_END_ABORTED);
		return false;
	}
	tcp_half_open_del(w->tcp, c);
	tcp_state_set(w, c, TCP_ESTABLISHED);
	if (c->flags & TCP_CONN_PASSIVE)
		tcp_stats(w)->opened_passive++;
	else
		tcp_stats(w)->opened_active++;
	tcp_open_init(w, c);
	c->rexmit_at = 0;
	c->flags |= TCP_CONN_OPENED;
	if (c->app->on_open(w, c) < 0) {
		c->flags &= ~(uint32_t)TCP_CONN_OPENED;
		if (c->state != TCP_CLOSED) {
			tcp_output_reset(w, c);
			tcp_conn_end(w, c, TCP_END_ABORTED);
		}
	}
	if (UNLIKELY(c->state == TCP_CLOSED))
		return false;
	/* The application may have chosen another time. */
	if (c->keep_at == 0)
		tcp_timer_keep(w, c);
	return true;
}
