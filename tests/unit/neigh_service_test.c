/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Addresses of the balancer on a link: the node answers for them, announces the few, and neither
 * where they do not belong nor once they are gone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/neigh/neigh.h"
#include "tests/unit/frame.h"
#include "tests/unit/node.h"

#define NODE                                                                                       \
	"node:\n"                                                                                  \
	"  name: n\n"                                                                              \
	"  workers: [0, 0]\n"                                                                      \
	"  ports:\n"                                                                               \
	"    - name: lan\n"                                                                        \
	"      device: net_null0\n"                                                                \
	"      mac: 02:00:00:00:00:01\n"                                                           \
	"      addresses: [192.0.2.1/24, \"2001:db8::1/64\"]\n"                                    \
	"    - name: wan\n"                                                                        \
	"      device: net_null1\n"                                                                \
	"      mac: 02:00:00:00:00:02\n"                                                           \
	"      addresses: [198.51.100.1/24, \"2001:db8:1::1/64\"]\n"                               \
	"neighbors:\n"                                                                             \
	"  - {interface: lan, address: \"2001:db8::2\", mac: 02:00:00:00:00:aa}\n"

#define SERVICES                                                                                   \
	"nat: {pool: [192.0.2.200/30]}\n"                                                          \
	"services:\n"                                                                              \
	"  - {name: a, vip: 192.0.2.100, port: 80, mode: dsr, health: {probe: none}, "             \
	"backends: [{address: 198.51.100.21}]}\n"                                                  \
	"  - {name: b, vip: \"2001:db8::100\", port: 80, mode: dsr, health: {probe: none}, "       \
	"backends: [{address: \"2001:db8:1::21\"}]}\n"                                             \
	"  - {name: c, vip: 203.0.113.7, port: 80, mode: dsr, health: {probe: none}, "             \
	"backends: [{address: 198.51.100.21}]}\n"                                                  \
	"  - {name: d, vip: 192.0.2.64/27, port: 80, mode: dsr, health: {probe: none}, "           \
	"backends: [{address: 198.51.100.21}]}\n"

#define NODE_TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

static int start(void **state)
{
	node_start(NODE SERVICES);
	node_advance(6 * NSEC_PER_SEC);
	node_clear();
	return 0;
}

static int end(void **state)
{
	node_stop();
	return 0;
}

static void arrive(uint16_t port, const char *text)
{
	uint8_t buf[FRAME_MAX];

	node_clear();
	node_input(port, buf, frame_build(text, buf));
	node_run();
}

/* Frames on @port whose bytes at @at are @bytes. */
static unsigned count_frames(uint16_t port, unsigned at, const void *bytes, size_t n)
{
	unsigned count = 0;

	for (unsigned i = 0; i < node_n_output(); i++)
		count += node_output(i)->port == port &&
			 memcmp(node_output(i)->bytes + at, bytes, n) == 0;
	return count;
}

static void requests_for_a_vip_are_answered(void **state)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1}, vip[4] = {192, 0, 2, 100};

	arrive(0, "eth{dst=ff:ff:ff:ff:ff:ff} arp{tpa=192.0.2.100}");
	assert_int_equal(node_n_output(), 1);
	assert_int_equal(count_frames(0, 14 + 8, mac, 6), 1);
	assert_int_equal(count_frames(0, 14 + 14, vip, 4), 1);
	/* The host that asked is known now. */
	assert_int_not_equal(neigh_count(), 0);
}

static void every_address_of_a_prefix_and_of_the_pool_is_answered_for(void **state)
{
	static const char *const frames[] = {
		"eth{dst=ff:ff:ff:ff:ff:ff} arp{tpa=192.0.2.64}",
		"eth{dst=ff:ff:ff:ff:ff:ff} arp{tpa=192.0.2.95}",
		"eth{dst=ff:ff:ff:ff:ff:ff} arp{tpa=192.0.2.203}",
		/* Somebody checks whether the address is free (RFC 5227 2.1.1). */
		"eth{dst=ff:ff:ff:ff:ff:ff} arp{spa=0.0.0.0,tpa=192.0.2.100}",
	};

	for (unsigned i = 0; i < ARRAY_SIZE(frames); i++) {
		arrive(0, frames[i]);
		assert_int_equal(node_n_output(), 1);
	}
}

static void requests_for_others_are_not(void **state)
{
	static const struct {
		uint16_t port;
		const char *frame;
	} cases[] = {
		{0, "eth{dst=ff:ff:ff:ff:ff:ff} arp{tpa=192.0.2.96}"},
		{0, "eth{dst=ff:ff:ff:ff:ff:ff} arp{tpa=192.0.2.204}"},
		/* A VIP, but on no link: it is routed here. */
		{0, "eth{dst=ff:ff:ff:ff:ff:ff} arp{tpa=203.0.113.7}"},
		/* A VIP of another link. */
		{1, "eth{dst=ff:ff:ff:ff:ff:ff} arp{spa=198.51.100.9,tpa=192.0.2.100}"},
		{0, "eth{dst=ff:ff:ff:ff:ff:ff} arp{op=2,spa=192.0.2.9,tpa=192.0.2.100}"},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		arrive(cases[i].port, cases[i].frame);
		assert_int_equal(node_n_output(), 0);
	}
}

/* A message of @type about @target to the group of 2001:db8::100. */
#define TO_GROUP(type, target)                                                                     \
	"ip6{src=2001:db8::2,dst=ff02::1:ff00:100,hop=255} icmp6{type=" type ",info=0,hex=" target \
	"01010200000000aa}"
#define VIP_HEX   "20010db8000000000000000000000100"
#define OTHER_HEX "20010db8000000000000000500000100"

static void solicitations_for_a_vip_are_answered(void **state)
{
	static const uint8_t vip[16] = {0x20, 1, 0x0d, 0xb8, [14] = 1};

	arrive(0, "eth{dst=33:33:ff:00:01:00} " TO_GROUP("135", VIP_HEX));
	assert_int_equal(node_n_output(), 1);
	assert_int_equal(node_output(0)->bytes[54], 136);
	assert_int_equal(count_frames(0, 62, vip, 16), 1);
	assert_int_equal(count_frames(0, 22, vip, 16), 1);
}

static void groups_of_others_are_not_joined(void **state)
{
	/* Another address with the same last 24 bits, and echo to the group of a VIP. */
	arrive(0, "eth{dst=33:33:ff:00:01:00} " TO_GROUP("135", OTHER_HEX));
	assert_int_equal(node_n_output(), 0);
	assert_int_equal(node_drop_reason(), DROP_ip6_link_multicast);
	arrive(0, "eth{dst=33:33:ff:00:01:00} " TO_GROUP("128", VIP_HEX));
	assert_int_equal(node_n_output(), 0);
}

static void a_loop_does_not_get_an_answer(void **state)
{
	arrive(0, "eth{dst=33:33:ff:00:01:00,src=02:00:00:00:00:01} " TO_GROUP("135", VIP_HEX));
	assert_int_equal(node_n_output(), 0);
}

/* Announcements of IPv4 address @last of the lan. */
static unsigned announced(uint8_t last)
{
	return count_frames(0, 14 + 14, (const uint8_t[]){192, 0, 2, last}, 4);
}

static void new_addresses_are_announced_once(void **state)
{
	static const uint8_t vip[16] = {0x20, 1, 0x0d, 0xb8, [14] = 1};
	struct base_error err = {};

	assert_int_equal(node_apply(NODE, &err), 0);
	node_advance(NSEC_PER_SEC);
	node_clear();
	assert_int_equal(node_apply(NODE SERVICES, &err), 0);
	node_advance(NSEC_PER_SEC);
	assert_int_equal(announced(100), 1);
	for (uint8_t last = 200; last < 204; last++)
		assert_int_equal(announced(last), 1);
	/* Too many to name. */
	assert_int_equal(announced(64), 0);
	assert_int_equal(count_frames(0, 62, vip, 16), 1);
	for (unsigned i = 0; i < node_n_output(); i++)
		assert_int_equal(node_output(i)->port, 0);
	node_clear();
	assert_int_equal(node_apply(NODE SERVICES, &err), 0);
	node_advance(NSEC_PER_SEC);
	assert_int_equal(node_n_output(), 0);
}

static void a_link_that_comes_up_hears_of_them(void **state)
{
	neigh_links_up(node_worker(2), 1u << 0);
	node_advance(NSEC_PER_SEC);
	assert_int_equal(announced(100), 1);
	assert_int_equal(announced(203), 1);
	node_clear();
	neigh_links_up(node_worker(2), 1u << 1);
	node_advance(NSEC_PER_SEC);
	assert_int_equal(announced(100), 0);
}

static void a_vip_that_is_gone_is_nobody_s(void **state)
{
	struct base_error err = {};

	assert_int_equal(node_apply(NODE, &err), 0);
	arrive(0, "eth{dst=ff:ff:ff:ff:ff:ff} arp{tpa=192.0.2.100}");
	assert_int_equal(node_n_output(), 0);
	assert_int_equal(node_drop_reason(), DROP_arp_not_for_us);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		NODE_TEST(requests_for_a_vip_are_answered),
		NODE_TEST(every_address_of_a_prefix_and_of_the_pool_is_answered_for),
		NODE_TEST(requests_for_others_are_not),
		NODE_TEST(solicitations_for_a_vip_are_answered),
		NODE_TEST(groups_of_others_are_not_joined),
		NODE_TEST(a_loop_does_not_get_an_answer),
		NODE_TEST(new_addresses_are_announced_once),
		NODE_TEST(a_link_that_comes_up_hears_of_them),
		NODE_TEST(a_vip_that_is_gone_is_nobody_s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
