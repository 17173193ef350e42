/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker: one pinned thread that polls, its lanes, its counters, and the only way to time,
 * randomness and output for all code below it (DESIGN rule 6). The main thread has one too, without
 * receive queues, for the slow path. Thread: worker.
 */
#ifndef DATAPLANE_CORE_WORKER_H
#define DATAPLANE_CORE_WORKER_H

#include <stdatomic.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_prefetch.h>

#include "dataplane/core/drop.h"
#include "dataplane/core/pkt.h"
#include "dataplane/core/world.h"
#include "lib/api/stats.h"
#include "lib/base/base.h"
#include "lib/timer/wheel.h"

#define WORKERS_MAX       16                /* poll-mode workers */
#define WORKER_SLOTS      (WORKERS_MAX + 1) /* and the main thread, always the last */
#define BURST_MAX         64                /* packets per receive call */
#define LANE_MAX          256               /* packets that one lane holds */
#define WORKER_QUEUES_MAX 32                /* receive queues of one worker */

enum stage {
#define STAGE(name, function, text) STAGE_##name,
#include "dataplane/core/pipeline.def"
#undef STAGE
	STAGE_COUNT
};

/* The packets waiting for one stage. */
struct lane {
	uint32_t n;
	struct rte_mbuf *pkts[LANE_MAX];
};

struct worker;
struct rte_ring;

/* The outside of a worker. Real ones poll devices and read the TSC; tests, fuzzers and `explain`
 * bring their own. */
struct worker_ops {
	/* Takes up to @n packets from queue @queue of port @port. */
	uint16_t (*rx)(struct worker *w, uint16_t port, uint16_t queue, struct rte_mbuf **pkts,
		uint16_t n);
	/* Gives up to @n packets to the port; returns how many it took (they are no longer ours).
	 */
	uint16_t (*tx)(struct worker *w, uint16_t port, uint16_t queue, struct rte_mbuf **pkts,
		uint16_t n);
	/* Lets the driver of the port make @m ready whose checksum or segments are its part: false,
	 * it cannot. NULL: nothing needs to be done. */
	bool (*prepare)(struct worker *w, uint16_t port, struct rte_mbuf *m);
	/* Monotonic cycles: time and the stages' samples come from here. */
	uint64_t (*cycles)(struct worker *w);
};

/* Classes of tasks; each has a run queue, and they share quanta by deficit round robin. */
enum worker_class {
	WORKER_NORMAL,  /* the node's own work, and what users do not name otherwise */
	WORKER_LATENCY, /* small answers that somebody waits for */
	WORKER_BATCH,   /* what may take long */
	WORKER_CLASSES,
};

/* Work that would take too long at once; lies in what it works on. In at most one run queue. */
struct worker_task {
	struct worker_task *next;
	bool queued;
	uint8_t class; /* enum worker_class */
	/* Does a piece of about a microsecond; true: more is to be done. It runs between bursts, so
	 * it sees the world of the turn and may put packets into lanes. */
	bool (*run)(struct worker *w, struct worker_task *t);
};

/* The tasks of a class that wait for their next piece, in order. */
struct worker_run_queue {
	struct worker_task *first;
	struct worker_task *last;
	int64_t credit_cycles; /* what it may still use in its turn; debts are kept */
};

struct worker_queue {
	uint16_t port;
	uint16_t queue;
	bool steer; /* the port has fewer queues than there are workers */
};

struct worker {
	const struct world *world;   /* read once per burst */
	uint64_t now_ns;             /* once per loop */
	struct stats_worker *stats;  /* in the shared counters */
	struct rte_mempool *mempool; /* for packets made here */
	const struct worker_ops *ops;
	uint64_t ns_per_cycle_q32;         /* nanoseconds per cycle, 32 fractional bits */
	uint8_t tx_owner[WORLD_PORTS_MAX]; /* the worker that sends for us on the port, or ourselves
					    */
	uint16_t tx_queue[WORLD_PORTS_MAX];
	uint8_t id;           /* 0..n_workers-1, n_workers: main */
	uint8_t n_workers;    /* poll-mode workers of the node */
	uint8_t main_id;      /* == n_workers */
	bool sampling;        /* this loop's stages are timed */
	uint64_t flow_key[2]; /* secret, per boot */
	uint64_t rng;
	uint64_t pending; /* bit per stage: lane not empty */
	struct lane lanes[STAGE_COUNT];
	struct wheel *wheel;
	struct rte_ring *inbox[WORKER_SLOTS];  /* from each other worker */
	struct rte_ring *outbox[WORKER_SLOTS]; /* to each other worker */
	void *private_data;                    /* of the owner of `ops` (tests, explain) */
	struct icmp_limiter *icmp_limiter;     /* tokens per source prefix */
	struct lb_worker *lb;                  /* flows; NULL on the main thread */
	struct tcp_worker *tcp;                /* connections; NULL on the main thread */
	struct kv_worker *kv;                  /* shard and clients; NULL: no store */
	struct task_worker *task;              /* jobs; NULL on the main thread */
	struct worker_run_queue run_queues[WORKER_CLASSES];
	uint32_t runnable;              /* bit per class: its run queue is not empty */
	uint8_t class_turn;             /* the class whose turn it is */
	uint32_t quantum_ns;            /* of this time, where it is not fixed */
	uint32_t quantum_fixed_ns;      /* 0: it adapts (DESIGN section 4) */
	uint32_t quantum_empty;         /* turns since it grew, or since something moved */
	_Atomic int64_t wall_offset_ns; /* UNIX time minus now_ns; the main thread keeps it true */
	uint8_t mail_turn;              /* which inbox is served first */
	/* Port of the burst in lane eth; WORLD_PORTS_MAX: its frames say it in m->port. */
	uint16_t rx_port;
	uint16_t n_queues;
	struct worker_queue queues[WORKER_QUEUES_MAX];
	struct rte_mbuf *scratch[BURST_MAX];
} CACHE_ALIGNED;

/* All workers, main last; for the main thread and for tests. */
extern struct worker *workers[WORKER_SLOTS];

/* Puts @m into the lane of stage @s; a full lane drops it (counted). */
static inline void lane_put(struct worker *w, enum stage s, struct rte_mbuf *m)
{
	struct lane *l = &w->lanes[s];

	if (UNLIKELY(l->n == LANE_MAX)) {
		w->stats->drops[DROP_lane_full]++;
		rte_pktmbuf_free(m);
		return;
	}
	l->pkts[l->n++] = m;
	w->pending |= 1ULL << s;
}

/* Ends @m for @reason: counted, seen by captures, freed by stage drop. */
static inline void drop(struct worker *w, struct rte_mbuf *m, enum drop_reason reason)
{
	struct lane *l = &w->lanes[STAGE_drop];

	pkt_of(m)->drop = (uint16_t)reason;
	if (UNLIKELY(l->n == LANE_MAX)) {
		w->stats->drops[reason]++;
		rte_pktmbuf_free(m);
		return;
	}
	l->pkts[l->n++] = m;
	w->pending |= 1ULL << STAGE_drop;
}

/* Ends @m because it served its purpose here. */
static inline void worker_consume(struct worker *w, struct rte_mbuf *m)
{
	w->stats->consumed_pkts++;
	rte_pktmbuf_free(m);
}

/* A new empty packet for something this node says, counted as generated; NULL when out of buffers.
 * Its notes are zero but for PKT_LOCAL and interfaces that are none. */
struct rte_mbuf *worker_generate(struct worker *w);

/* A packet that the node turns into its own answer in place: consumed and generated at once. */
static inline void worker_reuse(struct worker *w, struct rte_mbuf *m)
{
	w->stats->consumed_pkts++;
	w->stats->generated_pkts++;
	pkt_of(m)->flags |= PKT_LOCAL;
}

/* Sends @m to worker @dst, which goes on with stage @resume. In order per destination. */
static inline void worker_handoff(
	struct worker *w, struct rte_mbuf *m, uint8_t dst, enum stage resume)
{
	struct pkt *p = pkt_of(m);

	p->worker = dst;
	p->resume = (uint8_t)resume;
	lane_put(w, STAGE_handoff, m);
}

/* The next pseudo-random word (xorshift64*; not for secrets). */
static inline uint64_t worker_random(struct worker *w)
{
	w->rng ^= w->rng >> 12;
	w->rng ^= w->rng << 25;
	w->rng ^= w->rng >> 27;
	return w->rng * 0x2545f4914f6cdd1dULL;
}

/* UNIX time of this turn in milliseconds. It may jump when the system's clock is set. */
static inline uint64_t worker_wall_ms(const struct worker *w)
{
	int64_t offset_ns = atomic_load_explicit(&w->wall_offset_ns, memory_order_relaxed);

	return (uint64_t)((int64_t)w->now_ns + offset_ns) / NSEC_PER_MSEC;
}

/* Puts @t at the end of its class's run queue; one that is in it stays where it is. */
void worker_task_add(struct worker *w, struct worker_task *t);

/* Takes @t out of its run queue, if it is in it. */
void worker_task_remove(struct worker *w, struct worker_task *t);

/* Runs one piece of the task whose turn it is, whose cycles its class pays. False: there is none.
 */
bool worker_task_run(struct worker *w);

/* A worker with id @id of @n_workers, without queues and rings; NULL when out of memory. Main
 * thread. */
struct worker *worker_create(uint8_t id, uint8_t n_workers, const struct worker_ops *ops,
	struct stats_worker *stats, struct rte_mempool *mempool);

/* Drops what is in its lanes and frees it. Main thread, after its thread has ended. */
void worker_destroy(struct worker *w);

/* One turn: time, receive, pipeline, mailbox, timers. How many packets it moved. */
unsigned worker_turn(struct worker *w);

/* Walks the stages until no lane holds a packet (bounded); sends what is ready. Reads the current
 * world first. */
void pipeline_run(struct worker *w);

/* Runs only stage @s on what its lane holds (for explain). */
void pipeline_run_stage(struct worker *w, enum stage s);

/* The name of stage @s, as in pipeline.def. */
const char *pipeline_stage_name(enum stage s);

/* What stage @s does. */
const char *pipeline_stage_text(enum stage s);

/* The functions of pipeline.def. */
#define STAGE(name, function, text)                                                                \
	void function(struct worker *w, struct rte_mbuf **pkts, unsigned n);
#include "dataplane/core/pipeline.def"
#undef STAGE

#endif
