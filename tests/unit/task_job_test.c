/* SPDX-License-Identifier: BSD-3-Clause */
/* Jobs over items and records, on one worker and on several in virtual time. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/task_node.h"

#define ITEMS_MAX   20000
#define RECORDS_MAX 20000
#define FAULT_AT    0xfa17

static uint64_t numbers[ITEMS_MAX];
static struct resp_arg items[ITEMS_MAX];
static struct task_node_record records[RECORDS_MAX];
static unsigned n_events;
static unsigned n_freed;

static void on_event(struct worker *w, struct task_job *job, void *ctx)
{
	n_events++;
}

static void on_freed(struct worker *w, void *ctx)
{
	n_freed++;
}

static struct task_spec items_of(const char *program, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		numbers[i] = i * 7 + 1;
		items[i] = (struct resp_arg){.bytes = (const uint8_t *)&numbers[i], .len = 8};
	}
	return (struct task_spec){
		.program = task_node_program(program),
		.items = items,
		.n_items = n,
		.on_event = on_event,
	};
}

static struct task_spec records_of(const char *program, const char *merge, uint32_t n)
{
	uint64_t x = 88172645463325252ULL;

	for (uint32_t i = 0; i < n; i++) {
		struct task_node_record *r = &records[i];
		uint64_t value = i * 3 % 1009;

		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		*r = (struct task_node_record){
			.hash = x >> 8, .owner = (uint32_t)(x >> 50), .value_len = 32};
		r->key_len = (uint32_t)snprintf((char *)r->key, sizeof(r->key), "record:%08u", i);
		memcpy(r->value, &value, sizeof(value));
	}
	task_node_records(records, n);
	return (struct task_spec){
		.program = task_node_program(program),
		.merge = merge ? task_node_program(merge) : NULL,
		.source = &task_node_source,
		.class = WORKER_BATCH,
		.on_event = on_event,
	};
}

/* Makes the record @i hold @value. */
static void set_value(uint32_t i, uint64_t value, uint32_t n)
{
	memcpy(records[i].value, &value, sizeof(value));
	task_node_records(records, n);
}

static struct task_job *submit(unsigned worker, const struct task_spec *spec)
{
	struct base_error err = {};
	struct task_job *job;
	uint32_t retry_ms;

	n_events = n_freed = 0;
	if (task_job_submit(workers[worker], spec, &job, &retry_ms, &err) < 0)
		fail_msg("%s", err.text);
	return job;
}

static struct task_job_status status_of(const struct task_job *job)
{
	struct task_job_status s;

	task_job_status(job, &s);
	return s;
}

static void forget(unsigned worker, struct task_job *job)
{
	task_job_free(workers[worker], job, on_freed, NULL);
	task_node_run_ms(2);
	assert_int_equal(n_freed, 1);
	assert_int_equal(task_node_blocks(), 0);
}

/* Runs a job of @spec on worker 0; its outcome must be that of a plain run. */
static struct task_job_status check(const struct task_spec *spec)
{
	struct task_node_outcome wanted = {}, got = {};
	struct task_job *job = submit(0, spec);
	struct task_job_status s;
	uint64_t at = 0;
	const char *why;

	task_node_run(job, 10000);
	task_node_collect(job, &at, &got);
	task_node_conclude(job, &got);
	task_node_expect(spec, &wanted);
	why = task_node_differ(&wanted, &got);
	if (why)
		fail_msg("%s differ: %s (%llu, %llu)", spec->program->function->name, why,
			(unsigned long long)wanted.n, (unsigned long long)got.n);
	s = status_of(job);
	assert_string_equal(s.error, "");
	task_node_outcome_free(&wanted);
	task_node_outcome_free(&got);
	task_node_run_ms(1);
	assert_true(n_events > 0);
	forget(0, job);
	return s;
}

static void a_map_gives_results_in_the_order_of_items(void **state)
{
	static const uint64_t counts[] = {0, 1, 5, 511, 512, 513, 5000};

	for (unsigned workers_n = 1; workers_n <= 4; workers_n += 3) {
		task_node_start(workers_n);
		for (unsigned i = 0; i < ARRAY_SIZE(counts); i++) {
			struct task_spec spec = items_of("triple", counts[i]);
			struct task_job_status s = check(&spec);

			assert_int_equal(s.state, TASK_JOB_DONE);
			assert_int_equal(s.done, counts[i]);
			assert_int_equal(s.total, counts[i]);
			assert_int_equal(s.result_bytes, counts[i] * 12);
			assert_int_equal(s.faults, 0);
		}
		task_node_stop();
	}
}

static void idle_workers_steal_chunks(void **state)
{
	struct task_spec spec;
	struct task_job_status s;

	task_node_start(4);
	spec = items_of("triple", 20000);
	s = check(&spec);
	assert_true(s.stolen > 10);
	assert_int_equal(s.again, 0);
	task_node_stop();
}

static void faults_of_items_are_their_results(void **state)
{
	struct task_spec spec;
	struct task_job_status s;

	task_node_start(2);
	spec = items_of("triple", 3000);
	numbers[0] = numbers[17] = numbers[2999] = FAULT_AT;
	items[5].len = 7;
	s = check(&spec);
	assert_int_equal(s.state, TASK_JOB_DONE);
	assert_int_equal(s.faults, 4);
	assert_int_equal(s.fault.number, 0);
	assert_int_equal(s.fault.code, BRAID_FAULT_DIVIDE);
	assert_non_null(strstr(s.fault.text, "line 20, `if (n == FAULT_AT)`: a divisor is zero"));
	task_node_stop();
}

static void a_job_may_stop_at_its_first_fault(void **state)
{
	struct task_spec spec;
	struct task_job_status s;

	task_node_start(4);
	spec = items_of("triple", 9000);
	spec.stop_at_fault = true;
	numbers[7000] = numbers[4000] = numbers[4001] = FAULT_AT;
	s = check(&spec);
	assert_int_equal(s.state, TASK_JOB_FAILED);
	assert_int_equal(s.fault.number, 4000);
	task_node_stop();
}

static void a_filter_of_items_says_which_are_dropped(void **state)
{
	struct task_spec spec;

	task_node_start(3);
	spec = items_of("odd", 4000);
	numbers[100] = FAULT_AT;
	assert_int_equal(check(&spec).faults, 1);
	task_node_stop();
}

static void a_result_leaves_nothing_to_the_next(void **state)
{
	static uint8_t bytes[2000][4];
	struct task_spec spec;

	task_node_start(2);
	spec = items_of("grow", 2000);
	for (unsigned i = 0; i < 2000; i++) {
		bytes[i][0] = (uint8_t)i;
		bytes[i][1] = (uint8_t)(i * 37);
		bytes[i][2] = (uint8_t)(i * 11);
		items[i] = (struct resp_arg){.bytes = bytes[i], .len = 3};
	}
	check(&spec);
	task_node_stop();
}

static void records_are_reduced_alike_on_any_number_of_workers(void **state)
{
	uint8_t acc[8][BRAID_ACC_BYTES];

	for (unsigned n = 1; n <= 8; n++) {
		struct task_spec spec;
		struct task_job *job;

		task_node_start(n);
		spec = records_of("total", "add", 20000);
		job = submit(n - 1, &spec);
		task_node_run(job, 10000);
		assert_int_equal(status_of(job).state, TASK_JOB_DONE);
		assert_int_equal(status_of(job).done, 20000);
		assert_int_equal(status_of(job).total, 20000);
		memcpy(acc[n - 1], task_job_acc(job), BRAID_ACC_BYTES);
		assert_memory_equal(acc[0], acc[n - 1], BRAID_ACC_BYTES);
		forget(n - 1, job);
		task_node_stop();
	}
}

static void pairs_come_in_the_order_of_chunks(void **state)
{
	for (unsigned n = 1; n <= 5; n += 2) {
		struct task_spec spec;

		task_node_start(n);
		spec = records_of("tell", "add", 20000);
		assert_int_equal(check(&spec).state, TASK_JOB_DONE);
		spec = records_of("odd", NULL, 20000);
		assert_int_equal(check(&spec).state, TASK_JOB_DONE);
		spec = records_of("tell", NULL, 0);
		assert_int_equal(check(&spec).state, TASK_JOB_DONE);
		task_node_stop();
	}
}

static void the_first_fault_in_the_order_of_chunks_ends_a_job(void **state)
{
	for (unsigned n = 1; n <= 4; n++) {
		struct task_spec spec;
		struct task_job_status s;

		task_node_start(n);
		spec = records_of("tell", "add", 20000);
		set_value(500, FAULT_AT, 20000);
		set_value(15000, FAULT_AT, 20000);
		set_value(19000, FAULT_AT, 20000);
		s = check(&spec);
		assert_int_equal(s.state, TASK_JOB_FAILED);
		assert_non_null(strstr(s.fault.text, "the value is not what the program is for"));
		assert_true(s.fault.line > 0);
		task_node_stop();
	}
}

static void a_fault_is_explained_with_the_accumulator_before_it(void **state)
{
	struct task_spec spec;
	struct task_job_status s;

	task_node_start(1);
	spec = records_of("part_of", NULL, 200);
	for (uint32_t i = 0; i < 200; i++) {
		records[i].hash = 3;
		records[i].value[0] = (uint8_t)(i < 100 ? 1 : 0);
		memset(records[i].value + 1, 0, 7);
	}
	set_value(150, FAULT_AT - 100, 200);
	s = check(&spec);
	assert_int_equal(s.fault.code, BRAID_FAULT_DIVIDE);
	assert_int_equal(s.fault.number, 150);
	assert_non_null(strstr(s.fault.text, "`t->sum += n;`: a divisor is zero"));
	task_node_stop();
}

static void a_fault_of_a_merge_ends_a_job(void **state)
{
	struct task_spec spec;
	struct task_job *job;

	task_node_start(2);
	spec = records_of("total", "refuse", 5000);
	job = submit(0, &spec);
	task_node_run(job, 1000);
	assert_int_equal(status_of(job).state, TASK_JOB_FAILED);
	assert_int_equal(status_of(job).fault.code, BRAID_FAULT_USER);
	assert_non_null(strstr(status_of(job).fault.text, "the program's own fault -64"));
	assert_null(task_job_acc(job));
	forget(0, job);
	task_node_stop();
}

static void what_cannot_be_a_job_is_refused_with_a_sentence(void **state)
{
	struct base_error err = {};
	struct task_spec specs[6];
	struct task_job *job;
	uint32_t retry_ms;

	task_node_start(1);
	for (unsigned i = 0; i < 6; i++)
		specs[i] = items_of("triple", 5);
	specs[0].program = task_node_program("total");
	specs[1].program = task_node_program("add");
	specs[2].source = &task_node_source;
	specs[3].merge = task_node_program("add");
	specs[4] = records_of("total", "odd", 5);
	specs[5].class = WORKER_CLASSES;
	for (unsigned i = 0; i < 6; i++) {
		err.text[0] = '\0';
		assert_int_equal(
			task_job_submit(workers[0], &specs[i], &job, &retry_ms, &err), -EINVAL);
		assert_true(strlen(err.text) > 20);
	}
	task_node_stop();
}

static void too_many_jobs_are_told_when_to_try_again(void **state)
{
	struct task_spec spec;
	struct task_job *jobs[4], *job;
	struct base_error err = {};
	uint32_t retry_ms;

	task_node_start(1);
	task_node_settings()->jobs_max = 4;
	task_node_settings()->jobs_per_client = 2;
	spec = items_of("triple", 20000);
	for (unsigned i = 0; i < 4; i++) {
		spec.client = i / 2;
		jobs[i] = submit(0, &spec);
		if (i == 1)
			assert_int_equal(
				task_job_submit(workers[0], &spec, &job, &retry_ms, &err), -EBUSY);
	}
	assert_non_null(strstr(err.text, "2 jobs of this client are under way here; try again in"));
	spec.client = 5;
	task_node_run_ms(1);
	assert_int_equal(task_job_submit(workers[0], &spec, &job, &retry_ms, &err), -EBUSY);
	assert_non_null(strstr(err.text, "4 jobs are under way here; try again in"));
	assert_in_range(retry_ms, 1, 100);
	for (unsigned i = 0; i < 4; i++)
		task_job_free(workers[0], jobs[i], NULL, NULL);
	jobs[0] = submit(0, &spec);
	task_job_free(workers[0], jobs[0], NULL, NULL);
	task_node_stop();
}

static void a_cancelled_job_ends_within_a_quantum_on_each_worker(void **state)
{
	for (unsigned kind = 0; kind < 2; kind++) {
		struct task_spec spec;
		struct task_job *job;

		task_node_start(4);
		task_node_cost(1000);
		spec = kind ? records_of("tell", "add", 20000) : items_of("triple", 20000);
		job = submit(0, &spec);
		task_node_run_ms(2);
		assert_int_equal(status_of(job).state, TASK_JOB_RUNNING);
		task_job_cancel(workers[0], job);
		assert_int_equal(status_of(job).state, TASK_JOB_CANCELLED);
		task_job_free(workers[0], job, on_freed, NULL);
		for (unsigned i = 1; i < 4; i++)
			task_node_turn(i);
		for (unsigned i = 1; i < 4; i++)
			task_node_turn(i);
		task_node_turn(0);
		task_node_turn(0);
		assert_int_equal(n_freed, 1);
		assert_int_equal(task_node_blocks(), 0);
		task_node_stop();
	}
}

static void a_deadline_cancels(void **state)
{
	struct task_spec spec;
	struct task_job *job;

	task_node_start(2);
	task_node_cost(5000);
	spec = items_of("triple", 20000);
	spec.deadline_ns = task_node_now_ns() + 5 * NSEC_PER_MSEC;
	job = submit(0, &spec);
	task_node_run(job, 8);
	assert_int_equal(status_of(job).state, TASK_JOB_CANCELLED);
	assert_string_equal(status_of(job).error, "the deadline has passed");
	forget(0, job);
	task_node_stop();
}

static void chunks_on_a_worker_that_hangs_are_run_again(void **state)
{
	struct task_node_outcome wanted = {}, got = {};
	struct task_spec spec;
	struct task_job *job;
	uint64_t at = 0;

	task_node_start(2);
	task_node_cost(2000);
	spec = items_of("triple", 20000);
	job = submit(0, &spec);
	task_node_run_ms(3);
	for (unsigned i = 0; i < 30000 && status_of(job).state == TASK_JOB_RUNNING; i++) {
		task_node_turn(0);
		task_node_pass(10000);
	}
	assert_int_equal(status_of(job).state, TASK_JOB_DONE);
	assert_true(status_of(job).again > 0);
	task_node_collect(job, &at, &got);
	task_node_conclude(job, &got);
	task_node_expect(&spec, &wanted);
	assert_null(task_node_differ(&wanted, &got));
	task_node_outcome_free(&wanted);
	task_node_outcome_free(&got);
	task_job_free(workers[0], job, on_freed, NULL);
	for (unsigned i = 0; i < 100; i++)
		task_node_turn(0);
	assert_int_equal(n_freed, 0); /* the other one still has some */
	task_node_run_ms(2);
	assert_int_equal(n_freed, 1);
	task_node_stop();
}

static void a_client_gets_its_share_of_the_cycles(void **state)
{
	struct task_spec spec;
	struct task_job *job;
	uint64_t start;

	task_node_start(1);
	task_node_cost(5000);
	task_node_settings()->quota_percent = 25;
	spec = items_of("triple", 20000);
	spec.client = 7;
	start = task_node_now_ns();
	job = submit(0, &spec);
	task_node_run(job, 1000);
	assert_in_range(task_node_now_ns() - start, 300 * NSEC_PER_MSEC, 500 * NSEC_PER_MSEC);
	forget(0, job);
	task_node_stop();
}

/* The longest piece of worker 0, after the first ones. */
static uint64_t longest_piece(struct task_job *job, unsigned skipped)
{
	uint64_t longest = 0;

	for (unsigned i = 0; status_of(job).state == TASK_JOB_RUNNING; i++) {
		uint64_t before = task_node_now_ns();

		assert_true(worker_task_run(workers[0]));
		if (i >= skipped)
			longest = MAX_OF(longest, task_node_now_ns() - before);
	}
	return longest;
}

static void pieces_are_as_long_as_they_should(void **state)
{
	static const uint64_t costs_ns[] = {5, 20, 100, 700, 1500};

	for (unsigned i = 0; i < 2 * ARRAY_SIZE(costs_ns); i++) {
		struct task_spec spec;
		struct task_job *job;
		uint64_t longest;

		task_node_start(1);
		task_node_cost(costs_ns[i / 2]);
		spec = i % 2 ? items_of("triple", 20000) : records_of("total", "add", 20000);
		job = submit(0, &spec);
		longest = longest_piece(job, 20);
		/* The source shows three more than it is asked for. */
		assert_in_range(longest, 400, 3000 + 3 * costs_ns[i / 2]);
		forget(0, job);
		task_node_stop();
	}
}

static void a_piece_of_calls_that_suddenly_take_long_ends_soon(void **state)
{
	for (unsigned kind = 0; kind < 2; kind++) {
		struct task_spec spec;
		struct task_job *job;

		task_node_start(1);
		task_node_cost(1);
		spec = kind ? items_of("digest", 2000) : records_of("hashes", NULL, 2000);
		for (unsigned i = 0; i < 2000; i++)
			records[i].hash = 0;
		if (!kind)
			task_node_records(records, 2000);
		job = submit(0, &spec);
		for (unsigned i = 0; i < 5; i++)
			worker_task_run(workers[0]);
		task_node_cost(2000);
		/* Between looks at the clock are 3 calls of 3000 instructions. */
		assert_in_range(longest_piece(job, 0), 2000, 16000);
		forget(0, job);
		task_node_stop();
	}
}

#define JOB_TEST(name) cmocka_unit_test(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		JOB_TEST(a_map_gives_results_in_the_order_of_items),
		JOB_TEST(idle_workers_steal_chunks),
		JOB_TEST(faults_of_items_are_their_results),
		JOB_TEST(a_job_may_stop_at_its_first_fault),
		JOB_TEST(a_filter_of_items_says_which_are_dropped),
		JOB_TEST(a_result_leaves_nothing_to_the_next),
		JOB_TEST(records_are_reduced_alike_on_any_number_of_workers),
		JOB_TEST(pairs_come_in_the_order_of_chunks),
		JOB_TEST(the_first_fault_in_the_order_of_chunks_ends_a_job),
		JOB_TEST(a_fault_is_explained_with_the_accumulator_before_it),
		JOB_TEST(a_fault_of_a_merge_ends_a_job),
		JOB_TEST(what_cannot_be_a_job_is_refused_with_a_sentence),
		JOB_TEST(too_many_jobs_are_told_when_to_try_again),
		JOB_TEST(a_cancelled_job_ends_within_a_quantum_on_each_worker),
		JOB_TEST(a_deadline_cancels),
		JOB_TEST(chunks_on_a_worker_that_hangs_are_run_again),
		JOB_TEST(a_client_gets_its_share_of_the_cycles),
		JOB_TEST(pieces_are_as_long_as_they_should),
		JOB_TEST(a_piece_of_calls_that_suddenly_take_long_ends_soon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
