/* SPDX-License-Identifier: BSD-3-Clause */
/* Which health probe a packet answers: read from good, wrong and truncated packets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dataplane/ip/ip.h"
#include "lib/base/ipaddr.h"
#include "tests/unit/frame.h"

struct probe_case {
	const char *packet;
	bool about; /* a probe at all */
	enum ip_probe_said said;
	uint16_t own_port, remote_port;
	uint32_t cookie;
	const char *remote;
	uint32_t payload_bytes;
};

/* Reads the packet @text, cut to @bytes, from a buffer of just that size. */
static bool read_cut(const char *text, uint32_t bytes, struct ip_probe_answer *a)
{
	uint8_t frame[FRAME_MAX];
	uint32_t len = MIN_OF(frame_build(text, frame), bytes);
	uint8_t *packet = malloc(len);
	bool about;

	assert_non_null(packet);
	memcpy(packet, frame, len);
	about = packet[0] >> 4 == 4 ? ip4_probe_read(packet, len, a)
				    : ip6_probe_read(packet, len, a);
	free(packet);
	return about;
}

static void check(const struct probe_case *c)
{
	struct ip_probe_answer a;
	struct ip_addr remote;

	print_message("%s\n", c->packet);
	assert_int_equal(read_cut(c->packet, FRAME_MAX, &a), c->about);
	if (!c->about)
		return;
	assert_int_equal(a.said, c->said);
	assert_int_equal(be16toh(a.about.own_port_be), c->own_port);
	assert_int_equal(be16toh(a.about.remote_port_be), c->remote_port);
	assert_int_equal(a.about.cookie, c->cookie);
	assert_int_equal(a.payload_bytes, c->payload_bytes);
	assert_int_equal(ip_addr_parse(c->remote, &remote), 0);
	assert_int_equal(a.about.family, remote.family);
	assert_memory_equal(a.about.remote, remote.bytes, 16);
}

#define NONE       false, IP_PROBE_STRAY, 0, 0, 0, NULL, 0
#define STRAY(...) true, IP_PROBE_STRAY, __VA_ARGS__
#define HOST4      "192.0.2.2"
#define HOST6      "2001:db8::2"

static void packets_say_what_their_headers_do(void **state)
{
	static const struct probe_case cases[] = {
		{"ip4{dst=node} tcp{sport=80,dport=64512,ack=8,flags=18}", true, IP_PROBE_ANSWER,
			64512, 80, 7, HOST4, 0},
		{"ip4{dst=node} tcp{sport=80,dport=65535,ack=0,flags=18,hex=020405b4}", true,
			IP_PROBE_ANSWER, 65535, 80, UINT32_MAX, HOST4, 0},
		{"ip4{dst=node,hex=01010101} tcp{sport=80,dport=64600,ack=8,flags=20}", true,
			IP_PROBE_REFUSED, 64600, 80, 7, HOST4, 0},
		{"ip4{dst=node} tcp{sport=80,dport=64512,ack=8,flags=16}",
			STRAY(64512, 80, 7, HOST4, 0)},
		{"ip4{dst=node} tcp{sport=80,dport=64512,ack=8,flags=4}",
			STRAY(64512, 80, 7, HOST4, 0)},
		{"ip4{dst=node} tcp{sport=80,dport=64512,ack=8,flags=2}",
			STRAY(64512, 80, 7, HOST4, 0)},
		{"ip4{dst=node} tcp{sport=80,dport=64512,ack=8,flags=19}",
			STRAY(64512, 80, 7, HOST4, 0)},
		{"ip4{dst=node} tcp{sport=80,dport=64512,ack=8,flags=22}",
			STRAY(64512, 80, 7, HOST4, 0)},
		{"ip4{dst=node} tcp{sport=80,dport=64511,ack=8,flags=18}", NONE},
		{"ip4{dst=node} udp{sport=53,dport=64512} pad{3}", true, IP_PROBE_ANSWER, 64512, 53,
			0, HOST4, 3},
		{"ip4{dst=node} udp{sport=53,dport=64512,len=9} pad{3}", true, IP_PROBE_ANSWER,
			64512, 53, 0, HOST4, 1},
		{"ip4{dst=node} udp{sport=53,dport=64512,len=12} pad{3}",
			STRAY(64512, 53, 0, HOST4, 0)},
		{"ip4{dst=node} udp{sport=53,dport=64512,len=7}", STRAY(64512, 53, 0, HOST4, 0)},
		{"ip4{dst=node} udp{sport=53,dport=64511}", NONE},
		{"ip4{dst=node} icmp4{type=0,info=0xfc010102}", true, IP_PROBE_ANSWER, 0xfc01, 0,
			0x102, HOST4, 0},
		{"ip4{dst=node} icmp4{type=0,code=1,info=0xfc010102}",
			STRAY(0xfc01, 0, 0x102, HOST4, 0)},
		{"ip4{dst=node} icmp4{type=0,info=0xfbff0102}", NONE},
		{"ip4{dst=node} icmp4{type=8,info=0xfc010102}", NONE},
		{"ip4{dst=node,next=132} pad{40}", NONE},
		{"ip6{dst=node} tcp{sport=80,dport=64512,ack=8,flags=18}", true, IP_PROBE_ANSWER,
			64512, 80, 7, HOST6, 0},
		{"ip6{dst=node} tcp{sport=80,dport=64512,ack=8,flags=20}", true, IP_PROBE_REFUSED,
			64512, 80, 7, HOST6, 0},
		{"ip6{dst=node} udp{sport=53,dport=64512} pad{3}", true, IP_PROBE_ANSWER, 64512, 53,
			0, HOST6, 3},
		{"ip6{dst=node} icmp6{type=129,info=0xfc010102}", true, IP_PROBE_ANSWER, 0xfc01, 0,
			0x102, HOST6, 0},
		{"ip6{dst=node} icmp6{type=128,info=0xfc010102}", NONE},
		{"ip6{dst=node} hbh tcp{sport=80,dport=64512,ack=8,flags=18}", NONE},
		{"ip6{dst=node} icmp6{type=136,info=0xfc010102}", NONE},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check(&cases[i]);
}

/* The question that errors quote, and what is wrong with it. */
#define ASKED4   "ip4{src=node,dst=peer} tcp{sport=64512,dport=80,seq=7}"
#define ASKED4_8 "ip4{src=node,dst=peer,next=6} raw{hex=fc00005000000007}"
#define ASKED6   "ip6{src=node,dst=peer} tcp{sport=64512,dport=80,seq=7}"
#define ASKED6_8 "ip6{src=node,dst=peer,next=6} raw{hex=fc00005000000007}"
#define PEER4    "198.51.100.2"
#define PEER6    "2001:db8:1::2"
#define ERROR4   "ip4{dst=node} icmp4{info=0,type="
#define ERROR6   "ip6{dst=node} icmp6{info=0,type="

static void errors_are_about_the_question_that_they_quote(void **state)
{
	static const struct probe_case cases[] = {
		{ERROR4 "3,code=3} " ASKED4, true, IP_PROBE_REFUSED, 64512, 80, 7, PEER4, 0},
		{ERROR4 "3,code=3} " ASKED4_8, true, IP_PROBE_REFUSED, 64512, 80, 7, PEER4, 0},
		{ERROR4 "3,code=1} " ASKED4, true, IP_PROBE_UNREACHABLE, 64512, 80, 7, PEER4, 0},
		{ERROR4 "3,code=4} " ASKED4, true, IP_PROBE_UNREACHABLE, 64512, 80, 7, PEER4, 0},
		{ERROR4 "11} " ASKED4, true, IP_PROBE_UNREACHABLE, 64512, 80, 7, PEER4, 0},
		{ERROR4 "12} " ASKED4, true, IP_PROBE_UNREACHABLE, 64512, 80, 7, PEER4, 0},
		{ERROR4 "5} " ASKED4, NONE},
		{ERROR4 "3,code=1} ip4{src=node,dst=peer,hex=01010101} "
			"udp{sport=65535,dport=53}",
			true, IP_PROBE_UNREACHABLE, 65535, 53, 0, PEER4, 0},
		{ERROR4 "3,code=1} ip4{src=node,dst=peer} icmp4{type=8,info=0xfc010102}", true,
			IP_PROBE_UNREACHABLE, 0xfc01, 0, 0x102, PEER4, 0},
		{ERROR4 "3,code=1} ip4{src=node,dst=peer} icmp4{type=0,info=0xfc010102}", NONE},
		{ERROR4 "3,code=1} ip4{src=node,dst=peer} icmp4{code=1,info=0xfc010102}", NONE},
		{ERROR4 "3,code=1} ip4{src=node,dst=peer,next=58} raw{hex=80000000fc010102}", NONE},
		{ERROR4 "3,code=1} ip4{src=node,dst=peer,next=47} pad{8}", NONE},
		{ERROR4 "3,code=1} ip4{src=node,dst=peer,off=1,next=6} "
			"raw{hex=fc00005000000007}",
			NONE},
		{ERROR4 "3,code=1} ip4{src=host,dst=peer} tcp{sport=64512}", NONE},
		{ERROR4 "3,code=1} ip4{src=node,dst=peer} tcp{sport=64511}", NONE},
		{ERROR4 "3,code=1} ip4{ver=5,src=node,dst=peer} tcp{sport=64512}", NONE},
		{ERROR4 "3,code=1} ip4{words=4,src=node,dst=peer} tcp{sport=64512}", NONE},
		{ERROR4 "3,code=1} ip4{words=15,src=node,dst=peer} tcp{sport=64512}", NONE},
		{ERROR6 "1,code=4} " ASKED6, true, IP_PROBE_REFUSED, 64512, 80, 7, PEER6, 0},
		{ERROR6 "1,code=4} " ASKED6_8, true, IP_PROBE_REFUSED, 64512, 80, 7, PEER6, 0},
		{ERROR6 "1,code=3} " ASKED6, true, IP_PROBE_UNREACHABLE, 64512, 80, 7, PEER6, 0},
		{ERROR6 "2} " ASKED6, true, IP_PROBE_UNREACHABLE, 64512, 80, 7, PEER6, 0},
		{ERROR6 "3} " ASKED6, true, IP_PROBE_UNREACHABLE, 64512, 80, 7, PEER6, 0},
		{ERROR6 "4} " ASKED6, true, IP_PROBE_UNREACHABLE, 64512, 80, 7, PEER6, 0},
		{ERROR6 "1} ip6{src=node,dst=peer} icmp6{info=0xfc010102}", true,
			IP_PROBE_UNREACHABLE, 0xfc01, 0, 0x102, PEER6, 0},
		{ERROR6 "1} ip6{src=node,dst=peer,next=1} raw{hex=08000000fc010102}", NONE},
		{ERROR6 "1} ip6{src=host,dst=peer} tcp{sport=64512}", NONE},
		{ERROR6 "1} ip4{src=node,dst=peer} tcp{sport=64512}", NONE},
		{ERROR6 "1} ip6{src=node,dst=peer} frag tcp{sport=64512}", NONE},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check(&cases[i]);
}

/* Behind the IP header, which is whole, a packet may end anywhere. */
static void no_byte_beyond_the_packet_is_read(void **state)
{
	static const struct {
		const char *packet;
		uint32_t header_bytes, enough_bytes;
	} cases[] = {
		{"ip4{dst=node} tcp{sport=80,dport=64512,flags=18} pad{9}", 20, 40},
		{"ip4{dst=node} udp{sport=80,dport=64512,len=8} pad{9}", 20, 28},
		{"ip4{dst=node} icmp4{type=0,info=0xfc010102}", 20, 28},
		{ERROR4 "3} " ASKED4, 20, 56},
		{ERROR4 "3} ip4{src=node,dst=peer,hex=01010101} udp{sport=65535}", 20, 60},
		{"ip6{dst=node} tcp{sport=80,dport=64512,flags=18} pad{9}", 40, 60},
		{"ip6{dst=node} udp{sport=80,dport=64512,len=8} pad{9}", 40, 48},
		{ERROR6 "1} " ASKED6, 40, 96},
	};
	struct ip_probe_answer a;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t bytes = cases[i].header_bytes;

		for (; bytes < cases[i].enough_bytes; bytes++)
			assert_false(read_cut(cases[i].packet, bytes, &a));
		assert_true(read_cut(cases[i].packet, bytes, &a));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_say_what_their_headers_do),
		cmocka_unit_test(errors_are_about_the_question_that_they_quote),
		cmocka_unit_test(no_byte_beyond_the_packet_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
