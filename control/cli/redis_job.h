/* SPDX-License-Identifier: BSD-3-Clause */
/* The JOB commands of the store, as braidctl's commands use them. Main thread. */
#ifndef CONTROL_CLI_REDIS_JOB_H
#define CONTROL_CLI_REDIS_JOB_H

#include "control/cli/redis.h"

#define REDIS_JOB_ID_MAX 32
#define REDIS_JOB_TTL_S  "60" /* how long results wait for a braidctl that does not come */

/* How a job stands, by JOB STATUS. */
struct redis_job {
	char id[REDIS_JOB_ID_MAX];
	char state[16]; /* "running", "done", "failed", "cancelled"; "gone": it was dropped */
	char kind[16];  /* "map", "filter" or "each" */
	uint64_t done;
	uint64_t total;
};

/* Takes the id out of the reply to JOB SUBMIT. False: it is none. */
bool redis_job_id(const redisReply *reply, char id[REDIS_JOB_ID_MAX]);

/* Whether it has ended, however. */
bool redis_job_ended(const struct redis_job *job);

/* Waits at most @ms for the end of the job of that id. As redis_call; *@job says how it stands. */
enum cli_exit redis_job_wait(struct redis *r, unsigned ms, struct redis_job *job);

/* Whether the reply says that the job was dropped: others needed the room. */
bool redis_job_is_gone(const redisReply *reply);

/* Takes the status out of a map in a reply; what is not in it stays. False: it is none. */
bool redis_job_parse(const redisReply *reply, struct redis_job *job);

/* Says that a job which has ended otherwise than it should did so, and why. CLI_FAULT, CLI_DEADLINE
 * or CLI_FAILED. */
enum cli_exit redis_job_failed(struct redis *r, const struct redis_job *job);

/* The page of results in the reply to JOB RESULT, which owns it; the cursor of the next one goes to
 * @cursor of REDIS_JOB_ID_MAX, "0" at the end. NULL: there is none. */
redisReply *redis_job_page(const redisReply *reply, char *cursor);

/* Cancels @id; says nothing if it is gone. */
void redis_job_cancel(struct redis *r, const char *id);

#endif
