/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IPv6 and ICMPv6 headers as they lie in a packet (RFC 8200, 4443) and the kinds of addresses (RFC
 * 4291). Own structures, because DPDK changed its IPv6 address type between releases. Thread: any.
 */
#ifndef DATAPLANE_IP_IP6_HEADER_H
#define DATAPLANE_IP_IP6_HEADER_H

#include <endian.h>
#include <string.h>

#include "lib/base/base.h"

#define IP6_HEADER_BYTES  40u
#define IP6_MTU_MIN_BYTES 1280u
#define IP6_HOP_LIMIT     64 /* of what the node says */
#define IP6_VERSION_BE    htobe32(6u << 28)

/* Offsets from the start of the IPv6 header, for parameter problems and direct access. */
#define IP6_NEXT_OFFSET      6
#define IP6_HOP_LIMIT_OFFSET 7
#define IP6_SRC_OFFSET       8
#define IP6_DST_OFFSET       24

/* Values of Next Header fields. */
enum ip6_next {
	IP6_NEXT_HOP_BY_HOP = 0,
	IP6_NEXT_TCP = 6,
	IP6_NEXT_UDP = 17,
	IP6_NEXT_ROUTING = 43,
	IP6_NEXT_FRAGMENT = 44,
	IP6_NEXT_AUTH = 51,
	IP6_NEXT_ICMP6 = 58,
	IP6_NEXT_NONE = 59,
	IP6_NEXT_DESTINATION = 60,
};

/* Types of ICMPv6 messages; errors are below 128. */
enum icmp6_type {
	ICMP6_UNREACHABLE = 1,
	ICMP6_TOO_BIG = 2,
	ICMP6_TIME_EXCEEDED = 3,
	ICMP6_PARAMETER = 4,
	ICMP6_INFORMATIONAL = 128, /* the first that is no error */
	ICMP6_ECHO_REQUEST = 128,
	ICMP6_ECHO_REPLY = 129,
	ICMP6_ND_FIRST = 133, /* router solicitation */
	ICMP6_SOLICITATION = 135,
	ICMP6_ND_LAST = 137,
	ICMP6_REDIRECT = 137,
};

/* Codes of ICMP6_UNREACHABLE. */
enum icmp6_unreachable_code {
	ICMP6_NO_ROUTE = 0,
	ICMP6_BEYOND_SCOPE = 2,
	ICMP6_ADDRESS = 3,
	ICMP6_PORT = 4,
	ICMP6_REJECT = 6,
};

/* Codes of ICMP6_PARAMETER. */
enum icmp6_parameter_code {
	ICMP6_BAD_FIELD = 0,
	ICMP6_BAD_NEXT = 1,
	ICMP6_BAD_OPTION = 2,
};

struct ip6_header {
	uint32_t version_be; /* version, traffic class, flow label */
	uint16_t payload_bytes_be;
	uint8_t next; /* enum ip6_next */
	uint8_t hop_limit;
	uint8_t src[16];
	uint8_t dst[16];
} PACKED;

_Static_assert(sizeof(struct ip6_header) == IP6_HEADER_BYTES, "the fixed IPv6 header");

struct icmp6_header {
	uint8_t type; /* enum icmp6_type */
	uint8_t code;
	uint16_t checksum_be;
	uint32_t info_be; /* MTU, pointer, or identifier and sequence */
} PACKED;

/* ff00::/8. */
static inline bool ip6_is_multicast(const uint8_t addr[16])
{
	return addr[0] == 0xff;
}

/* fe80::/10. */
static inline bool ip6_is_link_local(const uint8_t addr[16])
{
	return addr[0] == 0xfe && (addr[1] & 0xc0) == 0x80;
}

/* :: */
static inline bool ip6_is_unspecified(const uint8_t addr[16])
{
	uint64_t v[2];

	memcpy(v, addr, sizeof(v));
	return (v[0] | v[1]) == 0;
}

/* ::1 */
static inline bool ip6_is_loopback(const uint8_t addr[16])
{
	uint64_t v[2];

	memcpy(v, addr, sizeof(v));
	return v[0] == 0 && v[1] == htobe64(1);
}

/* ::ffff:0:0/96, which must not be on a wire. */
static inline bool ip6_is_mapped(const uint8_t addr[16])
{
	uint64_t v[2];

	memcpy(v, addr, sizeof(v));
	return v[0] == 0 && (v[1] & htobe64(0xffffffff00000000)) == htobe64(0x0000ffff00000000);
}

/* The scope field of multicast address @addr: 1 interface, 2 link, 5 site, 14 global. */
static inline unsigned ip6_multicast_scope(const uint8_t addr[16])
{
	return addr[1] & 0x0f;
}

#endif
