/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What store_latency consists of: the connections of its clients (latency_links.c), what is timed
 * (latency_probe.c), and the order of things (store_latency.c). All of it lies in one structure:
 * of the clients' worker, and of the main thread while that one rests.
 */
#ifndef TESTS_BENCH_LATENCY_H
#define TESTS_BENCH_LATENCY_H

#include "dataplane/core/worker.h"
#include "dataplane/tcp/tcp.h"
#include "tests/bench/pause.h"
#include "tests/bench/store_rig.h"

#define N_GETTERS   16
#define SAMPLES_MAX (8u << 20)
#define LINE_BYTES  64

enum phase { PHASE_REST, PHASE_BEGIN, PHASE_LOAD, PHASE_PREPARE, PHASE_SETTLE, PHASE_MEASURE };

/* What the other client says. Without a window again and again; with one, once per window, and
 * things are put back before the next one. */
struct noise_case {
	const char *name;
	const char *command;
	const char *prepare; /* before each window */
	uint32_t window_us;
	uint32_t share;     /* of --seconds: one part in so many is measured */
	uint32_t n_replies; /* to the command */
	uint32_t n_lines;   /* of each reply, before its last */
	bool is_scan;
	bool flushes;
	bool runs_program; /* of the library bench */
};

/* A connection of the clients. */
struct link {
	struct tcp_conn *conn;
	uint32_t at;     /* getters: bytes of the reply that have come; others: of the line */
	uint32_t bytes;  /* getters: of the whole reply */
	uint32_t sample; /* getters: whose reply is next */
	uint64_t skip;   /* bytes that nobody looks at */
	uint32_t left;   /* replies that have not come */
	uint32_t n_line; /* lines of this reply before */
	char line[LINE_BYTES];
};

struct sample {
	uint64_t due;
	uint64_t end;
	bool counts;
};

extern struct latency {
	double seconds;
	unsigned reps;
	double rate;
	double cycles_per_us;
	uint32_t n_keys;
	bool times_packets;            /* that are forwarded, not GETs */
	char big[STORE_RIG_KEY_BYTES]; /* a key of the serving worker */
	uint32_t program_bytes;        /* of the request that loads programs; 0: there is none */
	uint8_t *program;
	bool has_program; /* the store has it */
	/* The clients' worker, and the main thread while it rests. */
	struct worker_task task;
	struct wheel_timer tick;
	struct link getters[N_GETTERS];
	struct link loader;
	struct link noise;
	struct sample samples[SAMPLES_MAX]; /* end: of packets, the server's worker writes it */
	uint32_t sent;
	uint32_t refused; /* packets that found the server's queue full */
	uint32_t round;   /* which measurement it is: late packets of others do not count */
	_Atomic uint32_t answered;
	uint32_t loaded;
	uint64_t next_due;
	uint64_t until; /* of what is going on now */
	uint64_t window_cycles;
	uint64_t commands;
	uint64_t command_cycles; /* from the commands to their replies */
	uint64_t command_began;
	char cursor[LINE_BYTES];
	/* The main thread writes these while the clients rest. */
	const struct noise_case *now; /* NULL: alone */
	uint64_t goal_cycles;
	uint64_t interval;
	_Atomic enum phase phase;
	_Atomic bool watched;
	_Atomic bool ready;
	struct pause_watch watches[STORE_RIG_WORKERS];
} lat;

/* Puts @bytes at @p into the send buffer; false: no room, nothing happened. */
bool latency_say(struct worker *w, struct link *l, const void *p, uint32_t bytes);

/* Connects all links; sets @ready when they are. A timer's function; @ctx: the clients' worker. */
void latency_connect(void *ctx, struct wheel_timer *t);

/* Sends what is timed and whose time has come. */
void latency_send_due(struct worker *w);

/* Whether all that was sent is back, or will not come. */
bool latency_all_back(void);

/* Times a packet that leaves the server. On its worker. */
void latency_on_out(struct worker *w, const struct rte_mbuf *m);

#endif
