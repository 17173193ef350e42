/* SPDX-License-Identifier: BSD-3-Clause */
/* Arithmetic that may fail, and pointers in it. One thread. */
#include "tests/unit/task_cases.h"

static void divisors_are_proved_not_to_be_zero(void **state)
{
	TASK_REFUSED(divide_zero, "r0 = 1; r0 /= 0; exit", "r0 = 1; r0 %= 0; exit",
		"r0 = 1; r2 = 0; r0 /= r2; exit", "r0 = 1; r2 = 0; r0 %= r2; exit",
		"r0 = 1; r2 = 5; r2 -= 5; r0 /= r2; exit",
		"r0 = 1; r2 = 5; r2 &= 2; r2 &= 1; r0 /= r2; exit");
	TASK_REFUSED(divide_unproved, "r0 = 1; r2 = *(u32 *)(r1 + 8); r0 /= r2; exit",
		"r0 = 1; r2 = *(u32 *)(r1 + 8); r0 %= r2; exit",

		"r0 = 1; r2 = *(u8 *)(r1 + 0); if r2 == 1 goto a; r0 /= r2; a:; exit",
		"r0 = 1; r2 = *(u8 *)(r1 + 0); if r2 < 9 goto a; exit; a:; r0 /= r2; exit",
		"r0 = 1; r2 = *(u8 *)(r1 + 0); r2 += 256; r2 &= 255; r0 /= r2; exit",
		"r0 = 1; r2 = *(u64 *)(r1 + 0); r2 += 1; r0 /= r2; exit",
		"r0 = 1; r2 = *(u32 *)(r1 + 8); w2 += 1; r0 /= r2; exit",
		"r0 = 1; r2 = *(u8 *)(r1 + 0); if r2 == 7 goto a; r2 |= r2; r0 %= r2; a:; exit",
		"r0 = 1; r2 = *(u64 *)(r1 + 0); if r2 s> -1 goto a; exit; a:; r0 /= r2; exit",
		"r0 = 1; r2 = *(u64 *)(r1 + 0); if r2 s> -2 goto a; exit; a:; r0 /= r2; exit");
	TASK_FINE("r0 = 7; r0 /= 3; exit",
		"r0 = 1; r2 = *(u32 *)(r1 + 8); if r2 == 0 goto a; r0 /= r2; a:; exit",
		"r0 = 1; r2 = *(u64 *)(r1 + 0); if r2 == 0 goto a; r0 %= r2; a:; exit",
		"r0 = 1; r2 = *(u64 *)(r1 + 0); r2 |= 1; r0 /= r2; exit",
		"r0 = 1; r2 = *(u32 *)(r1 + 8); r2 += 1; r0 /= r2; exit",
		"r0 = 1; r2 = *(u64 *)(r1 + 0); if r2 s> 0 goto a; exit; a:; r0 /= r2; exit",
		"r0 = 1; r2 = *(u64 *)(r1 + 0); if r2 > 3 goto a; exit; a:; r0 /= r2; exit");
	TASK_REFUSED(divide_32_bit, "r0 = 1; w0 /= 0; exit", "r0 = 1; w0 %= 0; exit",
		"r0 = 1; r2 = 4294967296 ll; w0 /= r2; exit",
		"r0 = 1; r2 = *(u64 *)(r1 + 0); w0 /= r2; exit",
		"r0 = 1; r2 = *(u64 *)(r1 + 0); if r2 != 0 goto a; exit; a:; w0 /= r2; exit",
		"r0 = 7; w0 %= -3; exit");
}

static void nothing_is_divided_or_shifted_by_itself(void **state)
{
	TASK_REFUSED(operand_itself, "r0 = 1; r0 /= r0; exit", "r0 = 1; r0 %= r0; exit",
		"r0 = 1; r0 <<= r0; exit", "r0 = 1; w0 >>= r0; exit", "r0 = 1; r0 s>>= r0; exit",
		"r3 = 7; r3 /= r3; r0 = 0; exit");
}

static void shifts_are_less_than_the_width(void **state)
{
	TASK_REFUSED(shift_wide, "r0 = 1; r0 <<= 64; exit", "r0 = 1; r0 >>= 64; exit",
		"r0 = 1; r0 s>>= 64; exit", "r0 = 1; r0 <<= -1; exit", "r0 = 1; w0 <<= 32; exit",
		"r0 = 1; w0 >>= 32; exit", "r0 = 1; r2 = 64; r0 <<= r2; exit",
		"r0 = 1; r2 = 99 ll; r0 >>= r2; exit");
	TASK_REFUSED(shift_unproved, "r0 = 1; r2 = *(u8 *)(r1 + 0); r0 <<= r2; exit",
		"r0 = 1; r2 = *(u8 *)(r1 + 0); r0 >>= r2; exit",
		"r0 = 1; r2 = *(u64 *)(r1 + 0); r0 s>>= r2; exit",
		"r0 = 1; r2 = *(u8 *)(r1 + 0); r2 &= 64; r0 <<= r2; exit",
		"r0 = 1; r2 = *(u8 *)(r1 + 0); r2 &= 63; w0 <<= r2; exit",
		"r0 = 1; r2 = *(u8 *)(r1 + 0); if r2 > 64 goto a; r0 <<= r2; a:; exit");
	TASK_FINE("r0 = 1; r0 <<= 63; exit",
		"r0 = 1; r2 = *(u8 *)(r1 + 0); r2 &= 63; r0 <<= r2; exit",
		"r0 = 1; r2 = *(u8 *)(r1 + 0); if r2 > 63 goto a; r0 >>= r2; a:; exit");
	TASK_REFUSED(shift_32_bit, "r0 = 1; w0 s>>= 33; exit",
		"r0 = 1; r2 = *(u8 *)(r1 + 0); r2 &= 32; w0 s>>= r2; exit",
		"r0 = 1; w0 s>>= 31; exit",
		"r0 = 1; r2 = *(u64 *)(r1 + 0); r2 %= 32; w0 s>>= r2; exit");
}

static void swaps_have_three_widths(void **state)
{
	TASK_REFUSED(swap_width, "r0 = 1; r0 = be8 r0; exit", "r0 = 1; r0 = le0 r0; exit",
		"r0 = 1; r0 = be24 r0; exit", "r0 = 1; r0 = le128 r0; exit",
		"r0 = 1; r0 = be80 r0; exit", "r0 = 1; r0 = le63 r0; exit");
	TASK_FINE("r0 = 1; r0 = be16 r0; exit", "r0 = 1; r0 = le32 r0; exit",
		"r0 = 1; r0 = be64 r0; exit",
		"r2 = *(u64 *)(r1 + 0); r2 = be16 r2; r2 &= 255; r1 += r2; r0 = *(u8 *)(r1 + 0); "
		"exit");
}

static void pointers_are_only_moved_by_numbers(void **state)
{
	TASK_REFUSED(pointer_arithmetic, "r1 *= 2; r0 = 0; exit", "r1 /= 2; r0 = 0; exit",
		"r1 |= 1; r0 = 0; exit", "r1 &= -8; r0 = 0; exit", "r1 <<= 1; r0 = 0; exit",
		"r1 >>= 3; r0 = 0; exit", "r1 s>>= 3; r0 = 0; exit", "r1 %= 64; r0 = 0; exit",
		"r1 ^= 5; r0 = 0; exit", "r1 = -r1; r0 = 0; exit", "r1 ^= r1; r0 = 0; exit",
		"r0 = 8; r0 -= r1; exit", "r0 = -8; r0 += r10; exit", "r0 = 8; r0 *= r1; exit",
		"r0 = 8; r0 |= r10; exit", "r0 = 8; r0 ^= r10; exit", "r0 = -1; r0 &= r1; exit",
		"r0 = 8; r0 %= r1; exit", "r0 = 8; r0 <<= r1; exit", "r1 = be64 r1; r0 = 0; exit",
		"r1 = le64 r1; r0 = 0; exit", "r2 = rodata 0; r2 |= 4; r0 = 0; exit",
		"r2 = r10; r2 &= -16; r0 = 0; exit");
	TASK_REFUSED(pointer_half, "w1 += 8; r0 = 0; exit", "w1 -= 8; r0 = 0; exit",
		"w0 = r1; exit", "w2 = r10; r0 = 0; exit", "r0 = 8; w0 += r1; exit",
		"r2 = rodata 0; w2 += 1; r0 = 0; exit", "w1 &= 7; r0 = 0; exit",
		"w1 = -r1; r0 = 0; exit");
	TASK_REFUSED(pointer_pointer, "r1 += r1; r0 = 0; exit", "r1 -= r1; r0 = 0; exit",
		"r1 += r10; r0 = 0; exit", "r2 = r10; r2 -= r1; r0 = 0; exit",
		"r2 = rodata 0; r2 += r1; r0 = 0; exit",
		"r2 = r1; r2 += 8; r2 -= r1; r0 = r2; exit",
		"r2 = rodata 0; r3 = rodata 8; r3 -= r2; r0 = 0; exit");
	TASK_REFUSED(index_unbounded, "r2 = *(u64 *)(r1 + 0); r1 += r2; r0 = 0; exit",
		"r2 = *(u32 *)(r1 + 8); r1 += r2; r0 = 0; exit",
		"r2 = *(u32 *)(r1 + 8); r2 += r1; r0 = 0; exit",
		"r2 = *(u32 *)(r1 + 8); r1 -= r2; r0 = 0; exit", "r1 += 1048577; r0 = 0; exit",
		"r1 += -1048577; r0 = 0; exit", "r2 = 0x100000000 ll; r1 += r2; r0 = 0; exit",
		"r2 = 0x8000000000000000 ll; r1 += r2; r0 = 0; exit",
		"r2 = *(u8 *)(r1 + 0); r2 -= 1; r1 += r2; r0 = 0; exit",
		"r2 = *(u64 *)(r1 + 0); if r2 s> 10 goto a; r1 += r2; a:; r0 = 0; exit",
		"r2 = *(u64 *)(r1 + 0); if r2 < 10 goto a; r1 += r2; a:; r0 = 0; exit",
		"r2 = *(u64 *)(r1 + 0); w2 += 0; r1 += r2; r0 = 0; exit",
		"r2 = *(u64 *)(r1 + 0); r2 s>>= 60; r1 += r2; r0 = 0; exit",
		"r2 = *(u64 *)(r1 + 0); r2 &= -8; r1 += r2; r0 = 0; exit",
		"r2 = *(u64 *)(r1 + 0); r2 |= 7; r1 += r2; r0 = 0; exit",
		"r2 = *(u64 *)(r1 + 0); r2 = -r2; r1 += r2; r0 = 0; exit",
		"r2 = *(u64 *)(r1 + 0); r3 = r2; r3 &= 7; r1 += r2; r0 = 0; exit");
	TASK_REFUSED(index_far,
		"r2 = 1048576; r1 += r2; r1 += r2; r1 += r2; r1 += r2; r1 += r2; r1 += r2; r1 += "
		"r2; "
		"r1 += r2; r1 += r2; r1 += r2; r1 += r2; r1 += r2; r1 += r2; r1 += r2; r1 += r2; "
		"r1 += r2; r1 += r2; r0 = 0; exit",
		"r2 = 1048576; r1 -= r2; r1 -= r2; r1 -= r2; r1 -= r2; r1 -= r2; r1 -= r2; r1 -= "
		"r2; "
		"r1 -= r2; r1 -= r2; r1 -= r2; r1 -= r2; r1 -= r2; r1 -= r2; r1 -= r2; r1 -= r2; "
		"r1 -= r2; r1 -= r2; r0 = 0; exit");
}

static void bounds_follow_arithmetic(void **state)
{
	TASK_FINE("r2 = *(u64 *)(r1 + 0); r2 &= 511; r1 += r2; r0 = *(u8 *)(r1 + 16); exit",
		"r2 = *(u64 *)(r1 + 0); r2 >>= 55; r2 += r1; r0 = *(u8 *)(r2 + 16); exit",
		"r2 = *(u64 *)(r1 + 0); r2 %= 64; r2 <<= 3; r1 += r2; r0 = *(u64 *)(r1 + 16); "
		"exit",
		"r2 = *(u64 *)(r1 + 0); r2 &= 63; r2 *= 8; r1 += r2; r0 = *(u64 *)(r1 + 16); "
		"exit",
		"r2 = *(u8 *)(r1 + 0); r2 /= 4; r2 *= 4; r2 ^= 3; r1 += r2; r0 = *(u8 *)(r1 + 0); "
		"exit",
		"r2 = *(u64 *)(r1 + 0); if r2 > 511 goto a; r1 += r2; r0 = *(u8 *)(r1 + 16); "
		"exit; a:; "
		"r0 = 0; exit",
		"r2 = *(u32 *)(r1 + 8); if r2 s> 511 goto a; r1 += r2; r0 = *(u8 *)(r1 + 16); "
		"exit; a:; "
		"r0 = 0; exit",
		"r2 = *(u64 *)(r1 + 0); if r2 s< 0 goto a; if r2 s>= 512 goto a; r1 += r2; "
		"r0 = *(u8 *)(r1 + 16); exit; a:; r0 = 0; exit",
		"r2 = *(u64 *)(r1 + 0); r3 = 100; if r2 >= r3 goto a; r1 += r2; r0 = *(u8 *)(r1 + "
		"16); "
		"exit; a:; r0 = 0; exit",
		"r2 = *(u64 *)(r1 + 0); r3 = 100; if r3 > r2 goto a; r0 = 0; exit; a:; r1 += r2; "
		"r0 = *(u8 *)(r1 + 16); exit",
		"r2 = *(u64 *)(r1 + 0); if r2 != 7 goto a; r1 += r2; r0 = *(u8 *)(r1 + 1); exit; "
		"a:; "
		"r0 = 0; exit",
		"r2 = *(u32 *)(r1 + 8); r2 <<= 55; r2 >>= 55; r1 += r2; r0 = *(u8 *)(r1 + 16); "
		"exit",
		"w2 = 5; w2 -= 3; r1 += r2; r0 = *(u8 *)(r1 + 0); exit",
		"r2 = *(u64 *)(r1 + 0); w2 &= 255; r1 += r2; r0 = *(u8 *)(r1 + 0); exit");
	TASK_REFUSED(ctx_outside,
		"r2 = *(u64 *)(r1 + 0); r2 &= 2047; r1 += r2; r0 = *(u8 *)(r1 + 16); exit",
		"r2 = *(u8 *)(r1 + 0); r2 *= 8; r1 += r2; r0 = *(u64 *)(r1 + 16); exit",
		"r2 = *(u16 *)(r1 + 0); if r2 > 1304 goto a; r1 += r2; r0 = *(u8 *)(r1 + 0); "
		"exit; a:; "
		"r0 = 0; exit",
		"r2 = *(u16 *)(r1 + 0); if r2 < 8 goto a; r1 += r2; r0 = *(u8 *)(r1 + 0); a:; r0 "
		"= 0; exit",
		"r2 = *(u8 *)(r1 + 0); r1 -= r2; r0 = *(u8 *)(r1 + 254); exit",
		"r2 = *(u16 *)(r1 + 0); r2 ^= 1; r1 += r2; r0 = *(u8 *)(r1 + 0); exit",
		"r2 = *(u64 *)(r1 + 0); r2 >>= 50; r1 += r2; r0 = *(u8 *)(r1 + 0); exit");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(divisors_are_proved_not_to_be_zero),
		cmocka_unit_test(nothing_is_divided_or_shifted_by_itself),
		cmocka_unit_test(shifts_are_less_than_the_width),
		cmocka_unit_test(swaps_have_three_widths),
		cmocka_unit_test(pointers_are_only_moved_by_numbers),
		cmocka_unit_test(bounds_follow_arithmetic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
