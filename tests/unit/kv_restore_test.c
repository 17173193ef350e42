/* SPDX-License-Identifier: BSD-3-Clause */
/* RESTORE: its options and errors, payloads that are cut, damaged or hostile. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/hash/crc64.h"
#include "lib/wire/rdb.h"
#include "tests/unit/kv_steps.h"

#define LONG_BYTES (1u << 20)
#define BUSY       "-BUSYKEY Target key name already exists.\r\n"
#define WRONG      "-ERR DUMP payload version or checksum are wrong\r\n"
#define BAD        "-ERR Bad data format\r\n"
#define ARGS_MAX   8

/* RESTORE @key with the payload and @words, of which the first is the time. */
static const char *restore(
	int c, const char *key, const uint8_t *p, uint32_t len, const char *words)
{
	struct resp_arg argv[ARGS_MAX + 4] = {
		{(const uint8_t *)"RESTORE", 7}, {(const uint8_t *)key, (uint32_t)strlen(key)}};
	uint32_t n = 2;

	while (words) {
		const char *end = strchrnul(words, ' ');

		argv[n++] = (struct resp_arg){(const uint8_t *)words, (uint32_t)(end - words)};
		if (n == 3)
			argv[n++] = (struct resp_arg){p, len};
		words = *end ? end + 1 : NULL;
	}
	return kv_rig_args(c, argv, n).bytes;
}

/* Gives @body, in memory of @size bytes, a footer; the length with it. */
static uint32_t close_payload(uint8_t *body, uint32_t len)
{
	rdb_write_footer(body + len, crc64_jones(0, body, len));
	return len + RDB_FOOTER_BYTES;
}

/* A payload that says "hello", for 15 bytes more than that. */
static uint32_t hello(uint8_t *out)
{
	memcpy(out, "\x00\x05hello", 7);
	return close_payload(out, 7);
}

static void the_options_do_what_they_say(void **state)
{
	int c = kv_rig_connect(0);
	uint8_t p[32];
	uint32_t n = hello(p);
	char text[64];

	assert_string_equal(restore(c, "k", p, n, "0"), OK);
	KV_STEPS(c, {"get k", "$5\r\nhello\r\n"}, {"ttl k", ":-1\r\n"},
		{"object encoding k", "$6\r\nembstr\r\n"});
	assert_string_equal(restore(c, "k", p, n, "0"), BUSY);
	assert_string_equal(restore(c, "k", p, n, "x"), BUSY);
	assert_string_equal(restore(c, "k", p, n, "50000 REPLACE"), OK);
	KV_STEPS(c, {"pttl k", ":50000\r\n"});
	assert_string_equal(restore(c, "k", p, n, "0 replace"), OK);
	KV_STEPS(c, {"ttl k", ":-1\r\n"});
	snprintf(text, sizeof(text), "%lu ABSTTL REPLACE", (unsigned long)kv_rig_now_ms() + 7);
	assert_string_equal(restore(c, "k", p, n, text), OK);
	KV_STEPS(c, {"pttl k", ":7\r\n"});
	/* A time that is over: the key is not there, not even the one before. */
	assert_string_equal(restore(c, "k", p, n, "1 ABSTTL REPLACE"), OK);
	KV_STEPS(c, {"exists k", ZERO});
	assert_string_equal(restore(c, "k", p, n, "9223372036854775807"), OK);
	KV_STEPS(c, {"exists k", ZERO});
	assert_string_equal(restore(c, "k", p, n, "9223372036854775807 absttl"), OK);
	KV_STEPS(c, {"exists k", ONE}, {"pexpiretime k", ":9223372036854775807\r\n"});
	assert_string_equal(restore(c, "i", p, n, "0 idletime 1000"), OK);
	KV_STEPS(c, {"object idletime i", ":1000\r\n"});
	assert_string_equal(restore(c, "i", p, n, "0 replace freq 100"), OK);
	KV_STEPS(c, {"object idletime i", ZERO}, {"config set maxmemory-policy allkeys-lfu", OK});
	assert_string_equal(restore(c, "i", p, n, "0 replace freq 100"), OK);
	KV_STEPS(c, {"object freq i", ":100\r\n"});
}

static void mistakes_are_told_in_the_order_of_redis(void **state)
{
	static const struct {
		const char *words;
		const char *reply;
	} cases[] = {
		{"0 nosuch", SYNTAX},
		{"0 idletime", SYNTAX},
		{"0 freq", SYNTAX},
		{"0 idletime 1 freq 1", SYNTAX},
		{"0 freq 1 idletime 1", SYNTAX},
		{"0 idletime x", NOT_INT},
		{"0 idletime -1", "-ERR Invalid IDLETIME value, must be >= 0\r\n"},
		{"0 freq 256", "-ERR Invalid FREQ value, must be >= 0 and <= 255\r\n"},
		{"0 freq -1", "-ERR Invalid FREQ value, must be >= 0 and <= 255\r\n"},
		{"x", NOT_INT},
		{"-1", "-ERR Invalid TTL value, must be >= 0\r\n"},
		{"0", WRONG},
	};
	int c = kv_rig_connect(0);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(
			restore(c, "k", (const uint8_t *)"...", 3, cases[i].words), cases[i].reply);
	KV_STEPS(c, {"exists k", ZERO},
		{"restore k 0", "-ERR wrong number of arguments for 'restore' command\r\n"});
}

static void a_payload_that_is_cut_or_damaged_is_refused(void **state)
{
	int c = kv_rig_connect(0);
	uint8_t p[32];
	uint32_t n = hello(p);

	for (uint32_t len = 0; len < n; len++)
		assert_string_equal(restore(c, "k", p, len, "0"), WRONG);
	for (uint32_t bit = 0; bit < n * 8; bit++) {
		p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_string_equal(restore(c, "k", p, n, "0"), WRONG);
		p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_string_equal(restore(c, "k", p, n, "0"), OK);
}

static void a_hostile_payload_is_refused_though_its_checksum_is_right(void **state)
{
	static const struct {
		const char *body;
		uint32_t len;
	} cases[] = {
		{"\x01\x00", 2},                                           /* another type */
		{"\xff\x00", 2},                                           /* none */
		{"\x00\x81\xff\xff\xff\xff\xff\xff\xff\xffx", 11},         /* without end */
		{"\x00\x82\x00\x00\x00\x01x", 7},                          /* no length */
		{"\x00\xc4\x00", 3},                                       /* no encoding */
		{"\x00\xc3\x02\x02\x00x", 6},                              /* shorter than said */
		{"\x00\xc3\x02\x00\x00x", 6},                              /* longer */
		{"\x00\xc3\x04\x04\x00x\x20\x01", 8},                      /* before its start */
		{"\x00\xc3\x03\x80\x1f\xff\xff\xff\x00x\xe0", 11},         /* a bomb */
		{"\x00\xc3\x05\x41\x08\x00x\xe0\xff\x00", 10},             /* less than it says */
		{"\x00\xc3\x81\xff\xff\xff\xff\xff\xff\xff\xff\x01x", 13}, /* packed without end */
	};
	int c = kv_rig_connect(0);
	uint64_t used = kv_shard_used_bytes(kv_rig_worker(0)->kv->shard);

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t p[64];

		memcpy(p, cases[i].body, cases[i].len);
		assert_string_equal(restore(c, "k", p, close_payload(p, cases[i].len), "0"), BAD);
		assert_true(kv_shard_used_bytes(kv_rig_worker(0)->kv->shard) == used);
	}
}

/* The body of a packed value of @copies * 264 + 1 bytes, all "x"; its length. */
static uint32_t bomb(uint8_t *out, uint32_t copies)
{
	uint32_t n = rdb_write_packed(out, 2 + 3 * copies, 1 + 264 * copies);

	memcpy(out + n, "\x00x", 2);
	n += 2;
	for (uint32_t i = 0; i < copies; i++, n += 3)
		memcpy(out + n, "\xe0\xff\x00", 3);
	return n;
}

static void a_long_value_comes_in_pieces_while_others_are_served(void **state)
{
	static uint8_t p[LONG_BYTES];
	uint32_t copies = 60000, n = close_payload(p, bomb(p, copies));
	int c = kv_rig_connect(0), other = kv_rig_connect(0);
	struct worker *w = kv_rig_worker(0);
	char head[80], text[32];

	snprintf(head, sizeof(head), "*4\r\n$7\r\nRESTORE\r\n$1\r\nk\r\n$1\r\n0\r\n$%u\r\n", n);
	kv_rig_push(c, head, strlen(head));
	kv_rig_push(c, p, n);
	kv_rig_push(c, "\r\n", 2);
	kv_rig_run();
	assert_string_equal(kv_rig_take(c).bytes, OK);
	snprintf(text, sizeof(text), ":%u\r\n", 1 + 264 * copies);
	assert_string_equal(kv_rig_text(c, "strlen k\r\n"), text);
	/* One that is made meanwhile is in the way. */
	assert_string_equal(kv_rig_text(c, "del k\r\n"), ONE);
	kv_client_input(w, kv_rig_client(c), (const uint8_t *)head, (uint32_t)strlen(head));
	for (uint32_t at = 0, took; at < n; at += took) {
		took = kv_client_input(w, kv_rig_client(c), p + at, n - at);
		assert_true(took > 0);
	}
	kv_client_input(w, kv_rig_client(c), (const uint8_t *)"\r\n", 2);
	assert_non_null(kv_rig_client(c)->lengthy);
	kv_client_input(w, kv_rig_client(other), (const uint8_t *)"SET k v\r\n", 9);
	assert_string_equal(kv_rig_take(other).bytes, OK);
	kv_rig_run();
	assert_string_equal(kv_rig_take(c).bytes, BUSY);
	assert_string_equal(kv_rig_text(c, "get k\r\n"), "$1\r\nv\r\n");
}

/* A short payload that says much begins to be unpacked where it came in, and goes on in a copy. */
static void a_payload_may_be_overwritten_when_it_was_taken(void **state)
{
	static uint8_t p[LONG_BYTES];
	uint32_t copies = 200, at, n;
	uint8_t body[1024];
	int c = kv_rig_connect(0);
	char text[32];

	n = close_payload(body, bomb(body, copies));
	at = (uint32_t)snprintf(
		(char *)p, sizeof(p), "*4\r\n$7\r\nRESTORE\r\n$1\r\nk\r\n$1\r\n0\r\n$%u\r\n", n);
	memcpy(p + at, body, n);
	memcpy(p + at + n, "\r\n", 2);
	kv_client_input(kv_rig_worker(0), kv_rig_client(c), p, at + n + 2);
	assert_non_null(kv_rig_client(c)->lengthy);
	memset(p, '?', sizeof(p));
	kv_rig_run();
	assert_string_equal(kv_rig_take(c).bytes, OK);
	snprintf(text, sizeof(text), ":%u\r\n", 1 + 264 * copies);
	assert_string_equal(kv_rig_text(c, "strlen k\r\n"), text);
}

static void a_value_without_room_is_refused(void **state)
{
	static uint8_t p[LONG_BYTES];
	uint32_t copies = 250000; /* 66 MB in a store of 64 */
	int c = kv_rig_connect(0);
	uint64_t used = kv_shard_used_bytes(kv_rig_worker(0)->kv->shard);

	assert_string_equal(restore(c, "k", p, close_payload(p, bomb(p, copies)), "0"),
		"-OOM command not allowed when used memory > 'maxmemory'.\r\n");
	kv_rig_run();
	assert_true(kv_shard_used_bytes(kv_rig_worker(0)->kv->shard) <= used + 4096);
	KV_STEPS(c, {"exists k", ZERO});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		KV_STEPS_TEST(the_options_do_what_they_say),
		KV_STEPS_TEST(mistakes_are_told_in_the_order_of_redis),
		KV_STEPS_TEST(a_payload_that_is_cut_or_damaged_is_refused),
		KV_STEPS_TEST(a_hostile_payload_is_refused_though_its_checksum_is_right),
		KV_STEPS_TEST(a_long_value_comes_in_pieces_while_others_are_served),
		KV_STEPS_TEST(a_payload_may_be_overwritten_when_it_was_taken),
		KV_STEPS_TEST(a_value_without_room_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
