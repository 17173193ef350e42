/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What compute_bench consists of: its clients, which speak TCP and RESP (compute_clients.c), jobs
 * in the process of the server (compute_jobs.c), and the order of things (compute_bench.c).
 */
#ifndef TESTS_BENCH_COMPUTE_BENCH_H
#define TESTS_BENCH_COMPUTE_BENCH_H

#include "tests/bench/store_rig.h"

#define COMPUTE_CONNS_MAX   64
#define COMPUTE_SAMPLES_MAX (1u << 20)

/* What the clients ask for. */
enum compute_ask {
	COMPUTE_REST,
	COMPUTE_PROGRAM, /* to load the programs, once */
	COMPUTE_KEYS,    /* to set all keys */
	COMPUTE_SEED,    /* FMAP of five items */
	COMPUTE_MAP,     /* FMAP of one item */
	COMPUTE_EACH,    /* FEACH over all records */
};

/* What the program "sum" makes of the records. */
struct compute_sums {
	uint64_t n;
	uint64_t sum;
	uint64_t min;
	uint64_t max;
};

extern struct compute_clients {
	/* The main thread writes these while the clients rest. */
	uint8_t *program; /* the request */
	uint32_t program_bytes;
	uint32_t n_keys;
	struct compute_sums sums; /* of their values, which begin with their numbers */
	unsigned n_conns;         /* of those that ask now */
	unsigned pipeline;
	_Atomic enum compute_ask ask;
	/* The clients' worker writes these, the main thread reads. */
	_Atomic uint64_t done; /* requests */
	_Atomic uint32_t n_samples;
	uint64_t samples[COMPUTE_SAMPLES_MAX]; /* cycles from a request to all of its reply, where
						  only one connection asks */
} compute_clients;

/* Connects all clients, and wakes those that rest. A timer's function; @ctx: their worker. */
void compute_clients_tick(void *ctx, struct wheel_timer *t);

/* A job over many items. */
struct compute_job {
	/* in */
	const char *program;
	uint32_t n_items;
	bool alone; /* the clients' worker stands still meanwhile */
	/* out */
	uint64_t cycles;      /* from the begin to the end, by the clock */
	uint64_t used_cycles; /* as the job counts them */
	uint64_t stolen;      /* chunks that others ran */
};

/* Makes @n items: 8 bytes each, the numbers from 0 on. Main. */
void compute_jobs_make_items(uint32_t n);

/* Runs a job on the server's worker, checks its results, and returns. Main. */
void compute_jobs_run(struct compute_job *job);

/* To be called at the beginning of each turn of both workers. */
void compute_jobs_on_turn(struct worker *w);

#endif
