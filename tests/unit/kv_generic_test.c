/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands on keys of any type, and on what their values are like. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/kv_steps.h"

static void keys_are_counted_deleted_and_touched(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"mset a 1 b 2 c 3", OK}, {"exists a a b nosuch", ":3\r\n"},
		{"touch a b nosuch", ":2\r\n"}, {"del a a nosuch", ONE}, {"unlink b c", ":2\r\n"},
		{"dbsize", ZERO}, {"type a", "+none\r\n"}, {"set a 1", OK},
		{"type a", "+string\r\n"},
		{"del", "-ERR wrong number of arguments for 'del' command\r\n"});
}

static void many_keys_are_deleted_in_pieces(void **state)
{
	enum { KEYS = 5000, BYTES = 16 };
	static char names[KEYS][BYTES];
	static struct resp_arg argv[KEYS + 1];
	int c = kv_rig_connect(0);

	for (unsigned i = 0; i <= KEYS; i++) {
		const char *word = i ? names[i - 1] : "DEL";

		if (i) {
			snprintf(names[i - 1], BYTES, "key%u", i);
			assert_string_equal(kv_rig_words(c, "SET", word, "v", NULL), OK);
		}
		argv[i] = (struct resp_arg){(const uint8_t *)word, (uint32_t)strlen(word)};
	}
	assert_string_equal(kv_rig_args(c, argv, KEYS + 1).bytes, ":5000\r\n");
	assert_string_equal(kv_rig_text(c, "dbsize\r\n"), ZERO);
}

static void a_key_is_renamed_with_value_and_expiry(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"rename a b", "-ERR no such key\r\n"}, {"rename a a", "-ERR no such key\r\n"},
		{"set a v ex 50", OK}, {"rename a a", OK}, {"set b old ex 9", OK},
		{"rename a b", OK}, {"get b", "$1\r\nv\r\n"}, {"ttl b", ":50\r\n"},
		{"exists a", ZERO}, {"renamenx b b", ZERO}, {"set c w", OK}, {"renamenx c b", ZERO},
		{"renamenx b d", ONE}, {"ttl d", ":50\r\n"}, {"rename c d", OK},
		{"ttl d", ":-1\r\n"});
}

static void databases_change_places_with_all_that_is_theirs(void **state)
{
	static const char range[] = "-ERR DB index is out of range\r\n";
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"swapdb 0 16", range}, {"swapdb -1 0", range}, {"swapdb 0 0", OK},
		{"swapdb x y", "-ERR invalid first DB index\r\n"},
		{"swapdb 0 4294967296", "-ERR invalid second DB index\r\n"},
		{"swapdb 0", "-ERR wrong number of arguments for 'swapdb' command\r\n"},
		{"set a 0 px 30", OK}, {"set b 0", OK}, {"select 9", OK}, {"set a nine", OK},
		{"swapdb 9 0", OK}, {"dbsize", ":2\r\n"}, {"get a", "$1\r\n0\r\n"},
		{"pttl a", ":30\r\n"}, {"select 0", OK}, {"dbsize", ONE},
		{"get a", "$4\r\nnine\r\n"}, {"set c 3", OK}, {"swapdb 0 5", OK},
		{"swapdb 5 9", OK}, {"dbsize", ZERO}, {"select 9", OK},
		{"mget a b c", "*3\r\n$4\r\nnine\r\n$-1\r\n$1\r\n3\r\n"}, {"flushdb", OK},
		{"select 5", OK}, {"dbsize", ":2\r\n"});
	kv_rig_advance_ms(40);
	KV_STEPS(c, {"dbsize", ONE}, {"keys *", "*1\r\n$1\r\nb\r\n"}, {"move b 0", ONE},
		{"swapdb 0 1", OK}, {"select 1", OK}, {"randomkey", "$1\r\nb\r\n"},
		{"swapdb 1 2", OK}, {"flushall", OK}, {"select 2", OK}, {"dbsize", ZERO});
}

static void a_key_is_copied_and_moved_between_databases(void **state)
{
	static const char same[] = "-ERR source and destination objects are the same\r\n";
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"copy a b", ZERO}, {"set a v ex 50", OK}, {"copy a b", ONE},
		{"ttl b", ":50\r\n"}, {"copy a b", ZERO}, {"set a w", OK},
		{"copy a b replace", ONE}, {"get b", "$1\r\nw\r\n"}, {"ttl b", ":-1\r\n"},
		{"copy a a db 3", ONE}, {"copy a a db 3", ZERO},
		{"copy a b db 16", "-ERR DB index is out of range\r\n"}, {"copy a b db x", NOT_INT},
		{"copy a b db 4294967296",
			"-ERR value is out of range, value must between -2147483648 "
			"and 2147483647\r\n"},
		{"copy a b foo", SYNTAX}, {"copy a b db", SYNTAX}, {"move a 3", ZERO},
		{"move a 4", ONE}, {"exists a", ZERO}, {"move a 4", ZERO},
		{"move a -1", "-ERR DB index is out of range\r\n"}, {"set a x", OK},
		{"move a 4", ZERO});
	assert_string_equal(kv_rig_text(c, "copy a a\r\n"), same);
	assert_string_equal(kv_rig_text(c, "move a 0\r\n"), same);
}

static void encodings_are_those_redis_would_tell(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"object encoding a", NIL}, {"set a 12", OK},
		{"object encoding a", "$3\r\nint\r\n"}, {"object refcount a", ":2147483647\r\n"},
		{"copy a b", ONE}, {"object refcount b", ":1\r\n"}, {"set a 10000", OK},
		{"object refcount a", ":1\r\n"}, {"append a 0", ":6\r\n"},
		{"object encoding a", "$3\r\nraw\r\n"}, {"incr a", ":100001\r\n"},
		{"object encoding a", "$3\r\nint\r\n"}, {"incrbyfloat a 1", "$6\r\n100002\r\n"},
		{"object encoding a", "$6\r\nembstr\r\n"},
		{"set a 12345678901234567890123456789012345678901234", OK},
		{"object encoding a", "$6\r\nembstr\r\n"},
		{"set a 123456789012345678901234567890123456789012345", OK},
		{"object encoding a", "$3\r\nraw\r\n"}, {"set a 01", OK},
		{"object encoding a", "$6\r\nembstr\r\n"}, {"setbit a 7 0", ZERO},
		{"object encoding a", "$3\r\nraw\r\n"}, {"rename a c", OK},
		{"object encoding c", "$3\r\nraw\r\n"}, {"object idletime c", ZERO},
		{"object freq nosuch", NIL},
		{"object freq c",
			"-ERR An LFU maxmemory policy is not selected, access frequency not "
			"tracked. Please note that when switching between policies at runtime "
			"LRU and LFU data will take some time to adjust.\r\n"});
}

static void waiting_for_replicas_ends_by_the_clock(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"wait 0 0", ZERO}, {"wait -1 10", ZERO}, {"wait x 0", NOT_INT},
		{"wait 0 x", "-ERR timeout is not an integer or out of range\r\n"},
		{"wait 0 -1", "-ERR timeout is negative\r\n"});
	assert_string_equal(kv_rig_text(c, "wait 1 20\r\n"), "");
	kv_rig_advance_ms(19);
	assert_string_equal(kv_rig_take(c).bytes, "");
	kv_rig_advance_ms(2);
	assert_string_equal(kv_rig_take(c).bytes, ZERO);
	assert_string_equal(kv_rig_text(c, "wait 1 0\r\n"), "");
	kv_rig_advance_ms(1000);
	assert_string_equal(kv_rig_take(c).bytes, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KV_STEPS_TEST(keys_are_counted_deleted_and_touched),
		KV_STEPS_TEST(many_keys_are_deleted_in_pieces),
		KV_STEPS_TEST(a_key_is_renamed_with_value_and_expiry),
		KV_STEPS_TEST(databases_change_places_with_all_that_is_theirs),
		KV_STEPS_TEST(a_key_is_copied_and_moved_between_databases),
		KV_STEPS_TEST(encodings_are_those_redis_would_tell),
		KV_STEPS_TEST(waiting_for_replicas_ends_by_the_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
