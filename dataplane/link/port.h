/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK devices: probing, configuration with as many queues as there are workers or as the device
 * has, and which worker polls and sends on which queue. Thread: main, but for port_device_ops.
 */
#ifndef DATAPLANE_LINK_PORT_H
#define DATAPLANE_LINK_PORT_H

#include "dataplane/core/worker.h"
#include "dataplane/link/steer_rss.h"
#include "lib/conf/conf.h"

#define PORT_RX_DESCS 1024
#define PORT_TX_DESCS 1024

/* What a device does for the node's own TCP. */
struct port_offload {
	uint64_t rx; /* RTE_ETH_RX_OFFLOAD_* in use */
	uint64_t tx;
	uint8_t flags; /* enum iface_offloads */
	uint8_t tso_segments_max;
	bool tso_counts_l2; /* the driver takes the MTU for the largest frame when it cuts */
};

struct port {
	char name[CONF_NAME_MAX];
	char device[CONF_DEVICE_MAX];
	char driver[32];
	uint16_t index; /* in world.ports, counters and m->port */
	uint16_t dpdk_port;
	uint16_t mtu;
	uint16_t n_rx_queues;
	uint16_t n_tx_queues;
	uint8_t mac[6];
	bool probed; /* has a device: test ports have none */
	bool started;
	bool steered; /* fewer receive queues than workers */
	struct port_offload offload;
	struct steer_rss rss;
};

struct rte_eth_conf;
struct rte_eth_dev_info;

/* Probes, configures and starts all ports of @node with buffers from @mempool for @n_workers
 * workers; @own_tcp: connections will end here. On failure what was started is stopped; 0 or a
 * negative errno with a sentence. */
int port_init(const struct conf_node *node, unsigned n_workers, struct rte_mempool *mempool,
	bool own_tcp, struct base_error *err);

/* Asks in @conf for what the device of @info can do for the node's own TCP; what that is. Main
 * thread, before the device is configured. */
struct port_offload port_offload_choose(
	const struct rte_eth_dev_info *info, struct rte_eth_conf *conf);

/* The largest packet of own TCP on an interface of @mtu with @l2_len bytes of Ethernet header. */
uint16_t port_offload_mtu(const struct port *p, uint16_t mtu, uint8_t l2_len);

/* Sets what the device of port @index does (enum iface_offloads), for tests; before the
 * configuration that shows it. */
void port_offload_set(unsigned index, uint8_t flags, uint8_t tso_segments_max);

/* Gives worker @w its receive queues and transmit queues. */
void port_assign(struct worker *w);

/* Stops and closes all ports. After the workers have ended. */
void port_fini(void);

/* The port called @name, or NULL. */
const struct port *port_find(const char *name);

/* Port number @index, or NULL. */
const struct port *port_get(unsigned index);

/* How the device of port @index spreads packets over all workers; NULL when that is not known, or
 * stage steer does it. Until port_fini(). */
const struct steer_rss *port_rss(unsigned index);

/* Asks the device of port @index again how it spreads packets, for tests that change it. */
void port_rss_read(unsigned index, unsigned n_workers);

/* Declares a port without a device, for tests: its frames are the test's. */
const struct port *port_declare(const char *name, const uint8_t mac[6], uint16_t mtu);

/* Asks the devices for their links. Returns a bit for each port, by index, whose link came up since
 * the last call. */
uint32_t port_link_poll(void);

/* Whether port @index has a link, as far as is known. */
bool port_link_up(unsigned index);

/* Sets the link of port @index, for tests. */
void port_link_set(unsigned index, bool up);

/* How many ports there are. */
unsigned port_count(void);

/* Receives from and sends to devices, reads the TSC. */
extern const struct worker_ops port_device_ops;

#endif
