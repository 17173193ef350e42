/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One type for an IPv4 or IPv6 address, an interface address with its prefix length, and a prefix.
 * It has no padding and a fixed size, so it is also the form used on the API socket. Any thread.
 */
#ifndef LIB_BASE_IPADDR_H
#define LIB_BASE_IPADDR_H

#include "lib/base/base.h"

#define IPADDR_TEXT_MAX 64 /* longest "address/len" with its terminator */

/* family is 4 or 6 (0: none); an IPv4 address uses the first 4 bytes, the rest are zero. */
struct ip_addr {
	uint8_t family;
	uint8_t prefix_len; /* bits: 32 or 128 for a plain address */
	uint8_t zero[2];
	uint8_t bytes[16]; /* network byte order */
};

/* Bits in an address of @family: 32 or 128. */
static inline unsigned ip_addr_bits(unsigned family)
{
	return family == 4 ? 32 : 128;
}

/* Makes an IPv4 address from its four bytes in network order. */
struct ip_addr ip_addr_v4(uint32_t addr_be);

/* Makes an IPv6 address from its 16 bytes. */
struct ip_addr ip_addr_v6(const uint8_t bytes[16]);

/* The IPv4 address as a word in network byte order. */
uint32_t ip_addr_v4_be(const struct ip_addr *addr);

/* Parses "192.0.2.1" or "2001:db8::1", nothing else. 0 or -EINVAL. */
int ip_addr_parse(const char *text, struct ip_addr *out);

/* Parses "address/len"; host bits are kept (see ip_addr_mask). 0 or -EINVAL. */
int ip_addr_parse_prefix(const char *text, struct ip_addr *out);

/* Writes the address, with "/len" when it is not a plain one, to @buf of IPADDR_TEXT_MAX; returns
 * @buf. */
char *ip_addr_format(const struct ip_addr *addr, char *buf);

/* Writes the address without any "/len" to @buf of IPADDR_TEXT_MAX; returns @buf. */
char *ip_addr_format_host(const struct ip_addr *addr, char *buf);

/* Clears the host bits. */
void ip_addr_mask(struct ip_addr *prefix);

/* Whether host bits are set. */
bool ip_addr_has_host_bits(const struct ip_addr *prefix);

/* Whether @prefix (host bits ignored) covers the address @addr of the same family. */
bool ip_addr_covers(const struct ip_addr *prefix, const struct ip_addr *addr);

/* Same family, length and bytes. */
bool ip_addr_equal(const struct ip_addr *a, const struct ip_addr *b);

/* Same family and bytes, whatever the lengths. */
bool ip_addr_same_host(const struct ip_addr *a, const struct ip_addr *b);

/* 224.0.0.0/4 or ff00::/8. */
bool ip_addr_is_multicast(const struct ip_addr *addr);

/* fe80::/10. */
bool ip_addr_is_link_local(const struct ip_addr *addr);

/* All bytes zero. */
bool ip_addr_is_zero(const struct ip_addr *addr);

/* Parses "02:00:00:00:00:fe". 0 or -EINVAL. */
int mac_parse(const char *text, uint8_t mac[6]);

/* Writes the MAC to @buf of at least 18 bytes; returns @buf. */
char *mac_format(const uint8_t mac[6], char *buf);

#endif
