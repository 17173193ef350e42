/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The store under load in one process: worker 0 of a node serves, worker 1 of the same node is the
 * clients, and speaks real TCP and RESP over two rings. Each is a thread of its own on its own CPU,
 * in the loop that braid-dataplane runs. The cycles are those of worker 0's turns that had
 * something to do. Prints JSON lines, one for each repetition of each case.
 *
 *   store_bench [--seconds S] [--reps N] CASE...
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/core/thread.h"
#include "tests/bench/store_rig.h"

#define CONNS_MAX     64
#define PIPELINE_MAX  64
#define LOAD_PIPELINE 64
#define NAP_MS        2

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
	uint8_t request[PIPELINE_MAX * STORE_RIG_REQUEST_MAX];
};

static struct {
	double seconds;
	unsigned reps;
	/* The clients' worker only, but for what is atomic. */
	const struct bench_case *_Atomic now; /* NULL: rest */
	struct client clients[CONNS_MAX];
	uint32_t loaded;
	_Atomic uint32_t load_want;
	_Atomic uint64_t done; /* operations */
	_Atomic uint64_t errors;
	_Atomic uint32_t n_open;
	_Atomic uint32_t loaded_told; /* keys that are there */
	struct wheel_timer tick;
} bench;

/* --- the clients --- */

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
			c->request_bytes += store_rig_append_set(p, store_rig.keys[bench.loaded++]);
			c->expected += STORE_RIG_SET_REPLY;
		} else {
			uint32_t key = store_rig.keys[worker_random(w) % now->n_keys];
			bool set = now->what == WHAT_SET;

			c->request_bytes +=
				set ? store_rig_append_set(p, key) : store_rig_append_get(p, key);
			c->expected += set ? STORE_RIG_SET_REPLY : STORE_RIG_GET_REPLY;
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
	c->expected = c->unsent = c->request_bytes = 0;
	c->is_open = false;
	c->conn = store_rig_connect(w, &app, c);
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

/* --- measuring --- */

static void load(uint32_t n_keys)
{
	double deadline = store_rig_now_s() + 120;

	if (atomic_load(&bench.load_want) < n_keys)
		atomic_store(&bench.load_want, n_keys);
	while (atomic_load(&bench.loaded_told) < n_keys) {
		if (store_rig_now_s() > deadline || atomic_load(&bench.errors) > 0)
			store_rig_fail("the keys cannot be loaded");
		store_rig_pass(0.01, NAP_MS);
	}
	store_rig_pass(0.1, NAP_MS);
}

static void measure(const struct bench_case *c, unsigned rep)
{
	const struct stats_worker *st = &store_rig.stats[STORE_RIG_SERVER];
	uint64_t done, busy, rx, idle;
	double begin, seconds;

	atomic_store(&bench.now, c);
	store_rig_pass(0.3, NAP_MS);
	done = atomic_load(&bench.done);
	busy = stats_read(&st->busy_cycles);
	idle = stats_read(&st->idle_cycles);
	rx = stats_read(&st->rx_pkts);
	begin = store_rig_now_s();
	store_rig_pass(bench.seconds, NAP_MS);
	done = atomic_load(&bench.done) - done;
	busy = stats_read(&st->busy_cycles) - busy;
	idle = stats_read(&st->idle_cycles) - idle;
	rx = stats_read(&st->rx_pkts) - rx;
	seconds = store_rig_now_s() - begin;
	atomic_store(&bench.now, NULL);
	store_rig_pass(0.2, NAP_MS);
	if (done == 0 || atomic_load(&bench.errors) > 0)
		store_rig_fail("requests were not answered");
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
	store_rig_choose_keys(n_keys);
	bench.tick.fn = on_tick;
	store_rig_start(&bench.tick);
	/* Few keys first: the index grows from case to case. */
	for (int i = optind; i < argc; i++) {
		load(find_case(argv[i])->n_keys);
		for (unsigned rep = 0; rep < bench.reps; rep++)
			measure(find_case(argv[i]), rep);
	}
	worker_stop_all();
	_exit(0);
}
