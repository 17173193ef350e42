/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Internet checksum (RFC 1071): over bytes of any alignment and length, in parts, over headers
 * and pseudo headers, and its incremental update (RFC 1624, equation 3). Any thread.
 *
 * A *sum* is an unfolded 64-bit accumulator of 16-bit words as they lie in memory; sums are added
 * with checksum_add(). A *checksum* is the folded, inverted form, in the byte order in which it
 * lies in the packet. Words and fields named _be are in network order too, so nothing is swapped.
 */
#ifndef LIB_WIRE_CHECKSUM_H
#define LIB_WIRE_CHECKSUM_H

#include <endian.h>
#include <string.h>

#include "lib/base/base.h"

/* One's complement addition: the carry comes back in at the bottom. */
static inline uint64_t checksum_add(uint64_t a, uint64_t b)
{
	uint64_t sum = a + b;

	return sum + (sum < b);
}

/* The sum folded to 16 bits, not inverted. 0 only for a sum of nothing but zeros. */
static inline uint16_t checksum_fold(uint64_t sum)
{
	uint32_t half;

	/* Both halves added in the upper one, which also gets the carry of the lower one. */
	half = (uint32_t)((sum + (sum << 32 | sum >> 32)) >> 32);
	return (uint16_t)((half + (half << 16 | half >> 16)) >> 16);
}

/* The checksum to store. Data with a right checksum in it finishes to 0. */
static inline uint16_t checksum_finish(uint64_t sum)
{
	return (uint16_t)~checksum_fold(sum);
}

/* The checksum to store in UDP, where 0 means that there is none (RFC 768). */
static inline uint16_t checksum_finish_udp(uint64_t sum)
{
	uint16_t check = checksum_finish(sum);

	return check == 0 ? 0xffff : check;
}

/* The eight bytes at @p. */
static inline uint64_t checksum_word(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

/* The sum of @len bytes at @data plus @sum. The data must start at an even offset of the message.
 */
static inline uint64_t checksum_sum(const void *data, size_t len, uint64_t sum)
{
	const uint8_t *p = data;
	uint64_t word, rest = 0, second = 0, third = 0, fourth = 0;

	/* Chains of additions with carry, which do not wait for each other. */
	for (; len >= 4 * sizeof(word); len -= 4 * sizeof(word), p += 4 * sizeof(word)) {
		sum = checksum_add(sum, checksum_word(p));
		second = checksum_add(second, checksum_word(p + 8));
		third = checksum_add(third, checksum_word(p + 16));
		fourth = checksum_add(fourth, checksum_word(p + 24));
	}
	sum = checksum_add(sum, third);
	second = checksum_add(second, fourth);
	if (len & 16) {
		sum = checksum_add(sum, checksum_word(p));
		second = checksum_add(second, checksum_word(p + 8));
		p += 16;
	}
	if (len & 8) {
		memcpy(&word, p, sizeof(word));
		sum = checksum_add(sum, word);
		p += 8;
	}
	/* The rest as if zero bytes followed; where the words lie does not matter. */
	if (len & 4) {
		uint32_t half;

		memcpy(&half, p, sizeof(half));
		rest += half;
		p += 4;
	}
	if (len & 2) {
		uint16_t quarter;

		memcpy(&quarter, p, sizeof(quarter));
		rest += quarter;
		p += 2;
	}
	if (len & 1)
		rest += htole16(*p);
	return checksum_add(checksum_add(sum, second), rest);
}

/*
 * The sum of two adjacent pieces from the sums of each: the second piece's words lie across the
 * first's if that has an odd length @first_bytes (RFC 1071, 2B).
 */
static inline uint64_t checksum_combine(uint64_t first, size_t first_bytes, uint64_t second)
{
	if (first_bytes % 2 != 0)
		second = __builtin_bswap16(checksum_fold(second));
	return checksum_add(first, second);
}

/* The checksum over an IPv4 header of @ihl_words 32-bit words (5 to 15): 0 if the one in it is
 * right. */
static inline uint16_t checksum_ip4_header(const void *header, unsigned ihl_words)
{
	if (LIKELY(ihl_words == 5)) {
		uint32_t v[5];

		memcpy(v, header, sizeof(v));
		return checksum_finish((uint64_t)v[0] + v[1] + v[2] + v[3] + v[4]);
	}
	return checksum_finish(checksum_sum(header, ihl_words * 4, 0));
}

/*
 * The checksum after a 16-bit field covered by it changed. RFC 1624, equation 3, which unlike RFC
 * 1141 never makes 0xffff where a recomputation says 0.
 */
static inline uint16_t checksum_update16(uint16_t check, uint16_t old_be, uint16_t new_be)
{
	return checksum_finish((uint64_t)(uint16_t)~check + (uint16_t)~old_be + new_be);
}

/* The checksum after a 32-bit field covered by it, at an even offset, changed. */
static inline uint16_t checksum_update32(uint16_t check, uint32_t old_be, uint32_t new_be)
{
	return checksum_finish((uint64_t)(uint16_t)~check + (uint32_t)~old_be + new_be);
}

/* The sum of the IPv4 pseudo header of @len bytes of protocol @proto (RFC 9293 3.1, RFC 768). */
static inline uint64_t checksum_pseudo_ip4(
	uint32_t src_be, uint32_t dst_be, uint8_t proto, uint16_t len)
{
	return (uint64_t)src_be + dst_be + htobe16(proto) + htobe16(len);
}

/* The sum of the IPv6 pseudo header of @len bytes of protocol @proto (RFC 8200 8.1). */
static inline uint64_t checksum_pseudo_ip6(
	const uint8_t src[16], const uint8_t dst[16], uint8_t proto, uint32_t len)
{
	uint64_t sum = checksum_sum(src, 16, (uint64_t)htobe32(proto) + htobe32(len));

	return checksum_sum(dst, 16, sum);
}

#endif
