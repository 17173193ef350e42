/* SPDX-License-Identifier: BSD-3-Clause */
/* Instructions that have no place in a program, whatever is around them. One thread. */
#include "tests/unit/task_cases.h"

static void codes_that_v2_does_not_have_are_refused(void **state)
{
	TASK_REFUSED(opcode, ".raw 0x00 0 0 0 0; exit", ".raw 0x08 0 0 0 0; exit",
		".raw 0x10 0 0 0 0; exit", ".raw 0x01 0 1 0 0; exit", ".raw 0x21 0 1 0 0; exit",
		".raw 0x41 0 1 0 0; exit", ".raw 0x81 0 1 0 0; exit", ".raw 0x89 0 1 0 0; exit",
		".raw 0xa1 0 1 0 0; exit", ".raw 0xc1 0 1 0 0; exit", ".raw 0x02 1 0 0 0; exit",
		".raw 0x22 1 0 0 0; exit", ".raw 0xc2 1 0 0 0; exit", ".raw 0x03 1 0 0 0; exit",
		".raw 0x23 1 0 0 0; exit", ".raw 0x8c 0 0 0 0; exit", ".raw 0x8f 0 0 0 0; exit",
		".raw 0xd7 0 0 0 16; exit", ".raw 0xdf 0 0 0 16; exit", ".raw 0xe4 0 0 0 0; exit",
		".raw 0xec 0 0 0 0; exit", ".raw 0xe7 0 0 0 0; exit", ".raw 0xef 0 0 0 0; exit",
		".raw 0xf4 0 0 0 0; exit", ".raw 0xf7 0 0 0 0; exit", ".raw 0xff 0 0 0 0; exit",
		".raw 0x0d 0 0 0 0; exit", ".raw 0x8d 0 0 0 1; exit", ".raw 0x9d 0 0 0 0; exit",
		".raw 0xe5 0 0 0 0; exit", ".raw 0xed 0 0 0 0; exit", ".raw 0xf5 0 0 0 0; exit",
		".raw 0xfd 0 0 0 0; exit");
}

static void jumps_of_32_bits_are_refused(void **state)
{
	TASK_REFUSED(opcode_32_bit_jump, "r0 = 0; if w0 == 0 goto +0; exit",
		"r0 = 0; if w0 > 1 goto +0; exit", "r0 = 0; if w0 s< 1 goto +0; exit",
		"r0 = 0; r2 = 0; if w0 != r2 goto +0; exit", ".raw 0x06 0 0 0 0; exit",
		".raw 0x86 0 0 0 0; exit", ".raw 0x96 0 0 0 0; exit", ".raw 0xfe 0 0 0 0; exit");
}

static void atomic_instructions_are_refused(void **state)
{
	TASK_REFUSED(opcode_atomic, ".raw 0xdb 1 2 536 0; exit", ".raw 0xc3 1 2 536 0; exit",
		".raw 0xdb 10 2 -8 0; exit", ".raw 0xdb 1 2 536 0x01; exit",
		".raw 0xdb 1 2 536 0xe1; exit", ".raw 0xdb 1 2 536 0xf1; exit",
		".raw 0xdb 1 2 536 0x40; exit", ".raw 0xdb 1 2 536 0x50; exit",
		".raw 0xdb 1 2 536 0xa0; exit", ".raw 0xcb 1 2 536 0; exit",
		".raw 0xd3 1 2 536 0; exit");
}

static void loads_from_packets_are_refused(void **state)
{
	TASK_REFUSED(opcode_packet, ".raw 0x20 0 0 0 0; exit", ".raw 0x28 0 0 0 12; exit",
		".raw 0x30 0 0 0 23; exit", ".raw 0x38 0 0 0 0; exit", ".raw 0x40 0 1 0 0; exit",
		".raw 0x48 0 1 0 12; exit", ".raw 0x50 0 1 0 23; exit", ".raw 0x58 0 1 0 0; exit");
}

static void fields_that_are_not_used_are_zero(void **state)
{
	TASK_REFUSED(opcode_reserved, ".raw 0xb7 0 1 0 0; exit", ".raw 0xb7 0 0 1 0; exit",
		".raw 0xbf 0 1 0 1; exit", ".raw 0xbf 0 1 1 0; exit", ".raw 0x07 0 3 0 1; exit",
		".raw 0x0f 0 3 8 0; exit", ".raw 0x04 0 3 0 1; exit", ".raw 0x0c 0 3 0 1; exit",
		".raw 0x37 0 0 1 2; exit", ".raw 0x3f 0 2 1 0; exit", ".raw 0x97 0 0 1 2; exit",
		".raw 0x87 0 1 0 0; exit", ".raw 0x87 0 0 1 0; exit", ".raw 0x87 0 0 0 1; exit",
		".raw 0x84 0 1 0 0; exit", ".raw 0xd4 0 1 0 16; exit", ".raw 0xd4 0 0 1 16; exit",
		".raw 0xdc 0 1 0 16; exit", ".raw 0x79 0 1 0 1; exit", ".raw 0x61 0 1 0 -1; exit",
		".raw 0x7a 1 2 536 0; exit", ".raw 0x7b 1 2 536 1; exit", ".raw 0x05 1 0 0 0; exit",
		".raw 0x05 0 1 0 0; exit", ".raw 0x05 0 0 0 1; exit", ".raw 0x15 0 1 0 0; exit",
		".raw 0x1d 0 1 0 1; exit", ".raw 0x95 1 0 0 0", ".raw 0x95 0 1 0 0",
		".raw 0x95 0 0 1 0", ".raw 0x95 0 0 0 1", ".raw 0x85 1 0 0 3; exit",
		".raw 0x85 0 0 1 3; exit", ".raw 0x18 1 0 1 3; .raw 0 0 0 0 0; exit",
		".raw 0x18 1 1 1 3; .raw 0 0 0 0 0; exit");
}

static void registers_above_r10_are_refused(void **state)
{
	TASK_REFUSED(register_unknown, "r11 = 0; exit", "r15 = 0; exit", "r0 = r11; exit",
		"r0 = r15; exit", "w12 += 1; exit", "r0 += r13; exit",
		"r12 = *(u8 *)(r1 + 0); exit", "r0 = *(u8 *)(r12 + 0); exit",
		"*(u8 *)(r11 - 1) = 0; exit", "*(u8 *)(r1 + 536) = r14; exit",
		"if r11 == 0 goto +0; exit", "if r1 == r12 goto +0; exit", "r11 = 5 ll; exit",
		"r13 = rodata 0; exit", "r12 = be16 r12; exit", "r14 = -r14; exit");
}

static void the_end_of_the_stack_is_never_written(void **state)
{
	TASK_REFUSED(register_frame, "r10 = 0; exit", "r10 = r1; exit", "r10 += 8; exit",
		"r10 -= 8; exit", "w10 = 0; exit", "r10 &= -8; exit", "r10 = -r10; exit",
		"r10 = be64 r10; exit", "r10 = le16 r10; exit", "r10 = *(u64 *)(r1 + 0); exit",
		"r10 = 7 ll; exit", "r10 = rodata 0; exit", "r10 <<= 1; exit", "r10 ^= r10; exit");
}

static void numbers_of_64_bits_have_two_halves(void **state)
{
	TASK_REFUSED(number_cut, ".raw 0x18 0 0 0 5", "r0 = 0; .raw 0x18 1 0 0 5",
		"r0 = 0; exit; .raw 0x18 1 1 0 5");
	TASK_REFUSED(number_half, ".raw 0x18 0 0 0 5; exit",
		".raw 0x18 0 0 0 5; .raw 0x18 0 0 0 5; exit",
		".raw 0x18 0 0 0 5; .raw 0 1 0 0 5; exit",
		".raw 0x18 0 0 0 5; .raw 0 0 1 0 5; exit",
		".raw 0x18 0 0 0 5; .raw 0 0 0 1 5; exit", ".raw 0x18 0 0 0 5; r0 = 1; exit");
	TASK_REFUSED(number_kind, ".raw 0x18 0 2 0 5; .raw 0 0 0 0 0; exit",
		".raw 0x18 0 3 0 5; .raw 0 0 0 0 0; exit",
		".raw 0x18 0 4 0 5; .raw 0 0 0 0 0; exit",
		".raw 0x18 0 6 0 5; .raw 0 0 0 0 0; exit",
		".raw 0x18 0 15 0 5; .raw 0 0 0 0 0; exit");
	TASK_REFUSED(rodata_outside, ".raw 0x18 1 1 0 65; .raw 0 0 0 0 0; exit",
		".raw 0x18 1 1 0 -1; .raw 0 0 0 0 0; exit",
		".raw 0x18 1 1 0 0; .raw 0 0 0 0 1; exit",
		".raw 0x18 1 1 0 0x7fffffff; .raw 0 0 0 0 0; exit");
	TASK_FINE("r0 = 0x1122334455667788 ll; exit", "r0 = -1 ll; exit",
		"r1 = rodata 64; r0 = 0; exit");
}

static void calls_have_one_kind(void **state)
{
	TASK_REFUSED(call_local, ".raw 0x85 0 1 0 1; exit", ".raw 0x85 0 1 0 0; r0 = 0; exit",
		".raw 0x85 0 1 0 -1; exit");
	TASK_REFUSED(call_kind, ".raw 0x85 0 2 0 3; exit", ".raw 0x85 0 15 0 3; exit");
}

static void jumps_by_bits_of_constants_are_refused(void **state)
{
	TASK_REFUSED(jump_bits, "r0 = 0; if r0 & 1 goto +0; exit",
		"r0 = 0; if r0 & -1 goto +0; exit", "r0 = 0; if r0 & 0x10000 goto +0; exit");
	TASK_FINE("r0 = 0; r2 = 1; if r0 & r2 goto +0; exit");
}

static void jumps_stay_inside_and_go_forward(void **state)
{
	TASK_REFUSED(jump_back, "r0 = 0; goto -1; exit", "r0 = 0; goto -2; exit",
		"r0 = 0; a:; r0 += 1; if r0 < 10 goto a; exit",
		"r0 = 0; a:; if r0 != 0 goto a; exit", "r0 = 0; a:; r0 = 1; goto a; exit",
		"r0 = 0; r2 = 5; a:; r2 -= 1; if r2 s> 0 goto a; exit",
		"r0 = 0; r2 = 0; a:; if r0 == r2 goto a; exit",
		"r0 = 0; r2 = 1; if r0 & r2 goto -1; exit");
	TASK_REFUSED(jump_outside, "goto +1; exit", "goto +32767; exit", "goto -2; exit",
		"r0 = 0; goto -32768; exit", "r0 = 0; if r0 == 0 goto +1; exit",
		"r0 = 0; if r0 > r1 goto +2; exit", "r0 = 0; exit; goto +0",
		"r0 = 0; if r0 == 0 goto -4; exit");
	TASK_REFUSED(jump_middle, "r0 = 0; if r0 == 0 goto +1; r1 = 5 ll; exit",
		"goto +1; r0 = 5 ll; exit", "r0 = 0; goto +1; r1 = rodata 0; exit",
		"r0 = 0; if r0 s< 9 goto +2; r2 = 0; r1 = 5 ll; exit");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes_that_v2_does_not_have_are_refused),
		cmocka_unit_test(jumps_of_32_bits_are_refused),
		cmocka_unit_test(atomic_instructions_are_refused),
		cmocka_unit_test(loads_from_packets_are_refused),
		cmocka_unit_test(fields_that_are_not_used_are_zero),
		cmocka_unit_test(registers_above_r10_are_refused),
		cmocka_unit_test(the_end_of_the_stack_is_never_written),
		cmocka_unit_test(numbers_of_64_bits_have_two_halves),
		cmocka_unit_test(calls_have_one_kind),
		cmocka_unit_test(jumps_by_bits_of_constants_are_refused),
		cmocka_unit_test(jumps_stay_inside_and_go_forward),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
