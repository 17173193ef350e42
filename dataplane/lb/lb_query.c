/* SPDX-License-Identifier: BSD-3-Clause */
/* The main thread's side of questions about flows. Thread: main. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "dataplane/core/mailbox.h"
#include "dataplane/lb/lb_query.h"

#define NUMBER_BITS 8 /* of the mail's argument: which question; the serial is above */

static struct lb_query queries[LB_QUERIES_MAX];

static struct worker *lb_query_main(void)
{
	return workers[workers[0]->main_id];
}

struct lb_query *lb_query_of_mail(uint64_t arg)
{
	return &queries[arg % LB_QUERIES_MAX];
}

static uint64_t lb_query_mail(const struct lb_query *q)
{
	return (uint64_t)q->serial << NUMBER_BITS | (uint64_t)(q - queries);
}

/* Ends @q, and tells who asked. */
static void lb_query_end(struct lb_query *q, int status, const struct base_error *err)
{
	wheel_del(lb_query_main()->wheel, &q->timer);
	q->lost = status < 0;
	q->done(q, status, err);
	q->busy = q->lost;
}

static void lb_query_on_timer(void *worker, struct wheel_timer *t)
{
	struct lb_query *q = CONTAINER_OF(t, struct lb_query, timer);
	struct base_error err;

	lb_query_end(q,
		base_error_set(&err, ETIMEDOUT,
			"worker %u has not answered for %llu seconds: its flows are not known",
			q->worker, (unsigned long long)(LB_QUERY_WAIT_NS / NSEC_PER_SEC)),
		&err);
}

struct lb_query *lb_query_create(
	const struct lb_query_want *want, uint64_t cursor, struct base_error *err)
{
	uint64_t place = cursor ? cursor - 1 : 0;
	struct lb_query *q = queries;

	if (place >> 33 >= workers[0]->n_workers) {
		base_error_set(err, EINVAL, "flows: a cursor that no answer has given");
		return NULL;
	}
	while (q < queries + LB_QUERIES_MAX && q->busy)
		q++;
	if (q == queries + LB_QUERIES_MAX) {
		base_error_set(err, EBUSY,
			"%u questions about flows are under way: try again when they are answered",
			LB_QUERIES_MAX);
		return NULL;
	}
	q->want = *want;
	q->bucket = (uint32_t)place;
	q->is_ip6 = (place >> 32) & 1;
	q->worker = (uint8_t)(place >> 33);
	q->is_full = q->is_end = q->has_record = false;
	q->n = 0;
	q->timer.fn = lb_query_on_timer;
	q->serial++;
	q->mails = 0;
	q->busy = true;
	q->lost = false;
	return q;
}

uint64_t lb_query_cursor(const struct lb_query *q)
{
	if (q->worker == workers[0]->n_workers)
		return 0;
	return 1 + ((uint64_t)q->worker << 33 | (uint64_t)q->is_ip6 << 32 | q->bucket);
}

/* Sends @q to the worker whose turn it is. */
static void lb_query_send(struct lb_query *q)
{
	struct worker *w = lb_query_main();
	struct base_error err;

	q->mails++;
	q->is_end = false;
	/* The timer goes first: a full ring is a worker that does not look into it. */
	wheel_add(w->wheel, &q->timer, w->now_ns + LB_QUERY_WAIT_NS);
	if (mailbox_send(w, q->worker, MAIL_lb_query, lb_query_mail(q)) == 0)
		return;
	lb_query_end(q,
		base_error_set(&err, ETIMEDOUT, "worker %u takes no questions: its ring is full",
			q->worker),
		&err);
	/* It never got it. */
	q->busy = q->lost = false;
}

void lb_query_start(struct lb_query *q)
{
	lb_query_send(q);
}

/* Moves on to the next table; false: that was the last. */
static bool lb_query_advance(struct lb_query *q)
{
	if (!q->is_end)
		return true;
	q->bucket = 0;
	q->is_ip6 = !q->is_ip6 && q->want.kind == LB_QUERY_DUMP;
	if (!q->is_ip6)
		q->worker++;
	return q->worker < workers[0]->n_workers;
}

void lb_on_answer(struct worker *w, uint64_t arg)
{
	struct lb_query *q = lb_query_of_mail(arg);
	bool has_all = false, goes_on;

	if (arg != lb_query_mail(q) || !q->busy)
		return;
	if (q->lost) {
		q->busy = q->lost = false;
		return;
	}
	goes_on = lb_query_advance(q);
	if (q->want.kind != LB_QUERY_DUMP)
		has_all = q->n > 0 || q->want.kind == LB_QUERY_PORT;
	if (!goes_on || has_all || q->is_full || q->mails == LB_QUERY_MAILS)
		lb_query_end(q, 0, NULL);
	else
		lb_query_send(q);
}

void lb_query_fini(void)
{
	for (unsigned i = 0; i < LB_QUERIES_MAX; i++) {
		wheel_del(lb_query_main()->wheel, &queries[i].timer);
		queries[i].busy = queries[i].lost = false;
	}
}
