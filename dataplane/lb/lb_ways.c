/* SPDX-License-Identifier: BSD-3-Clause */
/* The way to each backend by the routes of a world, and where its tunnel comes from. Thread: main.
 */
#include "dataplane/ip/ip.h"
#include "dataplane/lb/lb_main.h"
#include "dataplane/lb/lb_tunnel.h"

/* The usable own address for tunnels on interface @iface to @dst, family 0: none. IPv6 addresses
 * count before duplicate address detection has ended: a second later they are usable. */
static struct ip_addr lb_own_source(
	const struct world *next, uint16_t iface, const struct ip_addr *dst)
{
	struct ip_addr best = {};
	unsigned best_rank = 0;

	for (unsigned n = 0; n < WORLD_INTERFACES_MAX * WORLD_ADDRESSES_MAX; n++) {
		const struct iface *i = &next->ifaces[n / WORLD_ADDRESSES_MAX];
		unsigned k = n % WORLD_ADDRESSES_MAX, rank = 1;
		const struct iface_address *a = &i->addresses[k];

		if (!i->up || k >= i->n_addresses || a->duplicate ||
			a->addr.family != dst->family || ip_addr_is_link_local(&a->addr))
			continue;
		if (i->number == iface)
			rank = ip_addr_covers(&a->addr, dst) ? 3 : 2;
		if (rank <= best_rank)
			continue;
		best = a->addr;
		best.prefix_len = (uint8_t)ip_addr_bits(best.family);
		best_rank = rank;
	}
	return best;
}

/* The interface that next hop @number leaves by; of several the first. */
static uint16_t lb_iface_of(const struct world *next, uint16_t number)
{
	const struct nexthop *nh = &next->nexthops[number];

	if (nh->group)
		nh = &next->nexthops[nh->group->hops[0]];
	return nh->iface;
}

/* Gives @be the outer addresses of its tunnel; without them there is no way to it. */
static void lb_set_source(
	const struct world *next, struct lb_backend *be, const struct api_lb *settings)
{
	const struct ip_addr *given =
		be->addr.family == 4 ? &settings->tunnel_source4 : &settings->tunnel_source6;
	unsigned bits = ip_addr_bits(be->addr.family);

	be->outer_src = (struct ip_addr){};
	be->outer_src_bits = 0;
	if ((be->mode != API_LB_IPIP && be->mode != API_LB_GUE) || be->nexthop == 0)
		return;
	if (given->family != 0) {
		be->outer_src = *given;
		be->outer_src.prefix_len = (uint8_t)bits;
		be->outer_src_bits =
			(uint8_t)MIN_OF(bits - given->prefix_len, (unsigned)LB_SOURCE_BITS);
		return;
	}
	be->outer_src = lb_own_source(next, lb_iface_of(next, be->nexthop), &be->addr);
	if (be->outer_src.family == 0)
		be->nexthop = 0;
}

/* Notes what fits into the tunnel to @be, if that is the plain kind. */
static void lb_set_room(const struct world *next, struct lb_backend *be)
{
	be->inner_bytes_max = 0;
	if (be->mode != API_LB_IPIP || be->addr.family != 4 || be->nexthop == 0)
		return;
	be->inner_bytes_max =
		(uint16_t)(next->ifaces[lb_iface_of(next, be->nexthop)].mtu - IP4_HEADER_BYTES);
	be->entropy_mask_be = htobe32(lb_tunnel_mask(be->outer_src_bits));
}

/* The way to backend @n by the routes of @next, or 0. */
static uint16_t lb_find_way(const struct world *next, const struct lb_block *b, unsigned n)
{
	const struct lb_backend *be = &b->backends[n];
	struct ip_addr matched;
	uint16_t number = (uint16_t)route_match(&be->addr, &matched);
	const struct nexthop *nh = &next->nexthops[number];

	/* Only the backend itself may get what is addressed to the VIP. */
	if (be->mode == API_LB_DSR)
		return b->backend_notes[n].pin;
	switch ((enum nexthop_kind)nh->kind) {
	case NEXTHOP_NEIGHBOR:
	case NEXTHOP_GROUP:
		return number;
	case NEXTHOP_CONNECTED:
		return b->backend_notes[n].pin;
	case NEXTHOP_NONE:
	case NEXTHOP_LOCAL:
	case NEXTHOP_BROADCAST:
	case NEXTHOP_BLACKHOLE:
	case NEXTHOP_REJECT:
	case NEXTHOP_SERVICE:
		break;
	}
	return 0;
}

void lb_world_ways(struct lb_block *b, const struct world *next)
{
	for (unsigned n = 0; n < LB_BACKENDS_MAX; n++) {
		struct lb_backend *be = &b->backends[n];

		if (be->addr.family == 0)
			continue;
		be->nexthop = lb_find_way(next, b, n);
		lb_set_source(next, be, &b->settings);
		lb_set_room(next, be);
	}
}
