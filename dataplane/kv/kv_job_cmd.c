/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * JOB: jobs that go on by themselves. Those that name one run on the worker that it is at home on.
 * Thread: worker.
 */
#include <errno.h>
#include <string.h>

#include "dataplane/kv/kv_admin.h"
#include "dataplane/kv/kv_data.h"
#include "dataplane/kv/kv_function.h"
#include "dataplane/kv/kv_job.h"
#include "dataplane/kv/kv_memory.h"
#include "dataplane/kv/kv_route.h"
#include "dataplane/kv/kv_text.h"
#include "dataplane/kv/kv_worker.h"
#include "lib/wire/number.h"

#define PAGE_RESULTS 128
#define PAGE_BYTES   (32u << 10)
#define TTL_S_MAX    (7 * 24 * 3600)
#define TIMEOUT_MAX  (365ULL * 24 * 3600 * 1000) /* milliseconds */

bool kv_job_id(const struct resp_arg *a, uint64_t *id)
{
	int64_t n;

	*id = 0;
	if (!kv_parse_int(a->bytes, a->len, &n) || n <= 0)
		return false;
	*id = (uint64_t)n;
	return true;
}

/* The job that argument 2 names; NULL: answered. */
static struct kv_job *find(struct kv_call *c)
{
	struct kv_job *j = NULL;
	uint64_t id;

	if (!kv_job_id(&c->argv[2], &id)) {
		kv_reply_error(c->reply, "ERR a job's id is a number, as JOB SUBMIT answers it");
		return NULL;
	}
	j = kv_job_find(c->w, id);
	if (!j)
		kv_reply_error(c->reply,
			"NOJOB there is no job %lu: it was never there, or its time was over",
			(unsigned long)id);
	else
		kv_job_touch(c->w, j);
	return j;
}

/* --- SUBMIT --- */

struct submit {
	struct kv_ask ask;
	uint32_t ttl_s;
	uint64_t deadline_ns;
	enum worker_class class;
	bool has_class;
	uint32_t first_item; /* argument */
};

/* Reads what stands before FMAP or FEACH, whose argument is *@arg afterwards. */
static bool parse_options(struct kv_call *c, struct submit *s, uint32_t *arg)
{
	int64_t n;

	for (*arg = 2; *arg + 1 < c->argc; *arg += 2) {
		if (kv_arg_is(c, *arg, "ttl")) {
			if (!kv_data_int(c, *arg + 1, &n))
				return false;
			if (n < 1 || n > TTL_S_MAX)
				kv_reply_error(
					c->reply, "ERR TTL is from 1 to %d seconds", TTL_S_MAX);
			s->ttl_s = (uint32_t)n;
		} else if (kv_arg_is(c, *arg, "deadline")) {
			if (!kv_data_int(c, *arg + 1, &n))
				return false;
			if (n < 1 || (uint64_t)n > TIMEOUT_MAX)
				kv_reply_error(
					c->reply, "ERR DEADLINE is in milliseconds from now");
			s->deadline_ns = c->w->now_ns + (uint64_t)n * NSEC_PER_MSEC;
		} else if (kv_arg_is(c, *arg, "class")) {
			s->has_class = kv_job_parse_class(c, *arg + 1, &s->class);
		} else {
			return true;
		}
		if (kv_reply_is_error(c->reply))
			return false;
	}
	kv_reply_error(c->reply, KV_SYNTAX_ERROR);
	return false;
}

/* FMAP's function. */
static bool parse_fmap(struct kv_call *c, uint32_t arg, struct submit *s)
{
	struct base_error err = {.text = ""};
	const struct task_program *p;

	p = task_program_find(c->argv[arg].bytes, c->argv[arg].len, &err);
	if (!p) {
		kv_reply_error(c->reply, "ERR %s", err.text);
		return false;
	}
	if (!kv_fmap_are_items(c, arg + 1, c->argc - (arg + 1)))
		return false;
	s->first_item = arg + 1;
	s->ask.spec = (struct task_spec){.program = p, .client = c->client_id};
	return true;
}

/* Reads all of SUBMIT; false: answered with what is wrong. */
static bool parse_submit(struct kv_call *c, struct submit *s)
{
	uint32_t arg;
	bool parsed;

	if (!parse_options(c, s, &arg))
		return false;
	if (kv_arg_is(c, arg, "fmap")) {
		parsed = parse_fmap(c, arg + 1, s);
	} else if (kv_arg_is(c, arg, "feach")) {
		parsed = kv_feach_parse(c, arg + 1, &s->ask);
		if (parsed && s->ask.is_streaming)
			kv_reply_error(c->reply, "ERR STREAM is for those who wait: FEACH itself");
	} else {
		kv_reply_error(c->reply, "ERR JOB SUBMIT takes FMAP or FEACH");
		return false;
	}
	if (s->has_class)
		s->ask.spec.class = s->class;
	s->ask.spec.deadline_ns = s->deadline_ns;
	return parsed && !kv_reply_is_error(c->reply);
}

/* A job with copies of what it runs over; NULL: no memory. */
static struct kv_job *job_create(struct kv_call *c, struct submit *s)
{
	uint32_t n = s->first_item > 0 ? c->argc - s->first_item : 1;
	const struct resp_arg *from =
		s->first_item > 0 ? &c->argv[s->first_item] : &s->ask.each.match;
	uint64_t bytes = sizeof(struct kv_job) + n * sizeof(struct resp_arg);
	struct kv_job *j;
	uint8_t *p;

	for (uint32_t i = 0; i < n; i++)
		bytes += from[i].len;
	j = kv_memory_alloc(c->w, bytes);
	if (!j)
		return NULL;
	*j = (struct kv_job){.is_detached = true, .ttl_s = s->ttl_s, .each = s->ask.each};
	p = (uint8_t *)&j->items[n];
	for (uint32_t i = 0; i < n; i++) {
		if (from[i].len > 0)
			memcpy(p, from[i].bytes, from[i].len);
		j->items[i] = (struct resp_arg){.bytes = p, .len = from[i].len};
		p += from[i].len;
	}
	if (s->first_item > 0) {
		s->ask.spec.items = j->items;
		s->ask.spec.n_items = n;
	} else {
		if (j->each.match.bytes)
			j->each.match = j->items[0];
		s->ask.spec.select = &j->each;
	}
	return j;
}

void kv_cmd_job_submit(struct kv_call *c)
{
	struct submit s = {.ttl_s = task_settings()->result_ttl_s};
	struct kv_job *j;

	if (!parse_submit(c, &s))
		return;
	j = job_create(c, &s);
	if (!j) {
		kv_reply_error(c->reply, KV_OOM_ERROR);
		return;
	}
	s.ask.spec.on_event = kv_job_on_event;
	s.ask.spec.ctx = j;
	if (!kv_job_start(c, j, &s.ask.spec)) {
		kv_memory_free(c->w, j);
		return;
	}
	c->client->flags |= KV_CLIENT_JOBS;
	kv_reply_int(c->reply, (int64_t)j->id);
}

/* --- those that name one --- */

void kv_cmd_job_status(struct kv_call *c)
{
	const struct kv_job *j = find(c);

	if (j)
		kv_job_reply_status(c->reply, j, c->w->now_ns);
}

/* A page of results, and the cursor of the next one. */
static void reply_page(struct kv_call *c, struct kv_job *j, uint64_t from)
{
	char text[NUMBER_INT_TEXT_MAX];
	struct task_job_status st;
	struct task_result next;
	struct kv_results r;
	uint64_t at;

	task_job_status(j->job, &st);
	kv_results_init(&r, j->job, from, PAGE_RESULTS, PAGE_BYTES);
	while (kv_results_count(&r))
		;
	at = r.end;
	if (r.n == 0 && st.state >= TASK_JOB_FAILED && !task_job_result(j->job, &at, &next)) {
		j->is_read = true;
		kv_job_reply_failure(c->reply, j, &st);
		return;
	}
	at = r.end;
	if (st.state == TASK_JOB_DONE && !task_job_result(j->job, &at, &next)) {
		j->is_read = true;
		at = 0;
	} else {
		at = r.end + 1;
	}
	kv_reply_array(c->reply, 2);
	kv_reply_bulk(c->reply, text, number_format_int(text, (int64_t)at));
	while (kv_results_write(&r, c->reply))
		;
}

void kv_cmd_job_result(struct kv_call *c)
{
	uint64_t cursor = 0;
	struct kv_job *j;

	if (c->argc > 4) {
		kv_admin_refuse_sub(c);
		return;
	}
	if (c->argc == 4 && !kv_scan_cursor(&c->argv[3], &cursor)) {
		kv_reply_error(c->reply, "ERR invalid cursor");
		return;
	}
	j = find(c);
	if (!j)
		return;
	if (j->is_detached)
		reply_page(c, j, cursor > 0 ? cursor - 1 : 0);
	else
		kv_reply_error(c->reply,
			"ERR job %lu answers to who waits for it: it is no job of "
			"JOB SUBMIT",
			(unsigned long)j->id);
}

void kv_cmd_job_cancel(struct kv_call *c)
{
	struct kv_job *j = find(c);

	if (!j)
		return;
	kv_reply_int(c->reply, !j->is_over);
	if (!j->is_over)
		task_job_cancel(c->w, j->job);
	else if (j->is_detached)
		kv_job_drop(c->w, j);
}

/* Lets the call sleep until @j is over. */
static void wait_start(struct kv_call *c, struct kv_job *j, uint64_t timeout_ms)
{
	struct kv_job_waiter *waiter = kv_memory_alloc(c->w, sizeof(*waiter));

	if (!waiter) {
		kv_reply_error(c->reply, KV_OOM_ERROR);
		return;
	}
	*waiter = (struct kv_job_waiter){.client = c->client};
	if (!c->client)
		waiter->part = CONTAINER_OF(c, struct kv_part, call);
	kv_job_wait(c->w, j, waiter, timeout_ms);
	c->resume = waiter;
	c->unfinished = true;
	c->wake_ms = UINT64_MAX;
}

static void wait_first(struct kv_call *c)
{
	int64_t timeout_ms = 0;
	struct kv_job *j;

	if (c->argc > 4) {
		kv_admin_refuse_sub(c);
		return;
	}
	if (c->argc == 4 && !kv_data_int(c, 3, &timeout_ms))
		return;
	if (timeout_ms < 0 || (uint64_t)timeout_ms > TIMEOUT_MAX) {
		kv_reply_error(c->reply, "ERR timeout is out of range");
		return;
	}
	j = find(c);
	if (!j)
		return;
	if (j->is_over)
		kv_job_reply_status(c->reply, j, c->w->now_ns);
	else
		wait_start(c, j, (uint64_t)timeout_ms);
}

void kv_cmd_job_wait(struct kv_call *c)
{
	struct kv_job_waiter *waiter = c->resume;
	struct kv_job *j = waiter ? waiter->job : NULL;

	if (!waiter) {
		if (!c->cancel)
			wait_first(c);
		return;
	}
	if (!c->cancel && j && !j->is_over && !waiter->is_late) {
		kv_job_push_progress(c->reply, c->client, j, &waiter->told);
		c->unfinished = true;
		c->wake_ms = UINT64_MAX;
		return;
	}
	if (c->cancel)
		; /* nobody reads it */
	else if (!j)
		kv_reply_error(c->reply, "NOJOB the job was dropped meanwhile");
	else if (!j->is_over)
		kv_reply_null(c->reply);
	else
		kv_job_reply_status(c->reply, j, c->w->now_ns);
	kv_job_wait_end(c->w, waiter);
	kv_memory_free(c->w, waiter);
	c->resume = NULL;
}

/* --- the others --- */

void kv_cmd_job_list(struct kv_call *c)
{
	const struct kv_jobs *jobs = c->w->kv->jobs;

	kv_reply_array(c->reply, jobs->n);
	for (const struct kv_job *j = jobs->first; j; j = j->next)
		kv_job_reply_status(c->reply, j, c->w->now_ns);
}

void kv_cmd_job_progress(struct kv_call *c)
{
	if (kv_arg_is(c, 2, "off")) {
		c->client->flags &= ~(uint32_t)KV_CLIENT_JOB_PROGRESS;
		kv_reply_ok(c->reply);
	} else if (!kv_arg_is(c, 2, "on")) {
		kv_reply_error(c->reply, KV_SYNTAX_ERROR);
	} else if (kv_reply_version(c->reply) < 3) {
		kv_reply_error(c->reply, "ERR PROGRESS needs RESP3: say HELLO 3 first");
	} else {
		c->client->flags |= KV_CLIENT_JOB_PROGRESS;
		kv_reply_ok(c->reply);
	}
}

void kv_cmd_job_help(struct kv_call *c)
{
	static const char *const lines[] = {
		"SUBMIT [TTL <seconds>] [CLASS <latency|normal|batch>] [DEADLINE <ms>]",
		"    FMAP <function> <item> ... | FEACH <function> [<option> ...]",
		"    Start a job that goes on by itself; its id.",
		"STATUS <id>",
		"    How it stands.",
		"WAIT <id> [<timeout ms>]",
		"    Its status once it is over; null when the time is over first.",
		"RESULT <id> [<cursor>]",
		"    A page of results and the cursor of the next one; 0: there is none.",
		"CANCEL <id>",
		"    End it. 1, or 0 if it was over.",
		"LIST",
		"    The status of all jobs of the node, also of FEACH under way.",
		"PROGRESS ON|OFF",
		"    Whether this connection is pushed how far its jobs are (RESP3).",
	};

	kv_reply_help(c, lines, ARRAY_SIZE(lines));
}
