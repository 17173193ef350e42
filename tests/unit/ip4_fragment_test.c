/* SPDX-License-Identifier: BSD-3-Clause */
/* Fragmentation: options, the plan, and fragments that put together are the packet again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dataplane/ip/ip4_fragment.h"
#include "tests/unit/frame.h"
#include "tests/unit/node.h"

#define OUT_MTU 600

static const char config[] = "node:\n"
			     "  name: t\n"
			     "  workers: [0]\n"
			     "  main: 0\n"
			     "  ports:\n"
			     "    - name: lan\n"
			     "      device: net_null0\n"
			     "      mac: 02:00:00:00:00:01\n"
			     "      mtu: 9000\n"
			     "      addresses: [192.0.2.1/24]\n"
			     "    - name: wan\n"
			     "      device: net_null1\n"
			     "      mac: 02:00:00:00:00:02\n"
			     "      mtu: 600\n"
			     "      addresses: [198.51.100.1/24]\n"
			     "neighbors:\n"
			     "  - {interface: lan, address: 192.0.2.2, mac: 02:00:00:00:00:aa}\n"
			     "  - {interface: wan, address: 198.51.100.2, mac: 02:00:00:00:00:bb}\n"
			     "routes:\n"
			     "  - {prefix: 203.0.113.0/24, via: 198.51.100.2}\n";

static void only_options_with_the_copy_flag_are_copied(void **state)
{
	static const struct {
		const char *options; /* as hexadecimal */
		const char *copied;
	} cases[] = {
		{"01010101", ""},
		{"00000000", ""},
		{"83030400", "83030400"},
		{"8307040102030400", "8307040102030400"},
		{"0783040000000000", ""},
		{"01070304", ""},
		{"0107030494040000", "94040000"},
		{"9404000007030401", "94040000"},
		{"9403000194030100", "9403009403010000"},
		{"0094040000000000", ""},
		{"94000000", ""},
		{"94010000", ""},
		{"94050000", ""},
		{"01010194", ""},
		{"94040000e4", "94040000"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t options[FRAME_MAX], expected[FRAME_MAX], out[40];
		char text[256];
		uint32_t len, expected_len;

		print_message("%s\n", cases[i].options);
		snprintf(text, sizeof(text), "raw{hex=%s}", cases[i].options);
		len = frame_build(text, options);
		snprintf(text, sizeof(text), "raw{hex=%s}", cases[i].copied);
		expected_len = frame_build(text, expected);
		assert_int_equal(ip4_fragment_options(options, len, out), expected_len);
		assert_memory_equal(out, expected, expected_len);
	}
}

static void a_plan_fills_each_fragment_and_has_a_limit(void **state)
{
	static const struct {
		const char *packet;
		uint32_t mtu;
		bool possible;
		uint32_t first_header, header, first_payload, payload, n;
	} cases[] = {
		{"ip4 pad{1480}", 1499, true, 20, 20, 1472, 1472, 2},
		{"ip4 pad{1480}", 576, true, 20, 20, 552, 552, 3},
		{"ip4 pad{1104}", 576, true, 20, 20, 552, 552, 2},
		{"ip4 pad{1105}", 576, true, 20, 20, 552, 552, 3},
		{"ip4{hex=01010101} pad{1000}", 576, true, 24, 20, 552, 552, 2},
		{"ip4{hex=94040000} pad{1000}", 576, true, 24, 24, 552, 552, 2},
		{"ip4 pad{49}", 68, true, 20, 20, 48, 48, 2},
		{"ip4 pad{9}", 28, true, 20, 20, 8, 8, 2},
		{"ip4 pad{9}", 27, false, 0, 0, 0, 0, 0},
		{"ip4{hex=01010101} pad{9}", 31, false, 0, 0, 0, 0, 0},
		{"ip4 pad{512}", 28, true, 20, 20, 8, 8, 64},
		{"ip4 pad{513}", 28, false, 0, 0, 0, 0, 0},
		{"ip4 pad{0}", 28, false, 0, 0, 0, 0, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip4_cut cut;
		uint8_t l3[FRAME_MAX];

		print_message("%s at %u\n", cases[i].packet, cases[i].mtu);
		frame_build(cases[i].packet, l3);
		assert_int_equal(ip4_fragment_plan(l3, cases[i].mtu, &cut), cases[i].possible);
		if (!cases[i].possible)
			continue;
		assert_int_equal(cut.first_header_bytes, cases[i].first_header);
		assert_int_equal(cut.header_bytes, cases[i].header);
		assert_int_equal(cut.first_payload_bytes, cases[i].first_payload);
		assert_int_equal(cut.payload_bytes_max, cases[i].payload);
		assert_int_equal(cut.n, cases[i].n);
	}
}

/* Puts the fragments that left, in order, into @payload; checks each one's header. Returns the
 * bytes, where the first one starts in the datagram, and whether more is to follow the last. */
static uint32_t reassemble(uint8_t *payload, uint32_t *start, bool *more)
{
	uint32_t end = 0;

	for (unsigned i = 0; i < node_n_output(); i++) {
		const uint8_t *l3 = node_output(i)->bytes + 14;
		const struct rte_ipv4_hdr *h = (const struct rte_ipv4_hdr *)l3;
		uint32_t ihl_bytes = ip4_header_bytes(l3), total = be16toh(h->total_length);
		uint32_t at = (be16toh(h->fragment_offset) & 0x1fffu) * 8;

		if (i == 0)
			*start = at;
		assert_int_equal(at, *start + end);
		assert_in_range(total, ihl_bytes + 1, OUT_MTU);
		assert_int_equal(node_output(i)->len, 14 + total);
		assert_int_equal(checksum_ip4_header(l3, ihl_bytes / 4), 0);
		assert_int_equal(h->time_to_live, 63);
		memcpy(payload + end, l3 + ihl_bytes, total - ihl_bytes);
		end += total - ihl_bytes;
		*more = (be16toh(h->fragment_offset) & RTE_IPV4_HDR_MF_FLAG) != 0;
		assert_true(*more || i == node_n_output() - 1);
	}
	return end;
}

static void fragments_put_together_are_the_packet_again(void **state)
{
	static const struct {
		const char *header;
		uint32_t payload_bytes;
		uint32_t start;
		bool more;
	} cases[] = {
		{"dst=203.0.113.1", 581, 0, false},
		{"dst=203.0.113.1", 1160, 0, false},
		{"dst=203.0.113.1", 8900, 0, false},
		{"dst=peer", 1480, 0, false},
		{"dst=203.0.113.1,evil=1,id=4711,tos=184", 1480, 0, false},
		{"dst=203.0.113.1,hex=9404000007030401", 1480, 0, false},
		{"dst=203.0.113.1,hex=9404000001010101", 576, 0, false},
		{"dst=203.0.113.1,mf=1", 1480, 0, true},
		{"dst=203.0.113.1,off=185,mf=1", 1480, 1480, true},
		{"dst=203.0.113.1,off=370", 999, 2960, false},
		{"dst=203.0.113.1,off=7600", 4000, 60800, false},
	};

	node_start(config);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t frame[FRAME_MAX], payload[FRAME_MAX];
		uint32_t len, start, n = cases[i].payload_bytes;
		char text[256];
		bool more = false;

		snprintf(text, sizeof(text), "eth ip4{%s} pad{%u}", cases[i].header, n);
		print_message("%s\n", text);
		len = frame_build(text, frame);
		for (uint32_t k = 0; k < n; k++)
			frame[len - n + k] = (uint8_t)(k * 7 + k / 251);
		node_clear();
		node_input(0, frame, len);
		node_run();
		assert_in_range(node_n_output(), 2, IP4_FRAGMENTS_MAX);
		assert_int_equal(reassemble(payload, &start, &more), n);
		assert_memory_equal(payload, frame + len - n, n);
		assert_int_equal(start, cases[i].start);
		assert_int_equal(more, cases[i].more);
		assert_int_equal(node_consumed(), 1);
		node_check_accounts();
	}
	node_stop();
}

static void the_first_fragment_has_all_options_and_the_others_the_copied(void **state)
{
	uint8_t frame[FRAME_MAX];
	uint32_t len =
		frame_build("eth ip4{dst=203.0.113.1,hex=0703040194040000} pad{1000}", frame);

	node_start(config);
	node_input(0, frame, len);
	node_run();
	assert_int_equal(node_n_output(), 2);
	assert_int_equal(node_output(0)->bytes[14], 0x47);
	assert_memory_equal(node_output(0)->bytes + 34, "\x07\x03\x04\x01\x94\x04\x00\x00", 8);
	assert_int_equal(node_output(1)->bytes[14], 0x46);
	assert_memory_equal(node_output(1)->bytes + 34, "\x94\x04\x00\x00", 4);
	node_stop();
}

static void without_buffers_for_all_fragments_none_is_sent(void **state)
{
	uint8_t frame[FRAME_MAX];
	uint32_t len = frame_build("eth ip4{dst=203.0.113.1} pad{8000}", frame);
	struct rte_mbuf *hoard[NODE_MBUFS];
	struct rte_mempool *pool;
	unsigned n = 0;

	node_start(config);
	pool = node_worker(0)->mempool;
	node_input(0, frame, len);
	while (n < NODE_MBUFS && rte_mempool_avail_count(pool) > 5)
		hoard[n++] = rte_pktmbuf_alloc(pool);
	node_run();
	assert_int_equal(node_n_output(), 0);
	assert_string_equal(drop_table[node_drop_reason()].name, "ip4_fragment_failed");
	rte_pktmbuf_free_bulk(hoard, n);
	node_check_accounts();
	node_stop();
}

static void more_fragments_than_a_lane_holds_leave_in_turns(void **state)
{
	uint8_t frame[FRAME_MAX];
	uint32_t len = frame_build("eth ip4{dst=203.0.113.1} pad{8000}", frame);

	node_start(config);
	for (unsigned i = 0; i < BURST_MAX; i++)
		node_input(0, frame, len);
	node_run();
	assert_int_equal(node_consumed(), BURST_MAX);
	assert_int_equal(node_n_output(), BURST_MAX * 14);
	assert_int_equal(node_drop_reason(), DROP_NONE);
	node_check_accounts();
	node_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_options_with_the_copy_flag_are_copied),
		cmocka_unit_test(a_plan_fills_each_fragment_and_has_a_limit),
		cmocka_unit_test(fragments_put_together_are_the_packet_again),
		cmocka_unit_test(the_first_fragment_has_all_options_and_the_others_the_copied),
		cmocka_unit_test(without_buffers_for_all_fragments_none_is_sent),
		cmocka_unit_test(more_fragments_than_a_lane_holds_leave_in_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
