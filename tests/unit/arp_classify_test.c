/* SPDX-License-Identifier: BSD-3-Clause */
/* What a received ARP packet is, case by case, each in a buffer of exactly its size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "dataplane/neigh/arp_classify.h"
#include "tests/unit/frame.h"
#include "tests/unit/neigh_iface.h"

enum { REQUEST = 1, PROBE = 2, CONFLICT = 4, FOR_US = 8 };

static struct iface iface_of_tests(void)
{
	static const char *const addresses[] = {
		"192.0.2.1/24", "198.51.100.1/30", "2001:db8::1/64", NULL};

	return neigh_iface_with(addresses);
}

static struct arp_class classify(const char *text)
{
	struct iface i = iface_of_tests();
	uint8_t buf[FRAME_MAX];
	uint32_t len = frame_build(text, buf);
	uint8_t *exact = malloc(len - 14);
	struct arp_class c;

	assert_true(len > 14);
	memcpy(exact, buf + 14, len - 14);
	c = arp_classify(&i, buf + 6, exact, len - 14);
	free(exact);
	return c;
}

static void bad_packets_have_their_reason(void **state)
{
	static const struct {
		const char *frame;
		enum drop_reason reason;
	} cases[] = {
		{"eth arp short{1}", DROP_arp_runt},
		{"eth arp keep{15}", DROP_arp_runt},
		{"eth arp{hw=6}", DROP_arp_bad_header},
		{"eth arp{proto=0x86dd}", DROP_arp_bad_header},
		{"eth arp{hlen=8}", DROP_arp_bad_header},
		{"eth arp{hlen=0}", DROP_arp_bad_header},
		{"eth arp{plen=16}", DROP_arp_bad_header},
		{"eth arp{op=0}", DROP_arp_bad_header},
		{"eth arp{op=3}", DROP_arp_bad_header},
		{"eth arp{op=0x0100}", DROP_arp_bad_header},
		{"eth arp{sha=peer}", DROP_arp_bad_sender},
		{"eth{src=zero} arp{sha=zero}", DROP_arp_bad_sender},
		{"eth{src=all} arp{sha=all}", DROP_arp_bad_sender},
		{"eth{src=all6} arp{sha=all6}", DROP_arp_bad_sender},
		{"eth{src=node} arp{sha=node}", DROP_arp_bad_sender},
		{"eth arp{spa=224.0.0.1}", DROP_arp_bad_sender},
		{"eth arp{spa=240.0.0.1}", DROP_arp_bad_sender},
		{"eth arp{spa=255.255.255.255}", DROP_arp_bad_sender},
		{"eth arp{spa=127.0.0.1}", DROP_arp_bad_sender},
		{"eth arp{spa=0.0.0.1}", DROP_arp_bad_sender},
		{"eth arp{op=2,spa=0.0.0.0}", DROP_arp_bad_sender},
		{"eth arp{spa=192.0.3.2}", DROP_arp_off_subnet},
		{"eth arp{spa=192.0.2.0}", DROP_arp_off_subnet},
		{"eth arp{spa=192.0.2.255}", DROP_arp_off_subnet},
		{"eth arp{op=2,spa=10.0.0.1}", DROP_arp_off_subnet},
		{"eth arp{spa=zero,tpa=192.0.2.9}", DROP_arp_not_for_us},
	};

	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct arp_class c = classify(cases[k].frame);

		if (c.reason != cases[k].reason)
			fail_msg("%s: %s", cases[k].frame, drop_table[c.reason].name);
	}
}

static void good_packets_are_told_apart(void **state)
{
	static const struct {
		const char *frame;
		unsigned what;
	} cases[] = {
		{"eth{dst=all} arp", REQUEST | FOR_US},
		{"eth{dst=all} arp trail{18}", REQUEST | FOR_US},
		{"eth arp{spa=198.51.100.2,tpa=198.51.100.1}", REQUEST | FOR_US},
		{"eth{dst=all} arp{tpa=192.0.2.9}", REQUEST},
		{"eth{dst=all} arp{tpa=host}", REQUEST}, /* an announcement */
		{"eth{dst=all} arp{spa=zero}", REQUEST | PROBE | FOR_US},
		{"eth{dst=all} arp{spa=node,tpa=node}", REQUEST | CONFLICT | FOR_US},
		{"eth{dst=all} arp{spa=node,tpa=192.0.2.9}", REQUEST | CONFLICT},
		{"eth arp{op=2}", FOR_US},
		{"eth{dst=all} arp{op=2,tpa=host}", 0},
		{"eth arp{op=2,spa=node}", CONFLICT | FOR_US},
	};

	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct arp_class c = classify(cases[k].frame);
		unsigned what = (c.request ? REQUEST : 0) | (c.probe ? PROBE : 0) |
				(c.conflict ? CONFLICT : 0) | (c.for_us ? FOR_US : 0);

		if (c.reason != DROP_NONE || what != cases[k].what)
			fail_msg("%s: %u, %s", cases[k].frame, what, drop_table[c.reason].name);
	}
}

static void the_sender_is_read_out(void **state)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 0xaa};
	struct arp_class c = classify("eth arp");
	char text[IPADDR_TEXT_MAX];

	assert_memory_equal(c.mac, mac, 6);
	assert_string_equal(ip_addr_format(&c.sender, text), "192.0.2.2");
	assert_string_equal(ip_addr_format(&c.target, text), "192.0.2.1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_packets_have_their_reason),
		cmocka_unit_test(good_packets_are_told_apart),
		cmocka_unit_test(the_sender_is_read_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
