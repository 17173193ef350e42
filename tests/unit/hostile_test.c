/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hostile frames against a whole node: every one as a buffer of exactly its size, and cut into two
 * segments at every offset. Each must end for the stated reason, with the stated number of answers,
 * the accounts balanced and no buffer lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "tests/unit/frame.h"
#include "tests/unit/hostile.h"
#include "tests/unit/node.h"

#define STEP_NS    (10 * NSEC_PER_MSEC) /* the time in which a prefix earns one more error */
#define FRAMES_MIN 200

#define SERVICE(name, vip, port, protocol, mode, backend)                                          \
	"  - name: " name "\n"                                                                     \
	"    vip: \"" vip "\"\n"                                                                   \
	"    port: " port "\n"                                                                     \
	"    protocol: " protocol "\n"                                                             \
	"    mode: " mode "\n"                                                                     \
	"    backends: [{address: \"" backend "\", port: " port "}]\n"

#define CONFIG(workers)                                                                            \
	"node:\n"                                                                                  \
	"  name: n\n"                                                                              \
	"  workers: " workers "\n"                                                                 \
	"  ports:\n"                                                                               \
	"    - name: lan\n"                                                                        \
	"      device: net_null0\n"                                                                \
	"      mac: 02:00:00:00:00:01\n"                                                           \
	"      addresses: [192.0.2.1/24, \"2001:db8::1/64\"]\n"                                    \
	"      interfaces:\n"                                                                      \
	"        - {name: lan.10, vlan: 10, addresses: [192.0.10.1/24, \"2001:db8:10::1/64\"]}\n"  \
	"    - name: wan\n"                                                                        \
	"      device: net_null1\n"                                                                \
	"      mac: 02:00:00:00:00:02\n"                                                           \
	"      addresses: [198.51.100.1/24, \"2001:db8:1::1/64\"]\n"                               \
	"neighbors:\n"                                                                             \
	"  - {interface: lan, address: 192.0.2.2, mac: 02:00:00:00:00:aa}\n"                       \
	"  - {interface: lan, address: \"2001:db8::2\", mac: 02:00:00:00:00:aa}\n"                 \
	"  - {interface: lan, address: \"fe80::2\", mac: 02:00:00:00:00:aa}\n"                     \
	"  - {interface: lan.10, address: 192.0.10.2, mac: 02:00:00:00:00:ac}\n"                   \
	"  - {interface: wan, address: 198.51.100.2, mac: 02:00:00:00:00:bb}\n"                    \
	"  - {interface: wan, address: \"2001:db8:1::2\", mac: 02:00:00:00:00:bb}\n"               \
	"routes:\n"                                                                                \
	"  - {prefix: 203.0.113.0/25, action: blackhole}\n"                                        \
	"  - {prefix: 203.0.113.128/25, action: reject}\n"                                         \
	"  - {prefix: \"2001:db8:b::/48\", action: blackhole}\n"                                   \
	"  - {prefix: \"2001:db8:c::/48\", action: reject}\n"                                      \
	"nat: {pool: [198.18.1.0/30, \"2001:db8:e:1::/126\"]}\n"                                   \
	"services:\n" SERVICE("dns4", "198.18.0.10", "53", "udp", "dsr", "198.51.100.2")           \
		SERVICE("web4", "198.18.0.10", "80", "tcp", "nat", "198.51.100.2") SERVICE(        \
			"dns6", "2001:db8:e::10", "53", "udp", "dsr", "2001:db8:1::2")             \
			SERVICE("web6", "2001:db8:e::10", "80", "tcp", "nat", "2001:db8:1::2")

static const struct hostile_list *const lists[] = {
	&hostile_ethernet,
	&hostile_arp,
	&hostile_ip4,
	&hostile_ip4_local,
	&hostile_ip6,
	&hostile_ip6_local,
	&hostile_nd,
	&hostile_lb_fragments,
	&hostile_lb_quotes,
};

/* Prints what became of the frame that should have ended otherwise. */
static void print_outcome(const struct hostile *h, uint32_t at)
{
	fprintf(stderr, "%s (%s), cut at %u: %u frames left, dropped for", h->name, h->frame, at,
		node_n_output());
	for (unsigned r = 0; r < DROP_COUNT; r++)
		if (node_drops((enum drop_reason)r))
			fprintf(stderr, " %s", drop_table[r].name);
	fprintf(stderr, "\n");
}

/* Whether the one frame that came in ended as @h says. */
static bool ended_well(const struct hostile *h)
{
	unsigned expected = (h->reason != DROP_NONE) + (h->answer != DROP_NONE);
	uint64_t dropped = 0;

	for (unsigned r = 0; r < DROP_COUNT; r++)
		dropped += node_drops((enum drop_reason)r);
	if (dropped != expected)
		return false;
	if (h->reason != DROP_NONE && node_drops(h->reason) == 0)
		return false;
	if (h->answer != DROP_NONE && node_drops(h->answer) == 0)
		return false;
	return h->n_output == HOSTILE_ANY_OUTPUT || h->n_output == node_n_output();
}

/* Sends @h once, cut at @at (0: whole). */
static unsigned meet(const struct hostile *h, const uint8_t *frame, uint32_t len, uint32_t at)
{
	node_advance(STEP_NS);
	node_clear();
	if (at == 0)
		node_input(0, frame, len);
	else
		node_input_split(0, frame, len, at);
	node_run();
	node_check_accounts();
	if (ended_well(h))
		return 0;
	print_outcome(h, at);
	return 1;
}

static void meet_list(const struct hostile_list *list)
{
	unsigned bad = 0;

	for (size_t i = 0; i < list->n; i++) {
		uint8_t frame[FRAME_MAX];
		uint32_t len = frame_build(list->rows[i].frame, frame);

		if (meet(&list->rows[i], frame, len, 0) != 0) {
			bad++;
			continue;
		}
		for (uint32_t at = 1; at < len; at++)
			bad += meet(&list->rows[i], frame, len, at);
	}
	assert_int_equal(bad, 0);
}

static void bad_ethernet_frames_end_for_their_reason(void **state)
{
	meet_list(&hostile_ethernet);
}

static void lies_in_arp_end_for_their_reason(void **state)
{
	meet_list(&hostile_arp);
}

static void bad_ip4_packets_end_for_their_reason(void **state)
{
	meet_list(&hostile_ip4);
}

static void bad_ip4_packets_to_the_node_end_for_their_reason(void **state)
{
	meet_list(&hostile_ip4_local);
}

static void bad_ip6_packets_end_for_their_reason(void **state)
{
	meet_list(&hostile_ip6);
}

static void bad_ip6_packets_to_the_node_end_for_their_reason(void **state)
{
	meet_list(&hostile_ip6_local);
}

static void lies_in_neighbour_discovery_end_for_their_reason(void **state)
{
	meet_list(&hostile_nd);
}

static void bad_fragments_to_services_end_for_their_reason(void **state)
{
	meet_list(&hostile_lb_fragments);
}

static void errors_that_lie_about_services_end_for_their_reason(void **state)
{
	meet_list(&hostile_lb_quotes);
}

static void there_are_enough_frames_and_every_name_is_used_once(void **state)
{
	size_t n = 0;

	for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
		n += lists[l]->n;
		for (size_t i = 0; i < lists[l]->n; i++)
			for (size_t k = 0; k < i; k++)
				assert_string_not_equal(
					lists[l]->rows[i].name, lists[l]->rows[k].name);
	}
	print_message("%zu hostile frames\n", n);
	assert_true(n >= FRAMES_MIN);
}

/* Lets duplicate address detection end. */
static int settle(void)
{
	node_advance(5 * NSEC_PER_SEC);
	node_check_accounts();
	return 0;
}

static int start_one_worker(void **state)
{
	node_start(CONFIG("[0]"));
	return settle();
}

static int start_two_workers(void **state)
{
	node_start(CONFIG("[0, 1]"));
	return settle();
}

static int stop(void **state)
{
	node_stop();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_are_enough_frames_and_every_name_is_used_once),
		cmocka_unit_test(bad_ethernet_frames_end_for_their_reason),
		cmocka_unit_test(lies_in_arp_end_for_their_reason),
		cmocka_unit_test(bad_ip4_packets_end_for_their_reason),
		cmocka_unit_test(bad_ip4_packets_to_the_node_end_for_their_reason),
		cmocka_unit_test(bad_ip6_packets_end_for_their_reason),
		cmocka_unit_test(bad_ip6_packets_to_the_node_end_for_their_reason),
		cmocka_unit_test(lies_in_neighbour_discovery_end_for_their_reason),
		cmocka_unit_test(bad_fragments_to_services_end_for_their_reason),
		cmocka_unit_test(errors_that_lie_about_services_end_for_their_reason),
	};
	int failed = cmocka_run_group_tests_name("one worker", tests, start_one_worker, stop);

	return failed + cmocka_run_group_tests_name("two workers", tests, start_two_workers, stop);
}
