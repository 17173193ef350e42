/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What ip6_input decides about a header alone (RFC 8200 section 3, RFC 4291 section 2): pure, and
 * once more as one cheap test that most packets pass. Thread: any.
 */
#ifndef DATAPLANE_IP_IP6_INPUT_H
#define DATAPLANE_IP_IP6_INPUT_H

#include "dataplane/core/drop.h"
#include "dataplane/core/pkt.h"
#include "dataplane/ip/ip6_header.h"

enum ip6_input_next {
	IP6_INPUT_ROUTE,      /* unicast: the table decides */
	IP6_INPUT_MULTICAST,  /* ours if the interface has joined the group */
	IP6_INPUT_LINK_LOCAL, /* ours if the address is the interface's */
	IP6_INPUT_DROP,
};

struct ip6_input_class {
	enum ip6_input_next next;
	enum drop_reason reason; /* with IP6_INPUT_DROP */
};

static inline struct ip6_input_class ip6_input_bad(enum drop_reason reason)
{
	return (struct ip6_input_class){.next = IP6_INPUT_DROP, .reason = reason};
}

/* The bytes that the header at @l3 says the packet has. */
static inline uint32_t ip6_input_packet_bytes(const uint8_t *l3)
{
	return IP6_HEADER_BYTES + ((uint32_t)l3[4] << 8 | l3[5]);
}

/* Judges the destination of a packet that is in order so far. @flags: enum pkt_flags. */
static inline struct ip6_input_class ip6_input_classify_destination(
	const struct ip6_header *ip, uint8_t flags)
{
	if (ip6_is_multicast(ip->dst)) {
		/* Scope 0 is reserved; interface-local must not come from a wire (errata 3480). */
		if (ip6_multicast_scope(ip->dst) < 2)
			return ip6_input_bad(DROP_ip6_bad_destination);
		return (struct ip6_input_class){.next = IP6_INPUT_MULTICAST};
	}
	if (ip6_is_unspecified(ip->dst) || ip6_is_loopback(ip->dst) || ip6_is_mapped(ip->dst))
		return ip6_input_bad(DROP_ip6_bad_destination);
	if (flags & (PKT_L2_MULTICAST | PKT_L2_BROADCAST))
		return ip6_input_bad(DROP_ip6_l2_broadcast);
	if (ip6_is_link_local(ip->dst))
		return (struct ip6_input_class){.next = IP6_INPUT_LINK_LOCAL};
	return (struct ip6_input_class){.next = IP6_INPUT_ROUTE};
}

/* Judges the @bytes at @l3, in order of the fields. @flags: enum pkt_flags. */
static inline struct ip6_input_class ip6_input_classify(
	const uint8_t *l3, uint32_t bytes, uint8_t flags)
{
	const struct ip6_header *ip = (const struct ip6_header *)l3;

	if (bytes < IP6_HEADER_BYTES)
		return ip6_input_bad(DROP_ip6_runt);
	if (l3[0] >> 4 != 6)
		return ip6_input_bad(DROP_ip6_bad_version);
	if (ip6_input_packet_bytes(l3) > bytes)
		return ip6_input_bad(DROP_ip6_bad_length);
	/* A jumbogram (RFC 2675) must not be cut to its fixed header. */
	if (ip->payload_bytes_be == 0 && ip->next == IP6_NEXT_HOP_BY_HOP)
		return ip6_input_bad(DROP_ip6_bad_length);
	if (ip6_is_multicast(ip->src) || ip6_is_loopback(ip->src) || ip6_is_mapped(ip->src))
		return ip6_input_bad(DROP_ip6_bad_source);
	/* Who has no address yet may ask for one of ours, by multicast; ip6_local lets only that
	 * pass. */
	if (ip6_is_unspecified(ip->src) && !ip6_is_multicast(ip->dst))
		return ip6_input_bad(DROP_ip6_bad_source);
	return ip6_input_classify_destination(ip, flags);
}

/* Whether @addr begins with neither 0 (::, ::1, mapped) nor fe or ff (link-local, multicast). */
static inline bool ip6_input_begins_plain(const uint8_t addr[16])
{
	return (uint16_t)((addr[0] << 8 | addr[1]) - 1) < 0xfdff;
}

/*
 * True only for packets that ip6_input_classify() gives to the route table and whose source may be
 * routed too; false says nothing. An empty payload is left out because of jumbograms.
 */
static inline bool ip6_input_is_plain(const uint8_t *l3, uint32_t bytes, uint8_t flags)
{
	uint32_t packet_bytes, odd;

	if (UNLIKELY(bytes < IP6_HEADER_BYTES))
		return false;
	packet_bytes = ip6_input_packet_bytes(l3);
	odd = (l3[0] & 0xf0u) ^ 0x60u;
	odd |= flags & (PKT_L2_MULTICAST | PKT_L2_BROADCAST);
	odd |= packet_bytes > bytes;
	odd |= packet_bytes == IP6_HEADER_BYTES;
	odd |= !ip6_input_begins_plain(l3 + IP6_SRC_OFFSET);
	odd |= !ip6_input_begins_plain(l3 + IP6_DST_OFFSET);
	return odd == 0;
}

#endif
