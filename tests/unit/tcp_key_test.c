/* SPDX-License-Identifier: BSD-3-Clause */
/* Keys of connections and initial sequence numbers. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/tcp/tcp_table.h"

static const uint64_t secret[2] = {0x0123456789abcdefULL, 0xfedcba9876543210ULL};

static struct tcp_key key_of(uint8_t family)
{
	struct tcp_key k = {.remote_port_be = 0x5000, .local_port_be = 0xeb18, .family = family};

	memcpy(k.remote, "\xc0\x00\x02\x01", 4);
	memcpy(k.local, "\xc0\x00\x02\x02", 4);
	if (family == 6)
		k.remote[15] = k.local[15] = 9;
	return k;
}

static void every_byte_of_both_ends_counts(void **state)
{
	for (uint8_t family = 4; family <= 6; family += 2) {
		struct tcp_key k = key_of(family);
		uint64_t hash = tcp_key_hash(&k, secret);

		for (size_t i = 0; i < offsetof(struct tcp_key, family); i++) {
			struct tcp_key other = k;

			if (family == 4 && i < 32 && i % 16 >= 4)
				continue;
			((uint8_t *)&other)[i] ^= 1;
			assert_false(tcp_key_equal(&k, &other));
			assert_true(tcp_key_hash(&other, secret) != hash);
			assert_true(tcp_start_of(&other, secret, 0).isn !=
				    tcp_start_of(&k, secret, 0).isn);
		}
		assert_true(tcp_key_equal(&k, &k));
	}
}

static void the_same_numbers_in_another_family_are_another_key(void **state)
{
	struct tcp_key a = key_of(4), b = a;

	b.family = 6;
	assert_false(tcp_key_equal(&a, &b));
	assert_true(tcp_key_hash(&a, secret) != tcp_key_hash(&b, secret));
}

static void the_secret_counts(void **state)
{
	const uint64_t other[2] = {secret[0], secret[1] ^ 1};
	struct tcp_key k = key_of(4);

	assert_true(tcp_key_hash(&k, secret) != tcp_key_hash(&k, other));
	assert_true(tcp_start_of(&k, secret, 0).isn != tcp_start_of(&k, other, 0).isn);
}

static void hashes_spread_over_buckets(void **state)
{
	unsigned counts[256] = {0};
	struct tcp_key k = key_of(4);

	for (unsigned i = 0; i < 25600; i++) {
		k.remote_port_be = (uint16_t)i;
		counts[tcp_key_hash(&k, secret) & 255]++;
	}
	for (unsigned i = 0; i < 256; i++)
		assert_true(counts[i] > 50 && counts[i] < 160);
}

static void initial_sequence_numbers_follow_a_clock_of_four_microseconds(void **state)
{
	struct tcp_key k = key_of(6);
	uint32_t isn = tcp_start_of(&k, secret, 0).isn;

	assert_int_equal(tcp_start_of(&k, secret, 3999).isn - isn, 0);
	assert_int_equal(tcp_start_of(&k, secret, 4000).isn - isn, 1);
	assert_int_equal(tcp_start_of(&k, secret, NSEC_PER_SEC).isn - isn, 250000);
	assert_int_equal(tcp_start_of(&k, secret, 17180 * NSEC_PER_SEC).isn - isn,
		17180ull * 250000 - (1ull << 32));
}

static void time_stamps_are_shifted_by_another_hash_that_no_clock_moves(void **state)
{
	for (uint8_t family = 4; family <= 6; family += 2) {
		struct tcp_key k = key_of(family), other = k;
		struct tcp_start start = tcp_start_of(&k, secret, 0);

		other.remote_port_be++;
		assert_int_equal(tcp_start_of(&k, secret, NSEC_PER_SEC).ts_offset, start.ts_offset);
		assert_true(tcp_start_of(&other, secret, 0).ts_offset != start.ts_offset);
		assert_true(start.ts_offset != start.isn);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_of_both_ends_counts),
		cmocka_unit_test(the_same_numbers_in_another_family_are_another_key),
		cmocka_unit_test(the_secret_counts),
		cmocka_unit_test(hashes_spread_over_buckets),
		cmocka_unit_test(initial_sequence_numbers_follow_a_clock_of_four_microseconds),
		cmocka_unit_test(time_stamps_are_shifted_by_another_hash_that_no_clock_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
