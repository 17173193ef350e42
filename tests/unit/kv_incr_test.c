/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers in strings. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/kv_steps.h"

static void integers_count_up_and_down_to_their_limits(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"incr a", ONE}, {"decr a", ZERO}, {"decr a", ":-1\r\n"},
		{"incrby a 11", ":10\r\n"}, {"decrby a 20", ":-10\r\n"}, {"incrby a x", NOT_INT},
		{"set a 9223372036854775807", OK},
		{"incr a", "-ERR increment or decrement would overflow\r\n"},
		{"incrby a -1", ":9223372036854775806\r\n"}, {"set a -9223372036854775808", OK},
		{"decr a", "-ERR increment or decrement would overflow\r\n"},
		{"decrby a -9223372036854775808", "-ERR decrement would overflow\r\n"},
		{"get a", "$20\r\n-9223372036854775808\r\n"});
}

static void only_the_one_way_to_write_an_integer_is_one(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"set a \" 1\"", OK}, {"incr a", NOT_INT}, {"set a 01", OK},
		{"incr a", NOT_INT}, {"set a +1", OK}, {"incr a", NOT_INT}, {"set a -0", OK},
		{"incr a", NOT_INT}, {"set a \"\"", OK}, {"incr a", NOT_INT}, {"set a 1.0", OK},
		{"incr a", NOT_INT}, {"set a 9223372036854775808", OK}, {"incr a", NOT_INT});
}

static void counting_keeps_the_expiry(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"set a 1 ex 100", OK}, {"incr a", ":2\r\n"}, {"ttl a", ":100\r\n"},
		{"incrbyfloat a 0.5", "$3\r\n2.5\r\n"}, {"ttl a", ":100\r\n"},
		{"append a 0", ":4\r\n"}, {"ttl a", ":100\r\n"}, {"setrange a 0 3", ":4\r\n"},
		{"ttl a", ":100\r\n"}, {"setbit a 0 1", ZERO}, {"ttl a", ":100\r\n"});
}

static void floats_are_added_exactly_and_written_plainly(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"incrbyfloat a 10.50", "$4\r\n10.5\r\n"},
		{"incrbyfloat a 0.1", "$4\r\n10.6\r\n"}, {"incrbyfloat a -5", "$3\r\n5.6\r\n"},
		{"set a 5.0e3", OK}, {"incrbyfloat a 2.0e2", "$4\r\n5200\r\n"}, {"set a 3", OK},
		{"incrbyfloat a 1.1", "$3\r\n4.1\r\n"}, {"set a 0", OK},
		{"incrbyfloat a -0.0", "$1\r\n0\r\n"}, {"incrbyfloat a 1e-18", "$1\r\n0\r\n"},
		{"incrbyfloat a abc", NOT_FLOAT}, {"incrbyfloat a \"1 \"", NOT_FLOAT},
		{"incrbyfloat a nan", NOT_FLOAT},
		{"incrbyfloat a inf", "-ERR increment would produce NaN or Infinity\r\n"},
		{"set a x", OK}, {"incrbyfloat a 1", NOT_FLOAT});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KV_STEPS_TEST(integers_count_up_and_down_to_their_limits),
		KV_STEPS_TEST(only_the_one_way_to_write_an_integer_is_one),
		KV_STEPS_TEST(counting_keeps_the_expiry),
		KV_STEPS_TEST(floats_are_added_exactly_and_written_plainly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
