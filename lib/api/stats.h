/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The shared counters: a file the dataplane writes and everybody maps read-only, so that reading
 * metrics costs a worker nothing. Each worker owns one stats_worker and adds to it with plain
 * stores; readers take single words, never a consistent set. The names needed to read it are in it.
 */
#ifndef LIB_API_STATS_H
#define LIB_API_STATS_H

#include "lib/base/base.h"

#define STATS_MAGIC          0x62726169u
#define STATS_VERSION        4
#define STATS_WORKERS_MAX    17 /* 16 and the main thread */
#define STATS_STAGES_MAX     40
#define STATS_DROPS_MAX      128
#define STATS_PORTS_MAX      16
#define STATS_INTERFACES_MAX 64
#define STATS_NAME_MAX       32
#define STATS_SERVICES_MAX   1024
#define STATS_BACKENDS_MAX   4096
#define STATS_TCP_STATES_MAX 10
#define STATS_LB_DROPS_MAX   16 /* reasons counted by service */

struct stats_stage {
	uint64_t calls;
	uint64_t pkts;
	uint64_t sampled_pkts;   /* of the calls that were timed */
	uint64_t sampled_cycles; /* TSC cycles of those calls */
};

struct stats_port {
	uint64_t rx_pkts;
	uint64_t rx_bytes;
	uint64_t tx_pkts;
	uint64_t tx_bytes;
};

struct stats_interface {
	uint64_t rx_pkts;
	uint64_t rx_bytes;
	uint64_t tx_pkts;
	uint64_t tx_bytes;
};

/* What a worker did for one service. */
struct stats_service {
	uint64_t new_flows;
	uint64_t unstored_rate; /* packets balanced by the hash alone: too many new flows */
	uint64_t unstored_full; /* ... no room in the flow table */
	uint64_t
		drops[STATS_LB_DROPS_MAX]; /* packets known to be its own, by stats_file.lb_drops */
	struct stats_gone { /* of backends whose numbers were given back; main writes */
		uint64_t pkts;
		uint64_t bytes;
		uint64_t reply_pkts;
		uint64_t reply_bytes;
	} gone;
};

/* What a worker did for one backend. */
struct stats_backend {
	uint64_t new_flows;
	uint64_t ended_flows;
	uint64_t pkts; /* to the backend */
	uint64_t bytes;
	uint64_t reply_pkts; /* back from it: NAT only */
	uint64_t reply_bytes;
	uint64_t refused; /* NAT: it reset a connection that was being made */
	uint64_t silent;  /* NAT: a flow ended without any answer */
};

/* Health probes of one backend. Written by the main thread. */
struct stats_probe {
	int32_t streak;  /* n: the last n succeeded, -n: the last n failed; 0: none yet */
	uint32_t rtt_us; /* of the last success */
	uint64_t succeeded;
	uint64_t failed;
	uint32_t last_failure; /* enum api_probe_failure */
	uint32_t pad;
};

/* New flows per second of the last second or so. Written by the main thread. */
struct stats_rates {
	uint64_t services[STATS_SERVICES_MAX];
	uint64_t backends[STATS_BACKENDS_MAX];
};

/* What a worker's TCP endpoint did. */
struct stats_tcp {
	uint64_t opened_passive; /* handshakes that were finished */
	uint64_t opened_active;
	uint64_t failed;      /* ended before that */
	uint64_t rx_segments; /* for connections */
	uint64_t tx_segments;
	uint64_t rx_bytes; /* of data, in order */
	uint64_t tx_bytes; /* of data, retransmissions included */
	uint64_t rx_resets;
	uint64_t tx_resets;     /* of connections; refusals are counted as drops */
	uint64_t retransmitted; /* segments */
	uint64_t fast_recoveries;
	uint64_t rack_timeouts; /* the reordering timer found a loss */
	uint64_t tail_probes;
	uint64_t timeouts;     /* the retransmission timer fired */
	uint64_t undone;       /* losses that turned out to be none */
	uint64_t out_of_order; /* segments received */
	uint64_t duplicate_acks;
	uint64_t cookies_sent;
	uint64_t cookies_accepted;
	uint64_t cookies_failed;
	uint64_t challenge_acks;
	uint64_t challenge_acks_limited; /* not sent */
	uint64_t paws_drops;
	uint64_t time_waits;        /* entered */
	uint64_t time_waits_reused; /* RFC 6191 */
	uint64_t time_waits_evicted;
	uint64_t half_open_recycled; /* the oldest gave way: no connection was free */
	uint64_t limit_conns;        /* SYNs refused: no connection free */
	uint64_t limit_source;       /* ... too many of one source */
	uint64_t limit_held;         /* segments refused: too many buffers wait unread */
	uint64_t limit_send;         /* no send block or segment record was left */
	uint64_t keepalive_probes;
	uint64_t window_probes;
	uint64_t pmtu_lowered; /* by ICMP */
	uint64_t black_holes;  /* segment size lowered on suspicion */
	uint64_t rx_marked;    /* congestion experienced (RFC 3168) */
	uint64_t ecn_reduced;  /* the peer said so */
	uint64_t rtt_samples;
	uint64_t rtt_sum_us;   /* of all samples */
	uint64_t held_mbufs;   /* gauge: in receive queues; counted as consumed before */
	uint64_t half_open;    /* gauge */
	uint64_t in_time_wait; /* gauge, expired ones perhaps included */
	uint64_t conns[STATS_TCP_STATES_MAX]; /* gauge, by enum tcp_state */
};

/* What a worker's part of the store did; brought up to date every 100 ms. CONFIG RESETSTAT changes
 * nothing here. */
struct stats_kv {
	uint64_t commands;
	uint64_t reads;  /* of them, those that Redis flags as readonly */
	uint64_t writes; /* ... as write */
	uint64_t hits;
	uint64_t misses;
	uint64_t expired;
	uint64_t evicted;
	uint64_t effects;     /* changes of keys, each one record */
	uint64_t refused_oom; /* writes without room */
	uint64_t connections; /* accepted */
	uint64_t rejected;    /* ... too many */
	uint64_t local;       /* commands with keys that ran on the worker of their client */
	uint64_t forwarded;   /* ... whose keys belong to another worker */
	uint64_t served;      /* for clients of other workers */
	uint64_t input_bytes;
	uint64_t output_bytes;
	uint64_t error_replies;
	uint64_t protocol_errors;
	uint64_t closed_output_limit;
	uint64_t closed_query_limit;
	uint64_t closed_memory; /* no memory for a query, a reply or a transaction */
	uint64_t closed_idle;
	uint64_t jobs_done;
	uint64_t jobs_failed;
	uint64_t jobs_cancelled;
	uint64_t jobs_busy;   /* refused: too many were under way */
	uint64_t job_items;   /* that jobs were run over */
	uint64_t job_records; /* the same of the store */
	uint64_t job_results;
	uint64_t job_faults;
	uint64_t job_cycles;
	uint64_t job_stolen;     /* chunks that other workers ran */
	uint64_t job_again;      /* attempts at chunks beyond the first */
	uint64_t commands_per_s; /* this and the next ones are gauges */
	uint64_t clients;
	uint64_t keys;
	uint64_t expires; /* keys with an expiry */
	uint64_t used_bytes;
	uint64_t limit_bytes;
	uint64_t first_slot;
	uint64_t slots; /* 0: there is no store */
	uint64_t jobs_running;
	uint64_t jobs_kept; /* over, with results */
	uint64_t job_kept_bytes;
};

/* One writer: the worker it belongs to. */
struct stats_worker {
	uint64_t rx_pkts;        /* taken from devices */
	uint64_t generated_pkts; /* made here: errors, probes, fragments, answers, copies */
	uint64_t tx_pkts;        /* given to devices */
	uint64_t consumed_pkts; /* ended here for their purpose: answered, learned from, reassembled
				 */
	uint64_t handoff_out_pkts;
	uint64_t handoff_in_pkts;
	uint64_t loops;
	uint64_t empty_loops;
	uint64_t sleeps;
	uint64_t busy_cycles;
	uint64_t idle_cycles;       /* asleep or polling in vain */
	uint64_t held_pkts;         /* gauge: fragments that wait for their first one */
	uint64_t flows;             /* gauge: in the table */
	uint64_t evicted_datagrams; /* fragmented ones, forgotten early to make room for newer */
	uint64_t pad[2];
	struct stats_tcp tcp;
	struct stats_kv kv;
	uint64_t drops[STATS_DROPS_MAX];
	struct stats_stage stages[STATS_STAGES_MAX];
	struct stats_port ports[STATS_PORTS_MAX];
	struct stats_interface interfaces[STATS_INTERFACES_MAX];
	struct stats_service services[STATS_SERVICES_MAX];
	struct stats_backend backends[STATS_BACKENDS_MAX];
} CACHE_ALIGNED;

/* Gauges the main thread refreshes at least every 100 ms. */
struct stats_gauges {
	uint64_t generation;
	uint64_t held_pkts; /* waiting for a neighbour */
	uint64_t mbufs_in_use;
	uint64_t mbufs_total;
	uint64_t neighbors;
	uint64_t routes4;
	uint64_t routes6;
	uint64_t route_bytes; /* memory of both FIBs */
	uint64_t nexthops;
	uint64_t heartbeat; /* counts up while the main thread lives */
};

struct stats_file {
	uint32_t magic;
	uint32_t version;
	uint32_t bytes; /* of the whole file */
	uint32_t pid;
	uint64_t tsc_hz;
	uint32_t n_workers; /* main thread included, it is the last */
	uint32_t n_stages;
	uint32_t n_drops;
	uint32_t n_ports;
	uint32_t n_interfaces; /* slots ever used; an empty name is a free slot */
	uint32_t n_lb_drops;
	uint8_t lb_drops[STATS_LB_DROPS_MAX]; /* which of drop_names services count */
	uint16_t worker_cpu[STATS_WORKERS_MAX];
	uint8_t drop_severity[STATS_DROPS_MAX]; /* 0 routine, 1 suspicious, 2 resource */
	char stage_names[STATS_STAGES_MAX][STATS_NAME_MAX];
	char drop_names[STATS_DROPS_MAX][STATS_NAME_MAX];
	char drop_texts[STATS_DROPS_MAX][96];
	char port_names[STATS_PORTS_MAX][STATS_NAME_MAX];
	char interface_names[STATS_INTERFACES_MAX][STATS_NAME_MAX];
	struct stats_gauges gauges;
	uint16_t backend_service[STATS_BACKENDS_MAX]; /* 1 + whose it is; 0: of none */
	struct stats_probe probes[STATS_BACKENDS_MAX];
	struct stats_rates rates;
	struct stats_worker workers[STATS_WORKERS_MAX];
};

/*
 * Maps the counters at @path read-only. NULL with a sentence in @err (no such file: the dataplane
 * is not running; another version). Unmap with stats_file_close. Any thread.
 */
const struct stats_file *stats_file_open(const char *path, struct base_error *err);

/* Unmaps; NULL is allowed. */
void stats_file_close(const struct stats_file *file);

/* What all backends of a service have done, those that are gone included: it never counts back. */
struct stats_total {
	uint64_t flows; /* at present */
	uint64_t pkts;
	uint64_t bytes;
	uint64_t reply_pkts;
	uint64_t reply_bytes;
};

/* Adds up the backends of each service, over all workers, into @totals[STATS_SERVICES_MAX]. Any
 * thread. */
void stats_totals(const struct stats_file *file, struct stats_total *totals);

/* One word of the file, read once (it may change under the reader). */
static inline uint64_t stats_read(const uint64_t *word)
{
	return *(const volatile uint64_t *)word;
}

#endif
