/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The routes that nobody configured as such: those of the balancer's prefixes, and those that
 * follow from the interfaces: own addresses (IPv6 also while they are tentative, so
 * that nothing forwards to them), connected subnets, and in IPv4 the network and broadcast
 * addresses (RFC 1812 5.3.5; a /31 and a /32 have none, RFC 3021). The route of an address that
 * another station has (RFC 4862 5.4.5) leads to the link, as to any other host there. IPv6
 * link-local addresses are of one link and in no table. Thread: main.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/ip/route_impl.h"
#include "dataplane/link/link.h"

#define OWN_PER_ADDRESS 4
#define OWN_OF_LINKS    (WORLD_INTERFACES_MAX * WORLD_ADDRESSES_MAX * OWN_PER_ADDRESS)
#define OWN_MAX         (OWN_OF_LINKS + ROUTE_SERVICES_MAX)

void route_own_destroy(void)
{
	for (uint32_t i = 0; i < route_rib.n_own; i++)
		free(route_rib.own[i].target.key);
	free(route_rib.own);
	route_rib.own = NULL;
	route_rib.n_own = 0;
}

/* The next hop of @kind on interface @iface; @about tells it from others of its kind. False when
 * out of memory. */
static bool route_own_target(
	struct route_target *t, enum nexthop_kind kind, uint16_t iface, const struct ip_addr *about)
{
	struct nexthop_key *key = nexthop_key_create(kind, 1);

	if (!key)
		return false;
	key->hops[0] = (struct nexthop_hop){.addr = *about, .iface = iface};
	*t = (struct route_target){.key = key, .number = nexthop_set_find(key)};
	return true;
}

/* Appends the route @prefix of an address on @i, whose subnet is @subnet. As above. */
static bool route_own_add(const struct iface *i, const struct ip_addr *prefix, enum route_rank rank,
	const struct ip_addr *subnet)
{
	struct route_own *own = &route_rib.own[route_rib.n_own];
	enum nexthop_kind kind = rank == RANK_BROADCAST ? NEXTHOP_BROADCAST : NEXTHOP_CONNECTED;

	*own = (struct route_own){.prefix = *prefix, .rank = rank};
	if (!route_own_target(&own->target, kind, i->number, subnet))
		return false;
	route_rib.n_own++;
	return true;
}

const struct iface_address *route_own_published(uint16_t iface, const struct ip_addr *addr)
{
	const struct iface *i = &world_current->ifaces[iface];

	for (unsigned k = 0; k < i->n_addresses; k++)
		if (ip_addr_same_host(&i->addresses[k].addr, addr))
			return &i->addresses[k];
	return NULL;
}

bool route_own_host(struct route_own *own, uint16_t iface, const struct ip_addr *addr)
{
	const struct iface_address *known = route_own_published(iface, addr);
	struct ip_addr subnet = *addr;

	*own = (struct route_own){.prefix = *addr, .rank = RANK_LOCAL};
	own->prefix.prefix_len = (uint8_t)ip_addr_bits(addr->family);
	ip_addr_mask(&subnet);
	if (known && known->duplicate)
		return route_own_target(&own->target, NEXTHOP_CONNECTED, iface, &subnet);
	return route_own_target(&own->target, NEXTHOP_LOCAL, iface, &own->prefix);
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
	struct ip_addr subnet = *addr, first, last;
	unsigned bits = ip_addr_bits(addr->family);

	if (ip_addr_is_link_local(addr))
		return true;
	ip_addr_mask(&subnet);
	if (!route_own_host(&route_rib.own[route_rib.n_own], i->number, addr))
		return false;
	route_rib.n_own++;
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

int route_stage_service(
	const struct ip_addr *prefix, uint16_t front, bool is_pool, struct base_error *err)
{
	char text[IPADDR_TEXT_MAX];

	if (route_rib.n_services == ROUTE_SERVICES_MAX)
		return base_error_set(err, ENOSPC,
			"no room for the route of %s: at most %u prefixes of services and of the "
			"NAT pool",
			ip_addr_format(prefix, text), ROUTE_SERVICES_MAX);
	route_rib.services[route_rib.n_services++] = (struct route_service){
		.prefix = *prefix,
		.front = front,
		.is_pool = is_pool,
	};
	return 0;
}

const char *route_service_text(uint32_t number)
{
	const struct nexthop_key *key = nexthop_set_key((uint16_t)number);

	return key && key->hops[0].weight ? "pool" : "vip";
}

/* The route of @s. Its key has a weight where it is the NAT pool's, which tells the two apart. As
 * above. */
static bool route_own_service(const struct route_service *s)
{
	struct route_own *own = &route_rib.own[route_rib.n_own];
	struct nexthop_key *key = nexthop_key_create(NEXTHOP_SERVICE, 1);

	if (!key)
		return false;
	key->hops[0] = (struct nexthop_hop){
		.addr = s->prefix,
		.iface = s->front,
		.weight = s->is_pool,
	};
	*own = (struct route_own){
		.prefix = s->prefix,
		.rank = RANK_SERVICE,
		.target = {.key = key, .number = nexthop_set_find(key)},
	};
	route_rib.n_own++;
	return true;
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
	for (uint32_t i = 0; ok && i < route_rib.n_services; i++)
		ok = route_own_service(&route_rib.services[i]);
	if (!ok) {
		route_own_destroy();
		return base_error_set(err, ENOMEM, "no memory for the routes of the interfaces");
	}
	route_own_reduce();
	return 0;
}
