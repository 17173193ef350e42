/* SPDX-License-Identifier: BSD-3-Clause */
/* The flow of an IPv4 packet, as a pure function of its headers. Thread: any. */
#ifndef DATAPLANE_IP_IP4_FORWARD_H
#define DATAPLANE_IP_IP4_FORWARD_H

#include "dataplane/ip/ip4.h"
#include "lib/hash/flow_hash.h"

/*
 * Keyed hash of the flow of the @bytes at @l3, a valid header at least: addresses and protocol, and
 * the ports of TCP and UDP. Fragments have no ports, the first neither, so that all of one datagram
 * take one path.
 */
static inline uint64_t ip4_forward_hash(const uint64_t key[2], const uint8_t *l3, uint32_t bytes)
{
	const struct rte_ipv4_hdr *h = (const struct rte_ipv4_hdr *)l3;
	uint32_t ihl_bytes = ip4_header_bytes(l3), ports = 0;

	if ((h->next_proto_id == IP4_PROTOCOL_TCP || h->next_proto_id == IP4_PROTOCOL_UDP) &&
		!(h->fragment_offset & RTE_BE16(IP4_FRAGMENT_MASK)) &&
		bytes >= ihl_bytes + sizeof(ports))
		memcpy(&ports, l3 + ihl_bytes, sizeof(ports));
	return flow_hash_ip4(key, h->src_addr, h->dst_addr, h->next_proto_id, ports);
}

/* The bucket of @group for the packet of @bytes at @l3: the number of a neighbour's next hop. */
static inline uint16_t ip4_forward_pick(
	const struct ecmp_group *group, const uint64_t key[2], const uint8_t *l3, uint32_t bytes)
{
	return group->buckets[ip4_forward_hash(key, l3, bytes) % WORLD_ECMP_BUCKETS];
}

#endif
