/* SPDX-License-Identifier: BSD-3-Clause */
/* What clients are told about jobs: state, failures, progress. Thread: worker. */
#include <string.h>

#include "dataplane/kv/kv_client.h"
#include "dataplane/kv/kv_job.h"

#define KEY_SHOWN (4 * BRAID_KEY_BYTES + 4) /* each byte may take four */

static const char *const class_names[WORKER_CLASSES] = {
	[WORKER_NORMAL] = "normal",
	[WORKER_LATENCY] = "latency",
	[WORKER_BATCH] = "batch",
};

const char *kv_job_state(enum task_job_state state)
{
	switch (state) {
	case TASK_JOB_RUNNING:
		return "running";
	case TASK_JOB_DONE:
		return "done";
	case TASK_JOB_FAILED:
		return "failed";
	case TASK_JOB_CANCELLED:
		break;
	}
	return "cancelled";
}

/* Writes @len bytes at @p as between quotes of a terminal: what is not readable as \xNN. */
static void quote(char *out, const uint8_t *p, uint32_t len)
{
	static const char digits[] = "0123456789abcdef";

	for (uint32_t i = 0; i < len; i++) {
		if (p[i] >= ' ' && p[i] < 0x7f && p[i] != '"' && p[i] != '\\') {
			*out++ = (char)p[i];
			continue;
		}
		*out++ = '\\';
		if (p[i] == '"' || p[i] == '\\') {
			*out++ = (char)p[i];
			continue;
		}
		*out++ = 'x';
		*out++ = digits[p[i] >> 4];
		*out++ = digits[p[i] & 15];
	}
	*out = '\0';
}

void kv_job_reply_failure(
	struct kv_reply *r, const struct kv_job *j, const struct task_job_status *s)
{
	char key[KEY_SHOWN];

	if (s->state == TASK_JOB_FAILED && s->fault.code != 0 && s->fault_key_len > 0) {
		quote(key, s->fault_key, s->fault_key_len);
		kv_reply_error(r, "FAULT key \"%s\": %s: %s", key, j->function, s->fault.text);
	} else if (s->state == TASK_JOB_FAILED && s->fault.code != 0 &&
		   task_job_spec(j->job)->source) {
		kv_reply_error(r, "FAULT %s: %s", j->function, s->fault.text);
	} else if (s->state == TASK_JOB_FAILED && s->fault.code != 0) {
		kv_reply_error(r, "FAULT item %lu: %s: %s", (unsigned long)s->fault.number,
			j->function, s->fault.text);
	} else if (s->state == TASK_JOB_FAILED) {
		kv_reply_error(r, "ERR job %lu failed: %s", (unsigned long)j->id, s->error);
	} else {
		kv_reply_error(r, "CANCELLED job %lu was cancelled%s%s", (unsigned long)j->id,
			s->error[0] ? ": " : "", s->error);
	}
}

/* A name and a number. */
static void pair(struct kv_reply *r, const char *name, uint64_t n)
{
	kv_reply_text(r, name);
	kv_reply_int(r, (int64_t)n);
}

/* A name and a text. */
static void pair_text(struct kv_reply *r, const char *name, const char *text)
{
	kv_reply_text(r, name);
	kv_reply_text(r, text);
}

void kv_job_reply_status(struct kv_reply *r, const struct kv_job *j, uint64_t now_ns)
{
	const struct task_spec *spec = task_job_spec(j->job);
	struct task_job_status s;
	uint64_t end_ns;

	task_job_status(j->job, &s);
	end_ns = s.ended_ns ? s.ended_ns : now_ns;
	kv_reply_map(r, 17);
	pair(r, "id", j->id);
	pair_text(r, "state", kv_job_state(s.state));
	pair_text(r, "function", j->function);
	pair_text(r, "kind", task_kind_name(s.kind));
	pair_text(r, "over", spec->source ? "records" : "items");
	pair_text(r, "class", class_names[spec->class % WORKER_CLASSES]);
	pair(r, "detached", j->is_detached);
	pair(r, "client", j->client_id);
	pair(r, "done", s.done);
	pair(r, "total", s.total);
	pair(r, "results", s.results);
	pair(r, "result_bytes", s.result_bytes);
	pair(r, "faults", s.faults);
	pair(r, "cycles", s.cycles);
	pair(r, "stolen", s.stolen);
	pair(r, "elapsed_us", (end_ns - s.started_ns) / NSEC_PER_USEC);
	pair_text(r, "error", s.fault.code != 0 ? s.fault.text : s.error);
}

void kv_job_push_progress(
	struct kv_reply *r, const struct kv_client *client, const struct kv_job *j, uint64_t *told)
{
	struct task_job_status s;

	if (!client || !(client->flags & KV_CLIENT_JOB_PROGRESS) || client->version < 3)
		return;
	task_job_status(j->job, &s);
	if (s.done == *told)
		return;
	*told = s.done;
	kv_reply_push(r, 4);
	kv_reply_text(r, "job-progress");
	kv_reply_int(r, (int64_t)j->id);
	kv_reply_int(r, (int64_t)s.done);
	kv_reply_int(r, (int64_t)s.total);
}
