/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands that wait for a job: it is submitted, they sleep until something is new, push what was
 * asked for as it comes, write its results piece by piece, and end when the job has let go of
 * their arguments. Thread: worker.
 */
#include <errno.h>

#include "dataplane/kv/kv_compute.h"
#include "dataplane/kv/kv_data.h"
#include "dataplane/kv/kv_long.h"
#include "dataplane/kv/kv_memory.h"
#include "dataplane/kv/kv_worker.h"

#define ASLEEP UINT64_MAX

/* A command that waits. */
struct compute {
	struct task_spec spec;
	struct kv_client *client;
	uint32_t first_item; /* argument; 0: it has none */
	bool is_started;
	bool is_streaming;
	bool is_ending; /* the job is to go */
	uint64_t pushed_at;
	uint64_t n_pushed;
	uint64_t told;
	struct kv_results results;
	struct kv_job job;
};

static void on_event(struct worker *w, struct task_job *job, void *ctx)
{
	struct compute *s = ctx;

	kv_job_see(w, &s->job);
	kv_long_wake(w, s->client);
}

/* The state of @c; NULL: no memory, and answered. */
static struct compute *create(struct kv_call *c, const struct task_spec *spec)
{
	struct compute *s = kv_memory_alloc(c->w, sizeof(*s));

	if (!s) {
		kv_reply_error(c->reply, KV_OOM_ERROR);
		return NULL;
	}
	*s = (struct compute){.spec = *spec, .client = c->client};
	s->spec.client = c->client_id;
	s->spec.on_event = on_event;
	s->spec.ctx = s;
	if (spec->items)
		s->first_item = (uint32_t)(spec->items - c->argv);
	c->resume = s;
	return s;
}

static void finish(struct kv_call *c)
{
	kv_memory_free(c->w, c->resume);
	c->resume = NULL;
}

static void start(struct kv_call *c, struct compute *s)
{
	if (s->first_item > 0)
		s->spec.items = &c->argv[s->first_item];
	if (s->spec.source)
		s->spec.select = &s->job.each;
	s->is_started = kv_job_start(c, &s->job, &s->spec);
	if (!s->is_started) {
		finish(c);
		return;
	}
	/* From now on results make room for others once they are given back. */
	if (s->is_streaming)
		task_job_results_drop(c->w, s->job.job, 0);
	c->unfinished = true;
	c->wake_ms = ASLEEP;
}

static void on_freed(struct worker *w, void *ctx)
{
	struct compute *s = ctx;

	s->job.is_freed = true;
	kv_long_wake(w, s->client);
}

/* The job is to go; the command is over when it has. */
static void end(struct kv_call *c, struct compute *s)
{
	if (!s->is_ending) {
		s->is_ending = true;
		kv_job_end(c->w, &s->job, on_freed, s);
	}
	c->unfinished = !s->job.is_freed;
	c->wake_ms = ASLEEP;
	if (!c->unfinished)
		finish(c);
}

/* Pushes what has come; true: there may be more. */
static bool push(struct kv_call *c, struct compute *s)
{
	uint64_t from = s->pushed_at;
	uint32_t n = kv_results_push(c->reply, &s->job, s->job.job, &s->pushed_at);

	s->n_pushed += n;
	/* Also without a result: it may have come to the end of a block, for whose room parts wait.
	 */
	if (s->pushed_at != from)
		task_job_results_drop(c->w, s->job.job, s->pushed_at);
	return n > 0;
}

/* The reply to a command whose results were pushed: their number, behind the accumulator. */
static void reply_streamed(struct kv_call *c, struct compute *s, enum task_kind kind)
{
	const uint8_t *acc = task_job_acc(s->job.job);

	if (kind == TASK_EACH) {
		kv_reply_array(c->reply, 2);
		if (acc)
			kv_reply_bulk(c->reply, acc, BRAID_ACC_BYTES);
		else
			kv_reply_null(c->reply);
	}
	kv_reply_int(c->reply, (int64_t)s->n_pushed);
}

/* A piece of the reply of a job that is done; true: there is more. */
static bool reply_piece(struct kv_call *c, struct compute *s)
{
	if (!s->results.job)
		kv_results_init(&s->results, s->job.job, 0, UINT64_MAX, UINT64_MAX);
	if (!s->results.is_counted)
		return kv_results_count(&s->results) || !s->results.is_written;
	return kv_results_write(&s->results, c->reply);
}

/* Goes on with a job that is under way or over. */
static void go(struct kv_call *c, struct compute *s)
{
	struct task_job_status st;

	task_job_status(s->job.job, &st);
	if (s->is_streaming && st.state <= TASK_JOB_DONE && push(c, s)) {
		c->unfinished = true;
		return;
	}
	switch (st.state) {
	case TASK_JOB_RUNNING:
		kv_job_push_progress(c->reply, c->client, &s->job, &s->told);
		c->unfinished = true;
		c->wake_ms = ASLEEP;
		return;
	case TASK_JOB_DONE:
		if (s->is_streaming) {
			reply_streamed(c, s, st.kind);
		} else if (reply_piece(c, s)) {
			c->unfinished = true;
			return;
		}
		break;
	case TASK_JOB_FAILED:
	case TASK_JOB_CANCELLED:
		kv_job_reply_failure(c->reply, &s->job, &st);
		break;
	}
	end(c, s);
}

/* The client is gone. */
static void cancel(struct kv_call *c, struct compute *s)
{
	if (!s)
		return;
	if (s->is_started) {
		end(c, s);
		return;
	}
	task_program_release(s->spec.program);
	finish(c);
}

void kv_compute_call(struct kv_call *c, const struct task_spec *spec)
{
	struct compute *s = c->resume;

	if (c->cancel) {
		cancel(c, s);
	} else if (!s) {
		/* The arguments lie in what was received: their copies come with the next piece. */
		if (!create(c, spec))
			return;
		task_program_hold(spec->program);
		c->unfinished = true;
	} else if (!s->is_started) {
		const struct task_program *p = s->spec.program;

		start(c, s);
		task_program_release(p);
	} else if (s->is_ending) {
		end(c, s);
	} else {
		go(c, s);
	}
}

void kv_compute_ask(struct kv_call *c, const struct kv_ask *ask)
{
	struct compute *s = create(c, &ask->spec);

	if (!s)
		return;
	s->job.each = ask->each;
	s->is_streaming = ask->is_streaming;
	start(c, s);
}
