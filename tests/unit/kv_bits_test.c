/* SPDX-License-Identifier: BSD-3-Clause */
/* Strings as bits: SETBIT, GETBIT, BITCOUNT, BITPOS, BITOP, BITFIELD. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/unit/kv_steps.h"

#define NO_OFFSET "-ERR bit offset is not an integer or out of range\r\n"
#define NO_TYPE                                                                                    \
	"-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported "   \
	"but i64 is.\r\n"

static void bits_are_set_and_told(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"setbit a 7 1", ZERO}, {"getbit a 7", ONE}, {"getbit a 6", ZERO},
		{"setbit a 7 1", ONE}, {"setbit a 1 1", ZERO}, {"get a", "$1\r\nA\r\n"},
		{"setbit a 100 0", ZERO}, {"strlen a", ":13\r\n"}, {"getbit a 100000", ZERO},
		{"getbit nosuch 0", ZERO}, {"setbit a -1 1", NO_OFFSET},
		{"setbit a x 1", NO_OFFSET}, {"setbit a 4294967296 1", NO_OFFSET},
		{"setbit a 0 2", "-ERR bit is not an integer or out of range\r\n"});
}

static void bits_are_counted_in_a_range(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"bitcount a", ZERO}, {"set a foobar", OK}, {"bitcount a", ":26\r\n"},
		{"bitcount a 0 0", ":4\r\n"}, {"bitcount a 1 1", ":6\r\n"},
		{"bitcount a -2 -1", ":7\r\n"}, {"bitcount a 5 30 bit", ":17\r\n"},
		{"bitcount a 5 5 bit", ONE}, {"bitcount a -1 -2", ZERO}, {"bitcount a 3 2", ZERO},
		{"bitcount a 0", SYNTAX}, {"bitcount a 0 1 bits", SYNTAX},
		{"bitcount a 0 x", NOT_INT}, {"setrange a 299999 x", ":300000\r\n"},
		{"bitcount a", ":30\r\n"}, {"bitcount a 6 -1", ":4\r\n"});
}

static void the_first_bit_is_found_in_a_range(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"bitpos a 0", ZERO}, {"bitpos a 1", ":-1\r\n"},
		{"set a \"\\xff\\xf0\\x00\"", OK}, {"bitpos a 0", ":12\r\n"}, {"bitpos a 1", ZERO},
		{"bitpos a 1 2", ":-1\r\n"}, {"bitpos a 0 2", ":16\r\n"},
		{"bitpos a 0 0 0", ":-1\r\n"}, {"bitpos a 1 9 11 bit", ":9\r\n"},
		{"bitpos a 0 0 11 bit", ":-1\r\n"}, {"set a \"\\xff\\xff\"", OK},
		{"bitpos a 0", ":16\r\n"}, {"bitpos a 0 0 -1", ":-1\r\n"},
		{"bitpos a 0 5", ":-1\r\n"},
		{"bitpos a 2", "-ERR The bit argument must be 1 or 0.\r\n"},
		{"bitpos a 1 0 1 nibble", SYNTAX}, {"setrange b 299999 x", ":300000\r\n"},
		{"bitpos b 1", ":2399993\r\n"});
}

static void strings_are_combined_bit_by_bit(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"set a \"\\xf0\\x0f\\xaa\"", OK}, {"set b \"\\xff\\x00\"", OK},
		{"bitop and d a b", ":3\r\n"}, {"bitcount d", ":4\r\n"},
		{"bitop or d a b", ":3\r\n"}, {"bitcount d", ":16\r\n"},
		{"bitop xor d a b", ":3\r\n"}, {"bitcount d", ":12\r\n"},
		{"bitop not d a", ":3\r\n"}, {"bitcount d", ":12\r\n"},
		{"bitop and d a nosuch", ":3\r\n"}, {"bitcount d", ZERO},
		{"bitop or d nosuch", ZERO}, {"exists d", ZERO}, {"bitop nand d a", SYNTAX},
		{"bitop not d a b", "-ERR BITOP NOT must be called with a single source key.\r\n"},
		{"setrange a 299999 x", ":300000\r\n"}, {"bitop not a a", ":300000\r\n"},
		{"bitop not a a", ":300000\r\n"}, {"bitcount a", ":16\r\n"});
}

static void fields_are_read_and_written_at_any_bit(void **state)
{
	int c = kv_rig_connect(0);

	KV_STEPS(c, {"bitfield a set u8 0 255 get u8 0", "*2\r\n:0\r\n:255\r\n"},
		{"bitfield a get i8 0 get u4 4 get u16 #0", "*3\r\n:-1\r\n:15\r\n:65280\r\n"},
		{"bitfield a set i64 3 -1 get i64 3", "*2\r\n:-576460752303423488\r\n:-1\r\n"},
		{"bitfield a incrby u2 #1 1", "*1\r\n:0\r\n"},
		{"bitfield a set u2 0 3 overflow sat incrby u2 0 5 overflow fail incrby u2 0 1",
			"*3\r\n:3\r\n:3\r\n$-1\r\n"},
		{"bitfield a overflow sat incrby i5 100 100 incrby i5 100 -100",
			"*2\r\n:15\r\n:-16\r\n"},
		{"bitfield nosuch get u8 0", "*1\r\n:0\r\n"}, {"exists nosuch", ZERO},
		{"bitfield a", "*0\r\n"}, {"bitfield a get u64 0", NO_TYPE},
		{"bitfield a get x8 0", NO_TYPE}, {"bitfield a get u8 -1", NO_OFFSET},
		{"bitfield a get u8", SYNTAX},
		{"bitfield a overflow none", "-ERR Invalid OVERFLOW type specified\r\n"},
		{"bitfield a set u8 0 x", NOT_INT}, {"bitfield_ro a get u8 0", "*1\r\n:207\r\n"},
		{"bitfield_ro a set u8 0 1",
			"-ERR BITFIELD_RO only supports the GET subcommand\r\n"});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KV_STEPS_TEST(bits_are_set_and_told),
		KV_STEPS_TEST(bits_are_counted_in_a_range),
		KV_STEPS_TEST(the_first_bit_is_found_in_a_range),
		KV_STEPS_TEST(strings_are_combined_bit_by_bit),
		KV_STEPS_TEST(fields_are_read_and_written_at_any_bit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
