/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker with a TCP endpoint and a hand-made world: one interface, one connected subnet. It runs
 * the real stages from ip4_local on; what they send is handed to the link. One thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>

#include "dataplane/ip/ip.h"
#include "dataplane/link/link.h"
#include "tests/sim/tcp_sim.h"
#include "tests/unit/fake_device.h"

#define MBUFS     4095
#define CONNECTED 3 /* next hop numbers */
#define LOCAL     4
#define BURST     32
#define L2_BYTES  14
#define ROUNDS    10000 /* of one turn; a bound, not a measure */

static struct {
	struct rte_mempool *pools[2];
	struct fib *fibs[2][2]; /* by side and family */
	struct nexthop nexthops[8];
} shared;

static uint64_t host_cycles(struct worker *w)
{
	return w->now_ns;
}

static const struct worker_ops host_ops = {.cycles = host_cycles};

static void add_route(struct fib *fib, const char *text, uint32_t nexthop)
{
	struct ip_addr prefix;

	BRAID_ASSERT(ip_addr_parse_prefix(text, &prefix) == 0);
	BRAID_ASSERT(fib_add(fib, &prefix, nexthop, NULL) == 0);
}

static void add_routes(void)
{
	static const char *const subnets[] = {"192.0.2.0/24", "2001:db8::/64"};
	static const char *const own[2][2] = {
		{"192.0.2.1/32", "2001:db8::1/128"}, {"192.0.2.2/32", "2001:db8::2/128"}};
	struct base_error err;

	for (unsigned side = 0; side < 2; side++) {
		for (unsigned i = 0; i < 2; i++) {
			struct fib *fib = fib_create(i ? 6 : 4, 64, 64, &err);

			BRAID_ASSERT(fib);
			add_route(fib, subnets[i], CONNECTED);
			add_route(fib, own[side][i], LOCAL);
			fib_flip(fib);
			shared.fibs[side][i] = fib;
		}
	}
	shared.nexthops[CONNECTED].kind = NEXTHOP_CONNECTED;
	shared.nexthops[LOCAL].kind = NEXTHOP_LOCAL;
}

/* EAL leaves its directory in /var/run/dpdk behind; it is empty. */
static void remove_runtime(void)
{
	rmdir(rte_eal_get_runtime_dir());
}

void sim_start(void)
{
	char prefix[64];
	const char *args[] = {"sim", "--no-huge", "-m", "64", "--no-pci", "--no-shconf",
		"--no-telemetry", "--iova-mode=va", "--lcores=0", "--log-level=*:warning", prefix};

	snprintf(prefix, sizeof(prefix), "--file-prefix=sim-%d", (int)getpid());
	BRAID_ASSERT(rte_eal_init((int)ARRAY_SIZE(args), (char **)args) >= 0);
	atexit(remove_runtime);
	BRAID_ASSERT(pkt_init(NULL) == 0);
	for (unsigned i = 0; i < 2; i++) {
		shared.pools[i] = rte_pktmbuf_pool_create(i ? "right" : "left", MBUFS, 0, 0,
			RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
		BRAID_ASSERT(shared.pools[i]);
	}
	add_routes();
}

struct ip_addr sim_address(const struct sim *sim, unsigned side)
{
	static const char *const texts[2][3] = {{"192.0.2.1", "192.0.2.2", "192.0.2.254"},
		{"2001:db8::1", "2001:db8::2", "2001:db8::fe"}};
	struct ip_addr a;

	BRAID_ASSERT(ip_addr_parse(texts[sim->family == 6][side], &a) == 0);
	return a;
}

/* The secrets of this run, which a real worker gets from the kernel. */
static void set_secrets(struct sim *sim, struct tcp_worker *t)
{
	for (unsigned i = 0; i < 2; i++) {
		t->hash_secret[i] = sim_random(&sim->random);
		t->start_secret[i] = sim_random(&sim->random);
		t->cookie_secret[i] = sim_random(&sim->random);
	}
	if (sim->seed % 3 == 0)
		t->cc = &tcp_cc_newreno;
}

/* What the device of @side does: the sides differ, and every fourth run has none. */
static uint8_t offloads_of(const struct sim *sim, unsigned side)
{
	static const uint8_t sets[4] = {
		0, IFACE_CKSUM | IFACE_TSO4 | IFACE_TSO6, IFACE_CKSUM, IFACE_CKSUM | IFACE_TSO4};

	return sets[(sim->seed >> (side * 2)) % 4];
}

void sim_host_init(struct sim *sim, unsigned side, const struct tcp_limits *limits,
	uint32_t backlog, uint16_t mtu)
{
	struct sim_host *h = &sim->hosts[side];
	struct base_error err;

	h->sim = sim;
	h->side = side;
	h->mempool = shared.pools[side];
	h->stats = aligned_alloc(CACHE_LINE_BYTES, sizeof(*h->stats));
	BRAID_ASSERT(h->stats);
	memset(h->stats, 0, sizeof(*h->stats));
	h->ifaces[0] = (struct iface){
		.up = true,
		.l2_len = 14,
		.mtu = mtu,
		.tcp_mtu = mtu,
		.offloads = offloads_of(sim, side),
		.tso_segments_max = (uint8_t)(2 + sim->seed % 44),
		.n_addresses = 1,
		.addresses = {{.addr = sim_address(sim, side), .usable = true}},
	};
	h->world = (struct world){
		.fib4 = *fib_active(shared.fibs[side][0]),
		.fib6 = *fib_active(shared.fibs[side][1]),
		.nexthops = shared.nexthops,
		.ifaces = h->ifaces,
		.offloads = offloads_of(sim, side),
		.tcp = &h->tcp,
	};
	h->tcp.n_listeners = 1;
	h->tcp.listeners[0] = (struct tcp_listener){
		.addr = sim_address(sim, side),
		.port_be = htobe16(SIM_PORT),
		.owner = TCP_ANY_WORKER,
		.backlog = backlog,
		.app = &sim_app,
	};
	h->w = worker_create(0, 1, &host_ops, h->stats, h->mempool);
	BRAID_ASSERT(h->w);
	h->w->private_data = h;
	h->w->world = &h->world;
	h->w->rng = sim_random(&sim->random) | 1;
	h->w->ns_per_cycle_q32 = 1ULL << 32;
	h->w->now_ns = sim->now_ns;
	wheel_advance(h->w->wheel, sim->now_ns, 1);
	BRAID_ASSERT(icmp_limiter_init(h->w) == 0);
	BRAID_ASSERT(tcp_worker_init(h->w, limits, &err) == 0);
	set_secrets(sim, h->w->tcp);
}

void sim_host_fini(struct sim_host *h)
{
	tcp_worker_fini(h->w);
	icmp_limiter_fini(h->w);
	worker_destroy(h->w);
	free(h->stats);
}

/* Puts packets that have arrived into the lanes; how many. */
static unsigned receive(struct sim_host *h)
{
	unsigned n = 0;

	while (n < BURST) {
		struct sim_packet *p = sim_link_take(h->sim, h->side);
		struct rte_mbuf *m;

		if (!p)
			break;
		n++;
		m = rte_pktmbuf_alloc(h->mempool);
		if (!m) {
			sim_fail(h->sim, "side %u is out of buffers", h->side);
			free(p);
			break;
		}
		memset(rte_pktmbuf_append(m, 14), 0, 14);
		memcpy(rte_pktmbuf_append(m, (uint16_t)p->bytes), p->data, p->bytes);
		*pkt_of(m) = (struct pkt){
			.l2_len = 14, .nexthop = LOCAL, .iface_out = WORLD_NO_INTERFACE};
		h->stats->rx_pkts++;
		lane_put(h->w, p->data[0] >> 4 == 6 ? STAGE_ip6_local : STAGE_ip4_local, m);
		free(p);
	}
	return n;
}

/* A frame that the host's device made. */
static void send_frame(void *host, const uint8_t *frame, uint32_t len)
{
	struct sim_host *h = host;

	sim_link_send(h->sim, h->side, frame + L2_BYTES, len - L2_BYTES);
}

/* Gives what the stages sent to the link. */
static unsigned transmit(struct sim_host *h, enum stage s)
{
	struct lane *l = &h->w->lanes[s];
	unsigned n = l->n;

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = l->pkts[i];

		BRAID_ASSERT(pkt_of(m)->l2_len == L2_BYTES);
		if (pkt_of(m)->flags & PKT_OFFLOAD) {
			BRAID_ASSERT(port_finish(h->w, m, h->ifaces));
			h->n_cut += fake_device_send(m, send_frame, h) > 1;
		} else {
			send_frame(h, rte_pktmbuf_mtod(m, uint8_t *), m->data_len);
		}
		rte_pktmbuf_free(m);
	}
	h->stats->tx_pkts += n;
	l->n = 0;
	h->w->pending &= ~(1ULL << s);
	return n;
}

static unsigned run_stages(struct sim_host *h)
{
	static const enum stage order[] = {
		STAGE_ip4_local, STAGE_ip6_local, STAGE_tcp_input, STAGE_tcp_icmp};
	unsigned moved = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(order); i++)
		pipeline_run_stage(h->w, order[i]);
	moved += transmit(h, STAGE_ip4_output);
	moved += transmit(h, STAGE_ip6_output);
	pipeline_run_stage(h->w, STAGE_drop);
	if (h->w->pending != 0)
		sim_fail(h->sim, "packets in a lane where none belong: 0x%llx",
			(unsigned long long)h->w->pending);
	return moved;
}

void sim_host_turn(struct sim_host *h)
{
	unsigned moved;

	h->w->now_ns = h->sim->now_ns;
	for (unsigned round = 0;; round++) {
		moved = receive(h);
		moved += run_stages(h);
		moved += wheel_advance(h->w->wheel, h->sim->now_ns, 64);
		moved += worker_task_run(h->w);
		moved += run_stages(h);
		if (moved == 0 || h->sim->failure[0])
			return;
		if (round == ROUNDS) {
			sim_fail(h->sim, "side %u does not come to rest", h->side);
			return;
		}
	}
}

uint64_t sim_host_next_ns(const struct sim_host *h)
{
	return wheel_next_ns(h->w->wheel);
}
