/* SPDX-License-Identifier: BSD-3-Clause */
/* What the way to a peer carries: MTU of the interface it leaves by, segment size; what the device
 * does there. Thread: worker. */
#include "dataplane/ip/ip.h"
#include "dataplane/tcp/tcp_impl.h"

static struct tcp_way way_by(const struct world *world, uint16_t iface)
{
	const struct iface *i = &world->ifaces[iface];

	return (struct tcp_way){
		.mtu = i->tcp_mtu,
		.offloads = i->offloads,
		.tso_segments_max = i->tso_segments_max,
	};
}

/* What all the ways of @group can. */
static struct tcp_way way_of_group(const struct world *world, const struct ecmp_group *group)
{
	struct tcp_way way = {
		.mtu = UINT32_MAX, .offloads = UINT8_MAX, .tso_segments_max = UINT8_MAX};

	for (unsigned i = 0; i < group->n_hops; i++) {
		struct tcp_way one = way_by(world, world->nexthops[group->hops[i]].iface);

		way.mtu = MIN_OF(way.mtu, one.mtu);
		way.offloads &= one.offloads;
		way.tso_segments_max = MIN_OF(way.tso_segments_max, one.tso_segments_max);
	}
	return way;
}

/* What the ways can that next hop @nh stands for. */
static struct tcp_way way_to(const struct world *world, const struct nexthop *nh)
{
	switch ((enum nexthop_kind)nh->kind) {
	case NEXTHOP_NEIGHBOR:
	case NEXTHOP_CONNECTED:
		return way_by(world, nh->iface);
	case NEXTHOP_GROUP:
		return way_of_group(world, nh->group);
	case NEXTHOP_SERVICE:
		/* The balancer looks into what it gets: no offloads. */
		return (struct tcp_way){.mtu = IP6_MTU_MIN_BYTES};
	case NEXTHOP_NONE:
	case NEXTHOP_LOCAL:
	case NEXTHOP_BROADCAST:
	case NEXTHOP_BLACKHOLE:
	case NEXTHOP_REJECT:
		break;
	}
	return (struct tcp_way){0};
}

struct tcp_way tcp_path_way(const struct worker *w, const struct tcp_key *k, uint16_t iface)
{
	const struct world *world = w->world;
	const uint8_t *dst6 = k->remote;
	uint32_t dst_be, dst, number;

	if (k->family == 4) {
		memcpy(&dst_be, k->remote, sizeof(dst_be));
		dst = be32toh(dst_be);
		fib_lookup4_bulk(&world->fib4, &dst, &number, 1);
	} else if (ip6_is_link_local(k->remote)) {
		return iface < WORLD_INTERFACES_MAX ? way_by(world, iface) : (struct tcp_way){0};
	} else {
		fib_lookup6_bulk(&world->fib6, &dst6, &number, 1);
	}
	return way_to(world, &world->nexthops[number]);
}

uint32_t tcp_path_mtu(const struct worker *w, const struct tcp_key *k, uint16_t iface)
{
	return tcp_path_way(w, k, iface).mtu;
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
