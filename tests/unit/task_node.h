/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Workers with jobs, without network and store, in one thread and in virtual time; programs of
 * tests/unit/task_programs/jobs.c, which the interpreter runs; records in arrays; memory that can
 * run out. And what a job must come to, found by running its program over everything in order.
 */
#ifndef TESTS_UNIT_TASK_NODE_H
#define TESTS_UNIT_TASK_NODE_H

#include "dataplane/task/task.h"

#define TASK_NODE_ITEM_BYTES 1024

/* A record of the source. */
struct task_node_record {
	uint64_t hash;
	uint32_t owner;
	uint32_t key_len;
	uint32_t value_len;
	uint8_t key[32];
	uint8_t value[32];
};

/* What a job came to, as one string of bytes. */
struct task_node_outcome {
	uint8_t *bytes;
	size_t len;
	size_t size;
	uint64_t n; /* results */
	struct task_fault fault;
	uint8_t fault_key[BRAID_KEY_BYTES];
	uint32_t fault_key_len;
	bool has_acc;
	bool is_faulty;
	uint8_t acc[BRAID_ACC_BYTES];
};

/* Starts @n_workers workers; the settings are the defaults. */
void task_node_start(unsigned n_workers);

/* The same, with rings between them that hold @ring_entries - 1 messages, a power of two. */
void task_node_start_with(unsigned n_workers, unsigned ring_entries);

/* Ends them; fails the process if memory was lost or a program is still held. */
void task_node_stop(void);

/* The settings, to be changed. */
struct task_settings *task_node_settings(void);

/* A program by its name; fails the process if there is none. */
const struct task_program *task_node_program(const char *name);

/* What a call of a program costs, in virtual ns. */
void task_node_cost(uint64_t ns);

/* Allocations fail in @percent of 100 cases, as @seed says. */
void task_node_memory(uint32_t percent, uint64_t seed);

/* Blocks and bytes handed out. */
uint64_t task_node_blocks(void);
uint64_t task_node_bytes(void);

/* Virtual now, and moving it. */
uint64_t task_node_now_ns(void);
void task_node_pass(uint64_t ns);

/* One turn of worker @i. What it moved. */
unsigned task_node_turn(unsigned i);

/* Turns of all, with 10 us between, until @job has ended; fails after @ms. */
void task_node_run(const struct task_job *job, uint64_t ms);

/* Turns of all for @ms of virtual time. */
void task_node_run_ms(uint64_t ms);

/* Records of the source, shared among the workers by their owners modulo the workers. They are
 * copied. */
void task_node_records(const struct task_node_record *records, uint32_t n);
extern const struct task_source task_node_source;

/* How many walks the source has made. */
uint64_t task_node_walks(void);

/* Reads all results of @job, from *@at on, into @o. */
void task_node_collect(const struct task_job *job, uint64_t *at, struct task_node_outcome *o);

/* Takes over how the job ended. */
void task_node_conclude(const struct task_job *job, struct task_node_outcome *o);

/* What the job of @spec must come to. */
void task_node_expect(const struct task_spec *spec, struct task_node_outcome *o);

/* Why they differ, or NULL. */
const char *task_node_differ(const struct task_node_outcome *a, const struct task_node_outcome *b);

/* Frees what is in it. */
void task_node_outcome_free(struct task_node_outcome *o);

#endif
