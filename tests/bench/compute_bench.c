/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Users' programs in one process: worker 0 of a node runs them, worker 1 of the same node is the
 * clients, as in store_bench; jobs over many items are begun on worker 0 itself. Prints JSON lines,
 * one for each repetition of each case. Every result is checked, of pipelines the first.
 *
 *   compute_bench --program FILE [--seconds S] [--reps N] [--items N] [--records N] CASE...
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "dataplane/core/thread.h"
#include "tests/bench/compute_bench.h"

#define NAP_MS           2
#define LOAD_PIPELINE    64
#define MEMORY_MB        2048
#define LOAD_MAX_S       300.0
#define CASE_MAX_S       120.0
#define REQUESTS_MIN     3
#define REQUESTS_SETTLED 1

struct bench_case {
	const char *name;
	enum compute_ask ask; /* COMPUTE_REST: a job */
	unsigned n_conns;
	unsigned pipeline;
	bool alone; /* a job, on one worker only */
};

static const struct bench_case cases[] = {
	{.name = "seed", .ask = COMPUTE_SEED, .n_conns = 1, .pipeline = 1},
	{.name = "map-1", .ask = COMPUTE_MAP, .n_conns = 64, .pipeline = 16},
	{.name = "map-auto", .ask = COMPUTE_REST, .alone = true},
	{.name = "map-auto-2", .ask = COMPUTE_REST},
	{.name = "each-sum", .ask = COMPUTE_EACH, .n_conns = 1, .pipeline = 1},
};

static struct {
	double seconds;
	unsigned reps;
	const char *program;
	uint32_t n_items;
	uint32_t n_records;
	struct wheel_timer tick;
} bench;

/* The counters of the server's worker. */
struct turns {
	uint64_t busy;
	uint64_t idle;
};

static struct turns turns_now(void)
{
	const struct stats_worker *st = &store_rig.stats[STORE_RIG_SERVER];

	return (struct turns){
		.busy = stats_read(&st->busy_cycles),
		.idle = stats_read(&st->idle_cycles),
	};
}

static void let_ask(enum compute_ask ask, unsigned n_conns, unsigned pipeline)
{
	compute_clients.n_conns = n_conns;
	compute_clients.pipeline = pipeline;
	atomic_store(&compute_clients.done, 0);
	atomic_store(&compute_clients.n_samples, 0);
	atomic_store(&compute_clients.ask, ask);
}

/* Waits until @n requests are done since let_ask. */
static void wait_for(uint64_t n, double max_s)
{
	double deadline = store_rig_now_s() + max_s;

	while (atomic_load(&compute_clients.done) < n) {
		if (store_rig_now_s() > deadline)
			store_rig_fail("requests were not answered");
		store_rig_pass(0, NAP_MS);
	}
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static double us(uint64_t cycles)
{
	return (double)cycles * 1e6 / (double)rte_get_tsc_hz();
}

/* Prints the quantiles of the times from @first on; nothing where there are none. */
static void print_times(uint32_t first, uint32_t end)
{
	uint64_t *times = compute_clients.samples + first;
	uint32_t n = end - first;

	if (n == 0)
		return;
	qsort(times, n, sizeof(*times), compare);
	printf(", \"p50_us\": %.2f, \"p99_us\": %.2f, \"min_us\": %.2f", us(times[n / 2]),
		us(times[MIN_OF(n - 1, (uint32_t)(n * 0.99))]), us(times[0]));
}

/* The clients ask again and again. */
static void measure_asking(const struct bench_case *c, unsigned rep)
{
	struct turns before, after;
	uint32_t first, end;
	uint64_t done;
	double begin;

	let_ask(c->ask, c->n_conns, c->pipeline);
	wait_for(REQUESTS_SETTLED, CASE_MAX_S);
	store_rig_pass(bench.seconds / 10, NAP_MS);
	before = turns_now();
	done = atomic_load(&compute_clients.done);
	first = atomic_load(&compute_clients.n_samples);
	begin = store_rig_now_s();
	store_rig_pass(bench.seconds, NAP_MS);
	wait_for(done + REQUESTS_MIN, CASE_MAX_S);
	done = atomic_load(&compute_clients.done) - done;
	end = atomic_load(&compute_clients.n_samples);
	after = turns_now();
	begin = store_rig_now_s() - begin;
	let_ask(COMPUTE_REST, 0, 0);
	after.busy -= before.busy;
	after.idle -= before.idle;
	printf("{\"case\": \"%s\", \"rep\": %u, \"ops\": %lu, \"seconds\": %.4f, "
	       "\"cycles_per_op\": %.1f, \"busy\": %.3f",
		c->name, rep, done, begin, (double)after.busy / (double)done,
		(double)after.busy / (double)(after.busy + after.idle));
	if (c->ask == COMPUTE_EACH)
		printf(", \"records\": %u", bench.n_records);
	print_times(first, end);
	printf("}\n");
	store_rig_pass(0.2, NAP_MS);
}

static void measure_job(const struct bench_case *c, unsigned rep)
{
	struct compute_job job = {
		.program = "bench.twice_u64",
		.n_items = bench.n_items,
		.alone = c->alone,
	};

	compute_jobs_run(&job);
	printf("{\"case\": \"%s\", \"rep\": %u, \"items\": %u, \"workers\": %u, \"seconds\": %.6f, "
	       "\"cycles_per_item\": %.2f, \"stolen\": %lu}\n",
		c->name, rep, job.n_items, c->alone ? 1 : STORE_RIG_WORKERS, us(job.cycles) / 1e6,
		(double)job.used_cycles / job.n_items, job.stolen);
}

/* Sets all keys, and knows what their values sum up to. */
static void load_keys(void)
{
	struct compute_sums *s = &compute_clients.sums;

	*s = (struct compute_sums){.min = UINT64_MAX};
	for (uint32_t i = 0; i < bench.n_records; i++) {
		uint64_t number = store_rig.keys[i];

		s->n++;
		s->sum += number;
		s->min = MIN_OF(s->min, number);
		s->max = MAX_OF(s->max, number);
	}
	compute_clients.n_keys = bench.n_records;
	let_ask(COMPUTE_KEYS, COMPUTE_CONNS_MAX, LOAD_PIPELINE);
	wait_for(bench.n_records, LOAD_MAX_S);
	let_ask(COMPUTE_REST, 0, 0);
}

static const struct bench_case *find_case(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (strcmp(cases[i].name, name) == 0)
			return &cases[i];
	fprintf(stderr, "compute_bench: no case \"%s\"\n", name);
	exit(2);
}

static void read_option(int c)
{
	switch (c) {
	case 's':
		bench.seconds = strtod(optarg, NULL);
		return;
	case 'r':
		bench.reps = (unsigned)strtoul(optarg, NULL, 10);
		return;
	case 'f':
		bench.program = optarg;
		return;
	case 'i':
		bench.n_items = (uint32_t)strtoul(optarg, NULL, 10);
		return;
	case 'k':
		bench.n_records = (uint32_t)strtoul(optarg, NULL, 10);
		return;
	default:
		exit(2);
	}
}

static void read_options(int argc, char **argv)
{
	static const struct option rows[] = {{"seconds", 1, NULL, 's'}, {"reps", 1, NULL, 'r'},
		{"program", 1, NULL, 'f'}, {"items", 1, NULL, 'i'}, {"records", 1, NULL, 'k'},
		{NULL, 0, NULL, 0}};
	int c;

	bench.seconds = 1;
	bench.reps = 3;
	bench.n_items = bench.n_records = 10000000;
	while ((c = getopt_long(argc, argv, "", rows, NULL)) != -1)
		read_option(c);
	if (bench.seconds > 0 && bench.reps && bench.program && bench.n_items && bench.n_records &&
		optind < argc)
		return;
	fprintf(stderr, "usage: compute_bench --program FILE [--seconds S] [--reps N] [--items N] "
			"[--records N] CASE...\n");
	exit(2);
}

int main(int argc, char **argv)
{
	bool has_records = false, has_jobs = false;

	read_options(argc, argv);
	for (int i = optind; i < argc; i++) {
		has_records = has_records || find_case(argv[i])->ask == COMPUTE_EACH;
		has_jobs = has_jobs || find_case(argv[i])->ask == COMPUTE_REST;
	}
	compute_clients.program =
		store_rig_program_request(bench.program, &compute_clients.program_bytes);
	store_rig_choose_keys(has_records ? bench.n_records : 1);
	store_rig.memory_mb = has_jobs ? MEMORY_MB : store_rig.memory_mb;
	store_rig.on_turn = compute_jobs_on_turn;
	bench.tick.fn = compute_clients_tick;
	store_rig_start(&bench.tick);
	let_ask(COMPUTE_PROGRAM, 1, 1);
	wait_for(1, CASE_MAX_S);
	let_ask(COMPUTE_REST, 0, 0);
	if (has_jobs)
		compute_jobs_make_items(bench.n_items);
	if (has_records)
		load_keys();
	for (unsigned rep = 0; rep < bench.reps; rep++) {
		for (int i = optind; i < argc; i++) {
			const struct bench_case *c = find_case(argv[i]);

			if (c->ask == COMPUTE_REST)
				measure_job(c, rep);
			else
				measure_asking(c, rep);
			fflush(stdout);
		}
	}
	worker_stop_all();
	_exit(0);
}
