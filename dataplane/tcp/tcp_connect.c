/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Active open (RFC 9293 3.10.1): source address and port, SYN. A port's number tells which worker
 * it belongs to, so that whoever gets the replies can pass them on; among those, one is preferred
 * whose replies stage steer brings here at once. Thread: worker.
 */
#include "dataplane/ip/ip.h"
#include "dataplane/link/link.h"
#include "dataplane/tcp/tcp_impl.h"

#define PORT_TRIES_MAX  64  /* to find one that is free and steered here */
#define PORT_TRIES_LAST 512 /* to find one that is free */

/* The interface that packets to @remote leave by; WORLD_NO_INTERFACE: none. */
static uint16_t way_iface(const struct worker *w, const struct ip_addr *remote)
{
	const struct world *world = w->world;
	const uint8_t *dst6 = remote->bytes;
	const struct nexthop *nh;
	uint32_t dst, number;

	if (remote->family == 4) {
		dst = be32toh(ip_addr_v4_be(remote));
		fib_lookup4_bulk(&world->fib4, &dst, &number, 1);
	} else {
		fib_lookup6_bulk(&world->fib6, &dst6, &number, 1);
	}
	nh = &world->nexthops[number];
	if (nh->kind == NEXTHOP_GROUP)
		nh = &world->nexthops[nh->group->hops[0]];
	if (nh->kind != NEXTHOP_NEIGHBOR && nh->kind != NEXTHOP_CONNECTED)
		return WORLD_NO_INTERFACE;
	return nh->iface;
}

/* Fills in our address. False: there is none, or no way. */
static bool choose_address(const struct worker *w, const struct ip_addr *local,
	const struct ip_addr *remote, struct tcp_key *k)
{
	uint16_t iface = way_iface(w, remote);
	uint32_t src_be;

	if (iface == WORLD_NO_INTERFACE)
		return false;
	if (local && local->family != 0) {
		memcpy(k->local, local->bytes, sizeof(k->local));
		return local->family == remote->family;
	}
	if (remote->family == 6)
		return ip6_source_select(w->world, iface, remote->bytes, k->local) == 0;
	if (ip4_source_select(w->world, iface, ip_addr_v4_be(remote), &src_be) < 0)
		return false;
	memcpy(k->local, &src_be, sizeof(src_be));
	return true;
}

static bool is_steered_here(const struct worker *w, const struct tcp_key *k)
{
	uint32_t ports = (uint32_t)k->local_port_be << 16 | k->remote_port_be;
	uint32_t src_be, dst_be;

	if (k->family == 6)
		return steer_owner6(w, k->remote, k->local, IPPROTO_TCP, ports) == w->id;
	memcpy(&src_be, k->remote, sizeof(src_be));
	memcpy(&dst_be, k->local, sizeof(dst_be));
	return steer_owner4(w, src_be, dst_be, IPPROTO_TCP, ports) == w->id;
}

/* Fills in a free port of this worker. False: none is free. */
static bool choose_port(struct worker *w, struct tcp_key *k)
{
	struct tcp_worker *t = w->tcp;
	uint32_t now_s = (uint32_t)(w->now_ns / NSEC_PER_SEC);
	uint32_t n = TCP_PORTS / w->n_workers, first;

	/* RFC 6056 3.3.1: from a random one on. */
	first = (uint32_t)(worker_random(w) >> 32) % n;
	for (uint32_t i = 0; i < MIN_OF(n, (uint32_t)PORT_TRIES_LAST); i++) {
		uint32_t offset = (first + i) % n * w->n_workers;
		uint32_t port = TCP_PORT_MIN + offset;
		uint64_t hash;

		port += (w->id + w->n_workers - port % w->n_workers) % w->n_workers;
		k->local_port_be = htobe16((uint16_t)port);
		if (i < PORT_TRIES_MAX && !is_steered_here(w, k))
			continue;
		hash = tcp_key_hash(k, t->hash_secret);
		if (!tcp_conn_find(t, k, hash) && !tcp_listener_find(w, k) &&
			!tcp_time_waits_find(t->time_waits, k, hash, now_s))
			return true;
	}
	return false;
}

struct tcp_conn *tcp_connect(struct worker *w, const struct tcp_app *app,
	const struct ip_addr *local, const struct ip_addr *remote, uint16_t remote_port_be)
{
	struct tcp_worker *t = w->tcp;
	struct tcp_key k = {.family = remote->family, .remote_port_be = remote_port_be};
	enum drop_reason reason;
	struct tcp_conn *c;

	memcpy(k.remote, remote->bytes, sizeof(k.remote));
	if (!t || !t->busy_free || !choose_address(w, local, remote, &k) || !choose_port(w, &k))
		return NULL;
	c = tcp_conn_create(w, &k, tcp_key_hash(&k, t->hash_secret), &reason);
	if (!c)
		return NULL;
	c->app = app;
	tcp_busy_add(t, c);
	c->flags |= TCP_CONN_OPENED;
	c->own_mss_bytes = tcp_open_mss(k.family, tcp_path_mtu(w, &k, c->iface));
	tcp_state_set(w, c, TCP_SYN_SENT);
	tcp_output_syn(w, c);
	return c;
}
