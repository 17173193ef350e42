/* SPDX-License-Identifier: BSD-3-Clause */
/* TTL and flow of an IPv4 packet, as pure functions of its header. Thread: any. */
#ifndef DATAPLANE_IP_IP4_FORWARD_H
#define DATAPLANE_IP_IP4_FORWARD_H

#include "dataplane/ip/ip4.h"
#include "lib/hash/flow_hash.h"

#define IP4_TTL_OFFSET 8

/* The word of TTL, protocol and checksum as it lies in the packet. */
static inline uint32_t ip4_ttl_word(const uint8_t *l3)
{
	uint32_t word;

	memcpy(&word, l3 + IP4_TTL_OFFSET, sizeof(word));
	return word;
}

/* The TTL in @word. */
static inline unsigned ip4_ttl_of(uint32_t word)
{
	return le32toh(word) & 0xff;
}

/*
 * @word with its TTL, which is not 0, one less and the checksum to match (RFC 1624 for this one
 * case): the checksum's first byte goes up by one, with the carry of one's complement, and 0xffff
 * is never a result.
 */
static inline uint32_t ip4_ttl_decremented(uint32_t word)
{
	uint32_t v = le32toh(word);

	return htole32(v - 1 + 0x10000 + (v >= 0xfffe0000u ? 0x10000u : 0));
}

/* Lowers the TTL of the header at @l3 by one. */
static inline void ip4_ttl_decrement(uint8_t *l3)
{
	uint32_t word = ip4_ttl_decremented(ip4_ttl_word(l3));

	memcpy(l3 + IP4_TTL_OFFSET, &word, sizeof(word));
}

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
