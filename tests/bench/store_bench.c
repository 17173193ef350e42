/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The store under load in one process: worker 0 of a node serves, worker 1 of the same node is the
 * clients, and speaks real TCP and RESP over two rings. Each is a thread of its own on its own CPU,
 * in the loop that braid-dataplane runs. The cycles are those of worker 0's turns that had
 * something to do. Prints JSON lines, one for each repetition of each case.
 *
 *   store_bench [--seconds S] [--reps N] CASE...
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_ip.h>
#include <rte_ring.h>
#include <rte_tcp.h>

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
#include "tests/unit/node_conf.h"

#define N_WORKERS     2
#define SERVER        0
#define CLIENTS       1
#define RING_ENTRIES  8192
#define CONNS_MAX     64
#define PIPELINE_MAX  64
#define VALUE_BYTES   64
#define KEY_BYTES     16
#define REQUEST_MAX   256
#define GET_REPLY     (5 + VALUE_BYTES + 2) /* $64 and the value, with line ends */
#define SET_REPLY     5                     /* +OK */
#define LOAD_PIPELINE 64
#define START_NS      (1000 * NSEC_PER_SEC)

/* Clients send to FAR, which the cable turns into the store's address, and back. */
#define STORE_ADDR RTE_BE32(0xc0000201) /* 192.0.2.1 */
#define PEER_ADDR  RTE_BE32(0xc0000202) /* 192.0.2.2 */
#define FAR_ADDR   RTE_BE32(0xc6336409) /* 198.51.100.9 */
#define OWN_ADDR   RTE_BE32(0x0a000001) /* 10.0.0.1 */

static const char yaml[] =
	"node: {name: bench, workers: [1, 0], main: 0, memory: 1G, idle: poll, ports: [\n"
	"  {name: lan, device: net_null0, mac: 02:00:00:00:00:01, addresses: [192.0.2.1/24]},\n"
	"  {name: wan, device: net_null1, mac: 02:00:00:00:00:02, addresses: [10.0.0.1/24]}]}\n"
	"neighbors: [{interface: lan, address: 192.0.2.2, mac: 02:00:00:00:00:aa},\n"
	"  {interface: wan, address: 10.0.0.2, mac: 02:00:00:00:00:bb}]\n"
	"routes: [{prefix: 198.51.100.0/24, via: 10.0.0.2}]\n"
	"store: {listen: [192.0.2.1], protected_mode: no, memory: 6G, max_clients: 1000}\n";

enum what { WHAT_GET, WHAT_SET, WHAT_CONNECT };

struct bench_case {
	const char *name;
	enum what what;
	unsigned pipeline;
	uint32_t n_keys;
};

static const struct bench_case cases[] = {
	{"get-p1", WHAT_GET, 1, 100000},
	{"get-p16", WHAT_GET, 16, 100000},
	{"set-p1", WHAT_SET, 1, 100000},
	{"set-p16", WHAT_SET, 16, 100000},
	{"get-1m-keys", WHAT_GET, 16, 1000000},
	{"get-10m-keys", WHAT_GET, 16, 10000000},
	{"connect", WHAT_CONNECT, 1, 100000},
};

/* A connection of the clients. */
struct client {
	struct tcp_conn *conn;
	bool is_open;      /* and is not being closed */
	uint64_t expected; /* bytes of replies that have not come yet */
	uint32_t unsent;   /* bytes of the request that the send buffer did not take */
	uint32_t request_bytes;
	uint8_t request[PIPELINE_MAX * REQUEST_MAX];
};

static struct {
	struct rte_ring *to_server;
	struct rte_ring *to_clients;
	struct stats_worker *stats;
	uint64_t t0;
	double seconds;
	unsigned reps;
	/* The clients' worker only, but for what is atomic. */
	const struct bench_case *_Atomic now; /* NULL: rest */
	struct client clients[CONNS_MAX];
	uint32_t *keys; /* numbers of the keys that worker 0 owns */
	uint32_t loaded;
	_Atomic uint32_t load_want;
	_Atomic uint64_t done; /* operations */
	_Atomic uint64_t errors;
	_Atomic uint32_t n_open;
	_Atomic uint32_t loaded_told; /* keys that are there */
	struct wheel_timer tick;
} bench;

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "store_bench: %s\n", what);
	exit(1);
}

/* --- the cable --- */

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

static uint16_t bench_rx(
	struct worker *w, uint16_t port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	if (port == SERVER)
		return (uint16_t)rte_ring_sc_dequeue_burst(bench.to_server, (void **)pkts, n, NULL);
	n = (uint16_t)rte_ring_sc_dequeue_burst(bench.to_clients, (void **)pkts, n, NULL);
	for (uint16_t i = 0; i < n; i++)
		readdress(pkts[i], FAR_ADDR, OWN_ADDR, 2);
	return n;
}

static uint16_t bench_tx(
	struct worker *w, uint16_t port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	if (port == SERVER)
		return (uint16_t)rte_ring_sp_enqueue_burst(
			bench.to_clients, (void *const *)pkts, n, NULL);
	for (uint16_t i = 0; i < n; i++)
		readdress(pkts[i], PEER_ADDR, STORE_ADDR, 1);
	return (uint16_t)rte_ring_sp_enqueue_burst(bench.to_server, (void *const *)pkts, n, NULL);
}

static uint64_t bench_cycles(struct worker *w)
{
	return rte_rdtsc() - bench.t0;
}

static const struct worker_ops bench_ops = {.rx = bench_rx, .tx = bench_tx, .cycles = bench_cycles};

/* --- the clients --- */

static void name_key(char *out, uint32_t number)
{
	char text[KEY_BYTES + 1];

	snprintf(text, sizeof(text), "key:%012u", number);
	memcpy(out, text, KEY_BYTES);
}

static uint32_t append_get(uint8_t *p, uint32_t number)
{
	memcpy(p, "*2\r\n$3\r\nGET\r\n$16\r\n", 18);
	name_key((char *)p + 18, number);
	memcpy(p + 18 + KEY_BYTES, "\r\n", 2);
	return 18 + KEY_BYTES + 2;
}

static uint32_t append_set(uint8_t *p, uint32_t number)
{
	uint8_t *start = p;

	memcpy(p, "*3\r\n$3\r\nSET\r\n$16\r\n", 18);
	name_key((char *)p + 18, number);
	p += 18 + KEY_BYTES;
	memcpy(p, "\r\n$64\r\n", 7);
	memset(p + 7, 'a' + (int)(number % 26), VALUE_BYTES);
	memcpy(p + 7 + VALUE_BYTES, "\r\n", 2);
	return (uint32_t)(p - start) + 7 + VALUE_BYTES + 2;
}

static void flush(struct worker *w, struct client *c)
{
	uint32_t n = tcp_send(w, c->conn, c->request + c->request_bytes - c->unsent, c->unsent);

	c->unsent -= n;
}

/* Sends the next requests of @c, if there is something to be done. */
static void ask(struct worker *w, struct client *c)
{
	const struct bench_case *now = atomic_load(&bench.now);
	bool loads = bench.loaded < atomic_load(&bench.load_want);
	unsigned n = loads ? LOAD_PIPELINE : now ? now->pipeline : 0;

	c->request_bytes = 0;
	for (unsigned i = 0; i < n; i++) {
		uint8_t *p = c->request + c->request_bytes;

		if (loads && bench.loaded == atomic_load(&bench.load_want))
			break;
		if (loads) {
			c->request_bytes += append_set(p, bench.keys[bench.loaded++]);
			c->expected += SET_REPLY;
		} else {
			uint32_t key = bench.keys[worker_random(w) % now->n_keys];
			bool set = now->what == WHAT_SET;

			c->request_bytes += set ? append_set(p, key) : append_get(p, key);
			c->expected += set ? SET_REPLY : GET_REPLY;
		}
	}
	c->unsent = c->request_bytes;
	if (c->unsent)
		flush(w, c);
}

static int on_open(struct worker *w, struct tcp_conn *conn)
{
	struct client *c = tcp_user(conn);

	atomic_fetch_add(&bench.n_open, 1);
	if (!c)
		return 0;
	c->is_open = true;
	ask(w, c);
	return 0;
}

/* Counts what has come for @c; true: everything it asked for. */
static bool take(struct worker *w, struct client *c)
{
	const uint8_t *p;
	uint32_t n;

	while ((n = tcp_peek(c->conn, &p)) > 0) {
		if (n > c->expected || *p == '-') {
			atomic_fetch_add(&bench.errors, 1);
			n = (uint32_t)MIN_OF((uint64_t)n, c->expected);
		}
		c->expected -= n;
		tcp_consume(w, c->conn, n);
		if (n == 0)
			break;
	}
	return c->expected == 0 && c->unsent == 0;
}

static void on_readable(struct worker *w, struct tcp_conn *const *conns, unsigned n)
{
	const struct bench_case *now = atomic_load(&bench.now);

	for (unsigned i = 0; i < n; i++) {
		struct client *c = tcp_user(conns[i]);

		if (!c || !c->is_open || c->request_bytes == 0 || !take(w, c))
			continue;
		atomic_store(&bench.loaded_told, bench.loaded);
		if (now)
			atomic_store(&bench.done, atomic_load(&bench.done) + now->pipeline);
		if (now && now->what == WHAT_CONNECT) {
			c->is_open = false;
			tcp_close(w, c->conn);
		} else {
			ask(w, c);
		}
	}
}

static void on_writable(struct worker *w, struct tcp_conn *conn)
{
	struct client *c = tcp_user(conn);

	if (c && c->unsent)
		flush(w, c);
}

static const struct tcp_app app;

static void connect_client(struct worker *w, struct client *c)
{
	struct ip_addr local = {.family = 4, .prefix_len = 32};
	struct ip_addr remote = {.family = 4, .prefix_len = 32};
	uint32_t own = OWN_ADDR, far = FAR_ADDR;

	memcpy(local.bytes, &own, sizeof(own));
	memcpy(remote.bytes, &far, sizeof(far));
	c->expected = c->unsent = c->request_bytes = 0;
	c->is_open = false;
	c->conn = tcp_connect(w, &app, &local, &remote, htobe16(6379));
	if (c->conn)
		tcp_set_user(c->conn, c);
}

static void on_end(struct worker *w, struct tcp_conn *conn, enum tcp_end why)
{
	struct client *c = tcp_user(conn);

	atomic_fetch_sub(&bench.n_open, 1);
	if (why != TCP_END_CLOSED)
		atomic_fetch_add(&bench.errors, 1);
	if (c)
		connect_client(w, c);
}

static const struct tcp_app app = {
	.on_open = on_open,
	.on_readable = on_readable,
	.on_writable = on_writable,
	.on_end = on_end,
};

/* Connects who could not, and wakes who rests. */
static void on_tick(void *ctx, struct wheel_timer *t)
{
	struct worker *w = ctx;

	for (unsigned i = 0; i < CONNS_MAX; i++) {
		struct client *c = &bench.clients[i];

		if (!c->conn)
			connect_client(w, c);
		else if (c->is_open && c->request_bytes == 0)
			ask(w, c);
	}
	wheel_add(w->wheel, t, w->now_ns + NSEC_PER_MSEC);
}

/* --- starting --- */

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
	struct worker *w =
		worker_create((uint8_t)id, N_WORKERS, &bench_ops, &bench.stats[id], mempool);

	if (!w)
		fail("no memory for a worker");
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
			fail(err.text);
		for (unsigned i = 0; modules[m].worker_init && i <= N_WORKERS; i++)
			if (modules[m].worker_init(workers[i], &err) < 0)
				fail(err.text);
	}
}

static struct rte_ring *create_ring(const char *name)
{
	struct rte_ring *r =
		rte_ring_create(name, RING_ENTRIES, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);

	if (!r)
		fail("no memory for a ring");
	return r;
}

/* The numbers of the first @n keys whose slots belong to the serving worker. */
static void choose_keys(uint32_t n)
{
	char key[KEY_BYTES];

	bench.keys = malloc(n * sizeof(*bench.keys));
	if (!bench.keys)
		fail("no memory for the keys");
	for (uint32_t number = 0, i = 0; i < n; number++) {
		name_key(key, number);
		if (crc16_xmodem(key, sizeof(key)) % KV_SLOTS < KV_SLOTS / N_WORKERS)
			bench.keys[i++] = number;
	}
}

static void start(void)
{
	struct conf_error conf_err;
	struct rte_mempool *mempool;
	struct base_error err;
	struct conf *conf;

	if (conf_load_text("bench.yaml", yaml, strlen(yaml), &conf, &conf_err) < 0)
		fail(conf_err.text);
	if (eal_init(&conf->node, &err) < 0 || pkt_init(&err) < 0)
		fail(err.text);
	rcu_register_thread();
	mempool = eal_mempool_create(&conf->node, &err);
	if (!mempool || nexthop_init(&err) < 0 || world_init(&err) < 0)
		fail(err.text);
	bench.stats = aligned_alloc(CACHE_LINE_BYTES, (N_WORKERS + 1) * sizeof(*bench.stats));
	if (!bench.stats)
		fail("no memory for the counters");
	memset(bench.stats, 0, (N_WORKERS + 1) * sizeof(*bench.stats));
	bench.t0 = rte_rdtsc() - rte_get_tsc_hz() * (START_NS / NSEC_PER_SEC);
	bench.to_server = create_ring("to_server");
	bench.to_clients = create_ring("to_clients");
	for (unsigned i = 0; i < N_WORKERS; i++)
		if (!port_declare(conf->node.ports[i].name, conf->node.ports[i].mac, 1500))
			fail("too many ports");
	for (unsigned i = 0; i <= N_WORKERS; i++) {
		struct worker *w = create_worker(i, mempool);

		if (i < N_WORKERS)
			w->queues[w->n_queues++] = (struct worker_queue){.port = (uint16_t)i};
		for (unsigned port = 0; port < N_WORKERS; port++)
			w->tx_owner[port] = (uint8_t)port;
	}
	if (mailbox_create(workers, N_WORKERS + 1, &err) < 0)
		fail(err.text);
	start_modules(conf);
	if (apply(conf, &err) < 0)
		fail(err.text);
	bench.tick.fn = on_tick;
	wheel_add(workers[CLIENTS]->wheel, &bench.tick, workers[CLIENTS]->now_ns);
	for (unsigned i = 0; i < N_WORKERS; i++)
		if (worker_start(workers[i], false, &err) < 0)
			fail(err.text);
}

/* --- measuring --- */

static double now_s(void)
{
	return (double)rte_rdtsc() / (double)rte_get_tsc_hz();
}

/* What the main thread does meanwhile. */
static void pass(double seconds)
{
	struct timespec nap = {.tv_nsec = 2000000};
	double end = now_s() + seconds;

	do {
		worker_turn(workers[N_WORKERS]);
		rcu_quiescent_state();
		rcu_thread_offline();
		nanosleep(&nap, NULL);
		rcu_thread_online();
	} while (now_s() < end);
}

static void load(uint32_t n_keys)
{
	double deadline = now_s() + 120;

	if (atomic_load(&bench.load_want) < n_keys)
		atomic_store(&bench.load_want, n_keys);
	while (atomic_load(&bench.loaded_told) < n_keys) {
		if (now_s() > deadline || atomic_load(&bench.errors) > 0)
			fail("the keys cannot be loaded");
		pass(0.01);
	}
	pass(0.1);
}

static void measure(const struct bench_case *c, unsigned rep)
{
	const struct stats_worker *st = &bench.stats[SERVER];
	uint64_t done, busy, rx, idle;
	double begin, seconds;

	atomic_store(&bench.now, c);
	pass(0.3);
	done = atomic_load(&bench.done);
	busy = stats_read(&st->busy_cycles);
	idle = stats_read(&st->idle_cycles);
	rx = stats_read(&st->rx_pkts);
	begin = now_s();
	pass(bench.seconds);
	done = atomic_load(&bench.done) - done;
	busy = stats_read(&st->busy_cycles) - busy;
	idle = stats_read(&st->idle_cycles) - idle;
	rx = stats_read(&st->rx_pkts) - rx;
	seconds = now_s() - begin;
	atomic_store(&bench.now, NULL);
	pass(0.2);
	if (done == 0 || atomic_load(&bench.errors) > 0)
		fail("requests were not answered");
	printf("{\"case\": \"%s\", \"rep\": %u, \"ops\": %lu, \"seconds\": %.3f, "
	       "\"cycles_per_op\": %.1f, \"busy\": %.3f, \"pkts_per_op\": %.2f}\n",
		c->name, rep, done, seconds, (double)busy / (double)done,
		(double)busy / (double)(busy + idle), (double)rx / (double)done);
	fflush(stdout);
}

static const struct bench_case *find_case(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (strcmp(cases[i].name, name) == 0)
			return &cases[i];
	fprintf(stderr, "store_bench: no case \"%s\"\n", name);
	exit(2);
}

static void read_options(int argc, char **argv)
{
	static const struct option rows[] = {
		{"seconds", 1, NULL, 's'}, {"reps", 1, NULL, 'r'}, {NULL, 0, NULL, 0}};
	int c;

	bench.seconds = 1;
	bench.reps = 3;
	while ((c = getopt_long(argc, argv, "", rows, NULL)) != -1) {
		if (c == 's')
			bench.seconds = strtod(optarg, NULL);
		else if (c == 'r')
			bench.reps = (unsigned)strtoul(optarg, NULL, 10);
		else
			exit(2);
	}
	if (bench.seconds <= 0 || bench.reps == 0 || optind == argc) {
		fprintf(stderr, "usage: store_bench [--seconds S] [--reps N] CASE...\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	uint32_t n_keys = 0;

	read_options(argc, argv);
	for (int i = optind; i < argc; i++)
		n_keys = MAX_OF(n_keys, find_case(argv[i])->n_keys);
	choose_keys(n_keys);
	start();
	/* Few keys first: the index grows from case to case. */
	for (int i = optind; i < argc; i++) {
		load(find_case(argv[i])->n_keys);
		for (unsigned rep = 0; rep < bench.reps; rep++)
			measure(find_case(argv[i]), rep);
	}
	worker_stop_all();
	_exit(0);
}
