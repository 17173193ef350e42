/* SPDX-License-Identifier: BSD-3-Clause */
/* PING, ECHO, SELECT, RESET, QUIT and CLIENT. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#include "tests/unit/kv_steps.h"

static void pings_and_echoes(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"ping", "+PONG\r\n"}, {"ping hey", "$3\r\nhey\r\n"},
		{"ping x y z", "-ERR wrong number of arguments for 'ping' command\r\n"},
		{"echo \"\"", "$0\r\n\r\n"},
		{"echo", "-ERR wrong number of arguments for 'echo' command\r\n"}, {"readonly", OK},
		{"readwrite", OK}, {"asking", OK});
}

static void databases_are_numbered(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"select 15", OK}, {"set k v", OK}, {"select 0", OK}, {"get k", NIL},
		{"select 16", "-ERR DB index is out of range\r\n"},
		{"select -1", "-ERR DB index is out of range\r\n"}, {"select x", NOT_INT},
		{"select 4294967296", "-ERR value is out of range, value must between "
				      "-2147483648 and 2147483647\r\n"},
		{"select 15", OK}, {"get k", "$1\r\nv\r\n"});
}

static void a_reset_connection_is_as_new(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"set k v", OK}, {"select 3", OK}, {"client setname me", OK}, {"watch k", OK},
		{"multi", OK}, {"set k w", "+QUEUED\r\n"}, {"reset", "+RESET\r\n"},
		{"exec", "-ERR EXEC without MULTI\r\n"}, {"client getname", NIL},
		{"get k", "$1\r\nv\r\n"});
	assert_memory_equal(kv_rig_text(c, "hello 3\r\n"), "%7\r\n", 4);
	KV_STEPS(c, {"reset", "+RESET\r\n"}, {"get nosuch", NIL});
}

static void replies_can_be_turned_off(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"client reply off", ""}, {"ping", ""}, {"client reply skip", ""}, {"ping", ""},
		{"client reply on", OK}, {"ping", "+PONG\r\n"}, {"client reply skip", ""},
		{"ping", ""}, {"ping", "+PONG\r\n"}, {"client reply maybe", SYNTAX});
}

static void names_have_no_spaces(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"client getname", NIL}, {"client setname foo", OK},
		{"client getname", "$3\r\nfoo\r\n"},
		{"client setname \"foo bar\"", "-ERR Client names cannot contain spaces, newlines "
					       "or special characters.\r\n"},
		{"client setname \"\"", OK}, {"client getname", NIL}, {"client id", ONE},
		{"client getredir", ":-1\r\n"}, {"client no-evict on", OK},
		{"client no-evict off", OK}, {"client no-evict x", SYNTAX},
		{"client unblock 1", ZERO}, {"client unblock x", NOT_INT},
		{"client unblock 1 never",
			"-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR\r\n"},
		{"client trackinginfo", "*6\r\n$5\r\nflags\r\n*1\r\n$3\r\noff\r\n$8\r\nredirect\r\n"
					":-1\r\n$8\r\nprefixes\r\n*0\r\n"},
		{"client nosuch", "-ERR unknown subcommand 'nosuch'. Try CLIENT HELP.\r\n"});
}

static void clients_are_listed(void **state)
{
	int c = kv_rig_connect(0), d = kv_rig_connect(0);
	const char *text;

	KV_STEPS(d, {"client setname other", OK}, {"select 9", OK}, {"multi", OK},
		{"ping", "+QUEUED\r\n"});
	kv_rig_advance_ms(2000);
	text = kv_rig_text(c, "client list\r\n");
	assert_non_null(strstr(text, "id=1 addr=10.0.0.2:40000 laddr=10.0.0.1:6379 "));
	assert_non_null(strstr(text, " name=other age=2 idle=2 flags=x db=9 "));
	assert_non_null(strstr(text, " multi=1 "));
	assert_non_null(strstr(text, " cmd=client|list user=default redir=-1 resp=2\n"));
	text = kv_rig_text(c, "client list id 2 77\r\n");
	assert_null(strstr(text, "id=1 "));
	assert_non_null(strstr(text, "id=2 "));
	assert_non_null(strstr(kv_rig_text(c, "client info\r\n"), "id=1 "));
	KV_STEPS(c, {"client list type replica", "$0\r\n\r\n"},
		{"client list type fish", "-ERR Unknown client type 'fish'\r\n"},
		{"client list id x", "-ERR Invalid client ID\r\n"}, {"client list x", SYNTAX});
	kv_rig_text(c, "hello 3\r\n");
	assert_memory_equal(kv_rig_text(c, "client list\r\n"), "=", 1);
}

static void a_list_of_many_clients_comes_in_one_piece(void **state)
{
	enum { CLIENTS = 200 };
	int c = kv_rig_connect(0);
	unsigned n = 0;
	unsigned long bytes;
	const char *text;
	char *end;

	for (unsigned i = 1; i < CLIENTS; i++)
		kv_rig_connect(0);
	text = kv_rig_text(c, "client list\r\n");
	assert_int_equal(text[0], '$');
	bytes = strtoul(text + 1, &end, 10);
	assert_int_equal(bytes, strlen(end) - 4);
	for (const char *p = text; (p = strchr(p + 1, '\n')) != NULL;)
		n++;
	assert_int_equal(n, CLIENTS + 2);
}

static void clients_are_killed_by_address_and_by_filter(void **state)
{
	int c = kv_rig_connect(0), d = kv_rig_connect(0), e = kv_rig_connect(0);

	KV_STEPS(c, {"client kill 1.2.3.4:1", "-ERR No such client\r\n"},
		{"client kill 10.0.0.2:40001", OK}, {"client kill id 99", ZERO},
		{"client kill id 0", "-ERR client-id should be greater than 0\r\n"},
		{"client kill id 1 skipme perhaps", SYNTAX},
		{"client kill id", "-ERR No such client\r\n"},
		{"client kill type fish type fish", "-ERR Unknown client type 'fish'\r\n"},
		{"client kill user joe", "-ERR No such user 'joe'\r\n"},
		{"client kill laddr 10.0.0.1:6379 type pubsub", ZERO},
		{"client kill laddr 10.0.0.1:6379 user default", ONE});
	assert_true(kv_rig_take(d).aborted);
	assert_true(kv_rig_take(e).aborted);
	KV_STEPS(c, {"client kill id 1", ZERO}, {"client kill id 1 skipme no", ONE});
	assert_true(kv_rig_take(c).closed);
	assert_false(kv_rig_take(c).aborted);
}

static void a_pause_holds_commands_up(void **state)
{
	int c = kv_rig_connect(0), d = kv_rig_connect(0);

	KV_STEPS(c, {"client pause x", "-ERR timeout is not an integer or out of range\r\n"},
		{"client pause -1", "-ERR timeout is negative\r\n"},
		{"client pause 1 x", "-ERR CLIENT PAUSE mode must be WRITE or ALL\r\n"},
		{"client pause 50 write", OK}, {"get k", NIL});
	KV_STEPS(d, {"get k", NIL}, {"set k v", ""});
	kv_rig_advance_ms(40);
	assert_string_equal(kv_rig_take(d).bytes, "");
	kv_rig_advance_ms(20);
	assert_string_equal(kv_rig_take(d).bytes, OK);
	KV_STEPS(c, {"client pause 100000 write", OK});
	KV_STEPS(d, {"set k v", ""});
	assert_non_null(strstr(kv_rig_text(c, "info clients\r\n"), "\r\nblocked_clients:1\r\n"));
	KV_STEPS(c, {"client unpause", OK});
	assert_string_equal(kv_rig_take(d).bytes, OK);
	assert_non_null(strstr(kv_rig_text(c, "info clients\r\n"), "\r\nblocked_clients:0\r\n"));
}

static void who_quits_is_answered(void **state)
{
	int c = kv_rig_connect(0);

	assert_string_equal(kv_rig_text(c, "quit\r\nset k v\r\n"), OK);
	assert_true(kv_rig_take(c).closed);
	c = kv_rig_connect(0);
	KV_STEPS(c, {"get k", NIL});
}

static void workers_list_and_kill_each_others_clients(void **state)
{
	struct kv_settings settings;
	int c, d;
	const char *text;

	kv_settings_default(&settings, KV_STEPS_MEMORY);
	kv_rig_start_with(&settings, 2);
	c = kv_rig_connect(0);
	d = kv_rig_connect(1);
	text = kv_rig_text(c, "client list\r\n");
	assert_non_null(strstr(text, "id=1 "));
	assert_non_null(strstr(text, "id=2 "));
	KV_STEPS(c, {"client kill 9.9.9.9:9", "-ERR No such client\r\n"},
		{"client kill type normal skipme yes", ONE}, {"ping", "+PONG\r\n"});
	assert_true(kv_rig_take(d).aborted);
	kv_rig_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KV_STEPS_TEST(pings_and_echoes),
		KV_STEPS_TEST(databases_are_numbered),
		KV_STEPS_TEST(a_reset_connection_is_as_new),
		KV_STEPS_TEST(replies_can_be_turned_off),
		KV_STEPS_TEST(names_have_no_spaces),
		KV_STEPS_TEST(clients_are_listed),
		KV_STEPS_TEST(a_list_of_many_clients_comes_in_one_piece),
		KV_STEPS_TEST(clients_are_killed_by_address_and_by_filter),
		KV_STEPS_TEST(a_pause_holds_commands_up),
		KV_STEPS_TEST(who_quits_is_answered),
		cmocka_unit_test(workers_list_and_kill_each_others_clients),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
