/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls of helpers with what they do not take. One thread. */
#include "tests/unit/task_cases.h"

static void helpers_that_do_not_exist_are_refused(void **state)
{
	TASK_REFUSED(call_unknown, "call 0; exit", "call 11; exit", "call -1; exit",
		"call 65536; exit", "call 0x7fffffff; exit", "call 1000; r0 = 0; exit");
}

static void helpers_get_all_their_arguments(void **state)
{
	TASK_REFUSED(call_unset, "call 1; exit", "r2 = 16; call 1; exit",
		"r2 = 16; r3 = 1; r4 = 16; call 1; exit", "r2 = 0; r3 = 1048; call 2; exit",
		"call 3; exit", "call 4; exit", "r2 = 0; r3 = 4; r4 = 16; call 5; exit",
		"r2 = 16; r3 = 1; r4 = 16; call 6; exit", "r2 = 16; r3 = 8; call 7; exit",
		"r2 = 16; r3 = 8; call 8; exit", "r2 = 16; call 9; exit",
		"r2 = 16; r3 = 1; r4 = 1048; call 10; exit",
		"r6 = r1; r2 = 0; call 3; r1 = r6; call 3; exit",
		"r6 = r1; r2 = 0; call 3; r2 = 8; call 3; exit",
		"r2 = *(u8 *)(r1 + 0); if r2 == 0 goto a; r3 = 1; a:; r4 = 5; call 7; exit");
}

static void the_first_argument_is_the_context_itself(void **state)
{
	TASK_REFUSED(call_context, "r1 = 0; r2 = 0; call 3; exit", "r1 += 16; r2 = 0; call 3; exit",
		"r1 -= 8; r2 = 0; call 4; exit", "r1 = r10; r2 = 0; call 3; exit",
		"r1 = rodata 0; r2 = 0; call 3; exit",
		"r2 = *(u8 *)(r1 + 0); r1 += r2; call 3; exit",
		"r1 = *(u64 *)(r1 + 0); r2 = 0; call 3; exit",
		"r2 = *(u8 *)(r1 + 0); if r2 == 0 goto a; r1 += 8; a:; call 3; exit");
	TASK_FINE("r2 = 0; call 3; exit", "r1 += 8; r1 -= 8; r2 = 0; call 4; exit",
		"*(u64 *)(r10 - 8) = r1; r1 = *(u64 *)(r10 - 8); r2 = 0; call 3; exit");
}

static void helpers_get_no_other_pointer(void **state)
{
	TASK_REFUSED(call_pointer, "r2 = r1; call 3; exit", "r2 = r10; call 4; exit",
		"r2 = r1; r2 += 16; r3 = 8; r4 = 0; call 7; exit",
		"r2 = rodata 0; r3 = 8; r4 = 0; call 7; exit",
		"r2 = 16; r3 = r1; r4 = 0; call 7; exit", "r2 = 16; r3 = 8; r4 = r10; call 7; exit",
		"r2 = 0; r3 = r10; r4 = 8; call 2; exit", "r2 = r1; r3 = 1048; call 9; exit",
		"r2 = 16; r3 = 4; r4 = r10; r5 = 4; call 6; exit",
		"r2 = 0; r3 = 4; r4 = rodata 0; r5 = 4; call 5; exit",
		"r2 = 16; r3 = 4; r4 = 1048; r5 = r1; call 10; exit");
}

static void what_is_always_outside_is_refused(void **state)
{
	TASK_REFUSED(call_outside, "r2 = 1305; r3 = 8; r4 = 0; call 7; exit",
		"r2 = -1; r3 = 8; r4 = 0; call 7; exit",
		"r2 = 16; r3 = 4; r4 = 100000; r5 = 4; call 6; exit",
		"r2 = 0; r3 = 4000; r4 = 8; call 2; exit", "r2 = 5; r3 = 0x7fffffff; call 9; exit",
		"r2 = 16; r3 = 4; r4 = 1400; call 8; exit",
		"each: r2 = 1321; r3 = 8; r4 = 0; call 7; exit",
		"merge: r2 = 785; r3 = 8; r4 = 0; call 7; exit");
	TASK_REFUSED(call_readonly, "r2 = 0; r3 = 16; r4 = 8; call 2; exit",
		"r2 = 5; r3 = 0; call 9; exit", "r2 = 16; r3 = 4; r4 = 520; call 8; exit",
		"r2 = 16; r3 = 4; r4 = 16; r5 = 8; call 10; exit",
		"each: r2 = 5; r3 = 296; call 9; exit", "filter: r2 = 5; r3 = 808; call 9; exit",
		"merge: r2 = 5; r3 = 16; call 9; exit",
		"r2 = 5; r3 = *(u8 *)(r1 + 0); call 9; exit");
	TASK_REFUSED(call_length, "r2 = 16; r3 = 513; r4 = 0; call 7; exit",
		"r2 = 16; r3 = -1; r4 = 0; call 7; exit",
		"r2 = 0; r3 = 1048; r4 = 600; call 2; exit",
		"r2 = 0; r3 = 4097; r4 = 16; r5 = 4; call 5; exit",
		"r2 = 0; r3 = 4096; r4 = 16; r5 = 1000; call 5; exit",
		"r2 = 16; r3 = 4; r4 = 16; r5 = 513; call 6; exit",
		"r2 = 16; r3 = 5000; r4 = 16; r5 = 5; call 1; exit");
}

static void helpers_leave_only_their_result(void **state)
{
	TASK_REFUSED(unset, "r2 = 0; call 3; r0 = r1; exit", "r2 = 0; call 3; r0 = r2; exit",
		"r2 = 0; call 3; r0 += r3; exit", "r2 = 0; r4 = 1; call 3; r0 = r4; exit",
		"r2 = 0; r5 = 1; call 3; r0 = r5; exit",
		"r2 = 0; call 3; r0 = *(u8 *)(r1 + 0); exit");
	TASK_FINE("r6 = r1; r7 = 5; r2 = 0; call 3; r0 += r7; r3 = *(u8 *)(r6 + 0); exit",
		"r2 = 16; r3 = *(u32 *)(r1 + 8); r4 = 1048; call 8; exit",
		"each: r2 = 40; r3 = *(u32 *)(r1 + 20); r4 = 296; r5 = 8; call 1; exit");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(helpers_that_do_not_exist_are_refused),
		cmocka_unit_test(helpers_get_all_their_arguments),
		cmocka_unit_test(the_first_argument_is_the_context_itself),
		cmocka_unit_test(helpers_get_no_other_pointer),
		cmocka_unit_test(what_is_always_outside_is_refused),
		cmocka_unit_test(helpers_leave_only_their_result),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
