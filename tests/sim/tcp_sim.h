/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two TCP endpoints face to face in virtual time: two workers, a bad link between them, and
 * applications that send random streams both ways. Everything that happens follows from a seed;
 * whatever goes wrong ends the run with a sentence. Files: tcp_sim_host.c (a worker and its turn),
 * tcp_sim_link.c (the link), tcp_sim_app.c (the applications), tcp_sim.c (what a seed means, the
 * loop, the checks). One thread.
 */
#ifndef TESTS_SIM_TCP_SIM_H
#define TESTS_SIM_TCP_SIM_H

#include "dataplane/tcp/tcp_impl.h"
#include "tests/sim/sim_random.h"

#define SIM_FLOWS_MAX  4
#define SIM_PORT       6379
#define SIM_BYTES_MAX  (192u << 10) /* of one direction of a flow */
#define SIM_START_NS   (1000 * NSEC_PER_SEC)
#define SIM_NEVER_NS   UINT64_MAX
#define SIM_PACKET_MAX 2048

struct sim;

/* A packet on the link, from its IP header on. */
struct sim_packet {
	uint64_t due_ns;
	uint64_t order; /* among those that are due at the same time */
	uint32_t bytes;
	uint8_t data[SIM_PACKET_MAX];
};

/* One direction of the link. */
struct sim_link {
	uint32_t loss, duplicate, reorder, corrupt, mark; /* millionths */
	uint32_t burst;                                   /* millionths: a run of losses begins */
	uint32_t burst_left;
	uint64_t burst_to_ns;
	uint64_t delay_ns, jitter_ns, reorder_ns;
	uint64_t ns_per_byte_q8;           /* 0: no limit */
	uint32_t queue_bytes;              /* before the limited link; more is lost */
	uint64_t free_ns;                  /* when it has sent what it took */
	uint64_t down_from_ns, down_to_ns; /* nothing passes */
	uint32_t mtu, mtu_later;
	uint64_t mtu_at_ns;
	bool icmp;                               /* says so when a packet is too large */
	bool strip_sack, strip_ts, strip_wscale; /* from SYNs */
	uint32_t n, n_max;
	struct sim_packet **heap;
	uint64_t n_sent, n_lost, n_too_big;
};

/* One end of a worker's: what the two talk with. */
struct sim_host {
	struct sim *sim;
	unsigned side; /* also the direction that it sends in */
	struct worker *w;
	struct rte_mempool *mempool;
	struct world world;
	struct tcp_world tcp;
	struct stats_worker *stats;
	uint64_t n_cut; /* packets of several segments that the device cut */
	struct iface ifaces[WORLD_INTERFACES_MAX];
};

/* How an application behaves, and how far it is. */
struct sim_end {
	struct sim *sim;
	unsigned side, flow;
	struct tcp_conn *conn;
	uint16_t port_be; /* active: its own */
	uint64_t key;     /* of the stream it sends */
	uint32_t to_send, sent, received;
	uint32_t piece_max;    /* of one write; 0: all there is room for */
	uint64_t pause_max_ns; /* between writes */
	uint32_t read_max;     /* of one read; 0: all at once, when it comes */
	uint64_t read_pause_max_ns;
	uint32_t abort_at; /* so many bytes received; UINT32_MAX: never */
	bool closes_last;  /* only after the peer's FIN */
	bool eof, closed, opened, ended, aborted;
	enum tcp_end why;
	uint64_t write_ns, read_ns; /* next time to do it */
};

struct sim {
	uint64_t seed;
	bool trace;
	uint8_t family;
	struct sim_random random;
	uint64_t now_ns;
	uint64_t order;
	struct sim_host hosts[2];
	struct sim_link links[2]; /* links[0]: from hosts[0] to hosts[1] */
	struct sim_end ends[2][SIM_FLOWS_MAX];
	uint64_t connect_ns[SIM_FLOWS_MAX];
	unsigned active[SIM_FLOWS_MAX]; /* side that opens */
	unsigned n_flows;
	bool gentle;   /* nothing may end but by both sides' FIN */
	bool aborting; /* some end aborts */
	uint64_t progress_ns;
	uint64_t n_events;
	char failure[320]; /* empty: all is well */
};

/* What a run came to, for a summary. */
struct sim_report {
	uint64_t bytes, packets, lost, retransmitted, timeouts, fast_recoveries, tail_probes;
	uint64_t undone, cookies, pmtu_lowered, black_holes, paws_drops, window_probes, ecn_reduced;
	uint64_t resets, time_waits, not_gentle, cut;
	uint64_t virtual_ns;
};

/* EAL, pools and routes; once per process. */
void sim_start(void);

/* Runs seed @seed; NULL or a sentence in a static buffer. Adds to *@report. */
const char *sim_run(uint64_t seed, bool trace, struct sim_report *report);

/* Notes the first failure. */
void sim_fail(struct sim *sim, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* tcp_sim_host.c */
void sim_host_init(struct sim *sim, unsigned side, const struct tcp_limits *limits,
	uint32_t backlog, uint16_t mtu);
void sim_host_fini(struct sim_host *h);

/* Lets everything that is due by now happen at @h. */
void sim_host_turn(struct sim_host *h);

/* When @h has something to do by itself. */
uint64_t sim_host_next_ns(const struct sim_host *h);

/* The address of side @side; side 2 is a router between both. */
struct ip_addr sim_address(const struct sim *sim, unsigned side);

/* tcp_sim_link.c */

/* Takes the packet that @side sends. */
void sim_link_send(struct sim *sim, unsigned side, const uint8_t *l3, uint32_t bytes);

/* The next packet for side @side that is due by now, or NULL; the caller frees it. */
struct sim_packet *sim_link_take(struct sim *sim, unsigned side);

/* When the next one is due. */
uint64_t sim_link_next_ns(const struct sim_link *l);
void sim_link_fini(struct sim_link *l);

/* tcp_sim_app.c */
extern const struct tcp_app sim_app;

/* What the end does by itself when its time has come. */
void sim_end_wake(struct sim_end *e);
uint64_t sim_end_next_ns(const struct sim_end *e);
void sim_end_connect(struct sim_end *e);

/* tcp_sim_trace.c */

/* Prints a packet and what becomes of it, when tracing. */
void sim_trace_packet(
	const struct sim *sim, unsigned side, const uint8_t *l3, uint32_t bytes, const char *fate);
void sim_trace(const struct sim *sim, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
