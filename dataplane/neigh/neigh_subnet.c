/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which addresses belong on an interface's link: its own, those of other hosts there, and which of
 * its own to ask with. Thread: any.
 */
#include "dataplane/neigh/neigh_impl.h"

const struct iface_address *neigh_subnet_own(const struct iface *i, const struct ip_addr *addr)
{
	for (unsigned k = 0; k < i->n_addresses; k++) {
		const struct iface_address *own = &i->addresses[k];

		if (!own->duplicate && ip_addr_same_host(&own->addr, addr))
			return own;
	}
	return NULL;
}

/* Whether IPv4 @addr is the network or broadcast address of @subnet (a /31 has neither, RFC 3021).
 */
static bool neigh_subnet_edge4(const struct ip_addr *subnet, const struct ip_addr *addr)
{
	uint32_t hosts;

	if (subnet->prefix_len >= 31)
		return false;
	hosts = UINT32_MAX >> subnet->prefix_len;
	return (be32toh(ip_addr_v4_be(addr)) & hosts) == 0 ||
	       (be32toh(ip_addr_v4_be(addr)) & hosts) == hosts;
}

bool neigh_subnet_host(const struct iface *i, const struct ip_addr *addr)
{
	bool inside = addr->family == 6 && ip_addr_is_link_local(addr);

	if (ip_addr_is_multicast(addr) || ip_addr_is_zero(addr))
		return false;
	for (unsigned k = 0; k < i->n_addresses; k++) {
		const struct ip_addr *own = &i->addresses[k].addr;

		if (own->family != addr->family)
			continue;
		if (!i->addresses[k].duplicate && ip_addr_same_host(own, addr))
			return false;
		if (!ip_addr_covers(own, addr))
			continue;
		if (own->family == 4 && neigh_subnet_edge4(own, addr))
			return false;
		inside = true;
	}
	return inside;
}

const struct ip_addr *neigh_subnet_source(const struct iface *i, const struct ip_addr *target)
{
	const struct ip_addr *best = NULL;
	unsigned best_rank = 0;

	for (unsigned k = 0; k < i->n_addresses; k++) {
		const struct ip_addr *own = &i->addresses[k].addr;
		unsigned rank = 1;

		if (own->family != target->family || !i->addresses[k].usable)
			continue;
		if (own->family == 6 && ip_addr_is_link_local(own))
			rank = 2;
		if (ip_addr_covers(own, target))
			rank = 3;
		if (rank > best_rank) {
			best_rank = rank;
			best = own;
		}
	}
	return best;
}
