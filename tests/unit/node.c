/* SPDX-License-Identifier: BSD-3-Clause */
/* The node of tests/unit/node.h. One thread. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_mbuf.h>

#include "dataplane/core/capture.h"
#include "dataplane/core/generation.h"
#include "dataplane/core/mailbox.h"
#include "dataplane/core/nexthop.h"
#include "dataplane/core/server.h"
#include "dataplane/link/port.h"
#include "dataplane/modules.h"
#include "dataplane/neigh/neigh.h"
#include "lib/rcu/rcu.h"
#include "tests/unit/fake_device.h"
#include "tests/unit/node.h"
#include "tests/unit/node_conf.h"

#define QUEUE_MAX     512
#define ROUNDS_MAX    2000
#define STEP_NS       (10 * NSEC_PER_MSEC)
#define TIME_START_NS (1000 * NSEC_PER_SEC)

static struct {
	bool eal;
	unsigned n_workers;
	uint64_t now_ns;
	uint64_t generation;
	struct rte_mempool *mempool;
	struct stats_worker stats[WORKER_SLOTS];
	struct stats_worker base[WORKER_SLOTS]; /* at node_clear */
	struct rte_mbuf *queue[WORLD_PORTS_MAX][QUEUE_MAX];
	unsigned queued[WORLD_PORTS_MAX];
	struct node_frame output[NODE_OUTPUT_MAX];
	unsigned n_output;
	unsigned n_offloaded;
} node;

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "node: %s\n", what);
	abort();
}

static uint16_t test_rx(
	struct worker *w, uint16_t port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	unsigned take = MIN_OF((unsigned)n, node.queued[port]);

	memcpy(pkts, node.queue[port], take * sizeof(*pkts));
	memmove(node.queue[port], node.queue[port] + take,
		(node.queued[port] - take) * sizeof(*pkts));
	node.queued[port] -= take;
	return (uint16_t)take;
}

/* Keeps a frame that left. */
static void keep_frame(void *ctx, const uint8_t *bytes, uint32_t len)
{
	const uint16_t *port = ctx;
	unsigned k = node.n_output++;
	struct node_frame *f;

	if (k >= NODE_OUTPUT_MAX)
		return;
	f = &node.output[k];
	f->port = *port;
	f->time_ns = node.now_ns;
	f->len = (uint16_t)MIN_OF(len, (uint32_t)NODE_FRAME_MAX);
	memcpy(f->bytes, bytes, f->len);
}

static uint16_t test_tx(
	struct worker *w, uint16_t port, uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	static uint8_t copy[NODE_FRAME_MAX];

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		uint32_t len = MIN_OF(m->pkt_len, (uint32_t)NODE_FRAME_MAX);

		if (m->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK) {
			node.n_offloaded += m->nb_segs > 1;
			fake_device_send(m, keep_frame, &port);
		} else {
			keep_frame(&port, rte_pktmbuf_read(m, 0, len, copy), len);
		}
		rte_pktmbuf_free(m);
	}
	return n;
}

static uint64_t test_cycles(struct worker *w)
{
	return node.now_ns;
}

static const struct worker_ops test_ops = {.rx = test_rx, .tx = test_tx, .cycles = test_cycles};

/* EAL leaves its directory in /var/run/dpdk behind; it is empty. */
static void remove_runtime(void)
{
	rmdir(rte_eal_get_runtime_dir());
}

static void start_eal(void)
{
	char prefix[64];
	char *argv[] = {(char *)"node", (char *)"--no-huge", (char *)"-m", (char *)"128",
		(char *)"--no-pci", (char *)"--no-shconf", (char *)"--no-telemetry",
		(char *)"--iova-mode=va", (char *)"--lcores=0", (char *)"--log-level=*:warning",
		prefix};

	snprintf(prefix, sizeof(prefix), "--file-prefix=test-%d", (int)getpid());
	if (rte_eal_init(ARRAY_SIZE(argv), argv) < 0)
		fail("EAL does not start");
	if (pkt_init(NULL) < 0)
		fail("no room for packet notes");
	node.mempool = rte_pktmbuf_pool_create(
		"node", NODE_MBUFS, 0, 0, 10240 + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	if (!node.mempool)
		fail("no packet buffers");
	rcu_register_thread();
	atexit(remove_runtime);
	node.eal = true;
}

/* Hands the configuration to the modules as control would, without sockets. */
static int apply(const struct conf *conf, struct base_error *err)
{
	int ret = generation_begin(++node.generation, err);

	if (ret == 0)
		ret = node_conf_stage(conf, err);
	if (ret < 0) {
		generation_abort(NULL);
		return ret;
	}
	ret = generation_commit_start(node.generation, 0, NULL, err);
	while (ret == 0 && generation_busy())
		generation_step(1000);
	return ret == 0 ? generation_result(err) : ret;
}

int node_apply(const char *yaml, struct base_error *err)
{
	struct conf_error conf_err;
	struct conf *conf;
	int ret = conf_load_text("test.yaml", yaml, strlen(yaml), &conf, &conf_err);

	if (ret < 0)
		return base_error_set(err, -ret, "%.255s", conf_err.text);
	ret = apply(conf, err);
	conf_free(conf);
	node_run();
	return ret;
}

static void create_worker(unsigned id)
{
	struct worker *w = worker_create(
		(uint8_t)id, (uint8_t)node.n_workers, &test_ops, &node.stats[id], node.mempool);

	if (!w)
		fail("no memory for a worker");
	w->ns_per_cycle_q32 = 1ULL << 32;
	w->rng = 0x9e3779b97f4a7c15ULL + id;
	w->flow_key[0] = 0x0123456789abcdefULL;
	w->flow_key[1] = 0xfedcba9876543210ULL;
	workers[id] = w;
}

static void start_modules(const struct conf *conf)
{
	struct base_error err;

	generation_init(modules, modules_count);
	for (size_t m = 0; m < modules_count; m++) {
		if (modules[m].init && modules[m].init(conf, &err) < 0)
			fail(err.text);
		for (unsigned i = 0; modules[m].worker_init && i <= node.n_workers; i++)
			if (modules[m].worker_init(workers[i], &err) < 0)
				fail(err.text);
	}
}

/* Number @name of the environment. */
static uint8_t env_number(const char *name, uint8_t otherwise)
{
	const char *text = getenv(name);

	return text ? (uint8_t)atoi(text) : otherwise;
}

unsigned node_n_cut(void)
{
	return node.n_offloaded;
}

void node_start(const char *yaml)
{
	static const uint8_t mac0[6] = {2, 0, 0, 0, 0, 0};
	struct conf_error conf_err;
	struct base_error err;
	struct conf *conf;

	if (!node.eal)
		start_eal();
	memset(node.stats, 0, sizeof(node.stats));
	node.now_ns = TIME_START_NS;
	node.generation = 0;
	if (conf_load_text("test.yaml", yaml, strlen(yaml), &conf, &conf_err) < 0)
		fail(conf_err.text);
	node.n_workers = conf->node.n_workers;
	if (nexthop_init(&err) < 0 || world_init(&err) < 0)
		fail(err.text);
	for (unsigned i = 0; i < conf->node.n_ports; i++) {
		const struct conf_port *p = &conf->node.ports[i];
		uint8_t mac[6];

		memcpy(mac, p->has_mac ? p->mac : mac0, 6);
		if (!p->has_mac)
			mac[5] = (uint8_t)(i + 1);
		if (!port_declare(p->name, mac, p->mtu))
			fail("too many ports");
		port_offload_set(
			i, env_number("NODE_OFFLOADS", 0), env_number("NODE_TSO_SEGMENTS", 45));
	}
	for (unsigned i = 0; i <= node.n_workers; i++)
		create_worker(i);
	for (unsigned i = 0; i < conf->node.n_ports; i++) {
		struct worker *w = workers[i % node.n_workers];

		w->queues[w->n_queues++] =
			(struct worker_queue){.port = (uint16_t)i, .steer = node.n_workers > 1};
	}
	if (mailbox_create(workers, node.n_workers + 1, &err) < 0)
		fail(err.text);
	node_run();
	start_modules(conf);
	if (apply(conf, &err) < 0)
		fail(err.text);
	conf_free(conf);
	node_run();
	node_clear();
}

void node_stop(void)
{
	node_run();
	node_check_accounts();
	capture_fini();
	for (size_t m = modules_count; m-- > 0;) {
		for (unsigned i = 0; modules[m].worker_fini && i <= node.n_workers; i++)
			modules[m].worker_fini(workers[i]);
		if (modules[m].fini)
			modules[m].fini();
	}
	mailbox_destroy(workers, node.n_workers + 1);
	for (unsigned i = 0; i <= node.n_workers; i++) {
		worker_destroy(workers[i]);
		workers[i] = NULL;
	}
	port_fini();
	world_fini();
	nexthop_fini();
	if (rte_mempool_in_use_count(node.mempool) != 0)
		fail("packet buffers were lost at the end");
}

/* A buffer of exactly a frame's size, and what DPDK must know about it. */
struct exact_buffer {
	struct rte_mbuf_ext_shared_info info;
	void *bytes;
};

static void free_buffer(void *addr, void *opaque)
{
	struct exact_buffer *b = opaque;

	free(b->bytes);
	free(b);
}

/* An mbuf over a malloc of exactly @len bytes. */
static struct rte_mbuf *exact_mbuf(const void *data, uint32_t len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(node.mempool);
	struct exact_buffer *b = malloc(sizeof(*b));

	if (!m || !b)
		fail("no buffer for a test frame");
	b->bytes = malloc(len);
	if (!b->bytes)
		fail("no memory for a test frame");
	memcpy(b->bytes, data, len);
	b->info.free_cb = free_buffer;
	b->info.fcb_opaque = b;
	rte_mbuf_ext_refcnt_set(&b->info, 1);
	rte_pktmbuf_attach_extbuf(
		m, b->bytes, (rte_iova_t)(uintptr_t)b->bytes, (uint16_t)len, &b->info);
	m->data_off = 0;
	m->data_len = (uint16_t)len;
	m->pkt_len = len;
	return m;
}

struct rte_mbuf *node_mbuf(const void *frame, uint32_t len)
{
	return exact_mbuf(frame, len);
}

static void queue(uint16_t port, struct rte_mbuf *m)
{
	if (node.queued[port] == QUEUE_MAX)
		node_run();
	node.queue[port][node.queued[port]++] = m;
}

void node_input(uint16_t port, const void *frame, uint32_t len)
{
	queue(port, exact_mbuf(frame, len));
}

void node_input_marked(uint16_t port, const void *frame, uint32_t len, uint64_t flags)
{
	struct rte_mbuf *m = exact_mbuf(frame, len);

	m->ol_flags |= flags;
	queue(port, m);
}

void node_input_split(uint16_t port, const void *frame, uint32_t len, uint32_t at)
{
	struct rte_mbuf *head = exact_mbuf(frame, at);
	struct rte_mbuf *tail = exact_mbuf((const uint8_t *)frame + at, len - at);

	head->next = tail;
	head->nb_segs = 2;
	head->pkt_len = len;
	queue(port, head);
}

void node_run(void)
{
	unsigned quiet = 0;

	for (unsigned round = 0; quiet < 2; round++) {
		unsigned moved = 0;

		if (round == ROUNDS_MAX)
			fail("the node does not come to rest");
		for (unsigned i = 0; i <= node.n_workers; i++) {
			moved += worker_turn(workers[i]);
			moved += workers[i]->pending != 0;
		}
		rcu_quiescent_state();
		quiet = moved ? 0 : quiet + 1;
	}
}

void node_advance(uint64_t ns)
{
	uint64_t end = node.now_ns + ns;

	while (node.now_ns < end) {
		node.now_ns = MIN_OF(node.now_ns + STEP_NS, end);
		node_run();
	}
}

unsigned node_n_output(void)
{
	return node.n_output;
}

const struct node_frame *node_output(unsigned i)
{
	return i < MIN_OF(node.n_output, (unsigned)NODE_OUTPUT_MAX) ? &node.output[i] : NULL;
}

const struct node_frame *node_output_on(uint16_t port)
{
	for (unsigned i = 0; i < MIN_OF(node.n_output, (unsigned)NODE_OUTPUT_MAX); i++)
		if (node.output[i].port == port)
			return &node.output[i];
	return NULL;
}

void node_clear(void)
{
	node.n_output = 0;
	node.n_offloaded = 0;
	memcpy(node.base, node.stats, sizeof(node.base));
}

uint64_t node_drops(enum drop_reason reason)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i <= node.n_workers; i++)
		sum += node.stats[i].drops[reason] - node.base[i].drops[reason];
	return sum;
}

enum drop_reason node_drop_reason(void)
{
	enum drop_reason found = DROP_NONE;

	for (unsigned r = DROP_NONE + 1; r < DROP_COUNT; r++) {
		uint64_t n = node_drops(r);

		if (n == 0)
			continue;
		if (n > 1 || found != DROP_NONE) {
			fprintf(stderr, "node: dropped for %s (and %s)\n", drop_table[r].name,
				drop_table[found].name);
			fail("more than one packet was dropped");
		}
		found = r;
	}
	return found;
}

uint64_t node_consumed(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i <= node.n_workers; i++)
		sum += node.stats[i].consumed_pkts - node.base[i].consumed_pkts;
	return sum;
}

uint64_t node_counter(size_t offset)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i <= node.n_workers; i++)
		sum += *(const uint64_t *)((const char *)&node.stats[i] + offset);
	return sum;
}

void node_check_accounts(void)
{
	uint64_t in = node_counter(offsetof(struct stats_worker, rx_pkts)) +
		      node_counter(offsetof(struct stats_worker, generated_pkts));
	uint64_t tx = node_counter(offsetof(struct stats_worker, tx_pkts));
	uint64_t consumed = node_counter(offsetof(struct stats_worker, consumed_pkts));
	uint64_t held = neigh_held() + node_counter(offsetof(struct stats_worker, held_pkts));
	uint64_t unread = node_counter(offsetof(struct stats_worker, tcp.held_mbufs));
	uint64_t dropped = 0;

	for (unsigned r = 0; r < DROP_COUNT; r++)
		dropped +=
			node_counter(offsetof(struct stats_worker, drops) + r * sizeof(uint64_t));
	if (in != tx + consumed + dropped + held ||
		rte_mempool_in_use_count(node.mempool) != held + unread) {
		fprintf(stderr,
			"node: in %llu = tx %llu + consumed %llu + dropped %llu + held %llu? "
			"buffers in use %u\n",
			(unsigned long long)in, (unsigned long long)tx,
			(unsigned long long)consumed, (unsigned long long)dropped,
			(unsigned long long)held, rte_mempool_in_use_count(node.mempool));
		fail("the accounts do not balance");
	}
}

struct worker *node_worker(unsigned i)
{
	return workers[i];
}

uint64_t node_now_ns(void)
{
	return node.now_ns;
}
