/* SPDX-License-Identifier: BSD-3-Clause */
/* When no ICMP error may be sent (RFC 1812 4.3.2.7), and what is in one: pure. Thread: any. */
#ifndef DATAPLANE_IP_ICMP4_ERROR_H
#define DATAPLANE_IP_ICMP4_ERROR_H

#include "dataplane/ip/ip4.h"

#define ICMP4_ERROR_BYTES_MAX 576 /* RFC 1812 4.3.2.3: the whole packet */
#define ICMP4_QUOTE_BYTES_MAX                                                                      \
	(ICMP4_ERROR_BYTES_MAX - IP4_HEADER_BYTES - sizeof(struct icmp4_header))

/* Whether ICMP messages of @type may be answered with an error: only the ones known to be none. */
static inline bool icmp4_error_type_is_query(uint8_t type)
{
	switch (type) {
	case ICMP4_ECHO_REPLY:
	case ICMP4_ECHO_REQUEST:
	case ICMP4_ROUTER_ADVERTISEMENT:
	case ICMP4_ROUTER_SOLICITATION:
	case ICMP4_TIMESTAMP:
	case ICMP4_TIMESTAMP_REPLY:
	case ICMP4_INFORMATION:
	case ICMP4_INFORMATION_REPLY:
	case ICMP4_MASK:
	case ICMP4_MASK_REPLY:
	case ICMP4_EXTENDED_ECHO:
	case ICMP4_EXTENDED_ECHO_REPLY:
		return true;
	default:
		return false;
	}
}

/*
 * Whether an error may be sent about the packet of @bytes at @l3 with @flags (enum pkt_flags): not
 * about errors, fragments but the first, what went to many or came from no single host, nor about
 * what this node made.
 */
static inline bool icmp4_error_is_allowed(const uint8_t *l3, uint32_t bytes, uint8_t flags)
{
	const struct rte_ipv4_hdr *h = (const struct rte_ipv4_hdr *)l3;
	uint32_t ihl_bytes;

	if (bytes < IP4_HEADER_BYTES || (flags & (PKT_LOCAL | PKT_L2_MULTICAST | PKT_L2_BROADCAST)))
		return false;
	if (h->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK))
		return false;
	if (ip4_octet_is_special(l3[12]) || ip4_octet_is_special(l3[16]))
		return false;
	if (h->next_proto_id != IP4_PROTOCOL_ICMP)
		return true;
	ihl_bytes = ip4_header_bytes(l3);
	return ihl_bytes < bytes && icmp4_error_type_is_query(l3[ihl_bytes]);
}

/* The second word of an error with @type and @code: the MTU (RFC 1191), the pointer, or nothing. */
static inline uint32_t icmp4_error_info_be(uint8_t type, uint8_t code, uint32_t info)
{
	if (type == ICMP4_UNREACHABLE && code == ICMP4_UNREACHABLE_TOO_BIG)
		return htobe32(info & 0xffff);
	if (type == ICMP4_PARAMETER)
		return htobe32(info << 24);
	return 0;
}

/* Whether the error can come only from the destination itself. */
static inline bool icmp4_error_is_of_destination(uint8_t type, uint8_t code)
{
	return type == ICMP4_UNREACHABLE &&
	       (code == ICMP4_UNREACHABLE_PORT || code == ICMP4_UNREACHABLE_PROTOCOL);
}

#endif
