/* SPDX-License-Identifier: BSD-3-Clause */
/* The ports on the API socket. Thread: main. */
#include <string.h>

#include <rte_ethdev.h>

#include "dataplane/core/server.h"
#include "dataplane/link/port.h"

/* What the device of @p does for own TCP. */
static uint8_t offloads_of(const struct port *p)
{
	uint8_t o = 0;

	if (p->offload.flags & IFACE_CKSUM)
		o |= API_PORT_TX_CKSUM;
	if (p->offload.flags & (IFACE_TSO4 | IFACE_TSO6))
		o |= API_PORT_TX_TSO;
	if (p->offload.rx & RTE_ETH_RX_OFFLOAD_TCP_CKSUM)
		o |= API_PORT_RX_CKSUM;
	return o;
}

static void fill(struct api_port_info *info, const struct port *p)
{
	struct rte_eth_stats stats = {0};
	struct rte_eth_link link = {0};

	base_strlcpy(info->name, p->name, sizeof(info->name));
	base_strlcpy(info->device, p->device, sizeof(info->device));
	base_strlcpy(info->driver, p->driver, sizeof(info->driver));
	memcpy(info->mac, p->mac, 6);
	info->mtu = p->mtu;
	info->index = p->index;
	info->dpdk_port = p->dpdk_port;
	info->n_rx_queues = p->n_rx_queues;
	info->n_tx_queues = p->n_tx_queues;
	info->steered = p->steered;
	info->offloads = offloads_of(p);
	if (!p->started)
		return;
	info->link_up = port_link_up(p->index);
	if (rte_eth_link_get_nowait(p->dpdk_port, &link) == 0 &&
		link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN)
		info->link_mbps = link.link_speed;
	if (rte_eth_stats_get(p->dpdk_port, &stats) < 0)
		return;
	info->driver_missed = stats.imissed;
	info->driver_rx_errors = stats.ierrors;
	info->driver_tx_errors = stats.oerrors;
}

int server_on_port_dump(struct server_client *client, const struct api_dump *body,
	const struct api_none *items, struct server_reply *reply, struct base_error *err)
{
	struct api_port_info *out = reply->items;
	struct api_dump_reply *rep = reply->body;
	uint64_t i = body->cursor;

	for (; i < port_count() && reply->n_items < reply->items_max; i++)
		fill(&out[reply->n_items++], port_get((unsigned)i));
	rep->cursor = i < port_count() ? i : 0;
	return 0;
}
