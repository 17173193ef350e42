/* SPDX-License-Identifier: BSD-3-Clause */
/* SLOWLOG and LATENCY. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/kv_steps.h"

static void slow_commands_are_kept_newest_first(void **state)
{
	int c = kv_rig_connect(0);
	char text[300] = "echo ";

	KV_STEPS(c, {"slowlog len", ZERO}, {"config set slowlog-log-slower-than 0", OK},
		{"slowlog reset", OK}, {"client setname me", OK}, {"echo hey", "$3\r\nhey\r\n"});
	assert_non_null(strstr(kv_rig_text(c, "slowlog get 1\r\n"),
		":1700000000\r\n:0\r\n*2\r\n$4\r\necho\r\n$3\r\nhey\r\n$14\r\n10.0.0.2:40000\r\n"
		"$2\r\nme\r\n"));
	memset(text + 5, 'x', 200);
	strcpy(text + 205, "\r\n");
	kv_rig_text(c, text);
	assert_non_null(strstr(kv_rig_text(c, "slowlog get 1\r\n"), "... (72 more bytes)\r\n"));
	assert_non_null(strstr(kv_rig_text(c, "slowlog get -1\r\n"), "\r\n$2\r\nme\r\n"));
	KV_STEPS(c, {"slowlog get -2", "-ERR count should be greater than or equal to -1\r\n"},
		{"slowlog get x", "-ERR count should be greater than or equal to -1\r\n"},
		{"config set slowlog-log-slower-than -1", OK}, {"slowlog reset", OK},
		{"slowlog len", ZERO}, {"slowlog get", "*0\r\n"});
}

static void many_arguments_are_cut(void **state)
{
	int c = kv_rig_connect(0);
	char line[1000] = "del";

	KV_STEPS(c, {"config set slowlog-log-slower-than 0", OK});
	for (unsigned i = 0; i < 40; i++)
		strcat(line, " k");
	strcat(line, "\r\n");
	kv_rig_text(c, line);
	assert_non_null(
		strstr(kv_rig_text(c, "slowlog get 1\r\n"), "\r\n... (10 more arguments)\r\n"));
	assert_non_null(strstr(kv_rig_text(c, "slowlog get 2\r\n"), "*32\r\n"));
}

static void secrets_are_not_kept(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"config set slowlog-log-slower-than 0", OK},
		{"config set requirepass hidden timeout 3", OK}, {"auth default hidden", OK});
	kv_rig_text(c, "hello 2 auth default hidden\r\n");
	assert_null(strstr(kv_rig_text(c, "slowlog get -1\r\n"), "hidden"));
	assert_non_null(strstr(kv_rig_text(c, "slowlog get -1\r\n"), "(redacted)"));
	assert_non_null(strstr(kv_rig_text(c, "slowlog get -1\r\n"), "requirepass"));
}

static void the_log_keeps_its_length(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"config set slowlog-max-len 10 slowlog-log-slower-than 0", OK});
	for (unsigned i = 0; i < 100; i++)
		kv_rig_text(c, "ping\r\n");
	KV_STEPS(c, {"slowlog len", ":10\r\n"}, {"config set slowlog-max-len 1", OK},
		{"slowlog len", ONE}, {"config set slowlog-max-len 0", OK}, {"slowlog len", ZERO});
}

static void events_need_a_threshold(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"latency latest", "*0\r\n"}, {"latency history command", "*0\r\n"},
		{"latency reset", ZERO}, {"latency reset command nosuch", ZERO});
	assert_int_equal(kv_rig_text(c, "latency doctor\r\n")[0], '-');
}

static void histograms_count_calls(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"config resetstat", OK}, {"get a", NIL}, {"get a", NIL},
		{"latency histogram get nosuch set", "*2\r\n$3\r\nget\r\n*4\r\n$5\r\ncalls\r\n"
						     ":2\r\n$14\r\nhistogram_usec\r\n*2\r\n:1\r\n"
						     ":2\r\n"});
	assert_non_null(
		strstr(kv_rig_text(c, "latency histogram config\r\n"), "$16\r\nconfig|resetstat"));
	assert_non_null(strstr(kv_rig_text(c, "latency histogram\r\n"), "$3\r\nget\r\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KV_STEPS_TEST(slow_commands_are_kept_newest_first),
		KV_STEPS_TEST(many_arguments_are_cut),
		KV_STEPS_TEST(secrets_are_not_kept),
		KV_STEPS_TEST(the_log_keeps_its_length),
		KV_STEPS_TEST(events_need_a_threshold),
		KV_STEPS_TEST(histograms_count_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
