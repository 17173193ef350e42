/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Internet checksum against the byte-by-byte definition of RFC 1071: every length and
 * alignment, pieces, headers, pseudo headers, updates, and the two zeros of one's complement.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/wire/checksum.h"

static uint64_t rng = 88172645463325252ULL;

static uint64_t next_random(void)
{
	rng ^= rng >> 12;
	rng ^= rng << 25;
	rng ^= rng >> 27;
	return rng * 0x2545f4914f6cdd1dULL;
}

/* Fills with random bytes, or with all ones or zeros, where carries and zeros hide. */
static void fill(uint8_t *data, size_t len)
{
	unsigned kind = (unsigned)(next_random() >> 60);

	for (size_t i = 0; i < len; i++)
		data[i] = kind == 0 ? 0xff : kind == 1 ? 0 : (uint8_t)(next_random() >> 32);
}

/* The definition: big-endian 16-bit words, odd byte padded, carries added back at each step. */
static uint16_t naive_be(const uint8_t *data, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++) {
		sum += i % 2 == 0 ? (uint32_t)data[i] << 8 : data[i];
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return htons((uint16_t)~sum);
}

static void any_length_and_alignment_equals_the_definition(void **state)
{
	for (size_t len = 0; len < 300; len++) {
		for (size_t align = 0; align < 9; align++) {
			uint8_t *data = malloc(align + len + 1);

			assert_non_null(data);
			fill(data + align, len);
			assert_int_equal(checksum_finish(checksum_sum(data + align, len, 0)),
				naive_be(data + align, len));
			free(data);
		}
	}
}

static void a_large_buffer_of_ones_loses_no_carry(void **state)
{
	size_t len = 1 << 20;
	uint8_t *data = malloc(len);

	assert_non_null(data);
	memset(data, 0xff, len);
	assert_int_equal(checksum_fold(checksum_sum(data, len, 0)), 0xffff);
	assert_int_equal(checksum_finish(checksum_sum(data, len, UINT64_MAX)), 0);
	data[7] = 0x12;
	assert_int_equal(checksum_finish(checksum_sum(data, len, 0)), naive_be(data, len));
	free(data);
}

static void the_example_of_rfc_1071_comes_out(void **state)
{
	static const uint8_t data[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

	assert_int_equal(checksum_fold(checksum_sum(data, sizeof(data), 0)), htons(0xddf2));
}

static void pieces_combine_to_the_whole(void **state)
{
	uint8_t data[200];

	for (unsigned n = 0; n < 20000; n++) {
		size_t len = next_random() % sizeof(data);
		size_t first = next_random() % (len + 1);
		uint64_t sum;

		fill(data, len);
		sum = checksum_combine(checksum_sum(data, first, 0), first,
			checksum_sum(data + first, len - first, 0));
		assert_int_equal(checksum_finish(sum), naive_be(data, len));
	}
}

static void headers_of_every_length_equal_the_definition(void **state)
{
	for (unsigned words = 5; words <= 15; words++) {
		for (unsigned n = 0; n < 1000; n++) {
			uint8_t *header = malloc(words * 4 + 1); /* used at an odd address */
			uint16_t check;

			assert_non_null(header);
			fill(header + 1, words * 4);
			header[1] = (uint8_t)(0x40 | words);
			memset(header + 11, 0, 2);
			check = checksum_ip4_header(header + 1, words);
			assert_int_equal(check, naive_be(header + 1, words * 4));
			memcpy(header + 11, &check, 2);
			assert_int_equal(checksum_ip4_header(header + 1, words), 0);
			header[1 + next_random() % (words * 4)] ^= 0x10;
			assert_int_not_equal(checksum_ip4_header(header + 1, words), 0);
			free(header);
		}
	}
}

/* Changes a field of @field_bytes in a header with a right checksum; the update must stay right. */
static void check_update(uint8_t header[20], size_t at, size_t field_bytes, const void *value)
{
	uint16_t check;

	memset(header + 10, 0, 2);
	check = naive_be(header, 20);
	if (field_bytes == 2) {
		uint16_t old_be, new_be;

		memcpy(&old_be, header + at, 2);
		memcpy(&new_be, value, 2);
		check = checksum_update16(check, old_be, new_be);
	} else {
		uint32_t old_be, new_be;

		memcpy(&old_be, header + at, 4);
		memcpy(&new_be, value, 4);
		check = checksum_update32(check, old_be, new_be);
	}
	memcpy(header + at, value, field_bytes);
	assert_int_equal(check, naive_be(header, 20));
}

static void updates_equal_a_recomputation(void **state)
{
	static const uint32_t edges[] = {
		0, 0xffffffff, 0xffff, 0xffff0000, 1, 0x01000000, 0x80008000};

	for (unsigned n = 0; n < 50000; n++) {
		static const size_t words16[] = {2, 4, 6, 8};
		static const size_t words32[] = {4, 12, 16};
		uint32_t value = (uint32_t)next_random();
		uint8_t header[20];

		if (n % 3 == 0)
			value = edges[next_random() % ARRAY_SIZE(edges)];
		fill(header, sizeof(header));
		header[0] = 0x45;
		check_update(header, words16[next_random() % 4], 2, &value);
		check_update(header, words32[next_random() % 3], 4, &value);
	}
}

static void the_example_of_rfc_1624_gives_zero(void **state)
{
	/* Section 4: checksum 0xdd2f, field 0x5555 becomes 0x3285; RFC 1141 gave 0xffff. */
	assert_int_equal(checksum_update16(htons(0xdd2f), htons(0x5555), htons(0x3285)), 0x0000);
}

static void a_field_set_to_what_it_was_changes_nothing(void **state)
{
	for (uint32_t check = 0; check <= 0xffff; check++) {
		uint16_t field = (uint16_t)next_random();
		uint16_t updated = checksum_update16((uint16_t)check, field, field);

		/* Stored 0xffff means a sum of zero, which equation 3 writes as its other zero. */
		assert_int_equal(updated, check == 0xffff ? 0 : check);
	}
}

static void the_two_zeros_are_told_apart(void **state)
{
	static const uint8_t zeros[20];
	static const uint8_t ones[2] = {0xff, 0xff};

	assert_int_equal(checksum_finish(checksum_sum(zeros, 20, 0)), 0xffff);
	assert_int_equal(checksum_finish(checksum_sum(ones, 2, 0)), 0);
	assert_int_equal(checksum_finish_udp(checksum_sum(ones, 2, 0)), 0xffff);
	assert_int_equal(checksum_finish_udp(checksum_sum(zeros, 20, 0)), 0xffff);
	assert_int_equal(checksum_fold(0), 0);
	assert_int_equal(checksum_fold(UINT64_MAX), 0xffff);
	assert_int_equal(checksum_fold(0xffff0001ULL), 1);
}

static void pseudo_headers_equal_their_bytes(void **state)
{
	for (unsigned n = 0; n < 5000; n++) {
		struct {
			uint32_t src, dst;
			uint8_t zero, proto;
			uint16_t len;
		} PACKED v4;
		struct {
			uint8_t src[16], dst[16];
			uint32_t len;
			uint8_t zero[3], proto;
		} PACKED v6;
		uint16_t len4 = (uint16_t)next_random();
		uint32_t len6 = (uint32_t)next_random();

		fill((uint8_t *)&v4, sizeof(v4));
		v4.zero = 0;
		v4.len = htons(len4);
		assert_int_equal(
			checksum_finish(checksum_pseudo_ip4(v4.src, v4.dst, v4.proto, len4)),
			naive_be((uint8_t *)&v4, sizeof(v4)));
		fill((uint8_t *)&v6, sizeof(v6));
		memset(v6.zero, 0, sizeof(v6.zero));
		v6.len = htonl(len6);
		assert_int_equal(
			checksum_finish(checksum_pseudo_ip6(v6.src, v6.dst, v6.proto, len6)),
			naive_be((uint8_t *)&v6, sizeof(v6)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_length_and_alignment_equals_the_definition),
		cmocka_unit_test(a_large_buffer_of_ones_loses_no_carry),
		cmocka_unit_test(the_example_of_rfc_1071_comes_out),
		cmocka_unit_test(pieces_combine_to_the_whole),
		cmocka_unit_test(headers_of_every_length_equal_the_definition),
		cmocka_unit_test(updates_equal_a_recomputation),
		cmocka_unit_test(the_example_of_rfc_1624_gives_zero),
		cmocka_unit_test(a_field_set_to_what_it_was_changes_nothing),
		cmocka_unit_test(the_two_zeros_are_told_apart),
		cmocka_unit_test(pseudo_headers_equal_their_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
