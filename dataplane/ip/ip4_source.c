/* SPDX-License-Identifier: BSD-3-Clause */
/* Which own IPv4 address speaks to a destination (RFC 1812 4.3.2.4, RFC 1122 3.3.4.3).
 * Thread: worker. */
#include <endian.h>
#include <errno.h>

#include "dataplane/ip/ip.h"

/* The usable IPv4 address of @ifc in the subnet of @dst_be, else its first; 0: it has none. */
static uint32_t best_of_iface(const struct iface *ifc, uint32_t dst_be)
{
	uint32_t first_be = 0;

	for (unsigned i = 0; i < ifc->n_addresses; i++) {
		const struct iface_address *a = &ifc->addresses[i];
		uint32_t own_be, mask;

		if (a->addr.family != 4 || !a->usable)
			continue;
		own_be = ip_addr_v4_be(&a->addr);
		mask = (uint32_t)(0xffffffff00000000ULL >> a->addr.prefix_len);
		if (((own_be ^ dst_be) & htobe32(mask)) == 0)
			return own_be;
		if (first_be == 0)
			first_be = own_be;
	}
	return first_be;
}

int ip4_source_select(const struct world *world, uint16_t iface, uint32_t dst_be, uint32_t *src_be)
{
	uint32_t own_be = best_of_iface(&world->ifaces[iface], dst_be);

	for (unsigned i = 0; own_be == 0 && i < WORLD_INTERFACES_MAX; i++) {
		if (world->ifaces[i].up)
			own_be = best_of_iface(&world->ifaces[i], dst_be);
	}
	if (own_be == 0)
		return -EADDRNOTAVAIL;
	*src_be = own_be;
	return 0;
}
