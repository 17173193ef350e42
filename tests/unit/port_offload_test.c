/* SPDX-License-Identifier: BSD-3-Clause */
/* What is asked of devices for the node's own TCP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <rte_ethdev.h>

#include "dataplane/link/port.h"

#define CKSUM RTE_ETH_TX_OFFLOAD_TCP_CKSUM
#define TSO                                                                                        \
	(CKSUM | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO |                      \
		RTE_ETH_TX_OFFLOAD_MULTI_SEGS)
#define OTHERS                                                                                     \
	(RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE | RTE_ETH_TX_OFFLOAD_UDP_CKSUM |                        \
		RTE_ETH_TX_OFFLOAD_MT_LOCKFREE)
#define RX (RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM)

static void only_what_is_needed_and_there_is_asked_for(void **state)
{
	static const struct {
		const char *driver;
		uint64_t tx_capa, rx_capa;
		uint16_t nb_seg_max;
		uint64_t tx, rx;
		uint8_t flags;
		uint8_t segments_max;
	} cases[] = {
		{"net_null", OTHERS, 0, 0, 0, 0, 0, 0},
		{"net_a", CKSUM, 0, 0, CKSUM, 0, IFACE_CKSUM, 0},
		{"net_a", TSO | OTHERS, RX, 0, TSO, RTE_ETH_RX_OFFLOAD_TCP_CKSUM, 7, 45},
		{"net_a", TSO, 0, UINT16_MAX, TSO, 0, 7, 45},
		{"net_a", TSO, 0, 40, TSO, 0, 7, 40},
		{"net_a", TSO, 0, 1, CKSUM, 0, IFACE_CKSUM, 0},
		/* Segments lie in buffers of their own; their IPv4 headers are summed anew. */
		{"net_a", TSO & ~RTE_ETH_TX_OFFLOAD_MULTI_SEGS, 0, 0, CKSUM, 0, IFACE_CKSUM, 0},
		{"net_a", TSO & ~RTE_ETH_TX_OFFLOAD_IPV4_CKSUM, 0, 0, CKSUM, 0, IFACE_CKSUM, 0},
		{"net_a", TSO & ~CKSUM, 0, 0, 0, 0, 0, 0},
		{"net_tap", TSO, RX, 0, TSO, RTE_ETH_RX_OFFLOAD_TCP_CKSUM, IFACE_CKSUM | IFACE_TSO4,
			45},
		/* Sums would be left out of what is forwarded. */
		{"net_virtio", TSO, RX, 0, TSO, 0, 7, 45},
		{"net_virtio_user", TSO, RX, 0, TSO, 0, 7, 45},
		{"net_vhost", CKSUM, RX, 0, CKSUM, 0, IFACE_CKSUM, 0},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rte_eth_dev_info info = {
			.driver_name = cases[i].driver,
			.tx_offload_capa = cases[i].tx_capa,
			.rx_offload_capa = cases[i].rx_capa,
			.tx_desc_lim.nb_seg_max = cases[i].nb_seg_max,
		};
		struct rte_eth_conf conf = {0};
		struct port_offload o = port_offload_choose(&info, &conf);

		assert_int_equal(o.tx, cases[i].tx);
		assert_int_equal(o.rx, cases[i].rx);
		assert_int_equal(conf.txmode.offloads, cases[i].tx);
		assert_int_equal(conf.rxmode.offloads, cases[i].rx);
		assert_int_equal(o.flags, cases[i].flags);
		assert_int_equal(o.tso_segments_max, cases[i].segments_max);
	}
}

static void segments_are_smaller_where_the_driver_counts_the_ethernet_header(void **state)
{
	static const struct {
		bool counts_l2;
		uint16_t port_mtu, mtu;
		uint8_t l2_len;
		uint16_t want;
	} cases[] = {
		{false, 1500, 1500, 14, 1500},
		{true, 1500, 1500, 14, 1486},
		{true, 1500, 1500, 18, 1482},
		{true, 1500, 1400, 18, 1400},
		{true, 1514, 1500, 14, 1500},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct port p = {
			.mtu = cases[i].port_mtu, .offload.tso_counts_l2 = cases[i].counts_l2};

		assert_int_equal(
			port_offload_mtu(&p, cases[i].mtu, cases[i].l2_len), cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_is_needed_and_there_is_asked_for),
		cmocka_unit_test(segments_are_smaller_where_the_driver_counts_the_ethernet_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
