/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IPv4 and ICMP headers as they lie in a packet (RFC 791, 792), the classes of addresses, and the
 * TTL with its checksum. Without the headers of DPDK, which bring the system's along. Thread: any.
 */
#ifndef DATAPLANE_IP_IP4_HEADER_H
#define DATAPLANE_IP_IP4_HEADER_H

#include <endian.h>
#include <string.h>

#include "lib/base/base.h"

#define IP4_HEADER_BYTES     20
#define IP4_HEADER_BYTES_MAX 60
#define IP4_FRAGMENT_MASK    0x3fff /* more fragments, and the offset */
#define IP4_TTL_OFFSET       8

enum ip4_protocol {
	IP4_PROTOCOL_ICMP = 1,
	IP4_PROTOCOL_IGMP = 2,
	IP4_PROTOCOL_TCP = 6,
	IP4_PROTOCOL_UDP = 17,
};

/* RFC 792, and where it says so the RFC that added the type. */
enum icmp4_type {
	ICMP4_ECHO_REPLY = 0,
	ICMP4_UNREACHABLE = 3,
	ICMP4_ECHO_REQUEST = 8,
	ICMP4_ROUTER_ADVERTISEMENT = 9, /* RFC 1256 */
	ICMP4_ROUTER_SOLICITATION = 10, /* RFC 1256 */
	ICMP4_TIME_EXCEEDED = 11,
	ICMP4_PARAMETER = 12,
	ICMP4_TIMESTAMP = 13,
	ICMP4_TIMESTAMP_REPLY = 14,
	ICMP4_INFORMATION = 15,
	ICMP4_INFORMATION_REPLY = 16,
	ICMP4_MASK = 17, /* RFC 950 */
	ICMP4_MASK_REPLY = 18,
	ICMP4_EXTENDED_ECHO = 42, /* RFC 8335 */
	ICMP4_EXTENDED_ECHO_REPLY = 43,
};

enum icmp4_unreachable_code {
	ICMP4_UNREACHABLE_NETWORK = 0,
	ICMP4_UNREACHABLE_HOST = 1,
	ICMP4_UNREACHABLE_PROTOCOL = 2,
	ICMP4_UNREACHABLE_PORT = 3,
	ICMP4_UNREACHABLE_TOO_BIG = 4,
};

/* As on the wire. */
struct icmp4_header {
	uint8_t type;
	uint8_t code;
	uint16_t checksum_be;
	uint32_t info_be; /* unused, pointer, MTU, or identifier and sequence number */
} PACKED;

/* Bytes of the header at @l3. */
static inline uint32_t ip4_header_bytes(const uint8_t *l3)
{
	return (l3[0] & 0xf) * 4u;
}

/* Whether addresses that begin with @octet stand for no single host on the Internet: "this
 * network", loopback, multicast, reserved and broadcast (RFC 6890). */
static inline bool ip4_octet_is_special(uint8_t octet)
{
	return octet == 0 || octet == 127 || octet >= 224;
}

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

#endif
