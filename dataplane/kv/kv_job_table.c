/* SPDX-License-Identifier: BSD-3-Clause */
/* The jobs of a worker: begun, counted, kept for a while, dropped. Thread: worker. */
#include <errno.h>
#include <string.h>

#include "dataplane/kv/kv_job.h"
#include "dataplane/kv/kv_long.h"
#include "dataplane/kv/kv_memory.h"
#include "dataplane/kv/kv_output.h"
#include "dataplane/kv/kv_route.h"
#include "dataplane/kv/kv_worker.h"

#define KEPT_SHARE 8 /* of the shard's memory, for results that are kept */

/* Results that nobody has read yet do not make room for another job so soon: a client that submits
 * several at once would lose the first before it could ask for it. Less when it has gone. */
#define UNREAD_NS      (10 * NSEC_PER_SEC)
#define UNREAD_GONE_NS NSEC_PER_SEC

/* Links @j behind the others. */
static void link_last(struct kv_jobs *jobs, struct kv_job *j)
{
	struct kv_job **at = &jobs->first;

	while (*at)
		at = &(*at)->next;
	j->next = NULL;
	*at = j;
	jobs->n++;
}

static void unlink_job(struct kv_jobs *jobs, struct kv_job *j)
{
	struct kv_job **at = &jobs->first;

	while (*at != j)
		at = &(*at)->next;
	*at = j->next;
	jobs->n--;
	if (j->is_detached && j->is_over) {
		jobs->n_kept--;
		jobs->kept_bytes -= j->kept_bytes;
	}
}

/* The oldest one whose results are kept, not @but. */
static struct kv_job *oldest_kept(const struct kv_jobs *jobs, const struct kv_job *but)
{
	struct kv_job *j = jobs->first;

	while (j && (!j->is_detached || !j->is_over || j == but))
		j = j->next;
	return j;
}

/* The oldest one that may make room at @now_ns for another job, of @client only unless that is 0.
 */
static struct kv_job *oldest_spare(const struct kv_jobs *jobs, uint64_t client, uint64_t now_ns)
{
	for (struct kv_job *j = jobs->first; j; j = j->next) {
		uint64_t spared_ns = j->client ? UNREAD_NS : UNREAD_GONE_NS;

		if (j->is_detached && j->is_over && (client == 0 || j->client_id == client) &&
			(j->is_read || now_ns - j->over_ns >= spared_ns))
			return j;
	}
	return NULL;
}

/* Makes room for another job of @client. False: nothing is kept that could go. */
static bool make_room(struct worker *w, uint64_t client)
{
	struct kv_jobs *jobs = w->kv->jobs;
	struct kv_job *oldest;
	uint32_t own = 0;

	for (const struct kv_job *j = jobs->first; j; j = j->next)
		own += j->client_id == client;
	oldest =
		oldest_spare(jobs, own >= task_settings()->jobs_per_client ? client : 0, w->now_ns);
	if (!oldest)
		return false;
	jobs->stats.dropped++;
	kv_job_drop(w, oldest);
	return true;
}

static void name_function(struct kv_job *j, const struct task_program *p)
{
	size_t n = base_strlcpy(j->function, p->library->name, sizeof(j->function));

	n += base_strlcpy(j->function + n, ".", sizeof(j->function) - n);
	base_strlcpy(j->function + n, p->function->name, sizeof(j->function) - n);
}

bool kv_job_start(struct kv_call *c, struct kv_job *j, const struct task_spec *spec)
{
	struct kv_jobs *jobs = c->w->kv->jobs;
	struct base_error err = {.text = ""};
	struct task_job_status st;
	uint32_t retry_ms;
	int ret;

	ret = task_job_submit(c->w, spec, &j->job, &retry_ms, &err);
	if (ret == -EBUSY && make_room(c->w, spec->client))
		ret = task_job_submit(c->w, spec, &j->job, &retry_ms, &err);
	jobs->stats.busy += ret == -EBUSY;
	if (ret < 0) {
		kv_reply_error(c->reply, "%s %s",
			ret == -EBUSY    ? "BUSY"
			: ret == -ENOMEM ? "OOM"
					 : "ERR",
			err.text);
		return false;
	}
	task_job_status(j->job, &st);
	j->id = st.id;
	j->client = c->client;
	j->client_id = c->client_id;
	name_function(j, spec->program);
	link_last(jobs, j);
	jobs->stats.started++;
	return true;
}

/* Adds what @j has come to. */
static void count(struct kv_jobs *jobs, struct kv_job *j, const struct task_job_status *st)
{
	struct kv_jobs_stats *stats = &jobs->stats;

	j->is_over = true;
	j->is_read = st->state == TASK_JOB_CANCELLED; /* there is nothing to read */
	stats->done += st->state == TASK_JOB_DONE;
	stats->failed += st->state == TASK_JOB_FAILED;
	stats->cancelled += st->state == TASK_JOB_CANCELLED || st->state == TASK_JOB_RUNNING;
	if (task_job_spec(j->job)->source)
		stats->records += st->done;
	else
		stats->items += st->done;
	stats->results += st->results;
	stats->faults += st->faults;
	stats->cycles += st->cycles;
	stats->stolen += st->stolen;
	stats->again += st->again;
	if (j->is_detached) {
		j->kept_bytes = st->result_bytes;
		jobs->n_kept++;
		jobs->kept_bytes += j->kept_bytes;
	}
}

void kv_job_see(struct worker *w, struct kv_job *j)
{
	struct task_job_status st;

	if (j->is_over)
		return;
	task_job_status(j->job, &st);
	if (st.state != TASK_JOB_RUNNING)
		count(w->kv->jobs, j, &st);
}

void kv_job_end(
	struct worker *w, struct kv_job *j, void (*freed)(struct worker *w, void *ctx), void *ctx)
{
	struct task_job_status st;

	if (!j->is_over) {
		task_job_status(j->job, &st);
		count(w->kv->jobs, j, &st);
	}
	unlink_job(w->kv->jobs, j);
	task_job_free(w, j->job, freed, ctx);
}

/* Lets who waits look again. */
static void waiter_wake(struct kv_job_waiter *waiter)
{
	if (waiter->client)
		kv_long_wake(waiter->w, waiter->client);
	else
		kv_part_wake(waiter->w, waiter->part);
}

static void on_dropped(struct worker *w, void *ctx)
{
	kv_memory_free(w, ctx);
}

void kv_job_drop(struct worker *w, struct kv_job *j)
{
	wheel_del(w->wheel, &j->timer);
	while (j->waiters) {
		struct kv_job_waiter *waiter = j->waiters;

		j->waiters = waiter->next;
		waiter->job = NULL;
		waiter_wake(waiter);
	}
	kv_job_end(w, j, on_dropped, j);
}

/* The time of grace is over, or that of the results. */
static void on_timer(void *ctx, struct wheel_timer *t)
{
	struct kv_job *j = CONTAINER_OF(t, struct kv_job, timer);

	if (!j->is_over && j->waiters)
		kv_job_touch(ctx, j);
	else
		kv_job_drop(ctx, j);
}

void kv_job_touch(struct worker *w, struct kv_job *j)
{
	if (!j->is_detached || j->client || j->is_over)
		return;
	j->timer.fn = on_timer;
	wheel_add(w->wheel, &j->timer, w->now_ns + task_settings()->grace_s * NSEC_PER_SEC);
}

/* Tells the client of @j how far it is, between replies. */
static void push_progress(struct worker *w, struct kv_job *j)
{
	struct kv_client *c = j->client;
	uint64_t told = 0;

	if (!c || !(c->flags & KV_CLIENT_JOB_PROGRESS) || c->lengthy || c->ops_first ||
		kv_output_is_long(c))
		return;
	kv_output_begin(w, c);
	kv_job_push_progress(&w->kv->reply, c, j, &told);
	kv_output_end(w, c);
	kv_client_see_ended(w);
}

/* @j is over: its results are kept for a while, and older ones make room. */
static void keep(struct worker *w, struct kv_job *j)
{
	struct kv_jobs *jobs = w->kv->jobs;
	struct kv_job *oldest;

	j->timer.fn = on_timer;
	wheel_add(w->wheel, &j->timer, w->now_ns + j->ttl_s * NSEC_PER_SEC);
	while (jobs->kept_bytes > kv_shard_limit_bytes(w->kv->shard) / KEPT_SHARE &&
		(oldest = oldest_kept(jobs, j)) != NULL) {
		jobs->stats.dropped++;
		kv_job_drop(w, oldest);
	}
}

void kv_job_on_event(struct worker *w, struct task_job *job, void *ctx)
{
	struct kv_job *j = ctx;
	bool was_over = j->is_over;

	kv_job_see(w, j);
	if (j->is_over && !was_over) {
		j->over_ns = w->now_ns;
		keep(w, j);
	}
	push_progress(w, j);
	for (struct kv_job_waiter *waiter = j->waiters; waiter; waiter = waiter->next)
		waiter_wake(waiter);
}

struct kv_job *kv_job_find(struct worker *w, uint64_t id)
{
	struct kv_job *j = w->kv->jobs->first;

	while (j && j->id != id)
		j = j->next;
	return j;
}

static void on_late(void *ctx, struct wheel_timer *t)
{
	struct kv_job_waiter *waiter = CONTAINER_OF(t, struct kv_job_waiter, timer);

	waiter->is_late = true;
	waiter_wake(waiter);
}

void kv_job_wait(
	struct worker *w, struct kv_job *j, struct kv_job_waiter *waiter, uint64_t timeout_ms)
{
	waiter->w = w;
	waiter->job = j;
	waiter->next = j->waiters;
	j->waiters = waiter;
	waiter->timer.fn = on_late;
	if (timeout_ms > 0)
		wheel_add(w->wheel, &waiter->timer, w->now_ns + timeout_ms * NSEC_PER_MSEC);
}

void kv_job_wait_end(struct worker *w, struct kv_job_waiter *waiter)
{
	struct kv_job_waiter **at;

	wheel_del(w->wheel, &waiter->timer);
	if (!waiter->job)
		return;
	at = &waiter->job->waiters;
	while (*at != waiter)
		at = &(*at)->next;
	*at = waiter->next;
}

void kv_jobs_on_client_end(struct worker *w, struct kv_client *c)
{
	for (struct kv_job *j = w->kv->jobs->first; j; j = j->next) {
		if (j->client != c || !j->is_detached)
			continue;
		j->client = NULL;
		kv_job_touch(w, j);
	}
}

uint32_t kv_jobs_running(const struct worker *w)
{
	uint32_t n = 0;

	for (const struct kv_job *j = w->kv->jobs->first; j; j = j->next)
		n += !j->is_over;
	return n;
}
