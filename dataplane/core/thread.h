/* SPDX-License-Identifier: BSD-3-Clause */
/* Starting and stopping the threads of the poll-mode workers. Thread: main. */
#ifndef DATAPLANE_CORE_THREAD_H
#define DATAPLANE_CORE_THREAD_H

#include "dataplane/core/worker.h"

/* How a thread waits when there is nothing to do: never, or by ever longer sleeps. */
struct worker_idle {
	uint32_t empty_turns; /* in a row */
	uint32_t sleep_ns;    /* the last sleep; 0: not sleeping yet */
};

#define WORKER_IDLE_SPINS    200    /* empty turns before the first sleep */
#define WORKER_IDLE_FIRST_NS 20000  /* the first sleep, doubled from then on */
#define WORKER_IDLE_MAX_NS   500000 /* what a packet may wait for an idle worker to wake */

/* Launches worker @w on its lcore (id + 1). @adaptive: it sleeps when idle. 0 or -errno. */
int worker_start(struct worker *w, bool adaptive, struct base_error *err);

/* Asks all threads to end and waits for them. */
void worker_stop_all(void);

/* How long to sleep after a turn that moved @moved packets, in ns; 0: go on at once. */
uint32_t worker_idle_next(struct worker_idle *idle, unsigned moved);

#endif
