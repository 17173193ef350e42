/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A dataplane without packets for tests of control and braidctl: serves the API socket from a
 * thread of its own, keeps what is committed, dumps it, writes a counters file. Any thread; the
 * knobs are set while nothing is connected or by the thread that waits for the outcome.
 */
#ifndef TESTS_UNIT_FAKE_DATAPLANE_H
#define TESTS_UNIT_FAKE_DATAPLANE_H

#include <pthread.h>

#include "lib/api/api.h"
#include "lib/api/stats.h"

#define FAKE_CLIENTS_MAX  16
#define FAKE_BACKENDS_MAX 2048

/* The objects of one generation. */
struct fake_state {
	struct api_interface *interfaces;
	struct api_neighbor *neighbors;
	struct api_nexthop *nexthops;
	struct api_route *routes;
	struct api_pool *pool;
	struct api_service *services;
	struct api_backend_want *backends;
	struct api_lb lb;
	bool has_lb;
	struct api_store store; /* n_listen 0: none */
	uint32_t n_interfaces, n_neighbors, n_nexthops, n_routes, n_pool, n_services, n_backends;
};

/* What it was told about backends, by backend_state; the index is that of the counters. */
struct fake_backend {
	struct api_backend_state state;
	bool configured;
	bool began_down; /* as its generation was committed, before anything was told */
	bool began_draining;
};

struct fake_dataplane {
	char dir[64];
	char node[API_NAME_MAX];
	uint32_t version;          /* API_VERSION unless a test says otherwise */
	struct base_error refusal; /* not empty: COMMIT fails with this sentence */
	uint64_t hang_up_after;    /* close the connection at this message, 0: never */
	unsigned flow_answers;     /* one more than flow_dump gives, 0: no end of them */
	uint64_t generation;
	uint64_t started_ns;
	unsigned n_commits, n_dry_runs, n_aborts;
	unsigned n_told;                 /* backend_state messages */
	struct base_error state_refusal; /* not empty: backend_state fails with this sentence */
	struct fake_backend backends[FAKE_BACKENDS_MAX]; /* in the order they were first seen */
	uint32_t n_backends;
	uint64_t n_messages;
	struct fake_state installed, staged;
	uint64_t staged_generation; /* 0: nothing staged */
	struct stats_file *counters;
	bool stop;
	int listen_fd;
	int clients[FAKE_CLIENTS_MAX]; /* -1: free */
	pthread_t thread;
	uint8_t rx[API_MSG_MAX_BYTES];
	uint8_t tx[API_MSG_MAX_BYTES];
};

/* Starts serving in @dir for @node with nothing installed. Asserts that it works. */
struct fake_dataplane *fake_dataplane_start(const char *dir, const char *node);

/* Stops as a killed process would: the socket stays behind, the counters too. */
void fake_dataplane_kill(struct fake_dataplane *fake);

/* Stops and removes its files. */
void fake_dataplane_stop(struct fake_dataplane *fake);

/* The parts about balancing, in fake_lb.c: gives the backends of the new generation numbers. */
void fake_lb_commit(struct fake_dataplane *fake);

/* Takes a backend_state message. 0 or a negative errno with a sentence. */
int fake_lb_state(struct fake_dataplane *fake, const struct api_list *body, struct base_error *err);

/* Fills in services after the cursor, backends or flows; how many. */
uint32_t fake_lb_services(struct fake_dataplane *fake, const struct api_dump *dump,
	struct api_dump_reply *reply, uint8_t *out);
uint32_t fake_lb_backends(struct fake_dataplane *fake, const struct api_dump *dump,
	struct api_dump_reply *reply, uint8_t *out);
uint32_t fake_lb_flows(struct fake_dataplane *fake, const struct api_flow_dump *dump,
	struct api_dump_reply *reply, uint8_t *out);

/* The number of the backend with that service, address and port; asserts that it is there. */
uint16_t fake_lb_index(
	const struct fake_dataplane *fake, const char *service, const char *address, uint16_t port);

/* The parts about the store, in fake_store.c: connections after the cursor; how many. */
uint32_t fake_store_conns(const struct fake_dataplane *fake, const struct api_conn_dump *dump,
	struct api_dump_reply *reply, uint8_t *out);
void fake_store_info(const struct fake_dataplane *fake, struct api_store_info *info);

/* Writes what one shard has counted. */
void fake_store_count(struct stats_file *counters);

#endif
