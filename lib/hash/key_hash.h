/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A keyed hash of byte strings for tables whose keys an attacker chooses. Up to KEY_HASH_SHORT_MAX
 * bytes it is NH (Black, Halevi, Krawczyk, Krovetz and Rogaway, CRYPTO 1999) over 64-bit words: two
 * different strings of one length collide in its 128 bits with probability 2^-64 over the choice of
 * the secret words. What it gives goes whole, with the length, into one keyed, folded product as in
 * lib/hash/flow_hash.h. Longer strings take SipHash-1-3. It is no MAC. Any thread.
 */
#ifndef LIB_HASH_KEY_HASH_H
#define LIB_HASH_KEY_HASH_H

#include <string.h>

#include "lib/hash/flow_hash.h"
#include "lib/hash/siphash.h"

#define KEY_HASH_SHORT_MAX 128
#define KEY_HASH_WORDS     (KEY_HASH_SHORT_MAX / 8)

/* The secret, spread over words. */
struct key_hash {
	uint64_t words[KEY_HASH_WORDS];
	uint64_t last[2];
	uint64_t sip[2];
};

/* Derives the words from 16 secret bytes. */
static inline void key_hash_init(struct key_hash *k, const uint8_t secret[16])
{
	uint64_t *words = (uint64_t *)k;

	memcpy(k->sip, secret, sizeof(k->sip));
	for (uint64_t i = 0; i < KEY_HASH_WORDS + 2; i++)
		words[i] = siphash_2_4(k->sip, &i, sizeof(i));
	for (uint64_t i = 0; i < 2; i++) {
		uint64_t number = KEY_HASH_WORDS + 2 + i;

		k->last[i] ^= siphash_2_4(k->sip, &number, sizeof(number));
	}
}

static inline uint64_t key_hash_load8(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

static inline uint64_t key_hash_load4(const uint8_t *p)
{
	uint32_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

/* One pair of words of the message under one pair of the secret. */
static inline unsigned __int128 key_hash_product(const uint64_t secret[2], uint64_t a, uint64_t b)
{
	return (unsigned __int128)(a + secret[0]) * (b + secret[1]);
}

/* Hash of @len bytes at @data, any alignment. */
static inline uint64_t key_hash_of(const struct key_hash *k, const void *data, size_t len)
{
	const uint64_t *secret = k->words;
	const uint8_t *p = data;
	unsigned __int128 sum = 0;
	size_t left = len;
	uint64_t a = 0, b = 0;

	if (UNLIKELY(len > KEY_HASH_SHORT_MAX))
		return siphash_1_3(k->sip, data, len);
	for (; left > 16; left -= 16, p += 16, secret += 2)
		sum += key_hash_product(secret, key_hash_load8(p), key_hash_load8(p + 8));
	/* The loads overlap where fewer than 16 bytes are left: nothing is lost for a length. */
	if (LIKELY(left >= 8)) {
		a = key_hash_load8(p);
		b = key_hash_load8(p + left - 8);
	} else if (left >= 4) {
		a = key_hash_load4(p);
		b = key_hash_load4(p + left - 4);
	} else if (left > 0) {
		a = (uint64_t)p[0] << 16 | (uint64_t)p[left / 2] << 8 | p[left - 1];
	}
	sum += key_hash_product(secret, a, b);
	return flow_hash_fold((uint64_t)sum ^ k->last[0],
		(uint64_t)(sum >> 64) ^ k->last[1] ^ len * FLOW_HASH_C0);
}

#endif
