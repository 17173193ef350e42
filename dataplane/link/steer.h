/* SPDX-License-Identifier: BSD-3-Clause */
/* The worker that owns a frame's flow, as a pure function of its bytes. Thread: worker. */
#ifndef DATAPLANE_LINK_STEER_H
#define DATAPLANE_LINK_STEER_H

#include <string.h>

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>

#include "dataplane/core/worker.h"
#include "lib/hash/flow_hash.h"

#define STEER_NO_FLOW UINT64_MAX /* not IP, or too short to tell: the receiver keeps it */

/* The worker that owns a conversation of that hash. */
static inline uint8_t steer_owner(const struct worker *w, uint64_t hash)
{
	return (uint8_t)(((hash & UINT32_MAX) * w->n_workers) >> 32);
}

/* The worker that gets the IPv4 packets, whole ones, between these ends where stage steer serves
 * the port; @ports as in the packet, either direction will do. */
static inline uint8_t steer_owner4(
	const struct worker *w, uint32_t src_be, uint32_t dst_be, uint8_t proto, uint32_t ports)
{
	return steer_owner(
		w, flow_hash_ip4_symmetric(w->flow_key, src_be, dst_be, proto, ports) >> 1);
}

/* The same for IPv6. */
static inline uint8_t steer_owner6(const struct worker *w, const uint8_t src[16],
	const uint8_t dst[16], uint8_t proto, uint32_t ports)
{
	return steer_owner(w, flow_hash_ip6_symmetric(w->flow_key, src, dst, proto, ports) >> 1);
}

/* Source and destination port behind @l4, when the protocol has them and they are in the frame. */
static inline uint32_t steer_ports(const uint8_t *l4, uint32_t len, uint8_t proto)
{
	uint32_t ports = 0;

	if ((proto == IPPROTO_TCP || proto == IPPROTO_UDP) && len >= 4)
		memcpy(&ports, l4, 4);
	return ports;
}

static inline uint64_t steer_hash_ip4(const uint64_t key[2], const uint8_t *ip, uint32_t len)
{
	uint32_t src, dst, ports = 0, hlen;
	bool fragment;

	if (len < 20)
		return STEER_NO_FLOW;
	hlen = (ip[0] & 15) * 4u;
	fragment = (ip[6] & 0x3f) || ip[7];
	memcpy(&src, ip + 12, 4);
	memcpy(&dst, ip + 16, 4);
	if (!fragment && hlen >= 20 && hlen <= len)
		ports = steer_ports(ip + hlen, len - hlen, ip[9]);
	return flow_hash_ip4_symmetric(key, src, dst, ip[9], ports) >> 1;
}

static inline uint64_t steer_hash_ip6(const uint64_t key[2], const uint8_t *ip, uint32_t len)
{
	if (len < 40)
		return STEER_NO_FLOW;
	return flow_hash_ip6_symmetric(
		       key, ip + 8, ip + 24, ip[6], steer_ports(ip + 40, len - 40, ip[6])) >>
	       1;
}

/*
 * Hash of the conversation that the @len bytes of frame @f belong to, the same for both directions;
 * all fragments of a datagram have one hash, by addresses and protocol. STEER_NO_FLOW otherwise.
 */
static inline uint64_t steer_hash(const uint64_t key[2], const uint8_t *f, uint32_t len)
{
	uint32_t l2 = 14;
	uint16_t type_be;

	if (len < 14)
		return STEER_NO_FLOW;
	memcpy(&type_be, f + 12, 2);
	if (type_be == RTE_BE16(RTE_ETHER_TYPE_VLAN)) {
		if (len < 18)
			return STEER_NO_FLOW;
		memcpy(&type_be, f + 16, 2);
		l2 = 18;
	}
	if (type_be == RTE_BE16(RTE_ETHER_TYPE_IPV4))
		return steer_hash_ip4(key, f + l2, len - l2);
	if (type_be == RTE_BE16(RTE_ETHER_TYPE_IPV6))
		return steer_hash_ip6(key, f + l2, len - l2);
	return STEER_NO_FLOW;
}

#endif
