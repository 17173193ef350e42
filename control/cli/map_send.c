/* SPDX-License-Identifier: BSD-3-Clause */
/* Batches of braidctl map on their way to the node and back. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/load.h"
#include "control/cli/map.h"

#define RESEND_MAX 1000000 /* times that a full node is asked; redis_busy_ms ends it before */

/* What is left until the deadline. */
static uint64_t left_ms(const struct map *m)
{
	uint64_t now = redis_now_ns();

	return m->redis.deadline_ns > now ? (m->redis.deadline_ns - now) / NSEC_PER_MSEC + 1 : 1;
}

enum cli_exit map_send(struct map *m, struct map_slot *s)
{
	char deadline[24];
	const char *words[ITEMS_ROOM_BEFORE];
	enum cli_exit code;
	size_t n = 0;

	s->is_job = m->as_completed && s->batch.n > MAP_ITEMS_JOB;
	if (s->is_job) {
		words[n++] = "JOB";
		words[n++] = "SUBMIT";
		words[n++] = "TTL";
		words[n++] = REDIS_JOB_TTL_S;
		if (m->redis.deadline_ns) {
			snprintf(deadline, sizeof(deadline), "%" PRIu64, left_ms(m));
			words[n++] = "DEADLINE";
			words[n++] = deadline;
		}
	}
	words[n++] = "FMAP";
	words[n++] = m->name;
	for (size_t i = 0; i < n; i++) {
		s->batch.items[(ptrdiff_t)i - (ptrdiff_t)n] = words[i];
		s->batch.lens[(ptrdiff_t)i - (ptrdiff_t)n] = strlen(words[i]);
	}
	code = redis_send(&m->redis, s->batch.n + n, s->batch.items - n, s->batch.lens - n);
	if (code != CLI_OK)
		return code;
	s->state = MAP_SENT;
	m->sent[m->n_sent++] = s;
	return CLI_OK;
}

void map_slot_free(struct map_slot *s)
{
	if (s->reply)
		freeReplyObject(s->reply);
	items_free(&s->batch);
	*s = (struct map_slot){0};
}

/* Takes the next reply and gives it to the slot that waits for it. */
static enum cli_exit take_reply(struct map *m)
{
	struct map_slot *s = m->sent[0];
	enum cli_exit code = redis_reply(&m->redis, &s->reply);

	if (code != CLI_OK)
		return code;
	memmove(m->sent, m->sent + 1, --m->n_sent * sizeof(m->sent[0]));
	s->state = MAP_REPLIED;
	if (s->is_job && redis_job_id(s->reply, s->id)) {
		freeReplyObject(s->reply);
		s->reply = NULL;
		s->state = MAP_JOB;
	}
	return CLI_OK;
}

/* Waits for all replies, so that what is asked next is answered next. */
static enum cli_exit take_replies(struct map *m)
{
	enum cli_exit code = CLI_OK;

	while (code == CLI_OK && m->n_sent > 0)
		code = take_reply(m);
	return code;
}

/* Sends the slot's batch again. */
static enum cli_exit send_again(struct map *m, struct map_slot *s)
{
	freeReplyObject(s->reply);
	s->reply = NULL;
	return map_send(m, s);
}

/* Loads the program; that it is there is fine. */
static enum cli_exit load(struct map *m)
{
	redisReply *reply = NULL;
	enum cli_exit code = load_program(&m->redis, &m->program, false, &reply);

	if (code != CLI_OK)
		return code;
	if (reply->type == REDIS_REPLY_ERROR && !load_is_there(reply))
		return redis_refused(&m->redis, reply);
	freeReplyObject(reply);
	return CLI_OK;
}

/* What to do about an error instead of results: tries again, or explains it. */
static enum cli_exit mend(struct map *m, struct map_slot *s)
{
	unsigned busy_ms = redis_busy_ms(&m->redis, s->reply);
	redisReply *reply = s->reply;
	enum cli_exit code = take_replies(m);

	if (code != CLI_OK)
		return code;
	if (busy_ms > 0) {
		code = redis_pause(&m->redis, busy_ms);
		return code == CLI_OK ? send_again(m, s) : code;
	}
	if (m->program.object && !s->is_second && load_is_missing(reply)) {
		s->is_second = true;
		code = load(m);
		return code == CLI_OK ? send_again(m, s) : code;
	}
	s->reply = NULL;
	return redis_refused(&m->redis, reply);
}

enum cli_exit map_await(struct map *m, struct map_slot *s)
{
	enum cli_exit code = CLI_OK;

	for (unsigned i = 0; i < RESEND_MAX && code == CLI_OK; i++) {
		while (code == CLI_OK && s->state == MAP_SENT)
			code = take_reply(m);
		if (code != CLI_OK || s->state == MAP_JOB || s->reply->type == REDIS_REPLY_ARRAY)
			return code;
		if (s->reply->type != REDIS_REPLY_ERROR) {
			redisReply *reply = s->reply;

			s->reply = NULL;
			return redis_refused(&m->redis, reply);
		}
		code = mend(m, s);
	}
	return code;
}

/* Fetches and prints a job's results, page by page. */
static enum cli_exit print_pages(struct map *m, struct map_slot *s)
{
	char cursor[REDIS_JOB_ID_MAX] = "0";
	enum cli_exit code;
	size_t at = 0;

	do {
		const char *args[] = {"JOB", "RESULT", s->id, cursor, NULL};
		redisReply *reply, *page;

		code = redis_call(&m->redis, &reply, args);
		if (code != CLI_OK)
			return code;
		page = redis_job_page(reply, cursor);
		if (!page)
			return redis_refused(&m->redis, reply);
		code = map_print(m, s, page->element, page->elements, at);
		at += page->elements;
		freeReplyObject(reply);
	} while (code == CLI_OK && strcmp(cursor, "0") != 0);
	return code;
}

enum cli_exit map_await_job(struct map *m, struct map_slot *s, unsigned ms, bool *ended)
{
	struct redis_job job = {0};
	enum cli_exit code = take_replies(m);

	*ended = false;
	base_strlcpy(job.id, s->id, sizeof(job.id));
	if (code == CLI_OK)
		code = redis_job_wait(&m->redis, ms, &job);
	if (code != CLI_OK)
		return code;
	*ended = redis_job_ended(&job);
	if (!*ended)
		return CLI_OK;
	/* Its results had to make room before they were fetched. */
	if (strcmp(job.state, "gone") == 0) {
		*ended = false;
		return map_send(m, s);
	}
	if (strcmp(job.state, "done") != 0)
		return redis_job_failed(&m->redis, &job);
	s->is_numbered = strcmp(job.kind, "filter") != 0;
	return print_pages(m, s);
}

void map_cancel(struct map *m)
{
	if (!m->as_completed)
		return; /* the end of the connection is enough */
	redis_calm(&m->redis);
	m->redis.deadline_ns = redis_now_ns() + 2 * NSEC_PER_SEC;
	if (take_replies(m) != CLI_OK)
		return;
	for (unsigned i = 0; i < MAP_WINDOW; i++)
		if (m->slots[i].state == MAP_JOB)
			redis_job_cancel(&m->redis, m->slots[i].id);
}
