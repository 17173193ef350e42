/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A node with a store and its clients in one process: worker 0 serves, worker 1 of the same node is
 * the clients, and speaks real TCP and RESP over two rings. Each is a thread of its own on its own
 * CPU, in the loop that braid-dataplane runs. What fails ends the process. Thread: main, unless
 * said otherwise.
 */
#ifndef TESTS_BENCH_STORE_RIG_H
#define TESTS_BENCH_STORE_RIG_H

#include "dataplane/core/worker.h"
#include "dataplane/tcp/tcp.h"

#define STORE_RIG_WORKERS     2
#define STORE_RIG_SERVER      0
#define STORE_RIG_CLIENTS     1
#define STORE_RIG_VALUE_BYTES 64
#define STORE_RIG_KEY_BYTES   16
#define STORE_RIG_REQUEST_MAX 256                             /* bytes of one GET or SET */
#define STORE_RIG_GET_REPLY   (5 + STORE_RIG_VALUE_BYTES + 2) /* $64 and the value */
#define STORE_RIG_SET_REPLY   5                               /* +OK */
#define STORE_RIG_FRAMES_MAX  1024 /* that wait at the server for store_rig_send, as in a device */
#define STORE_RIG_NET         0xc6120000u /* 198.18.0.0/15: the server routes it to its port out */

extern struct store_rig {
	struct stats_worker *stats; /* of all workers */
	uint32_t *keys;             /* numbers of keys that worker 0 owns */
	uint16_t clients_burst;     /* frames that the clients take in one turn, at most */
	/* Replies to this port of the clients wait in a queue of their own, as if another machine
	 * had it; 0: there is none. Set while nothing is under way to it. */
	_Atomic uint16_t other_port_be;
	uint32_t memory_mb; /* of the store beside that for keys; set before the start */
	const char *
		settings; /* lines behind the node's configuration, or NULL; set before the start */
	/* Called at the beginning of each turn of both workers, unless NULL. On the worker. */
	void (*on_turn)(struct worker *w);
	/* Sees each frame that the server sends from its port out, unless NULL. On its worker. */
	void (*on_out)(struct worker *w, const struct rte_mbuf *m);
} store_rig;

/* Says @what went wrong and ends the process. Any thread. */
_Noreturn void store_rig_fail(const char *what);

/* Chooses the first @n keys of the serving worker; before the start, which gives the store memory
 * for them. */
void store_rig_choose_keys(uint32_t n);

/* Starts the node and both threads; @tick is the clients' and runs at once. */
void store_rig_start(struct wheel_timer *tick);

/* Seconds of the cycle counter. */
double store_rig_now_s(void);

/* Does for @seconds what the main thread does while others work, every @nap_ms. */
void store_rig_pass(double seconds, unsigned nap_ms);

/* Opens a connection to the store for @user; NULL: not now. On the clients' worker. */
struct tcp_conn *store_rig_connect(struct worker *w, const struct tcp_app *app, void *user);

/* A frame for STORE_RIG_NET without its payload: 60 bytes, IPv4 and UDP, to host @host of it. */
void store_rig_write_frame(uint8_t *frame, uint32_t host);

/* Gives a frame to the server, as a device would; false: its queue is full, @m is freed. On the
 * clients' worker. */
bool store_rig_send(struct rte_mbuf *m);

/* Makes the request that loads the programs of file @path as library "bench"; malloc'd, *@bytes
 * long. Any thread. */
uint8_t *store_rig_program_request(const char *path, uint32_t *bytes);

/* Writes the request for key @number to @p; its bytes. */
uint32_t store_rig_append_get(uint8_t *p, uint32_t number);

/* The same for a SET. */
uint32_t store_rig_append_set(uint8_t *p, uint32_t number);

#endif
