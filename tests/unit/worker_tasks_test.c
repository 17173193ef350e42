/* SPDX-License-Identifier: BSD-3-Clause */
/* How tasks share a worker, in virtual cycles: classes, quanta, and what a piece may cost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/worker_tasks.h"

#define CYCLES_PER_US 2000
#define JOBS_MAX      8

/* A task that has work for ever, or for some pieces. */
struct job {
	struct worker_task task;
	uint64_t piece_cycles;
	uint64_t cycles; /* used */
	uint64_t pieces;
	uint64_t pieces_max; /* 0: no end */
};

static struct stats_worker stats;
static struct worker *w;
static uint64_t cycles;
static struct job jobs[JOBS_MAX];

static uint64_t clock_cycles(struct worker *worker)
{
	return cycles;
}

static const struct worker_ops ops = {.cycles = clock_cycles};

static bool run(struct worker *worker, struct worker_task *t)
{
	struct job *j = CONTAINER_OF(t, struct job, task);

	cycles += j->piece_cycles;
	j->cycles += j->piece_cycles;
	return ++j->pieces != j->pieces_max;
}

static struct job *start(unsigned i, enum worker_class class, uint64_t piece_cycles)
{
	struct job *j = &jobs[i];

	*j = (struct job){.task = {.run = run, .class = class}, .piece_cycles = piece_cycles};
	worker_task_add(w, &j->task);
	return j;
}

static int begin(void **state)
{
	memset(&stats, 0, sizeof(stats));
	w = worker_create(0, 1, &ops, &stats, NULL);
	if (!w)
		return -1;
	w->ns_per_cycle_q32 = (1000ULL << 32) / CYCLES_PER_US;
	return 0;
}

static int end(void **state)
{
	worker_destroy(w);
	return 0;
}

/* Turns until @ms of virtual time are over. */
static void pass(uint64_t ms, unsigned moved)
{
	uint64_t until = cycles + ms * 1000 * CYCLES_PER_US;

	while (cycles < until) {
		worker_tasks_run(w, moved);
		cycles += 100;
		stats.loops++;
	}
}

static void assert_share(const struct job *j, uint64_t all, double share)
{
	double got = (double)j->cycles / (double)all;

	if (got < share * 0.95 || got > share * 1.05)
		fail_msg("class %u got %f, not %f", j->task.class, got, share);
}

static void classes_share_the_cycles_by_their_weights(void **state)
{
	static const uint64_t pieces[][3] = {
		{2000, 2000, 2000}, {500, 4000, 2000}, {9000, 300, 1000}, {2000, 1500, 60000}};

	for (unsigned k = 0; k < ARRAY_SIZE(pieces); k++) {
		struct job *n = start(0, WORKER_NORMAL, pieces[k][0]);
		struct job *l = start(1, WORKER_LATENCY, pieces[k][1]);
		struct job *b = start(2, WORKER_BATCH, pieces[k][2]);
		uint64_t all;

		pass(200, 1);
		all = n->cycles + l->cycles + b->cycles;
		assert_share(n, all, 4 / 13.0);
		assert_share(l, all, 8 / 13.0);
		assert_share(b, all, 1 / 13.0);
		for (unsigned i = 0; i < 3; i++)
			worker_task_remove(w, &jobs[i].task);
		assert_int_equal(w->runnable, 0);
	}
}

static void a_class_that_is_alone_gets_all(void **state)
{
	struct job *b = start(0, WORKER_BATCH, 2000);
	uint64_t before = cycles;

	pass(10, 1);
	assert_true(b->cycles > (cycles - before) * 9 / 10);
}

static void tasks_of_a_class_take_turns(void **state)
{
	for (unsigned i = 0; i < 4; i++)
		start(i, WORKER_NORMAL, 1000);
	pass(10, 1);
	for (unsigned i = 1; i < 4; i++)
		assert_in_range(jobs[i].pieces, jobs[0].pieces - 1, jobs[0].pieces + 1);
}

static void what_comes_behind_a_long_piece_does_not_wait_for_its_debt(void **state)
{
	struct job *b = start(0, WORKER_BATCH, 200000), *l;
	uint64_t before;

	pass(5, 1);
	before = cycles;
	l = start(1, WORKER_LATENCY, 1000);
	l->pieces_max = 3;
	while (l->pieces < 3)
		worker_tasks_run(w, 1);
	assert_true(cycles - before <= 3 * 1000 + 200000);
	/* And the batch is paid for what it did before, but goes on. */
	pass(5, 1);
	assert_true(b->pieces > 20);
}

static void a_class_that_was_away_has_saved_nothing(void **state)
{
	struct job *n = start(0, WORKER_NORMAL, 2000), *l;

	pass(50, 1);
	n->cycles = 0;
	l = start(1, WORKER_LATENCY, 2000);
	pass(20, 1);
	assert_share(l, l->cycles + n->cycles, 8 / 12.0);
}

static void no_class_starves_where_the_clock_stands(void **state)
{
	struct job *n = start(0, WORKER_NORMAL, 0), *b = start(1, WORKER_BATCH, 0);

	for (unsigned i = 0; i < 1000; i++)
		worker_tasks_run(w, 1);
	assert_true(b->pieces > 5000);
	assert_true(n->pieces > 3 * b->pieces);
}

static void a_quantum_is_short_beside_packets_and_grows_slowly_without(void **state)
{
	static const uint64_t us[] = {2, 4, 8, 16, 20, 20};
	struct job *j = start(0, WORKER_BATCH, CYCLES_PER_US);
	uint64_t before = cycles;

	worker_tasks_run(w, 5);
	assert_int_equal(cycles - before, 2 * CYCLES_PER_US);
	for (unsigned k = 0; k < ARRAY_SIZE(us); k++) {
		for (unsigned i = 0; i < 1024; i++) {
			before = cycles;
			worker_tasks_run(w, 0);
			/* The last of them is the first longer one. */
			if (i < 1023)
				assert_int_equal(cycles - before, us[k] * CYCLES_PER_US);
		}
	}
	before = cycles;
	worker_tasks_run(w, 1);
	assert_int_equal(cycles - before, 2 * CYCLES_PER_US);
	assert_true(j->pieces > 0);
}

static void full_bursts_postpone_tasks_but_not_for_ever(void **state)
{
	struct job *j = start(0, WORKER_NORMAL, CYCLES_PER_US);

	for (stats.loops = 1; stats.loops < 16; stats.loops++)
		assert_int_equal(worker_tasks_run(w, BURST_MAX), 0);
	assert_int_equal(worker_tasks_run(w, BURST_MAX), 2);
	assert_int_equal(j->pieces, 2);
}

static void a_fixed_quantum_stays_as_it_is(void **state)
{
	start(0, WORKER_NORMAL, CYCLES_PER_US);
	w->quantum_fixed_ns = 7000;
	for (unsigned i = 0; i < 5000; i++) {
		stats.loops++;
		assert_int_equal(worker_tasks_run(w, i % 3 * BURST_MAX), 7);
	}
}

static void a_task_can_be_taken_out_wherever_it_stands(void **state)
{
	for (unsigned gone = 0; gone < 3; gone++) {
		for (unsigned i = 0; i < 3; i++)
			start(i, WORKER_LATENCY, 100)->pieces_max = 1;
		worker_task_remove(w, &jobs[gone].task);
		worker_task_remove(w, &jobs[gone].task);
		while (worker_task_run(w))
			;
		for (unsigned i = 0; i < 3; i++)
			assert_int_equal(jobs[i].pieces, i != gone);
		assert_false(jobs[gone].task.queued);
	}
	start(0, WORKER_LATENCY, 100);
	worker_task_remove(w, &jobs[0].task);
	assert_int_equal(w->runnable, 0);
	assert_false(worker_task_run(w));
}

#define TASKS_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TASKS_TEST(classes_share_the_cycles_by_their_weights),
		TASKS_TEST(a_class_that_is_alone_gets_all),
		TASKS_TEST(tasks_of_a_class_take_turns),
		TASKS_TEST(what_comes_behind_a_long_piece_does_not_wait_for_its_debt),
		TASKS_TEST(a_class_that_was_away_has_saved_nothing),
		TASKS_TEST(no_class_starves_where_the_clock_stands),
		TASKS_TEST(a_quantum_is_short_beside_packets_and_grows_slowly_without),
		TASKS_TEST(full_bursts_postpone_tasks_but_not_for_ever),
		TASKS_TEST(a_fixed_quantum_stays_as_it_is),
		TASKS_TEST(a_task_can_be_taken_out_wherever_it_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
