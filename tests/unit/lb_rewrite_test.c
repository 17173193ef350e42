/* SPDX-License-Identifier: BSD-3-Clause */
/* What the balancer reads in headers and writes to them, against packets made anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dataplane/lb/lb_rewrite.h"
#include "lib/base/ipaddr.h"
#include "tests/unit/frame.h"

#define SRC  "203.0.113.200"
#define DST  "198.51.100.2"
#define SRC6 "2001:db8:f::200"
#define DST6 "2001:db8:1::2"

/* The packet @text in a buffer of exactly its size; *@len is that. */
static uint8_t *exact(const char *text, uint32_t *len)
{
	uint8_t frame[FRAME_MAX];
	uint8_t *p;

	*len = frame_build(text, frame);
	p = malloc(MAX_OF(*len, 1u));
	assert_non_null(p);
	memcpy(p, frame, *len);
	return p;
}

static enum lb_class classify(const char *text, struct pkt *notes, struct lb_l4 *l4)
{
	uint32_t len;
	uint8_t *l3 = exact(text, &len);
	enum lb_class class;

	*l4 = (struct lb_l4){0};
	class = l3[0] >> 4 == 6 ? lb_classify6(l3, len, notes, l4)
				: lb_classify4(l3, len, notes, l4);
	free(l3);
	return class;
}

static void a_packet_is_told_by_its_headers(void **state)
{
	static const struct {
		const char *packet;
		enum lb_class class;
		uint16_t offset;
		uint8_t protocol, tcp_flags;
	} cases[] = {
		{"ip4 tcp{flags=2}", LB_CLASS_FLOW, 20, 6, 2},
		{"ip4 udp", LB_CLASS_FLOW, 20, 17, 0},
		{"ip4{hex=01010101} tcp{flags=16}", LB_CLASS_FLOW, 24, 6, 16},
		{"ip4 tcp{hex=01010101}", LB_CLASS_FLOW, 20, 6, 2},
		{"ip4 tcp short{1}", LB_CLASS_RUNT, 0, 0, 0},
		{"ip4 tcp keep{20}", LB_CLASS_RUNT, 0, 0, 0},
		{"ip4 udp short{1}", LB_CLASS_RUNT, 0, 0, 0},
		{"ip4 tcp{words=4}", LB_CLASS_BAD, 0, 0, 0},
		{"ip4 tcp{words=0}", LB_CLASS_BAD, 0, 0, 0},
		{"ip4 tcp{words=6}", LB_CLASS_BAD, 0, 0, 0},
		{"ip4 udp{len=7}", LB_CLASS_BAD, 0, 0, 0},
		{"ip4 udp{len=9}", LB_CLASS_BAD, 0, 0, 0},
		{"ip4 udp{len=8} pad{4}", LB_CLASS_FLOW, 20, 17, 0},
		{"ip4{mf=1} udp{len=900} pad{24}", LB_CLASS_FRAGMENT, 0, 0, 0},
		{"ip4{off=100,next=17} pad{8}", LB_CLASS_FRAGMENT, 0, 0, 0},
		{"ip4{off=100,next=1} pad{8}", LB_CLASS_LOCAL, 0, 0, 0},
		{"ip4{next=47} pad{8}", LB_CLASS_LOCAL, 0, 0, 0},
		{"ip4 icmp4{type=8}", LB_CLASS_LOCAL, 0, 0, 0},
		{"ip4 icmp4{type=3,code=4}", LB_CLASS_ICMP_ERROR, 0, 0, 0},
		{"ip4 icmp4{type=11}", LB_CLASS_ICMP_ERROR, 0, 0, 0},
		{"ip4 icmp4{type=12}", LB_CLASS_ICMP_ERROR, 0, 0, 0},
		{"ip4 icmp4{type=5}", LB_CLASS_LOCAL, 0, 0, 0},
		{"ip4{next=1}", LB_CLASS_LOCAL, 0, 0, 0},
		{"ip6 tcp{flags=2}", LB_CLASS_FLOW, 40, 6, 2},
		{"ip6 udp", LB_CLASS_FLOW, 40, 17, 0},
		{"ip6 hbh tcp{flags=17}", LB_CLASS_FLOW, 48, 6, 17},
		{"ip6 opts opts udp", LB_CLASS_FLOW, 56, 17, 0},
		{"ip6 frag tcp{flags=2}", LB_CLASS_FLOW, 48, 6, 2},
		{"ip6 frag{more=1} udp{len=99}", LB_CLASS_FRAGMENT, 0, 0, 0},
		{"ip6 frag{off=9,next=6} pad{8}", LB_CLASS_FRAGMENT, 0, 0, 0},
		{"ip6 frag{off=9,next=58} pad{8}", LB_CLASS_LOCAL, 0, 0, 0},
		{"ip6 tcp short{1}", LB_CLASS_RUNT, 0, 0, 0},
		{"ip6 hbh udp short{1}", LB_CLASS_RUNT, 0, 0, 0},
		{"ip6 hbh{len=200} udp", LB_CLASS_LOCAL, 0, 0, 0},
		{"ip6 icmp6{type=128}", LB_CLASS_LOCAL, 0, 0, 0},
		{"ip6 icmp6{type=2}", LB_CLASS_ICMP_ERROR, 0, 0, 0},
		{"ip6 opts icmp6{type=1}", LB_CLASS_ICMP_ERROR, 0, 0, 0},
		{"ip6{next=58}", LB_CLASS_LOCAL, 0, 0, 0},
		{"ip6", LB_CLASS_LOCAL, 0, 0, 0},
	};
	struct pkt none = {0};
	struct lb_l4 l4 = {0};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].packet);
		assert_int_equal(classify(cases[i].packet, &none, &l4), cases[i].class);
		if (cases[i].class != LB_CLASS_FLOW)
			continue;
		assert_int_equal(l4.offset, cases[i].offset);
		assert_int_equal(l4.protocol, cases[i].protocol);
		assert_int_equal(l4.tcp_flags, cases[i].tcp_flags);
		assert_int_equal(be16toh((uint16_t)l4.ports), 0x1000);
		assert_int_equal(be16toh((uint16_t)(l4.ports >> 16)), 0x2000);
	}
}

static void a_fragment_has_the_ports_of_its_first_one(void **state)
{
	struct pkt notes = {.flags = PKT_PORTS, .ports = 0x12345678, .protocol = IPPROTO_UDP};
	static const char *const later[] = {
		"ip4{off=100,next=17} pad{8}", "ip6 frag{off=9,next=17} pad{8}"};
	static const char *const first[] = {
		"ip4{mf=1} udp{len=900} pad{24}", "ip6 frag{more=1} udp{len=900} pad{24}"};
	struct lb_l4 l4 = {0};

	for (size_t i = 0; i < ARRAY_SIZE(later); i++) {
		assert_int_equal(classify(later[i], &notes, &l4), LB_CLASS_FLOW);
		assert_int_equal(l4.offset, 0);
		assert_int_equal(l4.protocol, IPPROTO_UDP);
		assert_int_equal(l4.ports, 0x12345678);
		assert_int_equal(classify(first[i], &notes, &l4), LB_CLASS_FLOW);
		assert_int_equal(l4.offset, i == 0 ? 20 : 48);
		assert_int_equal(be16toh((uint16_t)l4.ports), 0x1000);
	}
}

static uint32_t ports_of(uint16_t src, uint16_t dst)
{
	return (uint32_t)htobe16(dst) << 16 | htobe16(src);
}

/* Writes the addresses above and ports 2000 and 8080 into @before: it must become @after. */
static void check_rewrite(const char *before, const char *after)
{
	struct ip_addr src, dst;
	uint32_t len, expected_len;
	uint8_t *l3 = exact(before, &len), *expected = exact(after, &expected_len);
	struct pkt notes = {.flags = PKT_PORTS, .protocol = IPPROTO_UDP};
	bool is_ip6 = l3[0] >> 4 == 6;
	struct lb_l4 l4 = {0};

	print_message("%s\n", before);
	assert_int_equal(
		is_ip6 ? lb_classify6(l3, len, &notes, &l4) : lb_classify4(l3, len, &notes, &l4),
		LB_CLASS_FLOW);
	ip_addr_parse(is_ip6 ? SRC6 : SRC, &src);
	ip_addr_parse(is_ip6 ? DST6 : DST, &dst);
	if (is_ip6)
		lb_rewrite6(
			l3, &l4, &(struct lb_tuple6){src.bytes, dst.bytes, ports_of(2000, 8080)});
	else
		lb_rewrite4(l3, &l4,
			&(struct lb_tuple4){
				ip_addr_v4_be(&src), ip_addr_v4_be(&dst), ports_of(2000, 8080)});
	assert_int_equal(len, expected_len);
	assert_memory_equal(l3, expected, len);
	free(l3);
	free(expected);
}

static void a_translated_packet_equals_one_made_anew(void **state)
{
	static const struct {
		const char *before, *after;
	} cases[] = {
		{"ip4 tcp raw{hex=010203}",
			"ip4{src=" SRC ",dst=" DST "} tcp{sport=2000,dport=8080} raw{hex=010203}"},
		{"ip4 udp raw{hex=010203}",
			"ip4{src=" SRC ",dst=" DST "} udp{sport=2000,dport=8080} raw{hex=010203}"},
		{"ip4{hex=01010101} udp",
			"ip4{src=" SRC ",dst=" DST ",hex=01010101} udp{sport=2000,dport=8080}"},
		{"ip4 udp{csum=0} raw{hex=ff}", "ip4{src=" SRC ",dst=" DST
						"} udp{sport=2000,dport=8080,csum=0} raw{hex=ff}"},
		{"ip4{off=4,next=17} raw{hex=0102030405060708}",
			"ip4{src=" SRC ",dst=" DST ",off=4,next=17} raw{hex=0102030405060708}"},
		{"ip6 tcp raw{hex=010203}", "ip6{src=" SRC6 ",dst=" DST6
					    "} tcp{sport=2000,dport=8080} raw{hex=010203}"},
		{"ip6 udp raw{hex=010203}", "ip6{src=" SRC6 ",dst=" DST6
					    "} udp{sport=2000,dport=8080} raw{hex=010203}"},
		{"ip6 opts tcp", "ip6{src=" SRC6 ",dst=" DST6 "} opts tcp{sport=2000,dport=8080}"},
		{"ip6 udp{csum=0}",
			"ip6{src=" SRC6 ",dst=" DST6 "} udp{sport=2000,dport=8080,csum=0}"},
		{"ip6 frag{off=4,next=17} raw{hex=0102030405060708}",
			"ip6{src=" SRC6 ",dst=" DST6
			"} frag{off=4,next=17} raw{hex=0102030405060708}"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_rewrite(cases[i].before, cases[i].after);
}

/* Every checksum there is, before and after: also those at which the two zeros differ. */
static void a_checksum_is_right_whatever_it_was(void **state)
{
	struct lb_l4 l4 = {.offset = 20};

	for (unsigned udp = 0; udp < 2; udp++) {
		l4.protocol = udp ? IPPROTO_UDP : IPPROTO_TCP;
		for (unsigned word = 0; word < 65536; word++) {
			uint8_t before[FRAME_MAX];
			struct lb_tuple4 to = {0xc8710cbu, 0x026433c6u, ports_of(2000, 8080)};
			uint32_t len = frame_build(
				udp ? "ip4 udp raw{hex=0000}" : "ip4 tcp raw{hex=0000}", before);
			uint8_t *check_at =
				before + 20 + (udp ? LB_UDP_CHECK_OFFSET : LB_TCP_CHECK_OFFSET);
			uint16_t check = 0;
			uint64_t sum;

			memcpy(before + len - 2, &word, 2);
			memcpy(check_at, &check, 2);
			sum = checksum_sum(before + 20, len - 20,
				checksum_pseudo_ip4(*(uint32_t *)(void *)(before + 12),
					*(uint32_t *)(void *)(before + 16), l4.protocol,
					(uint16_t)(len - 20)));
			check = udp ? checksum_finish_udp(sum) : checksum_finish(sum);
			memcpy(check_at, &check, 2);
			lb_rewrite4(before, &l4, &to);
			memcpy(&check, check_at, 2);
			if (udp)
				assert_int_not_equal(check, 0);
			sum = checksum_sum(before + 20, len - 20,
				checksum_pseudo_ip4(
					to.src_be, to.dst_be, l4.protocol, (uint16_t)(len - 20)));
			assert_int_equal(checksum_finish(sum), 0);
			assert_int_equal(checksum_ip4_header(before, 5), 0);
		}
	}
}

static void an_mss_is_lowered_and_never_raised(void **state)
{
	static const struct {
		const char *before, *after;
	} cases[] = {
		{"ip4 tcp{hex=020405b4}", "ip4 tcp{hex=02040550}"},
		{"ip4 tcp{hex=01020405b4010100}", "ip4 tcp{hex=0102040550010100}"},
		{"ip4 tcp{hex=0101020405b40000}", "ip4 tcp{hex=0101020405500000}"},
		{"ip4 tcp{hex=0303070201020405b4000000}", "ip4 tcp{hex=0303070201020405b4000000}"},
		{"ip4 tcp{hex=03030704020405b4000000}", "ip4 tcp{hex=03030704020405b4000000}"},
		{"ip4 tcp{hex=0402080a0102030405060708020405b4}",
			"ip4 tcp{hex=0402080a010203040506070802040550}"},
		{"ip4 tcp{hex=02040550}", "ip4 tcp{hex=02040550}"},
		{"ip4 tcp{hex=02040200}", "ip4 tcp{hex=02040200}"},
		{"ip4 tcp{hex=00020405b4000000}", "ip4 tcp{hex=00020405b4000000}"},
		{"ip4 tcp{hex=01010102}", "ip4 tcp{hex=01010102}"},
		{"ip4 tcp{hex=01010204}", "ip4 tcp{hex=01010204}"},
		{"ip4 tcp{hex=01010202}", "ip4 tcp{hex=01010202}"},
		{"ip4 tcp{hex=01020301}", "ip4 tcp{hex=01020301}"},
		{"ip4 tcp{hex=02030550}", "ip4 tcp{hex=02030550}"},
		{"ip4 tcp{hex=02060fff00000000}", "ip4 tcp{hex=02060fff00000000}"},
		{"ip4 tcp{hex=05000000020405b4}", "ip4 tcp{hex=05000000020405b4}"},
		{"ip4 tcp{hex=05010000020405b4}", "ip4 tcp{hex=05010000020405b4}"},
		{"ip4 tcp raw{hex=020405b4}", "ip4 tcp raw{hex=020405b4}"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t len, expected_len;
		uint8_t *l3 = exact(cases[i].before, &len);
		uint8_t *expected = exact(cases[i].after, &expected_len);

		print_message("%s\n", cases[i].before);
		lb_mss_clamp(l3 + 20, (l3[32] >> 4) * 4u, 0x550);
		assert_memory_equal(l3, expected, len);
		free(l3);
		free(expected);
	}
}

static void flags_move_a_flow_through_its_life(void **state)
{
	static const struct {
		uint8_t state, flags, next;
	} cases[] = {
		{LB_FLOW_TCP_NEW, LB_TCP_SYN, LB_FLOW_TCP_NEW},
		{LB_FLOW_TCP_NEW, LB_TCP_SYN | LB_TCP_ACK, LB_FLOW_TCP_NEW},
		{LB_FLOW_TCP_NEW, LB_TCP_ACK, LB_FLOW_TCP_ESTABLISHED},
		{LB_FLOW_TCP_NEW, LB_TCP_RST, LB_FLOW_TCP_CLOSING},
		{LB_FLOW_TCP_NEW, LB_TCP_SYN | LB_TCP_FIN, LB_FLOW_TCP_CLOSING},
		{LB_FLOW_TCP_ESTABLISHED, LB_TCP_ACK, LB_FLOW_TCP_ESTABLISHED},
		{LB_FLOW_TCP_ESTABLISHED, LB_TCP_SYN, LB_FLOW_TCP_ESTABLISHED},
		{LB_FLOW_TCP_ESTABLISHED, LB_TCP_FIN | LB_TCP_ACK, LB_FLOW_TCP_CLOSING},
		{LB_FLOW_TCP_CLOSING, LB_TCP_ACK, LB_FLOW_TCP_CLOSING},
		{LB_FLOW_TCP_CLOSING, LB_TCP_SYN, LB_FLOW_TCP_CLOSING},
		{LB_FLOW_UDP_NEW, 0, LB_FLOW_UDP_ESTABLISHED},
		{LB_FLOW_UDP_ESTABLISHED, 0, LB_FLOW_UDP_ESTABLISHED},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(
			lb_state_next(cases[i].state, lb_event_of(cases[i].flags)), cases[i].next);
	assert_true(lb_is_syn(LB_TCP_SYN));
	assert_true(lb_is_syn(LB_TCP_SYN | 0xc8));
	assert_false(lb_is_syn(LB_TCP_SYN | LB_TCP_ACK));
	assert_false(lb_is_syn(LB_TCP_SYN | LB_TCP_RST));
	assert_false(lb_is_syn(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_is_told_by_its_headers),
		cmocka_unit_test(a_fragment_has_the_ports_of_its_first_one),
		cmocka_unit_test(a_translated_packet_equals_one_made_anew),
		cmocka_unit_test(a_checksum_is_right_whatever_it_was),
		cmocka_unit_test(an_mss_is_lowered_and_never_raised),
		cmocka_unit_test(flags_move_a_flow_through_its_life),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
