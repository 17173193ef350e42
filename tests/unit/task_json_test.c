/* SPDX-License-Identifier: BSD-3-Clause */
/* Fields of JSON objects, whole and damaged. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/task/task_json.h"

/* Looks for "f" in a copy that has no byte to spare. NULL: not found. */
static char *field(const char *text, size_t len)
{
	uint8_t *copy = malloc(MAX_OF(len, 1u));
	struct task_piece found = {.len = 0};
	char *out = NULL;

	memcpy(copy, text, len);
	if (task_json_field((struct task_piece){copy, (uint32_t)len},
		    (struct task_piece){(const uint8_t *)"f", 1}, &found))
		out = strndup((const char *)found.bytes, found.len);
	free(copy);
	return out;
}

static void fields_are_found(void **state)
{
	static const struct {
		const char *text, *found;
	} cases[] = {
		{"{\"f\":1}", "1"},
		{"{\"f\":\"\"}", ""},
		{" { \"f\" : -1.5e3 } ", "-1.5e3"},
		{"{\"a\":1,\"f\":true,\"b\":2}", "true"},
		{"{\"a\":\"f\",\"f\":\"x\\\"y\"}", "x\\\"y"},
		{"{\"a\":{\"f\":1},\"f\":2}", "2"},
		{"{\"a\":[\"]\",{\"f\":1}],\"f\":null\n}", "null"},
		{"{\"f\":[1,[2],\"]\"],\"a\":1}", "[1,[2],\"]\"]"},
		{"{\"f\":{\"f\":3}}", "{\"f\":3}"},
		{"{\"f\":1,\"f\":2}", "1"},
		{"{\"a\\\"\":1,\"f\":\"\\\\\"}", "\\\\"},
		{"{\"f\":1, damaged behind it", "1"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *found = field(cases[i].text, strlen(cases[i].text));

		assert_non_null(found);
		assert_string_equal(found, cases[i].found);
		free(found);
	}
}

static void what_is_no_object_has_no_fields(void **state)
{
	static const char *const cases[] = {"", "{", "{}", "f", "[\"f\",1]", "{\"f\"}", "{\"f\":}",
		"{\"f\":\"x}", "{\"f\":\"x\\\"}", "{f:1}", "{\"a\":1 \"f\":2}", "{\"a\":{\"f\":1}}",
		"{\"a\":[1,\"f\":2}", "{\"F\":1}", "{\"ff\":1}", "{\"a\":1,,\"f\":2}",
		"{\"f\":{\"a\":[}", "{\"\\f\":1}", "{\"a\\"};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *found = field(cases[i], strlen(cases[i]));

		if (found)
			fail_msg("%s: \"%s\"", cases[i], found);
	}
}

static void nothing_behind_a_cut_text_is_read(void **state)
{
	static const char text[] = "{\"a\":{\"b\":[1,\"\\\\\"]},\"cc\": \"d\\\"e\", \"f\" : \"g\"}";

	for (size_t len = 0; len < sizeof(text); len++)
		free(field(text, len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_found),
		cmocka_unit_test(what_is_no_object_has_no_fields),
		cmocka_unit_test(nothing_behind_a_cut_text_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
