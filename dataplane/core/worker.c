/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The turn of a worker: time, receive, pipeline, mailbox, timers, tasks (DESIGN section 4).
 * Creation and destruction happen on the main thread and are in worker_create.c. Thread: worker.
 */
#include "dataplane/core/capture.h"
#include "dataplane/core/mailbox.h"
#include "dataplane/core/worker.h"
#include "lib/rcu/rcu.h"

#define SAMPLE_EVERY    64 /* turns; a power of two */
#define TIMERS_PER_TURN 64

/* The time that tasks get per turn (DESIGN section 4): little beside packets, more when idle. A
 * full burst postpones them, but not for ever. */
#define QUANTUM_BUSY_NS    2000
#define QUANTUM_IDLE_NS    20000
#define QUANTUM_FULL_EVERY 16 /* turns; a power of two */
#define PIECES_PER_QUANTUM 64 /* also ends a quantum whose clock stands still */

struct worker *workers[WORKER_SLOTS];

struct rte_mbuf *worker_generate(struct worker *w)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(w->mempool);

	if (UNLIKELY(!m))
		return NULL;
	*pkt_of(m) = (struct pkt){
		.iface = WORLD_NO_INTERFACE,
		.iface_out = WORLD_NO_INTERFACE,
		.flags = PKT_LOCAL,
	};
	w->stats->generated_pkts++;
	return m;
}

/* Notes in each of @n frames which port they came from, and counts its bytes: for stage steer and
 * for captures. Otherwise stage eth does it in its own loop. */
static void mark_port(struct worker *w, uint16_t port, struct rte_mbuf **pkts, unsigned n)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < n; i++) {
		bytes += pkts[i]->pkt_len;
		pkts[i]->port = port;
	}
	w->stats->ports[port].rx_bytes += bytes;
}

/* One burst of one receive queue through the pipeline. */
static unsigned receive(struct worker *w, const struct worker_queue *q)
{
	enum stage first = q->steer ? STAGE_steer : STAGE_eth;
	struct lane *l = &w->lanes[first];
	uint16_t n;

	if (UNLIKELY(l->n)) /* left over from the last turn, of any port */
		pipeline_run(w);
	if (UNLIKELY(l->n))
		return 0;
	n = w->ops->rx(w, q->port, q->queue, l->pkts, BURST_MAX);
	if (n == 0)
		return 0;
	w->stats->ports[q->port].rx_pkts += n;
	w->stats->rx_pkts += n;
	l->n = n;
	w->pending |= 1ULL << first;
	if (UNLIKELY(q->steer || w->world->capture != NULL))
		mark_port(w, q->port, l->pkts, n);
	else
		w->rx_port = q->port;
	if (UNLIKELY(w->world->capture != NULL))
		capture_frames(w, l->pkts, n, API_CAPTURE_IN);
	pipeline_run(w);
	w->rx_port = WORLD_PORTS_MAX;
	return n;
}

void worker_task_add(struct worker *w, struct worker_task *t)
{
	if (t->queued)
		return;
	t->queued = true;
	t->next = NULL;
	if (w->tasks_last)
		w->tasks_last->next = t;
	else
		w->tasks_first = t;
	w->tasks_last = t;
}

static struct worker_task *task_take(struct worker *w)
{
	struct worker_task *t = w->tasks_first;

	w->tasks_first = t->next;
	if (!w->tasks_first)
		w->tasks_last = NULL;
	t->queued = false;
	return t;
}

/* Runs tasks round robin for the time that @moved packets and events of this turn leave them; how
 * many pieces. */
static unsigned run_tasks(struct worker *w, unsigned moved)
{
	uint64_t quantum_ns = moved == 0 ? QUANTUM_IDLE_NS : QUANTUM_BUSY_NS;
	uint64_t quantum_cycles = (uint64_t)(((__uint128_t)quantum_ns << 32) / w->ns_per_cycle_q32);
	uint64_t start = w->ops->cycles(w);
	unsigned n = 0;

	if (moved >= BURST_MAX && (w->stats->loops & (QUANTUM_FULL_EVERY - 1)) != 0)
		return 0;
	while (w->tasks_first && n < PIECES_PER_QUANTUM) {
		struct worker_task *t = task_take(w);

		n++;
		if (t->run(w, t))
			worker_task_add(w, t);
		if (w->ops->cycles(w) - start >= quantum_cycles)
			break;
	}
	return n;
}

unsigned worker_turn(struct worker *w)
{
	struct stats_worker *st = w->stats;
	uint64_t start = w->ops->cycles(w);
	unsigned moved = 0, mail;

	w->now_ns = (uint64_t)(((__uint128_t)start * w->ns_per_cycle_q32) >> 32);
	w->sampling = (st->loops & (SAMPLE_EVERY - 1)) == 0;
	w->world = rcu_dereference(world_current);
	for (unsigned i = 0; i < w->n_queues; i++)
		moved += receive(w, &w->queues[i]);
	mail = mailbox_receive(w);
	moved += mail + wheel_advance(w->wheel, w->now_ns, TIMERS_PER_TURN);
	if (UNLIKELY(w->tasks_first != NULL))
		moved += run_tasks(w, moved);
	if (w->pending)
		pipeline_run(w);
	st->loops++;
	if (moved == 0)
		st->empty_loops++;
	return moved;
}
