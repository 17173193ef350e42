/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * braidctl map: items go to the node in batches, of which a few are under way at a time. A batch is
 * an FMAP, whose reply has all its results, and which the node ends if braidctl goes. Where results
 * may come as batches end, large ones are jobs: on one connection replies come in order. Main
 * thread.
 */
#ifndef CONTROL_CLI_MAP_H
#define CONTROL_CLI_MAP_H

#include "control/cli/items.h"
#include "control/cli/output.h"
#include "control/cli/program.h"
#include "control/cli/progress.h"
#include "control/cli/redis_job.h"

#define MAP_WINDOW    4    /* batches under way */
#define MAP_ITEMS_JOB 1024 /* as completed, a batch of more is a job */
#define MAP_NAME_MAX  (2 * TASK_NAME_BYTES_MAX + 2)

enum map_state {
	MAP_FREE,
	MAP_SENT,    /* its reply is under way */
	MAP_REPLIED, /* FMAP: the results; JOB SUBMIT: an error */
	MAP_JOB,     /* runs, or has run, as a job */
};

/* A batch under way. */
struct map_slot {
	enum map_state state;
	struct item_batch batch;
	uint64_t sequence;         /* the order of batches */
	bool is_job;               /* asked for as a job */
	bool is_second;            /* sent again after the program was loaded */
	bool is_numbered;          /* results are as many as items: not a filter's */
	char id[REDIS_JOB_ID_MAX]; /* of the job */
	redisReply *reply;         /* until it is printed */
};

struct map {
	struct cli *cli;
	struct redis redis;
	struct program program; /* of a file; .object is NULL for a library of the node */
	char name[MAP_NAME_MAX];
	enum output_format format;
	bool as_completed;
	bool stop_at_fault;
	char terminator; /* behind each result */
	struct items items;
	struct progress progress;
	struct map_slot slots[MAP_WINDOW];
	struct map_slot *sent[MAP_WINDOW]; /* in the order that replies will come */
	unsigned n_sent;
	uint64_t n_batches;
	uint64_t n_results;
	uint64_t n_faults;
};

/* Sends a batch, which is in the slot. */
enum cli_exit map_send(struct map *m, struct map_slot *s);

/* Waits until the slot has its reply, loads the program if the node does not have it, and tries
 * again while the node is full. */
enum cli_exit map_await(struct map *m, struct map_slot *s);

/* A job's slot: waits at most @ms for its end and prints its results then; *@ended says whether. */
enum cli_exit map_await_job(struct map *m, struct map_slot *s, unsigned ms, bool *ended);

/* Cancels all jobs that are under way. */
void map_cancel(struct map *m);

/* Forgets the slot's batch. */
void map_slot_free(struct map_slot *s);

/* Prints the @n results of the slot's batch, of which the first is item number @at in it. CLI_OK,
 * or CLI_FAULT: it has to end there (--cancel-on-error). */
enum cli_exit map_print(
	struct map *m, struct map_slot *s, redisReply *const *results, size_t n, size_t at);

#endif
