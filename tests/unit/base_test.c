/* SPDX-License-Identifier: BSD-3-Clause */
/* Suggestions, bounded copies and error sentences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/base/base.h"

static void the_closest_word_is_suggested(void **state)
{
	static const char *const words[] = {"backends", "mode", "mtu", "port", "ports", "via"};
	static const struct {
		const char *word;
		const char *expected;
	} cases[] = {
		{"bakcends", "backends"}, /* two letters swapped cost one */
		{"backend", "backends"},
		{"backendss", "backends"},
		{"mdoe", "mode"},
		{"port", "port"},
		{"prot", "port"},
		{"mut", "mtu"},
		{"vai", "via"},
		{"BACKENDS", NULL},
		{"x", NULL},
		{"", NULL},
		{"m", NULL},
		{"mo", NULL},
		{"address", NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char *found = base_suggest(cases[i].word, words, ARRAY_SIZE(words));

		if (cases[i].expected)
			assert_string_equal(found, cases[i].expected);
		else
			assert_null(found);
	}
	assert_null(base_suggest("via", NULL, 0));
}

static void words_that_are_too_long_get_no_suggestion(void **state)
{
	static const char long_word[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	const char *const words[] = {long_word, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"};

	assert_null(base_suggest(long_word, words, ARRAY_SIZE(words)));
	assert_ptr_equal(
		base_suggest("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", words, ARRAY_SIZE(words)),
		words[1]);
}

static void a_copy_is_cut_and_terminated(void **state)
{
	static const struct {
		const char *src;
		size_t size;
		const char *expected;
	} cases[] = {
		{"hello", 8, "hello"},
		{"hello", 6, "hello"},
		{"hello", 5, "hell"},
		{"hello", 1, ""},
		{"", 4, ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char buf[8];
		size_t n;

		memset(buf, 'x', sizeof(buf));
		n = base_strlcpy(buf, cases[i].src, cases[i].size);
		assert_string_equal(buf, cases[i].expected);
		assert_int_equal(n, strlen(cases[i].expected));
		for (size_t j = cases[i].size; j < sizeof(buf); j++)
			assert_int_equal(buf[j], 'x');
	}
}

static void a_copy_into_no_room_writes_nothing(void **state)
{
	char byte = 'x';

	assert_int_equal(base_strlcpy(&byte, "hello", 0), 0);
	assert_int_equal(byte, 'x');
}

static void an_error_has_its_sentence_and_a_negative_number(void **state)
{
	struct base_error err = {0};
	char word[300];

	assert_int_equal(base_error_set(&err, ENOENT, "no port \"%s\"", "wan"), -ENOENT);
	assert_string_equal(err.text, "no port \"wan\"");
	assert_int_equal(base_error_set(NULL, EINVAL, "nobody reads this"), -EINVAL);
	memset(word, 'w', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	assert_int_equal(base_error_set(&err, EINVAL, "%s", word), -EINVAL);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

static void a_failed_assertion_names_its_place_and_aborts(void **state)
{
	char text[256] = "";
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		dup2(fds[1], STDERR_FILENO);
		BRAID_ASSERT(fds[0] < 0);
		_exit(0);
	}
	close(fds[1]);
	assert_true(read(fds[0], text, sizeof(text) - 1) > 0);
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_non_null(strstr(text, "braid: bug: "));
	assert_non_null(strstr(text, "base_test.c:"));
	assert_non_null(strstr(text, "fds[0] < 0"));
}

static void helpers_do_their_arithmetic(void **state)
{
	struct pair {
		int first, second;
	} pair;
	int *second = &pair.second;

	assert_int_equal(MIN_OF(3, 5), 3);
	assert_int_equal(MAX_OF(3, 5), 5);
	assert_int_equal(ARRAY_SIZE(((int[7]){0})), 7);
	assert_ptr_equal(CONTAINER_OF(second, struct pair, second), &pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_closest_word_is_suggested),
		cmocka_unit_test(words_that_are_too_long_get_no_suggestion),
		cmocka_unit_test(a_copy_is_cut_and_terminated),
		cmocka_unit_test(a_copy_into_no_room_writes_nothing),
		cmocka_unit_test(an_error_has_its_sentence_and_a_negative_number),
		cmocka_unit_test(a_failed_assertion_names_its_place_and_aborts),
		cmocka_unit_test(helpers_do_their_arithmetic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
