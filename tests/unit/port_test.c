/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports over real DPDK devices: who polls and sends on which queue, and what a failure leaves. */
#include <setjmp.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <rte_eal.h>
#include <rte_ethdev.h>

#include "dataplane/link/port.h"

#define CASE_WORKERS_MAX 5

static struct rte_mempool *mempool;
static struct conf_node conf;
static bool own_tcp;
static bool own_network;   /* devices made here are seen by nobody else */
static char one_queue[64]; /* arguments that make net_pcap a device of one queue each way */

/* Adds @device to the configuration as port "p<number>". */
static struct conf_port *want(const char *device)
{
	struct conf_port *p = &conf.ports[conf.n_ports];

	*p = (struct conf_port){.mtu = 1500};
	snprintf(p->name, sizeof(p->name), "p%u", conf.n_ports++);
	base_strlcpy(p->device, device, sizeof(p->device));
	return p;
}

/* A device name not used before: a closed device cannot be opened again in one process. */
static const char *fresh(const char *driver, const char *args)
{
	static char name[96];
	static unsigned number;

	snprintf(name, sizeof(name), "%s%u%s", driver, number++, args);
	return name;
}

static int begin(void **state)
{
	memset(&conf, 0, sizeof(conf));
	return 0;
}

static int end(void **state)
{
	port_fini();
	return rte_eth_dev_count_avail() == 0 ? 0 : -1;
}

/* Starts the wanted ports and a worker structure for each of @n workers and main. */
static struct worker *start(unsigned n)
{
	struct worker *all = aligned_alloc(CACHE_LINE_BYTES, (n + 1) * sizeof(*all));
	struct base_error err = {};

	assert_non_null(all);
	memset(all, 0, (n + 1) * sizeof(*all));
	if (port_init(&conf, n, mempool, own_tcp, &err) < 0)
		fail_msg("%s", err.text);
	for (unsigned i = 0; i <= n; i++) {
		all[i].id = (uint8_t)i;
		all[i].n_workers = all[i].main_id = (uint8_t)n;
		port_assign(&all[i]);
	}
	return all;
}

/* Each receive queue of @p is polled by one worker, and none by main. */
static void check_receivers(const struct worker *all, unsigned n, const struct port *p)
{
	unsigned pollers[64] = {0}, total = 0;

	for (unsigned i = 0; i <= n; i++) {
		for (unsigned k = 0; k < all[i].n_queues; k++) {
			const struct worker_queue *q = &all[i].queues[k];

			if (q->port != p->index)
				continue;
			assert_int_not_equal(i, n);
			assert_true(q->queue < p->n_rx_queues);
			assert_int_equal(q->steer, p->n_rx_queues < n);
			pollers[q->queue]++;
			total++;
			/* Drivers may share state between the two directions of a queue. */
			if (q->queue < p->n_tx_queues) {
				assert_int_equal(all[i].tx_owner[p->index], i);
				assert_int_equal(all[i].tx_queue[p->index], q->queue);
			}
		}
	}
	assert_int_equal(total, p->n_rx_queues);
	for (unsigned q = 0; q < p->n_rx_queues; q++)
		assert_int_equal(pollers[q], 1);
}

/* Everybody's frames get to a worker that sends itself, on a queue of its own. */
static void check_senders(const struct worker *all, unsigned n, const struct port *p)
{
	unsigned users[64] = {0};

	for (unsigned i = 0; i <= n; i++) {
		unsigned owner = all[i].tx_owner[p->index];

		assert_true(owner <= n);
		assert_int_equal(all[owner].tx_owner[p->index], owner);
		assert_true(all[owner].tx_queue[p->index] < p->n_tx_queues);
		if (owner == i)
			users[all[i].tx_queue[p->index]]++;
	}
	for (unsigned q = 0; q < p->n_tx_queues; q++)
		assert_true(users[q] <= 1);
}

static void every_queue_has_one_worker_and_every_worker_a_way_out(void **state)
{
	for (unsigned n = 1; n < CASE_WORKERS_MAX; n++) {
		struct worker *all;

		memset(&conf, 0, sizeof(conf));
		want(fresh("net_pcap", one_queue));
		want(fresh("net_null", ""));
		all = start(n);
		assert_int_equal(port_get(0)->n_rx_queues, 1);
		assert_int_equal(port_get(0)->steered, n > 1);
		assert_int_equal(port_get(1)->n_rx_queues, n);
		assert_int_equal(port_get(1)->n_tx_queues, n + 1);
		assert_false(port_get(1)->steered);
		for (unsigned i = 0; i < port_count(); i++) {
			check_receivers(all, n, port_get(i));
			check_senders(all, n, port_get(i));
		}
		/* Main sends itself where there is a queue left, else by the only sender. */
		assert_int_equal(all[n].tx_owner[0], 0);
		assert_int_equal(all[n].tx_owner[1], n);
		assert_int_equal(all[n].tx_queue[1], n);
		assert_int_equal(all[n].n_queues, 0);
		free(all);
		port_fini();
	}
}

/* Sets the redirection table of the device of @p to queues (i + @first) % @n, key to @key. */
static void set_rss(const struct port *p, unsigned first, unsigned n, uint8_t key[40])
{
	struct rte_eth_rss_reta_entry64 table[2];
	struct rte_eth_rss_conf hash = {
		.rss_key = key,
		.rss_key_len = 40,
		.rss_hf = RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV6_UDP,
	};

	for (unsigned i = 0; i < 128; i++)
		table[i / 64].reta[i % 64] = (uint16_t)((i + first) % n);
	table[0].mask = table[1].mask = UINT64_MAX;
	assert_int_equal(rte_eth_dev_rss_reta_update(p->dpdk_port, table, 128), 0);
	assert_int_equal(rte_eth_dev_rss_hash_update(p->dpdk_port, &hash), 0);
}

static void a_device_tells_how_it_spreads_frames(void **state)
{
	static struct steer_rss same;
	const struct steer_rss *rss;
	struct worker *all;
	uint8_t key[40];

	want(fresh("net_pcap", one_queue)); /* so that queue 0 of the other is not worker 0's */
	want(fresh("net_null", ""));
	all = start(3);
	assert_null(port_rss(0));
	rss = port_rss(1);
	assert_non_null(rss);
	assert_int_equal(rss->with_ports, 15);
	assert_int_equal(rss->mask, 127);
	/* Its driver begins with a table of zeros. */
	assert_int_equal(rss->reached, 1 << 1);
	for (unsigned i = 0; i < 40; i++)
		key[i] = (uint8_t)(i * 29 + 3);
	set_rss(port_get(1), 1, 3, key);
	port_rss_read(1, 3);
	rss = port_rss(1);
	assert_non_null(rss);
	assert_int_equal(rss->with_ports, STEER_RSS_TCP4 | STEER_RSS_UDP6);
	assert_int_equal(rss->reached, 7);
	steer_rss_set_key(&same, key);
	assert_memory_equal(rss->parts, same.parts, sizeof(same.parts));
	for (unsigned i = 0; i < 128; i++)
		for (unsigned k = 0; k < all[rss->owners[i]].n_queues; k++)
			if (all[rss->owners[i]].queues[k].port == 1)
				assert_int_equal(all[rss->owners[i]].queues[k].queue, (i + 1) % 3);
	/* Without a key nothing is known. */
	memset(key, 0, sizeof(key));
	set_rss(port_get(1), 1, 3, key);
	port_rss_read(1, 3);
	assert_null(port_rss(1));
	free(all);
}

static void single_queues_of_several_ports_are_spread_over_the_workers(void **state)
{
	struct worker *all;

	for (unsigned i = 0; i < 4; i++)
		want(fresh("net_pcap", one_queue));
	all = start(2);
	assert_int_equal(all[0].n_queues, 2);
	assert_int_equal(all[1].n_queues, 2);
	for (unsigned i = 0; i < 4; i++) {
		check_receivers(all, 2, port_get(i));
		check_senders(all, 2, port_get(i));
		assert_int_equal(all[0].tx_owner[i], i % 2);
		assert_int_equal(all[1].tx_owner[i], i % 2);
		assert_int_equal(all[2].tx_owner[i], i % 2);
	}
	free(all);
}

static void a_driver_that_wants_as_many_queues_of_each_kind_gets_them(void **state)
{
	struct worker *all;

	if (!own_network || access("/dev/net/tun", R_OK | W_OK) < 0)
		skip();
	want(fresh("net_tap", ",iface=port-test"));
	all = start(1);
	assert_int_equal(port_get(0)->n_rx_queues, 1);
	assert_int_equal(port_get(0)->n_tx_queues, 1);
	check_receivers(all, 1, port_get(0));
	check_senders(all, 1, port_get(0));
	assert_int_equal(all[1].tx_owner[0], 0);
	free(all);
}

static void a_port_that_does_not_start_closes_all_devices(void **state)
{
	struct base_error err = {};
	struct conf_port *bad;

	want(fresh("net_null", ""));
	bad = want(fresh("net_null", ""));
	bad->has_mac = true;
	bad->mac[0] = 1; /* a multicast address, which no device takes */
	assert_true(port_init(&conf, 1, mempool, false, &err) < 0);
	assert_non_null(strstr(err.text, "port \"p1\": the device refuses its mac"));
	assert_int_equal(port_count(), 0);
	assert_int_equal(rte_eth_dev_count_avail(), 0);
}

static void a_device_is_one_port_however_it_is_written(void **state)
{
	struct base_error err = {};
	struct conf_port *again;

	want(fresh("net_null", ""));
	again = want(conf.ports[0].device);
	strcat(again->device, ",copy=1");
	assert_int_equal(port_init(&conf, 2, mempool, false, &err), -EEXIST);
	assert_non_null(strstr(err.text, "already that of port \"p0\""));
	assert_int_equal(rte_eth_dev_count_avail(), 0);
}

static void a_device_that_is_not_there_is_named(void **state)
{
	static const char *const devices[] = {"net_nonesuch0", "0000:ff:1f.7", "net_null_x,", ""};

	for (unsigned i = 0; i < ARRAY_SIZE(devices); i++) {
		struct base_error err = {};

		memset(&conf, 0, sizeof(conf));
		want(devices[i]);
		if (port_init(&conf, 1, mempool, false, &err) == 0) {
			port_fini();
			continue;
		}
		assert_non_null(strstr(err.text, "port \"p0\""));
		assert_non_null(strstr(err.text, devices[i]));
		assert_int_equal(port_count(), 0);
	}
}

/* An empty capture file for net_pcap to read from. */
static int make_pcap(char path[32])
{
	static const uint32_t header[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1};
	int fd = mkstemp(strcpy(path, "/tmp/port-test-XXXXXX"));
	bool whole = fd >= 0 && write(fd, header, sizeof(header)) == sizeof(header);

	close(fd);
	snprintf(one_queue, sizeof(one_queue), ",rx_pcap=%s,tx_pcap=/dev/null", path);
	return whole ? 0 : -1;
}

static void start_eal(void)
{
	char prefix[64];
	char *argv[] = {(char *)"port", (char *)"--no-huge", (char *)"-m", (char *)"128",
		(char *)"--no-pci", (char *)"--no-shconf", (char *)"--no-telemetry",
		(char *)"--iova-mode=va", (char *)"--lcores=0", (char *)"--log-level=*:critical",
		prefix};

	own_network = unshare(CLONE_NEWNET) == 0;
	snprintf(prefix, sizeof(prefix), "--file-prefix=test-%d", (int)getpid());
	if (rte_eal_init(ARRAY_SIZE(argv), argv) < 0)
		exit(1);
	mempool = rte_pktmbuf_pool_create(
		"port", 8192, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (!mempool)
		exit(1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			every_queue_has_one_worker_and_every_worker_a_way_out, begin, end),
		cmocka_unit_test_setup_teardown(a_device_tells_how_it_spreads_frames, begin, end),
		cmocka_unit_test_setup_teardown(
			single_queues_of_several_ports_are_spread_over_the_workers, begin, end),
		cmocka_unit_test_setup_teardown(
			a_driver_that_wants_as_many_queues_of_each_kind_gets_them, begin, end),
		cmocka_unit_test_setup_teardown(
			a_port_that_does_not_start_closes_all_devices, begin, end),
		cmocka_unit_test_setup_teardown(
			a_device_is_one_port_however_it_is_written, begin, end),
		cmocka_unit_test_setup_teardown(a_device_that_is_not_there_is_named, begin, end),
	};
	char path[32];
	int ret;

	start_eal();
	if (make_pcap(path) < 0)
		return 1;
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return ret;
}
