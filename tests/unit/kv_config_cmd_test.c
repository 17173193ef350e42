/* SPDX-License-Identifier: BSD-3-Clause */
/* CONFIG: what Redis's settings are called, may be and mean. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/kv_steps.h"

#define FAILED "-ERR CONFIG SET failed (possibly related to argument '"

static void settings_are_found_by_name_and_pattern(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"config get timeout", "*2\r\n$7\r\ntimeout\r\n$1\r\n0\r\n"},
		{"config get TIMEOUT timeout", "*2\r\n$7\r\nTIMEOUT\r\n$1\r\n0\r\n"},
		{"config get timeou? TIMEOUT", "*2\r\n$7\r\ntimeout\r\n$1\r\n0\r\n"},
		{"config get nosuch", "*0\r\n"},
		{"config get maxmemory-p* *backlog", "*4\r\n$16\r\nmaxmemory-policy\r\n$10\r\n"
						     "noeviction\r\n$11\r\ntcp-backlog\r\n$3\r\n511"
						     "\r\n"},
		{"config get slave-priority", "*2\r\n$14\r\nslave-priority\r\n$3\r\n100\r\n"},
		{"config get SLAVE-priority", "*2\r\n$14\r\nSLAVE-priority\r\n$3\r\n100\r\n"},
		{"config get watchdog*", "*0\r\n"},
		{"config get watchdog-period", "*2\r\n$15\r\nwatchdog-period\r\n$1\r\n0\r\n"});
}

static void values_are_checked(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c,
		{"config set nosuch 1",
			"-ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'\r\n"},
		{"config set timeout",
			"-ERR wrong number of arguments for 'config|set' command\r\n"},
		{"config set timeout 1 hz", SYNTAX},
		{"config set hash-max-listpack-value 99999999999999999999",
			FAILED "hash-max-listpack-value') - argument must be between 0 and "
			       "9223372036854775807 inclusive\r\n"},
		{"config set timeout x",
			FAILED "timeout') - argument couldn't be parsed into an integer\r\n"},
		{"config set timeout -1", FAILED "timeout') - argument must be between 0 and "
						 "2147483647 inclusive\r\n"},
		{"config set maxmemory bla",
			FAILED "maxmemory') - argument must be a memory value\r\n"},
		{"config set appendonly maybe",
			FAILED "appendonly') - argument must be 'yes' or 'no'\r\n"},
		{"config set loglevel loud",
			FAILED "loglevel') - argument(s) must be one of the "
			       "following: debug, verbose, notice, warning\r\n"},
		{"config set databases 3", FAILED "databases') - can't set immutable config\r\n"},
		{"config set dir /tmp", FAILED "dir') - can't set protected config\r\n"},
		{"config set hz 1 hz 2", FAILED "hz') - duplicate parameter\r\n"},
		{"config set maxmemory-clients 101%",
			FAILED "maxmemory-clients') - percentage argument must be less or equal "
			       "to 100\r\n"},
		{"config set maxmemory 1gb",
			FAILED "maxmemory') - the store was started with less memory\r\n"},
		{"config set maxclients 20000",
			FAILED "maxclients') - the store was started with room for fewer "
			       "clients\r\n"},
		{"config set client-output-buffer-limit \"normal 1 2\"",
			FAILED "client-output-buffer-limit') - Wrong number of arguments in buffer "
			       "limit configuration.\r\n"},
		{"config rewrite", "-ERR The server is running without a config file\r\n"});
}

/* A setting, a value for it and how it is given back. */
struct value {
	const char *name;
	const char *set;
	const char *get;
};

static void values_are_given_back_as_redis_would(void **state)
{
	static const struct value values[] = {
		{"timeout", "77", "77"},
		{"maxmemory", "1mb", "1048576"},
		{"maxmemory", "2M", "2000000"},
		{"maxmemory", "00002M", "2000000"},
		{"hash-max-listpack-value", "", "0"},
		{"maxmemory", "0", "67108864"},
		{"maxmemory-policy", "ALLKEYS-lfu", "allkeys-lfu"},
		{"maxmemory-clients", "5%", "5%"},
		{"maxclients", "99", "99"},
		{"proto-max-bulk-len", "2mb", "2097152"},
		{"client-query-buffer-limit", "3mb", "3145728"},
		{"client-output-buffer-limit", "normal 2mb 1mb 9",
			"normal 2097152 1048576 9 slave 268435456 67108864 60 pubsub 33554432 "
			"8388608 60"},
		{"client-output-buffer-limit", "replica 1 2 3 pubsub 4 5 6",
			"normal 2097152 1048576 9 slave 1 2 3 pubsub 4 5 6"},
		{"slowlog-log-slower-than", "-1", "-1"},
		{"slowlog-log-slower-than", "5000", "5000"},
		{"slowlog-max-len", "7", "7"},
		{"latency-monitor-threshold", "3", "3"},
		{"latency-tracking", "no", "no"},
		{"latency-tracking-info-percentiles", "0.0 50.0 99.99 100.0", "0 50 99.99 100"},
		{"requirepass", "secret", "secret"},
		{"requirepass", "", ""},
		{"tcp-keepalive", "60", "60"},
		{"protected-mode", "yes", "yes"},
		{"protected-mode", "no", "no"},
		{"hz", "50", "50"},
		{"appendonly", "YES", "yes"},
		{"loglevel", "debug", "debug"},
		{"notify-keyspace-events", "KEA", "KEA"},
		{"save", "3600 1", "3600 1"},
		{"hash-max-ziplist-entries", "10", "10"},
	};
	int c = kv_rig_connect(0);

	for (unsigned i = 0; i < ARRAY_SIZE(values); i++) {
		const struct value *v = &values[i];
		char want[512];

		assert_string_equal(kv_rig_words(c, "CONFIG", "SET", v->name, v->set, NULL), OK);
		snprintf(want, sizeof(want), "*2\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n", strlen(v->name),
			v->name, strlen(v->get), v->get);
		assert_string_equal(kv_rig_words(c, "CONFIG", "GET", v->name, NULL), want);
	}
	KV_STEPS(c, {"config get hash-max-listpack-entries",
			    "*2\r\n$25\r\nhash-max-listpack-entries\r\n$2\r\n10\r\n"});
}

static void all_of_a_command_is_set_or_nothing(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"config set timeout 5 hz 20", OK},
		{"config set timeout 6 save \"1 1\" hz x",
			FAILED "hz') - argument couldn't be parsed into an integer\r\n"},
		{"config get timeout", "*2\r\n$7\r\ntimeout\r\n$1\r\n5\r\n"},
		{"config get save", "*2\r\n$4\r\nsave\r\n$0\r\n\r\n"},
		{"config get hz", "*2\r\n$2\r\nhz\r\n$2\r\n20\r\n"});
}

static void limits_are_in_force_at_once(void **state)
{
	int c = kv_rig_connect(0), d;

	KV_STEPS(c, {"config set maxclients 1", OK});
	assert_int_equal(kv_rig_connect(0), -1);
	assert_string_equal(kv_rig_refusal(), "-ERR max number of clients reached\r\n");
	KV_STEPS(c, {"config set maxclients 10", OK}, {"config set timeout 2", OK});
	d = kv_rig_connect(0);
	kv_rig_advance_ms(1500);
	KV_STEPS(c, {"ping", "+PONG\r\n"});
	kv_rig_advance_ms(2500);
	assert_true(kv_rig_take(d).aborted);
	c = kv_rig_connect(0);
	KV_STEPS(c, {"config set timeout 0", OK}, {"config set proto-max-bulk-len 1mb", OK},
		{"config set maxmemory 1", OK},
		{"set k v", "-OOM command not allowed when used memory > 'maxmemory'.\r\n"},
		{"config set maxmemory 0", OK}, {"set k v", OK});
	assert_string_equal(kv_rig_text(c, "*2\r\n$4\r\nECHO\r\n$1048577\r\n"),
		"-ERR Protocol error: invalid bulk length\r\n");
}

static void every_worker_takes_a_setting_over(void **state)
{
	struct kv_settings settings;
	int c, d;

	kv_settings_default(&settings, KV_STEPS_MEMORY);
	kv_rig_start_with(&settings, 2);
	c = kv_rig_connect(0);
	d = kv_rig_connect(1);
	KV_STEPS(c, {"config set timeout 9 save \"1 2\"", OK},
		{"config set timeout x",
			FAILED "timeout') - argument couldn't be parsed into an integer\r\n"});
	KV_STEPS(d, {"config get timeout", "*2\r\n$7\r\ntimeout\r\n$1\r\n9\r\n"},
		{"config get save", "*2\r\n$4\r\nsave\r\n$3\r\n1 2\r\n"});
	kv_rig_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KV_STEPS_TEST(settings_are_found_by_name_and_pattern),
		KV_STEPS_TEST(values_are_checked),
		KV_STEPS_TEST(values_are_given_back_as_redis_would),
		KV_STEPS_TEST(all_of_a_command_is_set_or_nothing),
		KV_STEPS_TEST(limits_are_in_force_at_once),
		cmocka_unit_test(every_worker_takes_a_setting_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
