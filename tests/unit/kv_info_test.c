/* SPDX-License-Identifier: BSD-3-Clause */
/* INFO, and what Redis's unit/info checks of errors and latencies. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/kv_steps.h"

#define QUEUED "+QUEUED\r\n"

/* Fails unless INFO with @sections has @text; the next one, unless it has not. */
static void has(int c, const char *sections, const char *text)
{
	char line[64];
	const char *info;

	snprintf(line, sizeof(line), "info %s\r\n", sections);
	info = kv_rig_text(c, line);
	if (!strstr(info, text))
		fail_msg("no \"%s\" in %s", text, info);
}

static void lacks(int c, const char *sections, const char *text)
{
	char line[64];

	snprintf(line, sizeof(line), "info %s\r\n", sections);
	assert_null(strstr(kv_rig_text(c, line), text));
}

static void sections_are_chosen_by_name(void **state)
{
	static const char *const defaults[] = {"# Server\r\n", "# Clients\r\n", "# Memory\r\n",
		"# Persistence\r\n", "# Stats\r\n", "# Replication\r\n", "# CPU\r\n",
		"# Modules\r\n", "# Errorstats\r\n", "# Cluster\r\n", "# Keyspace\r\n"};
	int c = kv_rig_connect(0);

	for (unsigned i = 0; i < ARRAY_SIZE(defaults); i++) {
		has(c, "", defaults[i]);
		has(c, "default", defaults[i]);
		has(c, "everything", defaults[i]);
	}
	lacks(c, "", "# Commandstats");
	has(c, "all", "# Commandstats\r\n");
	has(c, "ALL", "# Latencystats\r\n");
	has(c, "cpu keyspace", "# CPU\r\n");
	has(c, "cpu keyspace", "\r\n\r\n# Keyspace\r\n");
	lacks(c, "cpu keyspace", "# Server");
	KV_STEPS(c, {"info nosuch", "$0\r\n\r\n"});
}

static void fields_that_tools_read_are_there(void **state)
{
	int c = kv_rig_connect(0), d = kv_rig_connect(0);

	KV_STEPS(c, {"set a 1", OK}, {"set b 1 ex 100", OK}, {"select 5", OK}, {"set a 1", OK},
		{"get nosuch", NIL}, {"get a", "$1\r\n1\r\n"});
	kv_rig_abort(d);
	kv_rig_advance_ms(3000);
	has(c, "server", "redis_version:7.0.15\r\n");
	has(c, "server", "redis_mode:standalone\r\n");
	has(c, "server", "tcp_port:6379\r\n");
	has(c, "server", "uptime_in_seconds:3\r\n");
	has(c, "clients", "connected_clients:1\r\n");
	has(c, "clients", "maxclients:10000\r\n");
	has(c, "memory", "maxmemory:67108864\r\nmaxmemory_human:64.00M\r\n");
	has(c, "memory", "maxmemory_policy:noeviction\r\n");
	has(c, "stats", "total_connections_received:2\r\n");
	has(c, "stats", "keyspace_hits:1\r\nkeyspace_misses:1\r\n");
	has(c, "replication", "role:master\r\nconnected_slaves:0\r\n");
	has(c, "cluster", "cluster_enabled:0\r\n");
	has(c, "keyspace", "db0:keys=2,expires=1,avg_ttl=0\r\ndb5:keys=1,expires=0,avg_ttl=0\r\n");
}

static void rates_are_those_of_the_last_seconds(void **state)
{
	int c = kv_rig_connect(0);

	for (unsigned i = 0; i < 20; i++) {
		for (unsigned k = 0; k < 10; k++)
			kv_rig_text(c, "ping\r\n");
		kv_rig_advance_ms(100);
	}
	lacks(c, "stats", "instantaneous_ops_per_sec:0\r\n");
	has(c, "stats", "instantaneous_ops_per_sec:9");
	kv_rig_advance_ms(3000);
	has(c, "stats", "instantaneous_ops_per_sec:0\r\n");
}

static void latencies_are_told_in_percentiles(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"config resetstat", OK}, {"config set latency-tracking no", OK},
		{"set a b", OK});
	lacks(c, "latencystats", "usec_set:");
	KV_STEPS(c, {"config set latency-tracking yes", OK}, {"set a b", OK}, {"client id", ONE});
	has(c, "latencystats", "latency_percentiles_usec_set:p50=0.064,p99=0.064,p99.9=0.064\r\n");
	has(c, "latencystats", "latency_percentiles_usec_client|id:p50=");
	has(c, "latencystats", "latency_percentiles_usec_config|set:p50=");
	KV_STEPS(c, {"config set latency-tracking-info-percentiles \"0.0 50.0 100.0\"", OK},
		{"config set latency-tracking-info-percentiles \"10.0 50.0 a\"",
			"-ERR CONFIG SET failed (possibly related to argument "
			"'latency-tracking-info-percentiles') - Invalid "
			"latency-tracking-info-percentiles parameters\r\n"});
	has(c, "latencystats", "usec_set:p0=0.064,p50=0.064,p100=0.064\r\n");
	KV_STEPS(c, {"config resetstat", OK});
	lacks(c, "latencystats", "usec_set:");
}

static void errors_are_counted_by_kind_and_command(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"config resetstat", OK});
	lacks(c, "errorstats", "errorstat_ERR");
	has(c, "stats", "total_error_replies:0\r\n");
	kv_rig_text(c, "auth k\r\n");
	has(c, "errorstats", "errorstat_ERR:count=1\r\n");
	has(c, "commandstats",
		"cmdstat_auth:calls=1,usec=0,usec_per_call=0.00,rejected_calls=0,"
		"failed_calls=1\r\n");
	has(c, "stats", "total_error_replies:1\r\n");
	KV_STEPS(c, {"config resetstat", OK}, {"multi", OK}, {"set a b", QUEUED},
		{"auth a", QUEUED});
	assert_memory_equal(kv_rig_text(c, "exec\r\n"), "*2\r\n+OK\r\n-ERR AUTH", 18);
	has(c, "commandstats",
		"cmdstat_set:calls=1,usec=0,usec_per_call=0.00,rejected_calls=0,"
		"failed_calls=0\r\n");
	has(c, "commandstats",
		"cmdstat_auth:calls=1,usec=0,usec_per_call=0.00,rejected_calls=0,"
		"failed_calls=1\r\n");
	has(c, "commandstats",
		"cmdstat_exec:calls=1,usec=0,usec_per_call=0.00,rejected_calls=0,"
		"failed_calls=0\r\n");
	KV_STEPS(c, {"exec", "-ERR EXEC without MULTI\r\n"});
	has(c, "commandstats",
		"cmdstat_exec:calls=2,usec=0,usec_per_call=0.00,rejected_calls=0,"
		"failed_calls=1\r\n");
	has(c, "errorstats", "errorstat_ERR:count=2\r\n");
}

static void refused_commands_are_counted(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"config resetstat", OK}, {"multi", OK},
		{"set", "-ERR wrong number of arguments for 'set' command\r\n"},
		{"exec", "-EXECABORT Transaction discarded because of previous errors.\r\n"});
	has(c, "errorstats", "errorstat_ERR:count=1\r\n");
	has(c, "errorstats", "errorstat_EXECABORT:count=1\r\n");
	has(c, "commandstats",
		"cmdstat_set:calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,"
		"failed_calls=0\r\n");
	has(c, "commandstats",
		"cmdstat_exec:calls=1,usec=0,usec_per_call=0.00,rejected_calls=0,"
		"failed_calls=1\r\n");
	KV_STEPS(c, {"config resetstat", OK}, {"config set maxmemory 1", OK});
	kv_rig_text(c, "set a b\r\n");
	has(c, "errorstats", "errorstat_OOM:count=1\r\n");
	has(c, "commandstats",
		"cmdstat_set:calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,"
		"failed_calls=0\r\n");
	KV_STEPS(c, {"config resetstat", OK});
	lacks(c, "errorstats", "errorstat_OOM");
	kv_rig_text(c, "asdf\r\n");
	has(c, "errorstats", "errorstat_ERR:count=1\r\n");
	has(c, "stats", "total_error_replies:1\r\n");
}

static void it_is_told_when_memory_is_short(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"config set maxmemory 1", OK});
	has(c, "everything", "maxmemory:1\r\n");
	kv_rig_text(c, "hello 3\r\n");
	assert_memory_equal(kv_rig_text(c, "info cpu\r\n"), "=", 1);
}

static void all_workers_are_in_the_sums(void **state)
{
	struct kv_settings settings;
	int c, d;

	kv_settings_default(&settings, KV_STEPS_MEMORY);
	kv_rig_start_with(&settings, 2);
	c = kv_rig_connect(0);
	d = kv_rig_connect(1);
	for (unsigned i = 0; i < 100; i++) {
		char line[32];

		snprintf(line, sizeof(line), "set key%u 1\r\n", i);
		assert_string_equal(kv_rig_text(i % 2 ? c : d, line), OK);
	}
	has(c, "keyspace", "db0:keys=100,expires=0,avg_ttl=0\r\n");
	has(d, "clients", "connected_clients:2\r\n");
	has(c, "commandstats", "cmdstat_set:calls=100,");
	kv_rig_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KV_STEPS_TEST(sections_are_chosen_by_name),
		KV_STEPS_TEST(fields_that_tools_read_are_there),
		KV_STEPS_TEST(rates_are_those_of_the_last_seconds),
		KV_STEPS_TEST(latencies_are_told_in_percentiles),
		KV_STEPS_TEST(errors_are_counted_by_kind_and_command),
		KV_STEPS_TEST(refused_commands_are_counted),
		KV_STEPS_TEST(it_is_told_when_memory_is_short),
		cmocka_unit_test(all_workers_are_in_the_sums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
