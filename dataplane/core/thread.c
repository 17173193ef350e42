/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The loop of a worker's thread, and the only place where a worker may wait: with `idle: adaptive`
 * it sleeps, outside of any RCU reading, when turn after turn moved nothing. Thread: any.
 */
#include <errno.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <time.h>

#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_pause.h>

#include "dataplane/core/thread.h"
#include "lib/rcu/rcu.h"

#define TIMER_SLACK_NS 1000

static atomic_bool stopping;

/* What a thread is started with; one per worker, for the life of the process. */
static struct launch {
	struct worker *worker;
	bool adaptive;
} launches[WORKER_SLOTS];

uint32_t worker_idle_next(struct worker_idle *idle, unsigned moved)
{
	if (moved) {
		idle->empty_turns = 0;
		idle->sleep_ns = 0;
		return 0;
	}
	if (++idle->empty_turns < WORKER_IDLE_SPINS)
		return 0;
	if (idle->sleep_ns == 0)
		idle->sleep_ns = WORKER_IDLE_FIRST_NS;
	else
		idle->sleep_ns = MIN_OF(idle->sleep_ns * 2, WORKER_IDLE_MAX_NS);
	return idle->sleep_ns;
}

static void sleep_for(struct worker *w, uint32_t ns)
{
	struct timespec ts = {.tv_nsec = ns};

	rcu_thread_offline();
	nanosleep(&ts, NULL);
	rcu_thread_online();
	w->stats->sleeps++;
}

static int run(void *arg)
{
	struct launch *l = arg;
	struct worker *w = l->worker;
	struct worker_idle idle = {0};
	uint64_t before = w->ops->cycles(w);

	rcu_register_thread();
	prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
	while (!atomic_load_explicit(&stopping, memory_order_relaxed)) {
		unsigned moved = worker_turn(w);
		uint64_t now;
		uint32_t ns;

		rcu_quiescent_state();
		if (l->adaptive) {
			ns = worker_idle_next(&idle, moved);
			if (ns)
				sleep_for(w, ns);
		}
		now = w->ops->cycles(w);
		if (moved)
			w->stats->busy_cycles += now - before;
		else
			w->stats->idle_cycles += now - before;
		before = now;
	}
	rcu_unregister_thread();
	return 0;
}

int worker_start(struct worker *w, bool adaptive, struct base_error *err)
{
	struct launch *l = &launches[w->id];

	l->worker = w;
	l->adaptive = adaptive;
	if (rte_eal_remote_launch(run, l, w->id + 1u) != 0)
		return base_error_set(err, EBUSY, "worker %u: its lcore cannot be started", w->id);
	return 0;
}

void worker_stop_all(void)
{
	atomic_store(&stopping, true);
	rte_eal_mp_wait_lcore();
	atomic_store(&stopping, false);
}
