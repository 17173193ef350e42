/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Users' programs on workers (DESIGN section 10): libraries of them, which the main thread loads
 * and publishes; running them; and jobs, which run one over many items or records, cut into chunks,
 * beside packets. What is a record, and where memory comes from, is told by the store, which lies
 * above. Thread: worker, where a function does not say main.
 */
#ifndef DATAPLANE_TASK_TASK_H
#define DATAPLANE_TASK_TASK_H

#include <stdatomic.h>

#include "dataplane/core/worker.h"
#include "lib/conf/conf.h"
#include "lib/task/task_elf.h"
#include "lib/task/task_helpers.h"
#include "lib/wire/resp.h"

/* --- libraries --- */

#define TASK_LIBRARIES_MAX     256
#define TASK_PAYLOAD_BYTES_MAX (TASK_OBJECT_BYTES_MAX + 256) /* a file and the line before it */
#define TASK_PROGRAM_NAME_MAX  (2 * TASK_NAME_BYTES_MAX)     /* "library.function" */

struct task_library;

/* A function that may run. Immutable; valid for the turn, or while it is held. */
struct task_program {
	uint64_t (*run)(void *ctx); /* compiled */
	const struct task_function *function;
	const struct task_library *library;
	uint32_t cost_max;   /* instructions of one call at most, helpers included */
	uint32_t code_bytes; /* of the machine's */
	/* A map: bytes of the result that it may write, as the checker says; 0: not known. */
	uint32_t result_bytes;
};

/* One FUNCTION LOAD. Immutable but for @holds. */
struct task_library {
	char name[TASK_NAME_BYTES_MAX + 1];
	const struct task_object *object; /* id, functions, constants */
	const uint8_t *payload;           /* as it was loaded, the line "#!bpf name=..." included */
	uint32_t payload_len;
	uint32_t n_programs;
	_Atomic uint32_t holds; /* jobs that need it for longer than a turn */
	struct task_program programs[];
};

/* All libraries, by name. Immutable; one pointer is one consistent set. */
struct task_libraries {
	uint32_t n;
	uint32_t n_programs; /* of all */
	struct task_library *all[TASK_LIBRARIES_MAX];
};

/* The libraries of this turn; never NULL after task_init. */
const struct task_libraries *task_libraries(void);

/* The library of that name, or NULL. */
struct task_library *task_library_find(const void *name, uint32_t len);

/* The program "library.function", or "function" where only one library has one of that name; NULL:
 * there is none, and *@err (may be NULL) says which there are or how to name it. */
const struct task_program *task_program_find(
	const void *name, uint32_t len, struct base_error *err);

/* The merge program that belongs to @p: its library's "<function>_merge", else its only one; NULL:
 * there is none. */
const struct task_program *task_program_merge(const struct task_program *p);

/* Keeps @p beyond the turn; task_program_release ends that. Not per packet: it is atomic. */
void task_program_hold(const struct task_program *p);

/* Ends a hold. */
void task_program_release(const struct task_program *p);

/* What the main thread is asked to do with libraries. */
enum task_change {
	TASK_CHANGE_LOAD,    /* @bytes is a payload */
	TASK_CHANGE_DELETE,  /* @bytes is a name */
	TASK_CHANGE_FLUSH,   /* all */
	TASK_CHANGE_RESTORE, /* @bytes is a list of payloads, each behind its length (u32, le) */
};

enum task_replace {
	TASK_REPLACE_NEVER, /* a library of that name is an error */
	TASK_REPLACE_SAME,  /* ... is replaced */
	TASK_REPLACE_ALL,   /* all others are deleted first (FUNCTION RESTORE FLUSH) */
};

/*
 * A change under way. The asker's memory, which is the main thread's, with the bytes, until @done
 * has been called on the asker's worker. All of a change happens or nothing.
 */
struct task_request {
	enum task_change change;
	enum task_replace replace;
	const uint8_t *bytes;
	uint32_t len;
	void (*done)(struct worker *w, struct task_request *r);
	void *ctx; /* the asker's */
	/* the answer */
	int status; /* 0 or a negative errno with the sentence */
	struct base_error
		err; /* begins like Redis's where that has one: "Library 'x' already exists" */
	char name[TASK_NAME_BYTES_MAX + 1]; /* LOAD: of the library */
	/* private */
	uint8_t from;
};

/* Asks. 0, or -EBUSY: too much is under way, nothing happened. */
int task_request_send(struct worker *w, struct task_request *r);

/* --- running one program --- */

/* A record as a program sees it; bytes are valid during the call. */
struct task_record {
	const uint8_t *key;
	const uint8_t *value;
	uint32_t key_len;
	uint32_t value_len;
	uint64_t ttl_ms; /* or BRAID_TTL_NONE */
	uint32_t type;
	uint32_t flags;
	uint32_t slot;
};

/* A program and its frame, made once for many calls; about 2 KiB. */
struct task_exec {
	const struct task_program *program;
	struct task_host host;
	const uint8_t *value; /* the whole one of this call, for helpers */
	uint32_t value_len;
	bool (*emit)(void *arg, const uint8_t *key, uint32_t key_len, const uint8_t *value,
		uint32_t value_len);
	void *emit_arg;
	uint32_t value_used; /* bytes of windows that the last call left, to be cleared */
	uint32_t key_used;
	uint32_t result_clear; /* bytes of the result that a call may leave */
	struct task_frame frame;
};

/* Makes @x ready; @emit (with @arg) takes pairs, NULL: they are refused as BRAID_FAULT_FULL. The
 * accumulator is zero. */
void task_exec_init(struct task_exec *x, const struct task_program *p,
	bool (*emit)(void *arg, const uint8_t *key, uint32_t key_len, const uint8_t *value,
		uint32_t value_len),
	void *arg);

/* Runs a map over an item. BRAID_OK, the result is in x->frame.ctx.map; or a fault. */
int32_t task_exec_map(struct task_exec *x, uint64_t number, const void *value, uint32_t len);

/* Runs an each or a filter over a record. BRAID_OK, BRAID_DROP or a fault. */
int32_t task_exec_each(struct task_exec *x, uint64_t number, const struct task_record *r);

/* Runs a merge: @other, BRAID_ACC_BYTES, goes into x->frame.ctx.merge.acc. BRAID_OK or a fault. */
int32_t task_exec_merge(struct task_exec *x, uint64_t number, const void *other);

/* What went wrong, where. */
struct task_fault {
	int32_t code;    /* BRAID_FAULT_*, 0: nothing */
	uint32_t line;   /* of C, 0: not known */
	uint64_t number; /* of the item, or of the record in its chunk */
	/* "line 12, `return BRAID_FAULT_DIVIDE;`: a divisor is zero": place, source, sentence; and
	 * for helpers which one. Without key or item: the asker adds them. */
	char text[192];
};

/*
 * A search for the place where a call that returned a fault went wrong: it is run again in the
 * interpreter, in pieces of about a microsecond.
 */
struct task_explain;

/* Bytes of one; the caller's memory. */
size_t task_explain_bytes(void);

/* Starts the search for what made @x, whose context is as it was before the faulty call, end with
 * @code. @x stays as it is until the end. */
void task_explain_init(struct task_explain *e, const struct task_exec *x, int32_t code);

/* A piece of it. True: more is to do; false: *@fault is filled in. */
bool task_explain_step(struct task_explain *e, struct task_fault *fault);

/* --- jobs --- */

enum task_job_state {
	TASK_JOB_RUNNING, /* its chunks wait or run */
	TASK_JOB_DONE,
	TASK_JOB_FAILED, /* a fault, no memory, too much output: see status */
	TASK_JOB_CANCELLED,
};

struct task_job;
struct task_part;

/* Lets a job visit records: the store's. */
struct task_source {
	/*
	 * Visits about @n records of this worker's share and calls task_part_record for each; *@at
	 * is where, 0 at the start of the chunk. False: the chunk has no more. Chunk @chunk of
	 * @n_chunks is the records whose hash is in the same part of all hashes, so that chunks do
	 * not depend on what else is there. Each record that is there all the time is visited
	 * exactly once. Bounded: about @n records, and buckets in proportion. It keeps nothing but
	 * *@at: a piece that is undone is walked again from an earlier place, which was one of this
	 * chunk. Once task_part_record said false, neither *@at nor what it returns matters.
	 */
	bool (*walk)(
		struct worker *w, struct task_part *part, uint32_t chunk, uint64_t *at, uint32_t n);
	/* Records of this worker, about: for progress. */
	uint64_t (*count)(struct worker *w, const struct task_job *job);
};

/* Memory for jobs, of the worker that asks; set once by the store (tests: malloc). */
struct task_memory {
	void *(*alloc)(struct worker *w, uint64_t bytes); /* NULL: none */
	void (*free)(struct worker *w, void *p);
};

/* What a job is to do. */
struct task_spec {
	const struct task_program *program;
	const struct task_program *merge; /* of accumulators; NULL: none is asked for */
	/* Items: [n_items], which the caller keeps until the job is freed; or records: */
	const struct resp_arg *items;
	uint64_t n_items;
	const struct task_source *source;
	const void *select; /* the source's: which records; kept as long as items */
	enum worker_class class;
	uint64_t client;           /* whom the cycles are counted for */
	uint64_t deadline_ns;      /* of w->now_ns; 0: none. Then it is cancelled */
	bool stop_at_fault;        /* items: else a fault is the item's result */
	uint64_t result_bytes_max; /* 0: the default */
	/* Something is new: a chunk was committed (not more often than every millisecond) or the
	 * state has changed. From a task of the job's worker, never from within task_job_submit. */
	void (*on_event)(struct worker *w, struct task_job *job, void *ctx);
	void *ctx;
};

struct task_job_status {
	uint64_t id; /* unique on the node: the worker is in it (task_job_worker) */
	enum task_job_state state;
	enum task_kind kind;
	uint64_t done;  /* items or records visited, of all chunks committed */
	uint64_t total; /* of all; records: about */
	uint64_t results;
	uint64_t result_bytes;
	uint64_t faults;
	uint64_t cycles; /* used on all workers */
	uint64_t started_ns;
	uint64_t ended_ns;                  /* 0: not yet */
	uint64_t stolen;                    /* chunks that others ran */
	uint64_t again;                     /* attempts beyond the first */
	uint64_t late;                      /* of them, that came behind another */
	struct task_fault fault;            /* the first in the order of chunks */
	uint8_t fault_key[BRAID_KEY_BYTES]; /* of records: the key, as far as it fits */
	uint32_t fault_key_len;
	char error[128]; /* FAILED without a fault: the sentence */
};

/*
 * Starts a job on this worker, which is its home: all memory is the home's, chunks run on others,
 * too. 0; -EBUSY: queues are full, nothing happened, and *@retry_ms says when to try again;
 * -ENOMEM; -EINVAL with a sentence. Holds the programs until task_job_free.
 */
int task_job_submit(struct worker *w, const struct task_spec *spec, struct task_job **job,
	uint32_t *retry_ms, struct base_error *err);

/* Ends it, within a quantum on each worker; the state becomes CANCELLED, by an event. */
void task_job_cancel(struct worker *w, struct task_job *job);

/* Forgets it and its results; one that runs is cancelled first and goes when all workers have
 * answered. No more events. Items and select are free when @freed (may be NULL) is called. */
void task_job_free(struct worker *w, struct task_job *job,
	void (*freed)(struct worker *w, void *ctx), void *ctx);

/* How it stands. */
void task_job_status(const struct task_job *job, struct task_job_status *s);

/* The worker that a job's id names, or WORKERS_MAX. */
uint8_t task_job_worker(uint64_t id);

/* One result, in the order of chunks and in it of items or visits. */
struct task_result {
	int32_t fault;      /* items: BRAID_FAULT_* instead of a result */
	uint32_t line;      /* of a fault */
	bool dropped;       /* a filter's: left out (only items have these) */
	uint64_t number;    /* items: which */
	const uint8_t *key; /* records: of the pair */
	uint32_t key_len;
	const uint8_t *value;
	uint32_t value_len;
};

/* The next result behind *@at (0: the first); false: none is committed yet behind it, or it was the
 * last. Results of later chunks wait for those of earlier ones. */
bool task_job_result(const struct task_job *job, uint64_t *at, struct task_result *r);

/* Gives back the memory of results before @at. From the first call on (@at may be 0) the job waits
 * for room where it has too many results; before, that ends it. */
void task_job_results_drop(struct worker *w, struct task_job *job, uint64_t at);

/* The accumulator of all, BRAID_ACC_BYTES, of a job that is DONE and has a merge, or only one
 * chunk; NULL: there is none. */
const uint8_t *task_job_acc(const struct task_job *job);

/* What the job was made of. */
const struct task_spec *task_job_spec(const struct task_job *job);

/* For sources: runs the part's program on a record. False: the part is over (a fault, no room), and
 * the walk ends. */
bool task_part_record(struct worker *w, struct task_part *part, const struct task_record *r);

/* The select of the part's job, and its class. */
const void *task_part_select(const struct task_part *part);

/* Chunks that records are cut into: hash ranges. */
#define TASK_RECORD_CHUNKS 256

/* --- settings and life --- */

/* Limits, from the section compute: of the configuration; the same on all workers. */
struct task_settings {
	uint32_t quantum_ns; /* 0: as DESIGN section 4 says */
	uint32_t jobs_max;   /* of a worker, results that are kept included */
	uint32_t jobs_per_client;
	uint32_t quota_percent;    /* of a worker's cycles that one client may have; 100: all */
	uint64_t result_bytes_max; /* of a job */
	uint32_t result_ttl_s;     /* of detached jobs, once they have ended */
	uint32_t grace_s;          /* ... whose client has gone before they ended */
};

/* The defaults. */
void task_settings_default(struct task_settings *s);

/* Those of the node. */
const struct task_settings *task_settings(void);

/* Where jobs get memory from; before task_job_submit. Main, at start. */
void task_memory_set(const struct task_memory *m);

/* Reads the settings, starts without libraries. 0 or a negative errno with the sentence. Main. */
int task_init(const struct conf *conf, struct base_error *err);

/* Frees all; the workers have ended. Main. */
void task_fini(void);

/* Takes what worker @w needs; nothing on the main thread's. Main. */
int task_worker_init(struct worker *w, struct base_error *err);

/* Frees it. Main. */
void task_worker_fini(struct worker *w);

#endif
