/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers as Redis reads and writes them. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/wire/number.h"

static bool parse_int(const char *text, int64_t *n)
{
	return number_parse_int((const uint8_t *)text, (uint32_t)strlen(text), n);
}

static void an_integer_has_one_form(void **state)
{
	static const struct {
		const char *text;
		int64_t n;
	} good[] = {
		{"0", 0},
		{"1", 1},
		{"-1", -1},
		{"10", 10},
		{"9223372036854775807", INT64_MAX},
		{"-9223372036854775808", INT64_MIN},
		{"-9223372036854775807", -INT64_MAX},
	};
	static const char *const bad[] = {"", "-", "+1", " 1", "1 ", "01", "-0", "-01", "1.0", "a",
		"1a", "0x1", "9223372036854775808", "-9223372036854775809", "18446744073709551616",
		"99999999999999999999", "100000000000000000000", "--1"};
	char text[NUMBER_INT_TEXT_MAX];
	int64_t n;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_true(parse_int(good[i].text, &n));
		assert_int_equal(n, good[i].n);
		assert_int_equal(number_format_int(text, n), strlen(good[i].text));
		assert_string_equal(text, good[i].text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (parse_int(bad[i], &n))
			fail_msg("\"%s\" was taken", bad[i]);
	assert_false(number_parse_int((const uint8_t *)"1\0", 2, &n));
}

static void a_float_is_what_strtold_takes(void **state)
{
	static const char *const good[] = {
		"0", "1.5", "-1.5", "+2", "1e3", ".5", "5.", "0x10", "inf", "-Infinity", "1e-4940"};
	static const char *const bad[] = {"", " 1", "1 ", "nan", "-nan", "1e5000", "-1e5000",
		"1e-5000", "a", "1.5a", "--1", "1,5", "1e"};
	long double x;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		if (!number_parse_float((const uint8_t *)good[i], (uint32_t)strlen(good[i]), &x))
			fail_msg("\"%s\" was not taken", good[i]);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (number_parse_float((const uint8_t *)bad[i], (uint32_t)strlen(bad[i]), &x))
			fail_msg("\"%s\" was taken", bad[i]);
	assert_false(number_parse_float((const uint8_t *)"1\0", 2, &x));
}

static void a_float_is_written_without_zeros_at_its_end(void **state)
{
	static const struct {
		long double x;
		const char *text;
	} cases[] = {
		{0, "0"},
		{-0.0L, "0"},
		{3, "3"},
		{-3, "-3"},
		{100, "100"},
		{1.5L, "1.5"},
		{0.1L, "0.1"},
		{10.5L, "10.5"},
		{5.0e3L, "5000"},
		{1e-17L, "0.00000000000000001"},
		{1e-18L, "0"},
		{-1e-18L, "0"},
		{1e20L, "100000000000000000000"},
	};
	static char text[NUMBER_FLOAT_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(number_format_float(text, cases[i].x), strlen(cases[i].text));
		assert_string_equal(text, cases[i].text);
	}
	assert_int_equal(number_format_float(text, -__builtin_infl()), 4);
	assert_string_equal(text, "-inf");
	assert_true(number_format_float(text, __LDBL_MAX__) == 4933);
}

static void a_double_has_17_digits(void **state)
{
	char text[32];

	assert_int_equal(number_format_double(text, 3.5), 3);
	assert_string_equal(text, "3.5");
	number_format_double(text, 0.1);
	assert_string_equal(text, "0.10000000000000001");
	number_format_double(text, __builtin_inf());
	assert_string_equal(text, "inf");
	number_format_double(text, __builtin_nan(""));
	assert_string_equal(text, "nan");
	assert_true(number_format_double(text, -2.2250738585072011e-308) < 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_integer_has_one_form),
		cmocka_unit_test(a_float_is_what_strtold_takes),
		cmocka_unit_test(a_float_is_written_without_zeros_at_its_end),
		cmocka_unit_test(a_double_has_17_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
