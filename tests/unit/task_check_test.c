/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Paths through programs, programs that librte_bpf 22.11 lets out of their memory, what users are
 * told, and programs from clang. One thread.
 */
#include "tests/unit/task_cases.h"
#include "tests/unit/task_file.h"

static void a_jump_as_first_instruction_hides_nothing(void **state)
{
	TASK_REFUSED(unset, "goto a; a:; *(u64 *)(r0 + 0) = 0; exit",
		"if r2 == 0 goto a; r0 = 0; exit; a:; r0 = 0; exit");
	TASK_REFUSED(no_pointer, "goto a; a:; r2 = 5 ll; *(u64 *)(r2 + 0) = 0; r0 = 0; exit");
	TASK_REFUSED(unreachable, "goto a; r2 = 5 ll; *(u64 *)(r2 + 0) = 0; a:; r0 = 0; exit");
	TASK_REFUSED(pointer_compare, "if r1 == 0 goto a; r0 = 0; exit; a:; r2 = 5; *(u64 *)(r2 + "
				      "0) = 0; r0 = 0; exit");
}

static void a_64_bit_load_is_no_offset(void **state)
{
	TASK_REFUSED(index_unbounded,
		"r2 = *(u64 *)(r1 + 16); r1 += r2; *(u64 *)(r1 + 0) = 0; r0 = 0; exit",
		"r2 = *(u64 *)(r1 + 16); r2 += r1; r0 = *(u64 *)(r2 + 0); exit");
}

static void a_comparison_of_two_unknowns_bounds_neither(void **state)
{
	TASK_REFUSED(index_unbounded,
		"r2 = *(u64 *)(r1 + 16); r3 = *(u64 *)(r1 + 24); if r2 > r3 goto a; r1 += r2; "
		"*(u8 *)(r1 + 536) = 0; a:; r0 = 0; exit",
		"r2 = *(u64 *)(r1 + 16); r3 = *(u64 *)(r1 + 24); if r2 > r3 goto a; r0 = 0; exit; "
		"a:; "
		"r1 += r3; *(u8 *)(r1 + 536) = 0; r0 = 0; exit",
		"r2 = *(u64 *)(r1 + 16); r3 = *(u64 *)(r1 + 24); if r2 s< r3 goto a; r1 += r2; "
		"a:; "
		"r0 = 0; exit");
}

static void a_partial_store_does_not_bound_what_is_beside_it(void **state)
{
	TASK_REFUSED(index_unbounded,
		"r2 = *(u64 *)(r1 + 16); *(u64 *)(r10 - 8) = r2; *(u8 *)(r10 - 8) = 1; "
		"r3 = *(u64 *)(r10 - 8); r1 += r3; *(u8 *)(r1 + 536) = 0; r0 = 0; exit",
		"r2 = *(u64 *)(r1 + 16); *(u64 *)(r10 - 8) = r2; *(u32 *)(r10 - 8) = 1; "
		"r3 = *(u64 *)(r10 - 8); r1 += r3; r0 = 0; exit",
		"r2 = *(u64 *)(r1 + 16); *(u64 *)(r10 - 8) = r2; *(u16 *)(r10 - 2) = 0; "
		"r3 = *(u32 *)(r10 - 8); r1 += r3; r0 = 0; exit");
}

static void a_program_without_exit_is_refused(void **state)
{
	TASK_REFUSED(no_exit, "r0 = 0", "r0 = 0; r1 = 5 ll", "r0 = 0; goto +0; r0 = 1",
		"r0 = 0; if r0 == 0 goto +0; r0 = 1", "r0 = 0; exit; r0 = 1", "r2 = 0; call 3",
		"*(u8 *)(r1 + 536) = 1", "r0 = *(u8 *)(r1 + 0)", "r0 = 0; exit; r1 = 5 ll");
	TASK_REFUSED(empty, "");
}

static void a_pointer_is_not_returned(void **state)
{
	TASK_REFUSED(return_pointer, "r0 = r1; exit", "r0 = r10; exit", "r0 = rodata 0; exit",
		"r0 = r1; r0 += 8; exit", "r0 = 16; r0 += r1; exit",
		"r0 = r1; r2 = *(u8 *)(r1 + 0); if r2 == 0 goto +0; exit");
	TASK_REFUSED(return_unset, "exit", "r1 = 0; exit",
		"r2 = *(u8 *)(r1 + 0); if r2 == 0 goto a; r0 = 0; a:; exit",
		"r0 = r1; r2 = *(u8 *)(r1 + 0); if r2 == 0 goto a; r0 = 0; a:; exit",
		"r2 = *(u8 *)(r1 + 0); if r2 > 1 goto a; r0 = 0; exit; a:; exit");
}

static void registers_are_set_on_every_path(void **state)
{
	TASK_REFUSED(unset, "r0 = r2; exit", "r0 += 1; exit", "r0 = 1; r0 += r5; exit",
		"r0 = -r0; exit", "r0 = be16 r0; exit", "if r0 == 0 goto +0; exit",
		"r0 = 0; if r0 == r9 goto +0; exit", "r6 ^= r6; r0 = 0; exit",
		"w3 = r4; r0 = 0; exit", "r1 += r2; r0 = 0; exit",
		"r2 = *(u8 *)(r1 + 0); if r2 == 0 goto a; r3 = 1; a:; r0 = r3; exit",
		"r2 = *(u8 *)(r1 + 0); if r2 == 0 goto a; r1 = 0; a:; r0 = *(u8 *)(r1 + 0); exit",
		"r2 = *(u8 *)(r1 + 0); r3 = r10; r3 -= 8; if r2 == 0 goto a; r3 = r1; a:; "
		"*(u64 *)(r3 + 0) = 1; r0 = 0; exit",
		"r2 = *(u8 *)(r1 + 0); if r2 == 0 goto a; if r2 == 1 goto b; r3 = 1; goto c; a:; "
		"r3 = 2; "
		"goto c; b:; r4 = 3; c:; r0 = r3; exit");
	TASK_FINE("r2 = *(u8 *)(r1 + 0); if r2 == 0 goto a; r0 = 1; goto b; a:; r0 = 2; b:; exit",
		"r2 = *(u8 *)(r1 + 0); r3 = 8; if r2 == 0 goto a; r3 = 16; a:; r1 += r3; "
		"r0 = *(u64 *)(r1 + 0); exit");
}

static void every_instruction_can_be_reached(void **state)
{
	TASK_REFUSED(unreachable, "r0 = 0; exit; exit", "r0 = 0; goto +1; r0 = 1; exit",
		"r0 = 0; exit; r0 = 1; exit", "goto a; r0 = 1; a:; r0 = 0; exit",
		"r0 = 0; exit; goto a; a:; exit", "r0 = 0; goto a; b:; exit; a:; exit",
		"r0 = 0; if r0 == 0 goto a; exit; r0 = 5 ll; a:; exit",
		"r0 = 0; exit; if r0 == 0 goto +0; exit");
}

static void pointers_are_not_compared(void **state)
{
	TASK_REFUSED(pointer_compare, "r0 = 0; if r1 == 0 goto +0; exit",
		"r0 = 0; if r1 != 0 goto +0; exit", "r0 = 0; if r1 == r10 goto +0; exit",
		"r0 = 0; if r0 < r1 goto +0; exit", "r0 = 0; if r10 s> 0 goto +0; exit",
		"r0 = 0; if r1 & r0 goto +0; exit",
		"r0 = 0; r2 = rodata 0; if r2 > r0 goto +0; exit",
		"r0 = 0; r2 = r1; r2 += 8; if r2 <= r1 goto +0; exit");
}

static void what_costs_too_much_is_refused(void **state)
{
	TASK_REFUSED(cost,
		"r6 = r1; r2 = 16; r3 = 4; r4 = 1048; r5 = 8; call 10; r1 = r6; r2 = 16; r3 = 4; "
		"r4 = 1048; r5 = 8; call 10; r1 = r6; r2 = 16; r3 = 4; r4 = 1048; r5 = 8; call "
		"10; "
		"r1 = r6; r2 = 16; r3 = 4; r4 = 1048; r5 = 8; call 10; exit");
}

static void a_program_of_more_than_4096_instructions_is_refused(void **state)
{
	static struct task_insn insns[TASK_INSNS_MAX + 1];
	struct task_function f = {.name = "long", .insns = insns, .n_insns = TASK_INSNS_MAX};
	struct task_verdict v;

	for (uint32_t i = 0; i < TASK_INSNS_MAX + 1; i++)
		insns[i] = (struct task_insn){.code = TASK_OP(TASK_MOV, TASK_ALU64)};
	insns[TASK_INSNS_MAX - 1].code = TASK_OP(TASK_EXIT, TASK_JMP);
	assert_true(task_check(&f, 0, &v));
	assert_int_equal(v.cost_max, TASK_INSNS_MAX);
	insns[TASK_INSNS_MAX - 1].code = TASK_OP(TASK_MOV, TASK_ALU64);
	insns[TASK_INSNS_MAX].code = TASK_OP(TASK_EXIT, TASK_JMP);
	f.n_insns++;
	assert_false(task_check(&f, 0, &v));
	assert_int_equal(v.rule, TASK_RULE_too_long);
}

static void branches_do_not_multiply_the_time(void **state)
{
	static struct task_insn insns[TASK_INSNS_MAX];
	struct task_function f = {.name = "branches", .insns = insns, .n_insns = TASK_INSNS_MAX};
	struct task_verdict v;

	insns[0] = (struct task_insn){.code = TASK_OP(TASK_MOV, TASK_ALU64), .dst = 0};
	insns[1] = (struct task_insn){.code = TASK_LDX | TASK_MODE_MEM | 0x18, .dst = 2, .src = 1};
	for (int i = 2; i < TASK_INSNS_MAX - 1; i++)
		insns[i] = (struct task_insn){
			.code = TASK_OP(i % 2 ? TASK_ADD : TASK_JGT, i % 2 ? TASK_ALU64 : TASK_JMP),
			.dst = i % 2 ? 0 : 2,
			.off = i % 2 ? 0 : 1,
			.imm = 1 << i % 31};
	insns[TASK_INSNS_MAX - 1].code = TASK_OP(TASK_EXIT, TASK_JMP);
	insns[TASK_INSNS_MAX - 2] = insns[0];
	for (int round = 0; round < 20; round++)
		assert_true(task_check(&f, 0, &v));
}

static void the_longest_path_is_the_cost(void **state)
{
	static const struct {
		const char *program;
		uint32_t cost;
	} cases[] = {
		{"r0 = 0; exit", 2},
		{"r0 = 5 ll; exit", 2},
		{"r2 = *(u8 *)(r1 + 0); r0 = 0; if r2 == 0 goto a; r0 = 1; r0 = 2; a:; exit", 6},
		{"r2 = *(u8 *)(r1 + 0); r0 = 0; if r2 == 0 goto a; exit; a:; r0 = 1; exit", 5},
		{"r2 = 0; call 3; exit", 3 + 24},
		{"r2 = 16; r3 = 64; r4 = 0; call 7; exit", 5 + 96 + 64 * 12 / 8},
		{"r2 = 16; r3 = *(u32 *)(r1 + 8); r4 = 0; call 7; exit", 5 + 96 + 512 * 12 / 8},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct task_verdict v = task_case_check(cases[i].program);

		assert_string_equal(v.text, "");
		assert_int_equal(v.cost_max, cases[i].cost);
	}
}

static void programs_from_clang_are_accepted(void **state)
{
	struct task_file file = task_file_read("good");
	struct base_error err = {.text = ""};
	struct task_object *o = task_object_create(file.bytes, file.len, &err);
	struct task_verdict v;

	assert_non_null(o);
	for (uint32_t i = 0; i < o->n_functions; i++) {
		if (!task_check(&o->functions[i], o->rodata_len, &v))
			fail_msg("%s", v.text);
		assert_true(v.cost_max > 0);
	}
	task_object_destroy(o);
	free(file.bytes);
}

static void refusals_name_the_line_of_c_and_the_cure(void **state)
{
	static const struct {
		const char *function, *said;
	} cases[] = {
		{"divides", "\"return (int64_t)(ctx->number / ctx->value_len);\": instruction "},
		{"divides", "divides by a number that may be 0; test it: if (d == 0) return "
			    "BRAID_FAULT_DIVIDE (divide_unproved)"},
		{"indexes", "\"return ctx->value[ctx->number];\""},
		{"indexes", "mask the index: o & 511"},
		{"loops", "give the loop a constant number of rounds"},
		{"writes", "\"ctx->value[3] = 1;\""},
		{"writes", "writes what it may only read; write the result, the accumulator"},
	};
	struct task_file file = task_file_read("refused");
	struct base_error err = {.text = ""};
	struct task_object *o = task_object_create(file.bytes, file.len, &err);

	assert_non_null(o);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct task_verdict v;

		assert_false(task_check(task_object_find(o, cases[i].function), o->rodata_len, &v));
		assert_true(v.line > 0);
		if (!strstr(v.text, cases[i].said) || strstr(v.text, cases[i].function) != v.text)
			fail_msg("%s", v.text);
	}
	task_object_destroy(o);
	free(file.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_jump_as_first_instruction_hides_nothing),
		cmocka_unit_test(a_64_bit_load_is_no_offset),
		cmocka_unit_test(a_comparison_of_two_unknowns_bounds_neither),
		cmocka_unit_test(a_partial_store_does_not_bound_what_is_beside_it),
		cmocka_unit_test(a_program_without_exit_is_refused),
		cmocka_unit_test(a_pointer_is_not_returned),
		cmocka_unit_test(registers_are_set_on_every_path),
		cmocka_unit_test(every_instruction_can_be_reached),
		cmocka_unit_test(pointers_are_not_compared),
		cmocka_unit_test(what_costs_too_much_is_refused),
		cmocka_unit_test(a_program_of_more_than_4096_instructions_is_refused),
		cmocka_unit_test(branches_do_not_multiply_the_time),
		cmocka_unit_test(the_longest_path_is_the_cost),
		cmocka_unit_test(programs_from_clang_are_accepted),
		cmocka_unit_test(refusals_name_the_line_of_c_and_the_cure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
