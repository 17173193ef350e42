/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random jobs on random numbers of workers, whose turns come in any order and sometimes not for
 * long; with full mailboxes, memory that runs out, cancels, deadlines and clients that go away.
 * What a job comes to must be what a plain run over everything in order comes to; what it came to
 * until it was ended, the beginning of that. In the environment, SEED=n repeats one run, RUNS=n is
 * how many there are.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/task/task_impl.h"
#include "tests/sim/sim_random.h"
#include "tests/unit/task_node.h"

#define RUNS         2000
#define JOBS_MAX     5
#define ITEMS_MAX    3000
#define RECORDS_MAX  3000
#define WORKERS      8
#define TURNS_MAX    3000000
#define FAULT_AT     0xfa17
#define ENDING_TURNS 400 /* of all workers, until nothing of an ended job is left */

/* A job, seen from who asked for it. */
struct client {
	struct task_job *job; /* NULL: none, or forgotten */
	struct task_spec spec;
	uint8_t home;
	bool streams;   /* reads as it goes on */
	uint32_t drops; /* percent of its readings after which it drops */
	uint64_t at;
	uint32_t leaves_at_event; /* percent */
	uint64_t cancel_ns;       /* 0: never */
	uint64_t leave_ns;        /* it goes away; 0: never */
	bool is_over;
	unsigned n_freed;
	struct task_node_outcome got;
};

static struct {
	uint64_t seed;
	struct sim_random random;
	unsigned n_workers;
	uint32_t memory_percent;
	uint64_t stalled_ns[WORKERS];
	uint32_t stall_chance;
	uint32_t step_ns;
	struct client clients[JOBS_MAX];
	unsigned n_clients;
	uint64_t values[ITEMS_MAX];
	struct resp_arg items[ITEMS_MAX];
	struct task_node_record records[RECORDS_MAX];
} sim;

/* Over all runs: that the simulation meets what it is for. */
static struct {
	uint64_t states[4];
	uint64_t faults;
	uint64_t stolen;
	uint64_t again;
	uint64_t refused;
	uint64_t short_of_memory;
} seen;

static _Noreturn void sim_fail(const struct client *c, const char *what)
{
	fprintf(stderr, "task_sim: SEED=%llu, %u workers, job %ld (%s): %s\n",
		(unsigned long long)sim.seed, sim.n_workers, c ? (long)(c - sim.clients) : -1,
		c ? c->spec.program->function->name : "", what);
	abort();
}

static uint64_t below(uint64_t n)
{
	return sim_below(&sim.random, n);
}

static bool percent(uint32_t n)
{
	return sim_percent(&sim.random, n);
}

static void read_on(struct worker *w, struct client *c)
{
	task_node_collect(c->job, &c->at, &c->got);
	if (percent(c->drops))
		task_job_results_drop(w, c->job, c->at);
}

static void on_freed(struct worker *w, void *ctx)
{
	struct client *c = ctx;

	c->n_freed++;
}

static bool is_running(const struct client *c)
{
	struct task_job_status s;

	task_job_status(c->job, &s);
	return s.state == TASK_JOB_RUNNING;
}

static void leave(struct client *c)
{
	task_job_free(workers[c->home], c->job, on_freed, c);
	c->job = NULL;
	c->is_over = true;
}

static void on_event(struct worker *w, struct task_job *job, void *ctx)
{
	struct client *c = ctx;

	if (job != c->job)
		sim_fail(c, "an event of a job that is no more");
	if (w->id != c->home)
		sim_fail(c, "an event on another worker");
	if (percent(c->leaves_at_event))
		leave(c);
	else if (percent(c->leaves_at_event))
		task_job_cancel(w, job);
	else if (c->streams)
		read_on(w, c);
}

static void make_values(void)
{
	uint32_t fault_chance = percent(40) ? (uint32_t)sim_between(&sim.random, 100, 30000) : 0;
	uint32_t n = (uint32_t)sim_log(&sim.random, RECORDS_MAX);

	for (unsigned i = 0; i < ITEMS_MAX; i++) {
		sim.values[i] = sim_chance(&sim.random, fault_chance) ? FAULT_AT : below(1000);
		sim.items[i] = (struct resp_arg){
			.bytes = (const uint8_t *)&sim.values[i], .len = percent(1) ? 7 : 8};
	}
	for (uint32_t i = 0; i < n; i++) {
		struct task_node_record *r = &sim.records[i];
		uint64_t value = sim_chance(&sim.random, fault_chance) ? FAULT_AT : below(5000);

		*r = (struct task_node_record){.hash = sim_random(&sim.random),
			.owner = (uint32_t)below(1000),
			.value_len = (uint32_t)sim_between(&sim.random, 8, 32)};
		if (percent(30)) /* many in one chunk */
			r->hash %= 3;
		r->key_len = (uint32_t)snprintf((char *)r->key, sizeof(r->key), "%0*u",
			(int)sim_between(&sim.random, 8, 25), i);
		memcpy(r->value, &value, sizeof(value));
	}
	task_node_records(sim.records, n);
}

static void make_spec(struct client *c)
{
	static const char *const over_items[] = {
		"triple", "grow", "odd", "beyond", "digest", "digest", "digest"};
	static const char *const over_records[] = {"odd", "total", "tell"};
	static const char *const merges[] = {"add", "add", "refuse"};
	struct task_spec *s = &c->spec;

	*s = (struct task_spec){.class = (enum worker_class)below(WORKER_CLASSES),
		.client = below(3),
		.on_event = on_event,
		.ctx = c};
	if (percent(50)) {
		s->program = task_node_program(over_items[below(ARRAY_SIZE(over_items))]);
		s->items = sim.items;
		s->n_items = sim_log(&sim.random, ITEMS_MAX);
		s->stop_at_fault = percent(30);
	} else {
		s->program = task_node_program(over_records[below(ARRAY_SIZE(over_records))]);
		s->source = &task_node_source;
		if (s->program->function->kind == TASK_EACH && percent(70))
			s->merge = task_node_program(merges[below(ARRAY_SIZE(merges))]);
	}
	if (percent(20))
		s->deadline_ns = task_node_now_ns() + sim_log(&sim.random, 50 * NSEC_PER_MSEC);
	if (percent(30))
		s->result_bytes_max = 1000 + sim_log(&sim.random, 300000);
}

static void submit(struct client *c)
{
	struct base_error err = {};
	struct task_job_status status;
	uint32_t retry_ms = 0;
	int ret;

	*c = (struct client){.home = (uint8_t)below(sim.n_workers)};
	make_spec(c);
	c->streams = percent(50);
	c->leaves_at_event = percent(15) ? (uint32_t)below(30) : 0;
	c->drops = percent(70) ? 100 : (uint32_t)sim_between(&sim.random, 10, 99);
	if (percent(20))
		c->cancel_ns = task_node_now_ns() + sim_log(&sim.random, 20 * NSEC_PER_MSEC);
	if (percent(15))
		c->leave_ns = task_node_now_ns() + sim_log(&sim.random, 20 * NSEC_PER_MSEC);
	ret = task_job_submit(workers[c->home], &c->spec, &c->job, &retry_ms, &err);
	if (ret < 0) {
		c->job = NULL;
		c->is_over = true;
		seen.refused++;
		if (ret == -ENOMEM ? sim.memory_percent == 0 : ret != -EBUSY || retry_ms == 0)
			sim_fail(c, err.text);
		return;
	}
	task_job_status(c->job, &status);
	if (task_job_worker(status.id) != c->home)
		sim_fail(c, "its id names another worker");
	if (c->streams)
		task_job_results_drop(workers[c->home], c->job, 0);
}

/* A job has ended: what it came to. */
static void check_outcome(struct client *c)
{
	struct task_node_outcome wanted = {};
	struct task_job_status s;
	const char *why = NULL;

	task_job_status(c->job, &s);
	task_node_collect(c->job, &c->at, &c->got);
	task_node_conclude(c->job, &c->got);
	task_node_expect(&c->spec, &wanted);
	seen.states[s.state]++;
	seen.faults += s.faults;
	seen.stolen += s.stolen;
	seen.again += s.again;
	seen.short_of_memory += strstr(s.error, "no memory") != NULL;
	if (s.ended_ns < s.started_ns)
		why = "it ended before it began";
	else if (s.state == TASK_JOB_DONE || (s.state == TASK_JOB_FAILED && s.error[0] == '\0'))
		why = task_node_differ(&wanted, &c->got);
	else if (c->got.len > wanted.len || c->got.n > wanted.n ||
		 (c->got.len > 0 && memcmp(c->got.bytes, wanted.bytes, c->got.len) != 0))
		why = "what it came to is not the beginning";
	if (s.state == TASK_JOB_FAILED && strstr(s.error, "no memory") && sim.memory_percent == 0)
		why = "there was memory";
	if (s.state == TASK_JOB_FAILED && strstr(s.error, "more results") &&
		(c->streams || c->spec.result_bytes_max == 0))
		why = "there was room";
	if (why) {
		fprintf(stderr,
			"state %u \"%s\", fault %d of %llu, %llu results, %llu wanted, fault %d of "
			"%llu\n",
			s.state, s.error, s.fault.code, (unsigned long long)s.fault.number,
			(unsigned long long)c->got.n, (unsigned long long)wanted.n,
			wanted.fault.code, (unsigned long long)wanted.fault.number);
		sim_fail(c, why);
	}
	task_node_outcome_free(&wanted);
	c->is_over = true;
}

/* What clients do now. True: some job runs. */
static bool act(void)
{
	bool running = false;

	for (unsigned i = 0; i < sim.n_clients; i++) {
		struct client *c = &sim.clients[i];
		struct worker *w = workers[c->home];
		uint64_t now = task_node_now_ns();

		if (c->is_over)
			continue;
		if (c->leave_ns != 0 && now >= c->leave_ns) {
			leave(c);
			continue;
		}
		if (c->cancel_ns != 0 && now >= c->cancel_ns)
			task_job_cancel(w, c->job);
		if (!is_running(c)) {
			check_outcome(c);
			continue;
		}
		running = true;
		/* Who was told that there is no room may have read before there was something. */
		if (c->streams && percent(5))
			read_on(w, c);
	}
	return running;
}

/* How long until one of the workers is there again; 0: one is. */
static uint64_t all_stalled_ns(void)
{
	uint64_t least = UINT64_MAX, now = task_node_now_ns();

	for (unsigned i = 0; i < sim.n_workers; i++)
		least = MIN_OF(least, MAX_OF(sim.stalled_ns[i], now) - now);
	return least;
}

/* Some turns, in any order. */
static void turns(void)
{
	for (unsigned k = 0; k < sim.n_workers; k++) {
		unsigned i = (unsigned)below(sim.n_workers);

		if (task_node_now_ns() < sim.stalled_ns[i])
			continue;
		task_node_turn(i);
		if (sim_chance(&sim.random, sim.stall_chance))
			sim.stalled_ns[i] = task_node_now_ns() +
					    (percent(50) ? sim_log(&sim.random, 300 * NSEC_PER_MSEC)
							 : below(300 * NSEC_PER_MSEC));
	}
	task_node_pass(below(sim.step_ns) + all_stalled_ns());
}

/* Everybody leaves; nothing may be left after some turns of all. */
static void finish(void)
{
	for (unsigned i = 0; i < sim.n_clients; i++)
		if (sim.clients[i].job)
			leave(&sim.clients[i]);
	for (unsigned k = 0; k < ENDING_TURNS && task_node_blocks() > 0; k++) {
		for (unsigned i = 0; i < sim.n_workers; i++)
			task_node_turn(i);
		task_node_pass(10000);
	}
	for (unsigned i = 0; i < sim.n_clients; i++) {
		struct client *c = &sim.clients[i];

		if (task_node_blocks() > 0)
			sim_fail(c, "memory is still held");
		if (c->n_freed > 1)
			sim_fail(c, "it was freed twice");
		task_node_outcome_free(&c->got);
	}
	task_node_run_ms(3);
	for (unsigned i = 0; i < sim.n_workers; i++) {
		const struct task_worker *tw = workers[i]->task;

		if (workers[i]->runnable != 0 || tw->is_stealing || tw->parked)
			sim_fail(NULL, "a worker never comes to rest");
		if (tw->n_jobs != 0 || tw->n_running != 0 || tw->n_waiting != 0 ||
			tw->n_stolen != 0)
			sim_fail(NULL, "a worker miscounts what it has to do");
	}
	task_node_stop();
}

static _Noreturn void give_up(void)
{
	for (unsigned i = 0; i < sim.n_clients; i++) {
		const struct client *c = &sim.clients[i];
		struct task_job_status s;

		if (c->is_over)
			continue;
		task_job_status(c->job, &s);
		fprintf(stderr,
			"job %u of %s: state %u, %llu of %llu done, %llu results, %llu ms\n", i,
			c->spec.program->function->name, s.state, (unsigned long long)s.done,
			(unsigned long long)s.total, (unsigned long long)s.results,
			(unsigned long long)((task_node_now_ns() - s.started_ns) / NSEC_PER_MSEC));
	}
	sim_fail(NULL, "it does not end");
}

static void run(uint64_t seed)
{
	unsigned n_left;

	memset(&sim, 0, sizeof(sim));
	sim.seed = seed;
	sim.random.state = seed;
	sim.n_workers = (unsigned)sim_between(&sim.random, 1, WORKERS);
	task_node_start_with(sim.n_workers, percent(30) ? 4 : 2048);
	task_node_cost(sim_log(&sim.random, 3000));
	if (percent(20))
		task_node_settings()->quota_percent = (uint32_t)sim_between(&sim.random, 20, 99);
	if (percent(10))
		task_node_settings()->jobs_per_client = 1;
	sim.stall_chance = percent(50) ? (uint32_t)sim_between(&sim.random, 100, 30000) : 0;
	sim.step_ns = 500 + (uint32_t)sim_log(&sim.random, 20000);
	sim.memory_percent = percent(20) ? (uint32_t)sim_between(&sim.random, 1, 20) : 0;
	make_values();
	task_node_memory(sim.memory_percent, seed);
	n_left = (unsigned)sim_between(&sim.random, 1, JOBS_MAX);
	for (unsigned turn = 0; act() || n_left > 0; turn++) {
		if (n_left > 0 && (turn == 0 || percent(2))) {
			submit(&sim.clients[sim.n_clients++]);
			n_left--;
		}
		if (turn == TURNS_MAX)
			give_up();
		turns();
	}
	task_node_memory(0, 0);
	finish();
}

static void jobs_come_to_what_a_plain_run_comes_to(void **state)
{
	const char *seed = getenv("SEED"), *runs = getenv("RUNS");
	uint64_t n = runs ? strtoull(runs, NULL, 0) : RUNS;

	if (seed) {
		run(strtoull(seed, NULL, 0));
		return;
	}
	for (uint64_t s = 1; s <= n; s++)
		run(s);
	print_message("done %llu, failed %llu, cancelled %llu, refused %llu, out of memory %llu; "
		      "%llu faults, %llu chunks stolen, %llu run again\n",
		(unsigned long long)seen.states[TASK_JOB_DONE],
		(unsigned long long)seen.states[TASK_JOB_FAILED],
		(unsigned long long)seen.states[TASK_JOB_CANCELLED],
		(unsigned long long)seen.refused, (unsigned long long)seen.short_of_memory,
		(unsigned long long)seen.faults, (unsigned long long)seen.stolen,
		(unsigned long long)seen.again);
	assert_true(seen.states[TASK_JOB_DONE] > n / 4);
	assert_true(seen.states[TASK_JOB_FAILED] > n / 20);
	assert_true(seen.states[TASK_JOB_CANCELLED] > n / 20);
	assert_true(seen.stolen > n);
	assert_true(seen.again > 0);
	assert_true(seen.short_of_memory > 0 && seen.refused > 0 && seen.faults > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jobs_come_to_what_a_plain_run_comes_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
