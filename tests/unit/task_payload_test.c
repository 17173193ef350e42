/* SPDX-License-Identifier: BSD-3-Clause */
/* The line of a payload: what it says, and Redis's words for what is wrong with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/task/task_payload.h"

#define X64 "0123456789012345678901234567890123456789012345678901234567890123"
#define NAME_RULE                                                                                  \
	"Library names can only contain letters, numbers, or underscores(_) and must be at least " \
	"one character long"

static const struct {
	const char *text;
	const char *name;     /* NULL: it is refused */
	const char *sentence; /* or the object */
} cases[] = {
	{"#!bpf name=lib\nELF", "lib", "ELF"},
	{"#!BPF NAME=lib\n", "lib", ""},
	{"#!bpf   \t name=A_1  \r\nx", "A_1", "x"},
	{"#!bpf name=" X64 "\n", X64, ""},
	{"", NULL, "Missing library metadata"},
	{"#", NULL, "Missing library metadata"},
	{"\177ELF", NULL, "Missing library metadata"},
	{"#!", NULL, "Invalid library metadata"},
	{"#!bpf name=lib", NULL, "Invalid library metadata"},
	{"#!" X64 X64 X64 X64 "\n", NULL, "Invalid library metadata"},
	{"#!\n", NULL, "Library name was not given"},
	{"#!bpf\n", NULL, "Library name was not given"},
	{"#!lua name=lib\n", NULL, "Engine 'lua' not found"},
	{"#!bpf2 name=lib\n", NULL, "Engine 'bpf2' not found"},
	{"#! name=lib\n", NULL, "Engine '' not found"},
	{"#!\001 name=lib\n", NULL, "Engine '?' not found"},
	{"#!bpf name=\n", NULL, NAME_RULE},
	{"#!bpf name=a-b\n", NULL, NAME_RULE},
	{"#!bpf name=a.b\n", NULL, NAME_RULE},
	{"#!bpf name=\"a\"\n", NULL, NAME_RULE},
	{"#!bpf name=" X64 "x\n", NULL, "Library names have at most 64 characters"},
	{"#!bpf name=a name=b\n", NULL,
		"Invalid metadata value, name argument was given multiple times"},
	{"#!bpf x name=a\n", NULL, "Invalid metadata value given: x"},
	{"#!bpf name\n", NULL, "Invalid metadata value given: name"},
};

static void lines_say_the_name_or_what_is_wrong(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t len = (uint32_t)strlen(cases[i].text);
		struct base_error err = {.text = ""};
		struct task_payload p;
		int ret = task_payload_parse(cases[i].text, len, &p, &err);

		if (cases[i].name) {
			assert_int_equal(ret, 0);
			assert_string_equal(p.name, cases[i].name);
			assert_string_equal(cases[i].text + p.object_at, cases[i].sentence);
		} else {
			assert_true(ret < 0);
			assert_string_equal(err.text, cases[i].sentence);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_say_the_name_or_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
