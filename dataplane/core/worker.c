/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The turn of a worker: time, receive, pipeline, mailbox, timers, tasks (DESIGN section 4).
 * Creation and destruction happen on the main thread and are in worker_create.c. Thread: worker.
 */
#include "dataplane/core/capture.h"
#include "dataplane/core/mailbox.h"
#include "dataplane/core/worker_tasks.h"
#include "lib/rcu/rcu.h"

#define SAMPLE_EVERY    64 /* turns; a power of two */
#define TIMERS_PER_TURN 64

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

unsigned worker_turn(struct worker *w)
{
	struct stats_worker *st = w->stats;
	uint64_t start = w->ops->cycles(w);
	unsigned moved = 0, mail, fired;

	w->now_ns = (uint64_t)(((__uint128_t)start * w->ns_per_cycle_q32) >> 32);
	w->sampling = (st->loops & (SAMPLE_EVERY - 1)) == 0;
	w->world = rcu_dereference(world_current);
	for (unsigned i = 0; i < w->n_queues; i++)
		moved += receive(w, &w->queues[i]);
	mail = mailbox_receive(w);
	moved += mail;
	fired = wheel_advance(w->wheel, w->now_ns, TIMERS_PER_TURN);
	if (UNLIKELY(w->runnable != 0)) /* timers are no traffic: nobody waits behind them */
		fired += worker_tasks_run(w, moved);
	moved += fired;
	if (w->pending)
		pipeline_run(w);
	st->loops++;
	if (moved == 0)
		st->empty_loops++;
	return moved;
}
