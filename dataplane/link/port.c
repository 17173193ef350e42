/* SPDX-License-Identifier: BSD-3-Clause */
/* Probing and configuring devices, distributing their queues over the workers. Thread: main. */
#include <errno.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_log.h>

#include "dataplane/link/port.h"

static struct port ports[WORLD_PORTS_MAX];
static unsigned n_ports;

const struct port *port_find(const char *name)
{
	for (unsigned i = 0; i < n_ports; i++)
		if (strcmp(ports[i].name, name) == 0)
			return &ports[i];
	return NULL;
}

const struct port *port_get(unsigned index)
{
	return index < n_ports ? &ports[index] : NULL;
}

unsigned port_count(void)
{
	return n_ports;
}

const struct port *port_declare(const char *name, const uint8_t mac[6], uint16_t mtu)
{
	struct port *p;

	if (n_ports == WORLD_PORTS_MAX)
		return NULL;
	p = &ports[n_ports];
	memset(p, 0, sizeof(*p));
	p->index = (uint16_t)n_ports++;
	p->mtu = mtu;
	p->n_rx_queues = p->n_tx_queues = 1;
	base_strlcpy(p->name, name, sizeof(p->name));
	memcpy(p->mac, mac, 6);
	return p;
}

void port_offload_set(unsigned index, uint8_t flags, uint8_t tso_segments_max)
{
	ports[index].offload.flags = flags;
	ports[index].offload.tso_segments_max = tso_segments_max;
}

/* One device under two names would be polled by two workers at once. */
static int check_unused(const struct port *p, struct base_error *err)
{
	for (unsigned i = 0; i < n_ports; i++)
		if (ports[i].probed && ports[i].dpdk_port == p->dpdk_port)
			return base_error_set(err, EEXIST,
				"port \"%s\": device \"%s\" is already that of port \"%s\": "
				"remove one of them",
				p->name, p->device, ports[i].name);
	return 0;
}

/* Finds the device's DPDK port, probing it if EAL has not. */
static int probe(struct port *p, struct base_error *err)
{
	struct rte_dev_iterator it;
	uint16_t id;
	int ret = rte_dev_probe(p->device);

	if (ret < 0 && ret != -EEXIST)
		return base_error_set(err, -ret,
			"port \"%s\": device \"%s\" cannot be probed: %s (check the DPDK device "
			"string, that its interface exists and is not in use, and that we are "
			"root)",
			p->name, p->device,
			ret == -EFAULT ? "DPDK knows no such driver" : strerror(-ret));
	RTE_ETH_FOREACH_MATCHING_DEV(id, p->device, &it)
	{
		rte_eth_iterator_cleanup(&it);
		p->dpdk_port = id;
		return check_unused(p, err);
	}
	return base_error_set(err, ENODEV,
		"port \"%s\": device \"%s\" gave no Ethernet port (check the DPDK device string)",
		p->name, p->device);
}

/* Sets up queues; the descriptors asked for are adjusted to what the device has. */
static int setup_queues(struct port *p, const struct rte_eth_dev_info *info,
	struct rte_mempool *mempool, struct base_error *err)
{
	uint16_t n_rx = PORT_RX_DESCS, n_tx = PORT_TX_DESCS;
	int ret = rte_eth_dev_adjust_nb_rx_tx_desc(p->dpdk_port, &n_rx, &n_tx);

	for (uint16_t q = 0; q < p->n_rx_queues && ret >= 0; q++)
		ret = rte_eth_rx_queue_setup(p->dpdk_port, q, n_rx, SOCKET_ID_ANY, NULL, mempool);
	for (uint16_t q = 0; q < p->n_tx_queues && ret >= 0; q++)
		ret = rte_eth_tx_queue_setup(p->dpdk_port, q, n_tx, SOCKET_ID_ANY, NULL);
	if (ret < 0)
		return base_error_set(err, -ret, "port \"%s\": queues cannot be set up: %s",
			p->name, rte_strerror(-ret));
	return 0;
}

/* Gives the device its queues. Some drivers (TAP, AF_XDP) take only as many of one kind as of the
 * other: then the main thread hands its frames to a worker. */
static int configure_queues(struct port *p, const struct rte_eth_conf *conf)
{
	int level = (int)rte_log_get_global_level(), ret;

	if (p->n_rx_queues == p->n_tx_queues)
		return rte_eth_dev_configure(p->dpdk_port, p->n_rx_queues, p->n_tx_queues, conf);
	rte_log_set_global_level(RTE_LOG_EMERG);
	ret = rte_eth_dev_configure(p->dpdk_port, p->n_rx_queues, p->n_tx_queues, conf);
	rte_log_set_global_level((uint32_t)level);
	if (ret == 0)
		return 0;
	p->n_rx_queues = p->n_tx_queues = MIN_OF(p->n_rx_queues, p->n_tx_queues);
	return rte_eth_dev_configure(p->dpdk_port, p->n_rx_queues, p->n_tx_queues, conf);
}

/* What all ports have in common while they are made. */
struct making {
	unsigned n_workers;
	struct rte_mempool *mempool;
	bool own_tcp;
};

/* Asks the device for as many queues as workers can use, for receive-side scaling, and for what it
 * can do for own TCP. */
static int configure(struct port *p, const struct making *making, struct rte_eth_dev_info *info,
	struct base_error *err)
{
	unsigned n_workers = making->n_workers;
	struct rte_eth_conf conf = {.rxmode = {.mq_mode = RTE_ETH_MQ_RX_NONE}};
	uint64_t hashes;
	int ret = rte_eth_dev_info_get(p->dpdk_port, info);

	if (ret < 0)
		return base_error_set(
			err, -ret, "port \"%s\": no information: %s", p->name, rte_strerror(-ret));
	hashes =
		info->flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP);
	p->n_rx_queues = (uint16_t)MIN_OF((unsigned)info->max_rx_queues, n_workers);
	p->n_tx_queues = (uint16_t)MIN_OF((unsigned)info->max_tx_queues, n_workers + 1);
	if (p->n_rx_queues > 1 && !hashes)
		p->n_rx_queues = 1; /* several queues without a hash would tear flows apart */
	if (p->n_rx_queues > 1) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = hashes;
	}
	/* A node that only forwards gets the fastest way through each driver. */
	if (making->own_tcp)
		p->offload = port_offload_choose(info, &conf);
	base_strlcpy(p->driver, info->driver_name, sizeof(p->driver));
	if (p->n_tx_queues == 0)
		return base_error_set(err, ENOTSUP,
			"port \"%s\": driver %s gives device \"%s\" no transmit queue (check the "
			"DPDK device string)",
			p->name, p->driver, p->device);
	ret = configure_queues(p, &conf);
	if (ret < 0)
		return base_error_set(err, -ret, "port \"%s\": cannot be configured: %s", p->name,
			rte_strerror(-ret));
	p->steered = p->n_rx_queues > 0 && p->n_rx_queues < n_workers;
	return 0;
}

/* MTU and MAC as configured, where the device can; then starts it. */
static int start(struct port *p, const struct conf_port *conf, struct base_error *err)
{
	struct rte_ether_addr mac;
	int ret;

	ret = rte_eth_dev_set_mtu(p->dpdk_port, conf->mtu);
	if (ret < 0 && ret != -ENOTSUP)
		return base_error_set(err, -ret,
			"port \"%s\": the device refuses mtu %u: %s (lower it, or raise the "
			"MTU of the interface beneath)",
			p->name, conf->mtu, rte_strerror(-ret));
	if (conf->has_mac) {
		memcpy(&mac, conf->mac, 6);
		ret = rte_eth_dev_default_mac_addr_set(p->dpdk_port, &mac);
		if (ret < 0 && ret != -ENOTSUP)
			return base_error_set(err, -ret,
				"port \"%s\": the device refuses its mac: %s", p->name,
				rte_strerror(-ret));
	}
	ret = rte_eth_dev_start(p->dpdk_port);
	if (ret < 0)
		return base_error_set(err, -ret, "port \"%s\": cannot be started: %s", p->name,
			rte_strerror(-ret));
	p->started = true;
	/* Frames for a configured MAC that the device does not have arrive only this way. */
	rte_eth_promiscuous_enable(p->dpdk_port);
	rte_eth_allmulticast_enable(p->dpdk_port);
	rte_eth_macaddr_get(p->dpdk_port, &mac);
	memcpy(p->mac, conf->has_mac ? conf->mac : mac.addr_bytes, 6);
	return 0;
}

static int create(const struct conf_port *conf, const struct making *making, struct base_error *err)
{
	struct port *p = &ports[n_ports];
	struct rte_eth_dev_info info;
	int ret;

	memset(p, 0, sizeof(*p));
	p->index = (uint16_t)n_ports;
	p->mtu = conf->mtu;
	base_strlcpy(p->name, conf->name, sizeof(p->name));
	base_strlcpy(p->device, conf->device, sizeof(p->device));
	ret = probe(p, err);
	if (ret < 0)
		return ret;
	p->probed = true;
	n_ports++;
	ret = configure(p, making, &info, err);
	if (ret == 0)
		ret = setup_queues(p, &info, making->mempool, err);
	if (ret == 0)
		ret = start(p, conf, err);
	return ret;
}

/* The worker that polls queue @q of port @p: single queues of several ports are spread. */
static unsigned queue_owner(const struct port *p, unsigned q, unsigned n_workers)
{
	return (p->index + q) % n_workers;
}

const struct steer_rss *port_rss(unsigned index)
{
	return index < n_ports && ports[index].rss.with_ports ? &ports[index].rss : NULL;
}

void port_rss_read(unsigned index, unsigned n_workers)
{
	struct port *p = &ports[index];
	uint8_t owners[WORKERS_MAX];

	if (p->n_rx_queues < 2 || p->steered)
		return;
	for (unsigned q = 0; q < p->n_rx_queues; q++)
		owners[q] = (uint8_t)queue_owner(p, q, n_workers);
	steer_rss_read(&p->rss, p->dpdk_port, owners, p->n_rx_queues);
}

int port_init(const struct conf_node *node, unsigned n_workers, struct rte_mempool *mempool,
	bool own_tcp, struct base_error *err)
{
	struct making making = {
		.n_workers = n_workers,
		.mempool = mempool,
		.own_tcp = own_tcp,
	};

	for (unsigned i = 0; i < node->n_ports; i++) {
		int ret = create(&node->ports[i], &making, err);

		if (ret < 0) {
			port_fini();
			return ret;
		}
		port_rss_read(i, n_workers);
	}
	return 0;
}

/*
 * A worker with a transmit queue of its own sends itself; the others, main among them, hand their
 * frames to the owner. Queue q is owned by the poller of receive queue q, because some drivers
 * (AF_XDP) share rings between the two.
 */
static void assign_tx(struct worker *w, const struct port *p)
{
	unsigned n = w->n_workers;

	for (unsigned q = 0; q < p->n_tx_queues && q < n; q++) {
		if (queue_owner(p, q, n) == w->id) {
			w->tx_owner[p->index] = w->id;
			w->tx_queue[p->index] = (uint16_t)q;
			return;
		}
	}
	if (w->id == w->main_id && p->n_tx_queues > n) {
		w->tx_owner[p->index] = w->id;
		w->tx_queue[p->index] = (uint16_t)n;
		return;
	}
	w->tx_owner[p->index] = (uint8_t)queue_owner(p, w->id % p->n_tx_queues, n);
}

void port_assign(struct worker *w)
{
	for (unsigned i = 0; i < n_ports; i++) {
		const struct port *p = &ports[i];

		assign_tx(w, p);
		if (w->id == w->main_id)
			continue;
		for (uint16_t q = 0; q < p->n_rx_queues; q++) {
			if (queue_owner(p, q, w->n_workers) != w->id)
				continue;
			BRAID_ASSERT(w->n_queues < WORKER_QUEUES_MAX);
			w->queues[w->n_queues++] = (struct worker_queue){
				.port = p->index,
				.queue = q,
				.steer = p->steered,
			};
		}
	}
}

void port_fini(void)
{
	for (unsigned i = 0; i < n_ports; i++) {
		if (ports[i].started)
			rte_eth_dev_stop(ports[i].dpdk_port);
		if (ports[i].probed)
			rte_eth_dev_close(ports[i].dpdk_port);
	}
	n_ports = 0;
}
