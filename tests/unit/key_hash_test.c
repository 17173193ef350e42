/* SPDX-License-Identifier: BSD-3-Clause */
/* The hash of byte strings: what a table and those who fear an attacker ask of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/hash/key_hash.h"

#define LENGTHS 300
#define KEYS    100000
#define BUCKETS 4096

static struct key_hash key;

static int start(void **state)
{
	key_hash_init(&key, (const uint8_t *)"0123456789abcdef");
	return 0;
}

static void every_bit_of_a_string_changes_about_half_the_result(void **state)
{
	for (size_t len = 1; len < LENGTHS; len += len < 40 ? 1 : 13) {
		uint8_t *p = calloc(1, len); /* exact: sanitizers see an overrun */
		uint64_t before, flips = 0;

		assert_non_null(p);
		before = key_hash_of(&key, p, len);
		for (size_t bit = 0; bit < len * 8; bit++) {
			uint64_t differ;

			p[bit / 8] ^= (uint8_t)(1 << bit % 8);
			differ = before ^ key_hash_of(&key, p, len);
			assert_true(differ != 0);
			flips += (uint64_t)__builtin_popcountll(differ);
			p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		assert_in_range(flips, len * 8 * 26, len * 8 * 38);
		free(p);
	}
}

static void the_length_counts(void **state)
{
	static const uint8_t zeros[LENGTHS];
	uint64_t seen[LENGTHS];

	for (size_t len = 0; len < LENGTHS; len++) {
		seen[len] = key_hash_of(&key, zeros, len);
		for (size_t i = 0; i < len; i++)
			assert_true(seen[i] != seen[len]);
	}
}

static void another_secret_gives_other_results(void **state)
{
	struct key_hash other;
	uint8_t secret[16] = "0123456789abcdef";

	secret[15] ^= 1;
	key_hash_init(&other, secret);
	for (size_t len = 0; len < LENGTHS; len++) {
		static const uint8_t zeros[LENGTHS];

		assert_true(key_hash_of(&key, zeros, len) != key_hash_of(&other, zeros, len));
	}
}

/* Names as people make them must fill buckets evenly, by high bits and by low ones. */
static void similar_names_spread_evenly(void **state)
{
	static unsigned high[BUCKETS], low[BUCKETS];
	unsigned worst = 0;

	for (unsigned i = 0; i < KEYS; i++) {
		char name[32];
		int len = snprintf(name, sizeof(name), "user:%08u:name", i);
		uint64_t hash = key_hash_of(&key, name, (size_t)len);

		high[hash >> 52]++;
		low[hash % BUCKETS]++;
	}
	for (unsigned i = 0; i < BUCKETS; i++)
		worst = MAX_OF(worst, MAX_OF(high[i], low[i]));
	assert_in_range(worst, KEYS / BUCKETS, KEYS / BUCKETS * 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_bit_of_a_string_changes_about_half_the_result),
		cmocka_unit_test(the_length_counts),
		cmocka_unit_test(another_secret_gives_other_results),
		cmocka_unit_test(similar_names_spread_evenly),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
