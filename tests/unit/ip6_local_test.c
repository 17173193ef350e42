/* SPDX-License-Identifier: BSD-3-Clause */
/* What ip6_local makes of packets to the node itself: the judgement alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "dataplane/ip/ip6_local.h"
#include "tests/unit/frame.h"

#define BAD(reason)                    IP6_LOCAL_DROP, DROP_##reason, 0, 0, 0
#define PROBLEM(reason, code, pointer) IP6_LOCAL_PARAMETER, DROP_##reason, code, pointer, 0
#define GOOD(next, offset)             IP6_LOCAL_##next, DROP_NONE, 0, 0, offset

struct local_case {
	const char *packet;
	enum ip6_local_next next;
	enum drop_reason reason;
	uint8_t code;
	uint32_t pointer;
	uint32_t offset;
};

static void check(const struct local_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t frame[FRAME_MAX];
		uint32_t len = frame_build(cases[i].packet, frame);
		uint8_t *packet = malloc(len);
		struct ip6_local_class c;

		memcpy(packet, frame, len);
		c = ip6_local_classify(packet, len, PKT_L4_SUM_UNKNOWN);
		if (c.next != cases[i].next || c.reason != cases[i].reason ||
			c.code != cases[i].code || c.pointer != cases[i].pointer ||
			c.offset != cases[i].offset)
			fail_msg("%s: next %d, reason %s, code %u, pointer %u, offset %u",
				cases[i].packet, c.next, drop_table[c.reason].name, c.code,
				c.pointer, c.offset);
		/* What may be for somebody in the node is what has passed all checks. */
		assert_int_equal(c.intact, c.next == IP6_LOCAL_RESET ||
						   c.next == IP6_LOCAL_UNREACHABLE ||
						   c.reason == DROP_icmp6_unhandled);
		free(packet);
	}
}

static void extension_headers_are_obeyed_in_their_order(void **state)
{
	static const struct local_case cases[] = {
		{"ip6 hbh icmp6", GOOD(ECHO, 48)},
		{"ip6 hbh opts rt{type=4} frag opts icmp6", GOOD(ECHO, 80)},
		{"ip6 frag{id=77} icmp6 pad{100}", GOOD(ECHO, 48)},
		{"ip6 rt{type=0} tcp", GOOD(RESET, 48)},
		{"ip6 opts{hex=1e0400000000} tcp", GOOD(RESET, 48)},
		{"ip6 rt{type=0,left=1} icmp6", PROBLEM(ip6_routing_header, 0, 42)},
		{"ip6 opts rt{type=2,left=9} icmp6", PROBLEM(ip6_routing_header, 0, 50)},
		{"ip6 opts hbh icmp6", PROBLEM(ip6_bad_extension, 1, 40)},
		{"ip6 hbh hbh icmp6", PROBLEM(ip6_bad_extension, 1, 40)},
		{"ip6 opts opts opts icmp6", BAD(ip6_bad_extension)},
		{"ip6 rt rt icmp6", BAD(ip6_bad_extension)},
		{"ip6 frag frag icmp6", BAD(ip6_bad_extension)},
		{"ip6 frag{more=1} icmp6", BAD(ip6_local_fragment)},
		{"ip6 frag{off=10} icmp6", BAD(ip6_local_fragment)},
		{"ip6 hbh{len=4} icmp6", BAD(ip6_bad_extension)},
		{"ip6{next=60}", BAD(ip6_bad_extension)},
		{"ip6 hbh{hex=7f0400000000} icmp6", BAD(ip6_bad_option)},
		{"ip6 hbh{hex=c20400010000} icmp6", PROBLEM(ip6_bad_option, 2, 42)},
		{"ip6{dst=all} hbh{hex=c20400010000} icmp6", BAD(ip6_bad_option)},
		{"ip6{dst=all} opts{hex=0000a0020000} icmp6", PROBLEM(ip6_bad_option, 2, 44)},
		{"ip6 opts{hex=0105} icmp6", BAD(ip6_bad_extension)},
		{"ip6 auth{hex=00000000} icmp6", PROBLEM(protocol_unreachable, 1, 6)},
		{"ip6{next=50} pad{40}", PROBLEM(protocol_unreachable, 1, 6)},
		{"ip6 hbh{next=132} pad{40}", PROBLEM(protocol_unreachable, 1, 40)},
		{"ip6{next=255}", PROBLEM(protocol_unreachable, 1, 6)},
		{"ip6", BAD(ip6_no_next)},
		{"ip6 hbh pad{100}", BAD(ip6_no_next)},
	};

	check(cases, ARRAY_SIZE(cases));
}

static void icmp6_is_checked_before_it_is_sorted(void **state)
{
	static const struct local_case cases[] = {
		{"ip6 icmp6", GOOD(ECHO, 40)},
		{"ip6 icmp6{code=9} pad{1}", GOOD(ECHO, 40)},
		{"ip6 icmp6{type=135}", GOOD(ND, 40)},
		{"ip6 icmp6{type=133}", GOOD(ND, 40)},
		{"ip6 icmp6{type=137}", GOOD(ND, 40)},
		{"ip6 hbh icmp6{type=135}", BAD(nd_bad_message)},
		{"ip6 frag icmp6{type=136}", BAD(nd_bad_message)},
		{"ip6 icmp6{type=129}", IP6_LOCAL_DROP, DROP_icmp6_unhandled, 0, 0, 40},
		{"ip6 icmp6{type=1} ip6 udp", IP6_LOCAL_DROP, DROP_icmp6_unhandled, 0, 0, 40},
		{"ip6 icmp6{type=132}", IP6_LOCAL_DROP, DROP_icmp6_unhandled, 0, 0, 40},
		{"ip6 icmp6{type=138}", IP6_LOCAL_DROP, DROP_icmp6_unhandled, 0, 0, 40},
		{"ip6 icmp6{type=255}", IP6_LOCAL_DROP, DROP_icmp6_unhandled, 0, 0, 40},
		{"ip6 icmp6{csum=0}", BAD(icmp6_bad_checksum)},
		{"ip6 icmp6{type=135,csum=1}", BAD(icmp6_bad_checksum)},
		{"ip6{next=58}", BAD(icmp6_runt)},
		{"ip6{next=58} pad{3}", BAD(icmp6_runt)},
		{"ip6{next=58} raw{80000000}", BAD(icmp6_bad_checksum)},
	};

	check(cases, ARRAY_SIZE(cases));
}

static void tcp_and_udp_are_checked_before_they_are_refused(void **state)
{
	static const struct local_case cases[] = {
		{"ip6 udp", IP6_LOCAL_UNREACHABLE, DROP_port_unreachable, 0, 0, 0},
		{"ip6 udp pad{99}", IP6_LOCAL_UNREACHABLE, DROP_port_unreachable, 0, 0, 0},
		{"ip6 udp{csum=0}", BAD(l4_bad_checksum)},
		{"ip6 udp{csum=1} pad{3}", BAD(l4_bad_checksum)},
		{"ip6 udp{len=7}", BAD(l4_bad_header)},
		{"ip6 udp{len=0}", BAD(l4_bad_header)},
		{"ip6 udp{len=9}", BAD(l4_bad_header)},
		{"ip6 udp{len=65535} pad{9}", BAD(l4_bad_header)},
		{"ip6{next=17}", BAD(l4_runt)},
		{"ip6{next=17} pad{7}", BAD(l4_runt)},
		{"ip6 tcp", GOOD(RESET, 40)},
		{"ip6 tcp{hex=020405b4} pad{5}", GOOD(RESET, 40)},
		{"ip6 tcp{flags=0}", GOOD(RESET, 40)},
		{"ip6 tcp{flags=4}", GOOD(RESET, 40)},
		{"ip6 tcp{csum=0x1234}", BAD(l4_bad_checksum)},
		{"ip6 tcp{words=4}", BAD(l4_bad_header)},
		{"ip6 tcp{words=0}", BAD(l4_bad_header)},
		{"ip6 tcp{words=6}", BAD(l4_bad_header)},
		{"ip6 tcp{words=15} pad{39}", BAD(l4_bad_header)},
		{"ip6{next=6} pad{19}", BAD(l4_runt)},
		{"ip6{next=6}", BAD(l4_runt)},
	};

	check(cases, ARRAY_SIZE(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(extension_headers_are_obeyed_in_their_order),
		cmocka_unit_test(icmp6_is_checked_before_it_is_sorted),
		cmocka_unit_test(tcp_and_udp_are_checked_before_they_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
