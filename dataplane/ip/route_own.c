/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The routes that follow from the interfaces: own addresses (IPv6 also while they are tentative, so
 * that nothing forwards to them), connected subnets, and in IPv4 the network and broadcast
 * addresses (RFC 1812 5.3.5; a /31 and a /32 have none, RFC 3021). IPv6 link-local addresses are of
 * one link and in no table. Thread: main.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/ip/route_impl.h"
#include "dataplane/link/link.h"

#define OWN_PER_ADDRESS 4
#define OWN_MAX         (WORLD_INTERFACES_MAX * WORLD_ADDRESSES_MAX * OWN_PER_ADDRESS)

/* Of two routes for one prefix the first kind counts. */
enum route_rank { RANK_LOCAL, RANK_BROADCAST, RANK_CONNECTED };

void route_own_destroy(void)
{
	for (uint32_t i = 0; i < route_rib.n_own; i++)
		free(route_rib.own[i].target.key);
	free(route_rib.own);
	route_rib.own = NULL;
	route_rib.n_own = 0;
}

/* Appends the route @prefix of the address on @i; @about tells its next hop from others of its
 * kind. False when out of memory. */
static bool route_own_add(const struct iface *i, const struct ip_addr *prefix, enum route_rank rank,
	const struct ip_addr *about)
{
	static const enum nexthop_kind kinds[] = {
		[RANK_LOCAL] = NEXTHOP_LOCAL,
		[RANK_BROADCAST] = NEXTHOP_BROADCAST,
		[RANK_CONNECTED] = NEXTHOP_CONNECTED,
	};
	struct nexthop_key *key = nexthop_key_create(kinds[rank], 1);

	if (!key)
		return false;
	key->hops[0] = (struct nexthop_hop){.addr = *about, .iface = i->number};
	route_rib.own[route_rib.n_own++] = (struct route_own){
		.prefix = *prefix,
		.rank = rank,
		.target = {.key = key, .number = nexthop_set_find(key)},
	};
	return true;
}

/* The last address of IPv4 @subnet. */
static struct ip_addr route_own_broadcast(const struct ip_addr *subnet)
{
	struct ip_addr last = *subnet;

	for (unsigned bit = subnet->prefix_len; bit < 32; bit++)
		last.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	last.prefix_len = 32;
	return last;
}

/* The routes of address @addr of @i. */
static bool route_own_address(const struct iface *i, const struct ip_addr *addr)
{
	struct ip_addr host = *addr, subnet = *addr, first, last;
	unsigned bits = ip_addr_bits(addr->family);

	if (ip_addr_is_link_local(addr))
		return true;
	host.prefix_len = (uint8_t)bits;
	ip_addr_mask(&subnet);
	if (!route_own_add(i, &host, RANK_LOCAL, &host))
		return false;
	if (addr->prefix_len == bits)
		return true;
	if (!route_own_add(i, &subnet, RANK_CONNECTED, &subnet))
		return false;
	if (addr->family == 6 || addr->prefix_len == bits - 1)
		return true;
	first = subnet;
	first.prefix_len = 32;
	last = route_own_broadcast(&subnet);
	return route_own_add(i, &first, RANK_BROADCAST, &subnet) &&
	       route_own_add(i, &last, RANK_BROADCAST, &subnet);
}

static int route_own_compare(const void *a, const void *b)
{
	const struct route_own *x = a, *y = b;
	int order = memcmp(&x->prefix, &y->prefix, sizeof(x->prefix));

	return order ? order : (int)x->rank - (int)y->rank;
}

/* Sorts, and leaves one route for each prefix. */
static void route_own_reduce(void)
{
	struct route_own *own = route_rib.own;
	uint32_t n = 0;

	qsort(own, route_rib.n_own, sizeof(*own), route_own_compare);
	for (uint32_t i = 0; i < route_rib.n_own; i++) {
		if (n > 0 && ip_addr_equal(&own[n - 1].prefix, &own[i].prefix))
			free(own[i].target.key);
		else
			own[n++] = own[i];
	}
	route_rib.n_own = n;
}

int route_own_create(struct base_error *err)
{
	const struct iface *all = iface_staged();
	bool ok;

	route_own_destroy();
	route_rib.own = calloc(OWN_MAX, sizeof(*route_rib.own));
	ok = route_rib.own != NULL;
	for (unsigned i = 0; i < WORLD_INTERFACES_MAX; i++)
		for (unsigned k = 0; ok && all[i].up && k < all[i].n_addresses; k++)
			ok = route_own_address(&all[i], &all[i].addresses[k].addr);
	if (!ok) {
		route_own_destroy();
		return base_error_set(err, ENOMEM, "no memory for the routes of the interfaces");
	}
	route_own_reduce();
	return 0;
}
