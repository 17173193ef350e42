/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a call went wrong, as users are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/task_node.h"

#define FAULT_AT 0xfa17

static struct task_exec x;
static unsigned n_pieces;

/* Looks for the place, with memory that is aligned to nothing. */
static struct task_fault explain(int32_t code)
{
	uint8_t *memory = malloc(task_explain_bytes() + 8);
	struct task_explain *e = (struct task_explain *)(memory + 8);
	struct task_fault fault = {.code = 0};

	assert_non_null(memory);
	task_explain_init(e, &x, code);
	for (n_pieces = 1; task_explain_step(e, &fault); n_pieces++)
		;
	free(memory);
	return fault;
}

static void the_line_and_a_sentence_are_found(void **state)
{
	static const uint64_t at = FAULT_AT, five = 5;
	static const struct {
		const char *program;
		const void *value;
		uint32_t len;
		int32_t code;
		const char *text;
	} cases[] = {
		{"triple", &at, 8, BRAID_FAULT_DIVIDE,
			"line 20, `if (n == FAULT_AT)`: a divisor is zero"},
		{"triple", &five, 5, BRAID_FAULT_INPUT,
			"line 18, `if (ctx->value_len != 8)`: the value is not what the program "
			"is for"},
		{"beyond", &five, 8, BRAID_FAULT_RANGE,
			"`*(uint64_t *)ctx->result = (uint64_t)braid_u32(ctx, 600);`: braid_u32: "
			"an offset or a length is out of range"},
		{"odd_code", &five, 8, BRAID_FAULT_USER,
			"`return 5;`: it returned 5, which means nothing"},
		{"too_long", &five, 8, BRAID_FAULT_RANGE,
			"its result has 513 bytes, more than 512"},
		{"emits", &five, 8, BRAID_FAULT_FULL,
			"`braid_emit(ctx, BRAID_AT(ctx, value), 2, BRAID_AT(ctx, value), 2);`: "
			"braid_emit: more was emitted than there is room for"},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct task_fault fault;

		task_exec_init(&x, task_node_program(cases[i].program), NULL, NULL);
		assert_int_equal(task_exec_map(&x, 3, cases[i].value, cases[i].len), cases[i].code);
		fault = explain(cases[i].code);
		assert_int_equal(fault.code, cases[i].code);
		assert_true(fault.line > 0);
		if (!strstr(fault.text, cases[i].text))
			fail_msg("%s: %s", cases[i].program, fault.text);
	}
}

static bool take(
	void *arg, const uint8_t *key, uint32_t key_len, const uint8_t *value, uint32_t value_len)
{
	unsigned *n = arg;

	return ++*n < 2;
}

static void pairs_are_not_taken_twice(void **state)
{
	struct task_record r = {
		.key = (const uint8_t *)"0123456789", .key_len = 10, .value_len = 8};
	uint64_t n = 27;
	struct task_fault fault;
	unsigned taken = 0;

	r.value = (const uint8_t *)&n;
	task_exec_init(&x, task_node_program("tell"), take, &taken);
	assert_int_equal(task_exec_each(&x, 0, &r), BRAID_FAULT_FULL);
	assert_int_equal(taken, 2);
	memset(x.frame.ctx.each.acc, 0, BRAID_ACC_BYTES);
	fault = explain(BRAID_FAULT_FULL);
	assert_int_equal(taken, 2);
	/* The last one is where there was no room. */
	assert_non_null(strstr(fault.text, "`braid_emit(ctx, BRAID_AT(ctx, key), 8"));
	assert_non_null(strstr(fault.text, "more was emitted than there is room for"));
}

static void the_context_stays_as_it_is(void **state)
{
	static struct task_exec before;
	uint64_t n = FAULT_AT;

	task_exec_init(&x, task_node_program("triple"), NULL, NULL);
	task_exec_map(&x, 0, &n, 8);
	before = x;
	explain(BRAID_FAULT_DIVIDE);
	assert_memory_equal(&x, &before, sizeof(x));
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
		cmocka_unit_test(the_line_and_a_sentence_are_found),
		cmocka_unit_test(pairs_are_not_taken_twice),
		cmocka_unit_test(the_context_stays_as_it_is),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
