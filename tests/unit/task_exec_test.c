/* SPDX-License-Identifier: BSD-3-Clause */
/* Running one program: windows of all lengths hold what they should and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/task/task_exec_impl.h"
#include "tests/sim/sim_random.h"
#include "tests/unit/task_node.h"

static struct task_exec x;

/* What the program that "compiled" itself here was given. */
static struct task_frame given;
static uint64_t returns;
static uint32_t result_len;

static uint64_t look(void *ctx)
{
	struct task_frame *f = CONTAINER_OF(ctx, struct task_frame, ctx);

	given = *f;
	if (f->kind == TASK_MAP) {
		f->ctx.map.result_len = result_len;
		memset(f->ctx.map.result, 0xee, BRAID_RESULT_BYTES);
	}
	return returns;
}

static struct task_program looking(const char *kind)
{
	struct task_program p = *task_node_program(kind);

	p.run = look;
	p.result_bytes = 0;
	returns = 0;
	result_len = 8;
	return p;
}

static bool is_zero(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != 0)
			return false;
	return true;
}

/* Bytes of exactly @n, so that the sanitizers see what is read beside them. */
static uint8_t *exact(struct sim_random *r, uint32_t n)
{
	uint8_t *p = malloc(n);

	assert_true(p || n == 0);
	for (uint32_t i = 0; i < n; i++)
		p[i] = (uint8_t)(1 + sim_below(r, 255));
	return p;
}

static void windows_hold_the_value_and_zeros(void **state)
{
	struct task_program map = looking("triple"), each = looking("total");
	struct sim_random random = {.state = 1};

	for (unsigned round = 0; round < 4000; round++) {
		uint32_t n = (uint32_t)(round < 1300 ? round % 600 : sim_below(&random, 600));
		uint32_t key_n = (uint32_t)sim_below(&random, 300);
		uint8_t *value = exact(&random, n), *key = exact(&random, key_n);
		uint32_t m = MIN_OF(n, (uint32_t)BRAID_VALUE_BYTES);
		uint32_t key_m = MIN_OF(key_n, (uint32_t)BRAID_KEY_BYTES);
		struct task_record r = {.key = key,
			.value = value,
			.key_len = key_n,
			.value_len = n,
			.ttl_ms = round,
			.type = 1,
			.flags = 2,
			.slot = 3};

		if (round % 100 == 0)
			task_exec_init(&x, &map, NULL, NULL);
		if (round % 200 < 100) {
			assert_int_equal(task_exec_map(&x, round, value, n), BRAID_OK);
			assert_int_equal(given.ctx.map.number, round);
			assert_int_equal(given.ctx.map.value_len, n);
			assert_memory_equal(given.ctx.map.value, value, m);
			assert_true(is_zero(given.ctx.map.value + m, BRAID_VALUE_BYTES - m));
			assert_int_equal(given.ctx.map.result_len, 0);
			assert_true(is_zero(given.ctx.map.result, BRAID_RESULT_BYTES));
		} else {
			if (round % 100 == 0)
				task_exec_init(&x, &each, NULL, NULL);
			assert_int_equal(task_exec_each(&x, round, &r), BRAID_OK);
			assert_int_equal(given.ctx.each.number, round);
			assert_int_equal(given.ctx.each.ttl_ms, round);
			assert_int_equal(given.ctx.each.key_len, key_n);
			assert_int_equal(given.ctx.each.type, 1);
			assert_int_equal(given.ctx.each.flags, 2);
			assert_int_equal(given.ctx.each.slot, 3);
			assert_memory_equal(given.ctx.each.value, value, m);
			assert_true(is_zero(given.ctx.each.value + m, BRAID_VALUE_BYTES - m));
			assert_memory_equal(given.ctx.each.key, key, key_m);
			assert_true(is_zero(given.ctx.each.key + key_m, BRAID_KEY_BYTES - key_m));
			assert_true(is_zero(given.ctx.each.acc, BRAID_ACC_BYTES));
		}
		free(value);
		free(key);
	}
}

static void what_a_program_returns_has_a_meaning(void **state)
{
	static const struct {
		const char *kind;
		int64_t returns;
		int32_t means;
	} cases[] = {
		{"triple", BRAID_OK, BRAID_OK},
		{"triple", BRAID_DROP, BRAID_FAULT_USER},
		{"triple", BRAID_FAULT_DIVIDE, BRAID_FAULT_DIVIDE},
		{"triple", -1, -1},
		{"triple", 1LL << 32, BRAID_FAULT_USER},
		{"triple", INT64_MIN, BRAID_FAULT_USER},
		{"triple", INT32_MIN, INT32_MIN},
		{"odd", BRAID_DROP, BRAID_DROP},
		{"odd", 2, BRAID_FAULT_USER},
		{"total", BRAID_DROP, BRAID_FAULT_USER},
		{"total", BRAID_OK, BRAID_OK},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct task_program p = looking(cases[i].kind);
		struct task_record r = {.key_len = 0};

		returns = (uint64_t)cases[i].returns;
		task_exec_init(&x, &p, NULL, NULL);
		if (p.function->kind == TASK_MAP)
			assert_int_equal(task_exec_map(&x, 0, "", 0), cases[i].means);
		else
			assert_int_equal(task_exec_each(&x, 0, &r), cases[i].means);
	}
}

static void a_result_that_is_too_long_is_a_fault(void **state)
{
	struct task_program p = looking("triple");

	task_exec_init(&x, &p, NULL, NULL);
	result_len = BRAID_RESULT_BYTES;
	assert_int_equal(task_exec_map(&x, 0, "", 0), BRAID_OK);
	result_len++;
	assert_int_equal(task_exec_map(&x, 0, "", 0), BRAID_FAULT_RANGE);
}

static void a_fault_of_a_helper_counts_whatever_is_returned(void **state)
{
	task_exec_init(&x, task_node_program("beyond"), NULL, NULL);
	assert_int_equal(task_exec_map(&x, 0, "short", 5), BRAID_FAULT_RANGE);
	task_exec_init(&x, task_node_program("emits"), NULL, NULL);
	assert_int_equal(task_exec_map(&x, 0, "short", 5), BRAID_FAULT_FULL);
}

static void helpers_read_behind_the_window(void **state)
{
	static uint8_t value[700];

	task_exec_init(&x, task_node_program("beyond"), NULL, NULL);
	value[600] = 7;
	assert_int_equal(task_exec_map(&x, 0, value, sizeof(value)), BRAID_OK);
	assert_int_equal(x.frame.ctx.map.result[0], 7);
	assert_int_equal(task_exec_map(&x, 0, value, 604), BRAID_OK);
	assert_int_equal(task_exec_map(&x, 0, value, 603), BRAID_FAULT_RANGE);
}

static bool count(
	void *arg, const uint8_t *key, uint32_t key_len, const uint8_t *value, uint32_t value_len)
{
	unsigned *n = arg;

	return ++*n < 3;
}

static void pairs_go_to_who_asked_until_there_is_no_room(void **state)
{
	unsigned n = 0;

	task_exec_init(&x, task_node_program("emits"), count, &n);
	assert_int_equal(task_exec_map(&x, 0, "ab", 2), BRAID_OK);
	assert_int_equal(task_exec_map(&x, 1, "ab", 2), BRAID_OK);
	assert_int_equal(task_exec_map(&x, 2, "ab", 2), BRAID_FAULT_FULL);
	assert_int_equal(n, 3);
}

static void accumulators_are_merged_into_one(void **state)
{
	uint64_t other[BRAID_ACC_BYTES / 8] = {2, 30, 400, 5};
	const uint64_t *acc = (const uint64_t *)x.frame.ctx.merge.acc;

	task_exec_init(&x, task_node_program("add"), NULL, NULL);
	assert_int_equal(task_exec_merge(&x, 0, other), BRAID_OK);
	other[2] = 300;
	assert_int_equal(task_exec_merge(&x, 1, other), BRAID_OK);
	assert_int_equal(acc[0], 4);
	assert_int_equal(acc[1], 60);
	assert_int_equal(acc[2], 400);
}

static int start(void **state)
{
	task_node_start(1);
	return 0;
}

static int stop(void **state)
{
	task_node_stop();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_hold_the_value_and_zeros),
		cmocka_unit_test(what_a_program_returns_has_a_meaning),
		cmocka_unit_test(a_result_that_is_too_long_is_a_fault),
		cmocka_unit_test(a_fault_of_a_helper_counts_whatever_is_returned),
		cmocka_unit_test(helpers_read_behind_the_window),
		cmocka_unit_test(pairs_go_to_who_asked_until_there_is_no_room),
		cmocka_unit_test(accumulators_are_merged_into_one),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
