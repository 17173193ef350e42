/* SPDX-License-Identifier: BSD-3-Clause */
/* Glob patterns as Redis matches them. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/kv/kv_command.h"

static bool match(const char *pattern, const char *string, bool nocase)
{
	struct resp_arg arg = {(const uint8_t *)pattern, (uint32_t)strlen(pattern)};

	return kv_glob_match(&arg, string, (uint32_t)strlen(string), nocase);
}

static void patterns_match_what_redis_says(void **state)
{
	static const struct {
		const char *pattern;
		const char *string;
		bool match;
	} cases[] = {
		{"", "", true},
		{"*", "", false},
		{"", "a", false},
		{"*", "a", true},
		{"a*", "a", true},
		{"a**", "a", true},
		{"**", "abc", true},
		{"a?c", "abc", true},
		{"a?c", "ac", false},
		{"?", "", false},
		{"a*c", "abbbc", true},
		{"a*c", "abbbd", false},
		{"*a*b*c*", "xxaxxbxxcxx", true},
		{"*a*b*c*", "xxaxxcxxbxx", false},
		{"a*b?d", "abbcbcd", true},
		{"[abc]", "b", true},
		{"[abc]", "d", false},
		{"[^abc]", "d", true},
		{"[^abc]", "a", false},
		{"[a-c]", "b", true},
		{"[c-a]", "b", true},
		{"[a-c]", "d", false},
		{"[a-", "-", true},
		{"[a-", "a", true},
		{"[abc", "c", true},
		{"[", "a", false},
		{"[^", "a", true},
		{"[]", "]", false},
		{"[]a]", "a", false},
		{"[\\]]", "]", true},
		{"[\\-]", "-", true},
		{"\\*", "*", true},
		{"\\*", "a", false},
		{"\\", "\\", true},
		{"a\\", "a\\", true},
		{"h[ae]llo", "hello", true},
		{"h[ae]llo", "hillo", false},
		{"ABC", "abc", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (match(cases[i].pattern, cases[i].string, false) != cases[i].match)
			fail_msg("%s and %s", cases[i].pattern, cases[i].string);
}

static void case_may_be_ignored(void **state)
{
	assert_true(match("a*C", "ABc", true));
	assert_true(match("[a-c]X", "Bx", true));
	assert_true(match("[XYZ]", "y", true));
	assert_false(match("[\\X]", "x", true));
}

static void a_pattern_of_many_stars_takes_no_time(void **state)
{
	char pattern[2001], string[4001];

	for (size_t i = 0; i < 2000; i++)
		pattern[i] = i % 2 ? 'a' : '*';
	pattern[2000] = '\0';
	memset(string, 'a', 4000);
	string[3999] = 'b';
	string[4000] = '\0';
	assert_false(match(pattern, string, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_match_what_redis_says),
		cmocka_unit_test(case_may_be_ignored),
		cmocka_unit_test(a_pattern_of_many_stars_takes_no_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
