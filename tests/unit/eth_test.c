/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet and 802.1Q input: the classification, and the stage against it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/link/eth.h"
#include "tests/unit/node.h"

static const uint8_t our_mac[6] = {2, 0, 0, 0, 0, 1};

static const char config[] = "node:\n"
			     "  name: t\n"
			     "  workers: [0]\n"
			     "  main: 0\n"
			     "  ports:\n"
			     "    - name: lan\n"
			     "      device: net_null0\n"
			     "      mac: 02:00:00:00:00:01\n"
			     "      addresses: [192.0.2.1/24]\n"
			     "      interfaces:\n"
			     "        - {name: lan.10, vlan: 10, addresses: [198.51.100.1/24]}\n"
			     "    - name: bare\n"
			     "      device: net_null1\n"
			     "      mac: 02:00:00:00:00:02\n";

struct eth_case {
	const char *name;
	uint8_t to[6];
	uint8_t from[6];
	uint32_t tail_len;
	const char *tail; /* from the EtherType on */
	enum drop_reason reason;
	enum stage next;
	uint16_t vlan;
	uint8_t flags;
};

#define US                                                                                         \
	{                                                                                          \
		2, 0, 0, 0, 0, 1                                                                   \
	}
#define HOST                                                                                       \
	{                                                                                          \
		2, 0, 0, 0, 0, 0xaa                                                                \
	}

static const struct eth_case cases[] = {
	{.name = "IPv4",
		.to = US,
		.from = HOST,
		.tail = "\x08\x00",
		.tail_len = 2,
		.next = STAGE_ip4_input},
	{.name = "IPv6",
		.to = US,
		.from = HOST,
		.tail = "\x86\xdd",
		.tail_len = 2,
		.next = STAGE_ip6_input},
	{.name = "broadcast ARP",
		.to = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		.from = HOST,
		.tail = "\x08\x06",
		.tail_len = 2,
		.next = STAGE_arp,
		.flags = PKT_L2_MULTICAST | PKT_L2_BROADCAST},
	{.name = "multicast IPv6",
		.to = {0x33, 0x33, 0, 0, 0, 1},
		.from = HOST,
		.tail = "\x86\xdd",
		.tail_len = 2,
		.next = STAGE_ip6_input,
		.flags = PKT_L2_MULTICAST},
	{.name = "another station",
		.to = {2, 0, 0, 0, 0, 9},
		.from = HOST,
		.tail = "\x08\x00",
		.tail_len = 2,
		.reason = DROP_eth_not_for_us},
	{.name = "multicast source",
		.to = US,
		.from = {1, 0, 0, 0, 0, 1},
		.tail = "\x08\x00",
		.tail_len = 2,
		.reason = DROP_eth_bad_source},
	{.name = "zero source",
		.to = US,
		.tail = "\x08\x00",
		.tail_len = 2,
		.reason = DROP_eth_bad_source},
	{.name = "no EtherType",
		.to = US,
		.from = HOST,
		.tail = "\x08",
		.tail_len = 1,
		.reason = DROP_eth_runt},
	{.name = "length field of 802.3",
		.to = US,
		.from = HOST,
		.tail = "\x00\x40",
		.tail_len = 2,
		.reason = DROP_eth_unknown_type},
	{.name = "VLAN 10",
		.to = US,
		.from = HOST,
		.tail = "\x81\x00\x00\x0a\x08\x00",
		.tail_len = 6,
		.next = STAGE_ip4_input,
		.vlan = 10},
	{.name = "VLAN 10 with priority",
		.to = US,
		.from = HOST,
		.tail = "\x81\x00\xe0\x0a\x86\xdd",
		.tail_len = 6,
		.next = STAGE_ip6_input,
		.vlan = 10},
	{.name = "priority tag",
		.to = US,
		.from = HOST,
		.tail = "\x81\x00\xe0\x00\x08\x00",
		.tail_len = 6,
		.next = STAGE_ip4_input},
	{.name = "ends inside the tag",
		.to = US,
		.from = HOST,
		.tail = "\x81\x00\x00\x0a\x08",
		.tail_len = 5,
		.reason = DROP_eth_vlan_runt},
	{.name = "two tags",
		.to = US,
		.from = HOST,
		.tail = "\x81\x00\x00\x0a\x81\x00\x00\x0a\x08\x00",
		.tail_len = 10,
		.reason = DROP_eth_nested_vlan},
	{.name = "service tag",
		.to = US,
		.from = HOST,
		.tail = "\x88\xa8\x00\x0a\x08\x00",
		.tail_len = 6,
		.reason = DROP_eth_nested_vlan},
	{.name = "unknown type in a VLAN",
		.to = US,
		.from = HOST,
		.tail = "\x81\x00\x00\x0a\x88\xcc",
		.tail_len = 6,
		.reason = DROP_eth_unknown_type},
};

static void frames_are_classified_by_their_bytes(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct eth_case *c = &cases[i];
		uint32_t len = 12 + c->tail_len;
		uint8_t *f = malloc(len);
		struct eth_class got;

		assert_non_null(f);
		memcpy(f, c->to, 6);
		memcpy(f + 6, c->from, 6);
		memcpy(f + 12, c->tail, c->tail_len);
		got = eth_classify(f, len, our_mac);
		if (got.reason != c->reason ||
			(got.reason == DROP_NONE && (got.next != c->next || got.vlan != c->vlan ||
							    got.flags != c->flags)))
			fail_msg("%s: reason %s, next %u, vlan %u, flags %u", c->name,
				drop_table[got.reason].name, got.next, got.vlan, got.flags);
		free(f);
	}
}

static void every_length_is_safe_to_classify(void **state)
{
	static const uint8_t frame[] = {
		2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0xaa, 0x81, 0, 0, 10, 8, 0};

	for (uint32_t len = 0; len <= sizeof(frame); len++) {
		uint8_t *f = malloc(len ? len : 1);

		assert_non_null(f);
		memcpy(f, frame, len);
		assert_int_equal(eth_classify(f, len, our_mac).reason, len < 14 ? DROP_eth_runt
								       : len < 18
									       ? DROP_eth_vlan_runt
									       : DROP_NONE);
		free(f);
	}
}

/* A frame whose IPv4 header is a runt, so that it ends in stage ip4_input when it gets there. */
static void send_type(uint16_t port, const uint8_t to[6], const char *tail, uint32_t tail_len)
{
	uint8_t f[64] = {0};

	memcpy(f, to, 6);
	memcpy(f + 6, (const uint8_t[]){2, 0, 0, 0, 0, 0xaa}, 6);
	memcpy(f + 12, tail, tail_len);
	node_clear();
	node_input(port, f, 12 + tail_len);
	node_run();
}

static void the_stage_agrees_with_the_classification(void **state)
{
	node_start(config);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct eth_case *c = &cases[i];
		uint8_t f[32];

		node_clear();
		memcpy(f, c->to, 6);
		memcpy(f + 6, c->from, 6);
		memcpy(f + 12, c->tail, c->tail_len);
		node_input(0, f, 12 + c->tail_len);
		node_run();
		if (c->reason != DROP_NONE ? node_drop_reason() != c->reason
					   : node_drop_reason() <= DROP_eth_too_long)
			fail_msg("%s: %s", c->name, drop_table[node_drop_reason()].name);
	}
	node_stop();
}

static void frames_go_to_the_interface_of_their_vlan(void **state)
{
	const uint8_t us[6] = US, bare[6] = {2, 0, 0, 0, 0, 2};

	node_start(config);
	send_type(0, us, "\x81\x00\x00\x0b\x08\x00", 6);
	assert_int_equal(node_drop_reason(), DROP_eth_unknown_vlan);
	send_type(1, bare, "\x81\x00\x00\x0a\x08\x00", 6);
	assert_int_equal(node_drop_reason(), DROP_eth_unknown_vlan);
	send_type(0, us, "\x81\x00\x00\x0a\x08\x00", 6);
	assert_int_equal(node_drop_reason(), DROP_ip4_runt);
	node_stop();
}

static void a_split_frame_is_made_whole(void **state)
{
	uint8_t f[60] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0xaa, 8, 0, 0x55};

	node_start(config);
	for (uint32_t at = 1; at < sizeof(f); at++) {
		node_clear();
		node_input_split(0, f, sizeof(f), at);
		node_run();
		assert_int_equal(node_drop_reason(), DROP_ip4_bad_version);
	}
	node_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_classified_by_their_bytes),
		cmocka_unit_test(every_length_is_safe_to_classify),
		cmocka_unit_test(the_stage_agrees_with_the_classification),
		cmocka_unit_test(frames_go_to_the_interface_of_their_vlan),
		cmocka_unit_test(a_split_frame_is_made_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
