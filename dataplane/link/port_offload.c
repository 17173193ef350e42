/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What devices are asked to do for the node's own TCP: checksums both ways, cutting large segments.
 * Thread: main.
 */
#include <string.h>

#include <rte_ethdev.h>

#include "dataplane/link/port.h"

#define TSO_SEGMENTS_MAX 45 /* of 1448 bytes are just below the 65535 that an IP header can say */

/* The sum alone, and what cutting takes beside it: headers are summed too, and each segment lies in
 * a buffer of its own. */
#define TX_CKSUM RTE_ETH_TX_OFFLOAD_TCP_CKSUM
#define TX_TSO                                                                                     \
	(TX_CKSUM | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO |                   \
		RTE_ETH_TX_OFFLOAD_MULTI_SEGS)

/* Drivers of DPDK 22.11 that do otherwise than they say. */
static const struct quirk {
	const char *driver;
	bool rx_cksum_is_partial; /* asked to check, they let the other side leave sums out: what
				   * is forwarded would have none */
	bool tso4_only;
	bool tso_counts_l2;
} quirks[] = {
	/* It cuts with librte_gso, which loses IPv6 without a word, and compares whole frames with
	 * the MTU. */
	{.driver = "net_tap", .tso4_only = true, .tso_counts_l2 = true},
	{.driver = "net_virtio", .rx_cksum_is_partial = true},
	{.driver = "net_virtio_user", .rx_cksum_is_partial = true},
	{.driver = "net_vhost", .rx_cksum_is_partial = true},
	{.driver = "net_vmxnet3", .rx_cksum_is_partial = true},
	{.driver = "net_netvsc", .rx_cksum_is_partial = true},
};

static const struct quirk *quirk_of(const char *driver)
{
	static const struct quirk none;

	for (unsigned i = 0; driver && i < ARRAY_SIZE(quirks); i++)
		if (strcmp(quirks[i].driver, driver) == 0)
			return &quirks[i];
	return &none;
}

/* Buffers of one packet that the device takes, as far as it says. */
static uint8_t segments_max(const struct rte_eth_dev_info *info)
{
	uint16_t max = info->tx_desc_lim.nb_seg_max;

	return (uint8_t)(max == 0 ? TSO_SEGMENTS_MAX : MIN_OF(max, (uint16_t)TSO_SEGMENTS_MAX));
}

/*
 * MBUF_FAST_FREE is never asked for: it demands that all buffers of a queue are of one pool and
 * have one owner, but captures and drivers share buffers, and some drivers take no MULTI_SEGS
 * beside it. Whoever asks for nothing here keeps the driver's short way through.
 */
struct port_offload port_offload_choose(
	const struct rte_eth_dev_info *info, struct rte_eth_conf *conf)
{
	const struct quirk *quirk = quirk_of(info->driver_name);
	struct port_offload o = {0};

	if (info->tx_offload_capa & TX_CKSUM) {
		o.tx = TX_CKSUM;
		o.flags = IFACE_CKSUM;
	}
	if ((info->tx_offload_capa & TX_TSO) == TX_TSO && segments_max(info) > 1) {
		o.tx = TX_TSO;
		o.flags |= quirk->tso4_only ? IFACE_TSO4 : IFACE_TSO4 | IFACE_TSO6;
		o.tso_segments_max = segments_max(info);
		o.tso_counts_l2 = quirk->tso_counts_l2;
	}
	if (!quirk->rx_cksum_is_partial)
		o.rx = info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_TCP_CKSUM;
	conf->rxmode.offloads |= o.rx;
	conf->txmode.offloads |= o.tx;
	return o;
}

uint16_t port_offload_mtu(const struct port *p, uint16_t mtu, uint8_t l2_len)
{
	if (!p->offload.tso_counts_l2)
		return mtu;
	return MIN_OF(mtu, (uint16_t)(p->mtu - l2_len));
}
