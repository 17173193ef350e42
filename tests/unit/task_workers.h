/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Workers and the main thread's worker with their rings, in one thread and in real time, without
 * EAL, ports and a store: for libraries and requests. One at a time.
 */
#ifndef TESTS_UNIT_TASK_WORKERS_H
#define TESTS_UNIT_TASK_WORKERS_H

#include <stdlib.h>
#include <time.h>

#include <rte_ring.h>

#include "dataplane/core/worker.h"

#define TASK_WORKERS_RING 64

static struct {
	unsigned n;
	struct stats_worker stats[WORKER_SLOTS];
	struct rte_ring *rings[WORKER_SLOTS][WORKER_SLOTS];
} task_workers;

static inline uint64_t task_workers_cycles(struct worker *w)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

static inline void task_workers_connect(unsigned from, unsigned to)
{
	struct rte_ring *ring =
		aligned_alloc(CACHE_LINE_BYTES, (size_t)rte_ring_get_memsize(TASK_WORKERS_RING));

	BRAID_ASSERT(ring != NULL);
	BRAID_ASSERT(
		rte_ring_init(ring, "ring", TASK_WORKERS_RING, RING_F_SP_ENQ | RING_F_SC_DEQ) == 0);
	task_workers.rings[from][to] = ring;
	workers[from]->outbox[to] = ring;
	workers[to]->inbox[from] = ring;
}

/* Starts @n workers and main. */
static inline void task_workers_start(unsigned n)
{
	static const struct worker_ops ops = {.cycles = task_workers_cycles};

	task_workers.n = n;
	for (unsigned i = 0; i <= n; i++) {
		struct worker *w =
			worker_create((uint8_t)i, (uint8_t)n, &ops, &task_workers.stats[i], NULL);

		BRAID_ASSERT(w != NULL);
		workers[i] = w;
		w->ns_per_cycle_q32 = 1ULL << 32;
		w->now_ns = task_workers_cycles(w);
		wheel_init(w->wheel, w->now_ns);
		w->wheel->ctx = w;
	}
	for (unsigned i = 0; i <= n; i++)
		for (unsigned k = 0; k <= n; k++)
			if (i != k)
				task_workers_connect(i, k);
}

/* One turn of each; how much they moved. */
static inline unsigned task_workers_turn(void)
{
	unsigned moved = 0;

	for (unsigned i = 0; i <= task_workers.n; i++)
		moved += worker_turn(workers[i]);
	return moved;
}

static inline void task_workers_stop(void)
{
	for (unsigned i = 0; i <= task_workers.n; i++) {
		for (unsigned k = 0; k <= task_workers.n; k++) {
			free(task_workers.rings[i][k]);
			task_workers.rings[i][k] = NULL;
		}
	}
	for (unsigned i = 0; i <= task_workers.n; i++) {
		worker_destroy(workers[i]);
		workers[i] = NULL;
	}
}

#endif
