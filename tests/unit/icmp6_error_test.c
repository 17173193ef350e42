/* SPDX-License-Identifier: BSD-3-Clause */
/* When an ICMPv6 error may be sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "dataplane/ip/icmp6_error.h"
#include "tests/unit/frame.h"

#define UNREACHABLE                                                                                \
	{                                                                                          \
		ICMP6_UNREACHABLE, ICMP6_NO_ROUTE                                                  \
	}
#define TOO_BIG                                                                                    \
	{                                                                                          \
		ICMP6_TOO_BIG, 0                                                                   \
	}
#define BAD_OPTION                                                                                 \
	{                                                                                          \
		ICMP6_PARAMETER, ICMP6_BAD_OPTION                                                  \
	}
#define BAD_FIELD                                                                                  \
	{                                                                                          \
		ICMP6_PARAMETER, ICMP6_BAD_FIELD                                                   \
	}

static void errors_are_sent_only_where_rfc_4443_allows_them(void **state)
{
	static const struct {
		const char *packet;
		uint8_t flags;
		struct icmp6_what what;
		bool allowed;
	} cases[] = {
		{"ip6 udp", 0, UNREACHABLE, true},
		{"ip6", 0, UNREACHABLE, true},
		{"ip6 icmp6", 0, UNREACHABLE, true},
		{"ip6 icmp6{type=129}", 0, UNREACHABLE, true},
		{"ip6 icmp6{type=135}", 0, UNREACHABLE, true},
		{"ip6{src=fe80::1} udp", 0, UNREACHABLE, true},
		{"ip6 udp", PKT_LOCAL, UNREACHABLE, false},
		{"ip6 udp", PKT_LOCAL, TOO_BIG, false},
		{"ip6 icmp6{type=1} ip6 udp", 0, UNREACHABLE, false},
		{"ip6 icmp6{type=0}", 0, UNREACHABLE, false},
		{"ip6 icmp6{type=127}", 0, TOO_BIG, false},
		{"ip6 icmp6{type=137}", 0, UNREACHABLE, false},
		{"ip6 hbh icmp6{type=3}", 0, UNREACHABLE, false},
		{"ip6 hbh opts rt frag opts icmp6{type=4}", 0, BAD_OPTION, false},
		{"ip6 rt rt opts opts opts frag icmp6{type=1}", 0, UNREACHABLE, false},
		{"ip6 auth{hex=00000000} icmp6{type=1}", 0, UNREACHABLE, false},
		{"ip6 hbh hbh icmp6{type=1}", 0, BAD_FIELD, false},
		{"ip6 hbh icmp6{type=128}", 0, UNREACHABLE, true},
		{"ip6{next=58}", 0, UNREACHABLE, false},
		{"ip6 hbh{next=58}", 0, UNREACHABLE, false},
		{"ip6 frag{more=1} icmp6{type=128}", 0, UNREACHABLE, true},
		{"ip6 frag{more=1} icmp6{type=1}", 0, UNREACHABLE, false},
		{"ip6 frag{off=5} icmp6{type=128}", 0, UNREACHABLE, false},
		{"ip6 frag{off=5} udp", 0, UNREACHABLE, true},
		{"ip6 opts{len=9} icmp6{type=1}", 0, UNREACHABLE, true},
		{"ip6 opts opts opts opts opts opts opts opts opts icmp6", 0, UNREACHABLE, false},
		{"ip6{dst=ff02::1} udp", 0, UNREACHABLE, false},
		{"ip6{dst=ff02::1} udp", PKT_L2_MULTICAST, BAD_FIELD, false},
		{"ip6{dst=ff0e::1} udp", PKT_L2_MULTICAST, TOO_BIG, true},
		{"ip6{dst=ff02::1} udp", PKT_L2_MULTICAST, BAD_OPTION, true},
		{"ip6 udp", PKT_L2_MULTICAST, UNREACHABLE, false},
		{"ip6 udp", PKT_L2_BROADCAST, UNREACHABLE, false},
		{"ip6 udp", PKT_L2_MULTICAST, TOO_BIG, true},
		{"ip6{src=::} udp", 0, UNREACHABLE, false},
		{"ip6{src=::,dst=ff02::1} udp", PKT_L2_MULTICAST, BAD_OPTION, false},
		{"ip6{src=ff02::1} udp", 0, TOO_BIG, false},
		{"ip6 keep{39}", 0, UNREACHABLE, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t frame[FRAME_MAX];
		uint32_t len = frame_build(cases[i].packet, frame);
		uint8_t *packet = malloc(len);

		memcpy(packet, frame, len);
		if (icmp6_error_is_allowed(packet, len, cases[i].flags, cases[i].what) !=
			cases[i].allowed)
			fail_msg("%s: %s", cases[i].packet,
				cases[i].allowed ? "refused" : "allowed");
		free(packet);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_are_sent_only_where_rfc_4443_allows_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
