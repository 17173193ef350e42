/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers and addresses of the configuration and of route files, read in one pass without copies.
 * Main threads only. RFC 4291 section 2.2 for the text form of IPv6 addresses.
 */
#include <string.h>

#include "lib/conf/conf_scan.h"

#define GROUPS_MAX 8

const char *conf_scan_number(const char *p, const char *end, uint64_t max, uint64_t *out)
{
	const char *start = p;
	uint64_t value = 0;

	for (; p < end && *p >= '0' && *p <= '9'; p++) {
		unsigned digit = (unsigned)(*p - '0');

		if (digit > max || value > (max - digit) / 10)
			return NULL;
		value = value * 10 + digit;
	}
	if (p == start || (*start == '0' && p != start + 1))
		return NULL;
	*out = value;
	return p;
}

static const char *scan_v4(const char *p, const char *end, uint8_t bytes[4])
{
	for (unsigned i = 0; i < 4; i++) {
		const char *start;
		unsigned value = 0;

		if (i > 0 && (p == end || *p++ != '.'))
			return NULL;
		start = p;
		for (; p < end && *p >= '0' && *p <= '9'; p++) {
			value = value * 10 + (unsigned)(*p - '0');
			if (value > 255)
				return NULL;
		}
		if (p == start || (*start == '0' && p != start + 1))
			return NULL;
		bytes[i] = (uint8_t)value;
	}
	return p;
}

/* The value of a hexadecimal digit, or -1. */
static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Reads one group of up to four hexadecimal digits; NULL when there is none. */
static const char *scan_group(const char *p, const char *end, uint8_t bytes[2])
{
	const char *start = p;
	unsigned value = 0;

	for (; p < end && p - start < 4 && hex_digit(*p) >= 0; p++)
		value = value << 4 | (unsigned)hex_digit(*p);
	if (p == start || (p < end && hex_digit(*p) >= 0))
		return NULL;
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
	return p;
}

/* Moves the @n groups so that the zeros "::" stands for lie before group @gap. */
static void open_gap(uint8_t bytes[16], unsigned gap, unsigned n)
{
	unsigned tail = (n - gap) * 2;

	memmove(bytes + 16 - tail, bytes + gap * 2, tail);
	memset(bytes + gap * 2, 0, 16 - tail - gap * 2);
}

static const char *scan_v6(const char *p, const char *end, uint8_t bytes[16])
{
	unsigned n = 0, gap = GROUPS_MAX;
	bool need_group = true;

	if (end - p >= 2 && p[0] == ':' && p[1] == ':') {
		gap = 0;
		p += 2;
		need_group = false;
	}
	while (n < GROUPS_MAX) {
		const char *next = scan_group(p, end, bytes + n * 2);

		if (!next)
			break;
		need_group = false;
		if (next < end && *next == '.') {
			if (n > GROUPS_MAX - 2)
				return NULL;
			p = scan_v4(p, end, bytes + n * 2);
			if (!p)
				return NULL;
			n += 2;
			break;
		}
		n++;
		p = next;
		if (n == GROUPS_MAX || p == end || *p != ':')
			break;
		p++;
		need_group = p == end || *p != ':';
		if (need_group)
			continue;
		if (gap != GROUPS_MAX)
			return NULL;
		gap = n;
		p++;
	}
	if (need_group || (gap == GROUPS_MAX) != (n == GROUPS_MAX))
		return NULL;
	if (gap != GROUPS_MAX)
		open_gap(bytes, gap, n);
	return p;
}

const char *conf_scan_address(const char *p, const char *end, struct ip_addr *out)
{
	const char *next;

	memset(out, 0, sizeof(*out));
	next = scan_v4(p, end, out->bytes);
	if (next) {
		out->family = 4;
		out->prefix_len = 32;
		return next;
	}
	out->family = 6;
	out->prefix_len = 128;
	return scan_v6(p, end, out->bytes);
}

const char *conf_scan_prefix(const char *p, const char *end, struct ip_addr *out)
{
	uint64_t bits;

	p = conf_scan_address(p, end, out);
	if (!p || p == end || *p != '/')
		return NULL;
	p = conf_scan_number(p + 1, end, ip_addr_bits(out->family), &bits);
	if (p)
		out->prefix_len = (uint8_t)bits;
	return p;
}
