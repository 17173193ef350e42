/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames to and from devices, and stage port_tx. Thread: worker. */
#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "dataplane/core/capture.h"
#include "dataplane/link/port.h"

#define TX_TRIES_MAX 4 /* a device that takes nothing this many times in a row is full */

static uint16_t device_rx(
	struct worker *w, uint16_t port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	return rte_eth_rx_burst(port_get(port)->dpdk_port, queue, pkts, n);
}

static uint16_t device_tx(
	struct worker *w, uint16_t port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	return rte_eth_tx_burst(port_get(port)->dpdk_port, queue, pkts, n);
}

static bool device_prepare(struct worker *w, uint16_t port, struct rte_mbuf *m)
{
	return rte_eth_tx_prepare(port_get(port)->dpdk_port, 0, &m, 1) == 1;
}

static uint64_t device_cycles(struct worker *w)
{
	return rte_rdtsc();
}

const struct worker_ops port_device_ops = {
	.rx = device_rx,
	.tx = device_tx,
	.prepare = device_prepare,
	.cycles = device_cycles,
};

/* Sends frames that all go to @port, @bytes in sum; those the device does not take are dropped. */
static void send_run(
	struct worker *w, uint16_t port, struct rte_mbuf **pkts, unsigned n, uint64_t bytes)
{
	struct stats_port *st = &w->stats->ports[port];
	unsigned sent = 0, tries = 0;

	if (UNLIKELY(w->tx_owner[port] != w->id)) {
		for (unsigned i = 0; i < n; i++)
			worker_handoff(w, pkts[i], w->tx_owner[port], STAGE_port_tx);
		return;
	}
	if (UNLIKELY(w->world->capture != NULL))
		capture_frames(w, pkts, n, API_CAPTURE_OUT);
	while (sent < n && tries < TX_TRIES_MAX) {
		uint16_t k =
			w->ops->tx(w, port, w->tx_queue[port], pkts + sent, (uint16_t)(n - sent));

		sent += k;
		tries = k ? 0 : tries + 1;
	}
	for (unsigned i = sent; i < n; i++) {
		bytes -= pkts[i]->pkt_len;
		drop(w, pkts[i], DROP_port_tx_full);
	}
	st->tx_pkts += sent;
	st->tx_bytes += bytes;
	w->stats->tx_pkts += sent;
}

void port_tx_stage(struct worker *w, struct rte_mbuf **pkts, unsigned n)
{
	uint16_t first = pkts[0]->port, others = 0;
	uint64_t bytes = 0, ports = 0;

	for (unsigned i = 0; i < n; i++) {
		others |= pkts[i]->port ^ first;
		bytes += pkts[i]->pkt_len;
	}
	if (LIKELY(others == 0)) {
		send_run(w, first, pkts, n, bytes);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		ports |= 1ULL << pkts[i]->port;
	/* Several ports: gather each one's frames in order, so that a burst stays a burst. */
	for (; ports; ports &= ports - 1) {
		uint16_t port = (uint16_t)__builtin_ctzll(ports);
		struct rte_mbuf *batch[LANE_MAX];
		unsigned count = 0;

		bytes = 0;
		for (unsigned i = 0; i < n; i++) {
			if (pkts[i]->port != port)
				continue;
			batch[count++] = pkts[i];
			bytes += pkts[i]->pkt_len;
		}
		send_run(w, port, batch, count, bytes);
	}
}
