/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tasks of a worker. Each class has a run queue, which is served in order, one piece at a time;
 * classes share the cycles by deficit round robin (Shreedhar and Varghese, SIGCOMM 1995). Since
 * nobody knows before what a piece will take, it is charged afterwards, and debts are kept.
 * Thread: worker.
 */
#include "dataplane/core/worker_tasks.h"

/* The time that tasks get per turn: nothing behind a full burst, but not for ever. */
#define QUANTUM_BUSY_NS    2000
#define QUANTUM_IDLE_NS    20000
#define QUANTUM_FULL_EVERY 16 /* turns; a power of two */
#define PIECES_PER_QUANTUM 64 /* also ends a quantum whose clock stands still */

/*
 * Empty turns before it doubles. A packet that comes in while tasks run waits for the end of the
 * quantum, so longer ones are for workers that nobody talks to: it takes 2 ms of silence to get to
 * 4 us and 30 ms to get to the longest, and the first packet makes it short again.
 */
#define QUANTUM_EMPTY_TURNS 1024

/*
 * What a class may use per round, in units of SHARE_CYCLES. Somebody waits for what is of class
 * latency, and it is little; eight times as much is all it needs to find its place within two
 * quanta, whatever else runs. Batch still gets a thirteenth, so that it ends.
 */
static const uint8_t weights[WORKER_CLASSES] = {
	[WORKER_NORMAL] = 4,
	[WORKER_LATENCY] = 8,
	[WORKER_BATCH] = 1,
};

#define SHARE_CYCLES 2048 /* about a piece */
#define PIECE_CYCLES 64   /* at least: pieces are not free where clocks stand */
#define DEBT_CYCLES_MAX                                                                            \
	(64 * SHARE_CYCLES) /* a piece of a hundred microseconds is a bug, not a debt for ever */

void worker_task_add(struct worker *w, struct worker_task *t)
{
	struct worker_run_queue *q = &w->run_queues[t->class];

	if (t->queued)
		return;
	t->queued = true;
	t->next = NULL;
	if (q->first)
		q->last->next = t;
	else
		q->first = t;
	q->last = t;
	w->runnable |= 1u << t->class;
}

/* Notes that @q may have become empty: what it has not used, or owes, is forgotten. */
static void settle(struct worker *w, struct worker_run_queue *q)
{
	if (q->first)
		return;
	q->last = NULL;
	q->credit_cycles = 0;
	w->runnable &= ~(1u << (q - w->run_queues));
}

void worker_task_remove(struct worker *w, struct worker_task *t)
{
	struct worker_run_queue *q = &w->run_queues[t->class];
	struct worker_task **at = &q->first, *before = NULL;

	if (!t->queued)
		return;
	while (*at != t) {
		before = *at;
		at = &before->next;
	}
	*at = t->next;
	if (q->last == t)
		q->last = before;
	t->queued = false;
	settle(w, q);
}

/* The queue whose turn it is; some class is runnable. */
static struct worker_run_queue *choose(struct worker *w)
{
	struct worker_run_queue *q = &w->run_queues[w->class_turn];

	if ((w->runnable & (w->runnable - 1)) == 0) {
		w->class_turn = (uint8_t)__builtin_ctz(w->runnable);
		q = &w->run_queues[w->class_turn];
		q->credit_cycles = 0;
		return q;
	}
	while (!q->first || q->credit_cycles <= 0) {
		w->class_turn = (uint8_t)((w->class_turn + 1u) % WORKER_CLASSES);
		q = &w->run_queues[w->class_turn];
		if (q->first)
			q->credit_cycles += (int64_t)weights[w->class_turn] * SHARE_CYCLES;
	}
	return q;
}

/* Runs a piece of the first task of @q, which began at @start; when it ended. */
static uint64_t run_piece(struct worker *w, struct worker_run_queue *q, uint64_t start)
{
	struct worker_task *t = q->first;
	uint64_t end;

	q->first = t->next;
	t->queued = false;
	if (t->run(w, t))
		worker_task_add(w, t);
	end = w->ops->cycles(w);
	q->credit_cycles -= (int64_t)MAX_OF(end - start, (uint64_t)PIECE_CYCLES);
	q->credit_cycles = MAX_OF(q->credit_cycles, (int64_t)-DEBT_CYCLES_MAX);
	settle(w, q);
	return end;
}

bool worker_task_run(struct worker *w)
{
	if (w->runnable == 0)
		return false;
	run_piece(w, choose(w), w->ops->cycles(w));
	return true;
}

/* How long tasks may run in this turn. */
static uint32_t quantum(struct worker *w, unsigned moved)
{
	if (w->quantum_fixed_ns != 0)
		return w->quantum_fixed_ns;
	if (moved > 0 || w->quantum_ns == 0) {
		w->quantum_ns = QUANTUM_BUSY_NS;
		w->quantum_empty = 0;
	} else if (++w->quantum_empty == QUANTUM_EMPTY_TURNS) {
		w->quantum_ns = MIN_OF(2 * w->quantum_ns, (uint32_t)QUANTUM_IDLE_NS);
		w->quantum_empty = 0;
	}
	return w->quantum_ns;
}

unsigned worker_tasks_run(struct worker *w, unsigned moved)
{
	uint64_t quantum_cycles =
		(uint64_t)(((__uint128_t)quantum(w, moved) << 32) / w->ns_per_cycle_q32);
	uint64_t start, now;
	unsigned n = 0;

	if (moved >= BURST_MAX && w->quantum_fixed_ns == 0 &&
		(w->stats->loops & (QUANTUM_FULL_EVERY - 1)) != 0)
		return 0;
	start = now = w->ops->cycles(w);
	while (w->runnable != 0 && n < PIECES_PER_QUANTUM) {
		n++;
		now = run_piece(w, choose(w), now);
		if (now - start >= quantum_cycles)
			break;
	}
	return n;
}
