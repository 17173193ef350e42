/* SPDX-License-Identifier: BSD-3-Clause */
/* What ip6_input makes of a header: the judgement alone, and its fast form against it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "dataplane/ip/ip6_input.h"
#include "tests/unit/frame.h"

#define BAD(reason) IP6_INPUT_DROP, DROP_##reason

static void a_header_is_judged_by_its_fields(void **state)
{
	static const struct {
		const char *packet;
		uint8_t flags;
		enum ip6_input_next next;
		enum drop_reason reason;
	} cases[] = {
		{"ip6 udp", 0, IP6_INPUT_ROUTE, DROP_NONE},
		{"ip6", 0, IP6_INPUT_ROUTE, DROP_NONE},
		{"ip6 udp trail{20}", 0, IP6_INPUT_ROUTE, DROP_NONE},
		{"ip6{dst=fd00::1}", 0, IP6_INPUT_ROUTE, DROP_NONE},
		{"ip6{dst=fec0::1}", 0, IP6_INPUT_ROUTE, DROP_NONE},
		{"ip6{src=fe80::5} udp", 0, IP6_INPUT_ROUTE, DROP_NONE},
		{"ip6{dst=::192.0.2.1}", 0, IP6_INPUT_ROUTE, DROP_NONE},
		{"ip6{dst=fe80::1}", 0, IP6_INPUT_LINK_LOCAL, DROP_NONE},
		{"ip6{dst=febf::1}", 0, IP6_INPUT_LINK_LOCAL, DROP_NONE},
		{"ip6{dst=ff02::1}", PKT_L2_MULTICAST, IP6_INPUT_MULTICAST, DROP_NONE},
		{"ip6{dst=ff0e::1}", 0, IP6_INPUT_MULTICAST, DROP_NONE},
		{"ip6{src=::,dst=ff02::1:ff00:1}", 0, IP6_INPUT_MULTICAST, DROP_NONE},
		{"ip6 keep{39}", 0, BAD(ip6_runt)},
		{"ip6 keep{1}", 0, BAD(ip6_runt)},
		{"ip6{ver=4}", 0, BAD(ip6_bad_version)},
		{"ip6{ver=14}", 0, BAD(ip6_bad_version)},
		{"ip6{len=1}", 0, BAD(ip6_bad_length)},
		{"ip6{len=65535} udp pad{1000}", 0, BAD(ip6_bad_length)},
		{"ip6 udp short{1}", 0, BAD(ip6_bad_length)},
		{"ip6{len=0,next=0} hbh{hex=c20400010008}", 0, BAD(ip6_bad_length)},
		{"ip6{src=ff02::1}", 0, BAD(ip6_bad_source)},
		{"ip6{src=ff0e::7}", 0, BAD(ip6_bad_source)},
		{"ip6{src=::1}", 0, BAD(ip6_bad_source)},
		{"ip6{src=::}", 0, BAD(ip6_bad_source)},
		{"ip6{src=::ffff:192.0.2.1}", 0, BAD(ip6_bad_source)},
		{"ip6{dst=::}", 0, BAD(ip6_bad_destination)},
		{"ip6{dst=::1}", 0, BAD(ip6_bad_destination)},
		{"ip6{dst=::ffff:192.0.2.1}", 0, BAD(ip6_bad_destination)},
		{"ip6{dst=ff00::1}", 0, BAD(ip6_bad_destination)},
		{"ip6{dst=ff01::1}", 0, BAD(ip6_bad_destination)},
		{"ip6{dst=ff11::1}", 0, BAD(ip6_bad_destination)},
		{"ip6 udp", PKT_L2_MULTICAST, BAD(ip6_l2_broadcast)},
		{"ip6 udp", PKT_L2_MULTICAST | PKT_L2_BROADCAST, BAD(ip6_l2_broadcast)},
		{"ip6{dst=fe80::1}", PKT_L2_MULTICAST, BAD(ip6_l2_broadcast)},
		{"ip6{src=::1,dst=::1}", PKT_L2_MULTICAST, BAD(ip6_bad_source)},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t frame[FRAME_MAX];
		uint32_t len = frame_build(cases[i].packet, frame);
		uint8_t *packet = malloc(len);
		struct ip6_input_class c;

		memcpy(packet, frame, len);
		c = ip6_input_classify(packet, len, cases[i].flags);
		if (c.next != cases[i].next || c.reason != cases[i].reason)
			fail_msg("%s: next %d, reason %s", cases[i].packet, c.next,
				drop_table[c.reason].name);
		free(packet);
	}
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* A header whose fields lie close to what makes them good or bad. */
static void random_header(uint64_t *random, uint8_t *l3, uint32_t bytes)
{
	static const uint8_t first[8] = {0x00, 0x01, 0x20, 0x20, 0xfc, 0xfd, 0xfe, 0xff};
	static const uint8_t second[4] = {0x00, 0x01, 0x80, 0x02};

	memset(l3, 0, bytes);
	if (bytes < IP6_HEADER_BYTES)
		return;
	l3[0] = (uint8_t)(next_random(random) % 8 ? 0x60 : next_random(random));
	l3[5] = (uint8_t)(bytes - IP6_HEADER_BYTES + next_random(random) % 4 - 2);
	l3[4] = next_random(random) % 16 ? 0 : 1;
	l3[IP6_NEXT_OFFSET] = next_random(random) % 2 ? 17 : 0;
	for (unsigned at = IP6_SRC_OFFSET; at <= IP6_DST_OFFSET; at += 16) {
		l3[at] = first[next_random(random) % 8];
		l3[at + 1] = second[next_random(random) % 4];
		if (next_random(random) % 2)
			l3[at + 10] = l3[at + 11] = 0xff;
		l3[at + 15] = next_random(random) % 2;
	}
}

/* The fast test may only pass what the judgement routes, and nothing link-local. */
static void plain_packets_are_routed_by_the_judgement_too(void **state)
{
	uint64_t random = 0x123456789abcdefULL;
	unsigned plain = 0, routed = 0;

	for (unsigned round = 0; round < 2000000; round++) {
		uint32_t bytes = (uint32_t)(next_random(&random) % 8 ? 40 : 36) +
				 (uint32_t)(next_random(&random) % 5);
		uint8_t flags =
			(uint8_t)(next_random(&random) % 8 ? 0 : next_random(&random) & 0x7);
		uint8_t l3[64];
		struct ip6_input_class c;

		random_header(&random, l3, bytes);
		c = ip6_input_classify(l3, bytes, flags);
		routed += c.next == IP6_INPUT_ROUTE;
		if (!ip6_input_is_plain(l3, bytes, flags))
			continue;
		plain++;
		assert_int_equal(c.next, IP6_INPUT_ROUTE);
		assert_int_equal(c.reason, DROP_NONE);
		assert_false(ip6_is_link_local(l3 + IP6_SRC_OFFSET));
		assert_true(ip6_input_packet_bytes(l3) <= bytes);
	}
	assert_true(plain > 10000);
	assert_true(routed > plain);
}

/* The other direction, for the packets that must be fast. */
static void ordinary_traffic_is_plain(void **state)
{
	static const char *const packets[] = {
		"ip6 udp",
		"ip6 tcp",
		"ip6 icmp6",
		"ip6 hbh udp",
		"ip6 frag{more=1} udp",
		"ip6{src=fd00::1,dst=fd00::2} udp",
		"ip6 udp trail{6}",
		"ip6{src=64:ff9b::1} tcp",
	};

	for (size_t i = 0; i < ARRAY_SIZE(packets); i++) {
		uint8_t packet[FRAME_MAX];
		uint32_t len = frame_build(packets[i], packet);

		assert_true(ip6_input_is_plain(packet, len, 0));
		assert_false(ip6_input_is_plain(packet, len, PKT_L2_MULTICAST));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_is_judged_by_its_fields),
		cmocka_unit_test(plain_packets_are_routed_by_the_judgement_too),
		cmocka_unit_test(ordinary_traffic_is_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
