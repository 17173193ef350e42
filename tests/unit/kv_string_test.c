/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands on strings: replies and mistakes. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/kv_steps.h"

static void a_string_is_read_whole_and_in_part(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"get a", NIL}, {"strlen a", ZERO}, {"getrange a 0 -1", "$0\r\n\r\n"},
		{"set a hello", OK}, {"get a", "$5\r\nhello\r\n"}, {"strlen a", ":5\r\n"},
		{"getrange a 1 3", "$3\r\nell\r\n"}, {"getrange a -3 -1", "$3\r\nllo\r\n"},
		{"getrange a -1 -3", "$0\r\n\r\n"}, {"getrange a 3 1", "$0\r\n\r\n"},
		{"getrange a -100 100", "$5\r\nhello\r\n"}, {"substr a 0 0", "$1\r\nh\r\n"},
		{"getrange a 9223372036854775807 -1", "$0\r\n\r\n"}, {"getrange a x 1", NOT_INT},
		{"getrange nosuch 0 x", NOT_INT},
		{"mget a b a", "*3\r\n$5\r\nhello\r\n$-1\r\n$5\r\nhello\r\n"});
}

static void set_obeys_each_option(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"set a 1 xx", NIL}, {"set a 1 nx", OK}, {"set a 2 nx", NIL},
		{"set a 2 xx", OK}, {"set a 3 get", "$1\r\n2\r\n"},
		{"set a 4 nx get", "$1\r\n3\r\n"}, {"set b 4 nx get", NIL},
		{"get b", "$1\r\n4\r\n"}, {"set b 5 xx get", "$1\r\n4\r\n"},
		{"set nosuch 5 xx get", NIL}, {"exists nosuch", ZERO}, {"set a 5 ex 100", OK},
		{"ttl a", ":100\r\n"}, {"set a 6 keepttl", OK}, {"ttl a", ":100\r\n"},
		{"set a 7", OK}, {"ttl a", ":-1\r\n"}, {"set a 7 px 1500", OK},
		{"pttl a", ":1500\r\n"}, {"set a 7 exat 1800000000", OK},
		{"pexpiretime a", ":1800000000000\r\n"}, {"set a 7 pxat 1800000000001", OK},
		{"pexpiretime a", ":1800000000001\r\n"}, {"set a 8 EX 5 ex 6", OK},
		{"ttl a", ":6\r\n"});
}

static void set_refuses_what_it_cannot_mean(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"set a 1 nx xx", SYNTAX}, {"set a 1 ex 1 px 1", SYNTAX},
		{"set a 1 ex", SYNTAX}, {"set a 1 keepttl ex 5", SYNTAX},
		{"set a 1 persist", SYNTAX}, {"set a 1 foo", SYNTAX}, {"set a 1 ex x", NOT_INT},
		{"set a 1 ex 0", "-ERR invalid expire time in 'set' command\r\n"},
		{"set a 1 px -1", "-ERR invalid expire time in 'set' command\r\n"},
		{"set a 1 ex 9223372036854775807", "-ERR invalid expire time in 'set' command\r\n"},
		{"set a 1 px 9223372036854775807", "-ERR invalid expire time in 'set' command\r\n"},
		{"setex a 0 1", "-ERR invalid expire time in 'setex' command\r\n"},
		{"psetex a -1 1", "-ERR invalid expire time in 'psetex' command\r\n"},
		{"exists a", ZERO}, {"set a 1 pxat 1", OK}, {"get a", NIL}, {"getex a ex 0", NIL},
		{"set a 1", OK},
		{"getex a ex 0", "-ERR invalid expire time in 'getex' command\r\n"},
		{"getex a keepttl", SYNTAX}, {"getex a persist ex 1", SYNTAX});
}

static void getex_and_getdel_change_what_they_read(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"set a v", OK}, {"getex a", "$1\r\nv\r\n"}, {"ttl a", ":-1\r\n"},
		{"getex a ex 10", "$1\r\nv\r\n"}, {"ttl a", ":10\r\n"}, {"getex a", "$1\r\nv\r\n"},
		{"ttl a", ":10\r\n"}, {"getex a persist", "$1\r\nv\r\n"}, {"ttl a", ":-1\r\n"},
		{"getex a exat 1", "$1\r\nv\r\n"}, {"exists a", ZERO}, {"set a w", OK},
		{"getdel a", "$1\r\nw\r\n"}, {"getdel a", NIL}, {"getset a x", NIL},
		{"getset a y", "$1\r\nx\r\n"}, {"setnx a z", ZERO}, {"setnx b z", ONE});
}

static void several_keys_are_set_all_or_none(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"mset a 1 b", "-ERR wrong number of arguments for 'mset' command\r\n"},
		{"msetnx a 1 b", "-ERR wrong number of arguments for 'msetnx' command\r\n"},
		{"mset a 1 b 2 a 3", OK}, {"mget a b", "*2\r\n$1\r\n3\r\n$1\r\n2\r\n"},
		{"msetnx c 1 b 2", ZERO}, {"exists c", ZERO}, {"msetnx c 1 d 2 c 3", ONE},
		{"get c", "$1\r\n3\r\n"});
}

static void a_string_grows_at_its_end_and_by_zeros(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"append a foo", ":3\r\n"}, {"append a bar", ":6\r\n"},
		{"get a", "$6\r\nfoobar\r\n"}, {"setrange a 3 BAR", ":6\r\n"},
		{"get a", "$6\r\nfooBAR\r\n"}, {"setrange b 2 x", ":3\r\n"}, {"strlen b", ":3\r\n"},
		{"setrange a 1 \"\"", ":6\r\n"}, {"setrange nosuch 5 \"\"", ZERO},
		{"exists nosuch", ZERO}, {"setrange a -1 x", "-ERR offset is out of range\r\n"},
		{"setrange a x y", NOT_INT}, {"setrange a 536870912 x", TOO_LONG},
		{"setrange a 536870911 xy", TOO_LONG},
		{"setrange a 9223372036854775807 x", TOO_LONG},
		{"setrange a 4294967296 \"\"", ":6\r\n"});
}

static void no_string_grows_beyond_proto_max_bulk_len(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"config set proto-max-bulk-len 1mb", OK},
		{"setrange a 1048575 x", ":1048576\r\n"}, {"append a y", TOO_LONG},
		{"setrange b 1048576 x", TOO_LONG}, {"setbit c 8388607 1", ZERO},
		{"strlen c", ":1048576\r\n"},
		{"setbit c 8388608 1", "-ERR bit offset is not an integer or out of range\r\n"},
		{"bitfield c set u8 8388608 1",
			"-ERR bit offset is not an integer or out of range\r\n"},
		{"config set proto-max-bulk-len 512mb", OK}, {"append a y", ":1048577\r\n"});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KV_STEPS_TEST(a_string_is_read_whole_and_in_part),
		KV_STEPS_TEST(set_obeys_each_option),
		KV_STEPS_TEST(set_refuses_what_it_cannot_mean),
		KV_STEPS_TEST(getex_and_getdel_change_what_they_read),
		KV_STEPS_TEST(several_keys_are_set_all_or_none),
		KV_STEPS_TEST(a_string_grows_at_its_end_and_by_zeros),
		KV_STEPS_TEST(no_string_grows_beyond_proto_max_bulk_len),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
