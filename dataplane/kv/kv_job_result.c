/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Results of jobs as replies: how many there are has to be said first, so they are counted, and
 * then written, both in pieces. Thread: worker.
 */
#include <string.h>

#include "dataplane/kv/kv_job.h"

#define COUNTS_PER_PIECE 256
#define WRITES_PER_PIECE 64
#define BYTES_PER_PIECE  (16u << 10)

void kv_results_init(
	struct kv_results *r, struct task_job *job, uint64_t from, uint64_t n, uint64_t bytes)
{
	*r = (struct kv_results){.job = job,
		.from = from,
		.at = from,
		.left = n,
		.bytes_left = bytes,
		.is_page = n != UINT64_MAX};
}

/* The number of what went wrong with item @number, whose line is @line of C. */
static void reply_fault(
	struct kv_reply *reply, const struct task_job *job, const struct task_result *t)
{
	const struct task_program *p = task_job_spec(job)->program;
	const struct task_function *f = p->function;
	const char *text = "", *what;
	uint32_t i = 0;

	while (i < f->n_lines && f->lines[i].line != t->line)
		i++;
	if (i < f->n_lines && t->line != 0)
		text = f->lines[i].text;
	what = t->fault == BRAID_FAULT_DIVIDE  ? "a divisor is zero"
	       : t->fault == BRAID_FAULT_INPUT ? "the value is not what the program is for"
	       : t->fault == BRAID_FAULT_RANGE ? "an offset or a length is out of range"
	       : t->fault == BRAID_FAULT_FULL  ? "more was emitted than there is room for"
					       : "the program's own fault";
	kv_reply_error(reply, "FAULT item %lu: %s.%s: line %u%s%s%s: %s (%d)",
		(unsigned long)t->number, p->library->name, f->name, t->line, text[0] ? ", `" : "",
		text, text[0] ? "`" : "", what, t->fault);
}

bool kv_results_count(struct kv_results *r)
{
	struct task_result t;
	uint64_t next = r->at;

	for (unsigned i = 0; i < COUNTS_PER_PIECE; i++) {
		if (r->left == 0 || r->bytes_left == 0 || !task_job_result(r->job, &next, &t)) {
			r->is_counted = true;
			r->end = r->at;
			return false;
		}
		r->at = next;
		r->n += !t.dropped;
		r->left--;
		r->bytes_left -= MIN_OF(r->bytes_left, (uint64_t)t.key_len + t.value_len);
	}
	return true;
}

/* What comes before the results. */
static void write_head(struct kv_results *r, struct kv_reply *reply)
{
	const uint8_t *acc;

	if (task_job_spec(r->job)->program->function->kind != TASK_EACH) {
		kv_reply_array(reply, r->n);
		return;
	}
	acc = task_job_acc(r->job);
	kv_reply_array(reply, 2);
	if (acc)
		kv_reply_bulk(reply, acc, BRAID_ACC_BYTES);
	else
		kv_reply_null(reply);
	kv_reply_array(reply, 2 * r->n);
}

/* One result; its bytes. */
static uint32_t write_one(
	struct kv_reply *reply, const struct task_job *job, const struct task_result *t)
{
	const struct task_spec *spec = task_job_spec(job);

	if (t->dropped)
		return 0;
	if (t->fault != 0) {
		reply_fault(reply, job, t);
		return 0;
	}
	if (spec->source)
		kv_reply_bulk(reply, t->key, t->key_len);
	if (!spec->source || spec->program->function->kind == TASK_EACH)
		kv_reply_bulk(reply, t->value, t->value_len);
	return t->key_len + t->value_len;
}

bool kv_results_write(struct kv_results *r, struct kv_reply *reply)
{
	struct task_result t;
	uint32_t bytes = 0;

	if (!r->is_written) {
		write_head(r, reply);
		r->is_written = true;
		r->at = r->from;
	}
	for (unsigned i = 0; i < WRITES_PER_PIECE && bytes < BYTES_PER_PIECE; i++) {
		if (r->at == r->end || !task_job_result(r->job, &r->at, &t))
			return false;
		bytes += write_one(reply, r->job, &t);
	}
	return r->at != r->end;
}

uint32_t kv_results_push(
	struct kv_reply *reply, const struct kv_job *j, struct task_job *job, uint64_t *at)
{
	bool is_each = task_job_spec(job)->program->function->kind == TASK_EACH;
	struct task_result t;
	uint64_t from = *at;
	uint32_t n = 0;

	while (n < WRITES_PER_PIECE && task_job_result(job, at, &t))
		n++;
	if (n == 0)
		return 0;
	*at = from;
	kv_reply_push(reply, 3);
	kv_reply_text(reply, is_each ? "job-pairs" : "job-keys");
	kv_reply_int(reply, (int64_t)j->id);
	kv_reply_array(reply, is_each ? 2 * n : n);
	for (uint32_t i = 0; i < n && task_job_result(job, at, &t); i++)
		write_one(reply, job, &t);
	return n;
}
