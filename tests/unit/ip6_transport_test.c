/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the transport header of an IPv6 packet is found. One thread. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "dataplane/ip/ip.h"
#include "tests/unit/frame.h"

static const struct {
	const char *text;
	int ret;
	struct ip6_transport want; /* if @ret is 0 */
} rows[] = {
	{"eth ip6 udp", 0, {.offset = 40, .protocol = 17}},
	{"eth ip6{next=6}", 0, {.offset = 40, .protocol = 6}},
	{"eth ip6 hbh{hex=010400000000} opts{hex=010400000000} tcp", 0,
		{.offset = 56, .protocol = 6}},
	{"eth ip6 frag{off=3,more=1,next=17} pad{8}", 0,
		{.offset = 48,
			.fragment_header = 40,
			.fragment_start = 24,
			.more = true,
			.protocol = 17}},
	{"eth ip6 opts{hex=010400000000} frag{more=1} opts{hex=010400000000} udp", 0,
		{.offset = 64, .fragment_header = 48, .more = true, .protocol = 17}},
	/* What follows a later fragment's header is data. */
	{"eth ip6 frag{off=1,next=60} pad{8}", 0,
		{.offset = 48, .fragment_header = 40, .fragment_start = 8, .protocol = 60}},
	{"eth ip6 frag udp", 0, {.offset = 48, .fragment_header = 40, .protocol = 17}},
	{"eth ip6 frag frag udp", -EINVAL, {0}},
	{"eth ip6 opts{len=9,hex=010400000000} udp", -EINVAL, {0}},
	{"eth ip6{next=44} pad{7}", -EINVAL, {0}},
	{"eth ip6 hbh{hex=010400000000} hbh{hex=010400000000} hbh{hex=010400000000} "
	 "hbh{hex=010400000000} hbh{hex=010400000000} hbh{hex=010400000000} "
	 "hbh{hex=010400000000} hbh{hex=010400000000} hbh{hex=010400000000} udp",
		-EINVAL, {0}},
};

static void the_transport_header_is_found_behind_extension_headers(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint8_t frame[FRAME_MAX];
		uint32_t bytes = frame_build(rows[i].text, frame) - 14;
		uint8_t *packet = malloc(bytes);
		struct ip6_transport t;
		int ret;

		assert_non_null(packet);
		memcpy(packet, frame + 14, bytes);
		ret = ip6_transport_find(packet, bytes, &t);
		if (ret != rows[i].ret)
			fail_msg("%s: %d", rows[i].text, ret);
		if (ret == 0 &&
			(t.offset != rows[i].want.offset ||
				t.fragment_header != rows[i].want.fragment_header ||
				t.fragment_start != rows[i].want.fragment_start ||
				t.more != rows[i].want.more || t.protocol != rows[i].want.protocol))
			fail_msg("%s: protocol %u at %u", rows[i].text, t.protocol, t.offset);
		/* Cut off anywhere, no byte beyond is read. */
		for (uint32_t n = IP6_HEADER_BYTES; n < bytes; n++) {
			uint8_t *part = malloc(n);

			assert_non_null(part);
			memcpy(part, packet, n);
			if (ip6_transport_find(part, n, &t) == 0)
				assert_true(t.offset <= n);
			free(part);
		}
		free(packet);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_transport_header_is_found_behind_extension_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
