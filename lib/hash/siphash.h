/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SipHash (Aumasson and Bernstein, INDOCRYPT 2012): a keyed hash that an attacker who sees its
 * results cannot predict, for cookies, initial sequence numbers and the keys of clients. 2-4 is the
 * authors' conservative choice, 1-3 the faster one for hash tables. Any thread.
 */
#ifndef LIB_HASH_SIPHASH_H
#define LIB_HASH_SIPHASH_H

#include <endian.h>
#include <string.h>

#include "lib/base/base.h"

struct siphash_state {
	uint64_t v[4];
};

/* @x turned left by @bits (1 to 63). */
static inline uint64_t siphash_rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

/* @n SipRounds. */
static inline void siphash_rounds(struct siphash_state *s, unsigned n)
{
	uint64_t *v = s->v;

	for (unsigned i = 0; i < n; i++) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = siphash_rotate(v[1], 13) ^ v[0];
		v[3] = siphash_rotate(v[3], 16) ^ v[2];
		v[0] = siphash_rotate(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = siphash_rotate(v[1], 17) ^ v[2];
		v[3] = siphash_rotate(v[3], 21) ^ v[0];
		v[2] = siphash_rotate(v[2], 32);
	}
}

/* Takes in one word of the message. */
static inline void siphash_absorb(struct siphash_state *s, uint64_t word, unsigned c_rounds)
{
	s->v[3] ^= word;
	siphash_rounds(s, c_rounds);
	s->v[0] ^= word;
}

/* The state before the first word. */
static inline struct siphash_state siphash_begin(const uint64_t key[2])
{
	return (struct siphash_state){{
		key[0] ^ 0x736f6d6570736575ULL,
		key[1] ^ 0x646f72616e646f6dULL,
		key[0] ^ 0x6c7967656e657261ULL,
		key[1] ^ 0x7465646279746573ULL,
	}};
}

/* The result after the last word. */
static inline uint64_t siphash_end(struct siphash_state *s, unsigned d_rounds)
{
	s->v[2] ^= 0xff;
	siphash_rounds(s, d_rounds);
	return s->v[0] ^ s->v[1] ^ s->v[2] ^ s->v[3];
}

/* SipHash-c-d of @len bytes at @data, any alignment; call it with constant rounds. */
static inline uint64_t siphash_of(
	const uint64_t key[2], const void *data, size_t len, unsigned c_rounds, unsigned d_rounds)
{
	const uint8_t *p = data;
	size_t left = len;
	struct siphash_state s = siphash_begin(key);
	uint64_t word;

	for (; left >= sizeof(word); left -= sizeof(word), p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		siphash_absorb(&s, le64toh(word), c_rounds);
	}
	word = (uint64_t)len << 56;
	for (size_t i = 0; i < left; i++)
		word |= (uint64_t)p[i] << (8 * i);
	siphash_absorb(&s, word, c_rounds);
	return siphash_end(&s, d_rounds);
}

/* SipHash-2-4 of @len bytes at @data. @key is two little-endian words of the 16 key bytes. */
static inline uint64_t siphash_2_4(const uint64_t key[2], const void *data, size_t len)
{
	return siphash_of(key, data, len, 2, 4);
}

/* SipHash-1-3 of @len bytes at @data. @key is two little-endian words of the 16 key bytes. */
static inline uint64_t siphash_1_3(const uint64_t key[2], const void *data, size_t len)
{
	return siphash_of(key, data, len, 1, 3);
}

/* SipHash-2-4 of the twelve bytes of @low and then @high, each with its lowest byte first. */
static inline uint64_t siphash_2_4_12(const uint64_t key[2], uint64_t low, uint32_t high)
{
	struct siphash_state s = siphash_begin(key);

	siphash_absorb(&s, low, 2);
	siphash_absorb(&s, 12ULL << 56 | high, 2);
	return siphash_end(&s, 4);
}

#endif
