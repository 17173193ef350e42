/* SPDX-License-Identifier: BSD-3-Clause */
/* Tests of the decimal text of long doubles, against the C library's formatting. Thread: main. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/kv/kv_decimal.h"

#define ROUNDS 300000

/* What Redis makes of the library's text: no trailing zeros, no "-0". */
static void expected_text(char text[KV_DECIMAL_TEXT_MAX], long double v)
{
	int len = snprintf(text, KV_DECIMAL_TEXT_MAX, "%.17Lf", v);

	while (text[len - 1] == '0')
		len--;
	if (text[len - 1] == '.')
		len--;
	text[len] = '\0';
	if (!strcmp(text, "-0"))
		strcpy(text, "0");
}

static void check(long double v)
{
	char expected[KV_DECIMAL_TEXT_MAX];
	char text[KV_DECIMAL_TEXT_MAX];
	uint32_t len = kv_decimal_text(text, v);

	expected_text(expected, v);
	assert_in_range(len, 1, sizeof(text) - 1);
	text[len] = '\0';
	assert_string_equal(text, expected);
}

static void known_values_read_as_the_library_writes_them(void **state)
{
	static const long double values[] = {0, -0.0L, 1, -1, 0.1L, -0.1L, 3.5L, 10.5L, 5.0e3L,
		1e-17L, 5e-18L, -5e-18L, 4.9e-18L, 1.5e-17L, 2.5e-17L, 1e-300L, 123456789.125L,
		18446744073709551615.0L, 18446744073709551616.0L, 9223372036854775807.0L, 1e19L,
		1e38L, 1e100L, 1e308L, -1e4000L, 1.18973149535723176502e+4932L,
		3.64519953188247460253e-4951L, 0.99999999999999999L, 0.999999999999999999L,
		0x1p-64L, 0x1p-57L, 0x1p-18L, 0x1.8p-17L};

	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		check(values[i]);
}

/* @mantissa * 2^@exponent, infinite when it is too large. */
static long double scaled(uint64_t mantissa, int exponent)
{
	long double v = (long double)mantissa;

	for (; exponent > 0; exponent--)
		v *= 2;
	for (; exponent < 0; exponent++)
		v /= 2;
	return v;
}

static void random_values_read_as_the_library_writes_them(void **state)
{
	uint64_t rng = 88172645463325252ull;

	for (unsigned round = 0; round < ROUNDS; round++) {
		long double v;
		int exponent;

		rng ^= rng << 13;
		rng ^= rng >> 7;
		rng ^= rng << 17;
		/* Mostly near 1, now and then anywhere. */
		exponent = (int)(rng >> 7 & 255) - 192;
		if (round % 1000 == 0)
			exponent = (int)(rng >> 7 & 16383);
		v = scaled(rng | 1ull << 63, exponent);
		if (__builtin_isinf(v))
			continue;
		check(round & 1 ? v : -v);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_values_read_as_the_library_writes_them),
		cmocka_unit_test(random_values_read_as_the_library_writes_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
