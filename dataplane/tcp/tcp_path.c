/* SPDX-License-Identifier: BSD-3-Clause */
/* What the way to a peer carries: MTU of the interface it leaves by, segment size. Thread: worker.
 */
#include "dataplane/ip/ip.h"
#include "dataplane/tcp/tcp_impl.h"

/* The smallest MTU of the ways that next hop @nh stands for; 0: it leads nowhere. */
static uint32_t nexthop_mtu(const struct world *world, const struct nexthop *nh)
{
	uint32_t mtu = UINT32_MAX;

	switch ((enum nexthop_kind)nh->kind) {
	case NEXTHOP_NEIGHBOR:
	case NEXTHOP_CONNECTED:
		return world->ifaces[nh->iface].mtu;
	case NEXTHOP_GROUP:
		for (unsigned i = 0; i < nh->group->n_hops; i++) {
			const struct nexthop *hop = &world->nexthops[nh->group->hops[i]];

			mtu = MIN_OF(mtu, (uint32_t)world->ifaces[hop->iface].mtu);
		}
		return mtu;
	case NEXTHOP_SERVICE:
		return IP6_MTU_MIN_BYTES;
	case NEXTHOP_NONE:
	case NEXTHOP_LOCAL:
	case NEXTHOP_BROADCAST:
	case NEXTHOP_BLACKHOLE:
	case NEXTHOP_REJECT:
		return 0;
	}
	return 0;
}

uint32_t tcp_path_mtu(const struct worker *w, const struct tcp_key *k, uint16_t iface)
{
	const struct world *world = w->world;
	const uint8_t *dst6 = k->remote;
	uint32_t dst_be, dst, number;

	if (k->family == 4) {
		memcpy(&dst_be, k->remote, sizeof(dst_be));
		dst = be32toh(dst_be);
		fib_lookup4_bulk(&world->fib4, &dst, &number, 1);
	} else if (ip6_is_link_local(k->remote)) {
		return iface < WORLD_INTERFACES_MAX ? world->ifaces[iface].mtu : 0;
	} else {
		fib_lookup6_bulk(&world->fib6, &dst6, &number, 1);
	}
	return nexthop_mtu(world, &world->nexthops[number]);
}

uint16_t tcp_path_mss(const struct worker *w, const struct tcp_conn *c, uint32_t mtu)
{
	uint32_t mtu_min = c->key.family == 4 ? TCP_MTU_MIN4 : TCP_MTU_MIN6;
	uint32_t mss = tcp_mss_of_mtu(c->key.family, MAX_OF(mtu, mtu_min));

	mss = MIN_OF(mss, (uint32_t)c->peer_mss_bytes);
	mss = MIN_OF(mss, w->tcp->payload_max);
	if (c->flags & TCP_CONN_TS)
		mss -= MIN_OF(mss, TCP_TS_BYTES);
	return (uint16_t)MAX_OF(mss, TCP_MSS_MIN);
}

void tcp_path_set(struct worker *w, struct tcp_conn *c, uint32_t mtu)
{
	c->mss_bytes = tcp_path_mss(w, c, mtu);
}

void tcp_path_wait(struct worker *w, struct tcp_conn *c)
{
	c->flags &= ~(uint32_t)TCP_CONN_MTU_PROBE;
	c->mtu_at = tcp_at(w, TCP_MTU_AGAIN_S * NSEC_PER_SEC);
}

void tcp_path_acked(struct worker *w, struct tcp_conn *c, uint32_t ack)
{
	if (tcp_seq_lt(ack, c->busy->mtu_probe_end))
		return;
	c->flags &= ~(uint32_t)TCP_CONN_MTU_PROBE;
	c->mtu_at = 0;
	tcp_path_set(w, c, tcp_path_mtu(w, &c->key, c->iface));
}
