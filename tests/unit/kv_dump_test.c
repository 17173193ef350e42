/* SPDX-License-Identifier: BSD-3-Clause */
/* DUMP: short values byte for byte as Redis 7.0.15 answers, long ones in pieces. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/hash/crc64.h"
#include "lib/wire/lzf.h"
#include "lib/wire/rdb.h"
#include "tests/unit/kv_steps.h"

#define LONG_BYTES (1u << 20)

static const char *set(int c, const char *key, const uint8_t *value, uint32_t len)
{
	struct resp_arg argv[] = {
		{(const uint8_t *)"SET", 3}, {(const uint8_t *)key, 1}, {value, len}};

	return kv_rig_args(c, argv, ARRAY_SIZE(argv)).bytes;
}

/* The payload in the reply to DUMP @key. */
static const uint8_t *dump(int c, const char *key, uint32_t *len)
{
	const char *text = kv_rig_words(c, "DUMP", key, NULL);

	assert_int_equal(text[0], '$');
	*len = (uint32_t)atoi(text + 1);
	return (const uint8_t *)strchr(text, '\n') + 1;
}

/* Checks that @p says the value. */
static void check(const uint8_t *p, uint32_t len, const uint8_t *value, uint32_t value_len)
{
	struct rdb_string s;
	struct lzf_unpack u;

	assert_true(rdb_version_is_known(p, len));
	assert_true(rdb_crc(p, len) == crc64_jones(0, p, len - RDB_CRC_BYTES));
	assert_true(rdb_read(p, len, &s));
	assert_int_equal(s.len, value_len);
	if (s.form == RDB_PLAIN) {
		assert_memory_equal(s.bytes, value, value_len);
		return;
	}
	assert_int_equal(s.form, RDB_PACKED);
	u = (struct lzf_unpack){.in = s.bytes, .in_len = s.n_bytes, .out_len = value_len};
	u.out = malloc(value_len);
	assert_non_null(u.out);
	assert_int_equal(lzf_unpack_step(&u, UINT32_MAX), LZF_DONE);
	assert_memory_equal(u.out, value, value_len);
	free(u.out);
}

static void values_are_dumped_as_redis_does(void **state)
{
	static const struct {
		const char *value;
		const char *payload;
		uint32_t len;
	} cases[] = {
		{"x", "\x00\x01x\x0a\x00\x22\x80\x86\x5f\xbd\xe8\x48\xd0", 13},
		{"-129", "\x00\xc1\x7f\xff\x0a\x00\x17\x60\x82\x28\x54\x80\x84\x80", 14},
		{"aaaaaaaaaaaaaaaaaaaa",
			"\x00\x14"
			"aaaaaaaaaaaaaaaaaaaa\x0a\x00\x83\xb4\x6b\x5e\x1b\x11"
			"\xac\xf1",
			32},
		{"aaaaaaaaaaaaaaaaaaaaa",
			"\x00\xc3\x06\x15\x01\x61\x61\xe0\x0a\x00\x0a\x00\xfd"
			"\x0c\xb3\x68\x07\x41\x3f\x68",
			20},
		{"abcdefghijklmnopqrstu",
			"\x00\x15"
			"abcdefghijklmnopqrstu\x0a\x00\xad\x1c\x23\x02\x9a"
			"\x10\xe3\x06",
			33},
	};
	int c = kv_rig_connect(0);
	uint32_t len;

	KV_STEPS(c, {"dump nosuch", NIL},
		{"dump", "-ERR wrong number of arguments for 'dump' command\r\n"});
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const uint8_t *p;

		assert_string_equal(kv_rig_words(c, "SET", "k", cases[i].value, NULL), OK);
		p = dump(c, "k", &len);
		assert_int_equal(len, cases[i].len);
		assert_memory_equal(p, cases[i].payload, len);
	}
}

/* @kind 0: cannot be packed, 1: can, 2: its end cannot. */
static void fill(uint8_t *value, uint32_t len, unsigned kind)
{
	uint64_t x = 88172645463325252ULL;

	for (uint32_t i = 0; i < len; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		value[i] =
			kind == 0 || (kind == 2 && i > len / 32) ? (uint8_t)x : (uint8_t)(i / 100);
	}
}

static void long_values_are_dumped_in_pieces_while_others_are_served(void **state)
{
	static uint8_t value[LONG_BYTES];
	static const char ask[] = "*2\r\n$4\r\nDUMP\r\n$1\r\nk\r\n";
	int c = kv_rig_connect(0), other = kv_rig_connect(0);
	struct worker *w = kv_rig_worker(0);

	for (unsigned kind = 0; kind < 3; kind++) {
		struct kv_rig_reply reply;

		fill(value, LONG_BYTES, kind);
		assert_string_equal(set(c, "k", value, LONG_BYTES), OK);
		kv_client_input(w, kv_rig_client(c), (const uint8_t *)ask, sizeof(ask) - 1);
		assert_non_null(kv_rig_client(c)->lengthy);
		/* What it is now does not matter to what it was. */
		kv_client_input(w, kv_rig_client(other), (const uint8_t *)"SET k x\r\n", 9);
		assert_string_equal(kv_rig_take(other).bytes, OK);
		kv_rig_run();
		reply = kv_rig_take(c);
		check((const uint8_t *)strchr(reply.bytes, '\n') + 1,
			(uint32_t)atoi(reply.bytes + 1), value, LONG_BYTES);
	}
}

static void a_client_that_leaves_in_the_middle_leaves_nothing_behind(void **state)
{
	static uint8_t value[LONG_BYTES];
	static const char ask[] = "*2\r\n$4\r\nDUMP\r\n$1\r\nk\r\n";
	struct worker *w = kv_rig_worker(0);
	int c = kv_rig_connect(0);
	uint64_t used;

	fill(value, LONG_BYTES, 1);
	set(c, "k", value, LONG_BYTES);
	used = kv_shard_used_bytes(w->kv->shard);
	for (unsigned turns = 0; turns < 40; turns++) {
		int d = kv_rig_connect(0);

		kv_client_input(w, kv_rig_client(d), (const uint8_t *)ask, sizeof(ask) - 1);
		for (unsigned i = 0; i < turns * 5; i++)
			worker_turn(w);
		kv_rig_abort(d);
		kv_rig_run();
		assert_true(kv_shard_used_bytes(w->kv->shard) == used);
	}
}

static void dumps_in_a_transaction_are_whole(void **state)
{
	static uint8_t value[LONG_BYTES];
	int c = kv_rig_connect(0);
	const char *text;

	fill(value, LONG_BYTES, 1);
	set(c, "k", value, LONG_BYTES);
	KV_STEPS(c, {"multi", OK}, {"dump k", "+QUEUED\r\n"});
	text = strchr(kv_rig_text(c, "exec\r\n"), '$');
	check((const uint8_t *)strchr(text, '\n') + 1, (uint32_t)atoi(text + 1), value, LONG_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KV_STEPS_TEST(values_are_dumped_as_redis_does),
		KV_STEPS_TEST(long_values_are_dumped_in_pieces_while_others_are_served),
		KV_STEPS_TEST(a_client_that_leaves_in_the_middle_leaves_nothing_behind),
		KV_STEPS_TEST(dumps_in_a_transaction_are_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
