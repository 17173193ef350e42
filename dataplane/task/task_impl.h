/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker's side of jobs: letters and signals to other workers, what waits for its client's
 * quota, and chunks of items that were stolen. Private to task. Thread: worker.
 */
#ifndef DATAPLANE_TASK_TASK_IMPL_H
#define DATAPLANE_TASK_TASK_IMPL_H

#include "dataplane/core/mailbox.h"
#include "dataplane/task/task_exec_impl.h"
#include "dataplane/task/task_explain_impl.h"

#define TASK_QUOTA_BUCKETS 512
#define TASK_STEAL_MAX     8 /* chunks at a time */
#define TASK_TICK_NS       NSEC_PER_MSEC
#define TASK_PIECE_NS      1500
#define TASK_CALL_CYCLES   16   /* around a call; an instruction takes about one */
#define TASK_LOOK_CYCLES   8192 /* calls may take between looks at the clock */
#define TASK_EPOCH         1    /* of the placement of work; one node has only one */

/* What a letter is about. */
enum task_letter_kind {
	TASK_LETTER_CHUNK,      /* to a thief: run it */
	TASK_LETTER_CHUNK_DONE, /* home again */
	TASK_LETTER_PART,       /* to an owner of records: go on with it */
	TASK_LETTER_PART_BACK,  /* home again */
};

/* On its way between two workers; lies in what it is about. Who sent it leaves that alone. */
struct task_letter {
	struct task_letter *next;
	uint8_t kind; /* enum task_letter_kind */
	uint8_t to;
};

/* What workers tell each other beside letters; to say it twice changes nothing. */
enum task_signal {
	TASK_SIGNAL_WORK,  /* here are chunks that wait */
	TASK_SIGNAL_STEAL, /* give me some */
	TASK_SIGNAL_GIVEN, /* that was all */
	TASK_SIGNALS,
};

struct task_queue {
	struct task_letter *first;
	struct task_letter *last;
};

/* Something that runs in pieces and may have to wait for its client's quota. */
struct task_unit {
	struct worker_task task; /* first */
	struct task_unit *next;  /* parked */
	bool parked;
};

/* Runs chunks of items, one after another: of its own job, or stolen ones. */
struct task_runner {
	struct task_unit unit; /* first */
	struct task_chunk *chunk;
	uint32_t items_per_piece;
	bool explaining;
	struct task_fault fault; /* of the item that is being explained */
	struct task_exec exec;
	struct task_explain explain;
};

/* The cycles that a client may still use here. */
struct task_bucket {
	uint64_t client;
	uint64_t filled_ns;
	int64_t cycles;
};

struct task_worker {
	struct task_job *jobs; /* whose home this is, newest first */
	uint32_t n_jobs;
	uint32_t n_running;
	uint64_t last_id;
	uint64_t n_waiting;    /* chunks of items that nobody has begun */
	uint32_t piece_cycles; /* what a piece should take */
	bool is_stealing;      /* asked, and not all has come */
	uint64_t cycles_per_ms;
	struct worker_task mail_task;
	struct task_queue out[WORKERS_MAX]; /* for which there was no place in the ring */
	struct task_queue self;
	uint8_t signals[WORKERS_MAX]; /* bits of enum task_signal, to be sent */
	struct task_unit *parked;
	struct wheel_timer tick;
	struct task_runner thieves[WORKER_CLASSES];
	struct task_queue stolen[WORKER_CLASSES];
	uint32_t n_stolen;
	struct task_bucket buckets[TASK_QUOTA_BUCKETS];
};

/*
 * How many calls of @p may be made before looking at the clock: few of those that may take long,
 * since what was learnt from some calls says little of the next ones.
 */
static inline uint32_t task_calls_per_look(const struct task_program *p)
{
	return TASK_LOOK_CYCLES / (p->cost_max + TASK_CALL_CYCLES) + 1;
}

/* Memory that is aligned to cache lines, from task_memory_set's; NULL: none. */
void *task_alloc(struct worker *w, uint64_t bytes);

/* Gives it back, on the same worker; NULL is fine. */
void task_free(struct worker *w, void *p);

/* Sends a letter; it waits where the ring is full. */
void task_letter_send(
	struct worker *w, struct task_letter *l, enum task_letter_kind kind, uint8_t to);

/* Tells another worker something, as soon as the ring has room. */
void task_signal_send(struct worker *w, enum task_signal signal, uint8_t to);

/* Makes @tw, whose memory is zeroed, the one of @w. */
void task_worker_start(struct worker *w, struct task_worker *tw);

/* Makes the sending ready. */
void task_mail_init(struct task_worker *tw);

static inline void task_queue_push(struct task_queue *q, struct task_letter *l)
{
	l->next = NULL;
	if (q->first)
		q->last->next = l;
	else
		q->first = l;
	q->last = l;
}

static inline struct task_letter *task_queue_pop(struct task_queue *q)
{
	struct task_letter *l = q->first;

	q->first = l->next;
	return l;
}

/* Whether @client has cycles left here. */
bool task_quota_has(struct worker *w, uint64_t client);

/* It has used @cycles. */
void task_quota_charge(struct worker *w, uint64_t client, uint64_t cycles);

/* Lets @u wait until the next tick; its task must not be queued. */
void task_park(struct worker *w, struct task_unit *u);

/* Forgets that it waits, or is queued. */
void task_unit_stop(struct worker *w, struct task_unit *u);

/* Sees to it that the tick comes. */
void task_tick_arm(struct worker *w);

/* The tick of jobs: deadlines, chunks that do not come back, events that wait. */
void task_jobs_tick(struct worker *w);

/* Publishes how many chunks wait here. */
void task_waiting_add(struct worker *w, int64_t n);

/* Tells others that chunks wait here. */
void task_announce(struct worker *w);

/* Asks somebody for chunks, if nothing is to be done here and somebody has some. */
void task_steal(struct worker *w);

/* Makes @r, whose memory is zeroed, run chunks of @class: its own or stolen ones. */
void task_runner_init(struct task_runner *r, bool is_thief, enum worker_class class);

#endif
