/* SPDX-License-Identifier: BSD-3-Clause */
/* What a received neighbour discovery message is, case by case, each in a buffer of its exact size.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "dataplane/neigh/nd_classify.h"
#include "tests/unit/frame.h"
#include "tests/unit/neigh_iface.h"

#define NODE      "20010db8000000000000000000000001"
#define TENTATIVE "20010db8000000000000000000000007"
#define DUPLICATE "20010db8000000000000000000000009"
#define HOST      "20010db8000000000000000000000002"
#define OFFLINK   "20010db8000900000000000000000002"
#define GROUP     "ff020000000000000000000000000001"
#define SLLA      "01010200000000aa"
#define TLLA      "02010200000000aa"
#define NS        "eth ip6{hop=255,dst=solicited} icmp6{type=135,info=0,hex="
#define DAD       "eth ip6{hop=255,src=zero,dst=solicited} icmp6{type=135,info=0,hex="
#define NA        "eth ip6{hop=255,dst=node} icmp6{type=136,info=0x60000000,hex="

static struct nd_class classify(const char *text)
{
	static const char *const addresses[] = {"192.0.2.1/24", "2001:db8::1/64",
		"fe80::ff:fe00:1/64", "2001:db8::7/64?", "2001:db8::9/64!", NULL};
	struct iface i = neigh_iface_with(addresses);
	uint8_t buf[FRAME_MAX];
	uint32_t len = frame_build(text, buf);
	uint8_t *exact = malloc(len - 14);
	struct nd_class c;

	assert_true(len > 14);
	memcpy(exact, buf + 14, len - 14);
	c = nd_classify(&i, buf + 6, exact, len - 14);
	free(exact);
	return c;
}

struct bad_case {
	const char *frame;
	enum drop_reason reason;
};

static void expect_reasons(const struct bad_case *cases, size_t n)
{
	for (size_t k = 0; k < n; k++) {
		struct nd_class c = classify(cases[k].frame);

		if (c.reason != cases[k].reason)
			fail_msg("%s: %s", cases[k].frame, drop_table[c.reason].name);
	}
}

static void every_message_comes_from_the_link_and_is_whole(void **state)
{
	static const struct bad_case cases[] = {
		{"eth ip6 keep{53}", DROP_ip6_runt},
		{"eth ip6{ver=5} pad{24}", DROP_ip6_bad_version},
		{NS NODE "} short{1}", DROP_ip6_bad_length},
		{"eth ip6{hop=255} udp pad{24}", DROP_nd_bad_message},
		{"eth ip6{hop=255} icmp6{type=135} short{1}", DROP_ip6_bad_length},
		{"eth ip6{hop=255,next=58} pad{7}", DROP_icmp6_runt},
		{"eth ip6{hop=254,dst=solicited} icmp6{type=135,hex=" NODE "}",
			DROP_nd_bad_hop_limit},
		{"eth ip6{hop=1,dst=node} icmp6{type=136,hex=" HOST TLLA "}",
			DROP_nd_bad_hop_limit},
		{NS NODE ",csum=1}", DROP_icmp6_bad_checksum},
		{"eth ip6{hop=255} icmp6{type=133,csum=7}", DROP_icmp6_bad_checksum},
		{"eth ip6{hop=255,dst=solicited} icmp6{type=135,code=1,hex=" NODE "}",
			DROP_nd_bad_message},
		{"eth ip6{hop=255,dst=node} icmp6{type=136,code=9,hex=" HOST "}",
			DROP_nd_bad_message},
		{"eth ip6{hop=255,dst=solicited} icmp6{type=135}", DROP_nd_bad_message},
		{"eth ip6{hop=255,dst=node} icmp6{type=136,hex=20010db80000}", DROP_nd_bad_message},
	};

	expect_reasons(cases, ARRAY_SIZE(cases));
}

static void options_are_checked(void **state)
{
	static const struct bad_case cases[] = {
		{NS NODE "0100}", DROP_nd_bad_option},
		{NS NODE "0000000000000000}", DROP_nd_bad_option},
		{NS NODE "01020200000000aa}", DROP_nd_bad_option},
		{NS NODE "05020000000000000000}", DROP_nd_bad_option},
		{NS NODE SLLA "01}", DROP_nd_bad_option},
		{NS NODE "01020200000000aa0000000000000000}", DROP_nd_bad_option},
		{NS NODE "0101ffffffffffff}", DROP_nd_bad_option},
		{NS NODE "0101000000000000}", DROP_nd_bad_option},
		{NS NODE "0101020000000001}", DROP_nd_bad_option}, /* our own MAC */
		{NA HOST "02020200000000aa0000000000000000}", DROP_nd_bad_option},
		{NA HOST "02ff0200000000aa}", DROP_nd_bad_option},
		{NS NODE "fd010000000000000e01010203040506}", DROP_NONE},
		{NS NODE "02020000000000000000000000000000}", DROP_NONE}, /* means nothing here */
	};

	expect_reasons(cases, ARRAY_SIZE(cases));
}

static void addresses_are_checked(void **state)
{
	static const struct bad_case cases[] = {
		{NS GROUP "}", DROP_nd_bad_message},
		{"eth ip6{hop=255,src=ff02::5} icmp6{type=135,hex=" NODE "}", DROP_nd_bad_message},
		{DAD NODE SLLA "}", DROP_nd_bad_message},
		{"eth ip6{hop=255,src=zero,dst=node} icmp6{type=135,hex=" NODE "}",
			DROP_nd_bad_message},
		{"eth ip6{hop=255,src=zero,dst=all} icmp6{type=135,hex=" NODE "}",
			DROP_nd_bad_message},
		{"eth ip6{hop=255,src=2001:db8:9::2,dst=solicited} icmp6{type=135,hex=" HOST SLLA
		 "}",
			DROP_nd_not_for_us},
		{NS HOST SLLA "}", DROP_nd_not_for_us},
		{DAD HOST "}", DROP_nd_not_for_us},
		{NS DUPLICATE SLLA "}", DROP_nd_not_for_us},
		{DAD DUPLICATE "}", DROP_nd_not_for_us},
		{"eth{src=node} ip6{hop=255,src=zero,dst=solicited} icmp6{type=135,hex=" TENTATIVE
		 "}",
			DROP_nd_not_for_us},
		{NA GROUP TLLA "}", DROP_nd_bad_message},
		{"eth ip6{hop=255,dst=all} icmp6{type=136,info=0x40000000,hex=" HOST TLLA "}",
			DROP_nd_bad_message},
		{"eth ip6{hop=255,src=zero,dst=all} icmp6{type=136,info=0,hex=" HOST TLLA "}",
			DROP_nd_bad_message},
		{"eth ip6{hop=255,src=all,dst=all} icmp6{type=136,info=0,hex=" HOST TLLA "}",
			DROP_nd_bad_message},
		{NA OFFLINK TLLA "}", DROP_nd_off_subnet},
		{"eth ip6{hop=255} icmp6{type=133}", DROP_icmp6_unhandled},
		{"eth ip6{hop=255,dst=all} icmp6{type=134,hex=0000000000000000}",
			DROP_icmp6_unhandled},
		{"eth ip6{hop=255} icmp6{type=137,hex=" HOST HOST "}", DROP_icmp6_unhandled},
		{"eth ip6{hop=255} icmp6{type=128}", DROP_icmp6_unhandled},
	};

	expect_reasons(cases, ARRAY_SIZE(cases));
}

static void good_messages_are_told_apart(void **state)
{
	static const struct {
		const char *frame;
		bool probe, conflict, tentative, stranger, has_mac;
		uint8_t flags;
	} cases[] = {
		{NS NODE SLLA "}", false, false, false, false, true, 0},
		{NS NODE "}", false, false, false, false, false, 0},
		{NS NODE SLLA "} trail{6}", false, false, false, false, true, 0},
		{NS NODE TLLA "}", false, false, false, false, false, 0},
		{NS TENTATIVE SLLA "}", false, false, true, false, true, 0},
		{DAD NODE "}", true, false, false, false, false, 0},
		{DAD TENTATIVE "}", true, false, true, false, false, 0},
		{"eth ip6{hop=255,src=node,dst=solicited} icmp6{type=135,info=0,hex=" NODE "}",
			false, true, false, false, false, 0},
		{"eth ip6{hop=255,src=fe80::5,dst=solicited} icmp6{type=135,info=0,hex=" NODE SLLA
		 "}",
			false, false, false, false, true, 0},
		{"eth ip6{hop=255,src=2001:db8:9::2,dst=solicited} icmp6{type=135,info=0,hex=" NODE
				SLLA "}",
			false, false, false, true, true, 0},
		{NA HOST TLLA "}", false, false, false, false, true, 0x60},
		{NA HOST "}", false, false, false, false, false, 0x60},
		{NA NODE TLLA "}", false, true, false, false, true, 0x60},
		{NA TENTATIVE TLLA "}", false, true, false, false, true, 0x60},
		{NA DUPLICATE TLLA "}", false, false, false, false, true, 0x60},
		{"eth ip6{hop=255,src=2001:db8::9,dst=solicited} icmp6{type=135,info=0,hex=" NODE
				SLLA "}",
			false, false, false, false, true, 0},
		{"eth ip6{hop=255,dst=all} icmp6{type=136,info=0x20000000,hex=" HOST TLLA "}",
			false, false, false, false, true, 0x20},
	};

	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct nd_class c = classify(cases[k].frame);

		if (c.reason != DROP_NONE || c.probe != cases[k].probe ||
			c.conflict != cases[k].conflict || c.tentative != cases[k].tentative ||
			c.stranger != cases[k].stranger || c.has_mac != cases[k].has_mac ||
			c.flags != cases[k].flags)
			fail_msg("%s: %s", cases[k].frame, drop_table[c.reason].name);
	}
}

static void no_length_reads_beyond_the_message(void **state)
{
	for (unsigned keep = 15; keep < 14 + 40 + 32; keep++) {
		char text[256];

		snprintf(text, sizeof(text), NS NODE SLLA "} keep{%u}", keep);
		assert_int_not_equal(classify(text).reason, DROP_NONE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_message_comes_from_the_link_and_is_whole),
		cmocka_unit_test(options_are_checked),
		cmocka_unit_test(addresses_are_checked),
		cmocka_unit_test(good_messages_are_told_apart),
		cmocka_unit_test(no_length_reads_beyond_the_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
