/* SPDX-License-Identifier: BSD-3-Clause */
/* Short commands on the server, and DEBUG. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/kv_steps.h"

static void what_needs_a_disk_or_a_replica_is_refused(void **state)
{
	static const char *const refused[] = {"save", "bgsave", "bgrewriteaof", "shutdown",
		"shutdown nosave", "replicaof 10.0.0.1 6379", "slaveof 10.0.0.1 6379"};
	int c = kv_rig_connect(0);

	for (unsigned i = 0; i < ARRAY_SIZE(refused); i++) {
		char line[64];

		snprintf(line, sizeof(line), "%s\r\n", refused[i]);
		assert_memory_equal(kv_rig_text(c, line), "-ERR ", 5);
	}
	KV_STEPS(c, {"replicaof no one", OK}, {"role", "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"},
		{"lastsave", ":1700000000\r\n"},
		{"shutdown abort", "-ERR No shutdown in progress.\r\n"},
		{"acl whoami", "$7\r\ndefault\r\n"}, {"acl users", "*1\r\n$7\r\ndefault\r\n"},
		{"acl list", "*1\r\n$34\r\nuser default on nopass ~* &* +@all\r\n"},
		{"memory purge", OK}, {"ping", "+PONG\r\n"});
}

static void the_time_is_that_of_the_worker(void **state)
{
	int c = kv_rig_connect(0);

	kv_rig_advance_ms(1500);
	KV_STEPS(c, {"time", "*2\r\n$10\r\n1700000001\r\n$6\r\n500000\r\n"});
}

static void only_the_sleeper_waits(void **state)
{
	int c = kv_rig_connect(0), d = kv_rig_connect(0);

	assert_string_equal(kv_rig_text(c, "debug sleep 0.1\r\nping\r\n"), "");
	KV_STEPS(d, {"ping", "+PONG\r\n"});
	kv_rig_advance_ms(90);
	assert_string_equal(kv_rig_take(c).bytes, "");
	kv_rig_advance_ms(20);
	assert_string_equal(kv_rig_take(c).bytes, "+OK\r\n+PONG\r\n");
	KV_STEPS(c, {"multi", OK}, {"debug sleep 5", "+QUEUED\r\n"}, {"exec", "*1\r\n+OK\r\n"},
		{"debug sleep x", OK}, {"debug sleep -1", OK});
}

static void every_type_of_reply_can_be_seen(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"debug protocol string", "$11\r\nHello World\r\n"},
		{"debug protocol integer", ":12345\r\n"},
		{"debug protocol double", "$5\r\n3.141\r\n"},
		{"debug protocol bignum", "$37\r\n1234567999999999999999999999999999999\r\n"},
		{"debug protocol null", NIL}, {"debug protocol array", "*3\r\n:0\r\n:1\r\n:2\r\n"},
		{"debug protocol map", "*6\r\n:0\r\n:0\r\n:1\r\n:1\r\n:2\r\n:0\r\n"},
		{"debug protocol push", "-ERR RESP2 is not supported by this command\r\n"},
		{"debug protocol true", ONE});
	kv_rig_text(c, "hello 3\r\n");
	KV_STEPS(c, {"debug protocol bignum", "(1234567999999999999999999999999999999\r\n"},
		{"debug protocol null", "_\r\n"},
		{"debug protocol set", "~3\r\n:0\r\n:1\r\n:2\r\n"},
		{"debug protocol map", "%3\r\n:0\r\n#f\r\n:1\r\n#t\r\n:2\r\n#f\r\n"},
		{"debug protocol attrib", "|1\r\n$14\r\nkey-popularity\r\n*2\r\n$7\r\nkey:123\r\n"
					  ":90\r\n$39\r\nSome real reply following the attribute"
					  "\r\n"},
		{"debug protocol push", ">2\r\n$16\r\nserver-cpu-usage\r\n:42\r\n$40\r\nSome real "
					"reply following the push reply\r\n"},
		{"debug protocol true", "#t\r\n"}, {"debug protocol false", "#f\r\n"},
		{"debug protocol verbatim", "=29\r\ntxt:This is a verbatim\nstring\r\n"});
	assert_memory_equal(kv_rig_text(c, "debug protocol x\r\n"), "-ERR Wrong protocol", 19);
}

static void an_object_tells_where_it_lies(void **state)
{
	int c = kv_rig_connect(0);
	char first[256];

	KV_STEPS(c, {"debug object k", "-ERR no such key\r\n"}, {"set k 1", OK});
	base_strlcpy(first, kv_rig_text(c, "debug object k\r\n"), sizeof(first));
	assert_memory_equal(first, "+Value at:0x", 12);
	assert_non_null(strstr(first, " refcount:1 encoding:int serializedlength:1 lru:0 "));
	KV_STEPS(c, {"debug stringmatch-len 1000 a*b", ZERO}, {"debug stringmatch-len 9 a*a", ONE},
		{"debug nosuch", "-ERR unknown subcommand 'nosuch'. Try DEBUG HELP.\r\n"});
}

static void memory_is_told_in_numbers(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"set k v", OK});
	assert_non_null(strstr(kv_rig_text(c, "memory stats\r\n"), "$10\r\nkeys.count\r\n:1\r\n"));
	assert_memory_equal(kv_rig_text(c, "memory doctor\r\n"), "$", 1);
	assert_non_null(strstr(kv_rig_text(c, "memory help\r\n"),
		"+MEMORY <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n"));
	assert_non_null(strstr(kv_rig_text(c, "lolwut\r\n"), "Redis ver. 7.0.15\n"));
}

static void memory_is_that_of_all_workers(void **state)
{
	struct kv_settings settings;
	static const char total[] = "total.allocated\r\n:";
	uint64_t used = 0;
	const char *text;
	int c;

	kv_rig_stop();
	kv_settings_default(&settings, KV_STEPS_MEMORY);
	settings.clients_max = 100;
	kv_rig_start_with(&settings, 4);
	c = kv_rig_connect(2);
	KV_STEPS(c, {"mset a 1 b 2 c 3 d 4 e 5 f 6", OK}, {"select 7", OK}, {"set a 1", OK});
	for (unsigned i = 0; i < 4; i++)
		used += kv_shard_used_bytes(kv_rig_worker(i)->kv->shard);
	assert_non_null(strstr(kv_rig_text(c, "memory stats\r\n"), "keys.count\r\n:7\r\n"));
	assert_non_null(strstr(kv_rig_text(c, "memory stats\r\n"), "db.7\r\n*6\r\n"));
	text = strstr(kv_rig_text(c, "memory stats\r\n"), total);
	assert_non_null(text);
	/* The command may have some memory of its own. */
	assert_in_range(strtoul(text + strlen(total), NULL, 10), used, used + 4096);
	kv_rig_text(c, "hello 3\r\n");
	assert_memory_equal(kv_rig_text(c, "memory stats\r\n"), "%19\r\n", 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KV_STEPS_TEST(memory_is_that_of_all_workers),
		KV_STEPS_TEST(what_needs_a_disk_or_a_replica_is_refused),
		KV_STEPS_TEST(the_time_is_that_of_the_worker),
		KV_STEPS_TEST(only_the_sleeper_waits),
		KV_STEPS_TEST(every_type_of_reply_can_be_seen),
		KV_STEPS_TEST(an_object_tells_where_it_lies),
		KV_STEPS_TEST(memory_is_told_in_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
