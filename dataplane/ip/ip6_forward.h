/* SPDX-License-Identifier: BSD-3-Clause */
/* The flow of an IPv6 packet, as the choice among equal paths sees it (RFC 6438): pure. Thread:
 * any. */
#ifndef DATAPLANE_IP_IP6_FORWARD_H
#define DATAPLANE_IP_IP6_FORWARD_H

#include "dataplane/core/world.h"
#include "dataplane/ip/ip6_header.h"
#include "lib/hash/flow_hash.h"

#define IP6_FLOW_LABEL_BE htobe32(0x000fffff)

/*
 * Keyed hash of the flow of the @bytes at @l3, a whole IPv6 header at least: addresses, flow label,
 * and the ports where TCP or UDP follows at once. Fragments have no ports, so that all of one
 * packet take one path.
 */
static inline uint64_t ip6_forward_hash(const uint64_t key[2], const uint8_t *l3, uint32_t bytes)
{
	const struct ip6_header *ip = (const struct ip6_header *)l3;
	uint32_t ports = 0;

	if ((ip->next == IP6_NEXT_TCP || ip->next == IP6_NEXT_UDP) &&
		bytes >= IP6_HEADER_BYTES + sizeof(ports))
		memcpy(&ports, l3 + IP6_HEADER_BYTES, sizeof(ports));
	return flow_hash_ip6(
		key, ip->src, ip->dst, ip->next, ports ^ (ip->version_be & IP6_FLOW_LABEL_BE));
}

/* The bucket of @group for the packet of @bytes at @l3: the number of a neighbour's next hop. */
static inline uint16_t ip6_forward_pick(
	const struct ecmp_group *group, const uint64_t key[2], const uint8_t *l3, uint32_t bytes)
{
	return group->buckets[ip6_forward_hash(key, l3, bytes) % WORLD_ECMP_BUCKETS];
}

#endif
