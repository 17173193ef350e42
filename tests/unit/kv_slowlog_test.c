/* SPDX-License-Identifier: BSD-3-Clause */
/* SLOWLOG and LATENCY. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

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

static void a_command_in_pieces_is_as_slow_as_all_of_them(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"config set slowlog-log-slower-than 100000", OK}, {"ping", "+PONG\r\n"});
	kv_rig_push(c, "debug sleep 0.05\r\n", 18);
	kv_rig_advance_ms(60);
	kv_rig_push(c, "debug sleep 0.2\r\n", 17);
	kv_rig_advance_ms(300);
	kv_rig_take(c);
	KV_STEPS(c, {"slowlog len", ONE});
	assert_non_null(strstr(kv_rig_text(c, "slowlog get\r\n"),
		"*3\r\n$5\r\ndebug\r\n$5\r\nsleep\r\n$3\r\n0.2\r\n"));
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

/* The numbers of the entries in the answer to SLOWLOG GET; how many. */
static unsigned entry_ids(const char *text, int64_t ids[], unsigned max)
{
	unsigned n = 0;

	for (const char *p = text; (p = strstr(p, "*6\r\n:")) != NULL && n < max; p += 5)
		ids[n++] = atol(p + 5);
	return n;
}

static void the_logs_of_all_workers_are_one(void **state)
{
	enum { WORKERS = 3, ENTRIES = 30 };
	struct kv_settings settings;
	int64_t ids[ENTRIES + 2];
	int clients[WORKERS];
	const char *text;
	char line[32];

	kv_rig_stop();
	kv_settings_default(&settings, KV_STEPS_MEMORY);
	settings.clients_max = 100;
	kv_rig_start_with(&settings, WORKERS);
	for (unsigned i = 0; i < WORKERS; i++)
		clients[i] = kv_rig_connect(i);
	KV_STEPS(clients[0], {"config set slowlog-log-slower-than 0", OK}, {"slowlog reset", OK});
	for (unsigned i = 0; i < ENTRIES; i++) {
		snprintf(line, sizeof(line), "echo m%u\r\n", i);
		kv_rig_text(clients[i * 7 % WORKERS], line);
		if (i % 10 == 9)
			kv_rig_advance_ms(1000);
	}
	KV_STEPS(clients[1], {"config set slowlog-log-slower-than -1", OK});
	text = kv_rig_text(clients[2], "slowlog get -1\r\n");
	for (unsigned i = ENTRIES; i-- > 0;) {
		snprintf(line, sizeof(line), "\r\nm%u\r\n", i);
		text = strstr(text, line);
		assert_non_null(text);
	}
	assert_int_equal(entry_ids(kv_rig_text(clients[0], "slowlog get\r\n"), ids, ENTRIES), 10);
	for (unsigned i = 1; i < 10; i++)
		assert_true(ids[i - 1] > ids[i]);
	assert_int_equal(
		entry_ids(kv_rig_text(clients[0], "slowlog get 25\r\n"), ids, ENTRIES), 25);
	KV_STEPS(clients[2], {"slowlog get 0", "*0\r\n"},
		{"slowlog get -2", "-ERR count should be greater than or equal to -1\r\n"},
		{"slowlog reset", OK}, {"slowlog len", ZERO}, {"slowlog get", "*0\r\n"});
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
		KV_STEPS_TEST(a_command_in_pieces_is_as_slow_as_all_of_them),
		KV_STEPS_TEST(secrets_are_not_kept),
		KV_STEPS_TEST(the_log_keeps_its_length),
		KV_STEPS_TEST(the_logs_of_all_workers_are_one),
		KV_STEPS_TEST(events_need_a_threshold),
		KV_STEPS_TEST(histograms_count_calls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
