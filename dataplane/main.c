/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * braid-dataplane: starts EAL, ports and workers from the `node:` section of the configuration,
 * then serves the API socket and the slow path until told to stop. Thread: main.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <rte_cycles.h>
#include <rte_version.h>

#include "dataplane/core/capture.h"
#include "dataplane/core/eal.h"
#include "dataplane/core/generation.h"
#include "dataplane/core/mailbox.h"
#include "dataplane/core/nexthop.h"
#include "dataplane/core/server.h"
#include "dataplane/core/stats.h"
#include "dataplane/core/thread.h"
#include "dataplane/ip/ip.h"
#include "dataplane/lb/lb.h"
#include "dataplane/link/link.h"
#include "dataplane/modules.h"
#include "dataplane/neigh/neigh.h"
#include "lib/conf/conf.h"
#include "lib/rcu/rcu.h"

#define RUNTIME_BASE    "/run/braid"
#define MAIN_SPINS      50 /* busy turns of the main thread before it waits */
#define MAIN_WAIT_MS    1  /* the longest a packet for the main thread waits */
#define GAUGES_EVERY_NS (50 * NSEC_PER_MSEC)
#define LINKS_EVERY_NS  (200 * NSEC_PER_MSEC)
#define COMMIT_QUANTUM  4096 /* routes per turn while a generation is being applied */

static struct {
	char runtime[64];
	char stats_path[108];
	struct conf *conf;
	struct stats_file *stats;
	struct rte_mempool *mempool;
	struct worker *main_worker;
	unsigned modules_done;
	bool eal, nexthops, world, threads;
} node;

static volatile sig_atomic_t stop_signal;

static void on_signal(int sig)
{
	stop_signal = sig;
}

static int usage(FILE *out)
{
	fprintf(out,
		"Usage: braid-dataplane --config FILE [--runtime DIR]\n"
		"\n"
		"The packet path of a braid node: polls the ports named in FILE's `node:` "
		"section.\n"
		"Everything else comes from braid-control over DIR/dataplane.sock.\n"
		"\n"
		"  -c, --config FILE   the node's configuration\n"
		"  -r, --runtime DIR   sockets and counters (default %s/<node name>)\n"
		"  -V, --version       print the version\n"
		"  -h, --help          this text\n"
		"\n"
		"Example:\n"
		"  braid-dataplane --config /etc/braid.yaml &\n"
		"  braid-control --config /etc/braid.yaml\n",
		RUNTIME_BASE);
	return out == stderr ? 2 : 0;
}

/* Parses the command line into node.runtime and *@config; a number >= 0 is an exit code. */
static int parse_options(int argc, char **argv, const char **config)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'},
		{"runtime", required_argument, NULL, 'r'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "c:r:Vh", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			*config = optarg;
			break;
		case 'r':
			if (strlen(optarg) >= sizeof(node.runtime)) {
				fprintf(stderr,
					"braid-dataplane: --runtime is longer than %zu bytes, "
					"the limit of UNIX socket names\n",
					sizeof(node.runtime) - 1);
				return 2;
			}
			base_strlcpy(node.runtime, optarg, sizeof(node.runtime));
			break;
		case 'V':
			printf("braid-dataplane %s (%s)\n", BRAID_VERSION, rte_version());
			return 0;
		case 'h':
			return usage(stdout);
		default:
			return usage(stderr);
		}
	}
	if (!*config || optind != argc)
		return usage(stderr);
	return -1;
}

/* The runtime directory, mode 0750. */
static int make_runtime(struct base_error *err)
{
	if (!node.runtime[0]) {
		snprintf(node.runtime, sizeof(node.runtime), RUNTIME_BASE "/%s",
			node.conf->node.name);
		if (mkdir(RUNTIME_BASE, 0755) < 0 && errno != EEXIST)
			return base_error_set(err, errno,
				"%s: cannot be made: %s (run as root, or choose --runtime)",
				RUNTIME_BASE, strerror(errno));
	}
	if (mkdir(node.runtime, 0750) < 0 && errno != EEXIST)
		return base_error_set(err, errno,
			"%s: cannot be made: %s (run as root, or choose --runtime)", node.runtime,
			strerror(errno));
	snprintf(node.stats_path, sizeof(node.stats_path), "%s/counters", node.runtime);
	return 0;
}

/* Takes the API socket first: a second instance ends here, before it touches a device. */
static int open_server(struct base_error *err)
{
	struct server_identity id;
	char path[108];

	snprintf(path, sizeof(path), "%s/dataplane.sock", node.runtime);
	base_strlcpy(id.node, node.conf->node.name, sizeof(id.node));
	base_strlcpy(id.stats_path, node.stats_path, sizeof(id.stats_path));
	return server_init(path, &id, err);
}

static int start_core(struct base_error *err)
{
	const struct conf_node *n = &node.conf->node;
	int ret = eal_init(n, err);

	if (ret < 0)
		return ret;
	node.eal = true;
	ret = pkt_init(err);
	if (ret < 0)
		return ret;
	node.mempool = eal_mempool_create(n, err);
	if (!node.mempool)
		return -ENOMEM;
	node.stats = stats_create(node.stats_path, n->n_workers + 1u, err);
	if (!node.stats)
		return -EIO;
	node.stats->tsc_hz = rte_get_tsc_hz();
	lb_stats(node.stats);
	ret = nexthop_init(err);
	node.nexthops = ret == 0;
	if (ret == 0)
		ret = world_init(err);
	node.world = ret == 0;
	if (ret == 0)
		ret = port_init(n, n->n_workers, node.mempool, node.conf->store.n_listen > 0, err);
	return ret;
}

static int create_workers(struct base_error *err)
{
	const struct conf_node *n = &node.conf->node;
	uint64_t key[2];

	if (getrandom(key, sizeof(key), 0) != sizeof(key))
		return base_error_set(err, EIO, "no random numbers for the flow hash key");
	for (unsigned i = 0; i <= n->n_workers; i++) {
		struct worker *w = worker_create((uint8_t)i, (uint8_t)n->n_workers,
			&port_device_ops, &node.stats->workers[i], node.mempool);

		if (!w)
			return base_error_set(err, ENOMEM, "no memory for worker %u", i);
		memcpy(w->flow_key, key, sizeof(key));
		w->ns_per_cycle_q32 =
			(uint64_t)(((__uint128_t)NSEC_PER_SEC << 32) / node.stats->tsc_hz);
		workers[i] = w;
		node.stats->worker_cpu[i] = i < n->n_workers ? n->workers[i] : n->main_cpu;
		port_assign(w);
	}
	node.main_worker = workers[n->n_workers];
	return mailbox_create(workers, n->n_workers + 1u, err);
}

/* Tells all workers how far UNIX time is ahead of their own. */
static void refresh_wall_clock(void)
{
	struct worker *w = node.main_worker;
	struct timespec wall;
	uint64_t now_ns;

	clock_gettime(CLOCK_REALTIME, &wall);
	now_ns = (uint64_t)(((__uint128_t)w->ops->cycles(w) * w->ns_per_cycle_q32) >> 32);
	for (unsigned i = 0; workers[i]; i++)
		atomic_store_explicit(&workers[i]->wall_offset_ns,
			(int64_t)((uint64_t)wall.tv_sec * NSEC_PER_SEC + (uint64_t)wall.tv_nsec -
				  now_ns),
			memory_order_relaxed);
}

static int init_modules(struct base_error *err)
{
	generation_init(modules, modules_count);
	for (; node.modules_done < modules_count; node.modules_done++) {
		const struct module *m = &modules[node.modules_done];
		int ret = m->init ? m->init(node.conf, err) : 0;

		for (unsigned i = 0; ret == 0 && m->worker_init && i <= node.conf->node.n_workers;
			i++)
			ret = m->worker_init(workers[i], err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int start(struct base_error *err)
{
	const struct conf_node *n = &node.conf->node;
	int ret = make_runtime(err);

	if (ret == 0)
		ret = open_server(err);
	if (ret == 0)
		ret = start_core(err);
	if (ret == 0)
		ret = create_workers(err);
	if (ret == 0)
		ret = init_modules(err);
	if (ret < 0)
		return ret;
	refresh_wall_clock();
	node.threads = true;
	for (unsigned i = 0; ret == 0 && i < n->n_workers; i++)
		ret = worker_start(workers[i], n->idle == CONF_IDLE_ADAPTIVE, err);
	return ret;
}

static void stop(void)
{
	if (node.threads)
		worker_stop_all();
	capture_fini();
	server_fini();
	while (node.modules_done > 0) {
		const struct module *m = &modules[--node.modules_done];

		for (unsigned i = 0; m->worker_fini && i < WORKER_SLOTS; i++)
			if (workers[i])
				m->worker_fini(workers[i]);
		if (m->fini)
			m->fini();
	}
	if (node.main_worker)
		mailbox_destroy(workers, node.conf->node.n_workers + 1u);
	for (unsigned i = 0; i < WORKER_SLOTS; i++)
		if (workers[i])
			worker_destroy(workers[i]);
	port_fini();
	if (node.world)
		world_fini();
	if (node.nexthops)
		nexthop_fini();
	stats_destroy(node.stats, node.stats_path);
	if (node.eal)
		eal_fini();
	conf_free(node.conf);
}

/* Refreshes the gauges of the shared counters. */
static void refresh_gauges(void)
{
	struct stats_gauges *g = &node.stats->gauges;

	g->generation = world_current->generation;
	g->held_pkts = neigh_held();
	g->mbufs_in_use = rte_mempool_in_use_count(node.mempool);
	g->mbufs_total = node.mempool->size;
	g->neighbors = neigh_count();
	g->nexthops = nexthop_count();
	route_gauges(g);
	g->heartbeat++;
	node.stats->n_ports = port_count();
	for (unsigned i = 0; i < port_count(); i++)
		base_strlcpy(node.stats->port_names[i], port_get(i)->name, STATS_NAME_MAX);
	node.stats->n_interfaces = WORLD_INTERFACES_MAX;
	for (unsigned i = 0; i < WORLD_INTERFACES_MAX; i++)
		base_strlcpy(node.stats->interface_names[i], world_current->ifaces[i].name,
			STATS_NAME_MAX);
}

/* Waits until the API socket has something to say, or a packet may be waiting. */
static void wait_for_work(int epoll_fd)
{
	struct epoll_event ev;

	rcu_thread_offline();
	epoll_wait(epoll_fd, &ev, 1, MAIN_WAIT_MS);
	rcu_thread_online();
}

static void main_loop(void)
{
	struct worker *w = node.main_worker;
	uint64_t gauges_ns = 0, links_ns = 0;
	unsigned idle = 0;

	while (!stop_signal) {
		unsigned work = worker_turn(w);

		work += server_poll();
		work += generation_step(COMMIT_QUANTUM);
		work += capture_poll();
		rcu_quiescent_state();
		if (w->now_ns - links_ns > LINKS_EVERY_NS) {
			neigh_links_up(w, port_link_poll());
			links_ns = w->now_ns;
		}
		if (w->now_ns - gauges_ns > GAUGES_EVERY_NS) {
			refresh_gauges();
			refresh_wall_clock();
			gauges_ns = w->now_ns;
		}
		idle = work ? 0 : idle + 1;
		if (idle > MAIN_SPINS)
			wait_for_work(server_fd());
	}
}

int main(int argc, char **argv)
{
	struct sigaction sa = {.sa_handler = on_signal};
	struct base_error err = {{0}};
	struct conf_error conf_err;
	const char *config = NULL;
	int code = parse_options(argc, argv, &config);

	if (code >= 0)
		return code;
	if (conf_load(config, true, &node.conf, &conf_err) < 0) {
		fprintf(stderr, "braid-dataplane: %s\n", conf_err.text);
		return 1;
	}
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_TIMERSLACK, 50000);
	rcu_register_thread();
	if (start(&err) < 0) {
		fprintf(stderr, "braid-dataplane: %s\n", err.text);
		code = 1;
	} else {
		fprintf(stderr, "braid-dataplane: node \"%s\" is up: %u ports, %u workers, %s\n",
			node.conf->node.name, port_count(), node.conf->node.n_workers,
			node.runtime);
		main_loop();
		code = 0;
	}
	rcu_thread_offline();
	stop();
	rcu_unregister_thread();
	return code;
}
