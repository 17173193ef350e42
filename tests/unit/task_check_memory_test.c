/* SPDX-License-Identifier: BSD-3-Clause */
/* Loads and stores beside what a program may touch. One thread. */
#include "tests/unit/task_cases.h"

static void numbers_are_no_addresses(void **state)
{
	TASK_REFUSED(no_pointer, "r2 = 0; r0 = *(u8 *)(r2 + 0); exit",
		"r2 = 4096; r0 = *(u64 *)(r2 + 0); exit", "r2 = 5 ll; *(u8 *)(r2 + 0) = 1; exit",
		"r2 = *(u64 *)(r1 + 0); r0 = *(u8 *)(r2 + 0); exit",
		"r2 = *(u64 *)(r1 + 16); *(u64 *)(r2 + 0) = r2; exit",
		"r2 = *(u8 *)(r1 + 0); r2 += 8; r0 = *(u8 *)(r2 + 0); exit",
		"*(u64 *)(r10 - 8) = 0; r2 = *(u64 *)(r10 - 8); r0 = *(u8 *)(r2 + 0); exit",
		"r2 = 0; r2 = *(u64 *)(r2 + 0); r0 = 0; exit",
		"r2 = 0; call 4; r0 = *(u8 *)(r0 + 0); exit");
	TASK_REFUSED(unset, "r0 = *(u8 *)(r2 + 0); exit", "*(u8 *)(r3 + 0) = 0; exit",
		"*(u64 *)(r1 + 536) = r4; exit", "*(u64 *)(r10 - 8) = r0; exit");
}

static void loads_stay_in_the_context(void **state)
{
	TASK_REFUSED(ctx_outside, "r0 = *(u8 *)(r1 + 1304); exit", "r0 = *(u8 *)(r1 - 1); exit",
		"r0 = *(u64 *)(r1 + 1304); exit", "r0 = *(u16 *)(r1 + 1304); exit",
		"r0 = *(u32 *)(r1 + 1302); exit", "r0 = *(u64 *)(r1 - 8); exit",
		"r0 = *(u64 *)(r1 + 32760); exit", "r0 = *(u64 *)(r1 - 32768); exit",
		"r1 += 1300; r0 = *(u64 *)(r1 + 0); exit", "r1 += -1; r0 = *(u8 *)(r1 + 0); exit",
		"r1 -= 1; r0 = *(u8 *)(r1 + 0); exit", "r1 += 1304; r0 = *(u8 *)(r1 + 0); exit",
		"r1 += 100000; r0 = *(u8 *)(r1 + 0); exit", "each: r0 = *(u8 *)(r1 + 1320); exit",
		"filter: r0 = *(u8 *)(r1 + 1320); exit", "merge: r0 = *(u8 *)(r1 + 784); exit",
		"merge: r0 = *(u64 *)(r1 + 784); exit",
		"r2 = *(u8 *)(r1 + 0); r1 += r2; r0 = *(u8 *)(r1 + 1049); exit",
		"r2 = *(u8 *)(r1 + 0); r2 *= 4; r1 += r2; r0 = *(u32 *)(r1 + 288); exit",
		"*(u8 *)(r1 + 1304) = 0; exit", "*(u64 *)(r1 + 1304) = r1; exit",
		"*(u8 *)(r1 - 1) = 0; exit", "each: *(u8 *)(r1 + 1320) = 0; exit",
		"merge: *(u32 *)(r1 + 784) = 0; exit",
		"r2 = *(u16 *)(r1 + 0); r1 += r2; *(u8 *)(r1 + 536) = 0; r0 = 0; exit");
}

static void what_is_read_only_is_not_written(void **state)
{
	TASK_REFUSED(ctx_readonly, "*(u64 *)(r1 + 0) = 0; exit", "*(u32 *)(r1 + 8) = 1; exit",
		"*(u8 *)(r1 + 16) = 1; exit", "*(u8 *)(r1 + 527) = 1; exit",
		"*(u64 *)(r1 + 520) = r1; exit", "r2 = 1; *(u64 *)(r1 + 520) = r2; exit",
		"each: *(u64 *)(r1 + 0) = 0; exit", "each: *(u64 *)(r1 + 8) = 0; exit",
		"each: *(u8 *)(r1 + 40) = 0; exit", "each: *(u8 *)(r1 + 296) = 0; exit",
		"each: *(u8 *)(r1 + 807) = 0; exit", "filter: *(u8 *)(r1 + 808) = 0; exit",
		"filter: *(u8 *)(r1 + 1063) = 0; exit", "filter: *(u64 *)(r1 + 1056) = 0; exit",
		"merge: *(u8 *)(r1 + 16) = 0; exit", "merge: *(u8 *)(r1 + 271) = 0; exit",
		"r2 = *(u8 *)(r1 + 0); r1 += r2; *(u8 *)(r1 + 527) = 0; r0 = 0; exit",
		"r2 = *(u8 *)(r1 + 0); r1 -= r2; *(u8 *)(r1 + 600) = 0; r0 = 0; exit",
		"each: r2 = *(u8 *)(r1 + 0); r2 &= 252; r1 += r2; *(u32 *)(r1 + 300) = 0; r0 = 0; "
		"exit");
	TASK_FINE("*(u32 *)(r1 + 528) = 1; *(u8 *)(r1 + 1303) = 1; r0 = 0; exit",
		"each: *(u64 *)(r1 + 808) = 1; *(u64 *)(r1 + 1312) = 1; r0 = 0; exit",
		"filter: *(u64 *)(r1 + 1064) = 1; r0 = 1; exit",
		"merge: *(u64 *)(r1 + 272) = 1; *(u64 *)(r1 + 776) = 1; r0 = 0; exit",
		"r2 = *(u8 *)(r1 + 0); r1 += r2; *(u8 *)(r1 + 536) = 5; r0 = 0; exit");
}

static void accesses_are_aligned(void **state)
{
	TASK_REFUSED(unaligned, "r0 = *(u16 *)(r1 + 1); exit", "r0 = *(u32 *)(r1 + 2); exit",
		"r0 = *(u64 *)(r1 + 4); exit", "r0 = *(u64 *)(r1 + 9); exit",
		"r1 += 1; r0 = *(u16 *)(r1 + 0); exit", "r1 += 2; r0 = *(u64 *)(r1 + 8); exit",
		"*(u32 *)(r1 + 529) = 0; exit", "*(u64 *)(r1 + 532) = 0; exit",
		"*(u16 *)(r10 - 3) = 0; exit", "*(u64 *)(r10 - 12) = 0; exit",
		"*(u32 *)(r10 - 6) = 0; exit", "r2 = rodata 1; r0 = *(u16 *)(r2 + 0); exit",
		"r2 = rodata 4; r0 = *(u64 *)(r2 + 0); exit",
		"r2 = *(u8 *)(r1 + 0); r1 += r2; r0 = *(u16 *)(r1 + 0); exit",
		"r2 = *(u8 *)(r1 + 0); r2 *= 2; r1 += r2; r0 = *(u32 *)(r1 + 0); exit",
		"r2 = *(u8 *)(r1 + 0); r2 <<= 2; r1 += r2; r0 = *(u64 *)(r1 + 0); exit",
		"r2 = *(u8 *)(r1 + 0); r2 &= 254; r1 += r2; r0 = *(u32 *)(r1 + 0); exit",
		"r2 = *(u8 *)(r1 + 0); r2 <<= 3; r2 >>= 1; r1 += r2; r0 = *(u64 *)(r1 + 0); exit",
		"r2 = *(u8 *)(r1 + 0); r2 &= 15; r2 <<= 3; r2 |= 4; r1 += r2; r0 = *(u64 *)(r1 + "
		"0); exit",
		"r2 = *(u8 *)(r1 + 0); r2 *= 4; r1 += r2; r0 = *(u32 *)(r1 + 2); exit");
	TASK_FINE("r1 += 1; r0 = *(u16 *)(r1 + 1); exit", "r1 += 4; r0 = *(u64 *)(r1 - 4); exit",
		"r2 = *(u8 *)(r1 + 0); r2 <<= 2; r1 += r2; r0 = *(u32 *)(r1 + 0); exit",
		"r2 = *(u8 *)(r1 + 0); r2 &= 248; r1 += r2; r0 = *(u64 *)(r1 + 8); exit");
}

static void constants_are_read_inside(void **state)
{
	TASK_REFUSED(rodata_outside, "r2 = rodata 64; r0 = *(u8 *)(r2 + 0); exit",
		"r2 = rodata 0; r0 = *(u8 *)(r2 + 64); exit",
		"r2 = rodata 0; r0 = *(u8 *)(r2 - 1); exit",
		"r2 = rodata 60; r0 = *(u64 *)(r2 + 0); exit",
		"r2 = rodata 0; r3 = *(u8 *)(r1 + 0); r2 += r3; r0 = *(u8 *)(r2 + 0); exit",
		"r2 = rodata 0; r3 = *(u8 *)(r1 + 0); r3 &= 63; r3 <<= 1; r2 += r3; "
		"r0 = *(u16 *)(r2 + 0); exit",
		"r2 = rodata 8; r2 -= 9; r0 = *(u8 *)(r2 + 0); exit",
		"r2 = rodata 32; r3 = *(u8 *)(r1 + 0); r3 &= 63; r2 += r3; r0 = *(u8 *)(r2 + 0); "
		"exit");
	TASK_REFUSED(rodata_write, "r2 = rodata 0; *(u8 *)(r2 + 0) = 1; exit",
		"r2 = rodata 8; *(u64 *)(r2 + 0) = r1; exit",
		"r2 = rodata 64; *(u8 *)(r2 + 0) = 1; exit",
		"r2 = rodata 0; r3 = 1; *(u32 *)(r2 + 4) = r3; exit");
	TASK_FINE("r2 = rodata 0; r0 = *(u64 *)(r2 + 56); exit",
		"r2 = rodata 0; r3 = *(u8 *)(r1 + 0); r3 &= 63; r2 += r3; r0 = *(u8 *)(r2 + 0); "
		"exit");
}

static void the_stack_has_504_bytes_at_known_places(void **state)
{
	TASK_REFUSED(stack_outside, "*(u8 *)(r10 + 0) = 1; exit", "*(u64 *)(r10 + 0) = 1; exit",
		"*(u8 *)(r10 - 513) = 1; exit", "*(u64 *)(r10 - 512) = 1; exit",
		"*(u8 *)(r10 - 505) = 1; exit", "*(u64 *)(r10 - 520) = 1; exit",
		"*(u64 *)(r10 - 4) = 1; exit", "r0 = *(u8 *)(r10 + 0); exit",
		"r0 = *(u64 *)(r10 + 8); exit", "r2 = r10; r2 += 8; *(u64 *)(r2 + 0) = 1; exit",
		"r2 = r10; r2 -= 600; *(u64 *)(r2 + 0) = 1; exit",
		"*(u16 *)(r10 + 32766) = 1; exit", "*(u64 *)(r10 - 32768) = 1; exit");
	TASK_REFUSED(stack_index,
		"r2 = *(u8 *)(r1 + 0); r2 &= 7; r3 = r10; r3 -= 16; r3 += r2; *(u8 *)(r3 + 0) = "
		"1; exit",
		"r2 = *(u8 *)(r1 + 0); r2 &= 7; r3 = r10; r3 -= 16; r3 += r2; r0 = *(u8 *)(r3 + "
		"0); exit",
		"r2 = *(u8 *)(r1 + 0); r3 = r10; r3 -= r2; *(u8 *)(r3 - 1) = 1; exit",
		"r0 = 0; r3 = r10; r2 = *(u8 *)(r1 + 0); if r2 == 0 goto a; r3 -= 8; a:; "
		"*(u64 *)(r3 - 8) = 1; exit");
	TASK_REFUSED(stack_unset, "r0 = *(u8 *)(r10 - 1); exit", "r0 = *(u64 *)(r10 - 504); exit",
		"*(u8 *)(r10 - 8) = 1; r0 = *(u64 *)(r10 - 8); exit",
		"*(u32 *)(r10 - 8) = 1; r0 = *(u64 *)(r10 - 8); exit",
		"*(u32 *)(r10 - 8) = 1; r0 = *(u32 *)(r10 - 4); exit",
		"*(u16 *)(r10 - 8) = 1; *(u16 *)(r10 - 4) = 1; r0 = *(u64 *)(r10 - 8); exit",
		"r0 = 0; if r0 == 0 goto a; *(u64 *)(r10 - 8) = 1; a:; r0 = *(u64 *)(r10 - 8); "
		"exit",
		"r2 = *(u8 *)(r1 + 0); if r2 == 0 goto a; *(u64 *)(r10 - 8) = 1; goto b; a:; "
		"*(u64 *)(r10 - 16) = 1; b:; r0 = *(u64 *)(r10 - 8); exit",
		"*(u64 *)(r10 - 8) = r1; *(u8 *)(r10 - 8) = 1; r0 = *(u64 *)(r10 - 8); exit",
		"*(u64 *)(r10 - 8) = r1; *(u8 *)(r10 - 8) = 1; r0 = *(u8 *)(r10 - 7); exit",
		"*(u64 *)(r10 - 8) = r1; *(u32 *)(r10 - 4) = 1; r0 = *(u32 *)(r10 - 8); exit",
		"r0 = *(u64 *)(r1 + 0); *(u64 *)(r10 - 8) = r1; if r0 == 0 goto a; "
		"*(u64 *)(r10 - 8) = r10; a:; r2 = *(u64 *)(r10 - 8); exit",
		"r0 = *(u64 *)(r1 + 0); *(u64 *)(r10 - 8) = r1; if r0 == 0 goto a; "
		"*(u64 *)(r10 - 8) = r0; a:; r0 = *(u64 *)(r10 - 8); exit");
	TASK_FINE("*(u64 *)(r10 - 504) = 1; r0 = *(u64 *)(r10 - 504); exit",
		"*(u32 *)(r10 - 8) = 1; *(u32 *)(r10 - 4) = 1; r0 = *(u64 *)(r10 - 8); exit",
		"*(u64 *)(r10 - 8) = -1; r0 = *(u16 *)(r10 - 2); exit",
		"r2 = *(u8 *)(r1 + 0); *(u64 *)(r10 - 8) = r2; r2 = *(u64 *)(r10 - 8); r1 += r2; "
		"r0 = *(u8 *)(r1 + 0); exit",
		"r0 = 0; if r0 == 0 goto a; *(u64 *)(r10 - 8) = 1; goto b; a:; *(u64 *)(r10 - 8) "
		"= 2; "
		"b:; r0 = *(u64 *)(r10 - 8); exit");
}

static void pointers_are_stored_only_in_slots_of_the_stack(void **state)
{
	TASK_REFUSED(pointer_store, "*(u64 *)(r1 + 536) = r1; exit",
		"*(u64 *)(r1 + 536) = r10; exit", "*(u32 *)(r10 - 4) = r1; exit",
		"*(u8 *)(r10 - 4) = r10; exit", "*(u16 *)(r10 - 4) = r1; exit",
		"r2 = rodata 0; *(u64 *)(r1 + 1048) = r2; exit",
		"each: *(u64 *)(r1 + 808) = r1; exit", "merge: *(u64 *)(r1 + 272) = r10; exit",
		"*(u8 *)(r1 + 536) = r1; exit", "*(u32 *)(r1 + 528) = r10; exit");
	TASK_REFUSED(stack_torn, "*(u64 *)(r10 - 8) = r1; r0 = *(u32 *)(r10 - 8); exit",
		"*(u64 *)(r10 - 8) = r1; r0 = *(u8 *)(r10 - 1); exit",
		"*(u64 *)(r10 - 16) = r10; r0 = *(u16 *)(r10 - 12); exit",
		"r2 = rodata 0; *(u64 *)(r10 - 16) = r2; r0 = *(u32 *)(r10 - 12); exit");
	TASK_REFUSED(return_pointer, "*(u64 *)(r10 - 8) = r1; r0 = *(u64 *)(r10 - 8); exit",
		"*(u64 *)(r10 - 8) = r10; r0 = *(u64 *)(r10 - 8); exit");
	TASK_FINE("*(u64 *)(r10 - 8) = r1; r1 = 0; r2 = *(u64 *)(r10 - 8); r0 = *(u8 *)(r2 + 0); "
		  "exit",
		"r2 = r10; r2 -= 8; *(u64 *)(r2 + 0) = r2; r3 = *(u64 *)(r10 - 8); "
		"*(u64 *)(r3 + 0) = 7; r0 = *(u64 *)(r10 - 8); exit",
		"*(u64 *)(r10 - 8) = r1; *(u64 *)(r10 - 8) = 3; r0 = *(u8 *)(r10 - 8); exit");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_no_addresses),
		cmocka_unit_test(loads_stay_in_the_context),
		cmocka_unit_test(what_is_read_only_is_not_written),
		cmocka_unit_test(accesses_are_aligned),
		cmocka_unit_test(constants_are_read_inside),
		cmocka_unit_test(the_stack_has_504_bytes_at_known_places),
		cmocka_unit_test(pointers_are_stored_only_in_slots_of_the_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
