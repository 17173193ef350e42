/* SPDX-License-Identifier: BSD-3-Clause */
/* The flow of an IPv6 packet, which decides among equal paths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "dataplane/ip/ip6_forward.h"
#include "tests/unit/frame.h"

static const uint64_t key[2] = {0x0123456789abcdef, 0xfedcba9876543210};

static uint64_t hash_of(const char *text)
{
	uint8_t frame[FRAME_MAX];
	uint32_t len = frame_build(text, frame);
	uint8_t *packet = malloc(len);
	uint64_t hash;

	memcpy(packet, frame, len);
	hash = ip6_forward_hash(key, packet, len);
	free(packet);
	return hash;
}

static void packets_of_one_flow_have_one_hash(void **state)
{
	static const char *const pairs[][2] = {
		{"ip6 udp", "ip6 udp pad{50}"},
		{"ip6{hop=9,class=3} udp", "ip6 udp{csum=0}"},
		{"ip6 tcp{seq=1}", "ip6 tcp{seq=2,flags=16} pad{9}"},
		{"ip6 frag{more=1} udp{sport=1}", "ip6 frag{off=9} udp{sport=2}"},
		{"ip6 hbh udp{sport=1}", "ip6 hbh udp{sport=2}"},
		{"ip6 icmp6{info=1}", "ip6 icmp6{info=2}"},
		{"ip6{next=17} pad{3}", "ip6{next=17} pad{2}"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		if (hash_of(pairs[i][0]) != hash_of(pairs[i][1]))
			fail_msg("%s and %s differ", pairs[i][0], pairs[i][1]);
}

static void packets_of_two_flows_have_two_hashes(void **state)
{
	static const char *const pairs[][2] = {
		{"ip6 udp{sport=1}", "ip6 udp{sport=2}"},
		{"ip6 udp{dport=1}", "ip6 udp{dport=2}"},
		{"ip6 udp{sport=1,dport=2}", "ip6 udp{sport=2,dport=1}"},
		{"ip6 udp{sport=1,dport=2}", "ip6 tcp{sport=1,dport=2}"},
		{"ip6{label=1} udp", "ip6{label=2} udp"},
		{"ip6{label=1} frag{more=1}", "ip6{label=2} frag{more=1}"},
		{"ip6{src=2001:db8::3} udp", "ip6 udp"},
		{"ip6{dst=2001:db8::3} udp", "ip6 udp"},
		{"ip6{src=2001:db8::3,dst=2001:db8::4}", "ip6{src=2001:db8::4,dst=2001:db8::3}"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		if (hash_of(pairs[i][0]) == hash_of(pairs[i][1]))
			fail_msg("%s and %s are one", pairs[i][0], pairs[i][1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_of_one_flow_have_one_hash),
		cmocka_unit_test(packets_of_two_flows_have_two_hashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
