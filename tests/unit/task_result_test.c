/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading results of jobs: as they come, again, from anywhere; and giving their memory back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/sim_random.h"
#include "tests/unit/task_node.h"

#define ITEMS   6000
#define RECORDS 9000

static uint64_t numbers[ITEMS];
static struct resp_arg items[ITEMS];
static struct task_node_record records[RECORDS];
static struct task_spec spec;
static struct task_job *job;

static void submit(void)
{
	struct base_error err = {};
	uint32_t retry_ms;

	if (task_job_submit(workers[0], &spec, &job, &retry_ms, &err) < 0)
		fail_msg("%s", err.text);
}

static void start_items(void)
{
	task_node_start(3);
	for (unsigned i = 0; i < ITEMS; i++) {
		numbers[i] = i;
		items[i] = (struct resp_arg){.bytes = (const uint8_t *)&numbers[i], .len = 8};
	}
	spec = (struct task_spec){
		.program = task_node_program("triple"), .items = items, .n_items = ITEMS};
}

static void start_records(void)
{
	struct sim_random random = {.state = 5};

	task_node_start(3);
	for (unsigned i = 0; i < RECORDS; i++) {
		struct task_node_record *r = &records[i];
		uint64_t value = 27 * i;

		*r = (struct task_node_record){
			.hash = sim_random(&random), .owner = i, .key_len = 12, .value_len = 32};
		snprintf((char *)r->key, sizeof(r->key), "key:%08u", i);
		memcpy(r->value, &value, sizeof(value));
	}
	task_node_records(records, RECORDS);
	spec = (struct task_spec){
		.program = task_node_program("tell"), .source = &task_node_source};
}

static void end(void)
{
	task_job_free(workers[0], job, NULL, NULL);
	task_node_run_ms(2);
	assert_int_equal(task_node_blocks(), 0);
	task_node_stop();
}

static struct task_job_status status(void)
{
	struct task_job_status s;

	task_job_status(job, &s);
	return s;
}

/* Runs the job and reads as it goes on, dropping what was read. The most memory that it held. */
static uint64_t stream(struct task_node_outcome *o)
{
	uint64_t at = 0, most = 0;

	submit();
	task_job_results_drop(workers[0], job, 0);
	for (unsigned turn = 0; status().state == TASK_JOB_RUNNING && turn < 1000000; turn++) {
		task_node_turn(turn % 3);
		task_node_pass(200);
		most = MAX_OF(most, task_node_bytes());
		if (turn % 50 == 0) {
			task_node_collect(job, &at, o);
			task_job_results_drop(workers[0], job, at);
		}
	}
	task_node_collect(job, &at, o);
	task_node_conclude(job, o);
	return most;
}

static void check_stream(void)
{
	struct task_node_outcome wanted = {}, got = {};
	const char *why;

	stream(&got);
	task_node_expect(&spec, &wanted);
	why = task_node_differ(&wanted, &got);
	if (why)
		fail_msg("%s differ", why);
	assert_int_equal(status().state, TASK_JOB_DONE);
	task_node_outcome_free(&wanted);
	task_node_outcome_free(&got);
}

static void results_are_read_as_they_come(void **state)
{
	start_items();
	check_stream();
	end();
	start_records();
	check_stream();
	end();
}

static void a_reader_that_drops_needs_little_memory(void **state)
{
	struct task_node_outcome all = {};
	uint64_t most;

	start_records();
	spec.result_bytes_max = 100000;
	most = stream(&all);
	assert_int_equal(status().state, TASK_JOB_DONE);
	assert_true(all.len > 4000000);
	assert_true(most < 250000);
	task_node_outcome_free(&all);
	end();
}

static void too_many_results_end_a_job_whose_results_nobody_takes(void **state)
{
	start_records();
	spec.result_bytes_max = 100000;
	submit();
	task_node_run(job, 1000);
	assert_int_equal(status().state, TASK_JOB_FAILED);
	assert_non_null(strstr(status().error, "more results than a job may keep"));
	end();
	start_items();
	spec.result_bytes_max = 10000;
	submit();
	task_node_run(job, 1000);
	assert_int_equal(status().state, TASK_JOB_FAILED);
	assert_non_null(strstr(status().error, "more results than a job may keep"));
	end();
}

/* Reads some results at a time, from places that were noted before. */
static void check_places(void)
{
	static uint64_t places[4 * RECORDS];
	struct task_node_outcome first = {}, again = {};
	struct sim_random random = {.state = 3};
	struct task_result r;
	uint64_t at = 0, n = 0;

	submit();
	task_node_run(job, 1000);
	places[0] = 0;
	while (task_job_result(job, &at, &r))
		places[++n] = at;
	assert_int_equal(n, status().results);
	for (unsigned i = 0; i < 500; i++) {
		uint64_t from = sim_below(&random, n), one = places[from], other;

		assert_true(task_job_result(job, &one, &r));
		assert_int_equal(one, places[from + 1]);
		other = places[sim_below(&random, n)];
		task_job_result(job, &other, &r);
		assert_int_equal(task_job_result(job, &one, &r), from + 1 < n);
	}
	at = 0;
	task_node_collect(job, &at, &first);
	at = 0;
	task_node_collect(job, &at, &again);
	assert_int_equal(first.len, again.len);
	assert_memory_equal(first.bytes, again.bytes, first.len);
	task_node_outcome_free(&first);
	task_node_outcome_free(&again);
}

static void results_can_be_read_again_from_anywhere(void **state)
{
	start_items();
	check_places();
	end();
	start_records();
	check_places();
	end();
}

static void any_number_is_a_place_or_none(void **state)
{
	struct sim_random random = {.state = 9};

	for (unsigned kind = 0; kind < 2; kind++) {
		if (kind == 0)
			start_items();
		else
			start_records();
		submit();
		task_node_run(job, 1000);
		for (unsigned i = 0; i < 3000; i++) {
			struct task_result r;
			uint64_t at = sim_random(&random) >> sim_below(&random, 64);

			if (task_job_result(job, &at, &r))
				assert_true(r.value_len <= 512 && r.key_len <= 32);
			if (i % 300 == 299)
				task_job_results_drop(workers[0], job, at >> 20);
		}
		task_job_results_drop(workers[0], job, UINT64_MAX);
		end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(results_are_read_as_they_come),
		cmocka_unit_test(a_reader_that_drops_needs_little_memory),
		cmocka_unit_test(too_many_results_end_a_job_whose_results_nobody_takes),
		cmocka_unit_test(results_can_be_read_again_from_anywhere),
		cmocka_unit_test(any_number_is_a_place_or_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
