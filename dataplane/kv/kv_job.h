/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Jobs that clients have asked this worker for. Those of FEACH and FMAP end with their command;
 * those of JOB SUBMIT are detached: they go on when their client is gone, for a time of grace, and
 * their results are kept for a while. What is kept is bounded in number and bytes: the oldest
 * results go first. Thread: worker.
 */
#ifndef DATAPLANE_KV_KV_JOB_H
#define DATAPLANE_KV_KV_JOB_H

#include "dataplane/kv/kv_command.h"
#include "dataplane/kv/kv_each.h"

#define KV_JOB_FUNCTION_MAX (TASK_PROGRAM_NAME_MAX + 2)

struct kv_part;

/* A JOB WAIT. */
struct kv_job_waiter {
	struct kv_job_waiter *next;
	struct kv_job *job;       /* NULL: it has been dropped */
	struct kv_client *client; /* who waits here; NULL: a part of another worker's client */
	struct kv_part *part;
	struct worker *w;
	uint64_t told; /* records or items, at the last push */
	bool is_late;  /* its time is over */
	struct wheel_timer timer;
};

struct kv_job {
	struct kv_job *next; /* the next younger one */
	struct task_job *job;
	uint64_t id;
	struct kv_client *client; /* who asked, while it is there */
	uint64_t client_id;
	uint64_t kept_bytes; /* of results, once it is over */
	uint64_t over_ns;
	uint32_t ttl_s;
	bool is_detached;
	bool is_over;  /* and counted */
	bool is_read;  /* the last page of its results was asked for */
	bool is_freed; /* nothing of it is under way any more */
	char function[KV_JOB_FUNCTION_MAX];
	struct kv_each each;
	struct wheel_timer timer; /* of grace, then of its results */
	struct kv_job_waiter *waiters;
	/* What detached ones run over: items, or a pattern; bytes behind. */
	struct resp_arg items[];
};

/* What a worker has done, since its start. */
struct kv_jobs_stats {
	uint64_t started;
	uint64_t done;
	uint64_t failed;
	uint64_t cancelled;
	uint64_t busy; /* refused */
	uint64_t items;
	uint64_t records;
	uint64_t results;
	uint64_t faults;
	uint64_t cycles;
	uint64_t stolen; /* chunks */
	uint64_t again;
	uint64_t dropped; /* results that had to make room */
};

struct kv_jobs {
	struct kv_job *first; /* the oldest */
	uint32_t n;
	uint32_t n_kept; /* over, with results */
	uint64_t kept_bytes;
	struct kv_jobs_stats stats;
};

/* Takes memory for the jobs of @w and lets the engine have the shard's. 0 or -ENOMEM. Main. */
int kv_jobs_init(struct worker *w);

/* Frees it. Main. */
void kv_jobs_fini(struct worker *w);

/*
 * Starts @j, whose memory the caller has filled in, with @spec; results that are kept make room
 * if they have to. False: answered with what is wrong; the memory is the caller's.
 */
bool kv_job_start(struct kv_call *c, struct kv_job *j, const struct task_spec *spec);

/* Sees to @j once its state has changed: counts it. */
void kv_job_see(struct worker *w, struct kv_job *j);

/* Ends @j; @freed is called, perhaps at once, when its memory may go. */
void kv_job_end(
	struct worker *w, struct kv_job *j, void (*freed)(struct worker *w, void *ctx), void *ctx);

/* Drops a detached one, with its results. */
void kv_job_drop(struct worker *w, struct kv_job *j);

/* A detached one has got further: for task_spec.on_event. */
void kv_job_on_event(struct worker *w, struct task_job *job, void *ctx);

/* The job of this worker with @id, or NULL. */
struct kv_job *kv_job_find(struct worker *w, uint64_t id);

/* Somebody asks for @j: it may go on for another time of grace. */
void kv_job_touch(struct worker *w, struct kv_job *j);

/* @waiter waits for @j for up to @timeout_ms, 0: for ever. */
void kv_job_wait(
	struct worker *w, struct kv_job *j, struct kv_job_waiter *waiter, uint64_t timeout_ms);

/* It waits no longer. */
void kv_job_wait_end(struct worker *w, struct kv_job_waiter *waiter);

/* @c, which has jobs, is gone. */
void kv_jobs_on_client_end(struct worker *w, struct kv_client *c);

/* Jobs that are under way here. */
uint32_t kv_jobs_running(const struct worker *w);

/* --- saying it --- */

/* "running", "done", "failed" or "cancelled". */
const char *kv_job_state(enum task_job_state state);

/* Answers why the job that stands as @s, not done, has no result. */
void kv_job_reply_failure(
	struct kv_reply *r, const struct kv_job *j, const struct task_job_status *s);

/* How it stands, as a map. */
void kv_job_reply_status(struct kv_reply *r, const struct kv_job *j, uint64_t now_ns);

/* Pushes how far @j is, if @client wants to know and it is further than *@told. */
void kv_job_push_progress(
	struct kv_reply *r, const struct kv_client *client, const struct kv_job *j, uint64_t *told);

/* Results on their way into a reply: counted first, then written, in pieces. */
struct kv_results {
	struct task_job *job;
	uint64_t from;
	uint64_t at;         /* when all are counted: behind the last one */
	uint64_t left;       /* to be counted at most */
	uint64_t bytes_left; /* the same in bytes, about */
	uint64_t end;
	uint32_t n;
	bool is_page; /* not all of them: without the number of a REDUCE's records */
	bool is_counted;
	bool is_written;
};

/* Begins with those behind @from, up to @n and about @bytes. */
void kv_results_init(
	struct kv_results *r, struct task_job *job, uint64_t from, uint64_t n, uint64_t bytes);

/* Counts some. True: there are more. */
bool kv_results_count(struct kv_results *r);

/* Writes the next ones, the head of the array before the first: of items what they became, of
 * filters the keys, of "each" an array of accumulator and pairs. True: there are more. */
bool kv_results_write(struct kv_results *r, struct kv_reply *reply);

/* Pushes some pairs or keys from *@at on, all that is there if they are few; how many. */
uint32_t kv_results_push(
	struct kv_reply *reply, const struct kv_job *j, struct task_job *job, uint64_t *at);

/* --- FEACH and FMAP, as commands and for JOB SUBMIT --- */

/* What is to be done, as asked for. */
struct kv_ask {
	struct task_spec spec;
	struct kv_each each;
	bool is_streaming;
};

/* Reads the words behind FEACH, from argument @arg on; false: answered with what is wrong. The
 * pattern is the argument's. */
bool kv_feach_parse(struct kv_call *c, uint32_t arg, struct kv_ask *ask);

/* Reads a job's id; false: it is none. */
bool kv_job_id(const struct resp_arg *a, uint64_t *id);

/* Reads CLASS's word; false: answered. */
bool kv_job_parse_class(struct kv_call *c, uint32_t arg, enum worker_class *class);

#endif
