/* SPDX-License-Identifier: BSD-3-Clause */
/* Values as text, hex, words and JSON. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/cli/output.h"

struct row {
	enum output_format format;
	const char *value;
	size_t len;
	const char *want;
	const char *json; /* the member "result" */
};

static const struct row rows[] = {
	{OUTPUT_TEXT, "10", 2, "10", "\"result\": \"10\""},
	{OUTPUT_TEXT, "", 0, "", "\"result\": \"\""},
	{OUTPUT_TEXT, "a\nb\tc\r\\", 7, "a\\nb\\tc\\r\\\\",
		"\"result\": \"a\\u000ab\\u0009c\\u000d\\\\\""},
	{OUTPUT_TEXT, "\x00\x1f\x7f", 3, "\\x00\\x1f\\x7f", "\"result\": \"\\u0000\\u001f\x7f\""},
	{OUTPUT_TEXT, "gr\xc3\xbc\xc3\x9f", 6, "gr\xc3\xbc\xc3\x9f",
		"\"result\": \"gr\xc3\xbc\xc3\x9f\""},
	{OUTPUT_TEXT, "\xe2\x82\xac\xf0\x9f\x98\x80", 7, "\xe2\x82\xac\xf0\x9f\x98\x80",
		"\"result\": \"\xe2\x82\xac\xf0\x9f\x98\x80\""},
	/* Not UTF-8: a byte alone, too long a form, a surrogate, beyond the last, cut. */
	{OUTPUT_TEXT,
		"\xff"
		"a",
		2, "\\xffa", "\"result_base64\": \"/2E=\""},
	{OUTPUT_TEXT, "\xc0\x80", 2, "\\xc0\\x80", "\"result_base64\": \"wIA=\""},
	{OUTPUT_TEXT, "\xe0\x80\x80", 3, "\\xe0\\x80\\x80", "\"result_base64\": \"4ICA\""},
	{OUTPUT_TEXT, "\xed\xa0\x80", 3, "\\xed\\xa0\\x80", "\"result_base64\": \"7aCA\""},
	{OUTPUT_TEXT, "\xf4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80",
		"\"result_base64\": \"9JCAgA==\""},
	{OUTPUT_TEXT, "a\xe2\x82", 3, "a\\xe2\\x82", "\"result_base64\": \"YeKC\""},
	{OUTPUT_RAW, "\x01\xff\n", 3, "\x01\xff\n", "\"result_base64\": \"Af8K\""},
	{OUTPUT_HEX, "\x01\xff", 2, "01ff", "\"result\": \"01ff\""},
	{OUTPUT_U64, "\x01\x00\x00\x00\x00\x00\x00\x00\x02\x01", 10, "1 258",
		"\"result\": [1, 258]"},
	{OUTPUT_U64, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, "18446744073709551615",
		"\"result\": [18446744073709551615]"},
	{OUTPUT_U64, "", 0, "", "\"result\": []"},
};

/* What was written since open_memstream. */
static void written(FILE *f, char **text, const char *want, size_t want_len, size_t *len)
{
	assert_int_equal(fclose(f), 0);
	assert_int_equal(*len, want_len);
	assert_memory_equal(*text, want, want_len);
	free(*text);
}

static void values_are_written_in_each_format(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];
		char *text = NULL;
		size_t len = 0;
		FILE *f = open_memstream(&text, &len);

		output_value(f, r->format, r->value, r->len);
		/* Only the raw value with a 0 byte would be longer than its text. */
		written(f, &text, r->want, strlen(r->want), &len);
		f = open_memstream(&text, &len);
		output_member(f, "result", r->format, r->value, r->len);
		written(f, &text, r->json, strlen(r->json), &len);
	}
}

static void text_that_is_not_utf8_stays_json(void **state)
{
	static const char in[] = "line \"12\": \xff\\";
	static const char want[] = "\"line \\\"12\\\": ?\\\\\"";
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	output_json_text(f, in, sizeof(in) - 1);
	written(f, &text, want, sizeof(want) - 1, &len);
}

static void formats_have_names(void **state)
{
	enum output_format format;

	assert_true(output_format_parse(NULL, OUTPUT_U64, &format));
	assert_int_equal(format, OUTPUT_U64);
	assert_true(output_format_parse("hex", OUTPUT_TEXT, &format));
	assert_int_equal(format, OUTPUT_HEX);
	assert_true(output_format_parse("raw", OUTPUT_TEXT, &format));
	assert_int_equal(format, OUTPUT_RAW);
	assert_false(output_format_parse("octal", OUTPUT_TEXT, &format));
	assert_false(output_format_parse("", OUTPUT_TEXT, &format));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_written_in_each_format),
		cmocka_unit_test(text_that_is_not_utf8_stays_json),
		cmocka_unit_test(formats_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
