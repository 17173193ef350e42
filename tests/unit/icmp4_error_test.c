/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMP errors: about what none may be sent, what they quote, and whose address they carry. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dataplane/ip/icmp4_error.h"
#include "dataplane/ip/ip.h"
#include "tests/unit/frame.h"
#include "tests/unit/node.h"

static const char config[] = "node:\n"
			     "  name: t\n"
			     "  workers: [0]\n"
			     "  main: 0\n"
			     "  ports:\n"
			     "    - name: lan\n"
			     "      device: net_null0\n"
			     "      mac: 02:00:00:00:00:01\n"
			     "      addresses: [10.1.0.1/16, 192.0.2.1/24]\n"
			     "    - name: wan\n"
			     "      device: net_null1\n"
			     "      mac: 02:00:00:00:00:02\n"
			     "      addresses: [198.51.100.1/24]\n"
			     "neighbors:\n"
			     "  - {interface: lan, address: 192.0.2.2, mac: 02:00:00:00:00:aa}\n"
			     "  - {interface: wan, address: 198.51.100.2, mac: 02:00:00:00:00:bb}\n"
			     "routes:\n"
			     "  - {prefix: 203.0.113.0/24, via: 198.51.100.2}\n"
			     "  - {prefix: 172.16.0.0/12, via: 192.0.2.2}\n";

static void errors_are_sent_only_about_what_may_have_one(void **state)
{
	static const struct {
		const char *packet;
		uint8_t flags;
		bool allowed;
	} cases[] = {
		{"ip4 udp", 0, true},
		{"ip4", 0, true},
		{"ip4{mf=1} udp", 0, true},
		{"ip4{off=1,next=17} pad{8}", 0, false},
		{"ip4 udp", PKT_LOCAL, false},
		{"ip4 udp", PKT_L2_MULTICAST, false},
		{"ip4 udp", PKT_L2_MULTICAST | PKT_L2_BROADCAST, false},
		{"ip4{src=zero} udp", 0, false},
		{"ip4{src=127.0.0.1} udp", 0, false},
		{"ip4{src=224.0.0.1} udp", 0, false},
		{"ip4{src=all} udp", 0, false},
		{"ip4{dst=224.0.0.1} udp", 0, false},
		{"ip4{dst=all} udp", 0, false},
		{"ip4 icmp4", 0, true},
		{"ip4{hex=01010101} icmp4", 0, true},
		{"ip4 icmp4{type=0}", 0, true},
		{"ip4 icmp4{type=13}", 0, true},
		{"ip4 icmp4{type=3}", 0, false},
		{"ip4 icmp4{type=4}", 0, false},
		{"ip4 icmp4{type=5}", 0, false},
		{"ip4 icmp4{type=11}", 0, false},
		{"ip4 icmp4{type=12}", 0, false},
		{"ip4 icmp4{type=200}", 0, false},
		{"ip4{next=1}", 0, false},
		{"ip4 keep{19}", 0, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t frame[FRAME_MAX];
		uint32_t len = frame_build(cases[i].packet, frame);
		uint8_t *packet = malloc(len);

		print_message("%s\n", cases[i].packet);
		assert_non_null(packet);
		memcpy(packet, frame, len);
		assert_int_equal(
			icmp4_error_is_allowed(packet, len, cases[i].flags), cases[i].allowed);
		free(packet);
	}
}

static void the_second_word_carries_what_the_error_needs(void **state)
{
	assert_int_equal(icmp4_error_info_be(3, 4, 1400), htobe32(1400));
	assert_int_equal(icmp4_error_info_be(12, 0, 20), htobe32(20u << 24));
	assert_int_equal(icmp4_error_info_be(3, 1, 1400), 0);
	assert_int_equal(icmp4_error_info_be(11, 0, 7), 0);
}

/* Expects @f to be @text but for the identification, which is random, and the header checksum. */
static void assert_frame(const struct node_frame *f, const char *text)
{
	uint8_t expected[FRAME_MAX], got[FRAME_MAX];
	uint32_t len = frame_build(text, expected);

	assert_non_null(f);
	assert_int_equal(f->len, len);
	memcpy(got, f->bytes, len);
	assert_int_equal(checksum_ip4_header(got + 14, 5), 0);
	memcpy(got + 18, expected + 18, 2);
	memcpy(got + 24, expected + 24, 2);
	assert_memory_equal(got, expected, len);
}

static void send_text(uint16_t port, const char *text)
{
	uint8_t frame[FRAME_MAX];
	uint32_t len = frame_build(text, frame);

	node_clear();
	node_input(port, frame, len);
	node_run();
}

static void an_error_quotes_the_packet_as_it_came(void **state)
{
	static const struct {
		const char *in, *out;
		enum drop_reason reason;
	} cases[] = {
		{"eth ip4{dst=203.0.113.1,ttl=1} udp pad{3}",
			"eth{dst=host,src=node} ip4{src=node,dst=host,tos=192} "
			"icmp4{type=11,code=0,info=0} ip4{dst=203.0.113.1,ttl=1} udp pad{3}",
			DROP_ip4_ttl_exceeded},
		{"eth ip4{dst=10.9.9.9,tos=255,hex=01010101} udp",
			"eth{dst=host,src=node} ip4{src=node,dst=host,tos=192} "
			"icmp4{type=3,code=0,info=0} ip4{dst=10.9.9.9,tos=255,hex=01010101} udp",
			DROP_ip4_no_route},
		{"eth ip4{dst=10.9.9.9} udp trail{18}",
			"eth{dst=host,src=node} ip4{src=node,dst=host,tos=192} "
			"icmp4{type=3,code=0,info=0} ip4{dst=10.9.9.9} udp",
			DROP_ip4_no_route},
		{"eth ip4{src=172.16.5.5,dst=10.9.9.9} udp",
			"eth{dst=host,src=node} ip4{src=10.1.0.1,dst=172.16.5.5,tos=192} "
			"icmp4{type=3,code=0,info=0} ip4{src=172.16.5.5,dst=10.9.9.9} udp",
			DROP_ip4_no_route},
	};

	node_start(config);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].in);
		send_text(0, cases[i].in);
		assert_string_equal(
			drop_table[node_drop_reason()].name, drop_table[cases[i].reason].name);
		assert_int_equal(node_n_output(), 1);
		assert_frame(node_output_on(0), cases[i].out);
		node_check_accounts();
	}
	node_stop();
}

static void a_large_packet_is_quoted_up_to_576_bytes(void **state)
{
	node_start(config);
	send_text(0, "eth ip4{dst=10.9.9.9} udp pad{1000}");
	assert_int_equal(node_n_output(), 1);
	assert_int_equal(node_output(0)->len, 14 + 576);
	send_text(0, "eth ip4{dst=10.9.9.9} udp pad{520}");
	assert_int_equal(node_output(0)->len, 14 + 576);
	send_text(0, "eth ip4{dst=10.9.9.9} udp pad{519}");
	assert_int_equal(node_output(0)->len, 14 + 575);
	node_stop();
}

static void a_packet_without_an_error_still_ends_for_its_own_reason(void **state)
{
	node_start(config);
	send_text(0, "eth ip4{dst=203.0.113.1,ttl=1} icmp4{type=3}");
	assert_int_equal(node_n_output(), 0);
	assert_string_equal(drop_table[node_drop_reason()].name, "ip4_ttl_exceeded");
	node_check_accounts();
	node_stop();
}

static void errors_beyond_the_rate_of_a_prefix_are_counted_as_not_sent(void **state)
{
	uint8_t frame[FRAME_MAX];
	uint32_t len = frame_build("eth ip4{dst=10.9.9.9} udp", frame);

	node_start(config);
	for (unsigned i = 0; i < ICMP_LIMIT_BURST + 30; i++)
		node_input(0, frame, len);
	node_run();
	assert_int_equal(node_n_output(), ICMP_LIMIT_BURST);
	assert_int_equal(node_drops(DROP_ip4_no_route), ICMP_LIMIT_BURST + 30);
	assert_int_equal(node_drops(DROP_icmp_error_limited), 30);
	node_check_accounts();
	node_stop();
}

static void the_source_is_of_the_input_interface_and_the_same_subnet(void **state)
{
	static const struct {
		uint16_t iface;
		const char *dst, *src;
	} cases[] = {
		{0, "192.0.2.77", "192.0.2.1"},
		{0, "10.1.200.200", "10.1.0.1"},
		{0, "203.0.113.1", "10.1.0.1"},
		{1, "203.0.113.1", "198.51.100.1"},
		{2, "203.0.113.1", "10.1.0.1"},
		{3, "203.0.113.1", NULL},
	};
	struct iface ifaces[WORLD_INTERFACES_MAX] = {
		[0] = {.up = true, .n_addresses = 4},
		[1] = {.up = true, .n_addresses = 1},
		[2] = {.up = true, .n_addresses = 1},
	};
	struct iface_address *a = ifaces[0].addresses;
	struct world world = {.ifaces = ifaces};

	ip_addr_parse_prefix("2001:db8::1/64", &a[0].addr);
	ip_addr_parse_prefix("10.2.0.1/16", &a[1].addr);
	ip_addr_parse_prefix("10.1.0.1/16", &a[2].addr);
	ip_addr_parse_prefix("192.0.2.1/24", &a[3].addr);
	a[0].usable = a[2].usable = a[3].usable = true;
	ip_addr_parse_prefix("198.51.100.1/24", &ifaces[1].addresses[0].addr);
	ifaces[1].addresses[0].usable = true;
	ip_addr_parse_prefix("2001:db8:1::1/64", &ifaces[2].addresses[0].addr);
	ifaces[2].addresses[0].usable = true;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip_addr dst, src;
		uint32_t src_be = 0;

		if (cases[i].src == NULL) {
			ifaces[0].up = ifaces[1].up = false;
			assert_int_equal(ip4_source_select(&world, 3, 1, &src_be), -EADDRNOTAVAIL);
			continue;
		}
		ip_addr_parse(cases[i].dst, &dst);
		ip_addr_parse(cases[i].src, &src);
		assert_int_equal(
			ip4_source_select(&world, cases[i].iface, ip_addr_v4_be(&dst), &src_be), 0);
		assert_int_equal(src_be, ip_addr_v4_be(&src));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_are_sent_only_about_what_may_have_one),
		cmocka_unit_test(the_second_word_carries_what_the_error_needs),
		cmocka_unit_test(the_source_is_of_the_input_interface_and_the_same_subnet),
		cmocka_unit_test(an_error_quotes_the_packet_as_it_came),
		cmocka_unit_test(a_large_packet_is_quoted_up_to_576_bytes),
		cmocka_unit_test(a_packet_without_an_error_still_ends_for_its_own_reason),
		cmocka_unit_test(errors_beyond_the_rate_of_a_prefix_are_counted_as_not_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
