/* SPDX-License-Identifier: BSD-3-Clause */
/* AUTH and HELLO; what Redis's unit/auth checks where it starts servers of its own. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/kv_steps.h"

#define WRONG "-WRONGPASS invalid username-password pair or user is disabled.\r\n"

static void a_password_that_is_not_set_cannot_be_given(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c,
		{"auth foo", "-ERR AUTH <password> called without any password configured for the "
			     "default user. Are you sure your configuration is correct?\r\n"},
		{"auth a b c", SYNTAX}, {"auth default anything", OK}, {"auth nobody x", WRONG});
}

static void nothing_works_before_the_password(void **state)
{
	int c = kv_rig_connect(0), d;

	KV_STEPS(c, {"config set requirepass foobar", OK});
	d = kv_rig_connect(0);
	KV_STEPS(d, {"auth wrong!", WRONG}, {"auth fooba", WRONG}, {"auth foobar1", WRONG},
		{"set foo bar", "-NOAUTH Authentication required.\r\n"},
		{"auth nobody foobar", WRONG}, {"auth foobar", OK}, {"set foo 100", OK},
		{"incr foo", ":101\r\n"}, {"auth default foobar", OK}, {"reset", "+RESET\r\n"},
		{"get foo", "-NOAUTH Authentication required.\r\n"},
		{"ping", "-NOAUTH "
			 "Authentication required.\r\n"},
		{"quit", OK});
	assert_true(kv_rig_take(d).closed);
}

static void a_password_may_be_binary(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"config set requirepass \"abc\\x00def\"", OK});
	c = kv_rig_connect(0);
	KV_STEPS(c, {"auth abc", WRONG}, {"auth \"abc\\x00deg\"", WRONG},
		{"auth \"abc\\x00def\"", OK}, {"config set requirepass \"\"", OK},
		{"auth default whatever", OK});
}

static void guests_may_send_little(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"config set requirepass foobar", OK});
	c = kv_rig_connect(0);
	assert_string_equal(kv_rig_text(c, "*100\r\n"),
		"-ERR Protocol error: unauthenticated multibulk length\r\n");
	c = kv_rig_connect(0);
	assert_string_equal(kv_rig_text(c, "*1\r\n$100000000\r\n"),
		"-ERR Protocol error: unauthenticated bulk length\r\n");
}

static void hello_changes_the_protocol(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c,
		{"hello", "*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n"
			  "$5\r\nproto\r\n:2\r\n$2\r\nid\r\n:1\r\n$4\r\nmode\r\n$10\r\nstandalone"
			  "\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n"},
		{"hello x", "-ERR Protocol version is not an integer or out of range\r\n"},
		{"hello 1", "-NOPROTO unsupported protocol version\r\n"},
		{"hello 4", "-NOPROTO unsupported protocol version\r\n"},
		{"hello 3 foo", "-ERR Syntax error in HELLO option 'foo'\r\n"},
		{"hello 3 auth default", "-ERR Syntax error in HELLO option 'auth'\r\n"},
		{"hello 3 setname \"a b\"", "-ERR Client names cannot contain spaces, newlines or "
					    "special characters.\r\n"},
		{"get nosuch", NIL});
	assert_memory_equal(kv_rig_text(c, "hello 3 setname me\r\n"), "%7\r\n", 4);
	KV_STEPS(c, {"get nosuch", "_\r\n"}, {"client getname", "$2\r\nme\r\n"});
	assert_memory_equal(kv_rig_text(c, "hello\r\n"), "%7\r\n", 4);
	assert_memory_equal(kv_rig_text(c, "hello 2\r\n"), "*14\r\n", 5);
	KV_STEPS(c, {"get nosuch", NIL});
}

static void hello_authenticates(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"config set requirepass foobar", OK});
	c = kv_rig_connect(0);
	KV_STEPS(c,
		{"hello 3", "-NOAUTH HELLO must be called with the client already authenticated, "
			    "otherwise the HELLO AUTH <user> <pass> option can be used to "
			    "authenticate the client and select the RESP protocol version at the "
			    "same time\r\n"},
		{"hello 3 auth default wrong", WRONG}, {"hello 3 auth joe foobar", WRONG});
	assert_memory_equal(kv_rig_text(c, "hello 3 auth default foobar\r\n"), "%7\r\n", 4);
	KV_STEPS(c, {"get nosuch", "_\r\n"});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KV_STEPS_TEST(a_password_that_is_not_set_cannot_be_given),
		KV_STEPS_TEST(nothing_works_before_the_password),
		KV_STEPS_TEST(a_password_may_be_binary),
		KV_STEPS_TEST(guests_may_send_little),
		KV_STEPS_TEST(hello_changes_the_protocol),
		KV_STEPS_TEST(hello_authenticates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
