/* SPDX-License-Identifier: BSD-3-Clause */
/* Steering: conversations stay together, every length is safe, workers share the load. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/link/steer.h"
#include "tests/unit/node.h"

static const uint64_t key[2] = {0x1111222233334444ULL, 0x5555666677778888ULL};

static const char config[] =
	"node:\n"
	"  name: t\n"
	"  workers: [0, 0, 0]\n"
	"  main: 0\n"
	"  ports:\n"
	"    - name: lan\n"
	"      device: net_null0\n"
	"      mac: 02:00:00:00:00:01\n"
	"      addresses: [192.0.2.1/24]\n"
	"    - name: wan\n"
	"      device: net_null1\n"
	"      mac: 02:00:00:00:00:02\n"
	"      addresses: [198.51.100.1/24]\n"
	"neighbors:\n"
	"  - {interface: wan, address: 198.51.100.2, mac: 02:00:00:00:00:bb}\n";

/* The ends of a UDP conversation. */
struct ends {
	uint32_t src, dst;
	uint16_t sport, dport;
};

/* An IPv4 UDP frame of 60 bytes; @frag is the fragment word in host order. */
static void make_ip4(uint8_t f[60], struct ends e, uint16_t frag)
{
	struct rte_ipv4_hdr ip = {
		.version_ihl = 0x45,
		.total_length = RTE_BE16(46),
		.fragment_offset = rte_cpu_to_be_16(frag),
		.time_to_live = 9,
		.next_proto_id = IPPROTO_UDP,
		.src_addr = rte_cpu_to_be_32(e.src),
		.dst_addr = rte_cpu_to_be_32(e.dst),
	};
	uint16_t ports[2] = {rte_cpu_to_be_16(e.sport), rte_cpu_to_be_16(e.dport)};

	ip.hdr_checksum = rte_ipv4_cksum(&ip);
	memset(f, 0, 60);
	memcpy(f, "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\xaa\x08\x00", 14);
	memcpy(f + 14, &ip, 20);
	memcpy(f + 34, ports, 4);
}

static void both_directions_have_one_hash(void **state)
{
	uint8_t there[60], back[60];

	make_ip4(there, (struct ends){1, 2, 1000, 53}, 0);
	make_ip4(back, (struct ends){2, 1, 53, 1000}, 0);
	assert_true(steer_hash(key, there, 60) == steer_hash(key, back, 60));
	make_ip4(back, (struct ends){2, 1, 54, 1000}, 0);
	assert_true(steer_hash(key, there, 60) != steer_hash(key, back, 60));
}

static void all_fragments_of_a_datagram_have_one_hash(void **state)
{
	uint8_t first[60], later[60];

	make_ip4(first, (struct ends){1, 2, 1000, 53}, 0x2000);
	make_ip4(later, (struct ends){1, 2, 7777, 8888}, 0x0020);
	assert_true(steer_hash(key, first, 60) == steer_hash(key, later, 60));
}

static void every_length_is_safe_to_hash(void **state)
{
	uint8_t frame[60];

	make_ip4(frame, (struct ends){1, 2, 3, 4}, 0);
	frame[14] = 0x4f; /* claims 60 bytes of header */
	for (uint32_t len = 0; len <= 60; len++) {
		uint8_t *f = malloc(len ? len : 1);

		assert_non_null(f);
		memcpy(f, frame, len);
		steer_hash(key, f, len);
		if (len >= 14)
			memcpy(f + 12, "\x86\xdd", 2);
		steer_hash(key, f, len);
		free(f);
	}
}

static void flows_are_shared_out_and_keep_their_order(void **state)
{
	uint8_t f[60];
	unsigned busy = 0;

	node_start(config);
	for (unsigned round = 0; round < 4; round++) {
		for (uint16_t flow = 0; flow < 100; flow++) {
			make_ip4(f,
				(struct ends){0xc0000205, 0xc6336402, (uint16_t)(1000 + flow), 53},
				0);
			f[40] = (uint8_t)round;
			node_input(0, f, 60);
		}
		node_run();
	}
	assert_int_equal(node_n_output(), 400);
	for (uint16_t flow = 0; flow < 100; flow++) {
		unsigned next = 0;

		for (unsigned i = 0; i < 400; i++) {
			const uint8_t *b = node_output(i)->bytes;

			if ((b[34] << 8 | b[35]) == 1000 + flow)
				assert_int_equal(b[40], next++);
		}
		assert_int_equal(next, 4);
	}
	for (unsigned i = 0; i < 3; i++)
		busy += node_worker(i)->stats->stages[STAGE_ip4_input].pkts > 60;
	assert_int_equal(busy, 3);
	node_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_directions_have_one_hash),
		cmocka_unit_test(all_fragments_of_a_datagram_have_one_hash),
		cmocka_unit_test(every_length_is_safe_to_hash),
		cmocka_unit_test(flows_are_shared_out_and_keep_their_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
