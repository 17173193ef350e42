/* SPDX-License-Identifier: BSD-3-Clause */
/* The store and its clients in one process: the cable between them, and the start. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_ip.h>
#include <rte_ring.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include "dataplane/core/eal.h"
#include "dataplane/core/generation.h"
#include "dataplane/core/mailbox.h"
#include "dataplane/core/nexthop.h"
#include "dataplane/core/thread.h"
#include "dataplane/ip/ip.h"
#include "dataplane/kv/kv_worker.h"
#include "dataplane/link/port.h"
#include "dataplane/modules.h"
#include "lib/hash/crc16.h"
#include "lib/rcu/rcu.h"
#include "lib/wire/checksum.h"
#include "tests/bench/store_rig.h"
#include "tests/unit/node_conf.h"

#define RING_ENTRIES 8192
#define OTHER_BURST  4 /* frames of the other machine in one turn */
#define START_NS     (1000 * NSEC_PER_SEC)

/* Clients send to FAR, which the cable turns into the store's address, and back. */
#define STORE_ADDR RTE_BE32(0xc0000201) /* 192.0.2.1 */
#define PEER_ADDR  RTE_BE32(0xc0000202) /* 192.0.2.2 */
#define FAR_ADDR   RTE_BE32(0xc6336409) /* 198.51.100.9 */
#define OWN_ADDR   RTE_BE32(0x0a000001) /* 10.0.0.1 */

/* The server has the ports lan and out, the clients have wan. */
#define PORT_OUT 2
#define PORTS    3

static const char yaml[] =
	"node: {name: bench, workers: [1, 0], main: 0, memory: 1G, idle: poll, ports: [\n"
	"  {name: lan, device: net_null0, mac: 02:00:00:00:00:01, addresses: [192.0.2.1/24]},\n"
	"  {name: wan, device: net_null1, mac: 02:00:00:00:00:02, addresses: [10.0.0.1/24]},\n"
	"  {name: out, device: net_null2, mac: 02:00:00:00:00:03, addresses: [203.0.113.1/24]}]}\n"
	"neighbors: [{interface: lan, address: 192.0.2.2, mac: 02:00:00:00:00:aa},\n"
	"  {interface: wan, address: 10.0.0.2, mac: 02:00:00:00:00:bb},\n"
	"  {interface: out, address: 203.0.113.2, mac: 02:00:00:00:00:cc}]\n"
	"routes: [{prefix: 198.51.100.0/24, via: 10.0.0.2},\n"
	"  {prefix: 198.18.0.0/15, via: 203.0.113.2}]\n"
	"store: {listen: [192.0.2.1], protected_mode: no, memory: %uM, max_clients: 1000}\n%s";

#define MEMORY_KEY_BYTES 400          /* of the store for each key; half of all is the server's */
#define PROGRAM_BYTES    (256u << 10) /* of a file with programs, at most */

struct store_rig store_rig = {.clients_burst = BURST_MAX, .memory_mb = 512};

static struct {
	struct rte_ring *to_server;
	struct rte_ring *to_clients;
	struct rte_ring *to_other;
	uint64_t t0;
	uint64_t n_keys;
} net;

void store_rig_fail(const char *what)
{
	fprintf(stderr, "store: %s\n", what);
	exit(1);
}

/* Moves one end of a frame to the other network: both addresses change, the sums with them. */
static void readdress(struct rte_mbuf *m, uint32_t src_be, uint32_t dst_be, uint8_t mac_end)
{
	uint8_t *f = rte_pktmbuf_mtod(m, uint8_t *);
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(f + 14);
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(f + 14 + (ip->version_ihl & 15) * 4);

	if (f[12] != 8 || f[13] != 0 || ip->next_proto_id != IPPROTO_TCP)
		return;
	f[5] = mac_end;
	f[0] = 2;
	memset(f + 1, 0, 4);
	tcp->cksum = checksum_update32(tcp->cksum, ip->src_addr, src_be);
	tcp->cksum = checksum_update32(tcp->cksum, ip->dst_addr, dst_be);
	ip->hdr_checksum = checksum_update32(ip->hdr_checksum, ip->src_addr, src_be);
	ip->hdr_checksum = checksum_update32(ip->hdr_checksum, ip->dst_addr, dst_be);
	ip->src_addr = src_be;
	ip->dst_addr = dst_be;
}

/* The store's replies, each into its queue; how many found a place. */
static uint16_t sort_replies(struct rte_mbuf **pkts, uint16_t n, uint16_t other_port_be)
{
	for (uint16_t i = 0; i < n; i++) {
		const uint8_t *f = rte_pktmbuf_mtod(pkts[i], const uint8_t *);
		const struct rte_tcp_hdr *tcp =
			(const struct rte_tcp_hdr *)(f + 14 + (f[14] & 15) * 4);
		bool is_other = f[12] == 8 && f[13] == 0 && tcp->dst_port == other_port_be;

		if (rte_ring_sp_enqueue(is_other ? net.to_other : net.to_clients, pkts[i]) != 0)
			return i;
	}
	return n;
}

static uint16_t bench_rx(
	struct worker *w, uint16_t port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t room;

	if (store_rig.on_turn)
		store_rig.on_turn(w);
	if (port == STORE_RIG_SERVER)
		return (uint16_t)rte_ring_sc_dequeue_burst(net.to_server, (void **)pkts, n, NULL);
	n = room = MIN_OF(n, store_rig.clients_burst);
	n = (uint16_t)rte_ring_sc_dequeue_burst(net.to_clients, (void **)pkts, n, NULL);
	n += (uint16_t)rte_ring_sc_dequeue_burst(
		net.to_other, (void **)(pkts + n), MIN_OF(room - n, OTHER_BURST), NULL);
	for (uint16_t i = 0; i < n; i++)
		readdress(pkts[i], FAR_ADDR, OWN_ADDR, 2);
	return n;
}

/* Frames that leave by the port out: nobody is there. */
static uint16_t swallow(struct worker *w, struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; store_rig.on_out && i < n; i++)
		store_rig.on_out(w, pkts[i]);
	rte_pktmbuf_free_bulk(pkts, n);
	return n;
}

static uint16_t bench_tx(
	struct worker *w, uint16_t port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t other_port_be = store_rig.other_port_be;

	if (port == PORT_OUT)
		return swallow(w, pkts, n);
	if (port == STORE_RIG_SERVER && other_port_be)
		return sort_replies(pkts, n, other_port_be);
	if (port == STORE_RIG_SERVER)
		return (uint16_t)rte_ring_sp_enqueue_burst(
			net.to_clients, (void *const *)pkts, n, NULL);
	for (uint16_t i = 0; i < n; i++)
		readdress(pkts[i], PEER_ADDR, STORE_ADDR, 1);
	return (uint16_t)rte_ring_sp_enqueue_burst(net.to_server, (void *const *)pkts, n, NULL);
}

static uint64_t bench_cycles(struct worker *w)
{
	return rte_rdtsc() - net.t0;
}

static const struct worker_ops bench_ops = {.rx = bench_rx, .tx = bench_tx, .cycles = bench_cycles};

static void name_key(char *out, uint32_t number)
{
	char text[STORE_RIG_KEY_BYTES + 1];

	snprintf(text, sizeof(text), "key:%012u", number);
	memcpy(out, text, STORE_RIG_KEY_BYTES);
}

void store_rig_write_frame(uint8_t *frame, uint32_t host)
{
	static const uint8_t ethernet[14] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0xaa, 8, 0};
	struct rte_ipv4_hdr ip = {
		.version_ihl = 0x45,
		.total_length = htobe16(60 - sizeof(ethernet)),
		.time_to_live = 64,
		.next_proto_id = IPPROTO_UDP,
		.src_addr = PEER_ADDR,
		.dst_addr = htobe32(STORE_RIG_NET | host),
	};
	struct rte_udp_hdr udp = {
		.src_port = htobe16(1024),
		.dst_port = htobe16(9),
		.dgram_len = htobe16(60 - sizeof(ethernet) - sizeof(ip)),
	};

	ip.hdr_checksum = rte_ipv4_cksum(&ip);
	memset(frame, 0, 60);
	memcpy(frame, ethernet, sizeof(ethernet));
	memcpy(frame + sizeof(ethernet), &ip, sizeof(ip));
	memcpy(frame + sizeof(ethernet) + sizeof(ip), &udp, sizeof(udp));
}

bool store_rig_send(struct rte_mbuf *m)
{
	if (rte_ring_count(net.to_server) < STORE_RIG_FRAMES_MAX &&
		rte_ring_sp_enqueue(net.to_server, m) == 0)
		return true;
	rte_pktmbuf_free(m);
	return false;
}

uint32_t store_rig_append_get(uint8_t *p, uint32_t number)
{
	memcpy(p, "*2\r\n$3\r\nGET\r\n$16\r\n", 18);
	name_key((char *)p + 18, number);
	memcpy(p + 18 + STORE_RIG_KEY_BYTES, "\r\n", 2);
	return 18 + STORE_RIG_KEY_BYTES + 2;
}

uint32_t store_rig_append_set(uint8_t *p, uint32_t number)
{
	uint8_t *start = p;

	memcpy(p, "*3\r\n$3\r\nSET\r\n$16\r\n", 18);
	name_key((char *)p + 18, number);
	p += 18 + STORE_RIG_KEY_BYTES;
	memcpy(p, "\r\n$64\r\n", 7);
	memset(p + 7, 'a' + (int)(number % 26), STORE_RIG_VALUE_BYTES);
	memcpy(p + 7 + STORE_RIG_VALUE_BYTES, "\r\n", 2);
	return (uint32_t)(p - start) + 7 + STORE_RIG_VALUE_BYTES + 2;
}

uint8_t *store_rig_program_request(const char *path, uint32_t *bytes)
{
	static const char form[] = "*3\r\n$8\r\nFUNCTION\r\n$4\r\nLOAD\r\n$%zu\r\n%s";
	static const char line[] = "#!bpf name=bench\n";
	uint8_t *file = malloc(PROGRAM_BYTES), *request = malloc(PROGRAM_BYTES + sizeof(form) + 64);
	FILE *f = fopen(path, "rb");
	size_t n = f && file && request ? fread(file, 1, PROGRAM_BYTES, f) : 0, head;

	if (n == 0 || n == PROGRAM_BYTES)
		store_rig_fail("the file with programs cannot be read");
	fclose(f);
	head = (size_t)sprintf((char *)request, form, sizeof(line) - 1 + n, line);
	memcpy(request + head, file, n);
	memcpy(request + head + n, "\r\n", 2);
	free(file);
	*bytes = (uint32_t)(head + n + 2);
	return request;
}

struct tcp_conn *store_rig_connect(struct worker *w, const struct tcp_app *app, void *user)
{
	struct ip_addr local = {.family = 4, .prefix_len = 32};
	struct ip_addr remote = {.family = 4, .prefix_len = 32};
	uint32_t own = OWN_ADDR, far = FAR_ADDR;
	struct tcp_conn *conn;

	memcpy(local.bytes, &own, sizeof(own));
	memcpy(remote.bytes, &far, sizeof(far));
	conn = tcp_connect(w, app, &local, &remote, htobe16(6379));
	if (conn)
		tcp_set_user(conn, user);
	return conn;
}

static int apply(const struct conf *conf, struct base_error *err)
{
	int ret = generation_begin(1, err);

	if (ret == 0)
		ret = node_conf_stage(conf, err);
	if (ret == 0)
		ret = generation_commit_start(1, 0, NULL, err);
	while (ret == 0 && generation_busy())
		generation_step(1000);
	return ret == 0 ? generation_result(err) : ret;
}

static struct worker *create_worker(unsigned id, struct rte_mempool *mempool)
{
	static const uint64_t key[2] = {0x0123456789abcdefULL, 0xfedcba9876543210ULL};
	struct worker *w = worker_create(
		(uint8_t)id, STORE_RIG_WORKERS, &bench_ops, &store_rig.stats[id], mempool);

	if (!w)
		store_rig_fail("no memory for a worker");
	w->ns_per_cycle_q32 = (uint64_t)(((__uint128_t)NSEC_PER_SEC << 32) / rte_get_tsc_hz());
	memcpy(w->flow_key, key, sizeof(key));
	workers[id] = w;
	return w;
}

static void start_modules(const struct conf *conf)
{
	struct base_error err;

	generation_init(modules, modules_count);
	for (size_t m = 0; m < modules_count; m++) {
		if (modules[m].init && modules[m].init(conf, &err) < 0)
			store_rig_fail(err.text);
		for (unsigned i = 0; modules[m].worker_init && i <= STORE_RIG_WORKERS; i++)
			if (modules[m].worker_init(workers[i], &err) < 0)
				store_rig_fail(err.text);
	}
}

static struct rte_ring *create_ring(const char *name)
{
	struct rte_ring *r =
		rte_ring_create(name, RING_ENTRIES, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);

	if (!r)
		store_rig_fail("no memory for a ring");
	return r;
}

/* The numbers of the first @n keys whose slots belong to the serving worker. */
void store_rig_choose_keys(uint32_t n)
{
	char key[STORE_RIG_KEY_BYTES];

	net.n_keys = n;
	store_rig.keys = malloc(n * sizeof(*store_rig.keys));
	if (!store_rig.keys)
		store_rig_fail("no memory for the keys");
	for (uint32_t number = 0, i = 0; i < n; number++) {
		name_key(key, number);
		if (crc16_xmodem(key, sizeof(key)) % KV_SLOTS < KV_SLOTS / STORE_RIG_WORKERS)
			store_rig.keys[i++] = number;
	}
}

void store_rig_start(struct wheel_timer *tick)
{
	struct conf_error conf_err;
	struct rte_mempool *mempool;
	struct base_error err;
	struct conf *conf;
	char text[2048];

	snprintf(text, sizeof(text), yaml,
		store_rig.memory_mb + (unsigned)(net.n_keys * MEMORY_KEY_BYTES >> 20),
		store_rig.settings ? store_rig.settings : "");
	if (conf_load_text("bench.yaml", text, strlen(text), &conf, &conf_err) < 0)
		store_rig_fail(conf_err.text);
	if (eal_init(&conf->node, &err) < 0 || pkt_init(&err) < 0)
		store_rig_fail(err.text);
	rcu_register_thread();
	mempool = eal_mempool_create(&conf->node, &err);
	if (!mempool || nexthop_init(&err) < 0 || world_init(&err) < 0)
		store_rig_fail(err.text);
	store_rig.stats =
		aligned_alloc(CACHE_LINE_BYTES, (STORE_RIG_WORKERS + 1) * sizeof(*store_rig.stats));
	if (!store_rig.stats)
		store_rig_fail("no memory for the counters");
	memset(store_rig.stats, 0, (STORE_RIG_WORKERS + 1) * sizeof(*store_rig.stats));
	net.t0 = rte_rdtsc() - rte_get_tsc_hz() * (START_NS / NSEC_PER_SEC);
	net.to_server = create_ring("to_server");
	net.to_clients = create_ring("to_clients");
	net.to_other = create_ring("to_other");
	for (unsigned i = 0; i < PORTS; i++)
		if (!port_declare(conf->node.ports[i].name, conf->node.ports[i].mac, 1500))
			store_rig_fail("too many ports");
	for (unsigned i = 0; i <= STORE_RIG_WORKERS; i++) {
		struct worker *w = create_worker(i, mempool);

		if (i < STORE_RIG_WORKERS)
			w->queues[w->n_queues++] = (struct worker_queue){.port = (uint16_t)i};
		for (unsigned port = 0; port < PORTS; port++)
			w->tx_owner[port] =
				port == STORE_RIG_CLIENTS ? STORE_RIG_CLIENTS : STORE_RIG_SERVER;
	}
	if (mailbox_create(workers, STORE_RIG_WORKERS + 1, &err) < 0)
		store_rig_fail(err.text);
	start_modules(conf);
	if (apply(conf, &err) < 0)
		store_rig_fail(err.text);
	wheel_add(workers[STORE_RIG_CLIENTS]->wheel, tick, workers[STORE_RIG_CLIENTS]->now_ns);
	for (unsigned i = 0; i < STORE_RIG_WORKERS; i++)
		if (worker_start(workers[i], false, &err) < 0)
			store_rig_fail(err.text);
}

double store_rig_now_s(void)
{
	return (double)rte_rdtsc() / (double)rte_get_tsc_hz();
}

void store_rig_pass(double seconds, unsigned nap_ms)
{
	struct timespec nap = {.tv_nsec = nap_ms * (long)NSEC_PER_MSEC};
	double end = store_rig_now_s() + seconds;

	do {
		worker_turn(workers[STORE_RIG_WORKERS]);
		rcu_quiescent_state();
		rcu_thread_offline();
		nanosleep(&nap, NULL);
		rcu_thread_online();
	} while (store_rig_now_s() < end);
}
