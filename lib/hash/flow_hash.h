/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A keyed hash of a flow for tables and for the choice among equal paths: two rounds of 64x64->128
 * bit multiplication, the second folded (the construction of wyhash and mum), keyed with 128 secret
 * bits per boot so that whoever picks addresses and ports cannot pick buckets. It is no MAC: what
 * must not be forged takes lib/hash/siphash.h. Any thread.
 *
 * Addresses and ports are taken as they lie in the packet. @ports are the first four bytes of the
 * TCP or UDP header as one word, 0 where there are none. All 64 bits of a result are usable.
 */
#ifndef LIB_HASH_FLOW_HASH_H
#define LIB_HASH_FLOW_HASH_H

#include <string.h>

#include "lib/base/base.h"

/* Fractional digits of the square roots of 2, 3, 5 and 7: no operand is small, whatever the key. */
#define FLOW_HASH_C0 0x6a09e667f3bcc908ULL
#define FLOW_HASH_C1 0xbb67ae8584caa73bULL
#define FLOW_HASH_C2 0x3c6ef372fe94f82bULL
#define FLOW_HASH_C3 0xa54ff53a5f1d36f1ULL

/* Both halves of a * b, added without carry. */
static inline uint64_t flow_hash_fold(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Hash of two words: the first product goes whole, not folded, into the second round. */
static inline uint64_t flow_hash_pair(const uint64_t key[2], uint64_t a, uint64_t b)
{
	unsigned __int128 product =
		(unsigned __int128)(a ^ key[0] ^ FLOW_HASH_C0) * (b ^ key[1] ^ FLOW_HASH_C1);

	return flow_hash_fold((uint64_t)product ^ key[1] ^ FLOW_HASH_C2,
		(uint64_t)(product >> 64) ^ key[0] ^ FLOW_HASH_C3);
}

/* Hash of an IPv4 flow from @src_be to @dst_be; the reverse direction has another hash. */
static inline uint64_t flow_hash_ip4(
	const uint64_t key[2], uint32_t src_be, uint32_t dst_be, uint8_t proto, uint32_t ports)
{
	uint64_t from = (uint64_t)src_be << 16 | (ports & 0xffff);
	uint64_t to = (uint64_t)dst_be << 16 | ports >> 16;

	return flow_hash_pair(key, from | (uint64_t)proto << 48, to);
}

/* Hash of an IPv4 conversation: the same for both directions. */
static inline uint64_t flow_hash_ip4_symmetric(
	const uint64_t key[2], uint32_t src_be, uint32_t dst_be, uint8_t proto, uint32_t ports)
{
	uint64_t from = (uint64_t)src_be << 16 | (ports & 0xffff);
	uint64_t to = (uint64_t)dst_be << 16 | ports >> 16;

	return flow_hash_pair(key, MIN_OF(from, to) | (uint64_t)proto << 48, MAX_OF(from, to));
}

/* Hash of an IPv6 flow from @src to @dst; the reverse direction has another hash. */
static inline uint64_t flow_hash_ip6(const uint64_t key[2], const uint8_t src[16],
	const uint8_t dst[16], uint8_t proto, uint32_t ports)
{
	uint64_t s[2], d[2];

	memcpy(s, src, sizeof(s));
	memcpy(d, dst, sizeof(d));
	/* Each address under its own constants: exchanging them changes the hash. */
	return flow_hash_pair(key,
		flow_hash_fold(s[0] ^ key[0] ^ FLOW_HASH_C2, s[1] ^ key[1] ^ FLOW_HASH_C3) ^
			((uint64_t)proto << 32 | ports),
		flow_hash_fold(d[0] ^ key[1] ^ FLOW_HASH_C0, d[1] ^ key[0] ^ FLOW_HASH_C1));
}

/* Hash of an IPv6 conversation: the same for both directions. */
static inline uint64_t flow_hash_ip6_symmetric(const uint64_t key[2], const uint8_t src[16],
	const uint8_t dst[16], uint8_t proto, uint32_t ports)
{
	uint32_t reverse = ports << 16 | ports >> 16;
	unsigned __int128 s, d;

	memcpy(&s, src, sizeof(s));
	memcpy(&d, dst, sizeof(d));
	if (s > d || (s == d && ports > reverse))
		return flow_hash_ip6(key, dst, src, proto, reverse);
	return flow_hash_ip6(key, src, dst, proto, ports);
}

#endif
