/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Intervals hold every value that can occur: all operations on all pairs of small intervals, near
 * zero, near the ends of 32 and 64 bits and of signed numbers. One thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lib/task/task_value.h"

#define SPAN 4 /* numbers on either side of a corner */

static const uint64_t corners[] = {4, 64, 1ULL << 31, 1ULL << 32, 1ULL << 63, -4ULL};

/* What the instruction does; the caller keeps divisors and shifts in range. */
static uint64_t exact(enum task_alu op, bool is_64, uint64_t a, uint64_t b)
{
	uint64_t n = 0;

	if (!is_64) {
		a = (uint32_t)a;
		b = (uint32_t)b;
	}
	switch (op) {
	case TASK_ADD:
		n = a + b;
		break;
	case TASK_SUB:
		n = a - b;
		break;
	case TASK_MUL:
		n = a * b;
		break;
	case TASK_DIV:
		n = a / b;
		break;
	case TASK_OR:
		n = a | b;
		break;
	case TASK_AND:
		n = a & b;
		break;
	case TASK_LSH:
		n = a << b;
		break;
	case TASK_RSH:
		n = a >> b;
		break;
	case TASK_NEG:
		n = -a;
		break;
	case TASK_MOD:
		n = a % b;
		break;
	case TASK_XOR:
		n = a ^ b;
		break;
	case TASK_MOV:
		n = b;
		break;
	case TASK_ARSH:
		n = is_64 ? (uint64_t)((int64_t)a >> b) : (uint64_t)((int32_t)a >> b);
		break;
	case TASK_END:
		break;
	}
	return is_64 ? n : (uint32_t)n;
}

static bool holds(enum task_jump op, uint64_t a, uint64_t b)
{
	int64_t x = (int64_t)a, y = (int64_t)b;
	const bool table[] = {[TASK_JEQ] = a == b,
		[TASK_JGT] = a > b,
		[TASK_JGE] = a >= b,
		[TASK_JSET] = (a & b) != 0,
		[TASK_JNE] = a != b,
		[TASK_JSGT] = x > y,
		[TASK_JSGE] = x >= y,
		[TASK_JLT] = a < b,
		[TASK_JLE] = a <= b,
		[TASK_JSLT] = x < y,
		[TASK_JSLE] = x <= y};

	return table[op];
}

/* The interval from @low with @n numbers after it, which may wrap: then it is cut. */
static struct task_value interval(uint64_t low, uint64_t n)
{
	struct task_value v = task_value_number(low);

	if (n == 0)
		return v;
	v.max = low > UINT64_MAX - n ? UINT64_MAX : low + n;
	v.zeros = 0;
	return v;
}

static bool inside(const struct task_value *v, uint64_t n)
{
	uint64_t zeros = v->zeros == 64 ? UINT64_MAX : (1ULL << v->zeros) - 1;

	return n >= v->min && n <= v->max && (n & zeros) == 0;
}

static bool can_be_done(enum task_alu op, bool is_64, const struct task_value *b)
{
	struct task_value by = is_64 ? *b : task_value_low32(*b);

	if (op == TASK_DIV || op == TASK_MOD)
		return by.min > 0;
	if (op == TASK_LSH || op == TASK_RSH || op == TASK_ARSH)
		return by.max < (is_64 ? 64 : 32);
	return true;
}

static void check_alu(struct task_value a, struct task_value b)
{
	for (int op = 0; op < 2 * TASK_END; op++) {
		enum task_alu which = (enum task_alu)(op / 2);
		bool is_64 = op % 2;
		struct task_value v;

		if (!can_be_done(which, is_64, &b))
			continue;
		v = task_value_alu(which, is_64, a, b);
		for (uint64_t x = a.min;; x++) {
			for (uint64_t y = b.min;; y++) {
				if (!inside(&v, exact(which, is_64, x, y)))
					fail_msg("op %d of %d bits: %lx, %lx", which,
						is_64 ? 64 : 32, x, y);
				if (y == b.max)
					break;
			}
			if (x == a.max)
				break;
		}
	}
}

static void check_jumps(struct task_value a, struct task_value b)
{
	for (int op = TASK_JEQ; op <= TASK_JSLE; op++) {
		struct task_value yes_a = a, yes_b = b, no_a = a, no_b = b;

		if (op == TASK_CALL || op == TASK_EXIT)
			continue;
		task_value_refine((enum task_jump)op, true, &yes_a, &yes_b);
		task_value_refine((enum task_jump)op, false, &no_a, &no_b);
		for (uint64_t x = a.min;; x++) {
			for (uint64_t y = b.min;; y++) {
				bool is_taken = holds((enum task_jump)op, x, y);

				if (!inside(is_taken ? &yes_a : &no_a, x) ||
					!inside(is_taken ? &yes_b : &no_b, y))
					fail_msg("jump %d: %lx, %lx", op, x, y);
				if (y == b.max)
					break;
			}
			if (x == a.max)
				break;
		}
	}
}

/* Calls @check with all pairs of small intervals around corners. */
static void for_pairs(void (*check)(struct task_value a, struct task_value b))
{
	for (size_t i = 0; i < ARRAY_SIZE(corners) * 2 * SPAN * 3; i++) {
		struct task_value a = interval(
			corners[i / 3 / (2 * SPAN)] - SPAN + i / 3 % (2 * SPAN), i % 3 * 3);

		for (size_t j = 0; j < ARRAY_SIZE(corners) * 2 * SPAN * 3; j++)
			check(a, interval(corners[j / 3 / (2 * SPAN)] - SPAN + j / 3 % (2 * SPAN),
					 j % 3 * 3));
	}
}

static void results_of_operations_are_inside(void **state)
{
	for_pairs(check_alu);
}

static void jumps_leave_out_no_number_that_passes(void **state)
{
	for_pairs(check_jumps);
}

static void a_union_holds_both(void **state)
{
	struct task_value a = task_value_number(8), b = task_value_number(24), v;

	v = task_value_join(&a, &b);
	assert_true(v.min == 8 && v.max == 24 && v.zeros == 3);
	a = task_value_pointer(TASK_CTX, 16);
	v = task_value_join(&a, &b);
	assert_int_equal(v.type, TASK_UNSET);
	b = task_value_pointer(TASK_CTX, -4);
	v = task_value_join(&a, &b);
	assert_int_equal(v.type, TASK_CTX);
	assert_int_equal(task_value_offset(v.min), -4);
	assert_int_equal(task_value_offset(v.max), 16);
	assert_int_equal(v.zeros, 2);
}

static void pointers_move_by_bounded_numbers(void **state)
{
	struct task_value p = task_value_pointer(TASK_CTX, 16), by = task_value_any(8);

	assert_int_equal(task_value_move(&p, &by, 1), TASK_MOVE_DONE);
	assert_int_equal(task_value_offset(p.min), 16);
	assert_int_equal(task_value_offset(p.max), 16 + 255);
	assert_int_equal(task_value_move(&p, &by, -1), TASK_MOVE_DONE);
	assert_int_equal(task_value_offset(p.min), 16 - 255);
	by = task_value_number((uint64_t)-8);
	assert_int_equal(task_value_move(&p, &by, 1), TASK_MOVE_DONE);
	assert_int_equal(task_value_offset(p.min), 8 - 255);
	by = task_value_any(32);
	assert_int_equal(task_value_move(&p, &by, 1), TASK_MOVE_UNBOUNDED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(results_of_operations_are_inside),
		cmocka_unit_test(jumps_leave_out_no_number_that_passes),
		cmocka_unit_test(a_union_holds_both),
		cmocka_unit_test(pointers_move_by_bounded_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
