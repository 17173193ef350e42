/* SPDX-License-Identifier: BSD-3-Clause */
/* The walk over IPv6 extension headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "dataplane/ip/ip6_ext.h"
#include "tests/unit/frame.h"

/* A packet of exactly @len bytes, so that the sanitizer sees every byte read behind it. */
static uint8_t *exact_packet(const char *text, uint32_t *len)
{
	uint8_t frame[FRAME_MAX], *packet;

	*len = frame_build(text, frame);
	packet = malloc(*len);
	assert_non_null(packet);
	memcpy(packet, frame, *len);
	return packet;
}

static void a_walk_ends_at_the_upper_layer_or_says_why_not(void **state)
{
	static const struct {
		const char *packet;
		enum ip6_ext_result result;
		unsigned count;
		uint32_t offset, next_offset;
		uint8_t type;
	} cases[] = {
		{"ip6 udp", IP6_EXT_UPPER, 0, 40, 6, IP6_NEXT_UDP},
		{"ip6", IP6_EXT_UPPER, 0, 40, 6, IP6_NEXT_NONE},
		{"ip6{next=58}", IP6_EXT_UPPER, 0, 40, 6, IP6_NEXT_ICMP6},
		{"ip6 hbh udp", IP6_EXT_UPPER, 1, 48, 40, IP6_NEXT_UDP},
		{"ip6 frag udp", IP6_EXT_UPPER, 1, 48, 40, IP6_NEXT_UDP},
		{"ip6 frag{reserved=255} udp", IP6_EXT_UPPER, 1, 48, 40, IP6_NEXT_UDP},
		{"ip6 auth{hex=00000000} icmp6", IP6_EXT_UPPER, 1, 56, 40, IP6_NEXT_ICMP6},
		{"ip6 hbh opts rt frag opts tcp", IP6_EXT_UPPER, 5, 80, 72, IP6_NEXT_TCP},
		{"ip6 opts{hex=010c000000000000000000000000} tcp", IP6_EXT_UPPER, 1, 56, 40,
			IP6_NEXT_TCP},
		{"ip6{next=0}", IP6_EXT_TRUNCATED, 0, 40, 6, IP6_NEXT_HOP_BY_HOP},
		{"ip6{next=0} pad{7}", IP6_EXT_TRUNCATED, 0, 40, 6, IP6_NEXT_HOP_BY_HOP},
		{"ip6 hbh{len=1}", IP6_EXT_TRUNCATED, 0, 40, 6, IP6_NEXT_HOP_BY_HOP},
		{"ip6 hbh opts{len=255} udp", IP6_EXT_TRUNCATED, 1, 48, 40, IP6_NEXT_DESTINATION},
		{"ip6 frag short{1}", IP6_EXT_TRUNCATED, 0, 40, 6, IP6_NEXT_FRAGMENT},
		{"ip6 auth{len=0}", IP6_EXT_UPPER, 1, 48, 40, IP6_NEXT_NONE},
		{"ip6 auth{len=9}", IP6_EXT_TRUNCATED, 0, 40, 6, IP6_NEXT_AUTH},
		{"ip6 opts opts opts opts opts opts opts opts udp", IP6_EXT_UPPER, 8, 104, 96,
			IP6_NEXT_UDP},
		{"ip6 opts opts opts opts opts opts opts opts opts udp", IP6_EXT_LIMIT, 8, 104, 96,
			IP6_NEXT_DESTINATION},
		{"ip6 opts{len=127} pad{1016}", IP6_EXT_UPPER, 1, 1064, 40, IP6_NEXT_NONE},
		{"ip6 opts{len=128} pad{1024}", IP6_EXT_LIMIT, 0, 40, 6, IP6_NEXT_DESTINATION},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t len;
		uint8_t *packet = exact_packet(cases[i].packet, &len);
		enum ip6_ext_result r;
		struct ip6_extension x;

		ip6_ext_begin(&x, packet, len);
		while ((r = ip6_ext_step(&x)) == IP6_EXT_HEADER)
			assert_in_range(x.offset + x.bytes, 48, len);
		if (r != cases[i].result || x.count != cases[i].count ||
			x.offset != cases[i].offset || x.next_offset != cases[i].next_offset ||
			x.type != cases[i].type)
			fail_msg("%s: result %d, %u headers, type %u at %u named at %u",
				cases[i].packet, r, x.count, x.type, x.offset, x.next_offset);
		free(packet);
	}
}

/* Any bytes at all: the walk stays inside and ends. */
static void a_walk_over_noise_stays_inside_the_packet(void **state)
{
	uint64_t random = 88172645463325252ULL;

	for (unsigned round = 0; round < 20000; round++) {
		uint32_t len = 40 + (uint32_t)(random >> 33) % 200, steps = 0;
		uint8_t *packet = malloc(len);
		struct ip6_extension x;

		for (uint32_t i = 0; i < len; i++) {
			static const uint8_t types[8] = {0, 43, 44, 51, 60, 60, 0, 1};

			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			packet[i] = random & 0x100 ? types[random % 8] : (uint8_t)random;
		}
		ip6_ext_begin(&x, packet, len);
		while (ip6_ext_step(&x) == IP6_EXT_HEADER) {
			uint32_t pointer = 0;

			assert_true(x.offset + x.bytes <= len);
			assert_true(++steps <= IP6_EXT_HEADERS_MAX);
			ip6_ext_options(&x, &pointer);
			assert_true(pointer < x.offset + x.bytes);
		}
		assert_true(x.offset <= len);
		free(packet);
	}
}

static void fragment_headers_tell_first_and_whole_ones(void **state)
{
	static const struct {
		const char *packet;
		bool first, atomic;
	} cases[] = {
		{"ip6 frag udp", true, true},
		{"ip6 frag{more=1} udp", true, false},
		{"ip6 frag{off=1} udp", false, false},
		{"ip6 frag{off=8191,more=1} udp", false, false},
		{"ip6 frag{reserved=7,id=9} udp", true, true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t packet[FRAME_MAX];
		struct ip6_extension x;

		ip6_ext_begin(&x, packet, frame_build(cases[i].packet, packet));
		assert_int_equal(ip6_ext_step(&x), IP6_EXT_HEADER);
		assert_int_equal(ip6_ext_fragment_is_first(&x), cases[i].first);
		assert_int_equal(ip6_ext_fragment_is_atomic(&x), cases[i].atomic);
	}
}

static void unknown_options_decide_by_their_two_high_bits(void **state)
{
	static const struct {
		const char *packet;
		enum ip6_ext_verdict verdict;
		uint32_t pointer;
	} cases[] = {
		{"ip6 opts", IP6_EXT_OK, 47},
		{"ip6 opts{hex=010400000000}", IP6_EXT_OK, 42},
		{"ip6 hbh{hex=050200000100}", IP6_EXT_OK, 46},
		{"ip6 hbh{hex=3e0400000000}", IP6_EXT_OK, 42},
		{"ip6 hbh{hex=400400000000}", IP6_EXT_DISCARD, 42},
		{"ip6 hbh{hex=00007e020000}", IP6_EXT_DISCARD, 44},
		{"ip6 opts{hex=8a0400000000}", IP6_EXT_REPORT, 42},
		{"ip6 opts{hex=0100c2020000}", IP6_EXT_REPORT_UNICAST, 44},
		{"ip6 opts{hex=010500000000}", IP6_EXT_MALFORMED, 42},
		{"ip6 opts{hex=0000000000c2}", IP6_EXT_MALFORMED, 47},
		{"ip6 opts{hex=010301020305}", IP6_EXT_MALFORMED, 47},
		{"ip6 opts{len=15} pad{120}", IP6_EXT_MALFORMED, 106},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t len, pointer = 0;
		uint8_t *packet = exact_packet(cases[i].packet, &len);
		struct ip6_extension x;

		ip6_ext_begin(&x, packet, len);
		assert_int_equal(ip6_ext_step(&x), IP6_EXT_HEADER);
		if (ip6_ext_options(&x, &pointer) != cases[i].verdict ||
			pointer != cases[i].pointer)
			fail_msg("%s: pointer %u", cases[i].packet, pointer);
		free(packet);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_walk_ends_at_the_upper_layer_or_says_why_not),
		cmocka_unit_test(a_walk_over_noise_stays_inside_the_packet),
		cmocka_unit_test(fragment_headers_tell_first_and_whole_ones),
		cmocka_unit_test(unknown_options_decide_by_their_two_high_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
