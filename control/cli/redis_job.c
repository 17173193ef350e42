/* SPDX-License-Identifier: BSD-3-Clause */
/* Jobs of the node: waiting, status, cancelling. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/redis_job.h"

#define CANCEL_MS 2000 /* how long an answer to JOB CANCEL is waited for */

bool redis_job_id(const redisReply *reply, char id[REDIS_JOB_ID_MAX])
{
	if (reply->type == REDIS_REPLY_INTEGER)
		return snprintf(id, REDIS_JOB_ID_MAX, "%lld", reply->integer) > 0;
	return (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS) &&
	       base_strlcpy(id, reply->str, REDIS_JOB_ID_MAX) == reply->len;
}

static uint64_t number(const redisReply *reply)
{
	if (reply->type == REDIS_REPLY_INTEGER)
		return (uint64_t)reply->integer;
	return reply->str ? strtoull(reply->str, NULL, 10) : 0;
}

bool redis_job_parse(const redisReply *reply, struct redis_job *job)
{
	job->state[0] = '\0';
	if (reply->type != REDIS_REPLY_ARRAY)
		return false;
	for (size_t i = 0; i + 1 < reply->elements; i += 2) {
		const redisReply *key = reply->element[i], *value = reply->element[i + 1];

		if (!key->str)
			return false;
		if (strcmp(key->str, "id") == 0)
			redis_job_id(value, job->id);
		else if (strcmp(key->str, "state") == 0 && value->str)
			base_strlcpy(job->state, value->str, sizeof(job->state));
		else if (strcmp(key->str, "kind") == 0 && value->str)
			base_strlcpy(job->kind, value->str, sizeof(job->kind));
		else if (strcmp(key->str, "done") == 0)
			job->done = number(value);
		else if (strcmp(key->str, "total") == 0)
			job->total = number(value);
	}
	return job->state[0] != '\0';
}

bool redis_job_ended(const struct redis_job *job)
{
	return strcmp(job->state, "running") != 0;
}

bool redis_job_is_gone(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOJOB", 5) == 0;
}

/* Asks how it stands. */
static enum cli_exit job_status(struct redis *r, struct redis_job *job)
{
	const char *args[] = {"JOB", "STATUS", job->id, NULL};
	redisReply *reply;
	enum cli_exit code = redis_call(r, &reply, args);

	if (code != CLI_OK)
		return code;
	if (redis_job_is_gone(reply))
		base_strlcpy(job->state, "gone", sizeof(job->state));
	else if (!redis_job_parse(reply, job))
		return redis_refused(r, reply);
	freeReplyObject(reply);
	return CLI_OK;
}

enum cli_exit redis_job_wait(struct redis *r, unsigned ms, struct redis_job *job)
{
	char text[16];
	const char *args[] = {"JOB", "WAIT", job->id, text, NULL};
	redisReply *reply;
	enum cli_exit code;
	bool is_late;

	snprintf(text, sizeof(text), "%u", ms);
	code = redis_call(r, &reply, args);
	if (code != CLI_OK)
		return code;
	is_late = reply->type == REDIS_REPLY_NIL;
	if (redis_job_is_gone(reply))
		base_strlcpy(job->state, "gone", sizeof(job->state));
	else if (!is_late && !redis_job_parse(reply, job))
		return redis_refused(r, reply);
	freeReplyObject(reply);
	return is_late ? job_status(r, job) : CLI_OK;
}

redisReply *redis_job_page(const redisReply *reply, char *cursor)
{
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
		reply->element[1]->type != REDIS_REPLY_ARRAY ||
		!redis_job_id(reply->element[0], cursor))
		return NULL;
	return reply->element[1];
}

enum cli_exit redis_job_failed(struct redis *r, const struct redis_job *job)
{
	char cursor[REDIS_JOB_ID_MAX] = "0";
	const char *args[] = {"JOB", "RESULT", job->id, cursor, NULL};
	enum cli_exit code = CLI_OK;

	if (strcmp(job->state, "cancelled") == 0 && r->deadline_ns &&
		redis_now_ns() + NSEC_PER_MSEC >= r->deadline_ns)
		return CLI_DEADLINE;
	/* Behind what was committed before stands the error, with item or key. */
	while (code == CLI_OK) {
		redisReply *reply;

		code = redis_call(r, &reply, args);
		if (code != CLI_OK)
			return code;
		if (!redis_job_page(reply, cursor) || strcmp(cursor, "0") == 0)
			return redis_refused(r, reply);
		freeReplyObject(reply);
	}
	return code;
}

void redis_job_cancel(struct redis *r, const char *id)
{
	const char *args[] = {"JOB", "CANCEL", id, NULL};
	redisReply *reply = NULL;
	uint64_t deadline = r->deadline_ns;

	r->deadline_ns = redis_now_ns() + CANCEL_MS * NSEC_PER_MSEC;
	if (redis_call(r, &reply, args) == CLI_OK)
		freeReplyObject(reply);
	r->deadline_ns = deadline;
}
