/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Addresses that no interface has but that the balancer serves: those whose route says so, on the
 * links in whose subnets they lie. The node answers for them there like for its own; nobody detects
 * duplicates of them, for other members may serve the same. Thread: any.
 */
#include <endian.h>

#include "dataplane/neigh/neigh_impl.h"

void (*neigh_link_came_up)(uint16_t iface);

/* Whether the route of @addr in @world leads to the balancer. */
static bool neigh_leads_to_service(const struct world *world, const struct ip_addr *addr)
{
	const uint8_t *bytes = addr->bytes;
	uint32_t number, host = be32toh(ip_addr_v4_be(addr));

	if (addr->family == 4)
		fib_lookup4_bulk(&world->fib4, &host, &number, 1);
	else
		fib_lookup6_bulk(&world->fib6, &bytes, &number, 1);
	return world->nexthops[number].kind == NEXTHOP_SERVICE;
}

bool neigh_serves(const struct world *world, const struct iface *i, const struct ip_addr *addr)
{
	if (!world->lb || ip_addr_is_link_local(addr))
		return false;
	for (unsigned k = 0; k < i->n_addresses; k++)
		if (ip_addr_covers(&i->addresses[k].addr, addr))
			return neigh_leads_to_service(world, addr);
	return false;
}

bool neigh_announce(uint16_t iface, const struct ip_addr *addr)
{
	const struct iface *i = neigh_iface(iface);

	if (!i || !neigh_serves(world_current, i, addr))
		return false;
	if (addr->family == 4)
		neigh_arp_announce(neigh_main(), i, addr);
	else
		neigh_nd_announce(neigh_main(), i, addr);
	return true;
}
