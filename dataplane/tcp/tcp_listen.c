/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Segments for no connection of this worker: to a listener they may open one (RFC 9293 3.10.7.2),
 * with state of their own or, beyond the backlog, by a SYN cookie (RFC 4987 3.6); to a connection
 * or listener of another worker they are passed on; all others are refused (3.10.7.1). Thread:
 * worker.
 */
#include "dataplane/ip/ip.h"
#include "dataplane/link/link.h"
#include "dataplane/tcp/tcp_impl.h"
#include "dataplane/tcp/tcp_source.h"

const struct tcp_listener *tcp_listener_find(const struct worker *w, const struct tcp_key *k)
{
	const struct tcp_world *world = w->world->tcp;

	for (uint32_t i = 0; world && i < world->n_listeners; i++) {
		const struct tcp_listener *l = &world->listeners[i];

		if (l->port_be == k->local_port_be && l->addr.family == k->family &&
			memcmp(l->addr.bytes, k->local, sizeof(k->local)) == 0)
			return l;
	}
	return NULL;
}

uint8_t tcp_owner(const struct worker *w, const struct tcp_key *k)
{
	const struct tcp_listener *l = tcp_listener_find(w, k);
	uint32_t port = be16toh(k->local_port_be), ports, src_be, dst_be;

	if (!l)
		return port - TCP_PORT_MIN < TCP_PORTS ? (uint8_t)(port % w->n_workers) : w->id;
	if (l->owner != TCP_ANY_WORKER)
		return l->owner < w->n_workers ? l->owner : w->id;
	ports = (uint32_t)k->local_port_be << 16 | k->remote_port_be;
	if (k->family == 6)
		return steer_owner6(w, k->remote, k->local, IPPROTO_TCP, ports);
	memcpy(&src_be, k->remote, sizeof(src_be));
	memcpy(&dst_be, k->local, sizeof(dst_be));
	return steer_owner4(w, src_be, dst_be, IPPROTO_TCP, ports);
}

/* Answers with a reset, within limits; the segment ends. */
static void refuse(struct worker *w, struct tcp_seg *s)
{
	if (s->key.family == 4)
		ip4_refuse_tcp(w, s->m);
	else
		ip6_refuse_tcp(w, s->m, pkt_of(s->m)->l4);
	s->m = NULL;
}

static bool wants_ecn(const struct tcp_seg *s)
{
	return (s->flags & (RTE_TCP_ECE_FLAG | RTE_TCP_CWR_FLAG)) ==
	       (RTE_TCP_ECE_FLAG | RTE_TCP_CWR_FLAG);
}

/* Answers the SYN without remembering it. */
static void send_cookie(struct worker *w, struct tcp_seg *s)
{
	struct tcp_worker *t = w->tcp;
	const struct tcp_options *peer = &s->options;
	struct tcp_cookie cookie = {
		.mss_bytes = peer->has_mss        ? peer->mss_bytes
			     : s->key.family == 4 ? TCP_MSS_DEFAULT4
						  : TCP_MSS_DEFAULT6,
		.wscale = peer->wscale,
		.has_wscale = peer->has_ts && peer->has_wscale,
		.sack_permitted = peer->has_ts && peer->sack_permitted,
		.ecn = peer->has_ts && wants_ecn(s),
	};
	uint32_t flags = (cookie.has_wscale ? TCP_CONN_WSCALE : 0) |
			 (cookie.sack_permitted ? TCP_CONN_SACK : 0) |
			 (peer->has_ts ? TCP_CONN_TS : 0);
	uint32_t mtu = tcp_path_mtu(w, &s->key, pkt_of(s->m)->iface);
	struct tcp_options o = tcp_open_offer(w, tcp_open_mss(s->key.family, mtu), flags);
	uint32_t ts_offset = tcp_start_of(&s->key, t->start_secret, w->now_ns).ts_offset;

	o.ts_val = tcp_cookie_ts(tcp_ts_now(w, ts_offset), &cookie);
	o.ts_ecr = peer->ts_val;
	tcp_emit_bare(w, s,
		&(struct tcp_bare){
			.seq = tcp_cookie_make(
				&s->key, s->seq, &cookie, t->cookie_secret, w->now_ns),
			.ack = s->seq + 1,
			.wnd = (uint16_t)MIN_OF(t->limits.conn_recv_bytes, UINT16_MAX),
			.flags = RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG |
				 (cookie.ecn ? RTE_TCP_ECE_FLAG : 0),
		},
		&o);
	t->cookie_sent_ns = w->now_ns;
	tcp_stats(w)->cookies_sent++;
}

/* A connection of listener @l from segment @s, in state SYN-RECEIVED; NULL: refused. */
static struct tcp_conn *create(struct worker *w, struct tcp_seg *s, const struct tcp_listener *l)
{
	const struct tcp_worker *t = w->tcp;
	struct tcp_conn *c;

	if (UNLIKELY(t->sources && tcp_sources_is_full(t->sources, &s->key, t->hash_secret))) {
		tcp_stats(w)->limit_source++;
		s->reason = DROP_tcp_source_limit;
		return NULL;
	}
	c = tcp_conn_create(w, &s->key, s->hash, &s->reason);
	if (!c)
		return NULL;
	c->app = l->app;
	c->tag = l->tag;
	c->iface = pkt_of(s->m)->iface;
	c->flags |= TCP_CONN_PASSIVE;
	tcp_state_set(w, c, TCP_SYN_RECEIVED);
	return c;
}

/* The connection that the ACK @s of one of our cookies opens, or NULL. */
static struct tcp_conn *accept_cookie(
	struct worker *w, struct tcp_seg *s, const struct tcp_listener *l)
{
	struct tcp_worker *t = w->tcp;
	struct tcp_cookie_ack ack = {
		.key = &s->key,
		.peer_isn = s->seq - 1,
		.isn = s->ack - 1,
		.ts_ecr = s->options.ts_ecr,
		.has_ts = s->options.has_ts,
	};
	struct tcp_cookie cookie;
	struct tcp_options o;
	struct tcp_conn *c;

	if (t->cookie_sent_ns == 0 || w->now_ns - t->cookie_sent_ns > TCP_COOKIES_VALID_NS)
		return NULL;
	if (!tcp_cookie_check(&ack, t->cookie_secret, w->now_ns, &cookie)) {
		tcp_stats(w)->cookies_failed++;
		/* Data that has overtaken the ACK of the handshake comes again: not refused. */
		if (s->bytes != 0)
			s->reason = DROP_tcp_bad_ack;
		return NULL;
	}
	c = create(w, s, l);
	if (!c)
		return NULL;
	o = (struct tcp_options){
		.has_mss = true,
		.mss_bytes = cookie.mss_bytes,
		.has_wscale = cookie.has_wscale,
		.wscale = cookie.wscale,
		.sack_permitted = cookie.sack_permitted,
		.has_ts = s->options.has_ts,
		.ts_val = s->options.ts_val,
	};
	tcp_open_options(w, c, &o, cookie.ecn);
	c->snd_una = s->ack - 1;
	c->snd_nxt = s->ack;
	c->rcv_nxt = c->ack_sent = s->seq;
	c->rcv_adv = c->rcv_nxt + c->rcv_limit;
	c->snd_wl1 = s->seq - 1;
	tcp_stats(w)->cookies_accepted++;
	return c;
}

/* The SYN @s opens a connection to @l; it is answered at once. @isn: at least this; 0: any. */
static void accept_syn(
	struct worker *w, struct tcp_seg *s, const struct tcp_listener *l, uint32_t isn)
{
	struct tcp_worker *t = w->tcp;
	bool has_room = t->free ? tcp_busy_is_spare(t) : t->half_first != 0;
	struct tcp_conn *c;

	if (t->n_half_open >= l->backlog || !has_room) {
		send_cookie(w, s);
		return;
	}
	c = create(w, s, l);
	if (!c)
		return;
	tcp_busy_add(t, c);
	if (isn != 0 && tcp_seq_lt(c->snd_una, isn))
		c->snd_una = c->snd_nxt = isn;
	c->rcv_nxt = c->ack_sent = s->seq + 1;
	c->rcv_adv = c->rcv_nxt + MIN_OF(c->rcv_limit, UINT16_MAX);
	c->snd_wnd = s->wnd;
	c->snd_wl1 = s->seq;
	tcp_open_options(w, c, &s->options, wants_ecn(s));
	tcp_half_open_add(t, c);
	tcp_output_syn(w, c);
}

/* RFC 9293 3.10.7.2. */
static struct tcp_conn *listener_arrives(
	struct worker *w, struct tcp_seg *s, const struct tcp_listener *l, uint32_t isn)
{
	/* First, check for a RST. */
	if (s->flags & RTE_TCP_RST_FLAG) {
		s->reason = DROP_tcp_reset_ignored;
		return NULL;
	}
	/* Second, check for an ACK. */
	if (s->flags & RTE_TCP_ACK_FLAG) {
		struct tcp_conn *c = NULL;

		if (!(s->flags & RTE_TCP_SYN_FLAG))
			c = accept_cookie(w, s, l);
		if (!c && s->reason == DROP_NONE)
			refuse(w, s);
		return c;
	}
	/* Third, check for a SYN. */
	if (s->flags & RTE_TCP_SYN_FLAG) {
		bool is_land = s->key.local_port_be == s->key.remote_port_be &&
			       memcmp(s->key.local, s->key.remote, sizeof(s->key.local)) == 0;

		if ((s->flags & RTE_TCP_FIN_FLAG) || is_land)
			s->reason = DROP_tcp_bad_syn;
		else
			accept_syn(w, s, l, isn);
		return NULL;
	}
	/* Fourth, other data or control. */
	s->reason = DROP_tcp_no_ack;
	return NULL;
}

struct tcp_conn *tcp_listen_arrives(struct worker *w, struct tcp_seg *s)
{
	struct tcp_worker *t = w->tcp;
	struct tcp_time_wait *r = tcp_time_waits_find(
		t->time_waits, &s->key, s->hash, (uint32_t)(w->now_ns / NSEC_PER_SEC));
	const struct tcp_listener *l;
	uint32_t isn = 0;
	uint8_t owner;

	if (r && tcp_wait_arrives(w, s, r, &isn))
		return NULL;
	l = tcp_listener_find(w, &s->key);
	if (l && l->owner == TCP_ANY_WORKER)
		return listener_arrives(w, s, l, isn);
	owner = tcp_owner(w, &s->key);
	if (owner != w->id) {
		worker_handoff(w, s->m, owner, STAGE_tcp_input);
		s->m = NULL;
		return NULL;
	}
	if (l)
		return listener_arrives(w, s, l, isn);
	refuse(w, s);
	return NULL;
}
