/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The flow hash: direction, symmetry, key dependence, avalanche (each input bit flips each output
 * bit about half of the time) and even spread of the regular patterns that networks are made of.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/hash/flow_hash.h"

#define SAMPLES 4000
#define BUCKETS 1024
#define FLOWS   (64 * BUCKETS)

/* A 5-tuple; IPv4 uses the first word of each address. */
struct tuple {
	uint8_t src[16];
	uint8_t dst[16];
	uint32_t ports;
	uint8_t proto;
};

struct subject {
	const char *name;
	uint64_t (*hash)(const uint64_t key[2], const struct tuple *t);
	unsigned address_bits;
	bool symmetric;
};

static uint32_t word_of(const uint8_t *bytes)
{
	uint32_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

static uint64_t hash_ip4(const uint64_t key[2], const struct tuple *t)
{
	return flow_hash_ip4(key, word_of(t->src), word_of(t->dst), t->proto, t->ports);
}

static uint64_t hash_ip4_symmetric(const uint64_t key[2], const struct tuple *t)
{
	return flow_hash_ip4_symmetric(key, word_of(t->src), word_of(t->dst), t->proto, t->ports);
}

static uint64_t hash_ip6(const uint64_t key[2], const struct tuple *t)
{
	return flow_hash_ip6(key, t->src, t->dst, t->proto, t->ports);
}

static uint64_t hash_ip6_symmetric(const uint64_t key[2], const struct tuple *t)
{
	return flow_hash_ip6_symmetric(key, t->src, t->dst, t->proto, t->ports);
}

static const struct subject subjects[] = {
	{"ip4", hash_ip4, 32, false},
	{"ip4_symmetric", hash_ip4_symmetric, 32, true},
	{"ip6", hash_ip6, 128, false},
	{"ip6_symmetric", hash_ip6_symmetric, 128, true},
};

static uint64_t rng = 88172645463325252ULL;

static uint64_t next_random(void)
{
	rng ^= rng >> 12;
	rng ^= rng << 25;
	rng ^= rng >> 27;
	return rng * 0x2545f4914f6cdd1dULL;
}

static void fill_random(void *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)data)[i] = (uint8_t)(next_random() >> 32);
}

static struct tuple reversed(const struct tuple *t)
{
	struct tuple r = {.ports = t->ports << 16 | t->ports >> 16, .proto = t->proto};

	memcpy(r.src, t->dst, sizeof(r.src));
	memcpy(r.dst, t->src, sizeof(r.dst));
	return r;
}

/* Input bit @bit of @n: source, destination, ports, protocol. */
static void flip(const struct subject *s, struct tuple *t, unsigned bit)
{
	if (bit < s->address_bits)
		t->src[bit / 8] ^= (uint8_t)(1 << bit % 8);
	else if ((bit -= s->address_bits) < s->address_bits)
		t->dst[bit / 8] ^= (uint8_t)(1 << bit % 8);
	else if ((bit -= s->address_bits) < 32)
		t->ports ^= 1u << bit;
	else
		t->proto ^= (uint8_t)(1 << (bit - 32));
}

static unsigned input_bits(const struct subject *s)
{
	return 2 * s->address_bits + 32 + 8;
}

static void only_the_symmetric_hash_is_equal_in_both_directions(void **state)
{
	uint64_t key[2];
	struct tuple t, r;

	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++) {
		for (unsigned n = 0; n < SAMPLES; n++) {
			fill_random(key, sizeof(key));
			fill_random(&t, sizeof(t));
			if (n % 4 == 0)
				memcpy(t.dst, t.src, sizeof(t.dst)); /* only the ports differ */
			r = reversed(&t);
			assert_int_equal(subjects[i].hash(key, &t) == subjects[i].hash(key, &r),
				subjects[i].symmetric);
		}
	}
}

static void every_input_bit_flips_every_output_bit_half_of_the_time(void **state)
{
	uint64_t key[2];

	fill_random(key, sizeof(key));
	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++) {
		for (unsigned bit = 0; bit < input_bits(&subjects[i]); bit++) {
			unsigned flips[64] = {0};

			for (unsigned n = 0; n < SAMPLES; n++) {
				struct tuple t;
				uint64_t before, change;

				fill_random(&t, sizeof(t));
				before = subjects[i].hash(key, &t);
				flip(&subjects[i], &t, bit);
				change = before ^ subjects[i].hash(key, &t);
				for (unsigned o = 0; o < 64; o++)
					flips[o] += change >> o & 1;
			}
			/* Half of the samples, give or take six standard deviations. */
			for (unsigned o = 0; o < 64; o++) {
				assert_true(flips[o] > SAMPLES / 2 - 190);
				assert_true(flips[o] < SAMPLES / 2 + 190);
			}
		}
	}
}

static void every_key_bit_changes_the_hash(void **state)
{
	uint64_t key[2];
	struct tuple t;

	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++) {
		for (unsigned bit = 0; bit < 128; bit++) {
			unsigned flips = 0;

			for (unsigned n = 0; n < 64; n++) {
				uint64_t before;

				fill_random(key, sizeof(key));
				fill_random(&t, sizeof(t));
				before = subjects[i].hash(key, &t);
				key[bit / 64] ^= 1ULL << bit % 64;
				flips += (unsigned)__builtin_popcountll(
					before ^ subjects[i].hash(key, &t));
			}
			/* Mean 2048 of 4096, standard deviation 32. */
			assert_in_range(flips, 2048 - 200, 2048 + 200);
		}
	}
}

/* Flow @n of a regular pattern. */
static struct tuple pattern_tuple(unsigned pattern, uint32_t n)
{
	struct tuple t = {
		.src = {10, 0, 0, 1, [15] = 1},
		.dst = {192, 0, 2, 1, [15] = 2},
		.ports = htons(1024) | (uint32_t)htons(80) << 16,
		.proto = 6,
	};
	uint32_t n_be = htonl(n);

	switch (pattern) {
	case 0: /* one host, all ports */
		t.ports = htons((uint16_t)n) | (uint32_t)htons(80) << 16;
		break;
	case 1: /* hosts of a subnet */
		memcpy(t.src + 1, (uint8_t *)&n_be + 1, 3);
		memcpy(t.src + 13, (uint8_t *)&n_be + 1, 3);
		break;
	case 2: /* both ends count together */
		memcpy(t.src + 1, (uint8_t *)&n_be + 1, 3);
		memcpy(t.dst + 1, (uint8_t *)&n_be + 1, 3);
		memcpy(t.src + 5, (uint8_t *)&n_be + 1, 3);
		memcpy(t.dst + 5, (uint8_t *)&n_be + 1, 3);
		break;
	case 3: /* address and port count against each other */
		t.src[3] = t.src[15] = (uint8_t)n;
		t.ports = htons((uint16_t)(n >> 8)) | (uint32_t)htons((uint16_t)(n >> 8)) << 16;
		break;
	}
	return t;
}

/* Chi-square of FLOWS flows over BUCKETS buckets, taken from bits @shift up. */
static double chi_square(
	const struct subject *s, const uint64_t key[2], unsigned pattern, unsigned shift)
{
	static unsigned counts[BUCKETS];
	double expected = (double)FLOWS / BUCKETS, sum = 0;

	memset(counts, 0, sizeof(counts));
	for (uint32_t n = 0; n < FLOWS; n++) {
		struct tuple t = pattern_tuple(pattern, n);

		counts[(s->hash(key, &t) >> shift) % BUCKETS]++;
	}
	for (unsigned b = 0; b < BUCKETS; b++)
		sum += (counts[b] - expected) * (counts[b] - expected) / expected;
	return sum;
}

static void regular_patterns_spread_evenly(void **state)
{
	static const uint64_t keys[][2] = {
		{0, 0}, {1, 2}, {0x243f6a8885a308d3ULL, 0x13198a2e03707344ULL}};

	for (size_t i = 0; i < ARRAY_SIZE(subjects); i++) {
		for (unsigned pattern = 0; pattern < 4; pattern++) {
			for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
				/* 1023 degrees of freedom: mean 1023, standard deviation 45. */
				assert_true(chi_square(&subjects[i], keys[k], pattern, 0) < 1300);
				assert_true(chi_square(&subjects[i], keys[k], pattern, 32) < 1300);
				assert_true(chi_square(&subjects[i], keys[k], pattern, 54) < 1300);
			}
		}
	}
}

static void flows_that_collide_under_one_key_part_under_another(void **state)
{
	static struct tuple seen[BUCKETS];
	static bool taken[BUCKETS];
	uint64_t key[2], other[2];
	unsigned pairs = 0, still = 0;

	fill_random(key, sizeof(key));
	fill_random(other, sizeof(other));
	for (uint32_t n = 0; n < FLOWS; n++) {
		struct tuple t = pattern_tuple(0, n);
		uint64_t bucket = hash_ip4(key, &t) % BUCKETS;

		if (taken[bucket]) {
			pairs++;
			still += hash_ip4(other, &t) % BUCKETS ==
				 hash_ip4(other, &seen[bucket]) % BUCKETS;
		}
		seen[bucket] = t;
		taken[bucket] = true;
	}
	/* One in 1024 by chance: about 63, standard deviation 8. */
	assert_in_range(pairs, FLOWS - BUCKETS, FLOWS);
	assert_in_range(still, 16, 112);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_symmetric_hash_is_equal_in_both_directions),
		cmocka_unit_test(every_input_bit_flips_every_output_bit_half_of_the_time),
		cmocka_unit_test(every_key_bit_changes_the_hash),
		cmocka_unit_test(regular_patterns_spread_evenly),
		cmocka_unit_test(flows_that_collide_under_one_key_part_under_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
