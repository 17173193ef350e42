/* SPDX-License-Identifier: BSD-3-Clause */
/* Expiry as commands set and tell it, in virtual time. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/kv_steps.h"

#define INVALID(command) "-ERR invalid expire time in '" command "' command\r\n"

static void a_key_is_gone_when_its_time_is_over(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"set a v px 1500", OK}, {"pttl a", ":1500\r\n"}, {"ttl a", ":2\r\n"});
	kv_rig_advance_ms(1001);
	KV_STEPS(c, {"pttl a", ":499\r\n"}, {"ttl a", ZERO}, {"get a", "$1\r\nv\r\n"});
	kv_rig_advance_ms(499);
	KV_STEPS(c, {"pttl a", ZERO}, {"get a", "$1\r\nv\r\n"});
	kv_rig_advance_ms(1);
	KV_STEPS(c, {"get a", NIL}, {"ttl a", ":-2\r\n"}, {"expiretime a", ":-2\r\n"},
		{"del a", ZERO});
}

static void keys_that_nobody_asks_for_leave_too(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"set a v px 5", OK}, {"set b v pxat 1", OK}, {"set d v", OK},
		{"expire d 100", ONE});
	kv_rig_advance_ms(8);
	KV_STEPS(c, {"dbsize", ONE}, {"keys *", "*1\r\n$1\r\nd\r\n"});
}

static void expire_obeys_its_conditions(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"expire a 10", ZERO}, {"set a v", OK}, {"expire a 10 xx", ZERO},
		{"expire a 10 gt", ZERO}, {"expire a 10 lt", ONE}, {"expire a 20 nx", ZERO},
		{"expire a 20 lt", ZERO}, {"expire a 20 gt", ONE}, {"expire a 20 gt", ZERO},
		{"expire a 15 xx", ONE}, {"expire a 12 xx lt", ONE}, {"ttl a", ":12\r\n"},
		{"persist a", ONE}, {"persist a", ZERO}, {"persist nosuch", ZERO},
		{"expire a 5 nx", ONE}, {"ttl a", ":5\r\n"}, {"expire a -1 gt", ZERO},
		{"expire a -1 lt", ONE}, {"exists a", ZERO});
}

static void expire_refuses_what_it_cannot_mean(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"set a v", OK},
		{"expire a 1 nx gt", "-ERR NX and XX, GT or LT options at the same time are not "
				     "compatible\r\n"},
		{"expire a 1 gt lt",
			"-ERR GT and LT options at the same time are not compatible\r\n"},
		{"expire a 1 foo", "-ERR Unsupported option foo\r\n"}, {"expire a x", NOT_INT},
		{"expire a 9223372036854775807", INVALID("expire")},
		{"expire a 9223372036854775", INVALID("expire")},
		{"expire a -9223372036854775808", INVALID("expire")},
		{"pexpire a 9223372036854775807", INVALID("pexpire")},
		{"expireat a 9223372036854775807", INVALID("expireat")},
		{"pexpireat a 9223372036854775807", ONE},
		{"pexpiretime a", ":9223372036854775807\r\n"});
}

static void times_are_told_as_they_were_set(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"set a v", OK}, {"ttl a", ":-1\r\n"}, {"expiretime a", ":-1\r\n"},
		{"expireat a 1800000000", ONE}, {"expiretime a", ":1800000000\r\n"},
		{"pexpiretime a", ":1800000000000\r\n"}, {"pttl a", ":100000000000\r\n"},
		{"ttl a", ":100000000\r\n"}, {"pexpireat a 1800000000600", ONE},
		{"expiretime a", ":1800000001\r\n"}, {"pexpireat a 1700000000000", ONE},
		{"exists a", ZERO});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KV_STEPS_TEST(a_key_is_gone_when_its_time_is_over),
		KV_STEPS_TEST(keys_that_nobody_asks_for_leave_too),
		KV_STEPS_TEST(expire_obeys_its_conditions),
		KV_STEPS_TEST(expire_refuses_what_it_cannot_mean),
		KV_STEPS_TEST(times_are_told_as_they_were_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
