/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses and prefixes: parsing, formatting, comparison. Any thread. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/ipaddr.h"

struct ip_addr ip_addr_v4(uint32_t addr_be)
{
	struct ip_addr a = {.family = 4, .prefix_len = 32};

	memcpy(a.bytes, &addr_be, 4);
	return a;
}

struct ip_addr ip_addr_v6(const uint8_t bytes[16])
{
	struct ip_addr a = {.family = 6, .prefix_len = 128};

	memcpy(a.bytes, bytes, 16);
	return a;
}

uint32_t ip_addr_v4_be(const struct ip_addr *addr)
{
	uint32_t v;

	memcpy(&v, addr->bytes, 4);
	return v;
}

int ip_addr_parse(const char *text, struct ip_addr *out)
{
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, out->bytes) == 1) {
		out->family = 4;
		out->prefix_len = 32;
		return 0;
	}
	if (inet_pton(AF_INET6, text, out->bytes) == 1) {
		out->family = 6;
		out->prefix_len = 128;
		return 0;
	}
	memset(out, 0, sizeof(*out));
	return -EINVAL;
}

int ip_addr_parse_prefix(const char *text, struct ip_addr *out)
{
	const char *slash = strchr(text, '/');
	char host[IPADDR_TEXT_MAX];
	unsigned len = 0;
	size_t n = slash ? (size_t)(slash - text) : 0;

	memset(out, 0, sizeof(*out));
	if (!slash || n >= sizeof(host) || strlen(slash + 1) < 1 || strlen(slash + 1) > 3)
		return -EINVAL;
	if (slash[1] == '0' && slash[2] != '\0')
		return -EINVAL;
	memcpy(host, text, n);
	host[n] = '\0';
	for (const char *p = slash + 1; *p; p++) {
		if (*p < '0' || *p > '9')
			return -EINVAL;
		len = len * 10 + (unsigned)(*p - '0');
	}
	if (ip_addr_parse(host, out) < 0)
		return -EINVAL;
	if (len > ip_addr_bits(out->family)) {
		memset(out, 0, sizeof(*out));
		return -EINVAL;
	}
	out->prefix_len = (uint8_t)len;
	return 0;
}

char *ip_addr_format_host(const struct ip_addr *addr, char *buf)
{
	buf[0] = '\0';
	if (addr->family == 4)
		inet_ntop(AF_INET, addr->bytes, buf, IPADDR_TEXT_MAX);
	else if (addr->family == 6)
		inet_ntop(AF_INET6, addr->bytes, buf, IPADDR_TEXT_MAX);
	return buf;
}

char *ip_addr_format(const struct ip_addr *addr, char *buf)
{
	size_t n;

	ip_addr_format_host(addr, buf);
	n = strlen(buf);
	if (n && addr->prefix_len != ip_addr_bits(addr->family))
		snprintf(buf + n, IPADDR_TEXT_MAX - n, "/%u", addr->prefix_len);
	return buf;
}

/* The mask of byte @i under a prefix of @len bits. */
static uint8_t mask_byte(unsigned i, unsigned len)
{
	if (len >= (i + 1) * 8)
		return 0xff;
	if (len <= i * 8)
		return 0;
	return (uint8_t)(0xff00 >> (len - i * 8));
}

void ip_addr_mask(struct ip_addr *prefix)
{
	for (unsigned i = 0; i < 16; i++)
		prefix->bytes[i] &= mask_byte(i, prefix->prefix_len);
}

bool ip_addr_has_host_bits(const struct ip_addr *prefix)
{
	for (unsigned i = 0; i < 16; i++)
		if (prefix->bytes[i] & ~mask_byte(i, prefix->prefix_len))
			return true;
	return false;
}

bool ip_addr_covers(const struct ip_addr *prefix, const struct ip_addr *addr)
{
	if (prefix->family != addr->family)
		return false;
	for (unsigned i = 0; i < 16; i++)
		if ((prefix->bytes[i] ^ addr->bytes[i]) & mask_byte(i, prefix->prefix_len))
			return false;
	return true;
}

bool ip_addr_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	return a->prefix_len == b->prefix_len && ip_addr_same_host(a, b);
}

bool ip_addr_same_host(const struct ip_addr *a, const struct ip_addr *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, 16) == 0;
}

bool ip_addr_is_multicast(const struct ip_addr *addr)
{
	return addr->family == 4 ? (addr->bytes[0] & 0xf0) == 0xe0 : addr->bytes[0] == 0xff;
}

bool ip_addr_is_link_local(const struct ip_addr *addr)
{
	return addr->family == 6 && addr->bytes[0] == 0xfe && (addr->bytes[1] & 0xc0) == 0x80;
}

bool ip_addr_is_zero(const struct ip_addr *addr)
{
	for (unsigned i = 0; i < 16; i++)
		if (addr->bytes[i])
			return false;
	return true;
}

int mac_parse(const char *text, uint8_t mac[6])
{
	if (strlen(text) != 17)
		return -EINVAL;
	for (unsigned i = 0; i < 6; i++) {
		char digits[3] = {text[i * 3], text[i * 3 + 1], '\0'};
		char *end;

		if (strspn(digits, "0123456789abcdefABCDEF") != 2)
			return -EINVAL;
		if (i < 5 && text[i * 3 + 2] != ':')
			return -EINVAL;
		mac[i] = (uint8_t)strtoul(digits, &end, 16);
	}
	return 0;
}

char *mac_format(const uint8_t mac[6], char *buf)
{
	snprintf(buf, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
		mac[5]);
	return buf;
}
