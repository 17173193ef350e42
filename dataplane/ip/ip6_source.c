/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Own IPv6 addresses: which of them speaks to a destination (RFC 6724 section 5, rules 2, 5 and 8
 * in short: scope, interface, longest match), and whether an address is one. Thread: worker.
 */
#include <errno.h>

#include "dataplane/ip/ip.h"
#include "dataplane/ip/ip6_impl.h"

/* Leading bits that @a and @b share, at most @bits_max. */
static unsigned common_bits(const uint8_t a[16], const uint8_t b[16], unsigned bits_max)
{
	unsigned bits = 0;

	for (unsigned i = 0; i < 2; i++) {
		uint64_t x, y;

		memcpy(&x, a + 8 * i, sizeof(x));
		memcpy(&y, b + 8 * i, sizeof(y));
		if (x != y) {
			bits += (unsigned)__builtin_clzll(be64toh(x ^ y));
			break;
		}
		bits += 64;
	}
	return MIN_OF(bits, bits_max);
}

/* The usable address of @ifc, link-local or not as asked, that shares most with @dst; NULL: none.
 * *@bits is how much. */
static const struct iface_address *best_of_iface(
	const struct iface *ifc, bool link_local, const uint8_t dst[16], unsigned *bits)
{
	const struct iface_address *best = NULL;

	for (unsigned i = 0; i < ifc->n_addresses; i++) {
		const struct iface_address *a = &ifc->addresses[i];
		unsigned n;

		if (a->addr.family != 6 || !a->usable)
			continue;
		if (ip6_is_link_local(a->addr.bytes) != link_local)
			continue;
		n = common_bits(a->addr.bytes, dst, a->addr.prefix_len);
		if (best == NULL || n > *bits) {
			best = a;
			*bits = n;
		}
	}
	return best;
}

/* Whether what goes to @dst stays on its link. */
static bool stays_on_link(const uint8_t dst[16])
{
	if (ip6_is_multicast(dst))
		return ip6_multicast_scope(dst) <= 2;
	return ip6_is_link_local(dst);
}

int ip6_source_select(
	const struct world *world, uint16_t iface, const uint8_t dst[16], uint8_t src[16])
{
	bool link_local = stays_on_link(dst);
	const struct iface_address *best;
	unsigned bits = 0;

	best = best_of_iface(&world->ifaces[iface], link_local, dst, &bits);
	for (unsigned i = 0; best == NULL && !link_local && i < WORLD_INTERFACES_MAX; i++) {
		if (world->ifaces[i].up)
			best = best_of_iface(&world->ifaces[i], false, dst, &bits);
	}
	if (best == NULL)
		return -EADDRNOTAVAIL;
	memcpy(src, best->addr.bytes, 16);
	return 0;
}

const struct iface_address *ip6_own_address(
	const struct world *world, uint16_t iface, const uint8_t addr[16])
{
	const struct nexthop *nh;
	uint32_t number;

	if (ip6_is_link_local(addr))
		return ip6_iface_address(&world->ifaces[iface], addr);
	fib_lookup6_bulk(&world->fib6, &addr, &number, 1);
	nh = &world->nexthops[number];
	if (nh->kind != NEXTHOP_LOCAL)
		return NULL;
	return ip6_iface_address(&world->ifaces[nh->iface], addr);
}
