/* SPDX-License-Identifier: BSD-3-Clause */
/* Asks workers, one after the other, and hands out what they found. Thread: main, but for the
 * handler of the mail that asks. */
#include <errno.h>
#include <string.h>

#include "dataplane/core/mailbox.h"
#include "dataplane/core/query.h"

#define NUMBER_BITS 8 /* of the mail's argument: which question; the serial is above */

static union place {
	struct query q;
	uint8_t bytes[QUERY_BYTES];
} CACHE_ALIGNED places[QUERIES_MAX];

static const char *const things[] = {
#define QUERY(name, function, things) [QUERY_##name] = (things),
#include "dataplane/core/query.def"
#undef QUERY
};

static struct worker *query_main(void)
{
	return workers[workers[0]->main_id];
}

static uint64_t query_mail(const struct query *q)
{
	return (uint64_t)q->serial << NUMBER_BITS | (uint64_t)((const union place *)q - places);
}

/* Ends @q, and tells who asked. */
static void query_end(struct query *q, int status, const struct base_error *err)
{
	wheel_del(query_main()->wheel, &q->timer);
	q->lost = status < 0;
	q->done(q, status, err);
	q->busy = q->lost;
}

static void query_on_timer(void *worker, struct wheel_timer *t)
{
	struct query *q = CONTAINER_OF(t, struct query, timer);
	struct base_error err;

	query_end(q,
		base_error_set(&err, ETIMEDOUT,
			"worker %u has not answered for %llu seconds: its %s are not known",
			q->worker, (unsigned long long)(QUERY_WAIT_NS / NSEC_PER_SEC),
			things[q->kind]),
		&err);
}

struct query *query_create(
	enum query_kind kind, uint8_t n_parts, uint64_t cursor, struct base_error *err)
{
	uint64_t at = cursor ? cursor - 1 : 0;
	union place *p = places;

	if (at >> 33 >= workers[0]->n_workers || (at >> 32 & 1) >= n_parts) {
		base_error_set(err, EINVAL, "%s: a cursor that no answer has given", things[kind]);
		return NULL;
	}
	while (p < places + QUERIES_MAX && p->q.busy)
		p++;
	if (p == places + QUERIES_MAX) {
		base_error_set(err, EBUSY,
			"%u questions to workers are under way: try again when they are answered",
			QUERIES_MAX);
		return NULL;
	}
	p->q = (struct query){
		.kind = kind,
		.at = (uint32_t)at,
		.part = (at >> 32) & 1,
		.n_parts = n_parts,
		.worker = (uint8_t)(at >> 33),
		.timer = {.fn = query_on_timer},
		.serial = p->q.serial + 1,
		.busy = true,
	};
	return &p->q;
}

uint64_t query_cursor(const struct query *q)
{
	if (q->worker == workers[0]->n_workers)
		return 0;
	return query_at_worker(q->worker) + ((uint64_t)q->part << 32 | q->at);
}

/* Sends @q to the worker whose turn it is. */
static void query_send(struct query *q)
{
	struct worker *w = query_main();
	struct base_error err;

	q->mails++;
	q->is_end = false;
	/* The timer goes first: a full ring is a worker that does not look into it. */
	wheel_add(w->wheel, &q->timer, w->now_ns + QUERY_WAIT_NS);
	if (mailbox_send(w, q->worker, MAIL_query, query_mail(q)) == 0)
		return;
	query_end(q,
		base_error_set(&err, ETIMEDOUT, "worker %u takes no questions: its ring is full",
			q->worker),
		&err);
	/* It never got it. */
	q->busy = q->lost = false;
}

void query_start(struct query *q)
{
	query_send(q);
}

/* Moves on to the next table; false: that was the last. */
static bool query_advance(struct query *q)
{
	if (!q->is_end)
		return true;
	q->at = 0;
	q->part++;
	if (q->part == q->n_parts) {
		q->part = 0;
		q->worker++;
	}
	return q->worker < workers[0]->n_workers;
}

void query_on_answer(struct worker *w, uint64_t arg)
{
	struct query *q = &places[arg % QUERIES_MAX].q;
	bool goes_on;

	if (arg != query_mail(q) || !q->busy)
		return;
	if (q->lost) {
		q->busy = q->lost = false;
		return;
	}
	goes_on = query_advance(q);
	if (!goes_on || q->has_all || q->is_full || q->mails == QUERY_MAILS)
		query_end(q, 0, NULL);
	else
		query_send(q);
}

void query_on_mail(struct worker *w, uint64_t arg)
{
	static void (*const looks[])(struct worker * w, struct query * q) = {
#define QUERY(name, function, things) [QUERY_##name] = function,
#include "dataplane/core/query.def"
#undef QUERY
	};
	struct query *q = &places[arg % QUERIES_MAX].q;

	looks[q->kind](w, q);
	/* A ring of main that is full loses the answer: main notices that none comes. */
	mailbox_send(w, w->main_id, MAIL_query_answer, arg);
}

void query_fini(void)
{
	for (unsigned i = 0; i < QUERIES_MAX; i++) {
		struct query *q = &places[i].q;

		wheel_del(query_main()->wheel, &q->timer);
		q->busy = q->lost = false;
	}
}
