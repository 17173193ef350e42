/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A job and its pieces. All of their memory is the home's. Others read the job and write only the
 * chunk or the part that they were sent, until they have sent it back. Private to task.
 * Thread: worker.
 */
#ifndef DATAPLANE_TASK_TASK_JOB_IMPL_H
#define DATAPLANE_TASK_TASK_JOB_IMPL_H

#include "dataplane/task/task_impl.h"

/* Results, one behind another. Only who has its chunk or part appends. */
struct task_block {
	struct task_block *next; /* of the same part */
	uint32_t size;           /* of @bytes */
	uint32_t len;
	uint32_t last_chunk; /* records: in which it was closed ... */
	uint32_t last_n;     /* ... and how many results of that chunk are in it or before */
	bool is_closed;
	uint8_t bytes[];
};

/* Results of items: a word, and what it says behind it. The lowest bits are a length. */
#define TASK_ITEM_FAULT     0x80000000u /* the code and the line follow */
#define TASK_ITEM_DROPPED   0x40000000u
#define TASK_ITEM_SAME      0x20000000u /* the item itself */
#define TASK_ITEM_LENGTH    0x000003ffu
#define TASK_ITEM_BYTES_MAX (4 + BRAID_RESULT_BYTES)
#define TASK_BLOCK_SLACK    16 /* moves write beside their end */

/* Results of records: two lengths, key, value, up to a multiple of 8. */
struct task_pair {
	uint32_t key_len;
	uint32_t value_len;
	uint8_t bytes[];
};

/* The outcome of a chunk, in the order of chunks: of items by number, of records by range and
 * then by worker. Who runs it writes the first line, the home the others. */
struct task_slot {
	struct task_block *block; /* where its results begin: in it at @skip */
	uint32_t skip;
	uint32_t n;       /* results */
	uint32_t ready;   /* of them, to be read */
	uint32_t dropped; /* of them, given back: @block begins behind them */
	uint16_t attempts;
	bool has_acc; /* records: some were seen */
	bool is_committed;
};

/* One attempt at a chunk of items. */
struct task_chunk {
	struct task_letter letter; /* first */
	struct task_job *job;
	struct task_chunk *next; /* given away, to be run, or free */
	struct task_block *block;
	uint64_t job_id;
	uint32_t index;
	uint32_t epoch;
	uint16_t attempt;
	uint8_t runner;   /* worker */
	bool is_complete; /* false: given up */
	bool is_again;    /* another attempt was made */
	uint64_t first;   /* item */
	uint32_t n;
	uint32_t done;
	uint32_t n_faults;
	uint64_t given_ns;
	uint64_t cycles;
	struct task_fault fault; /* the first */
};

/* What a walk may have to undo. */
struct task_mark {
	uint64_t at;
	uint64_t number;
	uint32_t len; /* of the block */
	uint32_t n;   /* results of the chunk */
	uint64_t result_bytes;
	uint8_t acc[BRAID_ACC_BYTES];
};

/* The share of one worker in a job over records. */
struct task_part {
	struct task_unit unit;     /* first */
	struct task_letter letter; /* second */
	struct task_job *job;
	struct task_block *block; /* that is filled; NULL: none yet */
	struct task_block *first; /* home: the oldest that is kept */
	struct task_block *last;  /* home: the newest that is kept */
	uint32_t block_bytes;     /* home: of the last one */
	uint64_t at;
	uint64_t number;  /* of the next record in the chunk */
	uint64_t stop_at; /* record before which a repeated walk ends */
	bool has_stopped; /* ... and it is in the frame */
	uint64_t visited; /* in chunks that are over */
	uint64_t result_bytes;
	uint64_t total;      /* records, about */
	uint64_t cycles;     /* since it was sent */
	uint64_t sent_ns;    /* when it came back last */
	uint64_t held_bytes; /* home: of its blocks */
	uint64_t seen;       /* home: records visited, as it said last */
	uint64_t expected;   /* home: of all */
	uint64_t kept;       /* home: bytes of results */
	uint32_t chunk;
	uint32_t committed; /* home: chunks */
	uint32_t n;         /* results of the chunk */
	uint32_t records_per_walk;
	uint32_t want_bytes; /* of the next block */
	int32_t code;        /* of the fault */
	uint8_t worker;
	bool is_begun;
	bool is_full;   /* an emit found no room */
	bool is_over;   /* nothing more to do */
	bool is_out;    /* home: it was sent */
	bool is_hungry; /* home: waits for room */
	bool explaining;
	uint32_t fault_key_len;
	uint8_t fault_key[BRAID_KEY_BYTES];
	struct task_fault fault;
	struct task_mark mark;
	struct task_exec exec;
	struct task_explain explain;
};

/* Where the reading of results is; found again when it is asked for elsewhere. */
struct task_reader {
	uint64_t at; /* chunk and result; the next is at @offset of @block */
	struct task_block *block;
	uint32_t offset;
};

/* The merging of accumulators. */
struct task_merger {
	bool has_acc; /* the context holds that of all so far */
	bool explaining;
	int32_t code;
	uint8_t before[BRAID_ACC_BYTES]; /* the last merge */
	struct task_fault fault;
	struct task_exec exec;
	struct task_explain explain;
};

struct task_job {
	struct task_runner runner; /* of items, at home; first */
	struct worker_task task;   /* merges, tells events */
	struct task_job *next;     /* at home */
	struct task_spec spec;
	uint64_t id;
	uint8_t home;
	uint8_t n_parts;
	bool is_streaming; /* results are dropped as it goes on */
	bool is_freed;
	bool has_news;  /* an event is due ... */
	bool is_urgent; /* ... at once */
	bool is_faulty; /* it will have failed */
	void (*freed)(struct worker *w, void *ctx);
	void *freed_ctx;
	_Atomic uint32_t limit; /* chunks from here on are not wanted; others read it */
	enum task_job_state state;
	uint32_t n_chunks; /* slots */
	uint32_t items_per_chunk;
	uint32_t next_chunk; /* of items: that nobody has begun */
	uint32_t end_chunk;  /* ... and before which this ends */
	uint32_t n_done;     /* slots that are committed and merged, from the first on */
	uint32_t first_kept; /* of items: results of chunks before it were dropped */
	uint32_t n_out;      /* chunks and parts that others have */
	uint32_t fault_at;   /* the slot of the first fault */
	struct task_slot *slots;
	struct task_chunk *given;
	struct task_chunk *again; /* to be run once more here */
	struct task_chunk *free;
	struct task_part *parts;    /* [n_parts] */
	uint8_t *accs;              /* [n_chunks][BRAID_ACC_BYTES], of records with a merge */
	struct task_merger *merger; /* NULL: nobody asked */
	struct task_reader *reader;
	uint64_t held_bytes; /* of blocks with results */
	uint64_t bytes_max;
	uint64_t told_ns; /* the last event */
	struct task_job_status status;
};

/* Whether chunk number @index is no longer wanted. Any worker. */
static inline bool task_job_is_past(const struct task_job *job, uint32_t index)
{
	return index >= atomic_load_explicit(&job->limit, memory_order_relaxed);
}

/* A block with room for @size bytes; NULL: no memory. Home. */
struct task_block *task_block_create(struct worker *w, uint32_t size);

/* Ends the job, if it runs. @error: the sentence, or NULL. Home. */
void task_job_end(
	struct worker *w, struct task_job *job, enum task_job_state state, const char *error);

/* A fault in slot @at; what is behind it may be no longer wanted. Whether it is the first. Home. */
bool task_job_fault(
	struct worker *w, struct task_job *job, uint32_t at, const struct task_fault *fault);

/* Something was committed: merges, ends, tells. Home. */
void task_job_advance(struct worker *w, struct task_job *job);

/* Lets the job go once nothing of it is away. It may be gone afterwards. Home. */
void task_job_settle(struct worker *w, struct task_job *job);

/* Frees what item jobs have beside results. Home. */
void task_chunks_free(struct worker *w, struct task_job *job);

/* The next chunk of items to be begun; NULL: there is none, or no memory. Home. */
struct task_chunk *task_chunk_take(struct worker *w, struct task_job *job);

/* Whether task_chunk_take would find one. */
bool task_chunk_waits(const struct task_job *job);

/* The same for the home itself, which runs again what does not come back. */
struct task_chunk *task_chunk_next(struct worker *w, struct task_job *job);

/* A chunk is back, or was run at home. Home. */
void task_chunk_back(struct worker *w, struct task_chunk *c);

/* A chunk has come here to be run. */
void task_chunk_arrive(struct worker *w, struct task_chunk *c);

/* Looks after chunks that do not come back. Home. */
void task_chunks_tick(struct worker *w, struct task_job *job);

/* Makes all parts. 0 or -ENOMEM. Home. */
int task_parts_create(struct worker *w, struct task_job *job);

/* Sends them. Home. */
void task_parts_start(struct worker *w, struct task_job *job);

/* Memory of parts; nothing is away. Home. */
void task_parts_free(struct worker *w, struct task_job *job);

/* A part is back. Home. */
void task_part_back(struct worker *w, struct task_part *part);

/* A part has come here to go on. */
void task_part_arrive(struct worker *w, struct task_part *part);

/* There is room for results again. Home. */
void task_parts_feed(struct worker *w, struct task_job *job);

/* Where a merge stands. */
enum task_merge {
	TASK_MERGE_DONE,
	TASK_MERGE_MORE,   /* call it again: it looks for the place of a fault */
	TASK_MERGE_FAILED, /* merger->fault says why */
};

/* Merges the accumulator of slot @at into that of all before. Home. */
enum task_merge task_merge_slot(struct task_job *job, uint32_t at);

/* Makes the merging ready. 0 or -ENOMEM. Home. */
int task_merge_init(struct worker *w, struct task_job *job);

#endif
